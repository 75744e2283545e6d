"""One assignment: a folder with source.ipynb, hidden.py, mutants.toml and, privately, seed.txt."""

import functools
import json
import re
import runpy
import tomllib
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
BEGIN, END = "### BEGIN SOLUTION", "### END SOLUTION"
CODE_STUB = ("# YOUR CODE HERE", "raise NotImplementedError()")  # nbgrader's words
TEXT_STUB = ("YOUR ANSWER HERE",)
SELF_CHECK = "self_check"  # grade_id of a released sheet's last cell; see selfcheck.py
MARKER = re.compile(r"\b(BEGIN|END)[ _-]*(SOLUTIONS?|HIDDEN|MARK|TESTS?)\b", re.IGNORECASE)


class SourceError(ValueError):
    """An instructor source that must not be released; one problem per line."""


class Assignment:
    """The folder of an assignment, given by its path, or by its name in this package's folder.

    ``notebook`` is the source as parsed JSON, every cell's ``source`` joined to one string.
    """

    def __init__(self, folder):
        folder = Path(folder)
        if not folder.is_dir() and folder.parent == Path("."):
            folder = HERE / folder
        self.folder, self.name = folder.resolve(), folder.resolve().name
        self.path = self.folder / "source.ipynb"
        if not self.path.is_file():
            known = sorted(p.parent.name for p in HERE.glob("*/source.ipynb"))
            raise SourceError(
                f"{self.path} does not exist. Give the folder of an assignment, or one of these "
                f"names: {', '.join(known) or '(none yet)'}"
            )
        self.notebook = read_notebook(self.path)

    @property
    def cells(self):
        return self.notebook["cells"]

    @property
    def questions(self):
        """Test cells by grade_id: those whose points the hidden cases earn."""
        graded = [grading(cell) for cell in self.cells if grading(cell)["grade"]]
        return {meta["grade_id"]: meta for meta in graded if not meta["solution"]}

    @property
    def manual(self):
        """Cells that a person marks, by grade_id."""
        graded = [grading(cell) for cell in self.cells if grading(cell)["grade"]]
        return {meta["grade_id"]: meta for meta in graded if meta["solution"]}

    @property
    def regions(self):
        """The texts of all solution regions, as a list of (cell, list of lines)."""
        found = []
        for cell in self.cells:
            inside = False
            for line in cell["source"].split("\n"):
                if BEGIN in line:
                    inside = True
                    found.append((cell, []))
                elif END in line:
                    inside = False
                elif inside:
                    found[-1][1].append(line)
        return found

    @functools.cached_property
    def _cases(self):
        path = self.folder / "hidden.py"
        if not path.is_file():
            raise SourceError(f"{path} does not exist; it holds the hidden tests")
        return runpy.run_path(str(path))["cases"]

    def cases(self, seed=None):
        """The hidden tests, their inputs drawn from a seed: the given one, or that in seed.txt."""
        if seed is None:
            path = self.folder / "seed.txt"
            try:
                seed = int(path.read_text())
                if seed < 0:
                    raise ValueError
            except (OSError, ValueError):
                raise SourceError(
                    f"{path} should hold the seed of the hidden tests: one whole number, at least "
                    "0, known to the instructor alone"
                ) from None
        return list(self._cases(np.random.default_rng(seed)))

    @property
    def mutants(self):
        """Small faults planted in the solution: a list of dicts; see mutants.toml."""
        path = self.folder / "mutants.toml"
        return tomllib.loads(path.read_text("utf-8"))["mutant"] if path.is_file() else []


def read_notebook(path):
    """A notebook as JSON with joined sources; SourceError if it is not one of nbformat 4."""
    try:
        notebook = json.loads(Path(path).read_text("utf-8"))
        for cell in notebook["cells"]:
            cell["source"] = "".join(cell["source"])
            if cell["cell_type"] not in ("code", "markdown", "raw") or "metadata" not in cell:
                raise ValueError(f"a cell has the type {cell['cell_type']!r} or no metadata")
        if notebook["nbformat"] != 4:
            raise ValueError(f"nbformat is {notebook['nbformat']}")
    except (OSError, ValueError, TypeError, KeyError) as error:
        what = f"{type(error).__name__}: {error}"
        raise SourceError(f"{path} is not a notebook of format 4 ({what})") from None
    return notebook


def grading(cell):
    """A cell's nbgrader metadata; all false where it has none."""
    empty = {"grade": False, "solution": False, "locked": False, "task": False, "grade_id": None}
    given = cell["metadata"].get("nbgrader")
    return empty | given if isinstance(given, dict) else empty


def shown(cell):
    """What a student sees of a cell: a stub, indented like its marker, for each solution region."""
    stub = CODE_STUB if cell["cell_type"] == "code" else TEXT_STUB
    lines, inside = [], False
    for line in cell["source"].split("\n"):
        if BEGIN in line:
            inside = True
            indent = line[: len(line) - len(line.lstrip())]
            lines += [indent + word for word in stub]
        elif END in line:
            inside = False
        elif not inside:
            lines.append(line)
    return "\n".join(lines)


def student_cells(notebook):
    """The code of a notebook that is the student's to run: code cells that hold no tests."""
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    code = [cell for cell in code if grading(cell)["grade_id"] != SELF_CHECK]
    return [c["source"] for c in code if grading(c)["solution"] or not grading(c)["grade"]]
