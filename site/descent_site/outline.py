"""What the chapters say about themselves, read from their source: the one place that knows how.

Each chapter has a box *What you will be able to do*: numbered objectives, then what it needs (links
to other chapters are its prerequisites), then how long it takes. From these boxes and _toc.yml
come the paths, the graph of chapters, the syllabi and the map of objectives.
"""

import ast
import dataclasses
import json
import re
from functools import lru_cache
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
ACTIVITIES = ("reading", "practice", "exercises")  # practice: the missions and the quiz
BOX = re.compile(
    r"^:::\{admonition\} What you will be able to do\n(?P<box>.*?)^:::\s*$", re.M | re.S
)
NEEDS = re.compile(r"You need: (?P<needs>.*?) Reading takes about", re.S)
TIMES = re.compile(
    r"Reading takes about (\d+) minutes"
    r"(?:, the [\w ]+ and the quiz (\d+) more)?(?:, the exercises (\d+))?[.;]"
)
LINK = re.compile(r"\{ref\}`(?:[^`<]*<)?(?P<label>[^`<>]+)>?`|\]\((?P<file>[\w-]+)\.ipynb[^)]*\)")


class NotReadable(ValueError):
    """A chapter whose box does not say what it must; the message names chapter and sentence."""


@dataclasses.dataclass(frozen=True)
class Question:
    """A question of the quiz: its text and the number of the objective that it tests."""

    text: str
    objective: int


@dataclasses.dataclass(frozen=True)
class Exercise:
    """An exercise: "E1, `gd`" and the numbers of the objectives that it practises."""

    title: str
    objectives: tuple


@dataclasses.dataclass(frozen=True)
class Chapter:
    """A page of the book with objectives. Times are minutes."""

    name: str
    label: str
    title: str
    part: str
    needs: tuple  # names of chapters
    needs_text: str
    reading: int
    practice: int
    exercises: int
    objectives: tuple
    questions: tuple = ()
    assignments: tuple = ()

    @property
    def minutes(self):
        return self.reading + self.practice + self.exercises


def parts(source=ROOT):
    """[(caption, [document, ...])] of _toc.yml."""
    toc = yaml.safe_load((source / "_toc.yml").read_text("utf-8"))
    return [
        (part["caption"], [entry["file"] for entry in part.get("chapters", [])])
        for part in toc.get("parts", [])
    ]


def cells(path):
    """[(cell type, source)] of a notebook."""
    notebook = json.loads(path.read_text("utf-8"))
    return [(cell["cell_type"], "".join(cell["source"])) for cell in notebook["cells"]]


def objectives(text):
    """The numbers of the objectives that a chapter lists."""
    return [number for number, _ in _objectives(text)]


def _objectives(text):
    box = BOX.search(text)
    found = re.findall(r"^(\d+)\. (.+)$", box["box"], re.M) if box else []
    return [(int(number), words) for number, words in found]


def called(call):
    """What a call calls, when that is `name.name`: "quiz.choice"; else None."""
    function = call.func
    if isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name):
        return f"{function.value.id}.{function.attr}"
    return None


def is_question(call):
    """Whether a call asks a question of a quiz."""
    return called(call) in ("quiz.choice", "quiz.number")


def _calls(source):
    if "quiz." not in source:  # most cells
        return
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and is_question(node):
            yield node


def _objective(call):
    return next((ast.literal_eval(k.value) for k in call.keywords if k.arg == "objective"), None)


def asked(source):
    """The objective of each quiz question in a piece of code, None where it names none."""
    return [_objective(call) for call in _calls(source)]


def _words(node):
    """The text of a question; what an f-string computes becomes an ellipsis."""
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(_words(part) for part in node.values)
    return "…"


def exercised(text):
    """Objectives that a text names: (objective 2), (objectives 1 and 3), (objectives 2 to 4)."""
    named = set()
    for group in re.findall(r"\(objectives? ([^)]*)\)", text):
        for first, last in re.findall(r"(\d+)(?: to (\d+))?", group):
            named |= set(range(int(first), int(last or first) + 1))
    return named


def section(text, heading):
    """The part of a chapter under a heading of the second level; "" if there is none."""
    found = re.search(rf"^## {heading}$(.*?)(?=^## |\Z)", text, re.M | re.S)
    return found[1] if found else ""


def _assignments(text):
    found = re.findall(
        r"^\*\*([A-Z]\d.*?)\.?\*\*(.*?)(?=^\*\*[A-Z]\d|\Z)", section(text, "Exercises"), re.M | re.S
    )
    return tuple(Exercise(title, tuple(sorted(exercised(body)))) for title, body in found)


def questions(path):
    """The questions of the section *Quiz* of a notebook, in their order."""
    found, started = [], False
    for kind, source in cells(path):
        started = started or (kind == "markdown" and bool(re.search(r"^## Quiz$", source, re.M)))
        if started and kind == "code":
            calls = sorted(_calls(source), key=lambda call: call.lineno)
            found += [Question(_words(c.args[0]), _objective(c)) for c in calls if c.args]
    return tuple(found)


def read_one(path, part=""):
    """The Chapter in a notebook, its needs still labels; None if the page has no objectives.

    Raises NotReadable when the box lacks what it needs or how long it takes.
    """
    text = "\n".join(source for kind, source in cells(path) if kind == "markdown")
    box = BOX.search(text)
    if not box:
        return None
    below = text[box.start() : box.end() + 700]  # an old page has the sentence after the box
    needs, times = NEEDS.search(below), TIMES.search(below)
    for what, found, example in (
        ("needs", needs, "You need: {ref}`gradient descent <gd>`. Reading takes about 45 minutes"),
        ("time", times, "Reading takes about 45 minutes, the missions and the quiz 20 more, "
         "the exercises 90."),
    ):  # fmt: skip
        if not found:
            raise NotReadable(
                f"{path.name}: the box of objectives must say its {what} in words such as "
                f"“{example}”"
            )
    head = re.search(r"^(?:\((\S+)\)=\n)?# (.+)$", text, re.M)
    if not head:
        raise NotReadable(f"{path.name} has no title")
    reading, practice, exercises = (int(minutes or 0) for minutes in times.groups())
    links = (m["label"] or f"{m['file']}.ipynb" for m in LINK.finditer(needs["needs"]))
    return Chapter(
        name=path.stem, label=head[1] or path.stem, title=head[2].strip(), part=part,
        needs=tuple(dict.fromkeys(links)), needs_text=needs["needs"].strip(),
        reading=reading, practice=practice, exercises=exercises,
        objectives=tuple(words for _, words in _objectives(text)),
        questions=questions(path), assignments=_assignments(text),
    )  # fmt: skip


@lru_cache
def read(source=ROOT):
    """Every chapter, in the order of _toc.yml, its needs as names of chapters.

    Raises NotReadable for a box that cannot be read and for a need that is no chapter.
    """
    found, owner = [], {}
    for part, files in parts(source):
        for file in files:
            path = source / f"{file.removesuffix('.ipynb')}.ipynb"
            chapter = read_one(path, part) if path.exists() else None
            if chapter:
                found.append(chapter)
                text = "\n".join(source for kind, source in cells(path) if kind == "markdown")
                for label in [f"{path.stem}.ipynb", *re.findall(r"^\((\S+)\)=$", text, re.M)]:
                    owner[label] = chapter.name
    for chapter in found:
        if strange := [label for label in chapter.needs if label not in owner]:
            raise NotReadable(f"{chapter.name} needs {strange}, and no chapter has that name")
    return [
        dataclasses.replace(c, needs=tuple(dict.fromkeys(owner[label] for label in c.needs)))
        for c in found
    ]


def before(chapters):
    """{chapter: all that it needs, directly or through others}. Raises NotReadable for a cycle."""
    needs = {chapter.name: chapter.needs for chapter in chapters}
    done = {}

    def visit(name, way):
        if name in way:
            raise NotReadable(" needs ".join([*way[way.index(name) :], name]) + ": a circle")
        if name not in done:
            done[name] = {n for need in needs[name] for n in {need, *visit(need, [*way, name])}}
        return done[name]

    for name in needs:
        visit(name, [])
    return done


def misplaced(chapters):
    """What stands too early: [(chapter, prerequisite that comes after it)]."""
    place = {chapter.name: i for i, chapter in enumerate(chapters)}
    return [(c.name, need) for c in chapters for need in c.needs if place[need] >= place[c.name]]


def spoken(minutes):
    """Minutes in words: 35 min, 2 h, 1 h 50 min."""
    hours, rest = divmod(minutes, 60)
    words = [f"{hours} h"] * bool(hours) + [f"{rest} min"] * bool(rest or not hours)
    return " ".join(words)
