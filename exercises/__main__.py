"""The command line: ``python -m exercises --help``. Each verb is a function of `exercises.grading`,
called here with what the words say; what is loaded is what the verb needs."""

import argparse
import contextlib
import sys
import time
from collections import Counter
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
  status FOLDER                     how far everything is, and what comes next

FOLDER is that of the class, anywhere. exercises/README.md walks through it in five minutes.
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
    one.add_argument(
        "--to", type=Path, default=RELEASED, metavar="FOLDER", help="where to; default: %(default)s"
    )
    take = verb("collect", "take notebooks that were handed in", collected)
    take.add_argument("assignment", help="its name in course.toml")
    take.add_argument("source", type=Path, help="a folder, a zip, a tar(.gz) or one .ipynb")
    take.add_argument("--when", type=moment, help="the right time: 2026-12-01T23:59:00+01:00")
    take.add_argument("--student", metavar="ID", help="to whom all of it belongs")
    run = verb("grade", "run the hidden tests", graded)
    which(run)
    run.add_argument("--student", action="append", metavar="ID", help="only this; may be repeated")
    run.add_argument(
        "--jobs", type=several, metavar="N", help="at once on this machine; default: its cores"
    )
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
    which(give)
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
    except BrokenPipeError:  # who reads along has seen enough
        sys.stdout = None
        return 0
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
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        when = None
    if when is None or when.tzinfo is None:
        raise argparse.ArgumentTypeError("write day, time and zone: 2026-12-01T23:59:00+01:00")
    return when


def several(text):
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number above 0")
    return int(text)


def count(number, one, many=None):
    return f"{number} {one if number == 1 else many or one + 's'}"


def course(given):
    from exercises.grading.course import Course

    made = Course(given.folder)
    for name in getattr(given, "assignment", None) or ():
        made.plan(name)  # an unknown name is an error that lists the known ones
    for one in getattr(given, "student", None) or ():
        made.student(one)
    return made


def begun(made, given):
    """The assignments that are meant: those named, else those of which something was handed in."""
    names = [name for name in made.plans if not given.assignment or name in given.assignment]
    if not given.assignment:
        names = [name for name in names if made.attempts(name)]
    if not names:
        raise ValueError("nothing was handed in yet; begin with: python -m exercises collect")
    return names


def new_class(given):
    """Write course.toml and students.csv into a new folder, to be filled in."""
    from exercises.grading.course import starter

    for path in starter(given.folder, given.name):
        print(f"wrote {path}: fill it in")
    if HERE.parent in path.resolve().parents:
        print("It lies in the repository of the book and must stay private: better move it.")


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
    from exercises.grading.collect import collect, elsewhere
    from exercises.grading.course import Course

    made = Course(given.folder)
    if not made.students:
        raise ValueError(f"{made.folder / 'students.csv'} names nobody yet: fill it in first")
    report = collect(made, given.assignment, given.source, given.when, given.student)
    for line in report:
        if line.attempt is None:
            print(f"{line.student or '?'}: {line.what}")
        elif line.new and (other := elsewhere(line.attempt)):
            print(f"{line.student}: this is a sheet of {other}; if so, delete {line.attempt.path}")
    said = [
        count(sum(line.new for line in report), "new attempt"),
        f"{sum(not line.new for line in report if line.attempt)} there already",
    ]
    if nobody := sum(line.student is None for line in report):
        said.append(f"{nobody} left over, see above")
    none = [one for one in made.students if not made.attempts(given.assignment, one)]
    if none:
        names = ": " + ", ".join(none) if len(none) <= 20 else ""
        said.append(f"nothing yet from {count(len(none), 'student')}{names}")
    print("; ".join(said))


def graded(given):
    """Run the hidden tests on every attempt whose record is missing or out of date."""
    from exercises.grading import engine

    made = course(given)
    if given.unsafe:
        print(
            "--unsafe: what students wrote now runs with your rights and can read, change and send "
            "all that you can. Stop it (Ctrl-C) unless you wrote all of it.",
            file=sys.stderr,
        )
        time.sleep(3)
    with contextlib.ExitStack() as stack:
        bar = None

        def progress(done, all):
            nonlocal bar
            if all and bar is None:
                bar = stack.enter_context(tqdm(total=all, unit="attempt"))
            if bar is not None:
                bar.update(done - bar.n)

        summary = engine.run(
            made, given.assignment, given.student, jobs=given.jobs,
            scheduler=given.scheduler, force=given.force, unsafe=given.unsafe, progress=progress,
        )  # fmt: skip
    alike = Counter(error.partition(", ")[2] for error in summary.errors)
    for error in dict.fromkeys(summary.errors):
        student, _, what = error.partition(", ")
        if times := alike.pop(what, 0):  # the same once, not for each of 200 students
            others = f" and {count(times - 1, 'other attempt')}" if times > 1 else ""
            print(f"not graded: {student}{others}, {what}", file=sys.stderr)
    if not summary.graded + summary.kept + len(summary.errors):
        print("nothing was handed in yet; begin with: python -m exercises collect")
        return 1
    print(f"{count(summary.graded, 'attempt')} graded; {summary.kept} had been before")
    return 1 if summary.errors else 0


def reviewed(given):
    """Serve nbgrader's formgrader on this machine: plots and essays, rubric beside the answer."""
    from exercises.grading.marking import review

    review(course(given), given.port)


def told(given):
    """Write feedback/STUDENT/ASSIGNMENT.html for each student, and feedback/index.html."""
    from exercises.grading import export, feedback, gradebook

    mine = course(given)
    names = begun(mine, given)
    gradebook.update(mine)
    results, scores = export.gather(mine)
    for name in names:
        notes = gradebook.comments(mine, name)
        paths = feedback.write(mine, name, results[name], scores[name], notes, given.book)
        print(f"wrote {len(paths)} pages for {name}")
    shown = {name: found for name, found in results.items() if name in begun(mine, ALL)}
    print(f"wrote {feedback.write_index(mine, shown or results)}")


def exported(given):
    """Write exports/: grades for yourself, Moodle and Canvas, item statistics, similar pairs.

    Without --assignment, of all of which something was handed in. An empty field, where a total is
    not complete, erases the grade that Canvas has.
    """
    from exercises.grading import export, gradebook, similarity, statistics

    mine = course(given)
    names = begun(mine, given)
    gradebook.update(mine)
    results, scores = export.gather(mine)
    results = {name: results[name] for name in names}
    formats = given.format or export.FORMATS
    paths, said = export.write(mine, formats, results, scores), []
    for name in results:
        rows = statistics.items(mine, name, results[name], scores[name])
        paths.append(statistics.write(mine, name, rows))
        alike = similarity.pairs(mine, name, results[name])
        paths += similarity.write(mine, name, alike)
        said += [statistics.text(rows, name), similarity.text(alike, name).partition("\n")[0], ""]
    print("\n".join(said))
    for path in paths:
        print(f"wrote {path}")
    empty = sum(not export.total(result) for found in results.values() for result in found)
    if empty and "canvas" in formats:
        print(
            f"{count(empty, 'total')} left empty, as not complete: Canvas erases what stands there "
            "(its page after the upload shows it first)."
        )


def status(given):
    """How far each assignment is, and what comes next.

    attempts, to grade: files collected, and those without a record that fits today's tests, seed,
    limits and grader. handed in, unreadable, to mark, complete: students, by what counts of each.
    """
    from exercises.grading import results

    made = course(given)
    rows = results.status(made, given.assignment)
    head = "assignment", "attempts", "to grade", "handed in", "unreadable", "to mark", "complete"
    table = [head]
    for row in rows:
        if row.attempts or given.assignment:
            handed_in = f"{row.handed_in} of {row.students}"
            numbers = (row.attempts, row.waiting + row.stale, handed_in, row.unreadable,
                       row.to_mark, row.marked)  # fmt: skip
            table.append([row.assignment, *map(str, numbers)])
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for row in table if len(table) > 1 else ():
        cells = (cell.ljust(width) if i == 0 else cell.rjust(width)
                 for i, (cell, width) in enumerate(zip(row, widths, strict=True)))  # fmt: skip
        print("  ".join(cells).rstrip())
    if none := [row.assignment for row in rows if not row.attempts and not given.assignment]:
        print(f"nothing handed in: {', '.join(none)}")
    for row in rows:
        if row.stale:
            print(f"{row.assignment}: {row.stale} stale (tests, seed, limits or grader changed)")
        if row.strangers:
            names = ", ".join(made.strangers(row.assignment)[:10])
            print(f"{row.assignment}: attempts of {row.strangers} not in students.csv: {names}")
    left = sum(row.waiting + row.stale for row in rows)
    if rate := results.rate(made) if left else None:
        print(f"being graded: {rate:.0f} a minute, about {left / rate:.0f} min left")
    for verb, wanted in (
        ("collect", not any(row.attempts for row in rows)),
        ("grade", left and not rate),
        ("review", not left and any(row.to_mark for row in rows)),
        ("feedback and export", True),
    ):
        if wanted and not (left and verb.startswith("feedback")):
            print(f"next: {verb}")
            break


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


ALL = argparse.Namespace(assignment=None)
NAMES = {graded: "grade", status: "status", told: "feedback", exported: "export"}

if __name__ == "__main__":
    sys.exit(main())
