"""Terms on the built pages: by pointer, keyboard and touch, and without scripts."""

import json
import re

from tests.book.hands import pause

PAGE = "chapters/sgd.html"
LINK = re.compile(r'<a class="[^"]*\bterm\b[^"]*" href="([^"#]*)#(term-[^"]+)"')


def carried(text):
    """The definitions that a page's HTML holds, by id."""
    found = re.search(r'<script type="application/json" id="terms">(.*?)</script>', text, re.S)
    return json.loads(found[1]) if found else {}


def violations(page, axe):
    """What axe says against the words and the open definition."""
    page.evaluate(axe)
    parts = "{include: [['a.term'], ['.term-tip']]}"
    found = page.evaluate(f"axe.run({parts}, {{resultTypes: ['violations']}})")
    return [(rule["id"], rule["nodes"][0]["html"]) for rule in found["violations"]]


def test_a_chapter_carries_the_definitions_that_it_links_and_no_others(site):
    entries = (site / "glossary.html").read_text(encoding="utf-8")
    known = set(re.findall(r'<dt id="(term-[^"]+)"', entries))
    assert len(known) >= 90
    for path in site.glob("chapters/*.html"):
        text = path.read_text(encoding="utf-8")
        links = LINK.findall(text)
        terms = [term for _, term in links]
        assert len(terms) > (0 if path.stem in ("myths", "data", "errata") else 10), path.name
        assert {page for page, _ in links} == {"../glossary.html"}
        told = carried(text)
        assert list(told) == list(dict.fromkeys(terms)) and set(told) <= known
        assert all(len(html) > 80 and "<a" not in html for html in told.values())
        body = re.sub(r"<script.*?</script>", "", text, flags=re.S)
        for heading in re.findall(r"<h[1-6].*?</h[1-6]>|<pre.*?</pre>", body, re.S):
            assert not LINK.search(heading)
    assert carried(entries) == {} and not LINK.search(entries)
    by_hand = (site / "notation.html").read_text(encoding="utf-8")
    assert "term-learning-rate" in carried(by_hand)  # a {term} in the source


def test_pointer_and_keyboard(open_page, axe):
    page = open_page(PAGE)
    words, tips = page.locator("a.term"), page.locator(".term-tip:visible")
    first, second = words.nth(4), words.nth(5)
    name = first.get_attribute("aria-describedby")
    tip = page.locator(f"[id='{name}']")
    assert tip.get_attribute("role") == "tooltip" and tips.count() == 0

    first.hover()
    tip.wait_for()
    word, box = first.bounding_box(), tip.bounding_box()
    below = box["y"] - word["y"] - word["height"]
    above = word["y"] - box["y"] - box["height"]
    assert min(abs(below), abs(above)) < 8
    assert 0 <= box["x"] and box["x"] + box["width"] <= 1280 and len(tip.inner_text()) > 60
    tip.hover()  # the pointer may rest on it
    pause(page, 400)
    assert tip.is_visible()
    page.mouse.move(5, 5)
    tip.wait_for(state="hidden")
    first.hover()
    tip.wait_for()
    page.keyboard.press("Escape")
    assert tips.count() == 0

    first.focus()
    assert tips.count() == 1 and tip.is_visible()
    page.keyboard.press("Escape")
    assert tips.count() == 0 and page.evaluate("document.activeElement.className").count("term")
    second.focus()  # one at a time
    assert tips.count() == 1 and not tip.is_visible()
    assert violations(page, axe) == []
    second.press("Enter")  # a link is a link
    page.wait_for_url("**/glossary.html#term-*")
    assert page.troubles == []


def test_touch_on_a_narrow_dark_screen(open_page, axe):
    page = open_page(PAGE, width=375, dark=True, has_touch=True, is_mobile=True)
    tips = page.locator(".term-tip:visible")
    right = max(range(12), key=lambda i: page.locator("a.term").nth(i).bounding_box()["x"])
    for number in (0, right):
        page.locator("article h1").tap()
        assert tips.count() == 0
        word = page.locator("a.term").nth(number)
        word.tap()
        assert tips.count() == 1 and "Tap the word again" not in tips.inner_text()
        box = tips.bounding_box()
        assert box["x"] >= 0 and box["x"] + box["width"] <= 375
        assert page.evaluate("document.documentElement.scrollWidth") <= 375
    assert violations(page, axe) == []
    tips.tap()  # what it covers can be read again
    assert tips.count() == 0
    word.tap()
    assert tips.count() == 1 and PAGE in page.url
    word.tap()
    page.wait_for_url("**/glossary.html#term-*")
    assert page.troubles == []


def test_without_scripts_a_term_leads_to_its_entry(open_page):
    page = open_page(PAGE, scripts=False)
    word = page.locator("a.term").first
    term = word.get_attribute("href").split("#")[1]
    assert page.locator(".term-tip").count() == 0
    word.click()
    entry = page.locator(f"dt#{term}")
    assert entry.is_visible() and entry.bounding_box()["y"] < 900
