"""What a student gets back: one page for each assignment, complete in itself; and an index.

A page shows titles and feedback of the hidden tests, never their code. It runs no script and asks
no other host for anything; its policy forbids both. Everything that a student wrote is escaped. No
time of writing stands in it: the same results give the same bytes.
"""

import base64
import binascii
import functools
import hashlib
import re
from datetime import UTC
from pathlib import Path

import jinja2
from markupsafe import Markup

from exercises.assignment import HERE, SourceError, grading, read_notebook
from exercises.grading.export import NOTHING, in_order, out_of, points, status
from exercises.grading.files import write_atomically

TEMPLATES = Path(__file__).parent / "templates"
LONGEST = 4000  # characters of one output that are shown
# No text may turn what follows it around or end the page: control characters but tab and newline.
UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
PNG = b"\x89PNG\r\n\x1a\n"

# status of a question -> in short; what it means, if the record does not say why; what to do
SAYS = {
    "failed": (
        "Nothing to judge.",
        "no call gave an answer that can be judged",
        "run the cell of visible tests below your function and read the last line of the error",
    ),
    "timeout": (
        "Out of time.",
        "your code did not end within the time limit and was stopped",
        "look for a loop that never ends, and try it with small numbers first",
    ),
    "crashed": (
        "Ended early.",
        "the process that ran your code ended before it could answer",
        "look for calls that end Python (exit, os._exit) and for arrays that need too much memory",
    ),
    "missing": (
        "Missing.",
        "there is no such function, or the stub is as it was",
        "write the function, and keep its name; part of an answer can earn points",
    ),
}
NO_ANSWER = "there is no answer of yours; part of one can earn points"
MANUAL = {
    "to mark": "A person marks this part, and has not yet.",
    "failed": "Your code stopped with an error; what you wrote is marked by a person.",
    "timeout": "Your code did not end within the time limit; what you wrote is marked by a person.",
    "crashed": "The process that ran your code ended early; what you wrote is marked by a person.",
}


def write(course, assignment, results, scores=None, comments=None, book=None):
    """feedback/<student>/<assignment>.html for each result; returns the paths.

    scores, comments : {student: {grade_id: points}} and {student: {grade_id: text}} of the cells
        that people have marked.
    book : address of the book, if the chapter is to be linked; it must begin with http.
    """
    if book is not None and not re.match(r"https?://", book):
        raise ValueError(f"book={book!r} should be an address that begins with https://")
    sheet, paths = Sheet(course.plans[assignment]), []
    for result in in_order(results):
        mine = [(given or {}).get(result.student.id, {}) for given in (scores, comments)]
        text = page(course, sheet, result, *mine, book)
        path = course.folder / "feedback" / result.student.id / f"{assignment}.html"
        _put(path, text)
        paths.append(path)
    return paths


def write_index(course, results):
    """feedback/index.html, for the instructor; results: name of assignment -> its Results."""
    names = [name for name in course.plans if name in results]
    found = {(name, r.student.id): r for name in names for r in results[name]}
    rows = []
    for key in sorted(course.students):
        cells = [_cell(key, name, found.get((name, key))) for name in names]
        rows.append({"name": full_name(course.students[key]), "id": key, "cells": cells})
    path = course.folder / "feedback" / "index.html"
    _put(path, _environment().get_template("index.html").render(
        course=visible(course.name), names=names, rows=rows
    ))  # fmt: skip
    return path


def _cell(student, name, result):
    if result is None:
        return None
    said = status(result)
    if result.total is not None and said != "missing":
        said = f"{points(result.total)} of {points(out_of(result))}"
    return {"text": said, "link": f"{student}/{name}.html"}


def _put(path, text):
    data = text.encode("utf-8")
    if not (path.is_file() and path.read_bytes() == data):
        write_atomically(path, data)


@functools.cache
def _environment():
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES), autoescape=True, trim_blocks=True,
        undefined=jinja2.StrictUndefined, lstrip_blocks=True, keep_trailing_newline=True,
    )  # fmt: skip
    style = (TEMPLATES / "style.css").read_text("utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode("utf-8")).digest()).decode("ascii")
    made.globals |= {"style": Markup(style), "style_hash": f"sha256-{digest}"}
    return made


class Sheet:
    """What the pages of one assignment share.

    headings : the heading above each question and each manual part, by grade_id. answers : the
    solution cells that belong to a question, with the question itself.
    """

    def __init__(self, plan):
        self.plan, self.name = plan, plan.assignment.name
        self.title, self.headings, self.answers, heading, cells = self.name, {}, {}, "", []
        for cell in plan.assignment.cells:
            found = re.search(r"^(#+) +(.+)$", cell["source"], re.M)
            if cell["cell_type"] == "markdown" and found and not grading(cell)["solution"]:
                if found[1] == "#":
                    self.title = found[2].removeprefix("Exercises: ").strip()
                else:
                    heading = re.sub(r"\s*\([^()]*\bpoints?\b[^()]*\)\s*$", "", found[2])
            if grading(cell)["grade"]:
                self.headings[grading(cell)["grade_id"]] = heading
                self.answers[grading(cell)["grade_id"]] = [*cells, grading(cell)["grade_id"]]
                cells = []
            elif grading(cell)["solution"]:
                cells.append(grading(cell)["grade_id"])
        self.title = self.title[:1].upper() + self.title[1:]
        try:
            chapter = read_notebook(HERE.parent / "chapters" / f"{self.name}.ipynb")
            (first, *_) = re.findall(r"^# +(.+)$", chapter["cells"][0]["source"], re.M)
            self.chapter = first.strip()
        except (SourceError, ValueError, IndexError):
            self.chapter = None


def page(course, sheet, result, scores, comments, book=None):
    """The page of one student, as text."""
    record = result.record or {}
    readable = record.get("status") == "graded"
    parts = _parts(sheet, record, scores, comments) if readable else []
    groups = []
    for part in parts:
        heading = sheet.headings.get(part["id"]) or "Questions"
        if not groups or groups[-1]["heading"] != heading:
            groups.append({"heading": heading, "parts": []})
        groups[-1]["parts"].append(part)
    headline, explained = _headline(result, record, parts)
    return _environment().get_template("feedback.html").render(
        title=sheet.title,
        name=full_name(result.student),
        student=result.student,
        course=visible(course.name),
        headline=headline,
        explained=explained,
        facts=_facts(result, sheet.plan.due_for(result.student.id)),
        notes=[visible(note) for note in record.get("notes", [])],
        table=_table(parts, result),
        groups=groups,
        next=_next(result, record, parts),
        chapter=sheet.chapter,
        link=f"{book.rstrip('/')}/chapters/{sheet.name}.html" if book and sheet.chapter else None,
    )  # fmt: skip


def _headline(result, record, parts):
    """The one sentence at the top, and what explains it."""
    state, most = status(result), points(out_of(result))
    if state == "missing":
        return "Nothing has been handed in.", [
            f"This assignment has {most} points. No file of yours was there when the class was "
            "collected. If you did hand one in, tell your instructor."
        ]
    if state == "waiting":
        return "Handed in, and not graded yet.", []
    if state == "unreadable":
        return "Your file was received, and it cannot be read as a notebook.", [
            _sentence(record.get("reason", "")),
            "So nothing in it could be graded. What you wrote is kept.",
        ]
    if state == "to mark":
        sofar, of = points(result.auto), points(result.max_auto)
        rest = sum(float(part["max"]) for part in parts if part["points"] == "?")
        return f"So far: {sofar} of {of} points for the code.", [
            f"A person marks the rest, up to {points(rest)} points. The total follows."
        ]
    return f"{points(result.total)} of {most} points.", []


def _facts(result, due):
    if result.attempt is None:
        return [("Due", _when(due, due))] if due else []
    facts = [("Handed in", _when(result.attempt.when, due))]
    if due:
        facts.append(("Due", _when(due, due)))
        days, share = result.late_days, points(100 * result.factor)
        if days:
            unit = "day" if days == 1 else "days"
            facts.append(("Late", f"by {points(days)} {unit}, so the points count {share} %"))
        else:
            facts.append(("Late", "no"))
    facts.append(("This page is about", result.why))
    facts.append(("Your file's fingerprint", f"{result.attempt.digest[:12]} (SHA-256, its start)"))
    return facts


def _when(time, like):
    """A time in words, on the clock of the deadline, else UTC."""
    zone = like.tzinfo if like is not None else UTC
    time = time.astimezone(zone)
    shift = time.isoformat()[-6:].replace("+00:00", "")
    return f"{time.day} {time:%B %Y, %H:%M} (UTC{shift})"


def _parts(sheet, record, scores, comments):
    parts = []
    for question in sheet.plan.assignment.questions:
        if question in record["questions"]:
            said = [comments[cell] for cell in sheet.answers[question] if comments.get(cell)]
            mark = scores.get(question)
            parts.append(_question(question, record["questions"][question], mark, said))
    for question in sheet.plan.assignment.manual:
        if question in record.get("manual", {}):
            mark, comment = scores.get(question), comments.get(question)
            parts.append(_manual(question, record["manual"][question], mark, comment))
    order = list(sheet.headings)
    return sorted(parts, key=lambda part: order.index(part["id"]))


def _question(question, found, mark, comments):
    cases = [
        {
            "title": visible(case["title"]),
            "points": points(case["points"]),
            "max": points(case["max"]),
            "passed": case["feedback"] is None and case["points"] >= case["max"],
            "feedback": visible(case["feedback"] or ""),
        }
        for case in found["cases"]
    ]
    passed = sum(case["passed"] for case in cases)
    good = found["status"] == "graded" and passed == len(cases)
    if found["status"] == "graded":
        head = "Right." if good else "Not all right yet."
        says = f"{passed} of {len(cases)} tests passed."
    else:
        head, meaning, _ = SAYS.get(found["status"], SAYS["failed"])
        says = _sentence(found["why"] or meaning)
        if len({case["feedback"] for case in cases}) == 1:
            cases = []  # said once is enough
    earned = found["points"]
    if mark is not None and mark != earned:
        says += f" A person has looked at it and changed {points(earned)} to {points(mark)} points."
        earned = mark
    return _part(
        question, points(earned), found["max"], good=good, bad=not good, kind="code", status=head,
        says=says, cases=cases, state=found["status"], comment=visible("\n".join(comments)).strip(),
    )  # fmt: skip


def _manual(question, found, mark, comment):
    outputs = []
    for output in found.get("outputs", []):
        if "png" in output:
            picture = _png(output["png"])
            outputs.append({"png": picture, "text": "(a picture that cannot be shown)"})
        else:
            text = visible(output.get("text", ""))
            cut = "\n(and more)" if len(text) > LONGEST else ""
            outputs.append({"png": None, "text": text[:LONGEST] + cut})
    head, empty = "To be marked.", mark is None and found["status"] in NOTHING
    if empty:
        head, mark = "Nothing handed in.", 0
    elif mark is not None:
        head = "Marked."
    says = MANUAL.get(found["status"], "")
    if mark is not None and found["status"] == "to mark":
        says = ""
    if found["why"]:
        says = f"{says} {_sentence(found['why'])}".strip()
    return _part(
        question, "?" if mark is None else points(mark), found["max"], kind="manual",
        status=head, says=says, bad=empty,
        comment=visible(comment or "").strip(), outputs=outputs,
        source="" if found["status"] in NOTHING else visible(found.get("source", "")).strip("\n"),
        state=found["status"], empty=empty,
    )  # fmt: skip


def _sentence(words):
    """Words of a record as a sentence."""
    words = visible(words).strip()
    return words[:1].upper() + words[1:] + ("" if words[-1:] in ".!?" else ".")


def _part(question, earned, most, **more):
    empty = dict.fromkeys(("good", "bad", "empty"), False)
    empty |= {"cases": [], "comment": "", "source": "", "outputs": []}
    name = question.removeprefix("test_")
    return empty | {"id": question, "name": name, "points": earned, "max": points(most)} | more


def _table(parts, result):
    """Points of each part, and how the total comes of them."""
    rows = [
        {"part": p["name"], "points": p["points"], "max": p["max"], "sum": False} for p in parts
    ]
    if not rows:
        return []
    most = points(out_of(result))

    def add(part, value):
        rows.append({"part": part, "points": value, "max": most, "sum": True})

    if result.total is None:
        add("Total", "not complete")
    elif result.factor != 1:
        add("Sum", points(result.auto + (result.manual or 0)))
        add(f"Total: the sum, counted {points(100 * result.factor)} % (late)", points(result.total))
    else:
        add("Total", points(result.total))
    return rows


def _next(result, record, parts):
    state = status(result)
    if state == "missing":
        return [
            "Hand in what you have: part of an answer can earn points. Ask whether it still counts."
        ]
    if state == "waiting":
        return ["Nothing. Your page changes when your work has been graded."]
    if state == "unreadable":
        return [
            "Open the file in Jupyter. If that works, save it there, check that its name ends in "
            ".ipynb, and hand it in again.",
            "If it does not open, go back to an older copy (Jupyter keeps one as a checkpoint).",
        ]
    lines = []
    if record["notes"]:
        lines.append(
            "Choose “Restart kernel and run all cells”, and mend the first cell that stops with an "
            "error."
        )
    for part in parts:
        failed = [case for case in part["cases"] if not case["passed"]]
        if part["empty"]:
            lines.append(f"{part['name']}: {NO_ANSWER}.")
        if part["kind"] == "manual" or part["good"]:
            continue
        if part["state"] == "graded" and failed:
            lines.append(f"{part['name']}: begin with the test “{failed[0]['title']}”.")
        else:
            lines.append(f"{part['name']}: {SAYS.get(part['state'], SAYS['failed'])[2]}.")
    if any(part["comment"] for part in parts):
        lines.append("Read what the marker wrote.")
    if not lines:
        lines.append("Nothing is left to mend here.")
    return [
        *lines,
        "Does something look wrong to you? Tell your instructor, with the fingerprint above.",
    ]


# Text of others


def visible(text):
    """Text without the characters that act instead of being shown; templates escape the rest."""
    return UNSEEN.sub("\ufffd", str(text).replace("\r\n", "\n").replace("\r", "\n"))


def full_name(student):
    return visible(f"{student.first_name} {student.last_name}").replace("\n", " ").strip()


def _png(text):
    """The picture in base64 if it is one, else None."""
    try:
        data = base64.b64decode("".join(str(text).split()), validate=True)
    except (binascii.Error, ValueError):
        return None
    return base64.b64encode(data).decode("ascii") if data.startswith(PNG) else None
