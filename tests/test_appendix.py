"""The lists of the appendix: sixty errors, data and test functions, errata; and what they owe."""

import datetime
import inspect
import json
import re
import tomllib

import pytest
import yaml
from environment import ROOT

from optlib import PROBLEMS, data, tasks

CHAPTERS = ROOT / "chapters"


def read(name):
    return tomllib.loads((ROOT / name).read_text("utf-8"))


def text_of(path):
    """All of a page: its Markdown, its code and what it shows."""
    if path.suffix in (".md", ".yml"):
        return path.read_text("utf-8")
    parts = []
    for cell in json.loads(path.read_text("utf-8"))["cells"]:
        parts.append("".join(cell["source"]))
        for output in cell.get("outputs", []):
            shown = output.get("data", {"text": output.get("text", "")})
            parts += ["".join(value) for value in shown.values()]
    return "\n".join(parts)


def pages():
    """The text of every page of the book, by its path."""
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text("utf-8"))
    names = [toc["root"]] + [c["file"] for part in toc["parts"] for c in part["chapters"]]
    files = [ROOT / f"{name}{end}" for name in names for end in (".ipynb", ".md")]
    texts = {path.stem: text_of(path) for path in files if path.exists()}
    texts["glossary"] += text_of(ROOT / "glossary.yml")  # of which the page is made
    return texts


PAGES = pages()
LABEL = re.compile(r"^\(([\w-]+)\)=$|^\$\$ \(([\w-]+)\)$", re.M)
LABELS = {a or b: page for page, text in PAGES.items() for a, b in LABEL.findall(text)}
MYTHS = read("chapters/myths.toml")


# ----------------------------------------------------------------------------- sixty common errors


def typed(truth):
    """Digits of a correction that stand neither in a formula, in code, nor in a source's name."""
    left = re.sub(r"\$[^$]*\$|`[^`]*`|\bL2\b|<\w+>", "", truth)
    return re.findall(r"\S*\d\S*", left)


def test_there_are_sixty_and_each_has_its_place():
    myths = MYTHS["myth"]
    assert len(myths) == len({m["id"] for m in myths}) == len({m["says"] for m in myths}) == 60
    assert {m["topic"] for m in myths} == set(MYTHS["topic"])
    keys = {"id", "topic", "says", "truth", "see", "link"}
    assert all(set(m) == keys and re.fullmatch(r"[a-z0-9-]+", m["id"]) for m in myths)


@pytest.mark.parametrize("myth", MYTHS["myth"], ids=lambda m: m["id"])
def test_an_error(myth):
    assert myth["see"] in LABELS, f"no label {myth['see']} in the book"
    assert not typed(myth["truth"]), "compute the number on the page"
    assert 1 <= len(re.findall(r"[.!?](?: |$)", myth["truth"])) <= 4, "one to three sentences"
    assert "$" not in myth["link"] or myth["see"].startswith("eq-")
    page = PAGES["myths"]
    assert page.count(f"(myth-{myth['id']})=") == 1 and f"](#myth-{myth['id']})" in page
    pattern = re.escape(myth["truth"]).replace("<", "\0").replace(">", "\0")
    pattern = re.sub(r"\0\w+\0", r"\\S(?:[^<>\n]{0,30}\\S)?", pattern)
    assert re.search(pattern, page), "run tools/normalize.py --execute chapters/myths.ipynb"


def test_a_typed_number_is_found():
    assert typed("It took 69 steps.") == ["69"] and typed("from $2/L$ to <best>, `lr=0.1`") == []


def test_every_entry_is_shown_where_its_topic_is():
    for topic in MYTHS["topic"]:
        assert f'show("{topic}")' in PAGES["myths"]


# ------------------------------------------------------------------------- data and test functions

HELPERS = {"split", "minibatches", "standardize"}  # work on data, and are none


def public(module):
    found = inspect.getmembers(module, inspect.isfunction)
    return {n for n, f in found if f.__module__ == module.__name__ and not n.startswith("_")}


def undocumented(page, tables, drawn, made, functions):
    """What the page on data does not show, by name."""
    calls = {call: set(re.findall(rf'^{call}\("(\w+)"', page, re.M)) for call in CALLS}
    wanted = dict(zip(CALLS, (tables, drawn, made, functions), strict=True))
    return sorted(f'{call}("{name}")' for call in CALLS for name in set(wanted[call]) - calls[call])


CALLS = ("table", "drawn", "task", "function")


def data_of_the_library():
    names = public(data) - HELPERS
    drawn = {n for n in names if "rng" in inspect.signature(getattr(data, n)).parameters}
    return names - drawn, drawn, public(tasks), set(PROBLEMS)


def test_every_data_set_task_and_problem_is_on_the_page():
    assert undocumented(PAGES["data"], *data_of_the_library()) == []


def test_a_missing_one_is_named():
    tables, drawn, made, functions = data_of_the_library()
    assert {"iris", "text"} <= tables and drawn == {"moons", "spirals", "recall", "adding"}
    new = undocumented(PAGES["data"], tables | {"stars"}, drawn, made, functions | {"Ackley"})
    assert new == ['function("Ackley")', 'table("stars")']


def test_the_page_on_data_types_no_number():
    cells = json.loads((CHAPTERS / "data.ipynb").read_text("utf-8"))["cells"]
    words = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown"]
    assert [typed(text) for text in words if typed(text)] == []


def test_every_table_has_its_source_and_its_terms():
    sources = (ROOT / "optlib/datasets/SOURCES.md").read_text("utf-8")
    for name in data_of_the_library()[0]:
        d = getattr(data, name)()
        assert f"`{name}.npz`" in sources
        assert f"**Source:** {d.source}" in PAGES["data"] and d.licence


# ------------------------------------------------------------------------------------------ errata


def faulty(entries, changelog, labels=LABELS):
    """What is wrong with the list of errata, in words."""
    released = set(re.findall(r"^## (\d\S*)", changelog, re.M))
    wrong = []
    for number, e in enumerate(entries):
        needed = {"date", "place", "wrong", "right", "mended"}
        if not needed <= set(e) <= needed | {"found_by"}:
            wrong.append(f"{number}: has {sorted(e)}")
            continue
        if not isinstance(e["date"], datetime.date):
            wrong.append(f"{number}: {e['date']!r} is no date")
        if e["place"] not in labels:
            wrong.append(f"{number}: no label {e['place']}")
        if e["mended"] not in released:
            wrong.append(f"{number}: the changelog has no version {e['mended']}")
    return wrong


def test_errata_say_what_where_when_and_since_which_version():
    changelog = (ROOT / "CHANGELOG.md").read_text("utf-8")
    entries = read("chapters/errata.toml").get("entry", [])
    assert faulty(entries, changelog) == []
    published = re.search(r"^## \d", changelog, re.M)
    assert published or not entries
    said = PAGES["errata"].count("No version of this book has been published yet")
    assert said == (1 if published else 2)  # in the code, and as long as it is true in the output


def test_a_faulty_entry_is_found():
    entry = dict(date=datetime.date(2027, 1, 31), place="gd", wrong="a", right="b", mended="0.2.0")
    log = "## Unreleased\n\n## 0.2.0\n"
    assert faulty([entry, {**entry, "found_by": "A Reader"}], log) == []
    assert faulty([entry], "## Unreleased\n") == ["0: the changelog has no version 0.2.0"]
    assert faulty([{**entry, "place": "nowhere"}], log) == ["0: no label nowhere"]
    assert len(faulty([{**entry, "date": "soon"}, {"date": 1}], log)) == 2


# ------------------------------------------------------------- what the texts before this book said

SEEDS = read("tests/seed_coverage.toml")
ITEMS = {0: 14, 1: 28, 2: 44, 3: 33, 4: 17}  # how many statements each text was read to make
ROWS = [
    pytest.param(*row, id=f"{text[-1]}.{item}")
    for text, rows in SEEDS.items() for item, row in rows.items()
]  # fmt: skip


def plain(text):
    """For a search by words: blanks, quotation marks and case do not count."""
    return re.sub(r"\s+", " ", re.sub(r"[“”]", '"', text)).lower()


def test_every_statement_is_placed():
    placed = {f"{t[-1]}.{item}" for t, rows in SEEDS.items() for item in rows}
    every = {f"{text}.{item}" for text, count in ITEMS.items() for item in range(1, count + 1)}
    assert placed == every


@pytest.mark.parametrize(("label", "words"), ROWS)
def test_the_page_answers_the_statement(label, words):
    assert label in LABELS, f"no page has the label {label}"
    assert plain(words) in plain(PAGES[LABELS[label]])
