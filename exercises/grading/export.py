"""Points as CSV: a plain gradebook with everything, and what Moodle and Canvas import.

Rules of the two come from their importers' source (Moodle: grade/import/csv/classes/load_data.php;
Canvas: lib/gradebook_importer.rb):

- Moodle finds a student by ID number or by email (capitals count), and takes "-" for "no grade"; an
  empty field in a new column is not certain to mean that. One student it cannot find stops all.
- Canvas looks for its own number in the column ID, where ours could be that of another student, so
  it stays empty; then for SIS User ID, SIS Login ID and the name, "Last, First". The last column
  before the assignments must be Section. A header without "(number)" is compared with the titles
  of assignments; one that no assignment has becomes a new assignment. An empty field **erases** a
  grade that stands there; the page after the upload shows it before it happens.

A total that is not complete is left empty and never 0. "Nothing handed in" is a word in a column of
its own, where there is one, and no number: what it costs is the instructor's decision.

UTF-8, students in the order of their ids, assignments in that of the course; no times: the same
class gives the same bytes. A cell that a spreadsheet would take for a formula gets a "'" in front.
"""

import csv
import io
import re

from exercises.grading.files import write_atomically

FORMATS = ("plain", "moodle", "canvas")
NOTHING = (
    "missing",
    "untouched",
    "unreadable",
)  # a manual part with these has no points to wait for
FORMULA = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")  # and the full-width ones
HARMLESS = re.compile(r"-|-?\d+(\.\d+)?")  # a dash, and numbers


def write(course, formats=FORMATS, results=None, scores=None):
    """exports/grades.csv, grades-moodle.csv, grades-canvas.csv; returns their paths.

    results, scores : as from :func:`gather`, which is the default: all assignments of the course.
    """
    unknown = [name for name in formats if name not in FORMATS]
    if unknown:
        raise ValueError(f"there is no format {unknown[0]!r}; choose from {', '.join(FORMATS)}")
    if results is None:
        results, scores = gather(course)
    results = {name: results[name] for name in course.plans if name in results}
    tables = {"plain": plain, "moodle": moodle, "canvas": canvas}
    paths = []
    for name in formats:
        path = course.folder / "exports" / f"grades{'' if name == 'plain' else '-' + name}.csv"
        write_atomically(path, csv_bytes(tables[name](course, results, scores or {})))
        paths.append(path)
    return paths


def gather(course):
    """What machine and people have found, for each assignment by name.

    results : name -> list of Results. scores : name -> {student: {grade_id: points}}, cells that a
    person has marked.
    """
    from exercises.grading.gradebook import manual_scores
    from exercises.grading.results import results

    scores = {name: manual_scores(course, name) for name in course.plans}
    return {name: results(course, name, scores[name]) for name in course.plans}, scores


# The three tables


def plain(course, results, scores):
    """One row for each student and assignment, with all there is to know."""
    header = [
        "student", "last_name", "first_name", "email", "assignment", "status", "submitted_utc",
        "submission_sha256", "auto", "max_auto", "manual", "max_manual", "late_days", "factor",
        "total", "max",
    ]  # fmt: skip
    questions = []
    for name in results:
        sheet = course.plans[name].assignment
        questions += [q for q in [*sheet.questions, *sheet.manual] if q not in questions]
    header += [f"{question}: {what}" for question in questions for what in ("points", "status")]
    rows = [header]
    for name, found in results.items():
        for result in in_order(found):
            student, attempt, record = result.student, result.attempt, result.record or {}
            row = [student.id, student.last_name, student.first_name, student.email, name]
            row += [status(result)]
            row += [f"{attempt.when:%Y-%m-%dT%H:%M:%SZ}", attempt.digest] if attempt else ["", ""]
            row += [points(result.auto) if result.record else "", points(result.max_auto)]
            row += [points(result.manual), points(result.max_manual)]
            row += [points(x) if attempt else "" for x in (result.late_days, result.factor)]
            row += [total(result), points(out_of(result))]
            for question in questions:
                judged = record.get("questions", {}).get(question)
                marked = record.get("manual", {}).get(question)
                given = scores.get(name, {}).get(student.id, {}).get(question)
                if given is not None:  # a person's word stands, on a tested question as well
                    row += [points(given), "marked"]
                elif judged:
                    row += [points(judged["points"]), judged["status"]]
                elif marked:
                    row += ["0" if marked["status"] in NOTHING else "", marked["status"]]
                else:
                    row += ["", ""]
            rows.append(row)
    return rows


def moodle(course, results, _=None):
    """One row a student; a column of points and one of words (feedback) for each assignment."""
    header = ["First name", "Last name", "ID number", "Email address"]
    for name in results:
        header += [name, f"{name} (feedback)"]
    rows = [header]
    for student, mine in by_student(course, results):
        row = [student.first_name, student.last_name, student.id, student.email]
        for name in results:
            row += [total(mine.get(name)) or "-", words(mine.get(name))]
        rows.append(row)
    return rows


def canvas(course, results, _=None):
    """Canvas's gradebook; the second row says how many points there are."""
    rows = [["Student", "ID", "SIS User ID", "SIS Login ID", "Section", *results]]
    maxima = [points(max(map(out_of, found), default=None)) for found in results.values()]
    rows.append(["    Points Possible", "", "", "", "", *maxima])
    for student, mine in by_student(course, results):
        name = f"{student.last_name}, {student.first_name}"
        rows.append([name, "", student.id, student.id, "", *(total(mine.get(n)) for n in results)])
    return rows


# What they share


def in_order(found):
    return sorted(found, key=lambda result: result.student.id)


def by_student(course, results):
    """(student, name of assignment -> Result) for the whole class."""
    mine = {}
    for name, found in results.items():
        for result in found:
            mine.setdefault(result.student.id, {})[name] = result
    for key in sorted(course.students):
        yield course.students[key], mine.get(key, {})


def out_of(result):
    return result.max_auto + result.max_manual


def status(result):
    """missing, waiting, unreadable, to mark or complete; see exercises/grading/results.py."""
    return "missing" if result is None else result.status


WORDS = {
    "missing": "nothing handed in",
    "waiting": "handed in, not graded yet",
    "unreadable": "handed in, but it is no notebook that can be read",
    "to mark": "not complete: a part is still to be marked",
    "complete": "",
}


def words(result):
    """What a student should know beside the number."""
    said = WORDS[status(result)]
    if not said and result.factor != 1:
        said = f"late by {points(result.late_days)} day(s): counts {points(100 * result.factor)} %"
    return said


def total(result):
    """The total as text; empty as long as it is not complete, and where nothing was handed in."""
    complete = status(result) in ("complete", "unreadable")
    return points(result.total) if complete else ""


def points(value):
    """A number as text: at most four digits behind the point, none that say nothing."""
    if value is None:
        return ""
    text = f"{value:.4f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def plain_text(text):
    """Text on one line, without the control characters that terminals and spreadsheets obey."""
    return "".join(c if c.isprintable() else " " for c in str(text))


def cell(value):
    """A cell that no spreadsheet takes for a formula."""
    text = plain_text(value)
    formula = text.lstrip().startswith(FORMULA) and not HARMLESS.fullmatch(text)
    return "'" + text if formula else text


def csv_bytes(rows):
    """Rows of cells as CSV in UTF-8."""
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows([cell(value) for value in row] for row in rows)
    return out.getvalue().encode("utf-8", "replace")
