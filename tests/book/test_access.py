"""With the Tab key alone, without motion, in high contrast, on paper: what a reader then has."""

import pytest

from tests.book.access import TABBED, TABS

LIMIT = 300  # stops: more than any page has


def tab_through(page):
    """Press Tab until the page has been left; returns what took the focus, in order."""
    page.evaluate(TABS)
    for pressed in range(LIMIT):
        page.keyboard.press("Tab")
        if pressed and page.evaluate("document.activeElement === document.body"):
            return page.evaluate("stops")
    pytest.fail(f"after {LIMIT} presses of Tab the focus is still in the page: a trap")


@pytest.mark.parametrize("name, width, dark", TABBED)
def test_with_the_tab_key_alone(open_page, name, width, dark):
    """Each stop shows a ring of 3:1, comes into view, and stands after the one before it."""
    page = open_page(name, width=width, dark=dark, reduced_motion="reduce")
    stops = tab_through(page)
    assert len(stops) > 5 and "main-content" in stops[0]["html"]
    for stop in stops:
        assert stop["ring"] >= 2 and stop["contrast"] >= 3, stop
        assert stop["seen"], stop
    if width == 375:  # one column: down, or to the right, but for a button at a listing's corner
        article = [s for s in stops if s["article"] and "copybtn" not in s["html"]]
        for before, after in zip(article, article[1:]):
            lower, right = after["top"] - before["top"], after["left"] - before["left"]
            assert lower > 4 or (lower > -30 and right > 0), (before, after)
    assert page.troubles == []


def test_the_skip_link_leads_into_the_text(open_page):
    page = open_page("chapters/gradient-descent.html", reduced_motion="reduce")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.evaluate(TABS)
    page.keyboard.press("Tab")
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Tab")
    stops = page.evaluate("stops")
    assert stops[0]["main"] and stops[0] == stops[-1]


def test_the_menu_of_a_narrow_page_opens_and_closes_by_keyboard(open_page):
    page = open_page("search.html", width=375)
    button = page.locator("button.primary-toggle")
    button.focus()
    page.keyboard.press("Enter")
    menu = page.locator("dialog[open]")
    menu.wait_for()
    page.keyboard.press("Tab")
    assert menu.evaluate("(menu) => menu.contains(document.activeElement)")
    page.keyboard.press("Escape")
    menu.wait_for(state="hidden")
    assert button.evaluate("(button) => button === document.activeElement")
    assert page.troubles == []


def test_who_asks_for_less_motion_gets_none(open_page):
    page = open_page("chapters/momentum.html", reduced_motion="reduce")
    moving = page.evaluate("""() => [...document.querySelectorAll("*")].filter((el) => {
      const style = getComputedStyle(el);
      return style.animationName !== "none" || style.scrollBehavior === "smooth"
        || style.transitionDuration.split(", ").some((time) => parseFloat(time) > 0);
    }).map((el) => el.outerHTML.slice(0, 120))""")
    assert moving == [] and page.evaluate("document.getAnimations().length") == 0


def test_pictures_keep_their_ground_in_high_contrast(open_page):
    """Their lines are drawn for the book's colours, so the reader's may not shine through."""
    page = open_page("chapters/momentum.html", forced_colors="active")
    for picture in page.locator("article .picture img:visible, article canvas").all():
        colours = picture.evaluate("(el) => [getComputedStyle(el).backgroundColor, el.outerHTML]")
        assert colours[0] == "rgb(255, 255, 255)", colours
    link = page.locator("nav.bd-links a").nth(3)
    link.focus()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Tab")
    assert link.evaluate("(el) => getComputedStyle(el).outlineStyle") == "solid"


def test_paper_is_light_and_whole(open_page):
    """A dark page prints light, its labs too; no button, no menu, no code cut off; answers open."""
    page = open_page("chapters/momentum.html", dark=True)
    ink = """() => {
      const canvas = document.querySelector(".lab canvas"), c = canvas.getContext("2d");
      const { data } = c.getImageData(0, 0, canvas.width, canvas.height);
      let sum = 0, all = 0;
      for (let i = 0; i < data.length; i += 4) {
        sum += data[i + 3] * data[i + 1];
        all += data[i + 3];
      }
      return sum / all;
    }"""
    on_screen = page.evaluate(ink)
    page.emulate_media(media="print", color_scheme="dark")
    # Measured before anything else can happen, as a print is made.
    on_paper = page.evaluate(f"(dispatchEvent(new Event('beforeprint')), ({ink})())")
    assert page.evaluate("document.documentElement.dataset.theme") == "light"
    assert on_paper < on_screen - 30, "the labs print light lines"
    shown = "button:visible, .bd-links:visible, input[type=range]:visible, .headerlink:visible"
    assert [el.evaluate("(el) => el.outerHTML") for el in page.locator(shown).all()] == []
    cut = page.evaluate("""() => [...document.querySelectorAll("article pre")].filter((el) =>
      el.checkVisibility() && el.scrollWidth > el.clientWidth + 1).map((el) => el.textContent)""")
    assert cut == []
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
