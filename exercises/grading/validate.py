"""Before handing in: what the grader will see, said to the student who wrote it.

No hidden test is needed and none is run. The sheet (questions, tests that everybody sees, answers
that a person marks) is read from the notebook itself, from its last cell. The code runs as the
grader runs it, each question in a process of its own with a time limit, in an empty folder; but in
no sandbox, for it is the student's own code on the student's own machine.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from exercises import inside, selfcheck
from exercises.assignment import SELF_CHECK, Assignment, grading, student_cells
from exercises.grading.submission import LARGEST
from exercises.release import checksum, student_version, syntax

QUESTION = {
    "passes": "passes the tests that you can see",
    "fails": "fails a test that you can see",
    "stub": "not written yet",
    "missing": "missing",
    "timeout": "does not end",
    "crashed": "ends the whole program",
}
MANUAL = {
    "there": "your answer is there",
    "untouched": "untouched",
    "missing": "its cell is gone",
    "fails": "your answer is there, but its cell fails",
}


@dataclass(frozen=True)
class Seen:
    """One question as the grader will find it; ``status`` is a key of QUESTION or MANUAL."""

    name: str
    points: float
    status: str
    why: str = ""


@dataclass
class Report:
    """What :func:`validate` found. ``unreadable`` says why nothing at all can be graded."""

    path: Path
    assignment: str = ""
    unreadable: str = ""
    questions: list = field(default_factory=list)
    manual: list = field(default_factory=list)
    notes: list = field(default_factory=list)

    @property
    def exit_code(self):
        """0: all is there and passes what can be seen; 1: something is not; 2: unreadable."""
        if self.unreadable:
            return 2
        good = all(seen.status in ("passes", "there") for seen in self.questions + self.manual)
        return 0 if good else 1

    def __str__(self):
        if self.unreadable:
            return _clean(f"{self.path.name} cannot be graded: {self.unreadable}")
        lines = [f"{self.path.name}: assignment {self.assignment}"]
        for title, words, rows in (
            ("Marked by tests", QUESTION, self.questions),
            ("Marked by a person", MANUAL, self.manual),
        ):
            lines += [f"\n{title}"] if rows else []
            for seen in rows:
                why = f": {seen.why}" if seen.why else ""
                lines.append(f"  {seen.name} ({seen.points:g} points): {words[seen.status]}{why}")
        lines += ["\nGood to know", *(f"  {note}" for note in self.notes)] if self.notes else []
        return _clean("\n".join([*lines, "", self.summary]))

    @property
    def summary(self):
        passed = sum(seen.status == "passes" for seen in self.questions)
        there = sum(seen.status == "there" for seen in self.manual)
        text = f"{passed} of {len(self.questions)} questions pass the tests that you can see"
        if self.manual:
            text += f"; {there} of {len(self.manual)} answers for a person to mark are there"
        if not self.exit_code:
            return text + ". Ready to hand in. The points come from more tests of the same kind."
        return text + ". You can hand in all the same: each question is graded for itself."


def validate(path, assignment=None, *, seconds=10.0):
    """Look at a notebook as the grader will, with visible tests only; return a Report.

    ``assignment``, a name or folder, gives the sheet where the notebook's own last cell is lost.
    """
    path = Path(path)
    report = Report(path)
    try:
        notebook = _read(path)
        sheet = _sheet(notebook, assignment, report)
    except Unreadable as error:
        report.unreadable = str(error)
        return report
    report.assignment = sheet["assignment"]
    report.notes += _notes(notebook, sheet, path)
    cells = student_cells(notebook)
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        runs = pool.map(lambda test: _run(cells, test, seconds), [*sheet["tests"].values(), None])
        *tried, (_, _, errors) = runs
    for (name, test), (status, why, _) in zip(sheet["tests"].items(), tried, strict=True):
        report.questions.append(Seen(name, test["points"], status, why))
    failed = _by_cell(notebook, errors)
    report.notes += [
        f"{where}: {what}" for where, what in failed.items() if "NotImplementedError" not in what
    ]
    for name, points in sheet["manual"].items():
        report.manual.append(Seen(name, points, *_answer(notebook, name, failed)))
    return report


class Unreadable(ValueError):
    """Why a file is no notebook of an assignment, and what to do."""


def _read(path):
    """The notebook with joined sources, every cell in order; forgiving where the grader is."""
    again = "Open it in Jupyter, save it, and hand in the file that Jupyter saved."
    if not path.is_file():
        raise Unreadable(f"there is no file {path}")
    if (size := path.stat().st_size) > LARGEST:
        raise Unreadable(
            f"it has {size / 2**20:.0f} MB, and {LARGEST // 2**20} are allowed; "
            "clear the outputs and save it"
        )
    if not size:
        raise Unreadable(f"the file is empty. {again}")
    try:
        notebook = json.loads(path.read_bytes())
        cells = notebook["cells"]
        for cell in cells:
            source = cell["source"]
            cell["source"] = source if isinstance(source, str) else "".join(source)
            if not isinstance(cell.get("metadata"), dict):
                cell["metadata"] = {}
            if not isinstance(cell["cell_type"], str):
                raise TypeError("a cell_type that is no text")
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        what = f"{type(error).__name__}: {error}"
        raise Unreadable(f"it is not a Jupyter notebook ({what[:200]}). {again}") from None
    return notebook


def _sheet(notebook, assignment, report):
    """Questions and visible tests: of the given assignment, or as the notebook carries them."""
    if assignment is not None:
        assignment = Assignment(assignment)
        whole = [grading(cell)["grade_id"] for cell in student_version(assignment)["cells"]]
        if not set(whole) & {grading(cell)["grade_id"] for cell in notebook["cells"]} - {None}:
            report.notes.append(f"no cell of this notebook belongs to {assignment.name}")
        for cell in notebook["cells"]:
            own = selfcheck.read_sheet(cell["source"]) if _of_check(cell) else None
            if own and own["assignment"] != assignment.name:
                report.notes.append(f"this is the notebook of {own['assignment']}: the wrong file?")
        return selfcheck.sheet_of(assignment)
    for cell in notebook["cells"]:
        if _of_check(cell):
            if sheet := selfcheck.read_sheet(cell["source"]):
                return sheet
    sheet = {"assignment": report.path.stem, "tests": {}, "manual": {}}
    for cell in notebook["cells"]:
        meta = grading(cell)
        if not meta["grade"] or not isinstance(meta.get("points"), (int, float)):
            continue
        if meta["solution"]:
            sheet["manual"][meta["grade_id"]] = meta["points"]
        else:
            test = {"points": meta["points"], "uses": [], "source": cell["source"]}
            sheet["tests"][meta["grade_id"]] = test
    if not sheet["tests"] and not sheet["manual"]:
        raise Unreadable(
            "it holds no question of an assignment. Is it the right file? If you copied your cells "
            "into a new notebook, copy them into the notebook that you were given"
        )
    report.notes.append(
        "the last cell of the sheet is gone or changed, so questions whose cells are gone are not "
        "seen here; name the assignment (--assignment) to look for all of them"
    )
    return sheet


def _of_check(cell):
    """Whether a cell is the self-check, as it was released."""
    return grading(cell)["grade_id"] == SELF_CHECK and _untouched(cell)


def _untouched(cell):
    """Whether a cell is as it was released: its checksum says so."""
    try:
        return grading(cell).get("checksum") == checksum(cell)
    except (KeyError, TypeError, ValueError):
        return False


def _notes(notebook, sheet, path):
    """What a student should know, and what costs nothing although it looks wrong."""
    if path.name != f"{sheet['assignment']}.ipynb":
        yield f"hand it in as {sheet['assignment']}.ipynb"
    kernel = notebook.get("metadata", {})
    kernel = kernel.get("kernelspec") if isinstance(kernel, dict) else None
    kernel = kernel.get("name") if isinstance(kernel, dict) else None
    if kernel not in (None, "python3"):
        yield f"the kernel is {str(kernel)[:40]!r}; the grader runs Python, which costs nothing"
    ids = [grading(cell)["grade_id"] for cell in notebook["cells"]]
    for name in sheet["tests"]:
        found = [c for c, other in zip(notebook["cells"], ids, strict=True) if other == name]
        if not found:
            yield f"the test cell {name} is gone; the grader has its own, so it costs nothing"
        elif not all(map(_untouched, found)):
            yield f"the test cell {name} was changed; the grader uses its own"
    for name in sorted({str(name) for name in ids if name and ids.count(name) > 1}):
        yield f"{ids.count(name)} cells are copies of {name}; keep one, and write new ones with +"
    for number, cell in enumerate(notebook["cells"], 1):
        for what in syntax(cell["cell_type"], cell["source"]):
            magic = re.search(r"(?m)^\s*[%!]", cell["source"])
            hint = "; lines that begin with % or ! are not Python" if magic else ""
            yield f"{_label(number, cell)} {what}; nothing in this cell counts{hint}"


def _label(number, cell):
    name = grading(cell)["grade_id"]
    return f"cell {number} ({name})" if name else f"cell {number}"


def _by_cell(notebook, errors):
    """The errors of a run, by the cell of the notebook in which they were raised."""
    ran = [
        _label(number, cell)
        for number, cell in enumerate(notebook["cells"], 1)
        if student_cells({"cells": [cell]})
    ]
    found = {}
    for error in errors:
        number, _, what = error.removeprefix("cell ").partition(": ")
        if not what.startswith("SyntaxError"):  # told already, with a hint
            found[ran[int(number) - 1]] = what[:300]
    return found


def _answer(notebook, name, failed):
    """(status, why) of an answer that a person marks."""
    for number, cell in enumerate(notebook["cells"], 1):
        if grading(cell)["grade_id"] == name:
            if _untouched(cell) or not cell["source"].strip():
                return "untouched", ""
            if what := failed.get(_label(number, cell)):
                return "fails", what
            kind = "" if cell["cell_type"] == "code" else f"{len(cell['source'].split())} words"
            return "there", kind
    return "missing", "copy it back from the notebook that you were given"


def _run(cells, test, seconds):
    """(status, why, errors of the cells), from a process of its own; test None: the cells alone."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        task, said = Path(folder, "task.json"), Path(folder, "said.json")
        task.write_text(json.dumps({"cells": cells, "test": test}), "utf-8")
        work = Path(folder, "work")
        work.mkdir()
        here = str(Path(__file__).resolve().parents[2])
        paths = os.pathsep.join(filter(None, [here, os.environ.get("PYTHONPATH")]))
        environment = os.environ | {"PYTHONPATH": paths, "MPLBACKEND": "Agg"}
        command = [sys.executable, "-m", "exercises.grading.validate", str(task), str(said)]
        quiet = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.DEVNULL)
        try:
            code = subprocess.run(
                command, cwd=work, env=environment, timeout=seconds, **quiet
            ).returncode
        except subprocess.TimeoutExpired:
            code = None
        try:
            answer = json.loads(said.read_text("utf-8"))
        except (OSError, ValueError):
            answer = {"errors": []}
            where = "running your cells"
        else:
            where = "the tests that you can see"
    if "status" in answer:
        return answer["status"], answer["why"], answer["errors"]
    if code is None:
        return "timeout", f"{where} takes more than {seconds:g} s", answer["errors"]
    return "crashed", f"{where} ended Python (exit code {code})", answer["errors"]


def _main(task, said):
    """In the process of one question: run the cells, then its test; write what came of it."""
    given = json.loads(Path(task).read_text("utf-8"))
    names, errors = inside.load(given["cells"])
    answer = {"errors": errors}
    _write(said, answer)
    if given["test"]:
        status, why = selfcheck._try_test(given["test"], names)
        answer |= {"status": status, "why": why}
    else:
        answer |= {"status": "passes", "why": ""}
    _write(said, answer)


def _write(path, answer):
    part = Path(path).with_suffix(".part")
    part.write_text(json.dumps(answer), "utf-8")
    part.replace(path)


def _clean(text):
    """Without what a terminal would take for commands."""
    return "".join(c if c.isprintable() or c == "\n" else "\N{REPLACEMENT CHARACTER}" for c in text)


if __name__ == "__main__":
    _main(*sys.argv[1:])
