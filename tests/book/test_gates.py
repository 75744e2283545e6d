"""The build's gates, each on a tiny book that breaks exactly one rule."""

import re
import shutil
import subprocess
import sys

import nbformat
import pytest
from environment import ROOT

PICTURE = """
from IPython.display import display
svg = '<svg xmlns="http://www.w3.org/2000/svg" width="90pt" height="60pt"></svg>'
for theme in ("light", "dark"):
    display({{"image/svg+xml": svg, "text/plain": "Figure"}},
            metadata={{"image/svg+xml": {{{alt} "theme": theme}}}}, raw=True)
"""


def builder(folder):
    """build(markdown, code, options...) -> the finished process of a build of one page."""

    def build(markdown, code=None, *options, config=lambda text: text):
        text = (ROOT / "_config.yml").read_text(encoding="utf-8")
        (folder / "_config.yml").write_text(config(text), encoding="utf-8")
        (folder / "_toc.yml").write_text("format: jb-book\nroot: index\n")
        if not (folder / "site").exists():
            (folder / "site").symlink_to(ROOT / "site")
        shutil.copy(ROOT / "references.bib", folder)
        if code is None:
            (folder / "index.md").write_text(markdown, encoding="utf-8")
        else:
            cells = [nbformat.v4.new_markdown_cell(markdown), nbformat.v4.new_code_cell(code)]
            nbformat.write(nbformat.v4.new_notebook(cells=cells), folder / "index.ipynb")
        return subprocess.run(
            [sys.executable, str(ROOT / "tools/build.py"), "--source", str(folder), *options],
            capture_output=True, text=True,
        )  # fmt: skip

    build.html = lambda: (folder / "_build/html/index.html").read_text(encoding="utf-8")
    build.site = folder / "_build/html"
    return build


@pytest.fixture
def book(tmp_path):
    return builder(tmp_path)


WORK = """
import subprocess, sys, time
time.sleep(1.5)
spin = 'import time\\nwhile time.process_time() < 1.0: pass'
_ = subprocess.run([sys.executable, '-c', spin])
"""
GOOD = PICTURE.format(alt="'alt': 'a small \\\"square\\\"',") + WORK


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    """(builder, finished process) of what the other tests break, unbroken, built once."""
    book = builder(tmp_path_factory.mktemp("good"))
    done = book("# Page\n\nSee {eq}`eq-a`.\n\n$$\nx^2\n$$ (eq-a)\n", GOOD)
    assert done.returncode == 0, done.stderr
    return book, done


def refused(done, *words):
    assert done.returncode != 0, "this book must not build"
    for word in words:
        assert word in done.stderr, f"{word!r} is not in:\n{done.stderr}"


def test_a_good_book_builds(good):
    """So each of the other tests fails for its own reason only."""
    html = good[0].html()
    assert html.count('alt="a small &quot;square&quot;"') == 2
    assert 'class="only-light"' in html and 'class="only-dark"' in html
    assert 'width="120" height="80"' in html
    assert re.search(r"<msup><mi>x</mi><mn[^>]*>2</mn></msup>", html)
    assert 'href="#equation-eq-a"' in html and "(1)" in html


def test_prose_changes_nothing_in_what_was_executed_and_code_does(good):
    book, done = good
    assert "measured earlier" not in done.stdout
    stop = ("--cpu-budget", "0")  # at the report, before the site is made; a kept time counts too
    done = book("# Page\n\nOther words.\n", GOOD, *stop)
    assert "measured earlier" in done.stdout
    refused(done, "the budget is 0 s")
    done = book("# Page\n", "print(1)", *stop)
    assert "index.ipynb" in done.stdout and "measured earlier" not in done.stdout


def test_a_failing_cell(book):
    done = book("# Page\n", "print('before')\n1 / 0")
    refused(done, "index.ipynb: a cell failed", "ZeroDivisionError")
    assert not book.site.exists()


def test_too_much_processor_time(book):
    done = book("# Page\n", "sum(range(10))", "--cpu-budget", "0.05")
    refused(done, "index.ipynb: took", "the budget is 0.05 s")


def test_the_budget_counts_processor_time_of_children_and_not_of_waiting(good):
    done = good[1]
    row = next(line for line in done.stdout.splitlines() if line.startswith("index.ipynb")).split()
    cpu, wall = float(row[1]), float(row[3])
    assert cpu >= 1.0 and wall >= cpu - 0.5 and wall >= 2.4


BROKEN = {  # what is wrong with a page: a word of the complaint
    "See {eq}`eq-nowhere`.": "equation not found: eq-nowhere",
    "See {py:class}`optlib.Nothing`.": "reference target not found: optlib.Nothing",
    "See [there](nowhere.md).": "'nowhere.md'",
    "As in {cite:p}`Nobody1900Nothing`.": 'could not find bibtex key "Nobody1900Nothing"',
    "![](picture.svg)": "picture without alternative text",
    "An invalid formula: $\\frac{1}$.": "invalid formula '\\\\frac{1}'",
    "$$\nx = \\nosuchcommand{y}\n$$": "nosuchcommand",
}


def test_broken_pages(book, tmp_path):
    """Each of these alone fails the build (a warning is an error); one build lists them all."""
    (tmp_path / "picture.svg").write_text('<svg xmlns="http://www.w3.org/2000/svg"/>')
    done = book("# Page\n\n" + "\n\n".join(BROKEN) + "\n")
    refused(done)
    warnings = [line for line in done.stderr.splitlines() if "WARNING" in line]
    for word in BROKEN.values():
        assert any(word in line and "index" in line for line in warnings), (word, warnings)


def test_one_warning_is_enough(book):
    refused(book("# Page\n\nSee {eq}`eq-nowhere`.\n"), "equation not found: eq-nowhere", "index.md")


@pytest.mark.parametrize("alt", ["", "'alt': ' ',"], ids=["none", "blank"])
def test_a_figure_without_alternative_text(book, alt):
    refused(book("# Page\n", PICTURE.format(alt=alt)), "index.ipynb: cell 1", "no alternative text")


def test_a_widget_picture_without_alternative_text(book):
    code = """
from IPython.display import display
display({"text/html": '<div class="optlib-widget" data-model-id="a-1">text</div>',
         "image/png": "iVBORw0KGgo=",
         "text/plain": "widget"}, raw=True)
"""
    refused(book("# Page\n", code), "no alternative text")


def test_a_folder_that_is_no_book(tmp_path):
    done = subprocess.run(
        [sys.executable, str(ROOT / "tools/build.py"), "--source", str(tmp_path)],
        capture_output=True, text=True,
    )  # fmt: skip
    refused(done, "no _toc.yml")
