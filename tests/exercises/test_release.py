"""The student notebook: what is in it, what is not, and which sources are refused."""

import copy
import json
import shutil
import subprocess
import sys

import nbformat
import pytest

from exercises.assignment import (
    SELF_CHECK,
    Assignment,
    SourceError,
    grading,
    read_notebook,
    shown,
)
from exercises.release import checksum, release, student_version
from exercises.selfcheck import TEXT_ID


def test_the_student_version_is_valid_and_clean(assignment, tmp_path):
    path = release(assignment, tmp_path)
    assert path == tmp_path / assignment.name / f"{assignment.name}.ipynb"
    nbformat.validate(nbformat.read(path, 4))
    notebook = read_notebook(path)
    *cells, hint, check = notebook["cells"]
    assert [grading(cell)["grade_id"] for cell in (hint, check)] == [TEXT_ID, SELF_CHECK]
    for cell in notebook["cells"]:
        assert not cell.get("outputs") and cell.get("execution_count") is None
    for cell, source in zip(cells, assignment.cells, strict=True):
        assert cell["id"] == source["id"]
        assert "SOLUTION" not in cell["source"]
        if grading(cell)["solution"]:
            stub = {"code": "raise NotImplementedError()", "markdown": "YOUR ANSWER HERE"}
            assert stub[cell["cell_type"]] in cell["source"]
        else:
            assert cell["source"] == source["source"]


def test_cells_are_locked_as_nbgrader_does(assignment):
    for cell in student_version(assignment)["cells"]:
        meta, flags = grading(cell), cell["metadata"]
        assert flags["deletable"] is False
        assert ("editable" in flags) == (not meta["solution"])
        assert meta["cell_type"] == cell["cell_type"]
        assert meta["checksum"] == checksum(cell)


def test_checksums_are_those_of_nbgrader():
    """Values that nbgrader 0.9.6 gave for these cells."""
    made = {
        ("code", True, False): "a6b23c20721112f8612e3d6a019b0e56",
        ("markdown", True, True): "20d9a096fe1f199b08b670d90b634e03",
        ("markdown", False, False): "d8bfa0ec8acab9e925b20d8f1649bc96",
    }
    for (kind, grade, solution), expected in made.items():
        meta = {"grade": grade, "solution": solution, "locked": not solution, "task": False}
        meta |= {"schema_version": 3, "grade_id": "q-1"} | ({"points": 2} if grade else {})
        cell = {"cell_type": kind, "source": "x = 'é'\n", "metadata": {"nbgrader": meta}}
        assert checksum(cell) == expected


def test_same_source_same_bytes(assignment, tmp_path):
    first = release(assignment, tmp_path / "a").read_bytes()
    assert release(Assignment(assignment.folder), tmp_path / "b").read_bytes() == first
    assert first.endswith(b"}\n") and b"\r" not in first
    other_order = Assignment(assignment.folder)
    for cell in other_order.cells:
        meta = cell["metadata"].pop("nbgrader")
        cell["metadata"] = {"nbgrader": dict(reversed(meta.items()))}
    assert release(other_order, tmp_path / "c").read_bytes() == first


def test_stored_outputs_do_not_reach_the_student(assignment):
    loud = copy.copy(assignment)
    loud.notebook = copy.deepcopy(assignment.notebook)
    for cell in loud.cells:
        if cell["cell_type"] == "code":
            cell["outputs"] = [{"output_type": "stream", "name": "stdout", "text": ["secret"]}]
            cell["execution_count"] = 7
    loud.notebook["metadata"]["secret"] = True
    assert student_version(loud) == student_version(assignment)


def test_stubs_keep_the_indentation():
    region = f"        {BEGIN}\n        y\n        {END}"
    cell = {"cell_type": "code", "source": f"def f(x):\n    if x:\n{region}\n    z"}
    stub = "        # YOUR CODE HERE\n        raise NotImplementedError()"
    assert shown(cell) == f"def f(x):\n    if x:\n{stub}\n    z"


@pytest.fixture
def broken(tmp_path):
    """broken(change) -> an assignment like the first one, its notebook changed by change(cells)."""

    def broken(change, hidden=lambda text: text):
        folder = tmp_path / "broken"
        shutil.copytree(Assignment("gradient-descent").folder, folder)
        notebook = json.loads((folder / "source.ipynb").read_text("utf-8"))
        by_id = {c["metadata"]["nbgrader"]["grade_id"]: c for c in notebook["cells"]}
        for cell in notebook["cells"]:
            cell["source"] = "".join(cell["source"])
        change(by_id)
        (folder / "source.ipynb").write_text(json.dumps(notebook), "utf-8")
        text = (folder / "hidden.py").read_text("utf-8")
        (folder / "hidden.py").write_text(hidden(text), "utf-8")
        return Assignment(folder)

    return broken


def meta(grade_id, /, **changes):
    def change(cells):
        given = cells[grade_id]["metadata"]["nbgrader"]
        for key, value in changes.items():
            given[key] = value
            if value is None:
                del given[key]

    return change


def text(grade_id, old, new):
    def change(cells):
        assert old in cells[grade_id]["source"]
        cells[grade_id]["source"] = cells[grade_id]["source"].replace(old, new)

    return change


BEGIN, END = "### BEGIN SOLUTION", "### END SOLUTION"
REFUSED = {
    "no end": (text("gd", END, ""), "BEGIN SOLUTION without ### END SOLUTION"),
    "no begin": (text("gd", BEGIN, ""), "END SOLUTION without ### BEGIN SOLUTION"),
    "nested": (text("gd", BEGIN, f"{BEGIN}\n    {BEGIN}"), "inside the region that line 3 began"),
    "one space too many": (text("gd", BEGIN, "###  BEGIN SOLUTION"), "looks like a marker"),
    "lower case": (text("gd", END, "### end solution"), "looks like a marker and is none"),
    "underscore": (text("m1_essay", BEGIN, "### BEGIN_SOLUTION"), "looks like a marker"),
    "plural": (text("gd", BEGIN, "### BEGIN SOLUTIONS"), "looks like a marker"),
    "hidden tests in the notebook": (
        text("test_gd", "path, diverged = answer", "### BEGIN HIDDEN TESTS"),
        "a hidden test in hidden.py",
    ),
    "region in a test cell": (
        text("test_gd", "path, diverged = answer", f"{BEGIN}\n{END}"),
        r"\(test_gd\): has a solution region but is not marked as a solution cell",
    ),
    "solution cell without a region": (
        lambda cells: cells["gd"].update(source="gd = 1"),
        r"cell 4 \(gd\): is a solution cell without ### BEGIN SOLUTION",
    ),
    "same grade_id": (meta("test_gd", grade_id="gd"), "grade_id 'gd' is already that of cell 4"),
    "same cell id": (lambda cells: cells["gd"].update(id="setup"), "id 'setup' is already that of"),
    "no cell id": (lambda cells: cells["gd"].pop("id"), "has no id"),
    "no points": (meta("test_gd", points=None), r"\(test_gd\): is graded and has points None"),
    "no points for the essay": (meta("m1_essay", points=0), "points 0: set a positive number"),
    "negative points": (meta("test_gd", points=-1), "points -1: set a positive number"),
    "text for points": (meta("test_gd", points="3"), "points '3': set a positive number"),
    "points without a grade": (meta("gd", points=3), "points 3 but is not marked as graded"),
    "bad grade_id": (meta("gd", grade_id="my gd"), "grade_id is 'my gd'; it needs letters"),
    "the self-check's": (
        meta("gd", grade_id="self_check"),
        "is that of a cell which the release adds",
    ),
    "no grade_id": (meta("gd", grade_id=None), "grade_id is None"),
    "old schema": (meta("gd", schema_version=1), "schema_version is 1"),
    "no solution key": (meta("gd", solution=None), "needs solution: true or false"),
    "test cell open": (meta("test_gd", locked=False), "a test cell that is not locked"),
    "task cell": (meta("m1_text", task=True), "is a task cell"),
    "graded text": (meta("m1_text", grade=True, points=3), "needs both grade and solution"),
    "metadata not an object": (
        lambda cells: cells["gd"]["metadata"].update(nbgrader=[]),
        "nbgrader metadata is .., not an object",
    ),
    "points do not add up": (
        meta("test_gd", points=11),
        "has 11 points and its hidden cases add up to 10",
    ),
    "function renamed": (text("gd", "def gd(", "def descend("), "calls gd, which no solution cell"),
    "the solution also stands in a text": (
        text("e1_text", "Return two", "Write `length_here = np.linalg.norm(uphill)`. Return"),
        "also stands elsewhere: 'length_here = np.linalg.norm",
    ),
    "the essay also stands in a text": (
        text(
            "m1_text",
            "Does that matter?",
            "so that a start drawn from any density misses it with probability one",
        ),
        "also stands elsewhere: .*start drawn from any density",
    ),
    "the source is not Python": (
        text("setup", "import numpy", "%matplotlib inline\nimport numpy"),
        r"cell 2 \(setup\): is not Python",
    ),
    "the stub is not Python": (
        lambda cells: cells["optimal_lr"].update(
            source=f"def optimal_lr(H):\n    lr = (\n{BEGIN}\n1\n{END}\n)\n    return lr"
        ),
        "cell 7, as the student gets it: is not Python",
    ),
}


@pytest.mark.parametrize(("change", "says"), REFUSED.values(), ids=REFUSED)
def test_a_faulty_source_is_refused_and_told_why(broken, tmp_path, change, says):
    assignment = broken(change)
    with pytest.raises(SourceError, match=says):
        release(assignment, tmp_path / "out")
    assert not (tmp_path / "out").exists()


REFUSED_HIDDEN = {
    "unknown question": ('"test_optimal_lr"', '"test_lr"', "is for question 'test_lr'; the test"),
    "same title": ("works in one dimension", "leaves x0 as it was", "two cases have the title"),
    "points": ("slack=0, unchanged", "slack=0, bonus=1, unchanged", None),
    "other points": ("points=0.5, slack", "points=0.25, slack", "hidden cases add up to"),
}


@pytest.mark.parametrize(("old", "new", "says"), REFUSED_HIDDEN.values(), ids=REFUSED_HIDDEN)
def test_hidden_tests_that_do_not_fit_are_refused(broken, tmp_path, old, new, says):
    assignment = broken(lambda cells: None, lambda text: text.replace(old, new))
    if says is None:  # the harness itself: a change that harms nothing is released
        release(assignment, tmp_path / "out")
        return
    with pytest.raises(SourceError, match=says):
        release(assignment, tmp_path / "out")


def test_all_problems_are_told_at_once(broken, tmp_path):
    def two(cells):
        meta("test_gd", points=None)(cells)
        text("optimal_lr", END, "")(cells)

    with pytest.raises(SourceError, match="(?s)test_gd.*optimal_lr"):
        release(broken(two), tmp_path / "out")


def test_not_a_notebook(tmp_path):
    (tmp_path / "source.ipynb").write_text("{ this is no JSON")
    with pytest.raises(SourceError, match="is not a notebook of format 4"):
        Assignment(tmp_path)
    with pytest.raises(SourceError, match="one of these names: .*gradient-descent"):
        Assignment("gradient-decent")


def test_the_seed_comes_from_a_private_file(broken):
    assignment = broken(lambda cells: None)
    seed = assignment.folder / "seed.txt"
    for content in (None, "", "my birthday", "-1"):
        if content is not None:
            seed.write_text(content)
        with pytest.raises(SourceError, match="seed.txt should hold the seed of the hidden tests"):
            assignment.cases()
    seed.write_text("20260914\n")
    ours = [case.request for case in assignment.cases()]
    assert ours == [case.request for case in assignment.cases(20260914)]


def run(*args):
    return subprocess.run(
        [sys.executable, "-m", "exercises", *map(str, args)], capture_output=True, text=True
    )


def test_the_command(tmp_path):
    done = run("release", "gradient-descent", "--to", tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "gradient-descent" / "gradient-descent.ipynb").is_file()
    assert done.stdout == f"wrote {tmp_path / 'gradient-descent' / 'gradient-descent.ipynb'}\n"
    wrong = run("release", "gradient-decent", "--to", tmp_path)
    assert wrong.returncode == 1 and "one of these names" in wrong.stderr
    assert "Traceback" not in wrong.stderr
