"""The Time tunnel on the built page: numbers, keyboard, touch, links, nonsense, missions."""

import re

import pytest

from optlib.widgets.time_tunnel import through_time
from tests.book.hands import linked, pause, press, setting, spoken, tap, type_into

PAGE = "chapters/architectures.html"
RHO, STEPS, BACK = "Stretch ρ", "Steps T", "Steps back k"


@pytest.fixture
def box(open_page):
    """box(fragment="", **page options) -> (page, the widget's element)."""

    def start(fragment="", **options):
        page = open_page(PAGE + fragment, **options)
        element = page.locator(".time")
        element.scroll_into_view_if_needed()
        return page, element

    yield start


def facts(page, element):
    """The numbers of the table, once they have come to rest."""
    spoken(page, element)
    cells = element.locator(".time-facts td").all_inner_texts()
    return [float(re.sub(r"[×° ]", "", text)) for text in cells]


@pytest.mark.parametrize(
    "fragment, setting, clip",
    [
        ("", dict(rho=0.9, length=20), 1),
        ("#rho=1.5&length=60&cut=12&clip=on&seed=3", dict(rho=1.5, length=60, cut=12, seed=3), 0),
    ],
)
def test_its_numbers_are_those_of_optlib(box, fragment, setting, clip):
    page, element = box(fragment)
    t = through_time(**setting)
    got = facts(page, element)
    gets = t.norm if clip else min(t.norm, 1.0)
    assert got[:4] == pytest.approx([t.ratio, t.factor, t.norm, gets], rel=6e-3)
    assert got[5] == t.right
    assert f"{t.right} of 20 sequences remember" in element.locator(".lab-status").inner_text()
    assert not page.troubles


def test_keyboard_links_and_nonsense(box):
    page, element = box("#rho=9&length=x&cut=0&clip=maybe")
    note = element.locator(".lab-note").inner_text()
    for part in ("rho=9", "length=x", "cut=0", "clip=maybe"):
        assert part in note
    slider = element.get_by_label(RHO, exact=True)
    assert slider.get_attribute("aria-valuetext") == "0.9"
    slider.focus()
    press(page, "ArrowRight", 20)
    assert float(setting(page, "rho")) == pytest.approx(1.0)
    element.get_by_label("on", exact=True).check()
    element.get_by_role("button", name="Other weights").click()
    type_into(element, f"{BACK}, typed", "<b>few</b>")
    assert "<b>few</b>" in element.locator(".lab-note").inner_text()
    again, copy = box(linked(page))
    assert facts(again, copy) == facts(page, element)
    assert copy.get_by_label("on", exact=True).is_checked()
    assert not page.troubles


def test_touch_moves_a_slider_on_a_narrow_screen(box):
    page, element = box(width=375, has_touch=True)
    slider = element.get_by_label(STEPS, exact=True)
    tap(page, slider, 0.8)
    assert 75 < float(slider.get_attribute("aria-valuetext")) < 90
    assert page.evaluate("document.documentElement.scrollWidth") <= 375


def test_missions_are_solved_and_only_when_they_are(box):
    page, element = box()
    law, predict, explosion, vanishing, cut, memory = element.locator(".lab-missions > li").all()

    def at(rho=None, length=None, back=None):
        for label, value in ((RHO, rho), (STEPS, length), (BACK, back)):
            if value is not None:
                type_into(element, f"{label}, typed", value)
        pause(page, 260)  # judged once the reader rests

    def clip(which):
        element.get_by_label(which, exact=True).check()
        pause(page, 260)

    def solved(mission):
        mission.locator(".lab-done", has_text="Solved").wait_for()

    def thousandth(length):
        low, high = 0.5, 1.0
        for _ in range(20):
            middle = (low + high) / 2
            above = through_time(middle, length).ratio > 1e-3
            low, high = (low, middle) if above else (middle, high)
        return round(low, 4)

    at(0.9, 20)
    at(thousandth(20))
    assert "T = 20" in law.inner_text() and "Solved" not in law.inner_text()
    at(thousandth(40), 40)
    solved(law)

    guess, check = predict.get_by_label("ρ predicted"), predict.get_by_role("button")
    guess.fill("soon")
    check.click()
    assert "not a number" in predict.inner_text()
    guess.fill("0.8")
    check.click()
    assert "Not so" in predict.inner_text()
    guess.fill(f"{1e-3 ** (1 / 79):.3f}")
    check.click()
    solved(predict)

    at(0.6, 60)
    clip("on")
    assert "With clipping on" in vanishing.inner_text()
    assert "Solved" not in vanishing.inner_text()
    at(1.0)
    solved(vanishing)
    assert "Solved" not in explosion.inner_text()
    clip("off")
    at(1.2)
    assert "Now clip" in explosion.inner_text()
    clip("on")
    solved(explosion)

    for rho in (0.8, 1.05):
        least = next(k for k in range(1, 60) if through_time(rho, 60, k).cosine >= 0.9)
        at(rho, 60, least + 5)
        assert f"ρ = {rho}" not in cut.locator(".lab-progress").inner_text()
        at(back=least)
    solved(cut)
    assert "Solved" not in memory.inner_text()
    at(1.05, 100)
    solved(memory)
    assert not page.troubles


def test_looking_first_is_no_prediction(box):
    page, element = box("#length=80")
    facts(page, element)
    predict = element.locator(".lab-missions > li").nth(1)
    predict.get_by_label("ρ predicted").fill("0.916")
    predict.get_by_role("button").click()
    assert "a measurement" in predict.inner_text() and "Solved" not in predict.inner_text()


def test_without_javascript_a_picture_stands_in(open_page):
    page = open_page(PAGE, scripts=False)
    picture = page.locator("[data-model-id=timetunnel-1] img").first
    assert "20 steps with rho = 0.9" in picture.get_attribute("alt")
    assert picture.is_visible()
