"""Similarity: copies are found whatever they call things; right answers alike are not accused."""

import csv
import json
import re
import statistics
import time

import pytest

from exercises.assignment import Assignment, grading, shown
from exercises.grading import similarity
from exercises.grading.similarity import authored, fingerprints, pairs, text, tokens, write
from tests.exercises.small_class import Student, attempt, course, notebook, result

NAME = "gradient-descent"
FUNCTIONS = ("gd", "optimal_lr", "predict_steps")

# Three right solutions, written independently of each other, and of the instructor's.
BY_COUNTING = '''
def gd(grad, x0, lr, steps, tol):
    """Gradient descent from x0; returns path, diverged."""
    x = np.asarray(x0, float).copy()
    path = [x.copy()]
    g = grad(x)
    n0 = np.sqrt(np.sum(g ** 2))
    for t in range(steps + 1):
        g = grad(x)
        n = np.sqrt(np.sum(g ** 2))
        if n <= tol:
            break
        if np.isnan(n) or n > 1e6 * n0:
            return np.vstack(path), True
        if t < steps:
            x = x - lr * g
            path.append(x.copy())
    return np.vstack(path), False
def optimal_lr(H):
    """The best learning rate for f(x) = x @ H @ x / 2; ValueError if there is none."""
    H = np.array(H, dtype=float)
    if abs(H - H.T).max() > 1e-8 * abs(H).max():
        raise ValueError("not symmetric")
    w, _ = np.linalg.eigh(H)
    mu, L = min(w), max(w)
    if mu <= 1e-12 * L:
        raise ValueError("not positive definite")
    return 2.0 / (L + mu)
def predict_steps(H, tol):
    """Steps at the best learning rate until the distance is tol times that at the start."""
    lr = optimal_lr(H)
    w = np.linalg.eigh(np.array(H, dtype=float))[0]
    rho = 1 - lr * w[0]
    if rho < 1e-14:
        return 1
    t = 1
    while rho ** t > tol:
        t += 1
    return t
'''

BY_FLAG = '''
def gd(grad, x0, lr, steps, tol):
    """Gradient descent from x0; returns path, diverged."""
    point = np.array([float(v) for v in x0])
    points = [point]
    diverged = False
    first = np.linalg.norm(grad(point))
    done = 0
    while not diverged:
        slope = grad(points[-1])
        size = np.linalg.norm(slope)
        if size <= tol:
            break
        elif size > 1e6 * first or not np.isfinite(size):
            diverged = True
        elif done == steps:
            break
        else:
            points.append(points[-1] - lr * slope)
            done += 1
    return np.array(points), diverged
def optimal_lr(H):
    """The best learning rate for f(x) = x @ H @ x / 2; ValueError if there is none."""
    A = np.asarray(H)
    if A.shape[0] != A.shape[1] or not np.allclose(A, A.T):
        raise ValueError("H is not symmetric")
    eigenvalues = np.linalg.eigvalsh(A)
    smallest, largest = eigenvalues.min(), eigenvalues.max()
    if smallest <= 0:
        raise ValueError("H is not positive definite")
    return float(2 / (largest + smallest))
def predict_steps(H, tol):
    """Steps at the best learning rate until the distance is tol times that at the start."""
    step = optimal_lr(H)
    eigenvalues = np.linalg.eigvalsh(np.asarray(H))
    factor = max(abs(1 - step * eigenvalues))
    if factor < 1e-12:
        return 1
    return max(1, math.ceil(math.log(tol, factor)))
'''

BY_THE_TEXT = '''
def gd(grad, x0, lr, steps, tol):
    """Gradient descent from x0; returns path, diverged."""
    x = np.array(x0, dtype=float)
    path = [x]
    limit = 1e6 * np.linalg.norm(grad(x))
    while True:
        g = grad(x)
        length = np.linalg.norm(g)
        if length <= tol:
            return np.array(path), False
        if not (length <= limit):
            return np.array(path), True
        if len(path) == steps + 1:
            return np.array(path), False
        x = x - lr * g
        path.append(x)
def optimal_lr(H):
    """The best learning rate for f(x) = x @ H @ x / 2; ValueError if there is none."""
    if not np.allclose(H, H.T):
        raise ValueError("H must be symmetric")
    eig = np.linalg.eigvalsh(H)
    if eig[0] <= 0:
        raise ValueError("H must be positive definite")
    return 2 / (eig[0] + eig[-1])
def predict_steps(H, tol):
    """Steps at the best learning rate until the distance is tol times that at the start."""
    optimal_lr(H)
    eig = np.linalg.eigvalsh(H)
    rho = (eig[-1] - eig[0]) / (eig[-1] + eig[0])
    if rho <= tol:
        return 1
    return int(np.ceil(np.log(tol) / np.log(rho)))
'''

NAMES = {
    "x": "position", "path": "trail", "n0": "at_start", "n": "size", "g": "uphill", "t": "turn",
    "w": "curvatures", "mu": "low", "L": "high", "rho": "rate", "lr": "lr",
}  # fmt: skip


def disguised(code):
    """A copy with other names, comments, blank lines, quotes and docstrings."""
    code = re.sub(r"\b[A-Za-z]\w*\b", lambda m: NAMES.get(m[0], m[0]), code)
    code = re.sub(r'    """.*"""', "    'My own work.'\n\n    # first of all", code)
    return code.replace('"', "'").replace("\n        ", "\n\n        ")


def reordered(code):
    """The same functions from last to first."""
    return "".join(split(code).values().__reversed__())


def split(code):
    parts = re.split(r"(?m)^(?=def )", code.strip() + "\n")[1:]
    return {re.match(r"def (\w+)", part)[1]: part for part in parts}


@pytest.fixture(scope="module")
def sheet():
    return Assignment(NAME)


@pytest.fixture(scope="module")
def instructors(sheet):
    lines = {c["metadata"]["nbgrader"]["grade_id"]: c["source"] for c in sheet.cells}
    return "\n".join(lines[name] for name in FUNCTIONS)


@pytest.fixture
def compared(tmp_path, sheet):
    """compared(name=code, ...) -> (course, results, rows) of a class that handed these in."""

    def compare(**codes):
        made = course(tmp_path, [Student(name) for name in codes])
        found = []
        for name, code in codes.items():
            if isinstance(code, str):
                cells = dict.fromkeys((*FUNCTIONS, "m1_plot"), "") | {"gd": code}
                code = notebook(sheet, cells)
            found.append(result(made.students[name], attempt(tmp_path, code)))
        return made, found, pairs(made, NAME, found)

    return compare


@pytest.mark.parametrize("code", [BY_COUNTING, BY_FLAG, BY_THE_TEXT])
def test_the_solutions_of_this_file_are_right_and_so_are_their_copies(code, sheet, cases, grade):
    for copy in (code, disguised(code), reordered(code)):
        verdicts = grade(["import math\nimport numpy as np", copy], cases(sheet, 0))
        assert {title: said for title, said in verdicts.items() if said} == {}


def test_copies_with_other_names_and_in_another_order_are_found(compared):
    _, _, rows = compared(
        a=BY_COUNTING, b=BY_FLAG, c=BY_THE_TEXT, d=disguised(BY_COUNTING), e=reordered(BY_FLAG)
    )
    listed = {(row.one, row.other): row for row in rows if row.listed}
    assert set(listed) == {("a", "d"), ("b", "e")}
    assert listed["a", "d"].similarity > 0.95
    assert listed["b", "e"].similarity > 0.9
    assert all(row.usual < 0.3 for row in rows)


def test_independent_solutions_are_not_listed(compared, instructors):
    _, _, rows = compared(a=BY_COUNTING, b=BY_FLAG, c=BY_THE_TEXT, d=instructors)
    assert rows == []


def test_two_cells_or_one_make_no_difference(compared, sheet):
    whole = notebook(sheet, {"gd": BY_COUNTING, "optimal_lr": "", "predict_steps": ""})
    apart = notebook(sheet, {name: code for name, code in split(disguised(BY_COUNTING)).items()})
    _, _, rows = compared(a=whole, b=apart, c=BY_FLAG)
    assert [(row.one, row.other, row.listed) for row in rows] == [("a", "b", True)]


def test_where_all_are_alike_nobody_stands_out(compared):
    """The base rate: a class that follows one recipe gives no reason to suspect two of it."""
    recipe = {f"s{i}": BY_THE_TEXT.replace("limit", f"limit{i}") for i in range(6)}
    _, _, rows = compared(**recipe)
    assert len(rows) == 15
    assert all(row.similarity == row.usual == 1 and not row.listed for row in rows)


def test_what_is_usual_is_the_median_over_all_others(compared, monkeypatch):
    """Worked out again the slow way."""
    monkeypatch.setattr(similarity, "LEAST", 0.0)
    kinds = [BY_COUNTING, BY_FLAG, BY_THE_TEXT, reordered(BY_FLAG), BY_COUNTING + BY_THE_TEXT]
    for size in (3, 4, 5):
        _, _, rows = compared(**{f"s{i}": code for i, code in enumerate(kinds[:size])})
        assert len(rows) == size * (size - 1) // 2
        alike = {(row.one, row.other): row.similarity for row in rows}
        alike |= {(other, one): value for (one, other), value in alike.items()}
        for row in rows:
            rest = {name for pair in alike for name in pair} - {row.one, row.other}
            each = [
                statistics.median(alike[name, k] for k in rest) for name in (row.one, row.other)
            ]
            assert row.usual == max(each)


def test_who_hides_a_copy_in_much_else_is_found(compared):
    _, _, rows = compared(a=BY_COUNTING, b=BY_FLAG + disguised(BY_COUNTING), c=BY_THE_TEXT)
    assert ("a", "b", True) in [(row.one, row.other, row.listed) for row in rows]


def test_passages_are_shown_as_they_were_written(compared):
    made, _, rows = compared(a=BY_COUNTING, b=BY_FLAG, c=disguised(BY_COUNTING))
    (row,) = rows
    one, other = row.passages[0]
    assert "if np.isnan(n) or n > 1e6 * n0:" in one
    assert "if np.isnan(size) or size > 1e6 * at_start:" in other
    told = text(rows, NAME)
    assert "a and c: 1.00; usual: 0." in told
    assert "    |         if np.isnan(n) or n > 1e6 * n0:" in told


def test_the_report_cannot_command_a_terminal(compared):
    evil = BY_COUNTING.replace("x = x - lr * g", "x = x - lr * g  # \x1b[2J\x9b\u202e")
    _, _, rows = compared(a=evil, b=BY_FLAG, c=BY_COUNTING)
    told = text(rows, NAME)
    assert "x - lr * g  #" in told
    assert all(char.isprintable() or char == "\n" for char in told)


def test_the_sheet_itself_and_stubs_do_not_count(sheet, compared):
    released = {grading(cell)["grade_id"]: shown(cell) for cell in sheet.cells}
    assert authored(notebook(sheet, released), sheet) == ""
    _, _, rows = compared(a=notebook(sheet, released), b=notebook(sheet, released))
    assert rows == []
    tests = "".join(text for name, text in released.items() if name.startswith("test_"))
    edited = {name: text + "\n# tried" for name, text in released.items()}
    assert "def gd" in authored(notebook(sheet, edited), sheet)
    _, _, rows = compared(a=tests + BY_FLAG + tests, b=BY_COUNTING + tests, c=BY_THE_TEXT)
    assert rows == []
    _, _, rows = compared(a=notebook(sheet, edited), b=notebook(sheet, edited))
    assert rows == []


def test_a_class_of_two_has_no_base_rate_and_says_so(compared):
    _, _, rows = compared(a=BY_COUNTING, b=disguised(BY_COUNTING))
    assert rows[0].usual is None and rows[0].listed
    assert "usual: unknown" in text(rows, NAME)


@pytest.mark.parametrize(
    "data",
    [b"", b"\xff\xfe", b"[]", b"{}", b'{"cells": 3}', b'{"cells": [1]}', b"[" * 200_000,
     b"1" * 10_000, b'{"cells": [{"cell_type": "code"}]}'],
)  # fmt: skip
def test_a_file_that_is_no_notebook_is_in_no_pair(compared, sheet, data):
    assert authored(data, sheet) == ""
    _, _, rows = compared(a=BY_COUNTING, b=data, c=data + b" ")
    assert rows == []


def test_spoilt_metadata_hides_no_copy(compared):
    cells = [
        {"cell_type": "code", "metadata": {"nbgrader": {"grade_id": []}}, "source": 5},
        {"cell_type": "code", "metadata": [], "source": disguised(BY_COUNTING).splitlines(True)},
        {"cell_type": "code", "source": [["x"], "y = 1"]},
        "no cell",
    ]
    spoilt = json.dumps({"cells": cells}).encode()
    _, _, rows = compared(a=BY_COUNTING, b=spoilt, c=BY_FLAG)
    assert [(row.one, row.other) for row in rows if row.listed] == [("a", "b")]


def test_code_that_does_not_parse_is_compared_too(compared):
    broken = BY_COUNTING.replace("return np.vstack(path), True", 'return "np.vstack(path), True')
    _, _, rows = compared(a=broken, b=disguised(BY_COUNTING), c=BY_FLAG)
    assert [(row.one, row.other) for row in rows if row.listed] == [("a", "b")]


def test_missing_students_are_in_no_pair(tmp_path):
    made = course(tmp_path, [Student("a"), Student("b")])
    found = [result(student) for student in made.students.values()]
    assert pairs(made, NAME, found) == []
    assert "pairs of students that stand out: none" in text([], NAME)


def test_the_tokens():
    code = 'def f(a):\n    """Say."""\n    # why\n'
    code += '    return np.sum(a, axis=0) + 1_0 * "x" == b[1.5e-3:]'
    said = "def v ( v ) : return v . sum ( v , v = 0.0 ) + 10.0 * s == v [ 0.0015 : ]"
    assert [word for word, _ in tokens(code)] == said.split()
    assert [line for word, line in tokens(code) if word in ("def", "return")] == [1, 4]


def test_winnowing_sees_every_shared_passage_of_the_guaranteed_length():
    enough = similarity.K + similarity.WINDOW - 1
    shared = [f"a.{word}" for word in "bcdefghijklmnopqrstuvwxyz"]
    for start in range(8):
        passage = " ".join(shared[start : start + (enough + 2) // 3 + 1])  # three tokens each
        one = fingerprints(f"if 1 < 2 + 3: {passage} while 7 * 8: return 9 ** 4")
        other = fingerprints(f"x[5] = not y; z[6] |= 1; w[2] %= 3; {passage} del q[4], p[1], r[2]")
        assert one.keys() & other.keys()


def test_the_file_is_the_same_whatever_the_order_and_the_process(compared, monkeypatch):
    made, found, rows = compared(a=BY_COUNTING, b=BY_FLAG, c=disguised(BY_COUNTING))
    paths = write(made, NAME, rows)
    once = [path.read_bytes() for path in paths]
    write(made, NAME, pairs(made, NAME, found[::-1]))
    assert [path.read_bytes() for path in paths] == once
    (row,) = csv.DictReader(once[0].decode().splitlines())
    assert (row["student"], row["other"], row["stands_out"]) == ("a", "c", "yes")
    # a number that would change if hashes were salted, as Python's are
    assert sum(fingerprints("while a < b.c: a = a + b.d(a, 3) - 4 * a[1:2]")) == 5_100_171_871


def test_no_text_takes_long():
    start = time.monotonic()
    for code in ('"' + '\\"' * 90_000 + "\\", "'" + "\\'" * 90_000 + "\\", '"' * 99_999 + "\\"):
        similarity.fingerprints(code)
    assert time.monotonic() - start < 5
