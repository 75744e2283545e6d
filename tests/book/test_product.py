"""The site as a product: front page, names of formulas in the search, the lines below each page,
what search engines, messengers and lost readers get, and links that open a lab at a setting."""

import json
import re
import shutil
from html import unescape
from urllib.parse import parse_qs, urlsplit
from xml.etree import ElementTree

import pytest
import yaml
from descent_site import address, history, published
from environment import ROOT
from PIL import Image

from tests.book.conftest import chapter_pages, pages
from tests.conftest import context, new_page, visit

ARTICLES = [name for name in pages() if name not in ("search.html", "genindex.html")]


@pytest.fixture(scope="module")
def texts(site):
    return {name: (site / name).read_text(encoding="utf-8") for name in pages()}


# --- files ----------------------------------------------------------------------------------------

NAMES = {
    "heavy ball": "eq-momentum",
    "Polyak step": "eq-polyak-step",
    "bias correction": "eq-adam-bias",
    "decoupled weight decay": "eq-decoupled-decay",
    "spectral radius": "eq-hb-roots",
    "Newton-Schulz": "eq-newton-schulz",
    "descent lemma": "eq-descent-lemma",
    "edge of stability": "eq-lr-edge",
    "critical batch size": "eq-critical-batch",
    "He initialisation": "eq-he",
    "warmup-stable-decay": "eq-wsd",
    "strong Wolfe conditions": "eq-wolfe",
}


def test_the_index_leads_from_the_name_of_a_formula_to_the_formula(site, texts):
    text = (site / "searchindex.js").read_text(encoding="utf-8")
    index = json.loads(re.fullmatch(r"Search\.setIndex\((.*)\)\s*", text, re.S)[1])
    for name, label in NAMES.items():
        found = index["indexentries"][name]
        places = [(index["docnames"][at], anchor) for at, anchor, main in found if main]
        page = next(page for page, anchor in places if anchor == f"equation-{label}")
        assert f'id="equation-{label}"' in texts[f"{page}.html"], name
    assert not [entry for entry in index["indexentries"] if "(class in" in entry]


def test_every_page_says_when_it_changed_and_how_to_report_a_mistake(texts):
    form = yaml.safe_load((ROOT / ".github/ISSUE_TEMPLATE/mistake.yml").read_text("utf-8"))
    fields = {part["id"] for part in form["body"]}
    commit, dates = history.commits(str(ROOT))
    for name in ARTICLES:
        text = texts[name]
        line = re.search(r'<p class="page-history">(.*?)</p>', text, re.S)[1]
        assert ("Last changed" in line) == bool(dates), name
        assert ("Checked with Python 3." in line) == (name in chapter_pages()), name
        found = re.findall(r'href="(https://github\.com/[^"]*/issues/new\?template=[^"]*)"', text)
        links = [unescape(link) for link in found]
        assert len(links) == 2 and len(set(links)) == 1, f"{name}: the line and the button"
        filled = parse_qs(urlsplit(links[0]).query)
        assert set(filled) - {"template", "title"} == {"page", "version"} <= fields
        assert filled["template"] == ["mistake.yml"] and filled["page"][0].endswith(name)
        assert commit is None or commit in filled["version"][0]


def test_every_page_tells_its_address_and_what_it_is_about(texts, site):
    seen = set()
    for name in ARTICLES:
        text = texts[name]
        place = address.site() + ("" if name == "index.html" else name)
        assert re.findall(r'<link rel="canonical" href="([^"]*)"', text) == [place]
        told = dict(re.findall(r'<meta (?:name|property)="([\w:]+)" content="([^"]*)"', text))
        assert 40 < len(told["description"]) <= 200, name
        assert told["og:url"] == place and told["og:title"] and told["og:image:alt"]
        card = site / told["og:image"].removeprefix(address.site())
        assert Image.open(card).size == (1200, 630) and card.stat().st_size <= 60_000, card
        seen.add(told["description"])
        if name in chapter_pages() and "only-light" in text:
            assert card.stem == name.removesuffix(".html").replace("/", "-")
    assert len(seen) == len(ARTICLES), "two pages with one description"


def test_the_sitemap_names_every_page_and_robots_may_read_it(site):
    tree = ElementTree.parse(site / "sitemap.xml").getroot()
    space = {"s": "http://www.sitemaps.org/schemas/sitemap/0.9"}
    found = [place.text for place in tree.findall("s:url/s:loc", space)]
    assert sorted(found) == sorted(
        address.site() + ("" if name == "index.html" else name) for name in ARTICLES
    )
    robots = (site / "robots.txt").read_text("utf-8")
    assert f"Sitemap: {address.site()}sitemap.xml" in robots and "Disallow" not in robots


def test_every_page_is_in_the_list_of_addresses_that_must_not_break():
    listed = yaml.safe_load((ROOT / "redirects.yml").read_text("utf-8"))
    names = {name.removesuffix(".html") for name in ARTICLES}
    missing = names - set(listed["pages"])
    assert not missing, f"add to `pages` in redirects.yml: {sorted(missing)}"
    published.moved(ROOT / "redirects.yml", names)


# --- in Chromium ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["Polyak step", "heavy ball"])
def test_the_search_puts_the_formula_first(open_page, name):
    page = open_page(f"search.html?q={name.replace(' ', '+')}")
    first = page.locator("#search-results li a").first
    first.wait_for()
    assert first.get_attribute("href").endswith(f"#equation-{NAMES[name]}")
    assert name in first.inner_text()


@pytest.mark.parametrize("width, height", [(1280, 800), (375, 667)])
def test_the_front_page_shows_a_live_lab_at_once(open_page, width, height):
    page = open_page("index.html", width=width, height=height)
    for part in (".valley canvas", ".valley input[type=range]"):
        box = page.locator(part).first.bounding_box()
        assert box["y"] >= 0 and box["y"] + box["height"] <= height, part
    slider, status = page.locator(".valley input[type=range]"), page.locator(".valley .lab-status")
    for key, words in (("Home", "2274 steps"), ("End", "never arrives")):
        slider.press(key)
        status.filter(has_text=words).wait_for()
    page.get_by_label("Give it a memory").press("Space")
    status.filter(has_text="With memory, it is at the bottom after 15 steps").wait_for()
    assert page.troubles == []


def test_a_lost_reader_finds_the_page(serve_folder, site, browser, axe, tmp_path):
    """At any depth, below the path at which the site is published."""
    root = urlsplit(address.site()).path
    unseen = shutil.ignore_patterns("_images", "_sources", "cards", "searchindex.js")
    shutil.copytree(site, tmp_path / root.strip("/"), ignore=unseen, dirs_exist_ok=True)
    asked = tmp_path / "lost"
    asked.mkdir()
    (asked / "momentun.html").write_text((site / "404.html").read_text("utf-8"), "utf-8")
    page = new_page(browser, context(width=375))
    visit(page, serve_folder(tmp_path), "lost/momentun.html")
    near = page.locator("#near a").first
    assert near.inner_text() == "Momentum"
    assert page.locator("input[name=q]:visible").input_value() == "momentun"
    assert page.troubles == []
    page.evaluate(axe)
    assert page.evaluate("axe.run(document)")["violations"] == []
    near.click()
    page.wait_for_url(f"**{root}chapters/momentum.html")
    assert page.locator("h1").first.inner_text().startswith("Momentum")
    page.context.close()


def test_a_moved_page_leads_on_with_and_without_scripts(serve_folder, browser, tmp_path):
    (tmp_path / "old").mkdir()
    (tmp_path / "new").mkdir()
    (tmp_path / "new/there.html").write_text("<!DOCTYPE html><title>x</title><h1 id=b>There</h1>")
    old = published.redirection("old/here", "new/there", "b")
    (tmp_path / "old/here.html").write_text(old, "utf-8")
    assert f'href="{address.site()}new/there.html"' in old
    base = serve_folder(tmp_path)
    for scripts, ending in ((True, "there.html?q=1#a=2"), (False, "there.html#b")):
        page = browser.new_context(java_script_enabled=scripts).new_page()
        page.goto(f"{base}old/here.html?q=1#a=2")
        page.wait_for_url(f"{base}new/{ending}")
        page.context.close()


def test_a_link_to_a_setting_opens_the_lab_at_it_on_a_phone(open_page, url):
    """Copied by keyboard alone; where it leads, the lab is in view."""
    page = open_page("chapters/gradient-descent.html", width=375, height=667)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=url.rstrip("/"))
    rate = page.get_by_label("Learning rate η, typed")
    rate.fill("0.05")
    rate.press("Enter")
    button = page.get_by_role("button", name="Copy a link to this setting")
    assert button.bounding_box()["height"] >= 24
    button.press("Enter")
    page.get_by_text("The link is copied.").wait_for()
    link = page.evaluate("navigator.clipboard.readText()")
    assert "lr=0.05" in link and link.startswith(url)

    phone = open_page(link.removeprefix(url), width=375, height=667)
    top = phone.locator(".ellipse").evaluate("(lab) => lab.getBoundingClientRect().top")
    assert 0 <= top < 667 / 3
    assert phone.get_by_label("Learning rate η, typed").input_value() == "0.05"

    # A link within the page scrolls, too.
    top = phone.evaluate("""async () => {
      scrollTo({top: 0, behavior: "instant"});
      location.hash = "lr=0.02";
      await new Promise((done) => setTimeout(done, 200));
      return document.querySelector(".ellipse").getBoundingClientRect().top;
    }""")
    assert 0 <= top < 667 / 3
    assert phone.get_by_label("Learning rate η, typed").input_value() == "0.02"


def test_nothing_is_kept_but_what_the_page_on_reading_says(open_page, url):
    """No cookie; in the store the theme, where the contents are scrolled, and the words to mark."""
    page = open_page("chapters/gradient-descent.html")
    page.locator(".optlib-quiz input").first.check()
    page.locator(".optlib-quiz button").first.click()
    page.locator("button.theme-switch-button").first.click()
    assert page.evaluate("document.cookie") == "" and page.context.cookies() == []
    assert page.troubles == []
    assert set(page.evaluate("Object.keys(localStorage)")) == {"mode", "theme"}
    visit(page, url, "search.html?q=step")
    page.wait_for_selector("#search-results li a")
    words = "sphinx_highlight_terms"
    assert set(page.evaluate("Object.keys(localStorage)")) == {"mode", "theme", words}
    visit(page, url, "index.html")
    assert set(page.evaluate("Object.keys(localStorage)")) == {"mode", "theme"}
    assert set(page.evaluate("Object.keys(sessionStorage)")) <= {"sidebar-scroll-top"}
    assert page.context.cookies() == []
