"""How many submissions a minute: this grader, and nbgrader on the same notebooks.

    python -m benchmarks.grading [--students 1000] [--nbgrader 30]

The sheet is gradient-descent (three code questions, a plot, an essay). The class is made of its
solution and its planted faults. Three things are timed, on all cores of this machine:

code      the hidden tests of the three code questions alone, in the sandbox
whole     the same, the plot run and kept, the gradebook filled, a feedback page for each student
nbgrader  `nbgrader autograde` and `nbgrader generate_feedback`, which run on one core, without a
          sandbox, and test what the sheet shows (it holds no hidden tests)

Writes benchmarks/grading.md.
"""

import argparse
import itertools
import os
import platform
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

from tqdm import tqdm

from exercises.assignment import Assignment, grading
from exercises.grading import engine, export, feedback, gradebook
from exercises.grading.collect import keep
from exercises.grading.course import Course
from exercises.grading.grade import grade
from exercises.release import student_version, to_bytes

HERE = Path(__file__).resolve().parent
NAME = "gradient-descent"
NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--students", type=int, default=1000, help="%(default)s")
    parser.add_argument("--nbgrader", type=int, default=30, help="students of its class")
    given = parser.parse_args()
    rates = {}
    with tempfile.TemporaryDirectory() as folder:
        course = write_class(Path(folder), given.students)
        rates["code"] = code(course)
        rates["whole"] = whole(course)
    with tempfile.TemporaryDirectory() as folder:
        rates["nbgrader"] = nbgrader(Path(folder), given.nbgrader)
    text = report(given, rates)
    (HERE / "grading.md").write_text(text)
    print(text)


def papers(count):
    """Notebooks of a class: the solution, then each planted fault, and so on; no two the same."""
    assignment = Assignment(NAME)
    for number, mutant in zip(range(count), itertools.cycle([None, *assignment.mutants])):
        notebook = student_version(assignment)
        cells = {grading(cell)["grade_id"]: cell for cell in notebook["cells"]}
        for source in assignment.cells:
            if grading(source)["solution"]:
                name, text = grading(source)["grade_id"], source["source"]
                if mutant and mutant["cell"] == name:
                    for old, new in mutant["change"]:
                        text = text.replace(old, new)
                cells[name]["source"] = text
        cells["m1_essay"]["source"] += f"\n\nWritten by student {number}."
        ours = (cells["before_you_hand_in"], cells["self_check"])  # nbgrader would stop at them
        notebook["cells"] = [cell for cell in notebook["cells"] if cell not in ours]
        yield f"s{number:04d}", to_bytes(notebook)


def write_class(folder, count):
    (folder / "course.toml").write_text(f"[assignments.{NAME}]\nseed = 1\n")
    rows = [f"s{i:04d},First,Last{i},s{i}@example.org" for i in range(count)]
    (folder / "students.csv").write_text("\n".join(["id,first_name,last_name,email", *rows]))
    course = Course(folder)
    for student, data in papers(count):
        keep(course, NAME, student, NOON, data)
    return course


def code(course):
    """Submissions a minute, code questions alone."""
    plan = course.plans[NAME]
    texts = [attempt.path.read_bytes() for attempt in course.attempts()]
    start = time.perf_counter()
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        work = pool.map(lambda d: grade(plan.assignment, d, seed=plan.seed, render=False), texts)
        done = sum(record["status"] == "graded" for record in tqdm(work, "code", len(texts)))
    assert done == len(texts)
    return 60 * done / (time.perf_counter() - start)


def whole(course):
    """Submissions a minute, from attempts to feedback pages."""
    start = time.perf_counter()
    with tqdm(desc="whole", total=len(course.students)) as bar:
        summary = engine.run(course, progress=lambda done, all: bar.update())
    assert not summary.errors, summary.errors
    gradebook.update(course)
    results, scores = export.gather(course)
    feedback.write(course, NAME, results[NAME], scores[NAME])
    return 60 * summary.graded / (time.perf_counter() - start)


def nbgrader(folder, count):
    """Submissions a minute of nbgrader's own commands."""
    source = folder / "source" / NAME / f"{NAME}.ipynb"
    source.parent.mkdir(parents=True)
    source.write_bytes(Assignment(NAME).path.read_bytes())
    (folder / "nbgrader_config.py").write_text(
        "c = get_config()\nc.CourseDirectory.course_id = 'benchmark'\n"
    )

    def run(*words):
        done = subprocess.run(
            [sys.executable, "-m", "nbgrader", *words],
            cwd=folder,
            capture_output=True,
            text=True,
            env=os.environ | {"OPENBLAS_NUM_THREADS": "1"},
        )
        assert done.returncode == 0, done.stderr[-2000:]

    run("generate_assignment", NAME, "--create")
    for student, data in papers(count):
        path = folder / "submitted" / student / NAME / f"{NAME}.ipynb"
        path.parent.mkdir(parents=True)
        path.write_bytes(data)
    start = time.perf_counter()
    run("autograde", NAME, "--create")
    run("generate_feedback", NAME)
    return 60 * count / (time.perf_counter() - start)


def report(given, rates):
    base = rates["nbgrader"]
    rows = [
        ("code questions alone", given.students, rates["code"]),
        ("whole: plots, gradebook and feedback pages too", given.students, rates["whole"]),
        ("nbgrader: autograde and generate_feedback", given.nbgrader, base),
    ]
    lines = [
        "| | submissions | a minute | times nbgrader |",
        "|---|---|---|---|",
        *(f"| {what} | {n} | {rate:.0f} | {rate / base:.1f} |" for what, n, rate in rows),
        "",
        f"Python {platform.python_version()}, {os.cpu_count()} cores, sheet `{NAME}`; made by "
        "`python -m benchmarks.grading`.",
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
