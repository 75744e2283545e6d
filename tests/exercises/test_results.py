"""Which attempt counts, what lateness costs, totals and the status of a class."""

import hashlib
import json
from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exercises.grading.course import Attempt, Course, Late, Plan, stem
from exercises.grading.results import lateness, results, status

CET = timezone(timedelta(hours=1))
DUE = datetime(2026, 12, 1, 23, 59, tzinfo=CET)
SECOND, MINUTE, HOUR, DAY = (timedelta(**{n: 1}) for n in ("seconds", "minutes", "hours", "days"))
TOML = """
[late]
grace_minutes = 15
per_day = 0.1
floor = 0.5
[assignments.momentum]
seed = 1
due = 2026-12-01T23:59:00+01:00
attempts = "{}"
extensions = {{ "cleo" = 2026-12-08T23:59:00+01:00 }}
[assignments.loss]
seed = 1
"""
STUDENTS = "id,first_name,last_name,email\nbob,B,O,\nada,A,L,\ncleo,C,M,\n"


@pytest.fixture
def make(tmp_path):
    def make(attempts="last"):
        (tmp_path / "course.toml").write_text(TOML.format(attempts))
        (tmp_path / "students.csv").write_text(STUDENTS)
        return Course(tmp_path)

    return make


@pytest.fixture
def course(make):
    return make()


def hand_in(course, student, after_due, data, assignment="momentum"):
    digest = hashlib.sha256(data).hexdigest()
    folder = course.folder / "attempts" / assignment / student
    folder.mkdir(parents=True, exist_ok=True)
    when = (DUE + after_due).astimezone(UTC)
    path = folder / f"{stem(when, digest)}.ipynb"
    path.write_bytes(data)
    return Attempt(assignment, student, when, path, digest)


def record(course, attempt, got=0.0, key="new", state="to mark", **more):
    """Write a record: `got` points in the first question, none in the others."""
    sheet = course.plans[attempt.assignment].assignment
    got = dict.fromkeys(sheet.questions, 0.0) | {next(iter(sheet.questions)): got}
    made = {
        "key": key,
        "assignment": attempt.assignment,
        "digest": attempt.digest,
        "status": "graded",
        "reason": "",
        "notes": [],
        "questions": {
            name: {"status": "graded", "why": "", "points": got[name], "max": meta["points"]}
            for name, meta in sheet.questions.items()
        },
        "manual": {
            name: {"status": state, "why": "", "max": meta["points"]}
            for name, meta in sheet.manual.items()
        },
    } | more
    attempt.record_path.parent.mkdir(parents=True, exist_ok=True)
    attempt.record_path.write_text(json.dumps(made, sort_keys=True))
    return made


def of(course, student, manual=None, assignment="momentum"):
    (found,) = [r for r in results(course, assignment, manual) if r.student.id == student]
    return found


MARKS = {"ada": {"m1_plot": 3.5, "m1_essay": 5}}


def test_everyone_has_a_result(course):
    attempt = hand_in(course, "ada", -HOUR, b"1")
    made = record(course, attempt, 7.5)
    found = results(course, "momentum", MARKS)
    assert [r.student for r in found] == list(course.students.values())
    bob, ada, cleo = found
    assert (ada.attempt, ada.record, ada.why) == (attempt, made, "the only attempt")
    assert (ada.auto, ada.manual, ada.max_auto, ada.max_manual) == (7.5, 8.5, 18, 10)
    assert (ada.late_days, ada.factor, ada.total, ada.status) == (0, 1.0, 16.0, "complete")
    assert (bob.attempt, bob.record, bob.auto, bob.manual) == (None, None, 0, None)
    assert (bob.max_auto, bob.max_manual, bob.late_days, bob.factor) == (18, 10, 0, 1.0)
    assert (bob.total, bob.status, bob.why) == (None, "missing", "nothing was handed in")
    assert cleo.status == "missing"


@pytest.mark.parametrize(
    "marks, manual, total",
    [
        ({}, None, None),
        ({"m1_plot": 3.5}, None, None),
        ({"m1_plot": 3.5, "m1_essay": 0}, 3.5, 10.5),
        ({"m1_plot": 3.5, "m1_essay": 5, "unknown": 100}, 8.5, 15.5),
        ({"m1_plot": 4, "m1_essay": 6, "test_momentum": 10}, 10, 20),  # a person corrects 7
        ({"m1_plot": 4, "m1_essay": 6, "test_factor": 0.5}, 10, 17.5),
    ],
)
def test_marks(course, marks, manual, total):
    record(course, hand_in(course, "ada", -HOUR, b"1"), 7)
    found = of(course, "ada", {"ada": marks, "bob": {"m1_plot": 4}})
    assert (found.manual, found.total) == (manual, total)
    assert found.status == ("to mark" if total is None else "complete")


@pytest.mark.parametrize(
    "state, manual",
    [
        ("missing", 0),
        ("untouched", 0),
        ("to mark", None),
        ("failed", None),
        ("timeout", None),
        ("crashed", None),
    ],
)
def test_only_where_nothing_is_there_no_person_is_needed(course, state, manual):
    record(course, hand_in(course, "ada", -HOUR, b"1"), 7, state=state)
    assert of(course, "ada").manual == manual
    assert of(course, "ada", MARKS).manual == 8.5  # whatever the machine thinks


def test_an_assignment_that_no_person_marks(course, monkeypatch):
    sheet = course.plans["momentum"].assignment
    for cell in sheet.cells:
        meta = cell["metadata"]["nbgrader"]
        meta["grade"] = meta["grade"] and not meta["solution"]
    record(course, hand_in(course, "ada", -HOUR, b"1"), 7)
    found = of(course, "ada")
    assert (found.manual, found.max_manual, found.total, found.status) == (0, 0, 7, "complete")


def test_not_graded_yet(course):
    attempt = hand_in(course, "ada", 2 * DAY, b"1")
    found = of(course, "ada", MARKS)
    assert (found.attempt, found.record, found.status) == (attempt, None, "waiting")
    assert (found.auto, found.manual, found.total, found.late_days) == (0, None, None, 2)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff",
        b'{"key": "x"}',
        b'{"digest": "D", "status": "graded", "questions": 3, "manual": {}}',
        b'{"digest": "D", "status": "graded", "questions": {}, "manual": {}}',
        b'{"digest": "D", "status": "odd", "questions": {}, "manual": {}}',
    ],
)
def test_a_record_that_is_none_waits_and_is_no_zero(course, text):
    attempt = hand_in(course, "ada", -HOUR, b"1")
    record(course, attempt)
    attempt.record_path.write_bytes(text.replace(b"D", attempt.digest.encode()))
    assert of(course, "ada").status == "waiting"


def test_a_record_of_other_bytes_or_of_an_older_sheet(course):
    attempt = hand_in(course, "ada", -HOUR, b"1")
    record(course, attempt, 5, digest="0" * 64)
    assert of(course, "ada").status == "waiting"
    made = record(course, attempt, 5)
    assert of(course, "ada").status == "to mark"
    for part, name in [("manual", "m1_essay"), ("questions", "test_tune")]:
        older = {key: value for key, value in made[part].items() if key != name}
        record(course, attempt, 5, **{part: older})
        assert of(course, "ada").status == "waiting"


@pytest.mark.parametrize("more", [{}, {"questions": {}, "manual": {}}])
def test_unreadable(course, more):
    attempt = hand_in(course, "ada", -HOUR, b"1")
    made = record(course, attempt, 0, state=X, status=X, reason="no JSON") | more
    attempt.record_path.write_text(json.dumps(made))
    found = of(course, "ada")
    assert (found.status, found.auto, found.manual, found.total) == ("unreadable", 0, 0, 0)


# Lateness


def plan_due(due, **extensions):
    return Plan("momentum", None, due, "last", 1, extensions)


RULE = Late(15, 0.1, 0.5)


def late(when, due=DUE, rule=RULE, **extensions):
    attempt = Attempt("momentum", "ada", when.astimezone(UTC), None, "")
    return lateness(rule, plan_due(due, **extensions), attempt)


GRACE = 15 * MINUTE


@pytest.mark.parametrize(
    "after, days, factor",
    [
        (-365 * DAY, 0, 1.0),
        (-SECOND, 0, 1.0),
        (0 * SECOND, 0, 1.0),
        (SECOND, 0, 1.0),
        (GRACE - SECOND, 0, 1.0),
        (GRACE, 0, 1.0),
        (GRACE + SECOND, 1, 0.9),
        (DAY, 1, 0.9),
        (GRACE + DAY, 1, 0.9),
        (GRACE + DAY + SECOND, 2, 0.8),
        (GRACE + 3 * DAY, 3, 0.7),
        (GRACE + 4 * DAY + SECOND, 5, 0.5),
        (GRACE + 5 * DAY + SECOND, 6, 0.5),  # the floor
        (5000 * DAY, 5000, 0.5),
    ],
)
def test_lateness(after, days, factor):
    assert late(DUE + after) == (days, factor)


def test_lateness_that_costs_nothing():
    assert late(DUE + 9 * DAY, rule=Late()) == (9, 1.0)
    assert late(DUE + SECOND, rule=Late()) == (1, 1.0)
    assert late(DUE + 9 * DAY, due=None) == (0, 1.0)
    assert late(DUE + 9 * DAY, rule=Late(0, 0.3, 0)) == (9, 0)
    assert late(DUE + SECOND, rule=Late(0, 1, 0)) == (1, 0)
    assert late(DUE + 30 * SECOND, rule=Late(0.5, 1, 0)) == (0, 1.0)


def test_an_extension():
    later = DUE + 7 * DAY
    assert late(later + GRACE, ada=later) == (0, 1.0)
    assert late(later + GRACE + SECOND, ada=later) == (1, 0.9)
    assert late(DUE + DAY, bob=later) == (1, 0.9)


@pytest.mark.parametrize("month, day, hours", [(3, 28, 23), (10, 24, 25)])
def test_clocks_that_change_change_nothing(month, day, hours):
    """A day is 24 hours also when the night between two noons has 23 or 25."""
    zone = ZoneInfo("Europe/Berlin")
    noon = datetime(2026, month, day, 12, tzinfo=zone)
    next_noon = datetime(2026, month, day + 1, 12, tzinfo=zone)
    assert next_noon.astimezone(UTC) - noon.astimezone(UTC) == hours * HOUR
    due = noon.astimezone(timezone(noon.utcoffset()))  # as course.toml has it: an offset
    rule = Late(0, 0.1, 0)
    assert late(next_noon, due, rule) == (1 if hours == 23 else 2, 0.9 if hours == 23 else 0.8)
    assert late(due.astimezone(UTC) + DAY, due, rule) == (1, 0.9)
    assert late(due.astimezone(UTC) + DAY + SECOND, due, rule) == (2, 0.8)


@given(
    st.integers(-(10**6), 10**7),
    st.integers(0, 10**6),
    st.floats(0, 2000),
    st.floats(0, 1),
    st.floats(0, 1),
)
def test_later_is_never_better(seconds, more, grace, per_day, floor):
    rule = Late(grace, per_day, floor)
    days, factor = late(DUE + seconds * SECOND, rule=rule)
    days_after, factor_after = late(DUE + (seconds + more) * SECOND, rule=rule)
    assert days <= days_after and 1 >= factor >= factor_after >= floor
    assert (days == 0) == (seconds * SECOND <= timedelta(minutes=grace))


def test_lateness_takes_its_share_of_all_points(course):
    record(course, hand_in(course, "ada", 2 * DAY, b"1"), 7.1)
    found = of(course, "ada", MARKS)
    assert (found.auto, found.manual, found.late_days, found.factor) == (7.1, 8.5, 2, 0.8)
    assert found.total == 12.48  # and not 12.480000000000002
    record(course, hand_in(course, "cleo", 2 * DAY, b"1"), 7.1)
    assert of(course, "cleo").factor == 1.0  # the extension of course.toml


# Which attempt counts


def attempts(course, *several):
    made = []
    for number, (after, got) in enumerate(several):
        made.append(hand_in(course, "ada", after, bytes([number])))
        if got == "unreadable":
            record(course, made[-1], status=X, state=X)
        elif got is not None:
            record(course, made[-1], got)
    return made


X = "unreadable"


@pytest.mark.parametrize(
    "rule, several, counts, why",
    [
        ("last", [(-2, 9), (-1, 3)], 1, "the last of 2 attempts"),
        ("last", [(-1, 3), (-2, 9)], 0, "the last of 2 attempts"),
        ("last", [(-1, 9), (90, 9)], 1, "the last of 2 attempts"),  # late: the student's choice
        ("last", [(-2, 9), (-1, X)], 0, "the last of 2 attempts that is a notebook"),
        ("last", [(-2, X), (-1, X)], 1, "the last of 2 attempts"),
        ("last", [(-3, 9), (-2, None), (-1, X)], 1, "the last of 3 attempts that"),
        ("last", [(-2, 9), (-1, None)], 1, "the last of 2 attempts"),
        ("last", [(-2, None), (-1, 9)], 1, "the last of 2 attempts"),
        ("best", [(-2, 9), (-1, 3)], 0, "of 2 attempts the one with the most points"),
        ("best", [(-2, 3), (-1, 9)], 1, "of 2 attempts the one with the most points"),
        ("best", [(-2, 9), (-1, 9)], 0, "of 2"),  # the earliest of equals
        ("best", [(-1, 9), (-2, 9)], 1, "of 2"),
        ("best", [(-1, 9), (1, 10)], 0, "of 2"),  # 10 points count 9
        ("best", [(-1, 9), (1, 10.1)], 1, "of 2"),
        ("best", [(-2, X), (-1, 0)], 1, "of 2"),
        ("best", [(-2, X), (-1, X)], 0, "of 2"),
        ("best", [(-3, None), (-2, None), (-1, 9)], 1, "not all are graded yet"),
    ],
)
def test_which_counts(make, rule, several, counts, why):
    course = make(rule)
    made = attempts(course, *((hours * HOUR, got) for hours, got in several))
    found = of(course, "ada")
    assert why in found.why
    assert found.attempt == made[counts]
    assert (found.record is None) == (several[counts][1] is None) == (found.status == "waiting")


def test_the_floor_makes_a_late_attempt_the_best(make):
    course = make("best")
    made = attempts(course, (-HOUR, 4.9), (100 * DAY, 10))
    assert of(course, "ada").attempt == made[1]
    assert of(course, "ada", MARKS).total == 0.5 * (10 + 8.5)


@pytest.mark.parametrize("rule", ["last", "best"])
def test_the_same_bytes_again_are_not_late(make, rule):
    course = make(rule)
    first = hand_in(course, "ada", -HOUR, b"same")
    for after in (DAY, 2 * DAY):
        record(course, hand_in(course, "ada", after, b"same"), 7)
    record(course, first, 7)
    found = of(course, "ada")
    assert (found.attempt, found.factor, found.why) == (first, 1.0, "the only attempt")


def test_bytes_of_before_after_others_count_from_now(course):
    hand_in(course, "ada", -3 * HOUR, b"A")
    hand_in(course, "ada", -2 * HOUR, b"B")
    third = hand_in(course, "ada", DAY, b"A")
    assert of(course, "ada").attempt == third


def test_the_same_second_is_the_same_every_time(course):
    made = {(a := hand_in(course, "ada", -HOUR, bytes([n]))).digest: a for n in range(5)}
    assert of(course, "ada").attempt == made[max(made)]


# Status


def test_status(course):
    first = hand_in(course, "ada", -2 * HOUR, b"1")
    record(course, first, 7, key="old")
    record(course, hand_in(course, "ada", -HOUR, b"2"), 8)
    record(course, hand_in(course, "bob", -HOUR, b"3"), 9)
    hand_in(course, "cleo", -HOUR, b"4")
    hand_in(course, "gone", -HOUR, b"5")
    asked = []

    def key(plan, attempt):
        asked.append((plan.name, attempt))
        return "new"

    def manual(course, assignment):
        return {"momentum": MARKS, "loss": {}}[assignment]

    row, other = status(course, key=key, manual=manual)
    assert row.as_dict() == {
        "assignment": "momentum",
        "students": 3,
        "handed_in": 3,
        "attempts": 4,
        "graded": 2,
        "waiting": 1,
        "stale": 1,
        "unreadable": 0,
        "to_mark": 1,
        "marked": 1,
        "strangers": 1,
    }
    assert ("momentum", first) in asked and len(asked) == 3
    assert other.assignment == "loss" and other.attempts == other.handed_in == 0
    attempts(course, (HOUR, X))
    record(course, hand_in(course, "cleo", 2 * HOUR, b"6"), status=X, state=X)
    (row,) = status(course, ["momentum"], key=key, manual=manual)
    # ada's earlier notebook counts still; cleo's earlier one is waiting, so it may yet count
    assert (row.unreadable, row.waiting, row.marked, row.to_mark) == (0, 1, 1, 1)
