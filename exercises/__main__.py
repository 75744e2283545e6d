"""The command line: ``python -m exercises --help``."""

import argparse
import sys
from pathlib import Path

from exercises import leaks
from exercises.assignment import HERE, Assignment, SourceError
from exercises.release import RELEASED, release


def main(argv=None):
    parser = argparse.ArgumentParser(
        prog="python -m exercises",
        description="Exercises: release them, and see that nothing leaks.",
    )
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("release", help="write the student notebook of an assignment")
    one.add_argument("assignment", help="its name, or the folder of a private copy")
    one.add_argument(
        "--to", type=Path, default=RELEASED, metavar="FOLDER", help="default: %(default)s"
    )
    two = commands.add_parser("leaks", help="look for solutions and hidden tests in a built site")
    two.add_argument("directory", type=Path, help="for example _build/html")
    two.add_argument(
        "assignments", nargs="*", help="names or folders; default: all that this repository holds"
    )
    given = parser.parse_args(argv)
    try:
        if given.command == "release":
            print(f"wrote {release(Assignment(given.assignment), given.to)}")
            return 0
        found = leaks.in_directory(
            [Assignment(name) for name in given.assignments] or assignments(), given.directory
        )
        print("\n".join(found) or f"no solution and no hidden test found in {given.directory}")
        return 1 if found else 0
    except SourceError as error:
        print(error, file=sys.stderr)
        return 1


def assignments():
    """All assignments of this repository."""
    return [Assignment(path.parent) for path in sorted(HERE.glob("*/source.ipynb"))]


if __name__ == "__main__":
    sys.exit(main())
