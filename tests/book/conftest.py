"""Pages of the built book, for tests that look at each."""

import pytest
import yaml
from build import chapters
from environment import ROOT


def chapter_pages():
    return [str(path.relative_to(ROOT).with_suffix(".html")) for path in chapters(ROOT)]


def pages():
    """Every page that a reader can reach, known before the book is built; chapters first."""
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    names = [toc["root"]]
    for part in toc.get("parts", [toc]):
        names += [entry["file"] for entry in part.get("chapters", [])]
    names += ["search", "genindex"]
    names = [name.removesuffix(".ipynb").removesuffix(".md") + ".html" for name in names]
    return chapter_pages() + [name for name in names if name not in chapter_pages()]


def pytest_generate_tests(metafunc):
    """A test of `page_name` runs for every page, one of `chapter_page` for those of chapters.

    The tests of a module that look at the same page run one after the other (the scope says so, and
    the numbers of the parameters, which agree), so that they can share it.
    """
    if "page_name" in metafunc.fixturenames:
        names = chapter_pages() if "chapter_page" in metafunc.fixturenames else pages()
        metafunc.parametrize("page_name", names, scope="module")


@pytest.fixture(scope="module")
def chapter_page(page_name):
    return page_name


@pytest.fixture(scope="session")
def axe():
    """The text of axe-core, the accessibility checker."""
    return (ROOT / "node_modules/axe-core/axe.min.js").read_text(encoding="utf-8")
