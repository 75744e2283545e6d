"""What an instructor types and reads: the verbs of ``python -m exercises``."""

import json
import os
import zipfile

import pytest

from exercises import __main__ as command
from exercises.assignment import Assignment
from exercises.grading import engine, files, results, sandbox
from exercises.grading.collect import elsewhere
from exercises.grading.course import Course
from exercises.release import student_version, to_bytes

NAME = "momentum"
STUDENTS = "id,first_name,last_name,email\nada,Ada,Byron,a@x.org\nbob,Bob,Li,b@x.org\n"


def ran(capsys, *words):
    """(exit code, what it printed, what it complained)."""
    code = command.main([str(word) for word in words])
    return code, *capsys.readouterr()


@pytest.fixture
def folder(tmp_path):
    """A class of two that has two assignments; ada has handed in one, twice."""
    made = tmp_path / "class"
    made.mkdir()
    (made / "course.toml").write_text(
        "[assignments.gradient-descent]\nseed = 1\n[assignments.momentum]\nseed = 1\n"
    )
    (made / "students.csv").write_text(STUDENTS)
    return made


@pytest.fixture
def source(tmp_path):
    made = tmp_path / "momentum.zip"
    with zipfile.ZipFile(made, "w") as file:
        file.writestr(zipfile.ZipInfo("ada.ipynb", (2026, 12, 1, 1, 1, 0)),
                      to_bytes(student_version(Assignment(NAME))))  # fmt: skip
        file.writestr("zoe.ipynb", "{}")
    return made


def test_a_class_without_work_says_where_to_begin(folder, capsys, monkeypatch):
    monkeypatch.setattr(sandbox, "check", lambda *_: None)
    for verb in ("grade", "feedback", "export"):
        code, out, error = ran(capsys, verb, folder)
        assert code == 1 and "nothing was handed in yet" in out + error and "0attempt" not in error
    assert ran(capsys, "status", folder)[1] == (
        "nothing handed in: gradient-descent, momentum\nnext: collect\n"
    )
    (folder / "students.csv").write_text(STUDENTS.partition("\n")[0])
    code, _, error = ran(capsys, "collect", folder, NAME, folder)
    assert code == 1 and "names nobody yet" in error


def test_collect_says_what_is_left_and_from_whom_there_is_nothing(folder, source, capsys):
    code, out, _ = ran(capsys, "collect", folder, NAME, source)
    assert code == 0 and out.splitlines() == [
        "?: zoe.ipynb: not taken: no student of students.csv has this id or name",
        "1 new attempt; 0 there already; 1 left over, see above; nothing yet from 1 student: bob",
    ]
    _, out, _ = ran(capsys, "collect", folder, NAME, source)
    assert "0 new attempts; 1 there already; 1 left over" in out and "ada" not in out


def test_a_sheet_of_another_assignment_is_noticed(folder, source, capsys):
    _, out, _ = ran(capsys, "collect", folder, "gradient-descent", source)
    (attempt,) = Course(folder).attempts()
    assert f"ada: this is a sheet of momentum; if so, delete {attempt.path}" in out
    assert elsewhere(attempt) == NAME
    attempt.path.chmod(0o644)
    book = json.loads(attempt.path.read_bytes())
    for cell in book["cells"]:  # a stranger's words do not reach the terminal
        cell["source"] = "".join(cell["source"]).replace("'momentum'", "'\x1b[2J'")
    attempt.path.write_text(json.dumps(book))
    assert elsewhere(attempt) is None
    attempt.path.write_text("{")
    assert elsewhere(attempt) is None


def test_status_fits_a_terminal_and_says_what_comes_next(folder, source, capsys, monkeypatch):
    ran(capsys, "collect", folder, NAME, source)
    (folder / "attempts" / NAME / "zoe").mkdir()
    _, out, _ = ran(capsys, "status", folder)
    head, row, *rest = out.splitlines()
    assert max(map(len, out.splitlines())) <= 80
    assert head.split("  ", 1)[0] == "assignment" and head.endswith("to mark  complete")
    assert row.split() == "momentum 1 1 1 of 2 0 0 0".split()
    assert rest == [
        "nothing handed in: gradient-descent",
        "momentum: attempts of 1 not in students.csv: zoe", "next: grade",
    ]  # fmt: skip
    monkeypatch.setattr(results, "rate", lambda course: 30.0)
    assert "being graded: 30 a minute, about 0 min left" in ran(capsys, "status", folder)[1]


def test_the_rate_is_that_of_a_process_that_lives(folder, source, capsys):
    ran(capsys, "collect", folder, NAME, source)
    course = Course(folder)
    assert results.rate(course) is None
    (attempt,) = course.attempts()
    with files.sole_writer(folder):
        assert results.rate(course) is None  # nothing is done yet
        attempt.record_path.parent.mkdir(parents=True)
        attempt.record_path.write_text("{}")
        course.attempts = lambda: [attempt, attempt, attempt]
        assert 0 < results.rate(course) <= 120
    (folder / ".lock").write_text("no number")
    assert results.rate(course) is None


def test_wrong_words_are_said_before_anything_is_done(folder, source, capsys, monkeypatch):
    monkeypatch.setattr(sandbox, "check", lambda *_: None)
    ran(capsys, "collect", folder, NAME, source)
    code, _, error = ran(capsys, "grade", folder, "--student", "zoe")
    assert code == 1 and "'zoe' is no id" in error
    code, _, error = ran(capsys, "grade", folder, "--scheduler", "host")
    assert code == 1 and "tcp://HOST:8786" in error
    for words, says in (
        (["grade", folder, "--jobs", "0"], "no whole number above 0"),
        (["collect", folder, NAME, source, "--when", "yesterday"], "day, time and zone"),
        (["collect", folder, NAME, source, "--when", "2026-12-01T10:00"], "day, time and zone"),
    ):
        with pytest.raises(SystemExit):
            ran(capsys, *words)
        assert says in capsys.readouterr().err


def test_a_fault_of_a_hidden_test_is_said_once_with_its_line(folder, capsys, monkeypatch, tmp_path):
    monkeypatch.setattr(sandbox, "check", lambda *_: None)
    broken = tmp_path / "hidden.py"
    broken.write_text("\n\ndef cases():\n    raise ZeroDivisionError('no')\n")
    space = {}
    exec(compile(broken.read_text(), str(broken), "exec"), space)
    monkeypatch.setattr(engine, "grade", lambda *given, **more: space["cases"]())
    for student in ("ada", "bob"):
        one = tmp_path / f"{student}.ipynb"
        one.write_bytes(to_bytes(student_version(Assignment(NAME))) + b"\n" * len(student))
        ran(capsys, "collect", folder, NAME, one)
    code, out, error = ran(capsys, "grade", folder)
    said = (
        "not graded: ada and 1 other attempt, momentum: ZeroDivisionError: no (hidden.py, line 4)"
    )
    assert code == 1 and [line for line in error.splitlines() if "not graded" in line] == [said]
    assert "0 attempts graded" in out


def test_what_nobody_has_handed_in_is_in_no_page_and_no_table(folder, source, capsys):
    ran(capsys, "collect", folder, NAME, source)
    code, out, _ = ran(capsys, "export", folder)
    assert code == 0 and "2 totals left empty, as not complete: Canvas erases" in out
    assert "gradient-descent" not in (folder / "exports" / "grades-canvas.csv").read_text()
    code, out, _ = ran(capsys, "feedback", folder)
    assert code == 0 and not list(folder.glob("feedback/*/gradient-descent.html"))
    assert "gradient-descent" not in (folder / "feedback" / "index.html").read_text()
    code, out, _ = ran(capsys, "export", folder, "--assignment", "gradient-descent")
    assert code == 0 and "momentum" not in (folder / "exports" / "grades.csv").read_text()


def test_a_class_inside_the_repository_is_warned_about(tmp_path, capsys, monkeypatch):
    assert "must stay private" not in ran(capsys, "new-class", tmp_path / "one")[1]
    monkeypatch.setattr(command, "HERE", tmp_path / "exercises")
    assert "must stay private" in ran(capsys, "new-class", tmp_path / "two")[1]
    assert os.listdir(tmp_path / "two")
