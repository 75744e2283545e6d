"""The shrink race on the built page: its numbers, keyboard, touch, missions and links."""

import re

import numpy as np
import pytest

from optlib.widgets.shrink_race import shrink
from tests.book.hands import setting, spoken, type_into

PAGE = "chapters/regularization.html"
A, B, DECAY, RATE = "Gradients of A, ±", "Gradients of B, ±", "Decay λ", "Learning rate η"


def left(box):
    """What the table says is left: {rule: [A, B]}."""
    rows = box.locator(".shrink-left tbody tr").all()
    return {
        row.locator("th").inner_text(): [
            float(cell) for cell in row.locator("td").all_inner_texts()
        ]
        for row in rows
    }


def test_numbers_keyboard_and_typed_nonsense(open_page):
    page = open_page(PAGE + "#a=3&b=0.2&decay=0.3&lr=0.002&steps=900")
    box = page.locator(".shrink")
    found = left(box)
    for name, label in (("AdamL2", "Adam + L2"), ("AdamW", "AdamW")):
        wanted = shrink(name, [3.0, 0.2], 0.3, 0.002, 900)[-1]
        assert found[label] == pytest.approx(wanted.tolist(), rel=6e-3)
        assert re.search(rf"{re.escape(label)} leaves {found[label][0]}", spoken(page, box))

    slider = box.get_by_label(DECAY, exact=True)
    slider.focus()
    page.keyboard.press("ArrowRight")
    after = float(slider.get_attribute("aria-valuetext"))
    assert 0.3 < after < 0.3 * 10**0.021
    assert float(setting(page, "decay")) == pytest.approx(after)

    before = box.get_by_label(f"{A}, typed").input_value()
    type_into(box, f"{A}, typed", "<b>much</b>")
    assert "<b>much</b>" in box.locator(".lab-note").inner_text()
    assert box.get_by_label(f"{A}, typed").input_value() == before
    type_into(box, f"{A}, typed", "1/4")
    assert box.get_by_label(f"{A}, typed").input_value() == "0.25"
    assert box.locator(".lab-note").is_hidden()

    page.wait_for_timeout(500)
    again = open_page(PAGE + "#" + page.url.split("#")[1])
    assert left(again.locator(".shrink")) == left(box)
    assert not page.troubles and not again.troubles


def test_a_link_of_nonsense_on_a_narrow_touch_screen(open_page):
    page = open_page(PAGE + "#a=loud&decay=7&steps=500", width=375, has_touch=True)
    box = page.locator(".shrink")
    note = box.locator(".lab-note").inner_text()
    assert "a=loud" in note and "decay=7" in note
    assert box.get_by_label("Steps, typed").input_value() == "500"
    slider = box.get_by_label(DECAY, exact=True)
    slider.scroll_into_view_if_needed()
    before = slider.get_attribute("aria-valuetext")
    spot = slider.bounding_box()
    page.touchscreen.tap(spot["x"] + 0.9 * spot["width"], spot["y"] + spot["height"] / 2)
    assert slider.get_attribute("aria-valuetext") != before
    for panel in box.locator(".shrink-panel").all():
        assert panel.bounding_box()["width"] <= 375
    assert not page.troubles


def test_missions_are_solved_and_only_when_they_are(open_page):
    page = open_page(PAGE + "#a=100&b=0.01&decay=0.1&lr=0.001&steps=1000")
    box = page.locator(".shrink")
    silent, agree, half, horizon = box.locator(".lab-missions li").all()

    def at(**settings):
        names = dict(a=A, b=B, decay=DECAY, lr=RATE)
        for key, value in settings.items():
            type_into(box, f"{names[key]}, typed", value)
        page.wait_for_timeout(120)

    for decay in (0.01, 0.1, 1):
        at(a=100, decay=decay)
    assert "Solved" not in silent.inner_text()
    for decay in (0.01, 0.1, 1):
        at(a=1e-5, decay=decay)
    assert "Solved" in silent.inner_text() and "λ = 1: 0.258 left" in silent.inner_text()

    for decay in (0.08, 0.2, 0.5):
        at(a=3, decay=decay)
    assert "Solved" not in agree.inner_text()
    for decay in (0.08, 0.2, 0.5):
        at(a=0.9 if decay == 0.5 else 1, decay=decay)
    assert "Solved" in agree.inner_text(), agree.inner_text()

    at(a=1, b=0.1, decay=0.7)
    assert "Solved" not in half.inner_text()
    at(b=0.01)
    of_b = shrink("AdamL2", [1.0, 0.01], 0.7, 1e-3, 1000)[-1]
    assert 0.45 < of_b[0] < 0.55
    assert "Solved" in half.inner_text()

    for rate in (1e-3, 2e-3, 4e-3):
        at(lr=rate, decay=0.3)
    assert "Solved" not in horizon.inner_text()
    for rate in (1e-3, 2e-3, 4e-3):
        at(lr=rate, decay=np.log(2) / rate / 1000)
    assert "Solved" in horizon.inner_text(), horizon.inner_text()
    assert not page.troubles


def test_without_javascript_a_picture_stands_in(open_page):
    page = open_page(PAGE, scripts=False)
    picture = page.locator("[data-model-id=shrinkrace-1] img").first
    assert "Two weights shrink from 1" in picture.get_attribute("alt")
    assert picture.is_visible()
