"""Which attempt counts, what lateness costs, and the total: from records and marks to points."""

import contextlib
import json
import math
import time
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path

from exercises.grading.course import Attempt, Course, Student
from exercises.grading.files import writing

# Of a manual question: nothing there that a person could mark. Everything else waits for one.
NOTHING = ("missing", "untouched", "unreadable")


@dataclass(frozen=True)
class Result:
    """What a student has in one assignment.

    attempt, record : the attempt that counts and what the machine found; None if there is none.
    why : why this attempt counts, in words for the student.
    auto, manual : points before any loss for lateness; manual is None while a part is unmarked.
    late_days, factor : started days after due date and grace, and the share that is left.
    total : (auto + manual) * factor; None while it is not complete.
    status : missing (nothing handed in), waiting (for the grader), unreadable (no notebook, so 0
        points), to mark (a person has to), complete.
    """

    student: Student
    attempt: Attempt | None
    record: dict | None
    why: str
    auto: float
    manual: float | None
    max_auto: float
    max_manual: float
    late_days: int
    factor: float
    total: float | None
    status: str


def results(course: Course, assignment, manual=None):
    """A :class:`Result` for every student of the class, in its order.

    manual : {student: {grade_id: points}}, what persons gave. Points for a test cell replace those
        of the machine.
    """
    plan, manual = course.plan(assignment), manual or {}
    tried = {student: [] for student in course.students}
    for attempt in course.attempts(plan.name):
        tried[attempt.student].append(attempt)
    return [
        result(course, plan, student, tried[student.id], manual.get(student.id, {}))
        for student in course.students.values()
    ]


def result(course, plan, student, attempts, given):
    questions, by_hand = plan.assignment.questions, plan.assignment.manual
    attempt, record, why = choose(course, plan, student.id, attempts)
    days, factor = (0, 1.0) if attempt is None else lateness(course.late, plan, attempt)
    auto, marked, total = 0.0, None, None
    if record is not None:
        auto = points(given.get(name, earned(record, name)) for name in questions)
        parts = [given.get(name, unmarked(record, name)) for name in by_hand]
        if None not in parts:
            marked = points(parts)
            total = round((auto + marked) * factor, 9)
    if attempt is None:
        status = "missing"
    elif record is None:
        status = "waiting"
    elif record["status"] == "unreadable":
        status = "unreadable"
    else:
        status = "to mark" if total is None else "complete"
    most = [points(meta["points"] for meta in some.values()) for some in (questions, by_hand)]
    return Result(student, attempt, record, why, auto, marked, *most, days, factor, total, status)


def choose(course, plan, student, attempts):
    """(attempt that counts, its record, why).

    "last" takes the latest attempt, "best" the one with the most points of the hidden tests after
    the loss for lateness, the earliest of equals. Both pass over what is no notebook as long as
    there is one. Bytes that were handed in again, with nothing else in between, count from their
    first time. Where an attempt that is not graded yet could be the one, it is shown, as waiting.
    """
    attempts = [b for a, b in zip([None, *attempts], attempts) if not a or a.digest != b.digest]
    found = [(attempt, read_record(plan, attempt)) for attempt in attempts]
    if not found:
        return None, None, "nothing was handed in"
    waiting = [pair for pair in found if pair[1] is None]
    fine = [pair for pair in found if not pair[1] or pair[1]["status"] != "unreadable"] or found
    many = f"{len(found)} attempts"
    if plan.attempts == "best":
        if waiting:
            return *waiting[-1], "the best one counts; not all are graded yet"
        counts = max(fine, key=lambda pair: score(course, plan, *pair))  # the first of equals
        why = f"of {many} the one with the most points for the code, after lateness"
    else:
        counts = fine[-1]
        why = f"the last of {many}"
        if counts is not found[-1]:
            why += " that is a notebook that can be read"
    return *counts, "the only attempt" if len(found) == 1 else why


def score(course, plan, attempt, record):
    """Points of the machine after the loss for lateness."""
    machine = points(earned(record, name) for name in plan.assignment.questions)
    return round(machine * lateness(course.late, plan, attempt)[1], 9)


def lateness(late, plan, attempt):
    """(started days after due date and grace, share of the points that is left).

    A day is 24 hours, whatever the clocks do: exactly at the end of the grace nothing is late, a
    second later one day is, and 24 hours after the grace still one.
    """
    due = plan.due_for(attempt.student)
    if due is None:
        return 0, 1.0
    over = attempt.when - due - timedelta(minutes=late.grace_minutes)
    if over <= timedelta(0):
        return 0, 1.0
    days = -(-over // timedelta(days=1))
    return days, max(late.floor, round(1 - days * late.per_day, 9))


def earned(record, name):
    return record["questions"].get(name, {"points": 0.0})["points"]


def unmarked(record, name):
    """Points of a manual question that nobody marked: 0 if nothing is there, else None."""
    return 0.0 if record["manual"].get(name, {"status": "missing"})["status"] in NOTHING else None


def points(numbers):
    """Their sum, the same in any order."""
    return round(math.fsum(numbers), 9)


def read_record(plan, attempt):
    """What the machine found; None if it has not looked, not at these bytes, or not at everything
    that the assignment asks for today.
    """
    try:
        record = json.loads(attempt.record_path.read_bytes())
        if record["digest"] != attempt.digest or record["status"] not in ("graded", "unreadable"):
            return None
        asked = {"questions": plan.assignment.questions, "manual": plan.assignment.manual}
        whole = all(record[part].keys() >= names.keys() for part, names in asked.items())
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None
    return record if whole or record["status"] == "unreadable" else None


@dataclass(frozen=True)
class Row:
    """How far an assignment is. ``attempts``, graded, waiting and stale count attempts, the others
    students; ``strangers`` are folders in attempts/ of nobody in the class.
    """

    assignment: str
    students: int
    handed_in: int
    attempts: int
    graded: int
    waiting: int
    stale: int  # graded with other tests, seed, limits or grader than today's: to grade again
    unreadable: int
    to_mark: int
    marked: int
    strangers: int

    def as_dict(self):
        return asdict(self)


def status(course, assignments=None, *, key=None, manual=None):
    """A :class:`Row` for each assignment.

    key(plan, attempt) : the key that its record should have; manual(course, assignment) : marks.
    By default as the engine and the gradebook have them.
    """
    key, manual = key or engine_key(course), manual or gradebook_scores
    rows = []
    for plan in course.plans.values():
        if assignments is not None and plan.name not in assignments:
            continue
        attempts = course.attempts(plan.name)
        records = [(attempt, read_record(plan, attempt)) for attempt in attempts]
        there = [(attempt, record) for attempt, record in records if record is not None]
        stale = sum(record.get("key") != key(plan, attempt) for attempt, record in there)
        states = [one.status for one in results(course, plan.name, manual(course, plan.name))]
        rows.append(
            Row(
                assignment=plan.name,
                students=len(course.students),
                handed_in=len(states) - states.count("missing"),
                attempts=len(attempts),
                graded=len(there) - stale,
                waiting=len(attempts) - len(there),
                stale=stale,
                unreadable=states.count("unreadable"),
                to_mark=states.count("to mark"),
                marked=states.count("complete"),
                strangers=len(course.strangers(plan.name)),
            )
        )
    return rows


def rate(course, window=60.0):
    """Records a minute of the last seconds, if a grader is at work on this machine; else None."""
    if not writing(course.folder):
        return None
    now = time.time()
    times = []
    for attempt in course.attempts():
        with contextlib.suppress(OSError):
            times.append(attempt.record_path.stat().st_mtime)
    recent = [when for when in times if 0 <= now - when <= window]
    if len(recent) < 2:
        return None
    return 60 * (len(recent) - 1) / max(now - min(recent), 1.0)


def engine_key(course):
    from exercises.grading import grade, sandbox

    limits = sandbox.Limits(**course.limits)

    def key(plan, attempt):
        data = attempt.path.read_bytes()
        return grade.key(plan.assignment, data, seed=plan.seed, limits=limits)

    return key


def gradebook_scores(course, assignment):
    file = course.database.removeprefix("sqlite:///")
    if file != course.database and not Path(file).is_file():
        return {}  # said at once; to load nbgrader takes seconds
    from exercises.grading import gradebook

    return gradebook.manual_scores(course, assignment)
