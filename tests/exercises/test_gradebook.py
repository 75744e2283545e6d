"""nbgrader's gradebook: what is written, what a person's marks survive, and who may write."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
import sqlalchemy as sa
from nbgrader.api import Gradebook

from exercises.grading import gradebook
from exercises.grading.files import Busy, sole_writer

FULL = {"test_momentum": 10.0, "test_factor": 3.0, "test_tune": 4.0}
CODE = {"momentum": "def momentum():\n    pass"}
ESSAY = CODE | {"m1_plot": "plt.plot([1])", "m1_essay": "Because $x$."}


def update(course):
    gradebook.update(course, course.results)


def scores(course):
    return gradebook.manual_scores(course, "momentum", course.results)


def comments(course):
    return gradebook.comments(course, "momentum", course.results)


def mark(course, student, cell, score, comment=None, extra=None):
    """What formgrader's handlers do when a marker types."""
    with Gradebook(gradebook.url(course)) as book:
        grade = book.find_grade(cell, "momentum", "momentum", student)
        grade.manual_score, grade.extra_credit = score, extra
        grade.needs_manual_grade = score is None and grade.auto_score is None
        if comment is not None:
            said = book.find_comment(cell, "momentum", "momentum", student)
            said.manual_comment = comment
        book.db.commit()


def cell(course, student, name):
    """(auto, manual, to mark) of a cell."""
    with Gradebook(gradebook.url(course)) as book:
        grade = book.find_grade(name, "momentum", "momentum", student)
        return grade.auto_score, grade.manual_score, grade.needs_manual_grade


def dump(course):
    return list(sqlite3.connect(course.folder / "gradebook.db").iterdump())


def files(course):
    found = sorted((course.folder / "autograded").rglob("[!.]*.[it]*"))  # whole files
    return {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in found}


def test_nbgrader_reads_what_is_written(stand_in):
    course = stand_in()
    course.hand_in("ada", ESSAY, FULL, factor=0.9)
    update(course)
    with Gradebook(course.database) as book:
        assignment = book.find_assignment("momentum")
        assert assignment.max_score == 28 and assignment.max_written_score == 6
        assert [s.id for s in book.students] == ["ada", "bob"]
        assert book.find_student("ada").last_name == "Test"
        (sent,) = book.assignment_submissions("momentum")
        assert sent.student.id == "ada" and sent.score == 17 and sent.needs_manual_grade
        assert sent.notebooks[0].late_submission_penalty == pytest.approx(1.7)
        assert sent.timestamp == course.standing["ada"].attempt.when.replace(tzinfo=None)
        sources = {c.name: c for c in book.find_notebook("momentum", "momentum").source_cells}
        assert sources["e1_text"].locked and not sources["momentum"].locked
        assert {d["id"]: d["score"] for d in book.student_dicts()} == {"ada": 17, "bob": 0}
    assert cell(course, "ada", "test_factor") == (3.0, None, False)
    assert cell(course, "ada", "m1_essay") == (None, None, True)


def test_the_tables_are_those_that_nbgrader_makes(stand_in, monkeypatch):
    course = stand_in()
    update(course)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    monkeypatch.setenv("PATH", path)  # nbgrader calls alembic by name
    Gradebook(f"sqlite:///{course.folder / 'other.db'}").close()

    def tables(file):
        db = sqlite3.connect(course.folder / file)
        names = db.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        columns = {name: db.execute(f"PRAGMA table_info({name})").fetchall() for (name,) in names}
        return columns | {"version": db.execute("SELECT * FROM alembic_version").fetchall()}

    ours, theirs = tables("gradebook.db"), tables("other.db")
    assert ours.pop("descent_earlier_mark") and ours == theirs and len(theirs) > 10


def test_a_second_update_writes_nothing(stand_in):
    course = stand_in()
    course.hand_in("ada", ESSAY, FULL)
    course.hand_in("bob", CODE)
    update(course)
    mark(course, "ada", "m1_essay", 4.0, "Good.")
    update(course)
    before, seen = dump(course), files(course)
    assert len(seen) == 4
    update(course)
    assert dump(course) == before and files(course) == seen


def test_answers_that_nobody_needs_to_read_are_not_to_mark(stand_in):
    course = stand_in()
    course.hand_in("ada", CODE, m1_plot={"status": "missing"}, m1_essay={"status": "untouched"})
    course.hand_in("bob", ESSAY, m1_plot={"status": "timeout", "why": "did not end"})
    update(course)
    assert cell(course, "ada", "m1_essay") == cell(course, "ada", "m1_plot") == (0, None, False)
    assert cell(course, "bob", "m1_plot") == (None, None, True)
    with Gradebook(course.database) as book:
        said = {
            c.name: c.auto_comment
            for c in book.find_submission("momentum", "ada").notebooks[0].comments
        }
    assert said["m1_essay"] == "No response." and "not in the submission" in said["m1_plot"]
    assert scores(course) == {}


def test_a_file_that_is_no_notebook_is_shown_with_its_reason(stand_in):
    course = stand_in()
    course.hand_in("ada", {}, status="unreadable")
    update(course)
    assert cell(course, "ada", "test_tune") == (0.0, None, False)
    assert cell(course, "ada", "m1_essay") == (0.0, None, False)
    text = (course.folder / "autograded/ada/momentum/momentum.ipynb").read_text()
    assert "no notebook" in text


def test_only_what_a_person_marked_counts_as_marked(stand_in):
    course = stand_in()
    assert scores(course) == {} and not (course.folder / "gradebook.db").exists()
    course.hand_in("ada", ESSAY, FULL)
    course.hand_in("bob", ESSAY, FULL)
    update(course)
    assert scores(course) == {}
    mark(course, "ada", "m1_essay", 0.0)
    mark(course, "ada", "test_tune", None, extra=0.5)  # on top of the machine's 4
    mark(course, "bob", "test_factor", 4.0)  # instead of the machine's 3
    mark(course, "bob", "m1_essay", None, extra=1.0)  # no score yet
    found = scores(course)
    assert found == {"ada": {"m1_essay": 0.0, "test_tune": 4.5}, "bob": {"test_factor": 4.0}}


def test_marks_survive_a_regrade(stand_in):
    course = stand_in()
    course.hand_in("ada", ESSAY, FULL)
    update(course)
    mark(course, "ada", "m1_essay", 5.0, "Fine.")
    mark(course, "ada", "m1_plot", 2.0)
    mark(course, "ada", "test_factor", 4.0)
    record = course.standing["ada"].record  # a mended test, and another way to draw
    record["questions"]["test_momentum"]["points"] = 7.0
    record["questions"]["test_factor"]["points"] = 2.0
    record["manual"]["m1_plot"]["outputs"] = [{"text": "new"}]
    update(course)
    assert cell(course, "ada", "test_momentum") == (7.0, None, False)
    assert cell(course, "ada", "m1_essay") == (None, 5.0, False)
    assert cell(course, "ada", "m1_plot") == (None, 2.0, False)
    assert cell(course, "ada", "test_factor") == (2.0, 4.0, True)  # look again: it was overruled
    assert scores(course) == {"ada": {"m1_essay": 5.0, "m1_plot": 2.0, "test_factor": 4.0}}
    assert comments(course) == {"ada": {"m1_essay": "Fine."}}


def test_a_new_text_is_to_be_marked_anew_and_the_old_mark_returns_with_the_old_text(stand_in):
    course = stand_in()
    first = course.hand_in("ada", ESSAY, FULL)
    update(course)
    mark(course, "ada", "m1_essay", 5.0, "Fine.")
    mark(course, "ada", "m1_plot", 2.0)
    second = course.hand_in("ada", ESSAY | {"m1_essay": "I had another thought."}, FULL)
    assert scores(course) == {"ada": {"m1_plot": 2.0}}  # even before the gradebook knows
    update(course)
    assert cell(course, "ada", "m1_essay") == (None, None, True)
    assert cell(course, "ada", "m1_plot") == (
        None,
        2.0,
        False,
    )  # its text and all code are the same
    assert scores(course) == {"ada": {"m1_plot": 2.0}} and comments(course) == {}
    with Gradebook(course.database) as book:
        said = book.find_comment("m1_essay", "momentum", "momentum", "ada").auto_comment
    assert said == "An earlier version of this answer was marked: 5 points; Fine."
    mark(course, "ada", "m1_essay", 1.0)
    for result, points in ((first, 5.0), (second, 1.0), (first, 5.0)):
        course.standing["ada"] = result
        assert scores(course)["ada"]["m1_essay"] == points  # from what is aside
        update(course)
        assert scores(course)["ada"]["m1_essay"] == points
        assert cell(course, "ada", "m1_essay") == (None, points, False)
    assert comments(course) == {"ada": {"m1_essay": "Fine."}}
    mark(course, "ada", "m1_essay", None, "")  # taken back: and it stays so
    assert "m1_essay" not in scores(course)["ada"] and comments(course) == {}
    for result in (second, first):
        course.standing["ada"] = result
        update(course)
    assert cell(course, "ada", "m1_essay") == (None, None, True)
    assert "m1_essay" not in scores(course)["ada"] and comments(course) == {}


def test_a_plot_is_marked_anew_when_the_code_that_it_shows_has_changed(stand_in):
    course = stand_in()
    course.hand_in("ada", ESSAY, FULL)
    update(course)
    for name in ("m1_plot", "m1_essay", "test_factor"):
        mark(course, "ada", name, 3.5)
    course.hand_in("ada", ESSAY | {"momentum": "def momentum():\n    return 1"}, FULL)
    update(course)
    assert cell(course, "ada", "m1_plot") == (None, None, True)
    assert cell(course, "ada", "test_factor") == (3.0, None, False)
    assert scores(course) == {"ada": {"m1_essay": 3.5}}


def test_a_page_that_is_out_of_date_saves_nothing(stand_in):
    course = stand_in()
    course.hand_in("ada", ESSAY)
    update(course)
    with Gradebook(course.database) as book:
        old = book.find_grade("m1_essay", "momentum", "momentum", "ada").id
    course.hand_in("ada", ESSAY | {"m1_essay": "New."})
    update(course)
    with Gradebook(course.database) as book, pytest.raises(ValueError, match="No such grade"):
        book.find_grade_by_id(old)


def test_an_attempt_that_is_taken_away_leaves_and_returns_with_its_marks(stand_in):
    course = stand_in()
    result = course.hand_in("ada", ESSAY)
    update(course)
    mark(course, "ada", "m1_essay", 5.0, "Fine.")
    del course.standing["ada"]
    update(course)
    with Gradebook(course.database) as book:
        assert book.assignment_submissions("momentum") == []
    assert not (course.folder / "autograded/ada/momentum").exists()
    course.standing["ada"] = result
    update(course)
    assert cell(course, "ada", "m1_essay") == (None, 5.0, False)
    assert comments(course) == {"ada": {"m1_essay": "Fine."}}


def test_what_waits_for_the_grader_changes_nothing(stand_in):
    course = stand_in()
    course.hand_in("ada", ESSAY, FULL)
    update(course)
    before = dump(course)
    course.hand_in("ada", ESSAY | {"m1_essay": "New."}).record = None
    course.hand_in("bob", ESSAY).record = None
    update(course)
    assert dump(course) == before


def test_a_cell_that_leaves_the_sheet_leaves_the_gradebook_and_its_mark_stays(
    stand_in, monkeypatch
):
    course = stand_in()
    course.hand_in("ada", ESSAY, FULL)
    update(course)
    mark(course, "ada", "m1_essay", 5.0)
    cells = course.assignment.notebook["cells"]
    essay = cells.pop()
    update(course)
    with Gradebook(course.database) as book:
        assert book.find_assignment("momentum").max_score == 22
        assert book.find_submission("momentum", "ada").max_score == 22
    cells.append(essay)
    update(course)
    assert scores(course) == {"ada": {"m1_essay": 5.0}}


def test_names_cannot_hold_html(stand_in):
    course = stand_in()
    course.students["bob"].last_name = "<script>alert(1)</script>\x00 O'Brien"
    update(course)
    with Gradebook(course.database) as book:
        last = book.find_student("bob").last_name
    assert "<" not in last and "\0" not in last and last.endswith("O'Brien")


# --- who may write, and what a crash leaves ---


def test_a_second_writer_is_told_who_writes(stand_in):
    course = stand_in()
    with sole_writer(course.folder / "autograded"), pytest.raises(Busy, match=f"{os.getpid()}"):
        update(course)
    update(course)


def test_a_fault_in_the_middle_leaves_the_old_state_of_that_submission(stand_in, monkeypatch):
    course = stand_in()
    course.hand_in("ada", ESSAY, FULL)
    course.hand_in("bob", ESSAY, FULL)
    update(course)
    mark(course, "bob", "m1_essay", 5.0)
    before = {student: cell(course, student, "m1_essay") for student in ("ada", "bob")}
    for student in ("ada", "bob"):
        course.hand_in(student, ESSAY | {"m1_essay": f"New of {student}."}, {"test_tune": 1.0})
    real, calls = gradebook._new, []

    def fails(db, table, paper, label, before):
        calls.append(label)
        if paper.student == "bob" and table is gradebook.COMMENT:
            raise RuntimeError("the power is gone")
        return real(db, table, paper, label, before)

    monkeypatch.setattr(gradebook, "_new", fails)
    with pytest.raises(RuntimeError, match="power"):
        update(course)
    assert cell(course, "ada", "test_tune")[0] == 1.0
    assert cell(course, "bob", "test_tune")[0] == 4.0
    assert cell(course, "bob", "m1_essay") == before["bob"] == (None, 5.0, False)
    monkeypatch.undo()
    update(course)
    assert cell(course, "bob", "m1_essay") == (None, None, True)


def test_a_fault_while_the_tables_are_made_leaves_none(stand_in, monkeypatch):
    course = stand_in()

    def fails(*given, **more):
        raise RuntimeError("the power is gone")

    monkeypatch.setattr(gradebook.EARLIER, "create", fails)
    with pytest.raises(RuntimeError, match="power"):
        update(course)
    assert dump(course) == ["BEGIN TRANSACTION;", "COMMIT;"]
    monkeypatch.undo()
    update(course)


def test_a_killed_update_is_finished_by_the_next(stand_in):
    course = stand_in(students=[f"s{i}" for i in range(24)])
    for student in course.students:
        course.hand_in(student, ESSAY, FULL)
    child = os.fork()
    if not child:
        try:
            update(course)
        finally:
            os._exit(0)
    while len(files(course)) < 12:
        time.sleep(0.005)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    with Gradebook(course.database) as book:
        for sent in book.assignment_submissions("momentum"):
            assert sent.score == 17 and len(sent.notebooks[0].grades) == 5
        assert 0 < len(book.assignment_submissions("momentum")) < 24
    update(course)
    with Gradebook(course.database) as book:
        assert [s.score for s in book.assignment_submissions("momentum")] == [17] * 24
    assert len(files(course)) == 48


def test_a_marker_who_saves_meanwhile_is_not_overwritten(stand_in, monkeypatch):
    course = stand_in()
    course.hand_in("ada", ESSAY, FULL)
    update(course)
    course.standing["ada"].record["questions"]["test_tune"]["points"] = 1.0
    real = gradebook._changes

    def meanwhile(*given):
        mark(course, "ada", "m1_essay", 5.0)  # after the update has read, before it writes
        mark(course, "ada", "test_tune", 2.0)
        return real(*given)

    monkeypatch.setattr(gradebook, "_changes", meanwhile)
    update(course)
    assert cell(course, "ada", "m1_essay") == (None, 5.0, False)
    assert cell(course, "ada", "test_tune") == (1.0, 2.0, True)


# --- which database ---


def test_addresses():
    def url(text):
        return gradebook.url(type("Course", (), {"database": text}))

    assert url("postgresql://me:se%40cret@host/db") == "postgresql+psycopg://me:se%40cret@host/db"
    assert url("postgresql+psycopg://host/db") == "postgresql+psycopg://host/db"
    assert url("sqlite:////tmp/x.db") == "sqlite:////tmp/x.db"
    with pytest.raises(gradebook.GradebookError, match="no URL"):
        url("gradebook.db")


def test_errors_of_the_database_name_it_without_its_password(stand_in):
    course = stand_in(database="postgresql://me:secret@127.0.0.1:1/none?connect_timeout=5")
    with pytest.raises(gradebook.GradebookError, match=r"postgresql.*127\.0\.0\.1") as caught:
        update(course)
    assert "secret" not in str(caught.value)
    course = stand_in(database="oracle+nothing://host/db")
    with pytest.raises(gradebook.GradebookError, match="oracle"):
        update(course)


def test_the_gradebook_of_another_class_or_version_is_refused(stand_in):
    course = stand_in()
    update(course)
    course.name = "Another class"
    with pytest.raises(gradebook.GradebookError, match="'A class'.*'Another class'"):
        update(course)
    course.name = "A class"
    with sa.create_engine(course.database).begin() as db:
        db.execute(sa.text("UPDATE alembic_version SET version_num = 'old'"))
    with pytest.raises(gradebook.GradebookError, match="nbgrader db upgrade"):
        update(course)


@pytest.fixture(scope="module")
def postgres(tmp_path_factory):
    """Address of a PostgreSQL of our own; Debian's package postgresql has what it needs."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not found:
        pytest.skip("no PostgreSQL on this machine (Debian's package: postgresql)")
    program = found[-1].parent
    folder = tmp_path_factory.mktemp("pg")
    run = {"stdout": subprocess.DEVNULL, "stderr": subprocess.STDOUT}
    if os.geteuid() == 0:  # it refuses root
        run |= {"user": "nobody", "group": "nogroup", "extra_groups": []}
        data = Path(subprocess.check_output(["mktemp", "-d"], user="nobody", text=True).strip())
    else:
        data = folder
    try:
        init = [
            program / "initdb",
            "-D",
            data / "db",
            "-A",
            "trust",
            "-U",
            "me",
            "-N",
            "-E",
            "UTF8",
        ]
        subprocess.run([*init, "--locale=C"], check=True, cwd="/", **run)
        server = subprocess.Popen(
            [
                *(program / "postgres", "-D", data / "db", "-k", data, "-h", "", "-F"),
                *("-c", "shared_buffers=1MB", "-c", "max_connections=10"),
            ],
            cwd="/",
            **run,
        )
        address = f"postgresql://me@/postgres?host={data}"
        for _ in range(200):
            try:
                engine = sa.create_engine(address.replace("postgresql:", "postgresql+psycopg:"))
                engine.connect().close()
                engine.dispose()
                break
            except sa.exc.OperationalError:
                assert server.poll() is None, "PostgreSQL ended"
                time.sleep(0.05)
        yield address
        server.send_signal(signal.SIGINT)
        server.wait(20)
    finally:
        subprocess.run(["rm", "-rf", str(data)], check=True)


def test_a_real_postgresql(stand_in, postgres):
    course = stand_in(database=postgres)
    course.hand_in("ada", ESSAY | {"m1_essay": "One."}, FULL)
    update(course)
    mark(course, "ada", "m1_essay", 5.0, "Fine.")
    update(course)
    assert scores(course) == {"ada": {"m1_essay": 5.0}}
    first = course.standing["ada"]
    course.hand_in("ada", ESSAY | {"m1_essay": "Two."}, FULL | {"test_tune": 1.0})
    course.students["bob"].first_name = "Nul\x00"
    update(course)
    assert scores(course) == {} and cell(course, "ada", "test_tune") == (1.0, None, False)
    course.standing["ada"] = first
    update(course)
    assert scores(course) == {"ada": {"m1_essay": 5.0}}
    assert comments(course) == {"ada": {"m1_essay": "Fine."}}
    with Gradebook(gradebook.url(course)) as book:
        assert book.find_submission("momentum", "ada").score == 22
    assert not list(course.folder.glob("*.db"))
    del course.standing["ada"]
    update(course)


def test_the_penalty_follows_the_marks(stand_in):
    course = stand_in()
    course.hand_in("ada", ESSAY, FULL, factor=0.5)
    update(course)
    mark(course, "ada", "m1_essay", 5.0)
    update(course)
    with Gradebook(course.database) as book:
        sheet = book.find_submission_notebook("momentum", "momentum", "ada")
        assert sheet.late_submission_penalty == 11.0
