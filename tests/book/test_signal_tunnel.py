"""The Signal tunnel on the built page: numbers, keyboard, touch, links, nonsense, missions."""

import re

import pytest

from optlib.widgets.signal_tunnel import tunnel
from tests.book.hands import linked, pause, press, setting, tap, type_into

PAGE = "chapters/vanishing-gradients.html"
GAIN, DEPTH, BRANCH = "Gain of the weights", "Hidden layers", "Branch scale s"


@pytest.fixture
def box(open_page):
    """box(fragment="", **page options) -> (page, the widget's element)."""

    def start(fragment="", **options):
        page = open_page(PAGE + fragment, **options)
        element = page.locator(".tunnel")
        element.scroll_into_view_if_needed()
        return page, element

    yield start


def facts(page, element):
    """The numbers of the table, once they have come to rest."""
    before, cells = None, []
    while before != cells or not all(cells):
        before = cells
        pause(page, 100)
        cells = element.locator(".tunnel-facts td").all_inner_texts()
    return [float(re.sub(r"[×% ]", "", text)) for text in cells]


def solved(mission):
    """Wait until the mission is marked; that is judged once the reader rests."""
    mission.locator(".lab-done", has_text="Solved").wait_for()


@pytest.mark.parametrize(
    "fragment, setting",
    [
        ("", dict(activation="sigmoid", depth=20, gain=1.0)),
        (
            "#activation=tanh&depth=50&gain=1.3&seed=3",
            dict(activation="tanh", depth=50, gain=1.3, seed=3),
        ),
        ("#activation=relu&depth=30&gain=1.9", dict(activation="relu", depth=30, gain=1.9)),
        (
            "#activation=relu&depth=50&gain=1.4&skip=on&branch=0.2",
            dict(activation="relu", depth=50, gain=1.4, skip="on", branch=0.2),
        ),
    ],
)
def test_its_numbers_are_those_of_optlib(box, fragment, setting):
    page, element = box(fragment)
    t = tunnel(**setting)
    wanted = [t.forward, t.apart, t.backward, t.factor]
    got = facts(page, element)
    assert got[:4] == pytest.approx(wanted, rel=6e-3)
    assert got[4] == pytest.approx(100 * t.flat, abs=0.51)
    pause(page, 260)
    said = element.locator(".lab-status").inner_text()
    assert f"{setting['depth']} layers" in said
    verb = "vanishes" if t.backward < 0.1 else "explodes" if t.backward > 10 else "is within"
    assert f"The gradient {verb}" in said
    assert not page.troubles


def test_slider_by_keyboard_speaks_and_moves_the_link(box):
    page, element = box("#activation=relu")
    slider = element.get_by_label(GAIN, exact=True)
    before = facts(page, element)
    slider.focus()
    press(page, "ArrowRight", 20)
    after = float(slider.get_attribute("aria-valuetext"))
    assert after == pytest.approx(10**0.1, rel=0.01)
    assert float(setting(page, "gain")) == pytest.approx(after)
    assert facts(page, element)[2] > 5 * before[2]


def test_touch_moves_a_slider_on_a_narrow_screen(box):
    page, element = box(width=375, has_touch=True)
    slider = element.get_by_label(DEPTH, exact=True)
    tap(page, slider, 0.8)
    assert 35 < float(slider.get_attribute("aria-valuetext")) < 45
    for strip in element.locator("canvas").all():
        assert strip.bounding_box()["width"] <= 375
    assert page.evaluate("document.documentElement.scrollWidth") <= 375


def test_nonsense_in_a_link_is_named_and_changes_nothing(box):
    page, element = box("#activation=swish&depth=900&gain=99&skip=maybe&branch=-1&seed=0")
    note = element.locator(".lab-note").inner_text()
    for part in ("activation=swish", "depth=900", "gain=99", "skip=maybe", "branch=-1", "seed=0"):
        assert part in note
    assert element.get_by_label(f"{DEPTH}, typed").input_value() == "20"
    assert element.get_by_label("sigmoid", exact=True).is_checked()
    assert not page.troubles


def test_nonsense_typed_is_named_and_put_back(box):
    page, element = box()
    type_into(element, f"{GAIN}, typed", "<i>big</i>")
    assert "<i>big</i>" in element.locator(".lab-note").inner_text()
    assert element.get_by_label(f"{GAIN}, typed").input_value() == "1"
    type_into(element, f"{GAIN}, typed", "7/5")
    assert element.get_by_label(f"{GAIN}, typed").input_value() == "1.4"
    assert element.locator(".lab-note").is_hidden()


def test_a_shared_link_gives_the_same_picture(box):
    page, element = box()
    element.get_by_label("ReLU", exact=True).check()
    element.get_by_label("around each layer", exact=True).check()
    type_into(element, f"{BRANCH}, typed", 0.3)
    element.get_by_role("button", name="Other weights").click()
    again, copy = box(linked(page))
    assert facts(again, copy) == facts(page, element)
    assert copy.get_by_label(f"{BRANCH}, typed").input_value() == "0.3"
    assert setting(page, "seed") == "12"


def test_the_branch_is_offered_only_with_skip_connections(box):
    page, element = box()
    assert element.get_by_label(BRANCH, exact=True).is_hidden()
    element.get_by_label("around each layer", exact=True).check()
    assert element.get_by_label(BRANCH, exact=True).is_visible()


def test_missions_are_solved_and_only_when_they_are(box):
    page, element = box()
    tanh, relu, sigmoid, skip, predict = element.locator(".lab-missions > li").all()

    def at(depth=None, gain=None, branch=None):
        for label, value in ((DEPTH, depth), (GAIN, gain), (BRANCH, branch)):
            if value is not None:
                type_into(element, f"{label}, typed", value)
        pause(page, 260)  # judged once the reader rests

    at(20, 4), at(gain=6)
    assert "Solved" not in sigmoid.inner_text() and "Up to gain 4" in sigmoid.inner_text()
    at(gain=11)
    solved(sigmoid)
    assert "flat 4" in sigmoid.inner_text()

    element.get_by_label("tanh", exact=True).check()
    at(20, 1.2), at(30, 1.0), at(gain=2)
    assert "Solved" not in tanh.inner_text()
    at(gain=1.2)
    solved(tanh)
    assert "Solved" not in relu.inner_text()

    element.get_by_label("ReLU", exact=True).check()
    at(gain=1.3), at(gain=1.6)
    assert "Solved" not in relu.inner_text()
    at(gain=1.414)
    solved(relu)

    element.get_by_label("around each layer", exact=True).check()
    at(50, 1.414, 0.05), at(branch=0.5)
    assert "Solved" not in skip.inner_text()
    low, high = 0.05, 0.5
    for _ in range(12):
        middle = (low * high) ** 0.5
        grows = tunnel("relu", 50, 1.414, "on", middle).backward > 10
        low, high = (low, middle) if grows else (middle, high)
    at(branch=round(low, 4))
    solved(skip)
    assert "Solved" not in predict.inner_text()
    assert not page.troubles


def test_a_prediction_counts_only_if_nobody_looked(box):
    page, element = box()
    predict = element.locator(".lab-missions > li").nth(4)
    deal, check = (predict.get_by_role("button", name=name) for name in ("New gain", "Check"))
    guess = predict.get_by_label("Ratio predicted")

    def answer(value):
        guess.fill(str(value))
        check.click()
        return predict.inner_text()

    assert "First press New gain" in answer(1)
    deal.click()
    pause(page, 260)
    assert "not a positive number" in answer("soon")
    assert "Not so" in answer(1)
    assert "You have looked" in answer(tunnel("relu", 40, 0.9).backward)
    deal.click()
    pause(page, 260)
    type_into(element, f"{DEPTH}, typed", 40)
    pause(page, 260)
    assert "You have looked" in answer(1)
    assert "Solved" not in predict.inner_text()
    deal.click()
    pause(page, 260)
    shown = facts(page, element)
    t = tunnel("relu", 20, 1.1)
    assert shown[2] == pytest.approx(t.backward, rel=6e-3)
    said = answer(shown[3] ** 39)
    assert "Predicted" in said and "Solved" in said
    assert not page.troubles


def test_without_javascript_a_picture_stands_in(open_page):
    page = open_page(PAGE, scripts=False)
    picture = page.locator("[data-model-id=signaltunnel-1] img").first
    assert "20 sigmoid layers" in picture.get_attribute("alt")
    assert picture.is_visible()
