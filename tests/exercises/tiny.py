"""A small assignment for tests of the grader: three functions, a plot and an essay."""

import json

from exercises.assignment import Assignment

HIDDEN = """
import numpy as np
from exercises.cases import Case, Wrong, array, number
from exercises.wire import Formula


def cases(rng):
    n = float(rng.integers(10, 99))
    yield Case(question="test_double", title="doubles a number", function="double",
               args={"x": n}, check=is_number(2 * n), points=1)
    xs = rng.normal(size=3)
    yield Case(question="test_double", title="doubles an array", function="double",
               args={"x": xs}, check=is_array(2 * xs), points=1)
    yield Case(question="test_total", title="adds up", function="total",
               args={"values": [1, n, 2]}, check=is_number(n + 3), points=1)
    yield Case(question="test_total", title="nothing is zero", function="total",
               args={"values": []}, check=is_number(0), points=1)
    yield Case(question="test_total", title="refuses nan", function="total",
               args={"values": [float("nan")]}, raises="ValueError", why="nan is no number",
               points=1)
    yield Case(question="test_step", title="one step", function="step",
               args={"grad": Formula("gradient", "Quadratic", {"kappa": n}), "x": np.ones(2)},
               check=is_array(np.array([1 - 0.1, 1 - 0.1 * n])), points=2, unchanged=("x",))


def is_number(wanted):
    def check(result):
        if not abs(number(result, "the result") - wanted) <= 1e-9:
            raise Wrong("gives another number than the right one")
    return check


def is_array(wanted):
    def check(result):
        found = array(result, 1, "the result")
        if found.shape != wanted.shape or not np.allclose(found, wanted):
            raise Wrong("gives other numbers")
    return check
"""
SOLUTION = {
    "double": "def double(x):\n    return 2 * x",
    "total": (
        "def total(values):\n    if any(v != v for v in values):\n"
        "        raise ValueError('nan')\n    return sum(values)"
    ),
    "step": "def step(grad, x):\n    return x - 0.1 * grad(x)",
    "m1_plot": "import matplotlib.pyplot as plt\nplt.plot([1, 2, 3])\nprint('drawn')\nplt.show()",
    "m1_essay": "It doubles.",
}


def write(folder, **solution):
    """Write the assignment into ``folder``/tiny; ``solution`` replaces texts of cells."""
    folder = folder / "tiny"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "hidden.py").write_text(HIDDEN)
    (folder / "seed.txt").write_text("7")
    (folder / "source.ipynb").write_text(json.dumps(notebook({**SOLUTION, **solution}, True)))
    return Assignment(folder)


def notebook(texts, markers=False):
    """The sheet with these answers, as the instructor's source or as a student saves it."""
    cells = [cell("setup", "import numpy as np", locked=True)]
    for name, points in (("double", 2), ("total", 3), ("step", 2)):
        cells.append(cell(name, region(texts[name], markers), solution=True))
        test = f"assert callable({name})\nprint('looks right')"
        cells.append(cell(f"test_{name}", test, grade=True, locked=True, points=points))
    for name, kind in (("m1_plot", "code"), ("m1_essay", "markdown")):
        text = region(texts[name], markers)
        cells.append(cell(name, text, kind, grade=True, solution=True, points=4))
    return {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}


def region(text, markers):
    if not markers:
        return text
    head, _, body = text.partition("\n") if text.startswith("def ") else ("", "", text)
    begin, end = ("### BEGIN SOLUTION", "### END SOLUTION")
    indent = "    " if head else ""
    return (head + "\n" if head else "") + f"{indent}{begin}\n{body}\n{indent}{end}"


def cell(name, source, kind="code", *, grade=False, solution=False, locked=False, points=None):
    meta = {
        "grade": grade, "solution": solution, "locked": locked, "task": False, "grade_id": name,
        "schema_version": 3,
    }  # fmt: skip
    if points is not None:
        meta["points"] = points
    made = {"cell_type": kind, "id": name.replace("_", "-"), "source": source}
    if kind == "code":
        made |= {"outputs": [], "execution_count": None}
    return made | {"metadata": {"nbgrader": meta}}


def submission(**texts):
    """Bytes of a sheet in which everything is right but what is given."""
    return json.dumps(notebook({**SOLUTION, **texts})).encode()
