"""The printed book: three of its pages, made and read back. (`make pdf` makes and checks all.)"""

import re
import shutil

import pdf
import pikepdf
import pytest
from bs4 import BeautifulSoup
from environment import ROOT
from pikepdf import Name
from pypdf import PdfReader

PAGES = ["chapters/momentum", "chapters/playground", "bibliography"]


@pytest.fixture(scope="module")
def printed(site, browser, tmp_path_factory):
    """The PDF's path; making it has passed the checks of tools/pdf.py."""
    out = tmp_path_factory.mktemp("pdf") / "descent.pdf"
    pages, size = pdf.make(site, out, browser, PAGES)
    assert 30 < pages < 80 and size < 3e6
    return out


@pytest.fixture(scope="module")
def book(site):
    return pdf.Book(site, PAGES)


@pytest.fixture(scope="module")
def texts(printed):
    """The text of each page, read by another library than the one that checked it."""
    return ["", *(page.extract_text() for page in PdfReader(printed).pages)]


def squeezed(text):
    return re.sub(r"\s+", "", text)


def test_contents_heads_and_references_say_the_pages_on_which_things_stand(texts, book):
    contents = squeezed(texts[3])
    assert contents.lstrip("3").startswith(("Contents", "Part1.")), "its heading may come last"
    for page in book.pages:
        number = int(re.search(rf"{squeezed(page.title)}(?:Part\d\.)?(\d+)", contents)[1])
        head = book.parts[page.part - 1] if number % 2 == 0 else page.title
        assert squeezed(texts[number]).startswith(squeezed(f"{head}{number}{page.title}"))
    quiz = [n for n, text in enumerate(texts) if "Answer p." in text]
    assert quiz
    for n in quiz:
        for asked, at in re.findall(r"Question (\d+)\s*Answer p.\s(\d+)", texts[n]):
            assert re.search(rf"Question {asked} p.\s{n}\b", texts[int(at)]), (asked, at)


def test_all_that_the_site_says_stands_in_the_book(site, book):
    page = (site / "chapters/momentum.html").read_text("utf-8")
    there = BeautifulSoup(page, "html.parser").article
    here = book.pages[0].soup
    for what in ("math", ".math-block", ".picture .only-light", "table tr"):
        assert len(here.select(what)) == len(there.select(what)) > 0, what
    titles = [heading.get_text().rstrip("#") for heading in there.select("h1, h2, h3")]
    assert [heading.get_text() for heading in here.select("h2, h3, h4")] == [*titles, "Answers"]
    assert [n.get_text() for n in here.select(".eqno")] == [
        n.get_text().rstrip("#") for n in there.select(".eqno")
    ]
    asked = there.select(".optlib-quiz")
    assert len(here.select(".question")) == len(here.select("div.answer")) == len(asked) >= 10
    assert not here.select(".question .right") and all(
        answer.select(".right") for answer in here.select("div.answer")
    )
    assert not here.select("script, noscript, details, .only-dark, .headerlink, [loading]")
    figure = here.select_one("figure.experiment")
    assert figure.img["alt"] and "JavaScript" not in figure.get_text()
    assert figure.a["href"].endswith("chapters/momentum.html")


def test_links_lead_into_the_book_or_to_the_web(book):
    links = [a["href"] for page in book.pages for a in page.soup.find_all("a", href=True)]
    assert {link.split(":")[0] for link in links if not link.startswith("#")} <= {"https", "http"}
    assert any(link.startswith("#bibliography--") for link in links)
    live = [link for link in links if "playground.html#problem=" in link]
    assert live and all(link.startswith(book.about["address"]) for link in live)


def test_ids_are_unique(book):
    ids = [tag["id"] for tag in BeautifulSoup(book.html(), "html.parser").find_all(id=True)]
    assert len(ids) == len(set(ids)) > 100


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [('href="#problem=', 'href="#nowhere" title="', "leads to nothing"),
     ("Predict before you look.", "Predict, {ref}`first`", "raw source")],
)  # fmt: skip
def test_a_page_with_a_fault_is_refused(site, tmp_path, old, new, said):
    text = (site / "chapters/playground.html").read_text("utf-8")
    assert old in text
    (tmp_path / "chapters").mkdir()
    (tmp_path / "chapters/playground.html").write_text(text.replace(old, new, 1), "utf-8")
    shutil.copytree(site / "_images", tmp_path / "_images")
    with pytest.raises(pdf.Bad, match=said):
        pdf.Book(tmp_path, ["chapters/playground"])


def lose_a_place(file):
    del file.Root.Dests[next(k for k in file.Root.Dests.keys() if "answer" in k)]


def lose_a_font(file):
    kept = next(o for o in file.objects if isinstance(o, pikepdf.Dictionary) and "/FontFile2" in o)
    del kept["/FontFile2"]


def another_font(file):
    font = next(
        o for o in file.objects
        if isinstance(o, pikepdf.Dictionary) and o.get("/Subtype") == Name.Type0
    )  # fmt: skip
    font.BaseFont = Name("/AAAAAA+Arial")


def another_title(file):
    with file.open_outline() as outline:
        outline.root[-1].children[-1].title = "Nothing"


def a_local_link(file):
    link = next(a for page in file.pages for a in page.get("/Annots", []) if "/A" in a)
    link.A.URI = pikepdf.String("file:///tmp/book.html")


FAULTS = {
    "which is nowhere": lose_a_place,
    "is not embedded": lose_a_font,
    "Arial is this machine's": another_font,
    "the outline has no “Bibliography”": another_title,
    "a link leads to file:": a_local_link,
    "not tagged": lambda file: file.Root.__delitem__("/StructTreeRoot"),
    "its language": lambda file: file.Root.__delitem__("/Lang"),
    "not A4": lambda file: file.pages[3].__setattr__("mediabox", [0, 0, 612, 792]),
}


@pytest.mark.parametrize("said", FAULTS)
def test_each_check_of_the_file_can_fail(printed, book, tmp_path, said):
    spoilt = tmp_path / "spoilt.pdf"
    with pikepdf.open(printed) as file:
        FAULTS[said](file)
        file.save(spoilt)
    assert pdf.check(printed, book) == []
    assert any(said in words for words in pdf.check(spoilt, book))


def test_pictures_are_found_in_a_folder_with_a_blank(tmp_path):
    (tmp_path / "a b").mkdir()
    path = tmp_path / "a b/drawing.svg"
    path.write_text("<svg><text>1</text></svg>")
    soup = BeautifulSoup(f'<p><img src="{path.as_uri()}" alt="a"></p>', "html.parser")
    pdf.written_pictures(soup)
    assert soup.svg["aria-label"] == "a" and soup.svg.get_text() == "1"


def test_what_is_too_wide_is_set_smaller_or_reported(printed, browser):
    page = browser.new_page()
    page.goto((printed.parent / "paper/book.html").as_uri())
    page.emulate_media(media="print")
    fit = (pdf.OURS / "fit.js").read_text("utf-8")
    assert page.evaluate(fit) == []
    put = """(text) => document.querySelector(".chapter p").insertAdjacentHTML("afterend", text)"""
    page.evaluate(
        put,
        f"""<pre id="code">{"x" * 90}</pre><pre id="long">{"x " * 200}</pre>
        <div class="math-block"><div class="math" id="formula"><span style="display: block;
        width: 48em">1</span></div></div>""",
    )
    assert page.evaluate(fit) == []
    size = """(id) => { const all = document.getElementById(id); return [all.style.fontSize !== "",
        all.scrollWidth <= all.clientWidth]; }"""
    for name in ("code", "long", "formula"):
        assert page.evaluate(size, name) == [True, True], name
    page.evaluate(put, '<p><span style="display: inline-block; width: 160mm">much</span></p>')
    page.evaluate(put, '<h3><img src="x" style="width: 300mm; height: 1mm" alt=""></h3>')
    wide = page.evaluate(fit)
    page.close()
    assert [re.search(r"<\w+>", words)[0] for words in wide] == ["<h3>", "<img>", "<p>"]
    assert all("too wide" in words for words in wide)


def test_what_the_file_says_of_itself(printed):
    reader = PdfReader(printed)
    said = reader.xmp_metadata
    assert (
        reader.metadata.title
        == said.dc_title["x-default"]
        == ("Descent: An executable textbook on optimizers")
    )
    assert reader.metadata.author == "The Descent authors" == said.dc_creator[0]
    assert "CC BY 4.0" in said.dc_rights["x-default"] and said.dc_language == ["en"]
    version = pdf.settings()["version"]
    assert version in printed.read_bytes().decode("latin-1") or version in str(
        said.rdf_root.toxml()
    )


def test_the_styles_name_only_fonts_that_are_bundled():
    named = set(re.findall(r'"([^"]+)"', (ROOT / "site/paper/paper.css").read_text("utf-8")))
    families = {name.replace("-", " ").title() for name in pdf.FACES}
    assert {name for name in named if name[0].isupper()} - {"Paper Math"} == families
