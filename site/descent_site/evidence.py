"""What stands behind the book, counted: tests, assertions, oracles, questions, faults, versions."""

import ast
import json
import platform
import re
import tomllib
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path

import numpy as np

from . import outline
from .outline import ROOT

# Tests by what they look at. A file belongs to the first line whose pattern it matches.
KINDS = (
    ("tests/oracles/test_*.py", "other libraries", "stored trajectories of the libraries below"),
    ("tests/widgets/test_*.py", "widgets", "traced formulas in Node, labs in Chromium"),
    ("tests/book/test_*.py", "the built site", "every page in Chromium; links, weight, labs"),
    ("tests/exercises/test_*.py", "exercises and grader", "solutions, stubs, faults, hostile code"),
    ("tests/test_*.py", "the library", "closed forms, printed equations, invariants, errors"),
)
PACKAGES = (
    "numpy", "matplotlib", "ipykernel", "anywidget", "ipywidgets", "jupyter-book", "sphinx",
    "myst-nb", "sphinx-book-theme",
)  # fmt: skip


def test_functions(path):
    """How many functions of a file are tests, methods of test classes included."""
    return len(re.findall(r"^\s*def test_\w*\(", path.read_text("utf-8"), re.M))


@lru_cache
def tests():
    """[(what, how, number of test functions)], by kind."""
    seen, rows = set(), []
    for pattern, what, how in KINDS:
        files = [path for path in sorted(ROOT.glob(pattern)) if path not in seen]
        seen.update(files)
        rows.append((what, how, sum(map(test_functions, files))))
    return rows


def _notebooks():
    for _, files in outline.parts():
        for file in files:
            path = ROOT / f"{file.removesuffix('.ipynb')}.ipynb"
            if path.exists():
                yield path


@lru_cache
def chapters():
    """What the notebooks hold: code cells, stored outputs, assertions, questions, equations."""
    found = dict.fromkeys(("cells", "outputs", "asserts", "questions", "options", "equations"), 0)
    for path in _notebooks():
        for cell in json.loads(path.read_text("utf-8"))["cells"]:
            source = "".join(cell["source"])
            if cell["cell_type"] == "markdown":
                found["equations"] += len(re.findall(r"^\$\$ \(eq-", source, re.M))
                continue
            tree = ast.parse(source)
            found["cells"] += 1
            found["outputs"] += len(cell["outputs"])
            for node in ast.walk(tree):
                found["asserts"] += isinstance(node, ast.Assert)
                if isinstance(node, ast.Call):
                    found["questions"] += outline.is_question(node)
                    found["options"] += outline.called(node) == "quiz.Option"
    return found


@lru_cache
def exercises():
    """What the exercises hold: sheets, questions graded by tests and by hand, cases, faults."""
    found = dict.fromkeys(("sheets", "graded", "manual", "cases", "mutants"), 0)
    for source in sorted(ROOT.glob("exercises/*/source.ipynb")):
        found["sheets"] += 1
        for cell in json.loads(source.read_text("utf-8"))["cells"]:
            about = cell["metadata"].get("nbgrader") or {}
            if about.get("grade"):
                found["manual" if about.get("solution") else "graded"] += 1
        planted = tomllib.loads((source.parent / "mutants.toml").read_text("utf-8"))["mutant"]
        found["mutants"] += len(planted)
        found["cases"] += len({title for one in planted for title in one["fails"]})
    return found


@lru_cache
def oracles():
    """[(file, {package: version})]: what other libraries computed, and which version of them."""
    rows = []
    for path in sorted(ROOT.glob("tests/oracles/*.npz")):
        with np.load(path) as file:
            made = json.loads(str(file["made_with"])) if "made_with" in file.files else {}
        rows.append((path.stem, made))
    return rows


def versions():
    """[(name, version)]: what this build ran on."""
    return [("Python", platform.python_version()), *((name, version(name)) for name in PACKAGES)]


def sources():
    """How many entries the bibliography has."""
    return len(re.findall(r"^@\w+\{", (ROOT / "references.bib").read_text("utf-8"), re.M))


def times(folder):
    """{chapter: {"cpu", "wall"}}, written by tools/build.py beside the executed chapters."""
    return json.loads(Path(folder, "times.json").read_text("utf-8"))


def _rows(text, head):
    """The cells of the table in Markdown whose first line starts with `head`."""
    lines = iter(text.splitlines())
    if not any(line.startswith(head) for line in lines):
        raise ValueError(f"no table starts with {head!r}")
    next(lines)  # the line of dashes
    for line in lines:
        if not line.startswith("|"):
            return
        yield [cell.strip() for cell in line.strip("|").split("|")]


@lru_cache
def benchmarks():
    """What `make bench` last measured: steps compared with torch, and frames of widgets."""
    folder = ROOT / "benchmarks"
    steps = [float(row[4]) for row in _rows((folder / "results.md").read_text("utf-8"), "| step |")]
    frames = list(_rows((folder / "frames.md").read_text("utf-8"), "| page | slider |"))
    return {
        "steps": len(steps), "faster": sum(ratio > 1 for ratio in steps),
        "sliders": len(frames), "quick": sum(float(row[2]) <= 8 for row in frames),
    }  # fmt: skip
