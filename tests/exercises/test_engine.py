"""A run may be killed at any instant, by any means, on any machine: the records are the same."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
import pytest

from exercises.grading import engine, files, sandbox
from exercises.grading.collect import keep
from exercises.grading.course import Course

sys.path.insert(0, str(Path(__file__).parent))
import tiny

ROOT = Path(__file__).parents[2]
NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)
ANSWERS = [
    {},
    {"double": "def double(x):\n    return 3 * x"},
    {"double": "def double(x):\n    raise NotImplementedError()"},
    {"total": "def total(values):\n    return sum(values)"},
    {"step": "import os\nos._exit(0)"},
    {"double": "x = (", "m1_plot": "1 / 0"},
]


def write_class(folder, students=8):
    """A class whose students hand in one attempt or two."""
    tiny.write(folder / "private")
    (folder / "students.csv").write_text(
        "id,first_name,last_name,email\n"
        + "".join(f"s{i},First{i},Last{i},s{i}@example.org\n" for i in range(students))
    )
    (folder / "course.toml").write_text(
        "[limits]\nseconds = 5\n[assignments.tiny]\nfolder = 'private/tiny'\n"
        "due = 2026-11-03T12:00:00Z\n"
    )
    course = Course(folder)
    for i, student in enumerate(course.students):
        for day in range(1 + (i % 4 == 0)):
            data = tiny.submission(**ANSWERS[(i + day) % len(ANSWERS)], m1_essay=f"Essay {i}.")
            keep(course, "tiny", student, NOON + timedelta(days=day), data)
    return course


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """Records of a run that nothing disturbed: path in the class -> bytes."""
    course = write_class(tmp_path_factory.mktemp("undisturbed"))
    summary = engine.run(course)
    assert (summary.graded, summary.kept, summary.errors) == (10, 0, [])
    return records(course)


def records(course):
    folder = course.folder / "records"
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*.json")}


GRADE = (
    "import sys; from exercises.grading import engine; from exercises.grading.course import Course;"
    "print(engine.run(Course(sys.argv[1])).errors, flush=True)"
)


def start(course):
    return subprocess.Popen(
        [sys.executable, "-c", GRADE, str(course.folder)],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def test_killed_at_twenty_instants_and_run_again(tmp_path, undisturbed):
    course, instants = write_class(tmp_path), random.Random(20261125)
    seen = []
    for _ in range(20):
        run = start(course)
        # from the first import to well within the sandboxes
        with_some = len(records(course)) + instants.randrange(2)
        patience = time.monotonic() + instants.uniform(0.1, 1.5)
        while time.monotonic() < patience or len(records(course)) < min(with_some, 4):
            if run.poll() is not None:
                break
            time.sleep(0.005)
        run.send_signal(signal.SIGKILL)
        run.wait()
        seen.append(len(records(course)))
        for path in (course.folder / "records").rglob("*.json"):
            json.loads(path.read_bytes())  # whole, at whatever instant
        if seen[-1] == len(undisturbed):  # nothing left to disturb: begin again
            for path in (course.folder / "records").rglob("*.json"):
                path.unlink()
    assert len(set(seen)) > 2, "the kills should meet the run in different states"
    again = start(course)
    said, wrong = again.communicate(timeout=120)
    assert said == b"[]\n", wrong.decode()
    assert records(course) == undisturbed
    summary = engine.run(course)
    assert (summary.graded, summary.kept) == (0, len(undisturbed))
    gone = time.monotonic() + 20  # what a killed run had in its sandboxes ends with it
    while sandboxes(course) and time.monotonic() < gone:
        time.sleep(0.1)
    assert not sandboxes(course)


def sandboxes(course):
    """Processes of sandboxes with the limits of this class."""
    ours = f'"seconds": {course.limits["seconds"]}, "memory"'
    return [
        process
        for process in psutil.process_iter(["cmdline"])
        if "/grader/supervisor.py" in (process.info["cmdline"] or ())
        and ours in process.info["cmdline"][-1]
    ]


def test_one_writer_at_a_time(tmp_path):
    course = write_class(tmp_path, students=1)
    with files.sole_writer(course.folder):
        with pytest.raises(files.Busy, match=f"process {os.getpid()} is writing"):
            engine.run(course)
    assert engine.run(course).graded == 2


def test_what_was_changed_is_graded_again_and_nothing_else(tmp_path):
    course = write_class(tmp_path, students=3)
    assert engine.run(course).graded == 4
    assert engine.run(course).kept == 4
    path = course.attempts()[0].record_path
    whole = path.read_bytes()
    path.write_bytes(whole[:100])  # as a careless copy may leave it
    summary = engine.run(course)
    assert (summary.graded, summary.kept) == (1, 3) and path.read_bytes() == whole
    hidden = course.folder / "private/tiny/hidden.py"
    hidden.write_text(hidden.read_text().replace("points=2, unchanged", "points=1.5, unchanged"))
    assert engine.run(Course(tmp_path)).graded == 4, "a mended test grades all again"
    assert engine.run(Course(tmp_path), force=True).graded == 4
    assert engine.run(Course(tmp_path), students=["s1"], force=True).graded == 1
    assert engine.run(Course(tmp_path), assignments=["other"], force=True).graded == 0


def test_a_test_that_fails_by_itself_costs_nobody_anything(tmp_path):
    course = write_class(tmp_path, students=2)
    hidden = course.folder / "private/tiny/hidden.py"
    hidden.write_text(hidden.read_text().replace("found.shape != wanted", "found.shap != wanted"))
    summary = engine.run(course)
    assert summary.graded == 0 and len(summary.errors) == 3
    assert "the hidden test 'doubles an array' fails by itself: AttributeError" in summary.errors[0]
    assert not records(course)


def test_without_a_sandbox_it_refuses(tmp_path, monkeypatch):
    course = write_class(tmp_path, students=1)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(sandbox.SandboxError, match="bwrap is not installed.*apt install"):
        engine.run(course)
    assert not records(course)
    summary = engine.run(course, unsafe=True)
    assert (summary.graded, summary.errors) == (2, [])
    (double,) = {
        json.loads(text)["questions"]["test_double"]["points"]
        for path, text in records(course).items()
        if "20261102" in path
    }
    assert double == 2


def test_a_sandbox_that_does_not_hold_is_refused(monkeypatch):
    whole = sandbox.wall

    def leaky(limits, filter):
        words = whole(limits, filter)
        return [word for word in words if word != "--unshare-net"]

    monkeypatch.setattr(sandbox, "wall", leaky)
    with pytest.raises(sandbox.SandboxError, match="there is a network.*Nothing was graded"):
        sandbox.check()


def test_a_cluster_gives_the_same_and_survives_the_death_of_a_worker(tmp_path, undisturbed):
    from distributed import LocalCluster

    course = write_class(tmp_path)
    with LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None,
        silence_logs=50, memory_limit=0,
    ) as cluster:  # fmt: skip
        killed = []

        def kill_one(done, all):
            if not killed:
                killed.append(next(iter(cluster.workers.values())).process.pid)
                os.kill(killed[0], signal.SIGKILL)

        summary = engine.run(course, scheduler=cluster.scheduler_address, progress=kill_one)
    assert killed and summary.errors == [] and summary.graded == len(undisturbed)
    assert records(course) == undisturbed


def test_a_worker_with_another_grader_is_told_apart(monkeypatch):
    with pytest.raises(RuntimeError, match="this worker's grader differs"):
        engine.remote((), "tiny", 1, {}, b"", "another", False)


def test_a_class_that_student_code_could_read_is_refused():
    somewhere = Path("/usr/bin/env")  # as a class in /usr/src would be
    with pytest.raises(sandbox.SandboxError, match="reach /usr/bin/env: put it elsewhere"):
        sandbox.check(private=[Path(__file__), somewhere])
    sandbox.check(private=[Path(__file__)])
