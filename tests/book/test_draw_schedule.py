"""Draw your own schedule on the built page: hand, keyboard, missions, links, and its numbers."""

import numpy as np
import pytest

from optlib.noisy_bowl import KNOTS, MORE, STEPS, expected_losses, rates
from optlib.widgets.draw_schedule import stored
from tests.book.hands import setting

PAGE = "chapters/schedules.html"
BEST = ",".join(f"{rate:g}" for rate in stored()["best"]["drawing"])


@pytest.fixture
def lab(open_page):
    """lab(fragment="", **page options) -> (page, the lab's element)."""

    def start(fragment="", **options):
        page = open_page(PAGE + fragment, **options)
        return page, page.locator(".sketch")

    yield start


def own(element, column=0):
    """What the table says of the drawing."""
    element.page.wait_for_timeout(250)
    return element.locator(".sketch-own td").nth(column).inner_text()


def test_a_linked_drawing_has_the_losses_of_optlib(lab):
    page, sketch = lab(f"#draw={BEST}&budget=twice")
    drawing = stored()["best"]["drawing"]
    f = expected_losses(rates(drawing + drawing[-1:] * MORE, 2 * STEPS))
    assert float(own(sketch, 0)) == pytest.approx(f[STEPS], rel=6e-3)
    assert float(own(sketch, 1)) == pytest.approx(f[-1], rel=6e-3)
    rows = sketch.locator("tbody tr")
    lines = {r.locator("th").inner_text().split(",")[0]: r.locator("td") for r in rows.all()}
    for name in ("cosine", "linear", "schedule-free"):
        for i, end in enumerate(stored()["rivals"][name]["ends"]):
            assert float(lines[name].nth(i).inner_text()) == pytest.approx(end, rel=6e-3)
    shown = [float(r.locator("td").nth(1).inner_text()) for r in rows.all()]
    assert shown == sorted(shown)
    sketch.locator(".lab-status").filter(has_text="After 4000 steps").wait_for()
    assert not page.troubles


def test_missions_by_buttons_keyboard_and_hand(lab):
    page, sketch = lab()
    drop, cosine, surprise = sketch.locator(".lab-missions li").all()
    assert "Solved" not in sketch.locator(".lab-missions").inner_text()
    for name in ("constant", "linear", "cosine"):
        sketch.get_by_role("button", name=name, exact=True).click()
        wanted = stored()["rivals"][name]["ends"][0]
        assert float(own(sketch)) == pytest.approx(wanted, rel=0.05)  # between knots it is a line
    assert "Solved" not in sketch.locator(".lab-missions").inner_text()

    # by keyboard: the last knot, up
    knob = sketch.get_by_label(f"Learning rate at step {STEPS}", exact=True)
    knob.focus()
    before = float(knob.get_attribute("aria-valuetext"))
    for _ in range(10):
        page.keyboard.press("ArrowUp")
    after = float(knob.get_attribute("aria-valuetext"))
    assert after == pytest.approx(before * 10**0.1, rel=0.02)
    assert setting(page, "draw").split(",")[-1] == f"{after:g}"

    # by hand: one stroke along the top draws a level line at the largest rate, which diverges
    sketch.locator(".sketch-stage").scroll_into_view_if_needed()
    box = sketch.locator(".sketch-pad").bounding_box()
    page.mouse.move(box["x"] + 40, box["y"] + 20)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] - 4, box["y"] + 20, steps=3)
    page.mouse.up()
    assert own(sketch) == "diverged"
    drawn = [float(v) for v in setting(page, "draw").split(",")]
    assert drawn == [4.0] * KNOTS
    sketch.locator(".lab-status").filter(has_text="above 2/L").wait_for()

    def follow(fragment):
        page.evaluate("text => { location.hash = text; }", fragment)
        own(sketch)

    follow("draw=1,1,1,1.4" + ",1" * 9 + ",0.12,0.025,0.005,0.005")
    assert "Level to a factor of 1.4" in drop.inner_text() and "Solved" not in drop.inner_text()
    level = sketch.locator(".sketch-pad").bounding_box()
    left, right = level["x"] + 46, level["x"] + level["width"] - 10
    page.mouse.move(left, level["y"] + 75)  # by a hand that wobbles
    page.mouse.down()
    for x, y in ((0.3, 78), (0.75, 76), (0.85, 140), (0.99, 190)):
        page.mouse.move(left + x * (right - left), level["y"] + y, steps=4)
    page.mouse.up()
    own(sketch)
    assert "Solved" in drop.inner_text() and "Solved" not in cosine.inner_text()
    # at twice the limit at first, and lower at the end on paper: no run survives it
    follow("draw=4,4,3.2,2.3,1.6,1.2,0.8," + ",".join(BEST.split(",")[7:]))
    assert own(sketch) == "diverged" and "Solved" not in cosine.inner_text()
    follow(f"draw={BEST}")
    assert "Solved" in cosine.inner_text() and "Solved" not in surprise.inner_text()
    sketch.get_by_label("and then 2000 more").check()
    own(sketch)
    assert "Now: " in surprise.inner_text() and "Solved" not in surprise.inner_text()
    assert sketch.get_by_label("Learning rate at step 1000", exact=True).is_disabled()
    assert sketch.get_by_role("button", name="linear", exact=True).is_disabled()
    page.mouse.click(box["x"] + 80, box["y"] + 60)  # the first half is over
    assert "are over" in sketch.locator(".lab-note").inner_text()
    assert setting(page, "draw") == BEST
    follow(f"draw={BEST},0.1,0.06,0.03,0.02,0.01,0.006,0.003,0.002&budget=twice")
    assert "Solved" in surprise.inner_text()
    assert not page.troubles


def test_nonsense_is_named_and_changes_nothing(lab):
    page, sketch = lab("#draw=1,2,3&budget=thrice")
    note = sketch.locator(".lab-note").inner_text()
    assert "draw=1,2,3" in note and "budget=thrice" in note
    assert float(own(sketch)) == pytest.approx(stored()["rivals"]["constant"]["ends"][0], rel=6e-3)
    page, sketch = lab("#draw=" + ",".join(["<b>"] * KNOTS), width=375)
    assert "<b>" in sketch.locator(".lab-note").inner_text()
    wide = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert wide[0] <= wide[1]
    box = sketch.locator(".sketch-pad").bounding_box()
    assert box["width"] > 250
    assert np.isfinite(float(own(sketch)))
    assert not page.troubles


def test_without_javascript_a_picture_stands_in(open_page):
    page = open_page(PAGE, scripts=False)
    picture = page.locator("[data-model-id=drawschedule-1] img").first
    assert "noisy bowl" in picture.get_attribute("alt")
    assert picture.is_visible()
