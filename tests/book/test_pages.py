"""Every page in Chromium: silent, on its own, accessible, narrow, complete without scripts.

A page is loaded twice: `live`, as on a phone, and `plain`, without scripts. For a wide view of the
live page its window is made wider, which the labs have to bear anyway; whether they are right when
they begin in a wide one, their own tests see. The tests of a page share these and run in the order
of this file: those that change the page come last. What is looked for in the name of access stands
in access.py.
"""

import re
from urllib.parse import unquote, urlsplit

import pytest
import weigh

from tests.book.access import AXE, SPACING, SPOKEN, STANDARD, VIEWS, WHOLE_FRAME, WIDTHS
from tests.conftest import context, forget, new_page, visit

# What touching everything means: each control gets the focus, a key, and a click. Links are left
# out: they lead away, and test_files checks where. Form fields of the search get no text here.
TOUCH = """async () => {
  const pause = () => new Promise((done) => requestAnimationFrame(() => setTimeout(done, 5)));
  const seen = new Set();
  const key = (el, name) => el.dispatchEvent(
    new KeyboardEvent("keydown", {key: name, bubbles: true, cancelable: true}));
  let count = 0, copied = 0;
  for (let round = 0; round < 2; round++) {
    const all = document.querySelectorAll(
      "button, input, select, textarea, summary, [tabindex='0'], [role=button], [role=slider]");
    for (const el of all) {
      if (seen.has(el) || el.disabled || !el.isConnected || !el.checkVisibility()) continue;
      seen.add(el);
      if (el.matches(".copybtn") && copied++ > 1) continue;  // the same on every listing
      count++;
      el.focus({preventScroll: true});  // what comes into view is painted, which takes time
      if (el.matches("input[type=range]")) {
        for (const value of [el.min, el.max, (Number(el.min) + Number(el.max)) / 2]) {
          el.value = value;
          el.dispatchEvent(new Event("input", {bubbles: true}));
          el.dispatchEvent(new Event("change", {bubbles: true}));
          await pause();
        }
      } else if (el.matches("input[type=number], .optlib-widget input[type=text]")) {
        for (const value of ["0", "nonsense", "-1e9", "2.5"]) {
          el.value = value;
          el.dispatchEvent(new Event("input", {bubbles: true}));
          el.dispatchEvent(new Event("change", {bubbles: true}));
        }
      } else if (el.matches("select")) {
        for (const option of el.options) {
          el.value = option.value;
          el.dispatchEvent(new Event("change", {bubbles: true}));
          await pause();
        }
      } else if (!el.matches("input[type=search]")) {
        for (const name of ["ArrowLeft", "ArrowUp", "Home", "End"]) key(el, name);
        el.click();
        document.querySelectorAll("dialog[open]").forEach((dialog) => dialog.close());
      }
      await pause();
    }
  }
  return count;
}"""


def shared(**options):
    """A fixture: the page, loaded once for all tests that look at it, each page in the same tab."""
    tab = []

    def page(browser, url, page_name):
        if not tab or not forget(tab[0]):
            tab[:] = [new_page(browser, context(**options))]
        tab[0].emulate_media(color_scheme="light")
        tab[0].set_viewport_size(context(**options)["viewport"])
        return visit(tab[0], url, page_name)

    return pytest.fixture(scope="module")(page)


live, plain = shared(width=375), shared(scripts=False)


SETTLE = """async () => {
  const frame = () => new Promise((done) => {
    requestAnimationFrame(() => setTimeout(done));
    setTimeout(done, 1000);  // a page that draws no frames must not hold up the whole suite
  });
  const moving = () => document.getAnimations().some((a) => a instanceof CSSTransition);
  await frame();
  await frame();
  for (let n = 0; n < 120 && moving(); n++) await frame();
}"""


def settle(page, width=None, scheme=None):
    """Wait until a new size or new colours are drawn, and no colour is on its way to another."""
    if width and width != page.viewport_size["width"]:
        page.set_viewport_size({"width": width, "height": 900})
    if scheme:
        page.emulate_media(color_scheme=scheme)
    page.evaluate(SETTLE)


def test_silent_and_alone(live):
    """No other host, no failed request, no error."""
    assert live.troubles == []


LISTS = {f"chapters/{name}.html" for name in ("myths", "data", "errata")}  # nothing to play with


def test_nothing_is_loaded_that_was_not_weighed(live, page_name, site):
    """The computed list of files is no wishful thinking: Chromium asks for no other."""
    asked = {unquote(urlsplit(sent).path).lstrip("/") for sent in live.requests}
    weighed = {str(path.relative_to(site)) for path in weigh.files(site, site / page_name)}
    assert page_name in asked and not asked - weighed


def test_every_widget_is_live(live, chapter_page):
    fallbacks = live.locator("div.optlib-widget[data-model-id]")
    assert (fallbacks.count() > 0) == (chapter_page not in LISTS)
    assert live.locator("div.optlib-widget[data-model-id]:not([hidden])").count() == 0


def test_wide_boxes_can_be_reached_by_keyboard(live):
    """A box that scrolls sideways takes the focus; else only a mouse could read its end."""
    settle(live, 375)
    stuck = live.evaluate("""() => [...document.querySelectorAll(".bd-article *")].filter((el) =>
        el.scrollWidth > el.clientWidth + 2
        && ["auto", "scroll"].includes(getComputedStyle(el).overflowX)
        && el.checkVisibility() && el.tabIndex < 0
        && !el.querySelector("a, button, input, [tabindex]")
    ).map((el) => el.outerHTML.slice(0, 200))""")
    assert stuck == []


def test_nothing_is_lost_at_any_width_or_spacing(live, page_name):
    """No sideways scrolling at 200 and 400 % zoom, none and no cut text with wider spacing."""
    for width in WIDTHS:
        settle(live, width)
        scroll = live.evaluate("document.documentElement.scrollWidth")
        assert scroll <= width, f"{page_name} is {scroll} px wide on a screen of {width}"
    settle(live, 375)
    assert live.evaluate(SPACING) == []


def test_axe_finds_nothing(live, axe, page_name):
    live.evaluate(axe)
    told = []
    for (width, scheme), rules in VIEWS.items():
        settle(live, width, scheme)
        assert live.evaluate("document.documentElement.dataset.theme") == scheme
        found = live.evaluate(AXE, [STANDARD, None if page_name in WHOLE_FRAME else rules])
        told += [f"{width} px, {scheme}: {fault}" for fault in found]
    assert not told, f"{page_name}:\n" + "\n".join(told)


def test_names_and_values_are_spoken(live):
    assert live.evaluate(SPOKEN) == []


def test_complete_without_scripts(live, plain, page_name, site):
    """Without JavaScript the page has the same headings, formulas and pictures, and its colours."""
    page_text = (site / page_name).read_text(encoding="utf-8")
    page_text = re.sub(r"<script\b.*?</script>", "", page_text, flags=re.S)
    assert plain.locator("h1:visible").count() == 1
    for what in ("article h2", "article pre"):
        assert plain.locator(what).count() == live.locator(what).count()
    formulas = plain.locator("article math")
    assert formulas.count() == page_text.count("<math")
    seen = plain.locator("article math:visible")  # the first may stand in a closed answer
    assert not formulas.count() or seen.first.bounding_box()["width"] > 5
    background = plain.evaluate("getComputedStyle(document.body).backgroundColor")
    colour = plain.evaluate("getComputedStyle(document.body).color")
    assert background != colour
    assert plain.locator("img.only-dark:visible").count() == 0


def test_chapter_without_scripts(plain, chapter_page):
    """Each widget's place holds text, and the pictures are there, visible and loaded."""
    for widget in plain.locator("div.optlib-widget").all():
        assert len(widget.inner_text().strip()) > 20
        for picture in widget.locator("img").all():
            picture.scroll_into_view_if_needed()
            assert picture.is_visible()
    for picture in plain.locator("article img:visible").all():
        picture.scroll_into_view_if_needed()
        picture.evaluate("(img) => img.decode()")
        assert picture.evaluate("(img) => img.naturalWidth") > 50


def test_no_error_even_after_touching_every_control(live):
    live.troubles.clear()  # those of loading are test_silent_and_alone's
    assert live.evaluate(TOUCH) > 3
    live.wait_for_timeout(300)
    assert live.troubles == []


def test_the_policy_holds(live):
    """An inline script that is not the theme's own does not run, and eval() is refused."""
    ran = live.evaluate("""() => new Promise((done) => {
      const script = document.createElement("script");
      script.textContent = "window.intruder = true";
      document.body.append(script);
      setTimeout(() => {  // not in evaluate() itself, where the policy does not hold
        try { (0, eval)("window.evaluated = true"); } catch { }
        done([window.intruder, window.evaluated]);
      });
    })""")
    assert ran == [None, None]


def test_search_finds(open_page):
    page = open_page("search.html?q=descent")
    page.wait_for_selector("#search-results li a")
    assert page.troubles == []


def test_a_menu_by_keyboard_and_by_mouse(open_page):
    page = open_page("index.html")
    button = page.locator('[data-bs-toggle="dropdown"]').first
    menu = button.locator("xpath=..").locator(".dropdown-menu")
    items = menu.locator("a, button")
    button.press("ArrowDown")
    assert button.get_attribute("aria-expanded") == "true" and menu.is_visible()
    assert items.first.evaluate("e => e === document.activeElement")
    items.first.press("ArrowUp")
    assert items.last.evaluate("e => e === document.activeElement")
    items.last.press("Escape")
    assert button.get_attribute("aria-expanded") == "false" and not menu.is_visible()
    assert button.evaluate("e => e === document.activeElement")
    button.press("Enter")
    assert menu.is_visible()
    page.locator("article h1").click()
    assert not menu.is_visible()


def test_theme_can_be_chosen(open_page):
    """The theme button changes the colours, and the choice lasts over a reload without a flash."""
    page = open_page("index.html")
    theme = "document.documentElement.dataset.theme"
    seen = set()
    for _ in range(3):
        page.locator("button.theme-switch-button").first.click()
        seen.add(page.evaluate(theme))
    assert seen == {"light", "dark"}
    while page.evaluate("document.documentElement.dataset.mode") != "dark":
        page.locator("button.theme-switch-button").first.click()
    page.reload()
    assert page.evaluate(theme) == "dark"
    assert page.troubles == []


def test_a_page_that_is_opened_again_remembers_nothing(browser, url):
    """What open_page promises, which uses the pages of earlier tests again."""
    page = visit(new_page(browser, context()), url, "index.html")
    first = page.evaluate("performance.timeOrigin")
    page.evaluate("document.cookie = 'a=1'; localStorage.a = sessionStorage.a = 1")
    page.locator("button.theme-switch-button").first.click()
    assert forget(page)
    visit(page, url, "index.html")
    assert page.evaluate("performance.timeOrigin") > first
    assert page.evaluate("[document.cookie, localStorage.a, sessionStorage.a]") == ["", None, None]
    assert page.evaluate("document.documentElement.dataset.theme") == "light"
    page.context.close()
