"""Looks for the instructor's text where it must not be: in student versions and in a built site.

Fingerprints are every line of a solution region, of hidden.py and of mutants.toml that is long
enough to be nobody else's by chance, and is not one of the few that anybody writes. Pages are
searched as a reader sees them (without tags) and as they are stored (JSON, ``_sources``); a search
index, which keeps single words only, is searched for the names that the instructor's code gives to
things.
"""

import ast
import html
import re
from pathlib import Path
from typing import NamedTuple

from exercises.assignment import SourceError, shown

SHORTEST = 20  # characters of a line of code, blanks not counted
SHORTEST_PROSE = 24  # letters of a piece of text between formulas and emphasis
# Whole lines that stand in public code as well and give nothing away. Short on purpose: a test sees
# to it that each of them is common, and that a solution has enough other lines to be found by.
COMMON = (
    'with np.errstate(all="ignore"):',
    'with np.errstate(over="ignore", invalid="ignore"):',
    'with np.errstate(divide="ignore", invalid="ignore"):',
    "rng = np.random.default_rng(0)",
)
TEXTS = {
    ".cfg", ".css", ".csv", ".htm", ".html", ".ipynb", ".js", ".json", ".map", ".md", ".mjs", ".py",
    ".rst", ".svg", ".toml", ".txt", ".xml", ".yaml", ".yml", "",
}  # fmt: skip
# Folders of a site that hold others' programs, as they were installed (tools/lite.py): 40 MB.
INSTALLED = ("lite/build", "lite/extensions", "lite/static")


class Fingerprints(NamedTuple):
    """What to look for: each is a dict from the folded text to the line that it was made of."""

    code: dict
    prose: dict
    names: dict


def fingerprints(assignment):
    """The fingerprints of an assignment's private text."""
    code, prose, names = {}, {}, {}
    for cell, lines in assignment.regions:
        if cell["cell_type"] == "code":
            code |= _code(lines)
        else:
            prose |= _prose(lines)
    for file in ("hidden.py", "mutants.toml"):
        path = assignment.folder / file
        if path.is_file():
            code |= _code(path.read_text("utf-8").split("\n"))
    visible = "\n".join(shown(cell) for cell in assignment.cells)
    for source in _python(assignment):
        for name in _bound(ast.parse(source)):
            if "_" in name.strip("_") and len(name) >= 8 and not re.search(rf"\b{name}\b", visible):
                names[name.lower()] = name
    return Fingerprints(code, prose, names)


def in_text(prints, text):
    """The private lines that stand in a text of any kind."""
    found = []
    for form in {text, re.sub(r"<[^<>]*>", "", text)}:
        flat, letters = _fold(form), _letters(form)
        found += [line for key, line in prints.code.items() if key in flat]
        found += [line for key, line in prints.prose.items() if key in letters]
    return sorted(set(found))


def in_search_index(prints, text):
    """The private names that stand in a search index; its words may have lost their endings."""
    words = {word for word in re.findall(r"[a-z0-9_]+", text.lower()) if "_" in word.strip("_")}
    return sorted(
        name
        for key, name in prints.names.items()
        if any(key.startswith(word) and len(key) - len(word) <= 4 for word in words)
    )


def in_directory(assignments, directory):
    """Every leak in a directory, as "path: line"; SourceError if there is nothing to look at."""
    directory = Path(directory)
    files = [
        path for path in sorted(directory.rglob("*"))
        if path.is_file() and path.suffix.lower() in TEXTS
        and not any(path.is_relative_to(directory / name) for name in INSTALLED)
    ]  # fmt: skip
    if not files:
        raise SourceError(f"{directory} holds no page to look at; build the site first")
    prints = [fingerprints(assignment) for assignment in assignments]
    found = []
    for path in files:
        text = path.read_bytes().decode("utf-8", errors="replace")
        look = in_search_index if path.name == "searchindex.js" else in_text
        lines = {line for one in prints for line in look(one, text)}
        found += [f"{path.relative_to(directory)}: {line}" for line in sorted(lines)]
    return found


def _python(assignment):
    """Sources whose names are private: solution cells and hidden.py."""
    for cell, lines in assignment.regions:
        if cell["cell_type"] == "code" and lines:
            indent = min(len(x) - len(x.lstrip()) for x in lines if x.strip())
            yield "def region():\n" + "\n".join(" " + line[indent:] for line in lines)
    path = assignment.folder / "hidden.py"
    if path.is_file():
        yield path.read_text("utf-8")


def _bound(tree):
    """Names that a piece of code gives: functions, arguments, variables."""
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            yield node.name
        elif isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id


def _code(lines):
    found, common = {}, {_fold(line) for line in COMMON}
    for line in lines:
        key = _fold(line)
        own = key not in common and not re.match(r"(import|from)\s", line.strip())
        if len(key) >= SHORTEST and own:
            found[key] = line.strip()
    return found


def _prose(lines):
    """Pieces of sentences; not formulas, code and emphasis, which a page renders its own way."""
    found = {}
    for line in lines:
        for piece in re.split(r"\$[^$]*\$|`[^`]*`|[*|.,;:!?()\[\]]", line):
            key = _letters(piece)
            if len(key) >= SHORTEST_PROSE:
                found[key] = piece.strip()
    return found


def _fold(text):
    """Without blanks, escapes and the differences between quotes."""
    text = html.unescape(text)
    text = re.sub(r"\\u([0-9a-fA-F]{4})", lambda m: chr(int(m[1], 16)), text)
    text = re.sub(r"\\[nrt]", "", text)
    text = re.sub('[\u2018\u2019\u201c\u201d"`]', "'", text)
    return re.sub(r"[\s\\]+", "", text)


def _letters(text):
    return re.sub(r"[^a-z0-9]+", "", _fold(text).lower())
