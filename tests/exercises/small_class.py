"""A small class made by hand, for tests of what is made of results: pages, tables, numbers."""

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

from exercises.assignment import Assignment

NOON = datetime(2026, 12, 1, 12, 0, 5, tzinfo=UTC)


@dataclass(frozen=True)
class Student:
    id: str
    first_name: str = "Ada"
    last_name: str = "Byron"
    email: str = "ada@example.org"


@dataclass(frozen=True)
class Attempt:
    when: datetime
    path: Path
    digest: str


def course(folder, students, assignment="gradient-descent", due=None):
    """A class of these students with one assignment."""
    plan = SimpleNamespace(
        name=assignment, assignment=Assignment(assignment), due=due, seed=0,
        due_for=lambda student: due,
    )  # fmt: skip
    return SimpleNamespace(
        folder=folder,
        name="Optimization <autumn>",
        plans={assignment: plan},
        students={student.id: student for student in students},
    )


def attempt(folder, data=b"{}", when=NOON):
    digest = hashlib.sha256(data).hexdigest()
    path = folder / f"{digest[:12]}.ipynb"
    path.write_bytes(data)
    return Attempt(when, path, digest)


def case(title, points, most, feedback=None):
    return {"title": title, "points": points, "max": most, "feedback": feedback}


def question(cases, status="graded", why=""):
    points, most = (sum(case[word] for case in cases) for word in ("points", "max"))
    return {"status": status, "why": why, "points": points, "max": most, "cases": cases}


def manual(status="to mark", most=4, kind="code", source="", outputs=(), why=""):
    return {
        "status": status, "why": why, "max": most, "kind": kind, "source": source,
        "outputs": list(outputs),
    }  # fmt: skip


def record(questions, manual=None, notes=(), status="graded", reason=""):
    return {
        "status": status, "reason": reason, "notes": list(notes), "questions": questions,
        "manual": manual or {},
    }  # fmt: skip


def result(student, attempt=None, record=None, marked=None, **more):
    """A Result; the total is complete once the manual parts have been marked."""
    record_of = record or {"questions": {}, "manual": {}}
    auto = sum(one["points"] for one in record_of["questions"].values())
    most = sum(one["max"] for one in record_of["manual"].values())
    factor = more.get("factor", 1.0)
    done = record is not None and (marked is not None or not most)
    status = "missing" if attempt is None else "waiting" if record is None else record["status"]
    if status == "graded":
        status = "complete" if done else "to mark"
    values = {
        "student": student, "why": "the last of 2 attempts", "attempt": attempt,
        "record": record, "auto": auto, "manual": marked,
        "max_auto": 18, "max_manual": most, "late_days": 0, "factor": factor, "status": status,
        "total": factor * (auto + (marked or 0)) if done else None,
    }  # fmt: skip
    return SimpleNamespace(**(values | more))


def notebook(sheet, code):
    """A student's notebook as bytes: the sheet with other code in cells by grade_id."""
    cells = []
    for cell in sheet.cells:
        name = cell["metadata"].get("nbgrader", {}).get("grade_id")
        cells.append(cell | {"source": code.get(name, cell["source"])})
    return json.dumps(sheet.notebook | {"cells": cells}).encode()
