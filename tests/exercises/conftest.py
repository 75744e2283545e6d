"""Fixtures: the assignments, and a class of students made of code cells."""

import functools
import hashlib
import warnings
from datetime import UTC, datetime
from types import SimpleNamespace

import matplotlib
import matplotlib.pyplot as plt
import pytest

from exercises import inside
from exercises.assignment import HERE, Assignment, grading
from exercises.cases import verdict
from exercises.release import student_version, to_bytes
from exercises.wire import from_json

matplotlib.use("Agg")

NAMES = sorted(path.parent.name for path in HERE.glob("*/source.ipynb"))


@pytest.fixture(scope="session", params=NAMES)
def assignment(request):
    """Every assignment of the repository in turn."""
    return Assignment(request.param)


@pytest.fixture(scope="session")
def cases():
    """cases(assignment, seed), made once."""
    made = functools.lru_cache(lambda folder, seed: Assignment(folder).cases(seed))
    return lambda assignment, seed: made(assignment.folder, seed)


@pytest.fixture(scope="session")
def grade():
    """grade(code cells, cases) -> {title: feedback or None}, through the wall and back."""

    def grade(cells, cases):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a student's, not ours
            namespace, _ = inside.load(cells)
            plt.close("all")
            answers = [from_json(inside.answer(namespace, case.request)) for case in cases]
        return {case.title: verdict(case, said) for case, said in zip(cases, answers, strict=True)}

    return grade


@pytest.fixture(scope="session")
def stand_in(tmp_path_factory):
    """stand_in(name of an assignment) -> a class of students that hand in, and a grader's records.

    ``course.hand_in(student, {grade_id: text}, points=..., ...)`` makes an attempt and the record
    that a grader would; ``course.results`` is what :mod:`exercises.grading.results` would say.
    """

    def start(name="momentum", students=("ada", "bob"), database=None):
        folder = tmp_path_factory.mktemp("class")
        return StandIn(folder, Assignment(name), students, database)

    return start


class StandIn:
    def __init__(self, folder, assignment, students, database):
        self.folder, self.assignment, self.name = folder, assignment, "A class"
        self.database = database or f"sqlite:///{folder / 'gradebook.db'}"
        self.students = {
            id: SimpleNamespace(id=id, first_name=id.title(), last_name="Test", email=f"{id}@x.org")
            for id in students
        }
        plan = SimpleNamespace(
            name=assignment.name, assignment=assignment, due=None, attempts="last", seed=1
        )
        self.plans, self.standing, self.count = {assignment.name: plan}, {}, 0

    def hand_in(self, student, texts, points=None, status="graded", factor=1.0, **manual):
        """points: per question, else none. manual: grade_id -> fields of its part of the record."""
        self.count += 1
        sheet = student_version(self.assignment)
        for cell in sheet["cells"]:
            cell["source"] = texts.get(grading(cell)["grade_id"], cell["source"])
        sheet["cells"] += texts.get("added", [])
        raw = to_bytes(sheet) if status == "graded" else b"no notebook"
        path = self.folder / "attempts" / self.assignment.name / student / f"{self.count}.ipynb"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(raw)
        questions = {
            id: {
                "status": status, "why": "", "max": meta["points"],
                "points": (points or {}).get(id, 0.0),
                "cases": [{"title": "it", "points": 0.0, "max": 1.0, "feedback": "is <b>off</b>"}],
            }
            for id, meta in self.assignment.questions.items()
        }  # fmt: skip
        parts = {
            id: {
                "status": "to mark" if id in texts else "untouched", "why": "", "outputs": [],
                "max": meta["points"], "source": texts.get(id, ""),
            } | manual.get(id, {})
            for id, meta in self.assignment.manual.items()
        }  # fmt: skip
        record = {
            "status": status, "reason": "" if status == "graded" else "no notebook",
            "notes": [], "questions": questions, "manual": parts,
        }  # fmt: skip
        when = datetime(2026, 12, 1, 12, self.count, tzinfo=UTC)
        attempt = SimpleNamespace(
            assignment=self.assignment.name, student=student, when=when, path=path,
            digest=hashlib.sha256(raw).hexdigest(),
        )  # fmt: skip
        self.standing[student] = SimpleNamespace(
            student=student, attempt=attempt, record=record, factor=factor
        )
        return self.standing[student]

    def results(self, course, assignment, manual):
        nothing = {"attempt": None, "record": None, "factor": 1.0}
        return [
            self.standing.get(id) or SimpleNamespace(student=id, **nothing) for id in self.students
        ]
