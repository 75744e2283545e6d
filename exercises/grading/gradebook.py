"""nbgrader's gradebook of a class: what the machine found goes in, what a person marked comes out.

A mark belongs to the text that the marker saw. The id of a row in nbgrader's tables ``grade`` and
``comment`` is a fingerprint of student, cell and text: of an essay the essay; of anything that
comes from code, all code of the submission. When another text counts, its rows are new, unmarked,
and flagged for marking; the marks of the old text are put aside in the table EARLIER, and come back
with their text. So no mark is lost, none counts for words that nobody read, and what a marker saves
in a page that is out of date reaches no row.
"""

import hashlib
import shutil
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC
from pathlib import Path

import alembic.config
import alembic.script
import nbgrader
import sqlalchemy as sa
from nbgrader import api
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError

from exercises.assignment import grading
from exercises.grading import marking, submission
from exercises.grading.files import sole_writer, write_atomically
from exercises.release import student_version

ASSIGNMENT, NOTEBOOK = api.Assignment.__table__, api.Notebook.__table__
CELL, GRADE_CELL = api.BaseCell.__table__, api.GradeCell.__table__
SOLUTION_CELL, SOURCE_CELL = api.SolutionCell.__table__, api.SourceCell.__table__
COURSE, STUDENT = api.Course.__table__, api.Student.__table__
SUBMISSION, SHEET = api.SubmittedAssignment.__table__, api.SubmittedNotebook.__table__
GRADE, COMMENT = api.Grade.__table__, api.Comment.__table__
VERSION = sa.Table(
    "alembic_version", sa.MetaData(), sa.Column("version_num", sa.String(32), nullable=False)
)
EARLIER = sa.Table(
    "descent_earlier_mark",
    sa.MetaData(),
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("manual_score", sa.Float),
    sa.Column("extra_credit", sa.Float),
    sa.Column("manual_comment", sa.Text),
)
MARKS = [column.name for column in EARLIER.columns][1:]
NO_ANSWER = {"untouched": "No response.", "missing": "This cell is not in the submission."}
BEFORE = "An earlier version of this answer was marked"


class GradebookError(RuntimeError):
    """The gradebook cannot be read or written; says why and what to do."""


# --- what others call ---


def update(course, results=None):
    """Write the class, and for each student the attempt that counts, into nbgrader's gradebook.

    Also writes the notebooks in autograded/. Idempotent; each submission is one transaction, so
    that a run that is killed leaves whole submissions, old or new, and the next run does the rest.
    One writer at a time: raises :class:`exercises.grading.files.Busy`, which names the other.
    ``results`` stands for the function of that name in :mod:`exercises.grading.results`.
    """
    results = results or _results()
    with sole_writer(course.folder / "autograded"), connected(course) as engine:
        create(engine, course)
        with engine.begin() as db:
            _write_students(db, course)
        for plan in course.plans.values():
            (course.folder / "release" / plan.name).mkdir(parents=True, exist_ok=True)
            with engine.begin() as db:
                ids = _write_assignment(db, course, plan)
            with engine.connect() as db:
                standing = _read(db, ids)
            for result in results(course, plan.name, None):
                _write_result(engine, course, plan, ids, standing, result)


def manual_scores(course, assignment, results=None):
    """{student: {grade_id: points}} of the cells that a person marked in the attempt that counts.

    Points include extra credit. A mark of a test cell stands there too: it replaces the machine's.
    """
    marks = _marks(course)
    plan, found = course.plans[assignment], {}
    names = [*plan.assignment.questions, *plan.assignment.manual]
    for result in (results or _results())(course, assignment, None) if marks else ():
        if result.attempt is None:
            continue
        paper = Paper(plan, result)
        for name in names:
            given, extra, _ = marks.get(paper.id(name), (None, None, None))
            if given is None and extra is not None:
                given = paper.auto(name)
            if given is not None:
                found.setdefault(paper.student, {})[name] = given + (extra or 0.0)
    return found


def comments(course, assignment, results=None):
    """{student: {grade_id: text}} of what markers wrote about the attempt that counts."""
    marks = _marks(course)
    plan, found = course.plans[assignment], {}
    names = [grading(c)["grade_id"] for c in plan.assignment.cells if grading(c)["solution"]]
    for result in (results or _results())(course, assignment, None) if marks else ():
        if result.attempt is not None:
            paper = Paper(plan, result)
            for name in names:
                if text := marks.get(paper.id(name), (None, None, None))[2]:
                    found.setdefault(paper.student, {})[name] = text
    return found


# --- the database ---


def url(course):
    """The address for SQLAlchemy: PostgreSQL through psycopg 3, the driver that is installed."""
    try:
        address = sa.make_url(course.database)
    except ArgumentError:
        raise GradebookError(
            "course.toml: database is no URL; write sqlite:///gradebook.db, or "
            "postgresql://user:password@host/name"
        ) from None
    if address.drivername in ("postgresql", "postgres"):
        address = address.set(drivername="postgresql+psycopg")
    return address.render_as_string(hide_password=False)


class connected:
    """An engine for the block; errors of the database become a GradebookError that names it."""

    def __init__(self, course):
        self.address = sa.make_url(url(course))
        sqlite = self.address.get_backend_name() == "sqlite"
        waits = {"timeout": 30} if sqlite else {}  # a marker may be saving
        try:
            self.engine = sa.create_engine(self.address, connect_args=waits)
        except (NoSuchModuleError, ImportError) as error:
            raise GradebookError(
                f"{self.name}: {error}. Use sqlite:///FILE or postgresql://..."
            ) from None

    @property
    def name(self):
        return f"the gradebook {self.address.render_as_string(hide_password=True)}"

    def __enter__(self):
        return self.engine

    def __exit__(self, kind, error, trace):
        self.engine.dispose()
        if isinstance(error, DBAPIError):
            raise GradebookError(
                f"{self.name} cannot be used: {str(error.orig).strip()}. Is the server running, "
                "and may this user create tables in that database?"
            ) from error


def create(engine, course):
    """Make nbgrader's tables if they are not there, all at once; refuse what is not ours."""
    scripts = alembic.config.Config()
    scripts.set_main_option("script_location", str(Path(nbgrader.__file__).parent / "alembic"))
    head = alembic.script.ScriptDirectory.from_config(scripts).get_current_head()
    with engine.begin() as db:
        if engine.dialect.name == "sqlite":
            db.exec_driver_sql("BEGIN IMMEDIATE")  # else each CREATE would stand by itself
        if not sa.inspect(db).has_table("grade"):
            api.Base.metadata.create_all(db)
            VERSION.create(db, checkfirst=True)
            db.execute(VERSION.insert().values(version_num=head))
        EARLIER.create(db, checkfirst=True)
        found = db.scalar(sa.select(VERSION.c.version_num)) if _has(db, VERSION) else None
        if found != head:
            raise GradebookError(
                f"the gradebook has version {found} of nbgrader's tables and needs {head}: make a "
                "copy of it, then run `nbgrader db upgrade`"
            )
        others = set(db.scalars(sa.select(ASSIGNMENT.c.course_id))) - {_course_id(course)}
        if others - {"default_course"}:
            raise GradebookError(
                f"the gradebook belongs to the class {sorted(others)[0]!r}, and course.toml calls "
                f"this one {_course_id(course)!r}. nbgrader keeps one class in a database: give "
                "this class its own, or put the name back"
            )


def _has(db, table):
    return sa.inspect(db).has_table(table.name)


def _course_id(course):
    return name(course.name) or "course"


def name(text):
    """A name for the gradebook: formgrader puts some of them into its pages as they are."""
    return marking.clean(str(text)).translate(str.maketrans("<>&", "()+")).strip()[:128]


def _results():
    from exercises.grading.results import results

    return results


def _put(db, table, keys, **values):
    """Insert or update the row with these keys; only what differs is written. Gives its id."""
    where = [table.c[key] == value for key, value in keys.items()]
    row = db.execute(sa.select(table).where(*where)).mappings().first()
    if row is None:
        new = keys | values
        if "id" in table.c and "id" not in new:
            new["id"] = api.new_uuid()
        db.execute(table.insert().values(new))
        return new.get("id")
    changed = {key: value for key, value in values.items() if row[key] != value}
    if changed:
        db.execute(table.update().where(*where).values(changed))
    return row["id"]


# --- class and assignment ---


def _write_students(db, course):
    known = {row["id"]: row for row in db.execute(sa.select(STUDENT)).mappings()}
    for student in course.students.values():
        values = {
            "first_name": name(student.first_name),
            "last_name": name(student.last_name),
            "email": name(student.email),
        }
        row = known.get(student.id)
        if row is None:
            db.execute(STUDENT.insert().values(id=student.id, **values))
        elif any(row[key] != value for key, value in values.items()):
            db.execute(STUDENT.update().where(STUDENT.c.id == student.id).values(values))


@dataclass
class Ids:
    """Rows of an assignment in the gradebook; cells by grade_id."""

    assignment: str
    notebook: str
    graded: dict = field(default_factory=dict)
    answers: dict = field(default_factory=dict)


def _write_assignment(db, course, plan):
    _put(db, COURSE, {"id": _course_id(course)})
    due = plan.due and plan.due.astimezone(UTC).replace(tzinfo=None)
    top = _put(db, ASSIGNMENT, {"name": plan.name}, duedate=due, course_id=_course_id(course))
    notebook = _put(db, NOTEBOOK, {"name": plan.name, "assignment_id": top})
    ids = Ids(top, notebook)
    for cell in student_version(plan.assignment)["cells"]:
        meta, kind = grading(cell), cell["cell_type"]
        if not meta["grade_id"]:
            continue
        key = {"name": meta["grade_id"], "notebook_id": notebook}
        if meta["grade"]:
            at = _put(db, CELL, key | {"type": "GradeCell"})
            _put(db, GRADE_CELL, {"id": at}, max_score=float(meta["points"]), cell_type=kind)
            ids.graded[meta["grade_id"]] = at
        if meta["solution"]:
            at = _put(db, CELL, key | {"type": "SolutionCell"})
            _put(db, SOLUTION_CELL, {"id": at})
            ids.answers[meta["grade_id"]] = at
        _put(
            db, SOURCE_CELL, key, cell_type=kind, source=cell["source"],
            locked=not meta["solution"], checksum=meta["checksum"],
        )  # fmt: skip
    _drop_cells(db, ids)
    return ids


def _drop_cells(db, ids):
    """Cells that are no longer in the sheet; their marks are put aside."""
    kept = [*ids.graded.values(), *ids.answers.values()]
    gone = db.scalars(
        sa.select(CELL.c.id).where(CELL.c.notebook_id == ids.notebook, CELL.c.id.not_in(kept))
    ).all()
    if not gone:
        return
    for table in (GRADE, COMMENT):
        for row in db.execute(sa.select(table).where(table.c.cell_id.in_(gone))).mappings():
            _remove(db, table, row)
    for table in (GRADE_CELL, SOLUTION_CELL, api.TaskCell.__table__, CELL):
        db.execute(table.delete().where(table.c.id.in_(gone)))


# --- one submission ---


class Paper:
    """The attempt of a student that counts, with what a mark of its cells belongs to."""

    def __init__(self, plan, result):
        self.plan, self.result = plan, result
        self.student = getattr(result.student, "id", result.student)
        try:
            self.cells = submission.cells(Path(result.attempt.path).read_bytes())
        except submission.Unreadable:
            self.cells = []
        self.code = "\0".join(cell.source for cell in self.cells if cell.kind == "code")
        self.kinds = {grading(c)["grade_id"]: c["cell_type"] for c in plan.assignment.cells}

    def id(self, name):
        """Of the rows for a cell: who wrote it, which it is, and on what its mark was given."""
        text = self.code
        if self.kinds[name] == "markdown":
            text = next((cell.source for cell in self.cells if cell.name == name), "")
        parts = "\0".join([self.plan.name, self.student, name, text])
        return hashlib.sha256(parts.encode("utf-8")).hexdigest()[:32]

    def auto(self, name):
        """Points that the machine gives, or None where a person has to."""
        record = self.result.record
        if record is None:
            return None
        if name in self.plan.assignment.questions:
            return float(record["questions"].get(name, {"points": 0.0})["points"])
        return 0.0 if self.nothing(name) else None

    def nothing(self, name):
        """Words for an answer that nobody needs to read, or None."""
        record = self.result.record
        if record["status"] == "unreadable":
            return f"The file could not be read: {marking.clean(record['reason'])}"
        part = record["manual"].get(name)
        return NO_ANSWER.get(part["status"]) if part else None


@dataclass
class Standing:
    """What the gradebook holds for one student; grades and comments by the id of their cell."""

    submission: str | None = None
    sheet: str | None = None
    timestamp: object = None
    penalty: float | None = None
    grades: dict = field(default_factory=dict)
    comments: dict = field(default_factory=dict)


def _read(db, ids, student=None):
    """{student: Standing}, of all or of one."""
    one = [] if student is None else [SUBMISSION.c.student_id == student]
    query = sa.select(SUBMISSION, SHEET.c.id.label("sheet"), SHEET.c.late_submission_penalty)
    query = query.outerjoin(
        SHEET,
        sa.and_(SHEET.c.assignment_id == SUBMISSION.c.id, SHEET.c.notebook_id == ids.notebook),
    ).where(SUBMISSION.c.assignment_id == ids.assignment, *one)
    found = {
        row["student_id"]: Standing(
            row["id"], row["sheet"], row["timestamp"], row["late_submission_penalty"]
        )
        for row in db.execute(query).mappings()
    }
    by_sheet = {standing.sheet: standing for standing in found.values()}
    for table, where in ((GRADE, "grades"), (COMMENT, "comments")):
        query = sa.select(table).join(SHEET, SHEET.c.id == table.c.notebook_id)
        query = query.where(SHEET.c.notebook_id == ids.notebook)
        if student is not None:
            query = query.where(SHEET.c.id.in_([s for s in by_sheet if s]))
        for row in db.execute(query).mappings():
            if row["notebook_id"] in by_sheet:
                getattr(by_sheet[row["notebook_id"]], where)[row["cell_id"]] = row
    return found


def _write_result(engine, course, plan, ids, standing, result):
    student = getattr(result.student, "id", result.student)
    folder = course.folder / "autograded" / student / plan.name
    before = standing.get(student)
    if result.attempt is None:
        if before:
            with engine.begin() as db:
                _remove_submission(db, before)
        shutil.rmtree(folder, ignore_errors=True)
        return
    if result.record is None:  # not graded yet: what stood there stands
        return
    paper = Paper(plan, result)
    # the notebook comes first: after a crash between the two, a marker who sees the new text still
    # writes into the rows of the old one, which the next update puts aside, and not the reverse
    when = result.attempt.when.astimezone(UTC).replace(tzinfo=None)
    book = marking.notebook(plan.assignment, result.record, paper.cells)
    _keep(folder / f"{plan.name}.ipynb", book)
    _keep(folder / "timestamp.txt", f"{when.isoformat(' ')} UTC\n".encode())
    if before is None or _changes(ids, before, paper, when):
        with engine.begin() as db:
            # takes SQLite's lock and PostgreSQL's row, so that nobody marks while we decide
            where = SUBMISSION.c.student_id == student, SUBMISSION.c.assignment_id == ids.assignment
            db.execute(SUBMISSION.update().where(*where).values(timestamp=when))
            if before and before.sheet:
                db.execute(
                    sa.select(GRADE).where(GRADE.c.notebook_id == before.sheet).with_for_update()
                )
            now = _read(db, ids, student).get(student)
            _apply(db, ids, now or Standing(), paper, when)


def _keep(path, data):
    if not path.is_file() or path.read_bytes() != data:
        write_atomically(path, data)


def _cells(ids):
    yield from ((GRADE, "grades", *item) for item in ids.graded.items())
    yield from ((COMMENT, "comments", *item) for item in ids.answers.items())


def _changes(ids, standing, paper, when):
    """Whether anything would be written."""
    if standing.sheet is None or standing.timestamp != when:
        return True
    scores = []
    for table, where, label, cell in _cells(ids):
        row = getattr(standing, where).get(cell)
        if row is None or row["id"] != paper.id(label) or _difference(table, row, paper, label):
            return True
        scores.append(_score(row) if table is GRADE else 0.0)
    return standing.penalty != _penalty(paper, sum(scores))


def _difference(table, row, paper, label):
    """What changes in a row that is there, for the same text."""
    if table is COMMENT:
        said = paper.nothing(label)
        if said is None and (row["auto_comment"] or "").startswith(BEFORE):
            said = row["auto_comment"]
        return {} if row["auto_comment"] == said else {"auto_comment": said}
    auto = paper.auto(label)
    new = {} if row["auto_score"] == auto else {"auto_score": auto}
    if row["manual_score"] is None:
        if row["needs_manual_grade"] != (auto is None):
            new["needs_manual_grade"] = auto is None
    elif new and label in paper.plan.assignment.questions:
        new["needs_manual_grade"] = True  # a person overruled another verdict than this one
    return new


def _score(row):
    given = row["auto_score"] if row["manual_score"] is None else row["manual_score"]
    return 0.0 if given is None else given + (row["extra_credit"] or 0.0)


def _penalty(paper, score):
    return round((1.0 - paper.result.factor) * score, 9)


def _apply(db, ids, standing, paper, when):
    """Write all that belongs to one submission; the caller holds the transaction."""
    if standing.submission is None:
        standing.submission = _put(
            db, SUBMISSION, {"assignment_id": ids.assignment, "student_id": paper.student},
            timestamp=when,
        )  # fmt: skip
    if standing.sheet is None:
        key = {"notebook_id": ids.notebook, "assignment_id": standing.submission}
        standing.sheet = _put(db, SHEET, key, flagged=False)
    before = {}  # grade_id -> words about marks of an earlier text
    for table, where, label, cell in _cells(ids):
        row = getattr(standing, where).get(cell)
        if row is not None and row["id"] == paper.id(label):
            if new := _difference(table, row, paper, label):
                db.execute(table.update().where(table.c.id == row["id"]).values(new))
            continue
        if row is not None:
            _remove(db, table, row)
            before.setdefault(label, []).extend(_marked(table, row))
        key = {"id": paper.id(label), "cell_id": cell, "notebook_id": standing.sheet}
        db.execute(table.insert().values(key | _new(db, table, paper, label, before.get(label))))
    total = sum(_score(r) for r in _read(db, ids, paper.student)[paper.student].grades.values())
    penalty = _penalty(paper, total)
    db.execute(
        SHEET.update().where(SHEET.c.id == standing.sheet).values(late_submission_penalty=penalty)
    )


def _new(db, table, paper, label, before):
    """A row for a text that was not there before, with the marks that it had once, if any."""
    kept = db.execute(sa.select(EARLIER).where(EARLIER.c.id == paper.id(label))).mappings().first()
    kept = kept or dict.fromkeys(MARKS)
    if table is COMMENT:
        said = paper.nothing(label)
        if said is None and before:
            said = f"{BEFORE}: {'; '.join(before)}"
        return {"auto_comment": said, "manual_comment": kept["manual_comment"]}
    auto = paper.auto(label)
    return {
        "auto_score": auto,
        "manual_score": kept["manual_score"],
        "extra_credit": kept["extra_credit"],
        "needs_manual_grade": auto is None and kept["manual_score"] is None,
    }


def _marked(table, row):
    if table is COMMENT:
        return [row["manual_comment"]] if row["manual_comment"] else []
    return [f"{_score(row):g} points"] if _by_hand(row) else []


def _by_hand(row):
    return any(row.get(key) is not None for key in MARKS)


def _remove(db, table, row):
    """Delete a grade or a comment, and put aside what a person had written there."""
    aside = sa.select(EARLIER.c.id).where(EARLIER.c.id == row["id"])
    if _by_hand(row) or db.scalar(aside):  # what is aside may since have been taken back
        marks = {key: row[key] for key in MARKS if key in row}
        _put(db, EARLIER, {"id": row["id"]}, **marks)
    db.execute(table.delete().where(table.c.id == row["id"]))


def _remove_submission(db, standing):
    for table, rows in ((GRADE, standing.grades), (COMMENT, standing.comments)):
        for row in rows.values():
            fresh = db.execute(sa.select(table).where(table.c.id == row["id"])).mappings().first()
            if fresh:
                _remove(db, table, fresh)
    db.execute(SHEET.delete().where(SHEET.c.assignment_id == standing.submission))
    db.execute(SUBMISSION.delete().where(SUBMISSION.c.id == standing.submission))


def _marks(course):
    """{id: (manual score, extra credit, comment)} of all that persons wrote, now and earlier."""
    address, found = sa.make_url(url(course)), defaultdict(lambda: [None, None, None])
    if address.get_backend_name() == "sqlite" and not Path(address.database).is_file():
        return {}
    with connected(course) as engine, engine.connect() as db:
        for table in (EARLIER, GRADE, COMMENT):  # what stands now comes last
            if not _has(db, table):
                continue
            for row in db.execute(sa.select(table)).mappings():
                for place, key in enumerate(MARKS):
                    if key in row and (_by_hand(row) or row["id"] in found):
                        found[row["id"]][place] = row[key]
    return dict(found)
