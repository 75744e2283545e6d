"""From the instructor's source to the notebook that students get.

The format is nbgrader's (schema 3), stubs, locks and checksums included, so that its authoring
tool, its validator and its formgrader work on both. What is stricter here: a source in which
anything could go wrong is refused, with all reasons at once.
"""

import ast
import copy
import hashlib
import json
import re
from pathlib import Path

from exercises import leaks, selfcheck
from exercises.assignment import (
    BEGIN,
    END,
    HERE,
    MARKER,
    SELF_CHECK,
    SourceError,
    grading,
    shown,
)

RELEASED = HERE / "_release"
KERNEL = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def release(assignment, folder=RELEASED):
    """Write ``<folder>/<name>/<name>.ipynb`` and return its path; the same source, the same bytes.

    Raises SourceError, before anything is written, if the source has a problem.
    """
    check(assignment)
    student = student_version(assignment)
    check_student(assignment, student)
    path = Path(folder) / assignment.name / f"{assignment.name}.ipynb"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(to_bytes(student))
    return path


def to_bytes(notebook):
    notebook = copy.deepcopy(notebook)
    for cell in notebook["cells"]:
        cell["source"] = cell["source"].splitlines(keepends=True)
    text = json.dumps(notebook, indent=1, sort_keys=True, ensure_ascii=False)
    return (text + "\n").encode("utf-8")


def student_version(assignment):
    """The student's notebook: stubs for solutions, no outputs, nbgrader's locks and checksums.

    Two cells that the source does not have stand at its end: see :mod:`exercises.selfcheck`.
    """
    cells = []
    for source in assignment.cells:
        meta = grading(source)
        cell = {
            "cell_type": source["cell_type"],
            "id": source["id"],
            "metadata": {},
            "source": shown(source),
        }
        if tags := source["metadata"].get("tags"):
            cell["metadata"]["tags"] = tags
        if cell["cell_type"] == "code":
            cell |= {"outputs": [], "execution_count": None}
        if meta["grade_id"]:
            cell["metadata"]["nbgrader"] = dict(source["metadata"]["nbgrader"])
            _locked(cell)
        cells.append(cell)
    cells += [_locked(cell) for cell in selfcheck.cells(assignment)]
    return {"cells": cells, "metadata": KERNEL, "nbformat": 4, "nbformat_minor": 5}


def _locked(cell):
    """The cell with what keeps a student from changing or deleting it."""
    cell["metadata"]["deletable"] = False
    if not grading(cell)["solution"]:
        cell["metadata"]["editable"] = False
    cell["metadata"]["nbgrader"] |= {"cell_type": cell["cell_type"], "checksum": checksum(cell)}
    return cell


def checksum(cell):
    """nbgrader's fingerprint of a cell, by which it sees that a student changed it."""
    meta = grading(cell)
    locked = not meta["solution"] and (meta["grade"] or meta["locked"])
    parts = [cell["source"], cell["cell_type"], meta["grade"], meta["solution"], locked]
    parts.append(meta["grade_id"])
    if meta["grade"]:
        parts.append(float(meta["points"]))
    text = "".join(map(str, parts))
    return hashlib.md5(text.encode("utf-8"), usedforsecurity=False).hexdigest()


def check(assignment):
    """Raise SourceError with every problem of the source and its hidden tests."""
    problems, ids = [], {}
    for number, cell in enumerate(assignment.cells, 1):
        name = grading(cell)["grade_id"]
        where = f"cell {number} ({name})" if name else f"cell {number}"
        found = (*markers(cell), *metadata(cell), *syntax(cell["cell_type"], cell["source"]))
        problems += [f"{where}: {what}" for what in found]
        for key, value in (("id", cell.get("id")), ("grade_id", name)):
            if value is not None and value in ids.setdefault(key, {}):
                first = ids[key][value]
                problems.append(f"{where}: {key} {value!r} is already that of cell {first}")
            ids[key][value] = number
        if cell.get("id") is None:
            problems.append(f"{where}: has no id; save the notebook once with a current Jupyter")
    if not problems:  # what follows needs a source that can be read
        problems += hidden_tests(assignment)
    if problems:
        raise SourceError(f"{assignment.path} is not released:\n  " + "\n  ".join(problems))


def markers(cell):
    """Problems with the solution markers of one cell."""
    inside, regions = None, 0
    for number, line in enumerate(cell["source"].split("\n"), 1):
        word = line.strip()
        if word == BEGIN:
            if inside:
                yield f"line {number}: {BEGIN} inside the region that line {inside} began"
            inside, regions = number, regions + 1
        elif word == END:
            if not inside:
                yield f"line {number}: {END} without {BEGIN} before it"
            inside = None
        elif MARKER.search(line):
            yield (
                f"line {number}: {word!r} looks like a marker and is none. A solution stands "
                f"between lines that say exactly {BEGIN!r} and {END!r}, a hidden test in hidden.py"
            )
    if inside:
        yield f"line {inside}: {BEGIN} without {END} after it"
    solution = grading(cell)["solution"]
    if regions and not solution:
        yield "has a solution region but is not marked as a solution cell (nbgrader: solution)"
    if solution and not regions:
        yield f"is a solution cell without {BEGIN} and {END}: what should the student not see?"


def metadata(cell):
    """Problems with the nbgrader metadata of one cell."""
    given = cell["metadata"].get("nbgrader")
    if given is None:
        return
    if not isinstance(given, dict):
        yield f"nbgrader metadata is {given!r}, not an object"
        return
    meta = grading(cell)
    if given.get("schema_version") != 3:
        yield f"schema_version is {given.get('schema_version')!r}; this is for nbgrader's schema 3"
    for key in ("grade", "solution", "locked", "task"):
        if not isinstance(given.get(key), bool):
            yield f"nbgrader metadata needs {key}: true or false, and has {given.get(key)!r}"
    if not re.fullmatch(r"[a-zA-Z0-9_-]+", str(meta["grade_id"] or "")):
        yield f"grade_id is {meta['grade_id']!r}; it needs letters, digits, - or _"
    if meta["grade_id"] in (selfcheck.TEXT_ID, SELF_CHECK):
        yield f"grade_id {meta['grade_id']!r} is that of a cell which the release adds; rename it"
    points = given.get("points")
    number = isinstance(points, (int, float)) and not isinstance(points, bool)
    if meta["grade"] and not (number and 0 < points < float("inf")):
        yield f"is graded and has points {points!r}: set a positive number"
    if not meta["grade"] and points is not None:
        yield f"has points {points!r} but is not marked as graded"
    if meta["task"]:
        yield "is a task cell; use an answer cell (grade and solution), for which there is a stub"
    if meta["grade"] and not meta["solution"] and not meta["locked"]:
        yield "is a test cell that is not locked: a student could change it"
    if cell["cell_type"] == "markdown" and meta["grade"] != meta["solution"]:
        yield "is a text cell; it needs both grade and solution (an essay), or neither"


def syntax(kind, source):
    """The syntax error of a code cell, magics included: a graded notebook is plain Python."""
    if kind == "code":
        try:
            ast.parse(source)
        except SyntaxError as error:
            yield f"is not Python: {error}"


def hidden_tests(assignment):
    """Problems between the notebook's points and the cases of hidden.py."""
    cases = assignment.cases(seed=0)
    titles = [case.title for case in cases]
    for title in sorted({title for title in titles if titles.count(title) > 1}):
        yield f"hidden.py: two cases have the title {title!r}"
    questions = assignment.questions
    for case in cases:
        if case.question not in questions:
            yield (
                f"hidden.py: case {case.title!r} is for question {case.question!r}; the test cells "
                f"of the notebook are {', '.join(questions)}"
            )
    for name, meta in questions.items():
        total = sum(case.points for case in cases if case.question == name)
        if abs(total - meta["points"]) > 1e-9:
            yield (
                f"{name}: the cell has {meta['points']} points and its hidden cases add up to "
                f"{total:g}; all points come from hidden cases, so the two must agree"
            )
    defined = defined_names(assignment)
    for function in sorted({case.function for case in cases} - defined):
        yield f"hidden.py: calls {function}, which no solution cell defines"


def defined_names(assignment):
    """Names of the functions that solution cells define."""
    names = set()
    for cell in assignment.cells:
        if cell["cell_type"] == "code" and grading(cell)["solution"]:
            tree = ast.parse(cell["source"])
            names |= {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    return names


def check_student(assignment, student):
    """Raise SourceError if the student's notebook is no Python or shows any of the solution."""
    problems = []
    for number, cell in enumerate(student["cells"], 1):
        for what in syntax(cell["cell_type"], cell["source"]):
            problems.append(f"cell {number}, as the student gets it: {what}")
    text = "\n".join(cell["source"] for cell in student["cells"])
    for line in leaks.in_text(leaks.fingerprints(assignment), text):
        problems.append(f"this line of a solution or a hidden test also stands elsewhere: {line!r}")
    if problems:
        raise SourceError(f"{assignment.path} is not released:\n  " + "\n  ".join(problems))
