"""One issue for one trouble, with GitHub's `gh`: opened, brought up to date, closed.

    python tools/issue.py TITLE REPORT      open it, or put the report in place of the text it has
    python tools/issue.py TITLE --close     close it if it is open: the trouble is over

For the scheduled workflows, which set GH_TOKEN and GH_REPO; by hand, `gh auth login` does. With RUN
set to the address of a run, the text ends with it.
"""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

LIMIT = 60_000  # characters; GitHub refuses texts of more than 65 536


def gh(*arguments, text=None):
    """What gh prints; its complaint ends the program."""
    try:
        done = subprocess.run(["gh", *arguments], input=text, capture_output=True, text=True)
    except FileNotFoundError:
        sys.exit("issue: needs GitHub's command line, `gh`")
    if done.returncode:
        sys.exit(f"issue: gh {arguments[0]} {arguments[1]}: {done.stderr.strip()}")
    return done.stdout


def number(title):
    """The number of the open issue with exactly this title, or None."""
    # Listed, not searched: the search index lags behind, and a second issue would be opened.
    rows = gh("issue", "list", "--state", "open", "--limit", "500", "--json", "number,title")
    return next((str(row["number"]) for row in json.loads(rows) if row["title"] == title), None)


def body(text, run):
    """The text of the issue: cut where GitHub would refuse it, with the run that says it."""
    if len(text) > LIMIT:
        text = text[:LIMIT].rsplit("\n", 1)[0] + "\n\n(cut: the whole is in the run)"
    return f"{text.rstrip()}\n\n{f'Said by {run}' if run else ''}".rstrip() + "\n"


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("title")
    parser.add_argument("report", type=Path, nargs="?", help="file with the text, Markdown")
    parser.add_argument("--close", action="store_true", help="the trouble is over")
    options = parser.parse_args(arguments)
    if options.close == bool(options.report):
        parser.error("either a REPORT or --close")
    if options.report and not options.report.exists():
        sys.exit(f"issue: there is no report {options.report}")
    known = number(options.title)
    if options.close:
        if known:
            gh("issue", "close", known, "--comment", "It works again.")
        return print(f"closed: #{known}" if known else "nothing to close")
    text = body(options.report.read_text("utf-8"), os.environ.get("RUN"))
    if known:
        gh("issue", "edit", known, "--body-file", "-", text=text)
        print(f"brought up to date: #{known}")
    else:
        print("opened:", gh("issue", "create", "--title", options.title, "--body-file", "-",
                            text=text).strip())  # fmt: skip


if __name__ == "__main__":
    main()
