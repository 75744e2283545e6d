"""One submission in, one record out: what the machine found, in words for the student.

Nothing here runs or trusts anything of the student's: the sandbox runs it, and what comes out are
lines of text, read as data. A record holds no time and no name of a machine, so the same
submission gives the same record wherever it is graded.
"""

import base64
import binascii
import functools
import hashlib
import json
import platform
from dataclasses import asdict

import numpy as np

from exercises.assignment import SELF_CHECK, grading, shown
from exercises.cases import verdict
from exercises.grading import submission
from exercises.grading.sandbox import INNER, OPTLIB, Limits, Sandbox
from exercises.wire import WireError, from_json

MOST_NOTES = 20
MOST_FATAL = 20  # cells that are left out one after the other
MOST_PICTURES = 8
MOST_PIXELS = 16_000_000
PNG = b"\x89PNG\r\n\x1a\n"
FAULTS = {
    "timeout": "did not end within {seconds:g} seconds",
    "crashed": "ended the whole program (os._exit, a signal, or far too deep a recursion)",
    "memory": "took more than {memory:.0f} MB of memory",
    "flood": "gave back more than {answer:.0f} MB",
}


class TestFault(RuntimeError):
    """A hidden test is wrong, not the submission; nothing is recorded."""

    __test__ = False  # pytest should not take it for a class of tests


def grade(assignment, data, *, seed=None, limits=None, unsafe=False, render=True):
    """The record of a submission.

    assignment : :class:`exercises.assignment.Assignment`
    data : the bytes of the notebook as handed in
    seed : of the hidden tests; that of the assignment's seed.txt if None
    limits : :class:`exercises.grading.sandbox.Limits` of each question
    unsafe : run without a sandbox; only for code that you wrote yourself
    render : also run the cells that a person marks and keep what they print and draw
    """
    limits = limits or Limits()
    cases = prepared(assignment, seed)
    record = {
        "key": key(assignment, data, seed=seed, limits=limits, render=render),
        "assignment": assignment.name,
        "digest": hashlib.sha256(data).hexdigest(),
        "status": "graded",
        "reason": "",
        "notes": [],
        "questions": {},
        "manual": {},
    }
    try:
        cells = submission.cells(data)
    except submission.Unreadable as error:
        record |= {"status": "unreadable", "reason": str(error)}
        cells = None
    if cells is not None and not any(cell.name in ids(assignment) for cell in cells):
        why = (
            f"the notebook is not the sheet {assignment.name!r}: none of its cells is of that sheet"
        )
        if not any(cell.kind == "code" and cell.source.strip() for cell in cells):
            record |= {"status": "unreadable", "reason": why}
            cells = None
        else:
            record["notes"].append(why + "; its functions are looked for by their names")
    if cells is None:
        for name, meta in assignment.questions.items():
            mine = [case for case in cases if case.question == name]
            record["questions"][name] = question(meta, mine, {}, "unreadable", record["reason"])
        for name, meta in assignment.manual.items():
            record["manual"][name] = manual(meta, "unreadable", record["reason"])
        return record
    with Sandbox(limits, unsafe) as sandbox:
        sheet = Sheet(assignment, cells, sandbox, limits)
        for name, meta in assignment.questions.items():
            mine = [case for case in cases if case.question == name]
            record["questions"][name] = sheet.question(name, meta, mine)
        for name, cell in manual_cells(assignment).items():
            record["manual"][name] = sheet.manual(name, cell, render)
        record["notes"] += sheet.notes
    return record


class Sheet:
    """The cells of one student, asked question by question.

    A cell that never ends, or ends the program, is found once and left out from then on, so that it
    costs the questions that need it and no other.
    """

    def __init__(self, assignment, cells, sandbox, limits):
        self.assignment, self.sandbox, self.limits = assignment, sandbox, limits
        self.notes, self.fatal = [], {}  # fatal: number of a cell -> what it did
        self.own = {cell.name: cell for cell in cells if cell.name}
        tests = set(assignment.questions)
        locked = [
            [f"of the sheet ({grading(cell)['grade_id']})", cell["source"]]
            for cell in assignment.cells
            if cell["cell_type"] == "code" and not grading(cell)["solution"]
            if grading(cell)["grade_id"] and grading(cell)["grade_id"] not in tests
        ]
        self.locked = locked
        # However many cells hang, nobody behind in the queue waits for ever.
        self.seconds = (len(tests) + len(assignment.manual) + 3) * limits.seconds
        not_theirs = tests | {SELF_CHECK}
        self.code = [c for c in cells if c.kind == "code" and c.name not in not_theirs]

    def cells(self, last):
        """What is run for the cell ``last``: all but later cells that a person marks for looks."""
        by_hand = set(self.assignment.manual)
        limit = last.number if last else 0
        return self.locked + [
            [cell.number, cell.source]
            for cell in self.code
            if cell.number not in self.fatal and (cell.name not in by_hand or cell.number < limit)
        ]

    def ask(self, cells, **what):
        """How a run of these cells ended, and what was heard of it."""
        left = self.seconds - self.sandbox.used
        if left <= 0:
            return "timeout", Heard([])
        job = {"cells": cells, "seconds": min(self.limits.seconds, left), **what}
        end, lines = self.sandbox.ask(job)
        heard = Heard(lines)
        self.note(heard.notes)
        return end, heard

    def question(self, name, meta, cases):
        """The part of the record for one question."""
        functions = {case.function for case in cases}
        last = max(
            (c for c in self.code if any(f"def {f}" in c.source for f in functions)),
            key=lambda cell: cell.number,
            default=None,
        )
        said, faults, left = {}, {}, list(range(len(cases)))
        while left:
            end, heard = self.ask(self.cells(last), requests=[cases[i].request for i in left])
            for i, text in heard.said.items():
                if i < len(left):
                    said[left[i]] = text
            if end == "done":
                left = [i for i in left if i not in said]
                faults |= {i: "crashed" for i in left}
                break
            if heard.case is None:  # it got stuck in a cell, before any case
                if not self.may_give_up(heard.cell):
                    faults |= {i: end for i in left}
                    break
                self.give_up(heard.cell, end)
                continue
            at = left[heard.case] if heard.case < len(left) else left[0]
            faults[at] = end
            left = [i for i in left if i not in said and i != at]
            if end == "timeout":  # the time of this question is used up
                faults |= {i: "not reached" for i in left}
                break
        outcomes = {}
        for i, case in enumerate(cases):
            if i in said and i not in faults:
                outcomes[case.title] = outcome(said[i])
            else:
                outcomes[case.title] = faults.get(i, "crashed")
        return question(meta, cases, outcomes, *self.verdict(name, cases, outcomes))

    def verdict(self, name, cases, outcomes):
        """Status of a question and why, from the cells given up and the outcomes of its cases."""
        ends = [o for o in outcomes.values() if isinstance(o, str)]
        wanted = {case.function for case in cases}
        cells = answer_cells(self.assignment, wanted)
        bad = {
            cell.number: self.fatal[cell.number]
            for cell in self.code
            if cell.number in self.fatal
            if cell.name in cells or any(f"def {f}" in cell.source for f in wanted)
        }
        if bad:
            number, how = next(iter(bad.items()))
            return status_of(how), f"cell {number} {self.words(how)}"
        if ends:
            how = next(end for end in ends if end != "not reached")
            return status_of(how), f"a call of {' or '.join(sorted(wanted))} {self.words(how)}"
        answers = list(outcomes.values())
        if all("missing" in o or raised(o) == "NotImplementedError" for o in answers):
            gone = sorted({str(o["missing"])[:60] for o in answers if "missing" in o})
            if gone:
                return (
                    "missing",
                    f"there is no function {', '.join(gone)} after your cells have run",
                )
            return "missing", "not written yet"
        if not any("returned" in o or "unfit" in o for o in answers) and not any(
            case.raises in bases(o) and not refuses_all(case, cases, outcomes)
            for case, o in zip(cases, answers, strict=True)
        ):
            return "failed", "no call gave an answer that can be judged"
        return "graded", ""

    def manual(self, name, cell, render):
        """The part for a cell that a person marks: what stands there, and what it shows."""
        meta, own = grading(cell), self.own.get(name)
        part = manual(meta, "to mark", "", cell["cell_type"])
        if own is None:
            return part | {"status": "missing", "why": "the cell has been deleted"}
        part["source"] = own.source[:100_000]
        if own.source.strip() in ("", shown(cell).strip()):
            return part | {"status": "untouched", "why": "the cell is as it was given out"}
        if own.kind == "markdown" or cell["cell_type"] == "markdown" or not render:
            return part
        while True:
            end, heard = self.ask(self.cells(own), show=[own.number, own.source])
            if end != "done" and heard.cell != own.number and self.may_give_up(heard.cell):
                self.give_up(heard.cell, end)
                continue
            part["outputs"] = pictures(heard.shown)
            if end != "done":
                part |= {"status": status_of(end), "why": f"the cell {self.words(end)}"}
            return part

    def note(self, notes):
        for note in notes:
            if note not in self.notes and len(self.notes) < MOST_NOTES:
                self.notes.append(note)

    def may_give_up(self, number):
        """Whether there is such a cell, not left out yet: the child says what it likes."""
        known = any(cell.number == number for cell in self.code)
        return known and number not in self.fatal and len(self.fatal) < MOST_FATAL

    def give_up(self, number, how):
        self.fatal[number] = how
        self.note([f"cell {number} {self.words(how)}; the others were run without it"])

    def words(self, how):
        if how not in FAULTS:
            return how
        mega = {"memory": self.limits.memory / 2**20, "answer": self.limits.answer / 2**20}
        return FAULTS[how].format(seconds=self.limits.seconds, **mega)


class Heard:
    """The lines of a child, each of which may be anything."""

    def __init__(self, lines):
        self.cell = self.case = self.shown = None
        self.said, self.notes = {}, []
        for line in lines:
            try:
                heard = json.loads(line)
            except (ValueError, RecursionError):
                continue
            if not isinstance(heard, dict):
                continue
            if isinstance(heard.get("cell"), (int, str)):
                self.cell = heard["cell"]
            if type(heard.get("case")) is int and heard["case"] >= 0:
                self.case = heard["case"]
                if isinstance(heard.get("said"), str):
                    self.said.setdefault(self.case, heard["said"])
            if isinstance(heard.get("notes"), list):
                notes = heard["notes"][: submission.MOST_CELLS]
                self.notes = [plain(note) for note in notes if isinstance(note, str)]
            if isinstance(heard.get("shown"), list):
                self.shown = heard["shown"]


def plain(text):
    """A student's words, short and without control characters that could play with a terminal."""
    text = "".join(c if c.isprintable() or c == "\n" else "\ufffd" for c in text[:400])
    return text.encode("utf-8", "replace").decode("utf-8")


def outcome(text):
    """An answer as data for :func:`exercises.cases.verdict`."""
    try:
        heard = from_json(text)
    except WireError as error:
        return {"unfit": plain(str(error))}
    return (
        heard if isinstance(heard, dict) else {"unfit": "the answer was replaced by another text"}
    )


def raised(outcome):
    """The name of the exception of an outcome, or None."""
    return next(iter(bases(outcome)), None)


def bases(outcome):
    """The names of the classes of its exception, if it has one."""
    names = outcome.get("raised")
    return [n for n in names if isinstance(n, str)] if isinstance(names, list) else []


def status_of(end):
    return "timeout" if end == "timeout" else "crashed"


def question(meta, cases, outcomes, status, why):
    """A question's part of the record: each case with its points and its feedback."""
    part = {"status": status, "why": why, "points": 0.0, "max": float(meta["points"]), "cases": []}
    for case in cases:
        result = outcomes.get(case.title)
        if isinstance(result, dict):
            feedback = judged(case, result)
            if feedback is None and refuses_all(case, cases, outcomes):
                feedback = (
                    f"{case.function} raises {case.raises} whatever it is called with; here that "
                    "is right, but it does so where an answer is wanted, too"
                )
        else:
            feedback = f"could not be tested: {why}"
        points = 0.0 if feedback is not None else float(case.points)
        part["points"] = round(part["points"] + points, 9)
        part["cases"].append(
            {"title": case.title, "points": points, "max": float(case.points), "feedback": feedback}
        )
    return part


def refuses_all(case, cases, outcomes):
    """Whether the error that is right in this case came for every input that has an answer, too.

    Then nothing was looked at and refused: ``raise ValueError`` alone would earn points.
    """
    others = [c for c in cases if c.function == case.function and c.raises is None]
    answers = [outcomes.get(other.title) for other in others]
    return (
        case.raises is not None
        and bool(others)
        and all(isinstance(o, dict) and case.raises in bases(o) for o in answers)
    )


def judged(case, result):
    """The feedback of a case on an outcome, or None if it is right."""
    try:
        with np.errstate(all="ignore"):
            feedback = verdict(case, result)
    except Exception as error:
        raise TestFault(
            f"the hidden test {case.title!r} fails by itself: {type(error).__name__}: {error}. "
            "Mend hidden.py and grade again; nothing was recorded"
        ) from error
    return feedback if feedback is None else plain(feedback)


def manual(meta, status, why, kind="markdown"):
    return {
        "status": status, "why": why, "max": float(meta["points"]), "kind": kind, "source": "",
        "outputs": [],
    }  # fmt: skip


def pictures(shown):
    """What a cell printed and drew, if it is that: text, and PNG files of a sensible size."""
    kept = []
    for part in shown or []:
        if len(kept) == 2 * MOST_PICTURES or not isinstance(part, dict):
            break
        text, png = part.get("text"), part.get("png")
        if isinstance(text, str):
            lines = (plain(line) for line in text[:10_000].split("\n"))
            kept.append({"text": "\n".join(lines)})
        elif isinstance(png, str):
            try:
                data = base64.b64decode(png, validate=True)
            except (ValueError, binascii.Error):
                continue
            if data.startswith(PNG) and len(data) <= 2 << 20 and pixels(data) <= MOST_PIXELS:
                kept.append({"png": base64.b64encode(data).decode("ascii")})
    return kept


def pixels(png):
    """Of a picture, as it says itself: a few bytes can unfold to gigabytes in a browser."""
    return int.from_bytes(png[16:20], "big") * int.from_bytes(png[20:24], "big")


def answer_cells(assignment, functions):
    """The grade_ids of the cells in which the solution defines these functions."""
    return {
        grading(cell)["grade_id"]
        for cell in assignment.cells
        if grading(cell)["solution"] and any(f"def {f}(" in cell["source"] for f in functions)
    }


def ids(assignment):
    return {grading(cell)["grade_id"] for cell in assignment.cells} - {None}


def manual_cells(assignment):
    """Source cells that a person marks, by grade_id."""
    named = {grading(cell)["grade_id"]: cell for cell in assignment.cells}
    return {name: named[name] for name in assignment.manual}


@functools.lru_cache(maxsize=64)
def prepared(assignment, seed):
    """The cases of an assignment, made once for a class."""
    return assignment.cases(seed)


def key(assignment, data, *, seed=None, limits=None, render=True):
    """Names everything on which a record depends; the same key, the same record."""
    parts = [hashlib.sha256(data).hexdigest(), assignment.name, grader()]
    for name in ("source.ipynb", "hidden.py"):
        parts.append(hashlib.sha256((assignment.folder / name).read_bytes()).hexdigest())
    if seed is None and (assignment.folder / "seed.txt").is_file():
        seed = int((assignment.folder / "seed.txt").read_text())
    parts.append(json.dumps([seed, asdict(limits or Limits()), render], sort_keys=True))
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


@functools.cache
def grader():
    """Fingerprint of the grader: its code, optlib, Python and numpy."""
    digest = hashlib.sha256(f"{platform.python_version()} {np.__version__}".encode())
    here = INNER / "grading"
    own = [here / name for name in ("grade.py", "sandbox.py", "submission.py")]
    own += [INNER / name for name in ("cases.py", "inside.py", "supervisor.py", "wire.py")]
    for path in own + sorted(OPTLIB.glob("*.py")):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()
