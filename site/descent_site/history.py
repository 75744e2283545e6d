"""The lines below each article: when it was last changed, what it was checked with, how to report
a mistake.

The date is that of the last commit that touched what the page says, from one `git log` for all
pages. Without git, or in a clone that was cut off (`git clone --depth 1`), nobody knows, and no
date is shown: that is better than a wrong one.
"""

import platform
import subprocess
from datetime import date
from functools import cache
from importlib.metadata import version
from pathlib import Path
from urllib.parse import urlencode

from docutils import nodes

import optlib

from . import address

# What a page says stands in its own file, and in tables of the same name beside it (glossary.md and
# glossary.yml). These pages print what stands elsewhere.
ELSEWHERE = {
    "api": ["optlib/"],
    "api-networks": ["optlib/"],
    "bibliography": ["references.bib"],
    "speed": ["benchmarks/"],
    "teaching/chapters": ["teaching/notes/"],
}


def _git(folder, *arguments):
    """What git says, or None."""
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments],
            capture_output=True, text=True, encoding="utf-8", timeout=60,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None


@cache
def commits(folder):
    """(short name of the last commit, {file: date of its last change}); (None, {}) if unknown."""
    head = _git(folder, "rev-parse", "--short", "HEAD")
    if head is None:
        return None, {}
    if _git(folder, "rev-parse", "--is-shallow-repository") != "false\n":
        return head.strip(), {}
    told = _git(
        folder, "-c", "core.quotePath=false", "log", "--relative", "--name-only", "--format=%x00%cs"
    )
    dates = {}
    for commit in (told or "").split("\0")[1:]:  # the newest first
        when, *files = commit.split("\n")
        for name in filter(None, files):
            dates.setdefault(name, when)
    return head.strip(), dates


def last_changed(folder, source, page=None):
    """The day on which the file `source`, or what its page prints, was last changed; or None."""
    dates = commits(str(folder))[1]
    if source not in dates:  # not committed yet
        return None
    stem = str(Path(source).with_suffix(""))
    beside = [stem + kind for kind in (".yml", ".toml")]
    found = [dates[name] for name in [source, *beside] if name in dates]
    places = tuple(ELSEWHERE.get(page, ()))
    if places:
        found += [when for name, when in dates.items() if name.startswith(places)]
    return date.fromisoformat(max(found))


def spoken(day):
    """3 May 2026."""
    return f"{day.day} {day:%B %Y}"


def checked_with():
    """The versions that the chapters ran on."""
    names = ", ".join(f"{name} {version(name)}" for name in ("numpy", "matplotlib"))
    return f"Python {platform.python_version()}, {names}, optlib {optlib.__version__}"


def report(page, title, commit):
    """The address of the form that reports a mistake, filled in as far as we can.

    The fields are those of .github/ISSUE_TEMPLATE/mistake.yml; the browser is left to the reader.
    """
    fields = {
        "template": "mistake.yml",
        "title": f"{title}: ",
        "page": f"{address.site()}{page}.html",
        "version": f"optlib {optlib.__version__}" + (f", commit {commit}" if commit else ""),
    }
    return f"https://github.com/{address.repository()}/issues/new?{urlencode(fields)}"


def _page(app, pagename, templatename, context, doctree):
    if doctree is None:  # made by Sphinx: search, index, 404
        return
    heading = next((node.astext() for node in doctree.findall(nodes.title)), pagename)
    source = str(Path(app.env.doc2path(pagename)).relative_to(app.srcdir))
    day = last_changed(app.srcdir, source, pagename)
    context["last_changed"] = day and spoken(day)
    context["last_changed_iso"] = day and day.isoformat()
    context["checked_with"] = checked_with() if source.endswith(".ipynb") else None
    context["report_url"] = report(pagename, heading, commits(str(app.srcdir))[0])


def _lead(buttons, url):
    for button in buttons:
        if button.get("label") == "source-issues-button":
            button["url"] = url
        _lead(button.get("buttons", []), url)


def _buttons(app, pagename, templatename, context, doctree):
    """Lead the theme's button "open an issue" to the form."""
    if "report_url" in context:
        _lead(context.get("header_buttons", []), context["report_url"])


def setup(app):
    """Run before the theme drops templates that say nothing, and after it has made its buttons."""
    app.connect("html-page-context", _page, priority=400)
    app.connect("html-page-context", _buttons, priority=920)
