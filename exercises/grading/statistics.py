"""How the questions of an assignment did: difficulty, discrimination, statuses.

    difficulty      mean share of the points, 0 (nobody) to 1 (everybody): the usual name, though
                    high means easy
    discrimination  correlation of the item's points with all the machine's points but the item's
                    own (corrected item-total correlation): do those who are good elsewhere get it?

A discrimination near 0 or below says: look at the text and at the test before you look at the
students. In a class of thirty its standard error is about 0.2. It is not defined when everybody has
the same points, here or elsewhere, or with fewer than three students; then the row says why.
Students who handed in nothing, or nothing that can be read, are not counted.
"""

import math
from collections import Counter
from dataclasses import dataclass

from exercises.grading.export import csv_bytes, plain_text
from exercises.grading.files import write_atomically

WIDTH = 55  # of names in the table for a terminal
FEWEST = 3


@dataclass(frozen=True)
class Item:
    """A question (case is None) or one case of it; ``why`` says why a number is None."""

    question: str
    case: str | None
    students: int
    max: float
    difficulty: float | None
    discrimination: float | None
    why: str
    statuses: dict  # status -> number of students; empty for a case


def items(course, assignment, results, scores=None):
    """One Item for each question and each of its cases, in the order of the sheet.

    scores : {student: {grade_id: points}} of what people have marked, for the manual parts. Of the
    tested ones the machine's points count here, also where a person has changed them.
    """
    sheet, scores = course.plans[assignment].assignment, scores or {}
    graded = [r for r in results if r.record and r.record["status"] == "graded"]
    total = {r.student.id: _total(r.record) for r in graded}
    rows = []
    for question in sheet.questions:
        found = {
            r.student.id: r.record["questions"][question]
            for r in graded
            if question in r.record["questions"]
        }
        earned = {student: (one["points"], one["max"]) for student, one in found.items()}
        statuses = Counter(one["status"] for one in found.values())
        rows.append(_item(question, None, earned, total, statuses))
        cases = {}
        for one in found.values():
            cases |= {case["title"]: case["max"] for case in one["cases"]}
        for title, most in cases.items():
            earned = {}
            for student, one in found.items():
                points = next((c["points"] for c in one["cases"] if c["title"] == title), None)
                if points is not None or not one["cases"]:  # none at all: the question gave nothing
                    earned[student] = (points or 0, most)
            rows.append(_item(question, title, earned, total, {}))
    for question, meta in sheet.manual.items():
        earned = {
            r.student.id: (scores[r.student.id][question], meta["points"])
            for r in graded
            if scores.get(r.student.id, {}).get(question) is not None
        }
        statuses = Counter(
            "marked" if r.student.id in earned else r.record["manual"][question]["status"]
            for r in graded
            if question in r.record["manual"]
        )
        rows.append(_item(question, None, earned, total, statuses, meta["points"]))
    return rows


def _total(record):
    return sum(question["points"] for question in record["questions"].values())


def _item(question, case, earned, total, statuses, by_hand=None):
    """``by_hand``: the most that a person gives, of a question that the machine does not know."""
    machine = by_hand is None
    most = max((most for _, most in earned.values()), default=by_hand or 0)
    difficulty = math.fsum(p / m for p, m in earned.values()) / len(earned) if earned else None
    own = [points for points, _ in earned.values()]
    rest = [total[s] - (points if machine else 0) for s, (points, _) in earned.items()]
    discrimination, why = correlation(own, rest)
    return Item(
        question,
        case,
        len(earned),
        most,
        difficulty,
        discrimination,
        why,
        dict(sorted(statuses.items())),
    )


def correlation(own, rest):
    """Pearson's correlation and "", or None and why there is none."""
    if len(own) < FEWEST:
        return None, f"fewer than {FEWEST} students"
    spread = []
    for values, why in ((own, "all have the same points here"), (rest, "all have the same rest")):
        mean = math.fsum(values) / len(values)
        spread.append([value - mean for value in values])
        if max(map(abs, spread[-1])) < 1e-9:
            return None, why
    product = math.fsum(a * b for a, b in zip(*spread, strict=True))
    return product / math.sqrt(math.prod(math.fsum(a * a for a in s) for s in spread)), ""


def text(rows, assignment):
    """A table for a terminal."""
    lines = [
        f"{assignment}",
        "share: of the points that the n students have; corr.: with their other points",
        "(near 0 or below: look at the test)",
        "",
        f"{'':{WIDTH}} {'n':>4} {'max':>5} {'share':>5} {'corr.':>5}",
    ]
    for row in rows:
        name = row.question if row.case is None else f"  {plain_text(row.case)}"
        if len(name) > WIDTH:  # titles differ at their ends
            name = f"{name[: WIDTH - 23]}...{name[-20:]}"
        numbers = [f"{row.students:4d}", f"{row.max:5g}", _two(row.difficulty)]
        lines.append(" ".join([f"{name:{WIDTH}}", *numbers, _two(row.discrimination)]))
        said = [f"{n} {status}" for status, n in row.statuses.items()]
        if row.why and row.case is None:
            said.append(f"no correlation: {row.why}")
        if said:
            lines.append("  " + ", ".join(said))
    return "\n".join(lines) + "\n"


def _two(value):
    return f"{'-':>5}" if value is None else f"{value:5.2f}"


def write(course, assignment, rows):
    """exports/statistics-<assignment>.csv; the same rows give the same bytes."""
    statuses = sorted({status for row in rows for status in row.statuses})
    table = [["question", "case", "students", "max", "difficulty", "discrimination", "why_not"]]
    table[0] += statuses
    for row in rows:
        shares = ["" if x is None else f"{x:.3f}" for x in (row.difficulty, row.discrimination)]
        counts = [str(row.statuses.get(status, 0)) if row.statuses else "" for status in statuses]
        table.append(
            [
                row.question,
                row.case or "",
                str(row.students),
                f"{row.max:g}",
                *shares,
                row.why,
                *counts,
            ]
        )
    path = course.folder / "exports" / f"statistics-{assignment}.csv"
    write_atomically(path, csv_bytes(table))
    return path
