"""Pages about the book and for instructors: what they say in numbers is made here, at each build.

In such a page, `{{ name arguments }}` stands for what the function `name` of MADE returns:
Markdown, made from the chapters, the exercises, the tests and CITATION.cff. An unknown name, or a
number that its chapter does not contain, fails the build.
"""

import json
import os
import re
import runpy
from datetime import date
from pathlib import Path

import yaml
from sphinx.errors import ExtensionError

from . import address, doors, evidence, graph, outline, plans
from .outline import ROOT, spoken

MARK = re.compile(r"\{\{ (\w+)(?: ([^{}]+?))? \}\}")
MADE = {}
NOTES = ROOT / "teaching" / "notes"


def made(function):
    """Register a function under its name, for use in the pages."""
    MADE[function.__name__.rstrip("_")] = function
    return function


def expand(text, here):
    """A page's source with everything made; `here` is its document name, such as about/evidence."""

    def make(found):
        name, arguments = found[1], found[2]
        if name not in MADE:
            raise ExtensionError(f"{here}: nothing is called {name!r}: {found[0]}")
        return MADE[name](here, *([arguments] if arguments else []))

    return MARK.sub(make, text)


def _link(chapter, here):
    return f"[{chapter.title}]({_up(here)}chapters/{chapter.name}.ipynb)"


def _to(chapter, here):
    return f"[To the chapter]({_up(here)}chapters/{chapter.name}.ipynb)"


def _up(here):
    return "../" * here.count("/")


def _table(heads, rows):
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


def _chapter(name):
    return next((c for c in outline.read() if c.name == name), None)


def _listed(words):
    words = list(map(str, words))
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


# --- how to read ----------------------------------------------------------------------------------

DOES = {
    "reading": "reads",
    "practice": "does the missions and the quiz of",
    "exercises": "works the exercises of",
}


@made
def path(here, arguments):
    """`path reader 10`: what a role does in so many hours, in words, with the sum."""
    role, hours = arguments.split()
    plan, chapters = plans.path(role, int(hours)), outline.read()
    sentences = []
    for kind, done in plan.does.items():
        every = [c for c in chapters if getattr(c, kind)]
        if not done:
            continue
        if done == every:
            what = f"all {len(every)} chapters" if kind == "reading" else "all of them"
        elif len(done) > 6 and len(every) - len(done) < 4:
            left = [_link(c, here) for c in every if c not in done]
            what = f"all but {_listed(left)}"
        else:
            what = _listed(f"{_link(c, here)} ({getattr(c, kind)})" for c in done)
        total = spoken(sum(getattr(c, kind) for c in done))
        sentences.append(f"{DOES[kind]} {what}: {total}")
    left = 60 * plan.hours - plan.minutes
    rest = f"; {spoken(left)} are left" if left else ""
    return f"{'; '.join(sentences)}. Together {spoken(plan.minutes)}{rest}."


@made
def total(here, kind):
    """`total reading`: the hours of all chapters together, rounded; `total minutes`: their sum."""
    kinds = outline.ACTIVITIES if kind == "minutes" else (kind,)
    hours = (sum(getattr(c, kind) for c in outline.read()) / 60 for kind in kinds)
    return f"{sum(map(round, hours))}"  # the sum of what stands beside it


@made
def reading(here, name):
    """`reading optimizer`: the minutes that reading a chapter takes."""
    chapter = _chapter(name)
    if not chapter:
        raise ExtensionError(f"{here}: there is no chapter {name!r} to take the time from")
    return str(chapter.reading)


@made
def count(here, what):
    """`count chapters`, `count questions`, ...: a number of the book."""
    exercises, notebooks = evidence.exercises(), evidence.chapters()
    found = {"chapters": len(outline.read()), "objectives": sum(len(c.objectives) for c in
             outline.read()), "sources": evidence.sources(), "tests": sum(n for *_, n in
             evidence.tests()), **notebooks, **exercises, **evidence.benchmarks()}  # fmt: skip
    if what not in found:
        raise ExtensionError(f"{here}: count {what}: it is one of {', '.join(found)}")
    return f"{found[what]:,}"


@made
def chapter_graph(here):
    """The graph of chapters as SVG, and the same in words."""

    def address(chapter):
        return f"{_up(here)}chapters/{chapter.name}.html"

    chapters = outline.read()
    return f"```{{raw}} html\n{graph.draw(chapters, address)}{graph.words(chapters, address)}\n```"


@made
def chapter_times(here):
    """A table: each chapter, its part and its three times."""
    rows = [
        [_link(c, here), c.reading, c.practice or "–", c.exercises or "–"] for c in outline.read()
    ]
    sums = [spoken(sum(getattr(c, k) for c in outline.read())) for k in outline.ACTIVITIES]
    rows.append(["**Together**", *(f"**{total}**" for total in sums)])
    return _table(["chapter", "reading, min", "missions and quiz", "exercises"], rows)


# --- evidence -------------------------------------------------------------------------------------


@made
def execution_times(here):
    """A table: processor time and wall time of each notebook, when it was last executed."""
    found = evidence.times(os.environ["DESCENT_EXECUTED"])
    titles = {f"chapters/{c.name}": c.title for c in outline.read()}
    rows = [
        [f"[{titles.get(name, Path(name).name.capitalize())}]({_up(here)}{name}.ipynb)",
         f"{row['cpu']:.1f}", f"{row['wall']:.1f}"]
        for name, row in found.items()
    ]  # fmt: skip
    sums = (f"**{sum(row[k] for row in found.values()):.0f}**" for k in ("cpu", "wall"))
    return _table(["page", "processor, s", "clock, s"], [*rows, ["**Together**", *sums]])


@made
def tests(here):
    """A table: test functions by what they look at."""
    rows = [[what, how, f"{n:,}"] for what, how, n in evidence.tests()]
    rows.append(["**Together**", "", f"**{sum(n for *_, n in evidence.tests()):,}**"])
    return _table(["what is tested", "against or with", "test functions"], rows)


@made
def oracles(here):
    """A table: each stored trajectory file, and the versions that made it."""
    rows = [
        [f"`{name}`", ", ".join(f"{package} {v}" for package, v in made.items() if
         package != "python")]
        for name, made in evidence.oracles()
    ]  # fmt: skip
    return _table(["file", "made with"], rows)


@made
def versions(here):
    """A sentence: the Python and the packages of this build."""
    return _listed(f"{name} {number}" for name, number in evidence.versions())


@made
def page_weights(here):
    """The place of a table that tools/build.py fills in when all pages are there."""
    return '```{raw} html\n<div id="page-weights"><div></div></div>\n```'


# --- accessibility --------------------------------------------------------------------------------


def _levels(tags):
    """axe's tags in words: wcag2a and wcag22aa are WCAG 2.0 A and 2.2 AA."""
    found = [re.fullmatch(r"wcag(2)(\d?)(a+)", tag) for tag in tags]
    levels = [f"{m[1]}.{m[2] or 0} {m[3].upper()}" for m in found if m]
    return f"WCAG {_listed(levels)}" + (" and best practice" if "best-practice" in tags else "")


@made
def access(here, what):
    """`access views`, `access pages`, ...: what the accessibility tests look at, by their lists."""
    lists = runpy.run_path(str(ROOT / "tests/book/access.py"))
    lock = json.loads((ROOT / "package-lock.json").read_text("utf-8"))["packages"]
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text("utf-8"))
    pages = 1 + sum(len(part["chapters"]) for part in toc["parts"])
    config = yaml.safe_load((ROOT / "_config.yml").read_text("utf-8"))["repository"]
    found = {
        "pages": f"{pages + 2}",  # and the search and the index
        "version": lock["node_modules/axe-core"]["version"],
        "levels": _levels(lists["STANDARD"]),
        "views": _listed(f"{scheme} at {width} pixels" for width, scheme in lists["VIEWS"]),
        "tabbed": _listed(f"`{name}` ({width})" for name, width, _ in lists["TABBED"]),
        "widths": _listed(lists["WIDTHS"]),
        "report": f"[Report it]({config['url']}/issues/new?title=Accessibility)",
    }
    if what not in found:
        raise ExtensionError(f"{here}: access {what}: it is one of {', '.join(found)}")
    return found[what]


# --- citing ---------------------------------------------------------------------------------------


@made
def citation(here, form):
    """`citation text` and `citation bibtex`, with `... of gd` for the chapter of that name."""
    cff = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))
    form, _, name = form.partition(" of ")
    when = cff["date-released"]
    when = when if isinstance(when, date) else date.fromisoformat(when)
    who = _listed(a.get("name") or f"{a['given-names']} {a['family-names']}" for a in
                  cff["authors"])  # fmt: skip
    title, url, key = cff["title"], cff["repository-code"], "Descent"
    if form == "text":
        # As code, or the theme would shorten the address to the name of the repository.
        return f"{who} ({when.year}). *{title}*, version {cff['version']}. [`{url}`]({url})"
    lines = {"author": f"{{{who}}}", "title": f"{{{title}}}", "year": str(when.year),
             "version": cff["version"], "url": url}  # fmt: skip
    kind = "book"
    if name:
        chapter = _chapter(name)
        kind, key = "incollection", f"Descent:{chapter.label}"
        lines |= {"booktitle": lines["title"], "title": f"{{{chapter.title}}}",
                  "note": f"chapters/{chapter.name}.html\\#{chapter.label}"}  # fmt: skip
    body = "".join(f"  {field:<9} = {{{value}}},\n" for field, value in lines.items())
    return f"```bibtex\n@{kind}{{{key}{when.year},\n{body}}}\n```"


@made
def anchors(here):
    """A table: each chapter, and the address below the site's that stays the same."""
    rows = [[_link(c, here), f"`chapters/{c.name}.html#{c.label}`"] for c in outline.read()]
    return _table(["chapter", "address"], rows)


# --- for instructors ------------------------------------------------------------------------------


@made
def syllabus(here, weeks):
    """`syllabus 8`: a table of weeks; what is read, what is done in class and what at home."""
    rows = []
    plan = plans.syllabus(int(weeks))
    for week, chapters in enumerate(plan, 1):
        hours = [sum(getattr(c, kind) for c in chapters) / 60 for kind in outline.ACTIVITIES]
        rows.append(
            [week, "; ".join(_link(c, here) for c in chapters), *(f"{h:.1f}" for h in hours),
             f"{sum(hours):.1f}"]
        )  # fmt: skip
    flat = [c for chapters in plan for c in chapters]
    sums = [sum(getattr(c, kind) for c in flat) / 60 for kind in (*outline.ACTIVITIES, "minutes")]
    rows.append(["", f"**{len(flat)} chapters**", *(f"**{h:.1f}**" for h in sums)])
    return _table(
        ["week", "chapters", "reading", "missions and quiz", "exercises", "hours"], rows
    )


@made
def objectives(here):
    """For each chapter a table: objective, questions of the quiz, exercises."""
    out = []
    for chapter in outline.read():
        rows = []
        for number, words in enumerate(chapter.objectives, 1):
            asked = [
                f"Q{i}" for i, q in enumerate(chapter.questions, 1) if q.objective == number
            ]
            done = [
                e.title.partition(",")[0] for e in chapter.assignments if number in e.objectives
            ]
            rows.append([number, words, ", ".join(asked) or "–", ", ".join(done) or "–"])
        table = _table(["no.", "objective", "quiz", "exercises"], rows)
        asked = "\n".join(
            f"{i}. {' '.join(q.text.split())}" for i, q in enumerate(chapter.questions, 1)
        )
        out.append(
            f"## {chapter.title}\n\n{table}\n\n<details><summary>The questions of its quiz"
            f"</summary>\n\n{asked}\n\n</details>\n\n{_to(chapter, here)}"
        )
    return "\n\n".join(out)


@made
def notes(here):
    """Pacing, pitfalls, questions to discuss: teaching/notes/<chapter>.md in the book's order."""
    out = []
    for chapter in outline.read():
        file = NOTES / f"{chapter.name}.md"
        if file.exists():
            times = f"reading {chapter.reading}, missions and quiz {chapter.practice}" + (
                f", exercises {chapter.exercises}" if chapter.exercises else ""
            )
            text = expand(file.read_text("utf-8").strip(), here)
            out.append(f"## {chapter.title}\n\n{_to(chapter, here)}: {times} minutes.\n\n{text}")
    return "\n\n".join(out)


def _texts(name):
    """All that a chapter says: its prose and its stored outputs, as plain words."""
    path = ROOT / "chapters" / f"{name}.ipynb"
    if not path.exists():
        raise ExtensionError(f"there is no chapter {name!r} to take a number from")
    parts = []
    for cell in json.loads(path.read_text("utf-8"))["cells"]:
        if cell["cell_type"] == "markdown":
            parts.append("".join(cell["source"]))
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            parts += ["".join(output.get("text", "")), "".join(data.get("text/plain", ""))]
    return "\n".join(parts)


def stands(words, name):
    """Whether a chapter says these words, not only as a piece of longer ones."""
    return bool(re.search(rf"(?<![\w.,]){re.escape(words)}(?![\w]|[.,]\d)", _texts(name)))


@made
def from_(here, arguments):
    """`from momentum: 93`: the number as a link to its chapter, which must contain it."""
    name, _, words = arguments.partition(": ")
    if not stands(words, name):
        raise ExtensionError(f"{here}: chapters/{name}.ipynb does not say “{words}”")
    return f"[{words}]({_up(here)}chapters/{name}.ipynb)"


@made
def repo(here, path):
    """`repo exercises/README.md`: a link to a file of the repository, which must exist."""
    if not (ROOT / path).exists():
        raise ExtensionError(f"{here}: the repository has no {path}")
    return f"[`{path}`](https://github.com/{address.repository()}/blob/{address.branch()}/{path})"


@made
def repository(here):
    """`repository`: owner/name of the repository that builds the site."""
    return address.repository()


@made
def branch(here):
    """`branch`: the branch that the site is built from."""
    return address.branch()


@made
def release(here, name):
    """`release descent.pdf`: a link to that file of the newest release."""
    root = f"https://github.com/{address.repository()}"
    return f"[`{name}`]({root}/releases/latest/download/{name})"


# --- run ------------------------------------------------------------------------------------------


@made
def lite(here, what):
    """`lite megabytes`: what JupyterLite loads at first; `lite place`: the other host."""
    return {"megabytes": f"{doors.HERE + doors.ELSEWHERE}", "place": doors.place()}[what]


@made
def install(here):
    """The line that installs the library on a machine of one's own."""
    return f"```sh\n{doors.install()}\n```"


def _read(app, docname, source):
    if docname == app.config.root_doc or docname.startswith(("about/", "teaching/")):
        source[0] = expand(source[0], docname)


def setup(app):
    """Fill the pages in before they are parsed."""
    app.connect("source-read", _read)
