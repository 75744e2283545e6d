"""Pages of the built book, for tests that look at each."""

import pytest
import yaml
from build import chapters
from environment import ROOT


def pages():
    """Every page that a reader can reach, known before the book is built."""
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    names = [toc["root"]]
    for part in toc.get("parts", [toc]):
        names += [entry["file"] for entry in part.get("chapters", [])]
    names += ["search", "genindex"]
    return [name.removesuffix(".ipynb").removesuffix(".md") + ".html" for name in names]


def chapter_pages():
    return [str(path.relative_to(ROOT).with_suffix(".html")) for path in chapters(ROOT)]


def pytest_generate_tests(metafunc):
    if "page_name" in metafunc.fixturenames:
        metafunc.parametrize("page_name", pages())
    if "chapter_page" in metafunc.fixturenames:
        metafunc.parametrize("chapter_page", chapter_pages())


@pytest.fixture(scope="session")
def axe():
    """The text of axe-core, the accessibility checker."""
    return (ROOT / "node_modules/axe-core/axe.min.js").read_text(encoding="utf-8")
