"""The search for leaks finds what is planted, however it is dressed."""

import collections
import html
import json
import pathlib
import shutil
import subprocess
import sys

import pytest

from exercises.assignment import HERE, Assignment, SourceError, shown
from exercises.leaks import COMMON, SHORTEST, _code, fingerprints, in_directory
from exercises.release import release

ROOT = pathlib.Path(__file__).parents[2]
NAMES = sorted(path.parent.name for path in HERE.glob("*/source.ipynb"))


@pytest.fixture(scope="session")
def clean_site(assignment, tmp_path_factory):
    """A small site that leaks nothing: the student's version, dressed as pages."""
    folder = tmp_path_factory.mktemp("clean")
    (folder / "_sources").mkdir()
    sheet = release(assignment, tmp_path_factory.mktemp("out"))
    shutil.copy(sheet, folder / "_sources" / "page.ipynb")
    text = "\n".join(shown(cell) for cell in assignment.cells)
    (folder / "page.html").write_text(f"<html><pre>{html.escape(text)}</pre></html>", "utf-8")
    words = {word: 0 for word in text.lower().split() if word.isidentifier()}
    (folder / "searchindex.js").write_text(f"Search.setIndex({json.dumps({'terms': words})})")
    return folder


@pytest.fixture
def small_site(clean_site, tmp_path):
    """A copy of it, to plant a leak in."""
    return shutil.copytree(clean_site, tmp_path / "html")


def test_nothing_is_found_where_nothing_is(assignment, small_site):
    assert in_directory([assignment], small_site) == []


def own(line):
    return len("".join(line.split())) >= 20 and line.strip() not in COMMON


def code_lines(assignment):
    return [
        line
        for cell, lines in assignment.regions
        for line in lines
        if cell["cell_type"] == "code" and own(line)
    ]


def hidden_lines(assignment):
    lines = (assignment.folder / "hidden.py").read_text("utf-8").split("\n")
    return [line for line in lines if own(line) and not line.startswith(("import", "from"))]


def spans(line):
    """As a highlighter writes it."""
    words = line.split(" ")
    return " ".join(f'<span class="n">{html.escape(word)}</span>' for word in words)


DRESSES = {
    "page.html": lambda line: f"<pre>{spans(line)}</pre>",
    "plain.html": lambda line: f"<pre>{html.escape(line)}</pre>",
    "_sources/leak.ipynb": lambda line: json.dumps({"cells": [{"source": [line + "\n"]}]}),
    "_sources/one.ipynb": lambda line: json.dumps({"cells": [{"source": f"a\n{line}\nb"}]}),
    "_sources/leak.md": lambda line: f"```python\n{line}\n```\n",
    "_static/state.json": lambda line: json.dumps(json.dumps({"value": line})),
    "state.html": lambda line: f"<script>{json.dumps({'value': line})}</script>",
    "_static/chunk.js": lambda line: f"const a = {json.dumps(line)};",
    "_downloads/hidden.py": lambda line: line,
    "a/b/c/noending": lambda line: line,
}


@pytest.mark.parametrize("where", DRESSES)
@pytest.mark.parametrize("lines", [code_lines, hidden_lines], ids=["solution", "hidden test"])
def test_every_planted_line_is_found(assignment, small_site, where, lines):
    planted = lines(assignment)
    assert len(planted) >= 10
    path = small_site / where
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(DRESSES[where](line) for line in planted), "utf-8")
    found = in_directory([assignment], small_site)
    for line in planted:
        assert f"{where}: {line.strip()}" in found


def test_one_line_is_enough(assignment, small_site):
    (line, *_) = code_lines(assignment)
    with (small_site / "page.html").open("a") as page:
        page.write(spans(line))
    assert in_directory([assignment], small_site) == [f"page.html: {line.strip()}"]


def public_lines():
    for path in [*ROOT.glob("optlib/**/*.py"), *ROOT.glob("chapters/*.ipynb")]:
        text = path.read_text("utf-8")
        if path.suffix == ".ipynb":
            cells = json.loads(text)["cells"]
            text = "\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "code")
        yield from {line.strip() for line in text.split("\n")}


def test_a_line_that_anybody_writes_is_no_leak_and_only_that_line(assignment, small_site):
    everywhere = collections.Counter(public_lines())
    assert [line for line in COMMON if everywhere[line] < 2 or len(line) < SHORTEST] == []
    (small_site / "page.html").write_text("\n".join(f"    {line}\n" for line in COMMON), "utf-8")
    assert in_directory([assignment], small_site) == []
    assert not set(COMMON) & set(fingerprints(assignment).code.values())
    with_a_word = f"{COMMON[0]}  # the run may blow up"
    assert list(_code([COMMON[0], with_a_word]).values()) == [with_a_word]


@pytest.mark.parametrize("where", ["essay.html", "_sources/essay.ipynb"])
def test_an_essay_is_found_however_it_is_wrapped(small_site, where):
    leak = (
        "a line in the <em>plane</em>, of area&nbsp;zero, so that a start drawn\nfrom any density"
    )
    leak = f"<p>{leak} misses it with probability one.</p>"
    if where.endswith("ipynb"):
        leak = json.dumps({"cells": [{"source": leak}]})
    (small_site / where).write_text(leak, "utf-8")
    found = in_directory([Assignment("gradient-descent")], small_site)
    assert any("misses it with probability one" in line for line in found)


def test_names_are_found_in_a_search_index(assignment, small_site):
    """Such an index keeps single words, and cuts their endings: lengths -> length."""
    names = fingerprints(assignment).names
    assert len(names) >= 10
    for words in (list(names), [name[:-1] for name in names]):
        index = {"terms": {"gradient": [0], **dict.fromkeys(words, 1)}}
        (small_site / "searchindex.js").write_text(f"Search.setIndex({json.dumps(index)})")
        found = in_directory([assignment], small_site)
        assert set(found) == {f"searchindex.js: {name}" for name in names.values()}


def test_each_solution_has_a_name_that_a_search_index_would_show(assignment):
    names = fingerprints(assignment).names.values()
    regions = [
        "\n".join(lines) for cell, lines in assignment.regions if cell["cell_type"] == "code"
    ]
    assert [text for text in regions if not any(name in text for name in names)] == []


def test_no_site_no_verdict(assignment, tmp_path):
    with pytest.raises(SourceError, match="build the site first"):
        in_directory([assignment], tmp_path / "nothing")


def test_the_command(tmp_path):
    """One run looks for the lines of all assignments."""

    def run():
        command = [sys.executable, "-m", "exercises", "leaks", tmp_path]
        return subprocess.run(command, capture_output=True, text=True)

    (tmp_path / "page.html").write_text("<html><p>Nothing.</p></html>")
    assert run().returncode == 0
    for name in NAMES:
        (tmp_path / f"{name}.txt").write_text(code_lines(Assignment(name))[0])
    found = run()
    assert found.returncode == 1
    assert {line.split(":")[0] for line in found.stdout.splitlines()} >= {
        f"{name}.txt" for name in NAMES
    }
