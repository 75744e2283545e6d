"""The command line: ``python -m exercises --help``. Each verb is a function of `exercises.grading`,
called here with what the words say; what is loaded is what the verb needs."""

import argparse
import sys
import time
from datetime import datetime
from pathlib import Path

from tqdm import tqdm

from exercises import leaks
from exercises.assignment import HERE, Assignment
from exercises.release import RELEASED, release

ABOUT = """\
Exercises for a class. From a new class to grades:

  new-class FOLDER                  course.toml and students.csv to fill in (or: demo FOLDER)
  release ASSIGNMENT                the notebook for the students
  collect FOLDER ASSIGNMENT SOURCE  take what Moodle, Canvas or nbgrader gives out
  grade FOLDER                      run the hidden tests behind a wall; may be killed and repeated
  review FOLDER                     mark plots and essays in nbgrader's formgrader
  feedback FOLDER                   a page for each student
  export FOLDER                     tables for Moodle, Canvas and you; statistics; pairs alike
  status FOLDER                     how far everything is

exercises/README.md walks through it in five minutes.
"""


def parser():
    top = argparse.ArgumentParser(
        prog="python -m exercises",
        description=ABOUT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    verbs = top.add_subparsers(dest="verb", required=True, metavar="VERB")

    def verb(name, help, does, *, folder=True):
        made = verbs.add_parser(name, help=help, description=does.__doc__)
        made.set_defaults(does=does)
        if folder:
            made.add_argument("folder", type=Path, help="the folder of the class")
        return made

    def which(made):
        made.add_argument(
            "--assignment", action="append", metavar="NAME", help="only this; may be repeated"
        )

    new = verb("new-class", "begin a class", new_class)
    new.add_argument("--name", help="of the class; default: that of its folder")
    verb("demo", "an example class of 30 invented students", demo).add_argument(
        "--run", action="store_true", help="also grade it, write pages and tables, and say so"
    )
    one = verb("release", "write the student notebook of an assignment", released, folder=False)
    one.add_argument("assignment", help="its name, or the folder of a private copy")
    one.add_argument("--to", type=Path, default=RELEASED, metavar="FOLDER", help="%(default)s")
    take = verb("collect", "take notebooks that were handed in", collected)
    take.add_argument("assignment", help="its name in course.toml")
    take.add_argument("source", type=Path, help="a folder, a zip, a tar(.gz) or one .ipynb")
    take.add_argument("--when", type=moment, help="when: 2026-12-01T23:59:00+01:00")
    take.add_argument("--student", help="id of the student to whom all of it belongs")
    run = verb("grade", "run the hidden tests", graded)
    which(run)
    run.add_argument("--student", action="append", metavar="ID", help="only this; may be repeated")
    run.add_argument("--jobs", type=int, help="at once on this machine; default: its cores")
    run.add_argument("--scheduler", metavar="ADDRESS", help="of a Dask cluster: tcp://HOST:8786")
    run.add_argument("--force", action="store_true", help="grade again what is graded")
    run.add_argument(
        "--unsafe",
        action="store_true",
        help="without a sandbox: the code runs with your rights, on your files; for your own code",
    )
    mark = verb("review", "mark by hand in formgrader", reviewed)
    mark.add_argument("--port", type=int, help="default: a free one")
    tell = verb("feedback", "write a page for each student", told)
    which(tell)
    tell.add_argument("--book", metavar="URL", help="of the published book, to link its chapters")
    give = verb("export", "write grades, statistics and similarity", exported)
    give.add_argument(
        "--format", action="append", choices=("plain", "moodle", "canvas"), help="default: all"
    )
    which(verb("status", "how far each assignment is", status))
    see = verb("validate", "what the grader will see of a notebook", validated, folder=False)
    see.add_argument("notebook", type=Path)
    see.add_argument("--assignment", metavar="NAME", help="if the notebook does not say it")
    look = verb("leaks", "look for solutions in a built site", leaked, folder=False)
    look.add_argument("directory", type=Path, help="for example _build/html")
    look.add_argument("assignments", nargs="*", help="names or folders; default: all there are")
    return top


def main(argv=None):
    given = parser().parse_args(argv)
    try:
        return given.does(given) or 0
    except KeyboardInterrupt:
        print("\nstopped; what was done is kept, start it again for the rest", file=sys.stderr)
        return 130
    except (ValueError, RuntimeError, OSError) as error:  # all errors of this package are those
        print(f"{given.verb}: {error}", file=sys.stderr)
        return 1


def assignments():
    """All assignments of this repository."""
    return [Assignment(path.parent) for path in sorted(HERE.glob("*/source.ipynb"))]


def moment(text):
    when = datetime.fromisoformat(text)
    if when.tzinfo is None:
        raise argparse.ArgumentTypeError("give its zone, too: 2026-12-01T23:59:00+01:00")
    return when


def course(given):
    from exercises.grading.course import Course

    made = Course(given.folder)
    for name in getattr(given, "assignment", None) or ():
        made.plan(name)  # an unknown name is an error that lists the known ones
    return made


def new_class(given):
    """Write course.toml and students.csv into a new folder, to be filled in."""
    from exercises.grading.course import starter

    for path in starter(given.folder, given.name):
        print(f"wrote {path}: fill it in")


def demo(given):
    """Write a class of 30 invented students whose notebooks have all the troubles of real ones."""
    from exercises.grading.demo import make

    print(f"wrote {make(given.folder)}, a class that nobody is in; expected.csv is its answer key")
    if given.run:
        everything = dict(assignment=None, student=None, jobs=None, scheduler=None, force=False)
        given = argparse.Namespace(
            **vars(given) | everything, unsafe=False, book=None, format=None, port=None
        )
        for step in (graded, status, told, exported):
            print(f"\npython -m exercises {NAMES[step]} {given.folder}")
            step(given)


def released(given):
    """Write the student notebook of an assignment, or say everything that is wrong with it."""
    print(f"wrote {release(Assignment(given.assignment), given.to)}")


def collected(given):
    """Take what was handed in, as attempts. Nothing is run; the same file is taken once."""
    from exercises.grading.collect import collect
    from exercises.grading.course import Course

    report = collect(
        Course(given.folder), given.assignment, given.source, given.when, given.student
    )
    for line in report:
        if not line.new:
            print(f"{line.student or '?'}: {line.what}")
    new = sum(line.new for line in report)
    nobody = sum(line.student is None for line in report)
    print(f"{new} new attempts" + (f"; {nobody} things are nobody's, see above" if nobody else ""))


def graded(given):
    """Run the hidden tests on every attempt whose record is missing or out of date."""
    from exercises.grading import engine

    if given.unsafe:
        print(
            "--unsafe: what students wrote now runs with your rights and can read, change and send "
            "all that you can. Stop it (Ctrl-C) unless you wrote all of it.",
            file=sys.stderr,
        )
        time.sleep(3)
    with tqdm(unit="attempt", leave=True) as bar:

        def progress(done, all):
            bar.total = all
            bar.update(done - bar.n)

        summary = engine.run(
            course(given), given.assignment, given.student, jobs=given.jobs,
            scheduler=given.scheduler, force=given.force, unsafe=given.unsafe, progress=progress,
        )  # fmt: skip
    print(f"{summary.graded} attempts graded, {summary.kept} had a valid record")
    for error in summary.errors:
        print(f"not graded: {error}", file=sys.stderr)
    return 1 if summary.errors else 0


def reviewed(given):
    """Serve nbgrader's formgrader on this machine: plots and essays, rubric beside the answer."""
    from exercises.grading.marking import review

    review(course(given), given.port)


def told(given):
    """Write feedback/STUDENT/ASSIGNMENT.html for each student, and feedback/index.html."""
    from exercises.grading import export, feedback, gradebook

    mine = course(given)
    gradebook.update(mine)
    results, scores = export.gather(mine)
    for name in given.assignment or results:
        notes = gradebook.comments(mine, name)
        paths = feedback.write(mine, name, results[name], scores[name], notes, given.book)
        print(f"wrote {len(paths)} pages for {name}")
    print(f"wrote {feedback.write_index(mine, results)}")


def exported(given):
    """Write exports/: grades for yourself, Moodle and Canvas, item statistics, similar pairs."""
    from exercises.grading import export, gradebook, similarity, statistics

    mine = course(given)
    gradebook.update(mine)
    results, scores = export.gather(mine)
    paths = export.write(mine, given.format or export.FORMATS, results, scores)
    for name in results:
        rows = statistics.items(mine, name, results[name], scores[name])
        statistics.write(mine, name, rows)
        print(statistics.text(rows, name))
        alike = similarity.pairs(mine, name, results[name])
        paths += similarity.write(mine, name, alike)
    for path in paths:
        print(f"wrote {path}")


def status(given):
    """How far each assignment is: a row of numbers for each."""
    from exercises.grading import engine, files
    from exercises.grading.results import status as rows

    mine = course(given)
    table = [row.as_dict() for row in rows(mine, given.assignment)]
    if not table:
        print("no assignment is set; course.toml lists them")
        return
    columns = [[name.replace("_", " ") for name in table[0]]]
    columns += [[str(value) for value in row.values()] for row in table]
    widths = [max(map(len, column)) for column in zip(*columns, strict=True)]
    for row in columns:
        cells = (cell.ljust(width) if i == 0 else cell.rjust(width)
                 for i, (cell, width) in enumerate(zip(row, widths, strict=True)))  # fmt: skip
        print("  ".join(cells).rstrip())
    if process := files.holder(mine.folder):
        left = sum(row["waiting"] + row["stale"] for row in table)
        rate = engine.pace(mine, time.time())
        ends = f", about {left / rate:.0f} minutes" if rate else ""
        print(f"process {process} is grading now: {rate:.0f} a minute, {left} left{ends}")


def validated(given):
    """Say what the grader will see of a notebook; runs the visible tests, not in a sandbox."""
    from exercises.grading.validate import validate

    report = validate(given.notebook, given.assignment)
    print(report)
    return report.exit_code


def leaked(given):
    """Look for solutions and hidden tests in a built site."""
    found = leaks.in_directory(
        [Assignment(name) for name in given.assignments] or assignments(), given.directory
    )
    print("\n".join(found) or f"no solution and no hidden test found in {given.directory}")
    return 1 if found else 0


NAMES = {graded: "grade", status: "status", told: "feedback", exported: "export"}

if __name__ == "__main__":
    sys.exit(main())
