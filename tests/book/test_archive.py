"""The archive of the site, unzipped and opened from the disk, where a browser is strict.

From there Chromium and Firefox load no module, fetch nothing, and know no index of a folder.
"""

import html
import os
import re
import zipfile
from urllib.parse import unquote, urlsplit

import archive
import pytest

import optlib
from tests.book.conftest import pages
from tests.book.hands import setting
from tests.conftest import context, new_page, visit

FOLDER = "Mein Büch"  # as a reader's folder may be called: a space, and a letter beyond ASCII


@pytest.fixture(scope="module")
def unzipped(site, tmp_path_factory):
    """The folder of the unzipped archive."""
    place = tmp_path_factory.mktemp("archive") / FOLDER
    archive.write(site, place / "site.zip")
    with zipfile.ZipFile(place / "site.zip") as file:
        file.extractall(place)
    return place / f"descent-{optlib.__version__}"


@pytest.fixture(scope="module")
def read(unzipped):
    """{name: HTML} of the pages in the archive."""
    return {
        str(path.relative_to(unzipped)): path.read_text(encoding="utf-8")
        for path in unzipped.rglob("*.html")
    }


def test_the_book_its_licences_and_where_to_start(site, unzipped):
    assert {path.name for path in unzipped.iterdir()} == {
        "LICENSE", "LICENSE-TEXT.md", "START-HERE.html", "site",
    }  # fmt: skip
    for name in pages():
        assert (unzipped / "site" / name).read_bytes() == (site / name).read_bytes()


def test_pages_ask_for_nothing_that_a_browser_refuses_from_the_disk(unzipped, read):
    for name, text in read.items():
        assert not re.search(r"<script\b[^>]*\btype=[\"']?module", text), name
        assert not re.search(r"<(script|link|img|a)\b[^>]*\b(src|href)=[\"']/", text), name
        assert "crossorigin" not in text, name
    for path in unzipped.rglob("*.js"):
        assert not re.search(r"\bimport\(", path.read_text(encoding="utf-8")), path.name


def test_every_link_leads_to_a_file(unzipped, read):
    """Not to a folder, whose index.html only a server adds, and not out of the archive."""
    broken = set()
    for name, text in read.items():
        for link in set(re.findall(r'<a\b[^>]*?\bhref="([^"#]+)', text)):
            parts = urlsplit(html.unescape(link))
            path = (unzipped / name).parent / unquote(parts.path)
            if not parts.scheme and not (path.is_file() and unzipped in path.resolve().parents):
                broken.add(f"{name}: {link}")
    assert broken == set()


def test_what_needs_a_server_is_left_out_and_says_so(tmp_path, monkeypatch):
    site = tmp_path / "html"
    for name in ("chapters", "lite/lab"):
        (site / name).mkdir(parents=True)
    (site / "index.html").write_text('<a href="./lite/lab/index.html?path=a.ipynb&amp;b=1">')
    (site / "chapters/a.html").write_text(
        '<a href="../lite/lab/index.html?path=b.ipynb"><a href="a.html#lite"><a href="http://lite/c">'
    )
    (site / "lite/lab/index.html").write_text("the laboratory")
    (site / "lite/kernel.js").write_text("its kernel")
    (site / "404.html").write_text('<a href="/lite/b.html">')
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1767225600")
    assert archive.write(site, tmp_path / "a.zip") == 6
    os.utime(site / "index.html", (1, 1))
    assert archive.write(site, tmp_path / "b.zip") == 6
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()
    with zipfile.ZipFile(tmp_path / "a.zip") as file:
        names = [name.split("/", 1)[1] for name in file.namelist()]
        assert names == sorted(names)
        assert {name for name in names if name.startswith("site/")} == {
            "site/index.html", "site/chapters/a.html", "site/lite/lab/index.html",
        }  # fmt: skip
        said = file.read(next(n for n in file.namelist() if "lite/lab" in n)).decode()
        assert "Not in this copy" in said and 'href="../../index.html"' in said
        assert {info.date_time for info in file.infolist()} == {(2026, 1, 1, 0, 0, 0)}
    with pytest.raises(SystemExit, match="holds no built book"):
        archive.main(["--site", str(tmp_path)])


@pytest.fixture(scope="module")
def disk(browser, unzipped):
    """disk(name) -> that page of the archive, from the disk; requests elsewhere are troubles."""
    page = new_page(browser, context())
    yield lambda name: visit(page, f"{(unzipped / 'site').as_uri()}/", name)
    page.context.close()


def test_the_start_page_opens_the_book(browser, unzipped):
    page = new_page(browser, context())
    page.base = unzipped.as_uri()
    page.troubles, page.requests = [], []
    page.goto(f"{page.base}/START-HERE.html")
    page.wait_for_url("**/site/index.html")
    page.wait_for_selector("html[data-widgets=ready]", state="attached")
    assert page.troubles == []
    page.context.close()


def test_widgets_quizzes_terms_and_the_theme(disk):
    page = disk("chapters/gradient-descent.html")
    dead = "div.optlib-widget[data-model-id]:not([hidden])"
    assert page.locator(dead).count() == 0

    slider = page.get_by_label("Learning rate η", exact=True).first
    rate = float(slider.get_attribute("aria-valuetext"))
    slider.focus()
    page.keyboard.press("ArrowRight")
    assert float(setting(page, "lr")) > rate, "the experiment moved, and the link with it"

    quiz = page.locator("form.optlib-quiz:has(input[type=radio])").first
    quiz.locator("input[type=radio]").first.check()
    quiz.get_by_role("button", name="Check").click()
    assert re.match(
        r"\(a\) is (not )?right", quiz.locator(".optlib-quiz-verdict strong").inner_text()
    )

    page.locator("a.term").first.hover()
    page.locator(".term-tip:visible").wait_for()

    code = page.locator("div.highlight:has(button.copybtn):visible").first
    code.hover()
    code.locator("button.copybtn").click()
    page.wait_for_selector("button.copybtn.success")

    page.evaluate("window.print = () => { document.body.dataset.printed = 'yes'; }")
    page.locator("[data-print]").first.dispatch_event("click")
    assert page.evaluate("document.body.dataset.printed") == "yes"

    theme = "document.documentElement.dataset.theme"
    button = page.locator("button.theme-switch-button").first
    while page.evaluate("document.documentElement.dataset.mode") != "dark":
        button.click()
    page.locator("a.right-next, a.next-page").first.click()
    page.wait_for_selector("html[data-widgets=ready]", state="attached")
    assert page.evaluate(theme) == "dark", "the choice holds on the next page"
    assert page.locator(dead).count() == 0
    assert page.troubles == []


def test_a_link_with_settings_opens_the_playground_at_them(disk):
    page = disk("chapters/playground.html#problem=Rosenbrock()&rules=Adam(lr=0.07)&steps=321")
    assert page.locator("div.optlib-widget[data-model-id]:not([hidden])").count() == 0
    box = page.locator(".play")
    assert box.get_by_label("Steps", exact=True).first.get_attribute("aria-valuetext") == "321"
    said = box.locator(".lab-status").filter(has_text="Adam")
    said.wait_for()
    assert "321" in said.inner_text()
    assert page.troubles == []


def test_the_search_finds_and_shows_what_it_found(disk):
    page = disk("index.html")
    page.locator("button.search-button__button").first.click()
    box = page.locator("#pst-search-dialog input[name=q]")
    box.fill("momentum")
    box.press("Enter")
    page.wait_for_selector("#search-results p.context")
    found = page.locator(
        "#search-results li", has=page.locator("a[href^='chapters/momentum.html']")
    )
    told = found.first.locator("p.context")
    told.wait_for()
    assert "momentum" in told.inner_text().lower()
    page.wait_for_load_state("networkidle")  # all results have their texts
    found.first.locator("a").first.click()
    page.wait_for_url("**/chapters/momentum.html*")
    page.wait_for_selector("html[data-widgets=ready]", state="attached")
    assert page.troubles == []
