"""What pandoc gets for the EPUB. (`make epub` runs pandoc, and epubcheck on what it makes.)"""

from xml.etree import ElementTree

import epub
import pdf
import pytest
from bs4 import BeautifulSoup

PAGES = ["chapters/playground", "chapters/myths", "glossary"]  # ids on paragraphs, on terms


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("epub")


@pytest.fixture(scope="module")
def whole(site, folder):
    file = epub.document(pdf.Book(site, PAGES), folder)
    return BeautifulSoup(file.read_text("utf-8"), "html.parser")


def test_every_link_leads_to_an_id_that_pandoc_keeps(whole):
    kept = [tag["id"] for tag in whole.select("[id]:not(p, dt, section)")]
    assert len(kept) == len(set(kept)) > 150
    links = {a["href"][1:] for a in whole.select("a[href^='#']")}
    assert len(links) > 60 and links <= set(kept)


def test_chapters_are_headings_that_nothing_holds(whole):
    """Pandoc cuts the book at those alone; its contents may have no empty spans."""
    titles = [(tag.name, tag.get_text()) for tag in whole.select("h1, h2")]
    assert titles == [
        ("h1", "Try it"), ("h2", "Playground"), ("h1", "Appendix"), ("h2", "Glossary"),
        ("h2", "Sixty common errors"),
    ]  # fmt: skip
    assert not whole.select("section, svg, .at, h2 span:empty")
    assert all(tag.parent.name == "body" for tag in whole.select("h1, h2, h3"))


def test_pictures_are_such_as_an_epub_may_hold(whole, folder):
    names = [image["src"] for image in whole.find_all("img")]
    assert names and all(image["alt"] for image in whole.find_all("img"))
    for name in names:
        assert "<!DOCTYPE" not in (folder / name).read_text("utf-8")
        paths = ElementTree.parse(folder / name).iter("{http://www.w3.org/2000/svg}path")
        assert all(path.get("d") for path in paths)
