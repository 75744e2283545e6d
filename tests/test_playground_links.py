"""Every link into the playground, wherever it stands, opens it at settings that make sense."""

import json
import pathlib
from urllib.parse import urlsplit

import pytest
from markdown_it import MarkdownIt

from optlib.widgets import Playground

ROOT = pathlib.Path(__file__).parent.parent
TEXTS = [*sorted((ROOT / "chapters").glob("*.ipynb")), *sorted(ROOT.glob("*.md"))]


def links(text):
    """Every address in a Markdown text."""
    for block in MarkdownIt().parse(text):
        for part in block.children or ():
            if part.type == "link_open":
                yield part.attrs["href"]


def into_the_playground(text, itself=False):
    """Links of a text that set the playground; on its own page they begin with the #."""
    for link in links(text):
        parts = urlsplit(link)
        here = itself and not parts.path
        if (here or parts.path.endswith("playground.ipynb")) and "=" in parts.fragment:
            yield link


def found(path):
    text = path.read_text("utf-8")
    if path.suffix == ".ipynb":
        cells = json.loads(text)["cells"]
        text = "\n\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "markdown")
    return list(into_the_playground(text, itself=path.stem == "playground"))


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.name)
def test_every_link_makes_sense(path):
    for link in found(path):
        assert " " not in link
        Playground.settings_of(link)  # raises ValueError that names what makes none


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.name)
def test_links_name_the_notebook_and_not_the_built_page(path):
    """Such a link works in Jupyter as well, and the build checks that the page exists."""
    assert "playground.html#" not in path.read_text("utf-8")


def test_the_page_itself_has_its_experiments():
    assert len(found(ROOT / "chapters/playground.ipynb")) >= 5


def test_a_link_is_found_and_a_wrong_one_is_refused():
    text = "See [this](playground.ipynb#rules=Adma(lr=0.1)&steps=50) and [that](other.ipynb#a=b)."
    (link,) = into_the_playground(text)
    with pytest.raises(ValueError, match="rules: there is no rule “Adma”"):
        Playground.settings_of(link)
