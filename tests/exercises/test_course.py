"""The folder of a class: what is read from it, and that every slip is named with its remedy."""

import hashlib
import tomllib
from datetime import UTC, datetime, timedelta, timezone

import pytest

from exercises.assignment import HERE
from exercises.grading.course import Course, CourseError, read_students, starter, stem

PLAN = "[assignments.momentum]\nseed = 7\n"
STUDENTS = "id,first_name,last_name,email\nada,Ada,Lovelace,ada@example.org\nbob.x_1,Bob,,\n"


@pytest.fixture
def make(tmp_path):
    """make(text of course.toml, text of students.csv) -> Course"""

    def make(toml=PLAN, students=STUDENTS):
        (tmp_path / "course.toml").write_text(toml, encoding="utf-8")
        (tmp_path / "students.csv").write_text(students, encoding="utf-8")
        return Course(tmp_path)

    return make


def test_everything_that_can_be_set(make, tmp_path):
    course = make(
        'name = "Optimization, été"\ndatabase = "sqlite:///a/grades.db"\n'
        "[late]\ngrace_minutes = 15\nper_day = 0.1\nfloor = 0.5\n"
        "[limits]\nseconds = 2.5\nmemory = 1000\n" + PLAN + 'attempts = "best"\n'
        "due = 2026-12-01T23:59:00+01:00\n"
        '[assignments.momentum.extensions]\n"bob.x_1" = 2026-12-08T12:00:00Z\n'
    )
    assert course.name == "Optimization, été"
    assert course.database == f"sqlite:///{tmp_path.resolve()}/a/grades.db"
    assert (course.late.grace_minutes, course.late.per_day, course.late.floor) == (15, 0.1, 0.5)
    assert course.limits == {"seconds": 2.5, "memory": 1000}
    plan = course.plans["momentum"]
    assert (plan.name, plan.seed, plan.attempts) == ("momentum", 7, "best")
    assert plan.assignment.folder == HERE / "momentum"
    assert plan.due == datetime(2026, 12, 1, 23, 59, tzinfo=timezone(timedelta(hours=1)))
    assert plan.due_for("ada") == plan.due
    assert plan.due_for("bob.x_1") == datetime(2026, 12, 8, 12, tzinfo=UTC)
    assert list(course.students) == ["ada", "bob.x_1"]
    assert course.students["ada"].last_name == "Lovelace"


def test_what_is_not_set(make, tmp_path):
    course = make()
    assert course.name == tmp_path.name
    assert course.database == f"sqlite:///{tmp_path.resolve()}/gradebook.db"
    assert (course.late.grace_minutes, course.late.per_day, course.late.floor) == (0, 0, 0)
    assert course.limits == {}
    assert course.plans["momentum"].due is None and course.plans["momentum"].attempts == "last"


@pytest.mark.parametrize(
    "url", ["postgresql://u:p@h/db", "postgresql+psycopg://u:p@h/db", "sqlite:////var/g.db"]
)
def test_an_absolute_database_stays_as_it_is(make, url):
    assert make(f'database = "{url}"\n' + PLAN).database == url


@pytest.mark.parametrize(
    "toml, words",
    [
        ("name = 3", "name = 3"),
        ("title = 'x'", "title"),
        ("name = ", "course.toml cannot be read"),
        ("assignments = 3", "as a table"),
        ("[late]\nper_dya = 0.1", "late.per_dya"),
        ("[late]\nper_day = 1.5", "between 0 and 1"),
        ("[late]\nper_day = true", "between 0 and 1"),
        ("[late]\nfloor = nan", "between 0 and 1"),
        ("[late]\ngrace_minutes = -1", "0 or more"),
        ("[limits]\nseconds = 0", "above 0"),
        ("[limits]\nmemory = 1.5", "whole number"),
        ("[limits]\ntime = 3", "limits.time"),
        ("database = 'sqlite://'", "sqlite:///FILE"),
        ("database = 'sqlite:///'", "sqlite:///FILE"),
        ("database = 'sqlite:///:memory:'", "sqlite:///FILE"),
        ("database = 'grades.db'", "grades.db"),
        ("[assignments.'../up']", "letters, digits"),
        ("[assignments.nonsense]\nseed = 1", "does not exist"),
        ("[assignments.momentum]", "seed.txt"),
        ("[assignments.momentum]\nseed = -1", "seed = -1"),
        ("[assignments.momentum]\nseed = true", "seed = True"),
        ("[assignments.momentum]\nseed = 1\ndue = 2026-12-01T23:59:00", "zone"),
        ("[assignments.momentum]\nseed = 1\ndue = 2026-12-01", "zone"),
        ("[assignments.momentum]\nseed = 1\ndue = '2026-12-01T23:59:00Z'", "without quotes"),
        ("[assignments.momentum]\nseed = 1\nattempts = 'first'", "best"),
        ("[assignments.momentum]\nseed = 1\nfolder = 'sgd'", "[assignments.sgd]"),
        ("[assignments.momentum]\nseed = 1\nfolder = ''", "folder"),
        (PLAN + "[assignments.momentum.extensions]\neve = 2026-12-08T12:00:00Z", "no such id"),
        (PLAN + "[assignments.momentum.extensions]\nada = 2026-12-08T12:00:00", "zone"),
    ],
)
def test_a_slip_in_course_toml_is_named(make, toml, words):
    with pytest.raises(CourseError) as caught:
        make(toml)
    assert words in str(caught.value) and "course.toml" in str(caught.value)


def test_no_password_in_an_error(make):
    with pytest.raises(CourseError) as caught:
        make("database = 'mysql://me:secret@host/db'")
    assert "mysql" in str(caught.value) and "secret" not in str(caught.value)


def test_no_class_here(tmp_path):
    with pytest.raises(CourseError, match="new-class"):
        Course(tmp_path / "nowhere")


@pytest.mark.parametrize(
    "text, words",
    [
        ("", "first line"),
        ("id;first_name;last_name;email\n", "commas"),
        ("id,first_name,last_name\n", "first line"),
        (STUDENTS + "../up,A,B,c\n", "line 4: the id '../up'"),
        (STUDENTS + "..,A,B,c\n", "the id '..'"),
        (STUDENTS + ".x,A,B,c\n", "the id '.x'"),
        (STUDENTS + "-x,A,B,c\n", "the id '-x'"),
        (STUDENTS + "é,A,B,c\n", "the id 'é'"),
        (STUDENTS + ",A,B,c\n", "the id ''"),
        (STUDENTS + "ada,A,B,c\n", "already that of line 2"),
        (STUDENTS + "ADA,A,B,c\n", "already that of line 2"),
        (STUDENTS + "eve,A,B\n", "has 3 fields and the first line 4"),
        (STUDENTS + "eve,A\x1b[2J,B,c\n", "control character"),
    ],
)
def test_a_slip_in_students_csv_is_named(make, text, words):
    with pytest.raises(CourseError) as caught:
        make(students=text)
    assert words in str(caught.value) and "students.csv" in str(caught.value)


def test_students_as_a_spreadsheet_writes_them(tmp_path):
    path = tmp_path / "students.csv"
    path.write_bytes(
        b"\xef\xbb\xbfemail,group,last_name,first_name,id\r\n\r\n# gone,,,,\r\n"
        b'b@x,3,"Lee, jr.", Ann ,ann\r\n,,,,\r\n'
    )
    (ann,) = read_students(path).values()
    assert (ann.id, ann.first_name, ann.last_name, ann.email) == ("ann", "Ann", "Lee, jr.", "b@x")
    path.write_bytes(b"id,first_name,last_name,email\n\xff,,,\n")
    with pytest.raises(CourseError, match="UTF-8"):
        read_students(path)


def put(course, student, when, data, name=None):
    folder = course.folder / "attempts" / "momentum" / student
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / (name or f"{stem(when, hashlib.sha256(data).hexdigest())}.ipynb")
    path.write_bytes(data)
    return path


def test_attempts_in_order(make):
    course = make()
    assert course.attempts() == []
    noon = datetime(2026, 12, 1, 12, tzinfo=UTC)
    put(course, "bob.x_1", noon, b"1")
    put(course, "ada", noon + timedelta(hours=1), b"2")
    path = put(course, "ada", noon, b"3")
    put(course, "ada", noon, b"4", name=".half.ipynb")
    put(course, "gone", noon, b"5")
    found = course.attempts()
    assert [(a.student, a.path.read_bytes()) for a in found] == [
        ("ada", b"3"),
        ("ada", b"2"),
        ("bob.x_1", b"1"),
    ]
    first = found[0]
    assert (first.assignment, first.when, first.path) == ("momentum", noon, path)
    assert first.digest == hashlib.sha256(b"3").hexdigest()
    assert first.stem == "20261201T120000Z_" + first.digest[:12] == path.stem
    assert first.record_path == course.folder / f"records/momentum/ada/{first.stem}.json"
    assert course.attempts("momentum", "bob.x_1") == found[2:]
    assert course.strangers("momentum") == ["gone"]
    with pytest.raises(CourseError, match="'eve' is no id"):
        course.attempts(student="eve")
    with pytest.raises(CourseError, match="no assignment 'sgd'"):
        course.attempts("sgd")


def test_attempts_are_as_they_were_collected(make):
    course = make()
    path = put(course, "ada", datetime(2026, 12, 1, tzinfo=UTC), b"mine")
    path.write_bytes(b"better")
    with pytest.raises(CourseError, match="changed after it was collected"):
        course.attempts()
    path.unlink()
    for name in ("mine.ipynb", "20261301T000000Z_0123456789ab.ipynb"):
        path = put(course, "ada", None, b"mine", name=name)
        with pytest.raises(CourseError, match="was not put there by `collect`"):
            course.attempts()
        path.unlink()


def test_a_private_copy(make, tmp_path):
    folder = tmp_path / "private" / "momentum"
    folder.mkdir(parents=True)
    (folder / "source.ipynb").write_bytes((HERE / "momentum" / "source.ipynb").read_bytes())
    (folder / "seed.txt").write_text("99\n")
    toml = "[assignments.momentum]\nfolder = 'private/momentum'\n"
    plan = make(toml).plans["momentum"]
    assert plan.seed == 99 and plan.assignment.folder == folder
    assert make(toml + "seed = 5\n").plans["momentum"].seed == 5
    (folder / "seed.txt").write_text("many")
    with pytest.raises(CourseError, match="'many'"):
        make(toml)


def test_a_new_class_is_one_that_can_be_read(tmp_path):
    paths = starter(tmp_path / "a" / "class", 'The "best" class')
    assert [path.name for path in paths] == ["course.toml", "students.csv"]
    course = Course(tmp_path / "a" / "class")
    assert course.name == 'The "best" class' and course.students == {}
    assert set(course.plans) == {path.parent.name for path in HERE.glob("*/source.ipynb")}
    assert len({plan.seed for plan in course.plans.values()}) == len(course.plans)
    # What is in comments is right as well.
    path = course.folder / "course.toml"
    shown = [line.removeprefix("# ") for line in path.read_text().splitlines()]
    loud = "\n".join(line for line in shown if line.startswith(("[", "seconds", "due", "ada")))
    assert tomllib.loads(loud)["assignments"]["sgd"]["extensions"]["ada"].tzinfo
    text = (course.folder / "students.csv").read_text().replace("# ada", "ada")
    (course.folder / "students.csv").write_text(text)
    assert list(Course(course.folder).students) == ["ada"]


@pytest.mark.parametrize("name", ["course.toml", "students.csv"])
def test_a_new_class_overwrites_nothing(tmp_path, name):
    (tmp_path / name).write_text("mine")
    with pytest.raises(CourseError, match=name):
        starter(tmp_path, "x")
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_text() == "mine"
