"""Slides: some decks, opened from the disk, gone through by keyboard. (`make slides` makes all.)"""

import re

import pytest
import slides
from bs4 import BeautifulSoup

from tests.book.hands import pause
from tests.conftest import context

# The hardest to fit: a lab that grows when it speaks; long lists and lines, a lab without sliders.
CHAPTERS = ("tuning", "benchmarking")
LIVE = "section.present .live[data-mounted=done]"
STATE = """() => {
  const slide = document.querySelector("section.present");
  const cut = [slide, ...slide.querySelectorAll("pre, .math, table")].filter((box) =>
    box.scrollWidth > box.clientWidth + 1).length + (slide.scrollHeight > slide.clientHeight + 1);
  const room = document.querySelector(".reveal").getBoundingClientRect();
  const out = [...slide.querySelectorAll("p, li, img, math, pre, h1, h2")].filter((el) => {
    const box = el.getBoundingClientRect(); // (what stands in closed details is not seen)
    return el.checkVisibility() && box.width &&
      (box.right > room.right + 1 || box.bottom > room.bottom + 1);
  }).length;
  const images = [...slide.querySelectorAll("img")].filter((image) => image.checkVisibility());
  return {place: deck.getIndices().h, fit: Number(slide.style.getPropertyValue("--fit") || 1),
          cut, out, empty: !slide.innerText.trim() && !images.length,
          broken: images.filter((image) => image.complete && !image.naturalWidth).length,
          pictures: images.length, formulas: slide.querySelectorAll("math").length};
}"""

SEEN = """() => {
  const box = document.querySelector("section.present .live");
  return box.innerText + [...box.querySelectorAll("canvas")].map((c) => c.toDataURL()).join();
}"""


@pytest.fixture(scope="module")
def folder(site, tmp_path_factory):
    out = tmp_path_factory.mktemp("decks") / "slides"
    made = slides.make(site, out, CHAPTERS)
    assert set(made) == set(CHAPTERS) and all(15 < count < 60 for count in made.values())
    return out


@pytest.fixture(scope="module", params=CHAPTERS)
def walk(folder, browser, request):
    """(page, its troubles, [state of each slide]): the whole deck by the arrow key."""
    troubles = []
    held = browser.new_context(**context(width=1280, height=720))
    page = held.new_page()
    page.on("console", lambda said: said.type == "error" and troubles.append(said.text))
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on("requestfailed", lambda sent: troubles.append(f"failed: {sent.url}"))
    page.on("request", lambda sent: sent.url.startswith(("file:", "data:", "blob:"))
            or troubles.append(f"another host: {sent.url}"))  # fmt: skip
    page.goto(f"file://{folder}/{request.param}.html")
    page.wait_for_selector("html[data-deck=ready]")
    total = page.locator(".slides > section").count()
    states = []
    for place in range(total):
        assert page.evaluate("deck.getIndices().h") == place
        if page.locator("section.present .live").count():
            page.wait_for_selector(LIVE)
            pause(page, 300)  # what it says then may make it shrink again
            page.wait_for_selector(LIVE)
        fragments = page.locator("section.present .fragment").count()
        for _ in range(fragments):
            page.keyboard.press("ArrowRight")
        states.append(page.evaluate(STATE))
        page.keyboard.press("ArrowRight")
    yield page, troubles, states
    held.close()


def test_a_deck_opens_from_the_disk_and_asks_nobody(walk):
    page, troubles, states = walk
    assert troubles == []
    assert page.evaluate("document.fonts.check('20px \"Descent Math\"')")
    assert sum(state["formulas"] for state in states) >= 10
    assert sum(state["pictures"] for state in states) >= 2


def test_no_slide_overflows_is_empty_or_too_small(walk):
    for number, state in enumerate(walk[2], 1):
        assert state["cut"] == state["out"] == 0, f"slide {number} is cut off: {state}"
        assert not state["empty"] and not state["broken"], (number, state)
        assert state["fit"] >= 0.6, f"slide {number} had to shrink to {state['fit']}"


def test_the_experiment_is_live_on_its_slide(walk):
    page = walk[0]
    place = page.evaluate(
        "[...document.querySelectorAll('.slides > section')].findIndex("
        "(s) => s.querySelector('.live'))"
    )
    page.evaluate("(h) => deck.slide(h)", place)
    page.wait_for_selector(LIVE)
    assert not page.locator("section.present .live > .picture").is_visible()
    control = page.locator("section.present .live").locator("input[type=range], select").first
    before = page.evaluate(SEEN)
    control.focus()
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    pause(page, 300)
    assert page.evaluate(SEEN) != before
    assert page.evaluate("deck.getIndices().h") == place, "the control takes the arrow keys"
    control.blur()
    page.keyboard.press("ArrowLeft")
    assert page.evaluate("deck.getIndices().h") == place - 1


def test_dark_slides_are_dark(walk):
    page = walk[0]
    colours = """() => [".reveal-viewport", ".reveal"].map((name) => document.querySelector(name))
        .map((el, i) => getComputedStyle(el)[i ? "color" : "backgroundColor"])
        .map((text) => text.match(/\\d+/g).slice(0, 3).reduce((a, b) => a + Number(b), 0))"""
    for scheme in ("dark", "light"):
        page.emulate_media(color_scheme=scheme)
        page.wait_for_selector(f"html[data-theme={scheme}]")
        ground, ink = page.evaluate(colours)
        assert (ground < 150 and ink > 600) if scheme == "dark" else (ground > 700 and ink < 150)


def test_what_stands_on_the_slides_and_what_in_the_notes(folder):
    deck = BeautifulSoup((folder / "tuning.html").read_text("utf-8"), "html.parser")
    sections = deck.select(".slides > section")
    heads = [s.h2.get_text() for s in sections if s.h2]
    assert sections[0].h1.get_text() == "Choosing and tuning"
    for needed in ("What you will be able to do", "First, a bet", "Quiz", "In short"):
        assert needed in heads
    assert sum(bool(s.select(".question")) for s in sections) >= 6
    assert all(s.select(".fragment") for s in sections if s.select(".question"))
    shown = sum(len(re.findall(r"\w+", s.get_text())) for s in sections)
    noted = sum(len(re.findall(r"\w+", s.get_text())) for s in deck.select("aside.notes"))
    assert noted > 0.3 * shown, "the prose is in the notes"
    assert not [a for s in sections[1:] for a in s.select("a[href]")], "links lead nowhere here"
    assert not deck.select("script[src*='//'], link[href*='//'], img[src*='//']")


def test_what_is_long_stands_on_several_slides_evenly_filled():
    assert slides.shared([], len, 5) == []
    assert slides.shared(["aa"] * 2, len, 5) == [["aa"] * 2]
    assert slides.shared(["aa"] * 6, len, 6) == [["aa"] * 3, ["aa"] * 3]
    assert slides.shared(["aa"] * 4, len, 6) == [["aa"] * 2, ["aa"] * 2]
    assert slides.shared(["aaaa", "a", "a", "aaa"], len, 5) == [["aaaa"], ["a", "a", "aaa"]]


def test_a_sentence_is_cut_where_nothing_is_torn():
    cut = slides.first_sentence
    assert cut("It is so. And more.") == "It is so. And more."  # too short to stand alone
    assert cut("This is the first one. And more.") == "This is the first one."
    assert cut("The <em>first one is. Still</em> here it ends. More.") == (
        "The <em>first one is. Still</em> here it ends."
    )
    assert cut("What is it that follows: This.") == "What is it that follows: This."
    assert slides.balanced("<b>a<br></b>") and not slides.balanced("<b>a") and not (
        slides.balanced("a</b>")
    )  # fmt: skip
