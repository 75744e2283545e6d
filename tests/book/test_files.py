"""The files of the built book: links, pictures, weight, and what must not be among them."""

import base64
import io
import json
import re
from html.parser import HTMLParser
from urllib.parse import unquote, urljoin, urlsplit

import pytest
import weigh
from descent_site import address
from environment import ROOT
from fontTools.ttLib import TTFont

from benchmarks import site as bench

PAGE_BUDGET = 120_000  # bytes after gzip, without pictures and the mathematics font
PICTURE_BUDGET = 40_000  # each
FONT_BUDGET = 40_000
REQUESTS = 25
ROOT_OF_SITE = urlsplit(address.site()).path  # 404.html names everything from there
MEASURED = json.loads(bench.JSON.read_text("utf-8"))


class Reader(HTMLParser):
    """Links, anchors and pictures of a page."""

    def __init__(self, text):
        super().__init__()
        self.links, self.anchors, self.pictures, self.policies = [], {""}, [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        about = dict(attributes)
        self.anchors.add(about.get("id") or "")
        if tag == "a":
            self.anchors.add(about.get("name") or "")
            self.links.append(about.get("href"))
        if tag == "img":
            self.pictures.append(about)
        if tag == "meta" and about.get("http-equiv") == "Content-Security-Policy":
            self.policies.append(about["content"])


@pytest.fixture(scope="module")
def read(site):
    return {
        str(path.relative_to(site)): Reader(path.read_text(encoding="utf-8"))
        for path in weigh.pages(site)
    }


def test_every_link_arrives(site, read):
    broken = []
    for name, page in read.items():
        for link in page.links:
            if not link or urlsplit(link).scheme in ("http", "https", "mailto"):
                continue
            parts = urlsplit(urljoin(name, link))
            target = unquote(parts.path).removeprefix(ROOT_OF_SITE) or name
            if target in read:
                if "=" in parts.fragment:  # no place, but settings of that page's widget
                    page_text = (site / target).read_text(encoding="utf-8")
                    if 'class="optlib-widget"' not in page_text:
                        broken.append(f"{name}: {link} (no widget on that page)")
                elif unquote(parts.fragment) not in read[target].anchors:
                    broken.append(f"{name}: {link} (no such place on that page)")
            elif not (site / target).is_file():
                broken.append(f"{name}: {link}")
    assert broken == []


def test_every_picture_is_described(read):
    silent = [
        f"{name}: {picture.get('src')}"
        for name, page in read.items() for picture in page.pictures
        if len((picture.get("alt") or "").strip()) < 3
    ]  # fmt: skip
    assert silent == []


def test_every_page_has_one_strict_policy(read):
    for name, page in read.items():
        assert len(page.policies) == 1, name
        rules = dict(rule.strip().split(" ", 1) for rule in page.policies[0].split(";"))
        assert rules["default-src"] == "'self'", name
        assert "unsafe-inline" not in rules["script-src"], name
        assert "unsafe-eval" not in page.policies[0], name
        assert "http" not in page.policies[0] and "*" not in page.policies[0], name


def test_no_page_names_a_file_elsewhere(site):
    """Links may lead anywhere; what the page itself loads may not."""
    tag = r"<(?:script|img|link|source|iframe)\b[^>]*?\b(?:src|href)="
    loads = re.compile(rf"""(?:{tag}|url\(|@import\s*)["']?(?:https?:)?//""")
    named = []
    for path in weigh.book(site):
        if path.suffix not in (".html", ".css"):
            continue
        text = path.read_text(encoding="utf-8").replace('<link rel="canonical"', "<canonical")
        named += [f"{path.name}: {text[m.start() : m.start() + 120]}" for m in loads.finditer(text)]
    assert named == []


def test_weight(site, capsys):
    with capsys.disabled():
        print("\n" + weigh.report(site))
    for name, row in weigh.weigh(site).items():
        assert row["page"] <= PAGE_BUDGET, f"{name} weighs {row['page']} bytes after gzip"
        assert row["requests"] <= REQUESTS, f"{name} needs {row['requests']} requests"
        assert row["maths"] <= FONT_BUDGET
    for path in (site / "_images").glob("*"):
        assert weigh.weight(path)[1] <= PICTURE_BUDGET, path


@pytest.mark.parametrize("name", ["chapters/momentum.html", "chapters/playground.html"])
def test_weight_counts_lazy_pictures_too(open_page, site, name):
    """Chromium asks for nothing else (what each page loads at once: test_pages)."""
    page = open_page(name, height=20_000, fresh=True)  # tall: every lazy picture
    page.wait_for_timeout(300)
    asked = {unquote(urlsplit(sent).path).lstrip("/") for sent in page.requests}
    computed = {str(f.relative_to(site)) for f in weigh.files(site, site / name)}
    assert not asked - computed, "loaded but not weighed"


def test_notebooks_only_of_chapters(site):
    notebooks = {str(p.relative_to(site)) for p in weigh.book(site) if p.suffix == ".ipynb"}
    chapters = {f"_sources/chapters/{p.name}" for p in (ROOT / "chapters").glob("*.ipynb")}
    assert notebooks == chapters
    for name in notebooks:  # the reader downloads what the repository stores
        source = ROOT / name.removeprefix("_sources/")
        assert (site / name).read_text(encoding="utf-8") == source.read_text(encoding="utf-8")


def test_nothing_of_the_workshop_is_published(site):
    folders = ("tests", "tools", "exercises", "node_modules", ".venv", "benchmarks")
    for path in weigh.book(site):
        assert not set(path.relative_to(site).parts) & set(folders), path
        assert path.suffix not in (".map", ".py", ".sh"), path


def test_no_machine_paths(site):
    for path in site.rglob("*"):
        if path.suffix in (".html", ".js", ".json", ".css", ".ipynb"):
            assert str(ROOT) not in path.read_text(encoding="utf-8"), path


def test_the_font_has_every_character_of_the_formulas(site):
    (sheet,) = (site / "_static").glob("math.*.css")
    data = re.search(r"base64,([A-Za-z0-9+/=]+)", sheet.read_text("utf-8"))[1]
    known = set(TTFont(io.BytesIO(base64.b64decode(data))).getBestCmap())
    assert {*map(ord, "𝑥𝑓ℎ𝜂𝛽𝐿")} <= known  # letters in italics, as MathML shows them
    strange = {}
    for path in weigh.pages(site):
        for formula in re.findall(r"<math\b.*?</math>", path.read_text(encoding="utf-8"), re.S):
            text = re.sub(r"<annotation.*?</annotation>|<[^>]*>|&\w+;|&#\w+;", "", formula)
            for code in map(ord, text):
                unseen = 0x2000 <= code <= 0x200F or 0x2061 <= code <= 0x2064  # spaces, operators
                if code > 126 and code not in known and not unseen:
                    strange[f"U+{code:04X} {chr(code)}"] = path.name
    assert strange == {}, "add them in site/static/fonts/make.sh and run it"


def test_widget_state_carries_no_code(site):
    """The modules lie in shared files; a page only holds values, the same in every build."""
    found = 0
    for path in weigh.pages(site):
        text = path.read_text(encoding="utf-8")
        assert "widget-state+json" not in text
        for state in re.findall(r'id="widget-models">(.*?)</script>', text, re.S):
            for model in json.loads(state.replace("<\\/", "</")).values():
                found += 1
                assert (site / "_static" / model["script"]).is_file()
                assert not any(key.startswith("_") for key in model["state"])
    assert found > 0


def test_listings_are_coloured_without_elements_for_plain_text(site):
    kinds = set()
    for path in weigh.pages(site):
        for listing in re.findall(r'"highlight"><pre>(.*?)</pre>', path.read_text("utf-8"), re.S):
            kinds |= set(re.findall(r'<span class="(\w+)">', listing))
    assert {"k", "mi", "s2"} <= kinds and not {"n", "p", "w"} & kinds, kinds


def test_the_search_index_knows_words_and_no_bare_numbers(site):
    index = (site / "searchindex.js").read_text(encoding="utf-8")
    index = json.loads(re.fullmatch(r"Search\.setIndex\((.*)\)\s*", index, re.S)[1])
    words = {*index["terms"], *index["titleterms"]}
    assert {"momentum", "curvatur"} <= words and not [w for w in words if w.isdigit()]


# ------------------------------------------------------------ make bench-site


def test_the_page_shows_what_is_stored(site):
    assert bench.TABLE.read_text("utf-8") == bench.report(MEASURED), "run make bench-site again"
    shown = (site / "speed.html").read_text("utf-8")
    for name, both in MEASURED["pages"].items():
        assert f"{name}.html" in shown or name == "stock"
        assert f"<td class=\"text-right\"><p>{both['plain']['usable'] / 1e3:.2f}</p></td>" in shown


def test_the_stored_pages_are_this_sites(site):
    """The weights of today, give or take what a word of prose weighs: else measure again."""
    assert {*bench.PAGES, "stock"} <= set(MEASURED["pages"])
    for name in set(MEASURED["pages"]) - {"stock"}:
        row = MEASURED["pages"][name]["plain"]
        today = sum(
            weigh.weight(path)[1]
            for path in weigh.files(site, site / f"{name}.html")
            if not weigh.is_picture(path) and not weigh.is_maths(path)
        )
        assert abs(row["page"] - today) < 0.15 * today, f"{name}: run make bench-site again"
        assert row["page"] <= PAGE_BUDGET and row["requests"] <= REQUESTS
        assert row["elsewhere"] == 0 < MEASURED["pages"]["stock"]["plain"]["elsewhere"]
