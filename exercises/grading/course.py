"""The folder of a class: who is in it, what is set, what was handed in. README.md: its layout."""

import csv
import hashlib
import json
import re
import secrets
import tomllib
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from exercises.assignment import HERE, Assignment, SourceError

NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")  # of students and assignments: safe in a path
STEM = re.compile(r"(\d{8}T\d{6}Z)_([0-9a-f]{12})")
STAMP = "%Y%m%dT%H%M%SZ"
COLUMNS = ("id", "first_name", "last_name", "email")
LIMITS = ("seconds", "memory", "processes", "answer", "disk")  # the fields of sandbox.Limits


class CourseError(ValueError):
    """Something in the folder of a class that must be put right by hand."""


@dataclass(frozen=True)
class Student:
    """A row of students.csv."""

    id: str
    first_name: str
    last_name: str
    email: str


@dataclass(frozen=True)
class Attempt:
    """One file as handed in. ``digest`` is the sha256 of its bytes, ``when`` in UTC."""

    assignment: str
    student: str
    when: datetime
    path: Path
    digest: str

    @property
    def stem(self):
        return stem(self.when, self.digest)

    @property
    def record_path(self):
        """Where the engine writes what it found."""
        folder = self.path.parents[3] / "records"
        return folder / self.assignment / self.student / f"{self.stem}.json"


def stem(when, digest):
    """The name of an attempt: its second and its bytes."""
    return f"{when.astimezone(UTC).strftime(STAMP)}_{digest[:12]}"


@dataclass(frozen=True)
class Late:
    """What lateness costs: nothing until the grace is over, then a share per started day."""

    grace_minutes: float = 0.0
    per_day: float = 0.0
    floor: float = 0.0


@dataclass(frozen=True)
class Plan:
    """An assignment as set for this class. ``extensions`` holds due dates of single students."""

    name: str
    assignment: Assignment
    due: datetime | None
    attempts: str
    seed: int
    extensions: dict = field(default_factory=dict)

    def due_for(self, student):
        return self.extensions.get(student, self.due)


class Course:
    """A class: ``name``, ``database`` (an absolute URL), ``late``, ``limits``, ``plans`` by the
    name of the assignment and ``students`` by id. CourseError if course.toml or students.csv
    say something that cannot be meant.
    """

    def __init__(self, folder):
        self.folder = Path(folder).resolve()
        self.file = self.folder / "course.toml"
        given = self._toml()
        self._known("", given, ("name", "database", "late", "limits", "assignments"))
        self.name = given.get("name", self.folder.name)
        if not isinstance(self.name, str) or not self.name.strip():
            self._refuse("name", self.name, "give the class a name, in quotes")
        self.database = self._database(given.get("database", "sqlite:///gradebook.db"))
        self.late = self._late(self._table("late", given))
        self.limits = self._limits(self._table("limits", given))
        self.students = read_students(self.folder / "students.csv")
        self.plans = {}
        for name in self._table("assignments", given):
            plan = self._table(name, given["assignments"], "assignments.")
            self.plans[name] = self._plan(name, plan)

    def attempts(self, assignment=None, student=None):
        """What was handed in, sorted by (assignment, student, when, digest)."""
        names = self.plans if assignment is None else [self.plan(assignment).name]
        ids = self.students if student is None else [student]
        if student is not None:
            self.student(student)
        found = []
        for name in names:
            for one in ids:
                for path in (self.folder / "attempts" / name / one).glob("*.ipynb"):
                    if not path.name.startswith("."):  # half written
                        found.append(read_attempt(name, one, path))
        return sorted(found, key=lambda a: (a.assignment, a.student, a.when, a.digest))

    def student(self, id):
        """The student with that id, or CourseError."""
        if id not in self.students:
            raise CourseError(f"{id!r} is no id of {self.folder / 'students.csv'}")
        return self.students[id]

    def strangers(self, assignment):
        """Names in attempts/ that are not (or no longer) in students.csv: they get no result."""
        folder = self.folder / "attempts" / assignment
        names = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
        return sorted(name for name in names - self.students.keys() if not name.startswith("."))

    def plan(self, assignment):
        """The plan of that name, or CourseError."""
        if assignment not in self.plans:
            raise CourseError(
                f"{self.file} sets no assignment {assignment!r}; it has "
                f"{', '.join(self.plans) or '(none)'}. Add [assignments.NAME] for another one"
            )
        return self.plans[assignment]

    def _refuse(self, key, value, remedy):
        raise CourseError(f"{self.file}: {key} = {value!r}: {remedy}")

    def _toml(self):
        try:
            return tomllib.loads(self.file.read_text("utf-8"))
        except FileNotFoundError:
            raise CourseError(
                f"{self.file} does not exist; `python -m exercises new-class FOLDER` starts a class"
            ) from None
        except (OSError, ValueError) as error:
            raise CourseError(f"{self.file} cannot be read: {error}") from None

    def _table(self, key, given, prefix=""):
        table = given.get(key, {})
        if not isinstance(table, dict):
            self._refuse(prefix + key, table, f"write it as a table, [{prefix}{key}]")
        return table

    def _known(self, where, given, names):
        if unknown := sorted(given.keys() - set(names)):
            key = f"{where}{unknown[0]}"
            self._refuse(key, given[unknown[0]], f"unknown here; there are {', '.join(names)}")

    def _number(self, key, value, low, high, remedy):
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if not number or not low <= value <= high:
            self._refuse(key, value, remedy)
        return value

    def _database(self, url):
        scheme, separator, rest = url.partition("://") if isinstance(url, str) else ("", "", "")
        if separator and scheme.partition("+")[0] == "postgresql":
            return url
        if scheme != "sqlite" or not rest.startswith("/") or not rest[1:] or ":memory:" in rest:
            scheme = scheme or url  # of another database: its URL may hold a password
            self._refuse("database", scheme, "use sqlite:///FILE or postgresql://...")
        return f"sqlite:///{self.folder / rest[1:]}"

    def _late(self, given):
        self._known("late.", given, ("grace_minutes", "per_day", "floor"))
        minutes, share = "a number of minutes, 0 or more", "a share between 0 and 1"
        return Late(
            self._number("late.grace_minutes", given.get("grace_minutes", 0.0), 0, 1e7, minutes),
            self._number("late.per_day", given.get("per_day", 0.0), 0, 1, share),
            self._number("late.floor", given.get("floor", 0.0), 0, 1, share),
        )

    def _limits(self, given):
        self._known("limits.", given, LIMITS)
        for key, value in given.items():
            self._number(f"limits.{key}", value, 1e-3, 1e15, "a number above 0")
            if key != "seconds" and not isinstance(value, int):
                self._refuse(f"limits.{key}", value, "a whole number (memory, answer, disk: bytes)")
        return dict(given)

    def _plan(self, name, given):
        where = f"assignments.{name}."
        if not NAME.fullmatch(name):
            self._refuse("assignments", name, "a name is made of letters, digits, - . and _")
        self._known(where, given, ("folder", "due", "attempts", "seed", "extensions"))
        assignment = self._assignment(where, name, given.get("folder", name))
        attempts = given.get("attempts", "last")
        if attempts not in ("last", "best"):
            self._refuse(where + "attempts", attempts, 'say "last" or "best"')
        due = self._moment(where + "due", given["due"]) if "due" in given else None
        extensions = {}
        for student, until in self._table("extensions", given, where).items():
            key = f"{where}extensions.{student}"
            if student not in self.students:
                self._refuse(key, str(until), "there is no such id in students.csv")
            extensions[student] = self._moment(key, until)
        seed = self._seed(where + "seed", given.get("seed"), assignment)
        return Plan(name, assignment, due, attempts, seed, extensions)

    def _assignment(self, where, name, folder):
        if not isinstance(folder, str) or not folder:
            self._refuse(where + "folder", folder, "give a path, or a name of this repository")
        own = self.folder / folder
        plain = Path(folder).name == folder
        try:
            found = Assignment(HERE / folder if plain and not own.is_dir() else own)
        except SourceError as error:
            raise CourseError(f"{self.file}: {where}folder = {folder!r}: {error}") from None
        if found.name != name:
            remedy = f"the folder and the table need one name; write [assignments.{found.name}]"
            self._refuse(where + "folder", folder, remedy)
        return found

    def _moment(self, key, value):
        if not isinstance(value, datetime) or value.tzinfo is None:
            remedy = "write date, time and zone without quotes: 2026-12-01T23:59:00+01:00"
            self._refuse(key, str(value), remedy)
        return value

    def _seed(self, key, seed, assignment):
        path = assignment.folder / "seed.txt"
        if seed is None and path.is_file():
            text = path.read_text("utf-8", "replace").strip()
            seed = int(text) if re.fullmatch(r"[0-9]{1,30}", text) else text
        if not isinstance(seed, int) or isinstance(seed, bool) or seed < 0:
            remedy = f"give a whole number that only you know, here or in {path}"
            self._refuse(key, seed, remedy)
        return seed


def read_attempt(assignment, student, path):
    """The attempt in a file of attempts/; CourseError if it is not as it was collected."""
    named = STEM.fullmatch(path.stem)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    try:
        when = datetime.strptime(named[1], STAMP).replace(tzinfo=UTC)
    except (TypeError, ValueError):
        raise CourseError(
            f"{path} was not put there by `collect`: take it away, and collect it from elsewhere"
        ) from None
    if named[2] != digest[:12]:
        raise CourseError(
            f"{path} was changed after it was collected: its name says {named[2]}, its bytes "
            f"{digest[:12]}. Put it back from your backup, or take it away and collect it again"
        )
    return Attempt(assignment, student, when, path, digest)


def read_students(path):
    """students.csv as {id: Student}, in its order. Lines that start with # are comments."""
    try:
        text = path.read_text("utf-8-sig")  # spreadsheets write a byte order mark
    except (OSError, ValueError) as error:
        raise CourseError(f"{path} cannot be read as UTF-8 text: {error}") from None
    lines = csv.reader(text.splitlines())
    rows = [(lines.line_num, [cell.strip() for cell in row]) for row in lines]
    rows = [(n, row) for n, row in rows if any(row) and not row[0].startswith("#")]
    if not rows or not set(COLUMNS) <= set(rows[0][1]):
        raise CourseError(
            f"{path}: the first line is {','.join(rows[0][1]) if rows else ''!r}; it must name "
            f"the columns {','.join(COLUMNS)}, with commas between them"
        )
    header, students, seen = rows[0][1], {}, {}
    for number, row in rows[1:]:
        where = f"{path}, line {number}"
        if len(row) != len(header):
            raise CourseError(f"{where} has {len(row)} fields and the first line {len(header)}")
        if not "".join(row).isprintable():
            raise CourseError(f"{where} holds a control character: {row!r}")
        student = Student(*(row[header.index(column)] for column in COLUMNS))
        if not NAME.fullmatch(student.id):
            raise CourseError(
                f"{where}: the id {student.id!r} must be letters, digits, - . and _, "
                "and begin with a letter, a digit or _"
            )
        if (first := seen.setdefault(student.id.casefold(), number)) != number:
            raise CourseError(
                f"{where}: the id {student.id!r} is already that of line {first}; ids must differ "
                "in more than small and capital letters"
            )
        students[student.id] = student
    return students


STARTER = """\
# A class. Keep this folder private: it holds seeds, submissions and grades.
name = {name}

# The gradebook: a file in this folder, or a server for a department.
database = "sqlite:///gradebook.db"
# database = "postgresql://user:password@host/name"

# What lateness costs. A day is 24 hours, counted from the end of the grace.
[late]
grace_minutes = 15
per_day = 0.1    # share of the points lost for each day that has begun
floor = 0.5      # never less than this share

# Limits for one question. All are optional; memory, answer and disk are in bytes.
[limits]
# seconds = 10
# memory = 2147483648

# Delete what you do not set. The seed draws the numbers of the hidden tests: it is yours alone.
# Two keys for each assignment are optional:
#   due = 2026-12-01T23:59:00+01:00       with its zone; without it nothing is late
#   folder = "../private/momentum"        your own copy instead of the book's
# attempts = "last" counts the latest attempt that is a notebook at all; "best" the one with the
# most points of the hidden tests after the loss for lateness, the earliest of equals.
"""
STARTER_PLAN = """
[assignments.{name}]
# due = 2026-12-01T23:59:00+01:00
attempts = "last"
seed = {seed}
# [assignments.{name}.extensions]
# ada = 2026-12-08T23:59:00+01:00      # a later due date for one student, by id
"""
STARTER_STUDENTS = """\
id,first_name,last_name,email
# One line for each student, as here (lines with # do not count). The id names files.
# ada,Ada,Lovelace,ada@example.org
"""


def starter(folder, name=None):
    """Begin a class: write course.toml, with every assignment of the book, and students.csv.

    CourseError if one of them exists; nothing is overwritten. Returns the two paths.
    """
    folder = Path(folder)
    files = [folder / "course.toml", folder / "students.csv"]
    for path in files:
        if path.exists() or path.is_symlink():
            raise CourseError(f"{path} exists: choose a new folder, or edit that file")
    text = STARTER.format(name=json.dumps(name or folder.resolve().name, ensure_ascii=False))
    for source in sorted(HERE.glob("*/source.ipynb")):
        text += STARTER_PLAN.format(name=source.parent.name, seed=secrets.randbelow(10**9))
    folder.mkdir(parents=True, exist_ok=True)
    for path, content in zip(files, (text, STARTER_STUDENTS)):
        with open(path, "x", encoding="utf-8", newline="\n") as file:
            file.write(content)
    return files
