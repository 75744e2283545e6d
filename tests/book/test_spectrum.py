"""Reshape the spectrum on the built page: numbers, keyboard, touch, links, missions."""

import re

import numpy as np
import pytest

from optlib.matrix import QUINTIC
from optlib.widgets import ReshapeSpectrum
from tests.book.hands import linked, pause, press, setting, spoken, tap, type_into

PAGE = "chapters/modern.html"
RIVAL = {"a": 2.673, "b": -3.234, "c": 1.561}
LABELS = {"a": "a, the slope at 0", "b": "b, of s³", "c": "c, of s⁵"}


@pytest.fixture
def lab(open_page):
    """lab(fragment="", **page options) -> (page, the widget's element)."""

    def start(fragment="", **options):
        page = open_page(PAGE + fragment, **options)
        return page, page.locator(".spectrum")

    yield start


def status(page, box):
    return spoken(page, box, "Slope at 0")


def test_numbers_keyboard_nonsense_and_links(lab):
    page, box = lab("#a=2&b=-1.5&c=0.5&steps=4&s4=0.01&s1=5&s2=much")
    said = status(page, box)
    twin = ReshapeSpectrum(a=2.0, b=-1.5, c=0.5, steps=4, values=[1.0, 0.3, 0.1, 0.01])
    before = np.array(twin.values) / np.linalg.norm(twin.values)
    wanted = np.column_stack([before, twin.curve(before)]).ravel()
    found = re.findall(r"[\d.e-]*\d", said.split("their norm: ")[1])
    assert np.allclose([float(v) for v in found], wanted, rtol=6e-3), said
    assert "p(1) = 1." in said
    note = box.locator(".lab-note").inner_text()
    assert "s1=5" in note and "s2=much" in note

    slider = box.get_by_label("Steps", exact=True)
    slider.focus()
    press(page, "ArrowRight", 2)
    assert setting(page, "steps") == "6"
    type_into(box, f"{LABELS['b']}, typed", "<b>x</b>")
    assert "<b>x</b>" in box.locator(".lab-note").inner_text()
    box.get_by_role("button", name="Muon's quintic").click()
    assert setting(page, "c") == str(QUINTIC[2]).rstrip("0")
    again, copy = lab(linked(page))
    assert status(again, copy) == status(page, box)
    assert not page.troubles


def test_missions_are_solved_and_only_when_they_are(lab):
    page, box = lab("#a=3.4445&b=-4.775&c=2.0315&steps=5")
    beat, one, slope = box.locator(".lab-missions li").all()
    status(page, box)
    assert "Solved" not in box.locator(".lab-missions").inner_text()

    def at(**settings):
        for key, value in settings.items():
            type_into(box, f"{LABELS.get(key, key)}, typed", value)
        pause(page)

    at(a=2.9, b=-3.82, c=1.8955)
    assert "Solved" in beat.inner_text() and "Solved" not in one.inner_text()
    at(**RIVAL)
    assert "Solved" in one.inner_text() and "Solved" not in slope.inner_text()
    at(**{"Singular value 4": 0.002})
    assert "Solved" in slope.inner_text(), slope.inner_text()
    assert not page.troubles


def test_a_singular_value_is_dragged_and_touch_moves_a_slider_on_a_narrow_screen(lab):
    page, box = lab(width=375, has_touch=True)
    assert box.locator(".spectrum-map").bounding_box()["width"] <= 375
    assert page.evaluate("document.documentElement.scrollWidth") <= 375
    slider = box.get_by_label(LABELS["a"], exact=True)
    before = slider.get_attribute("aria-valuetext")
    tap(page, slider, 0.8)
    assert slider.get_attribute("aria-valuetext") != before
    picture = box.locator(".spectrum-map")
    picture.scroll_into_view_if_needed()
    r = picture.bounding_box()
    width = r["width"] - 52  # within its axes, which span four decades
    smallest = 0.02 / np.linalg.norm([1, 0.3, 0.1, 0.02])
    x = r["x"] + 40 + width * (1 + np.log10(smallest) / 4)
    page.mouse.move(x, r["y"] + r["height"] / 2)
    page.mouse.down()
    page.mouse.move(r["x"] + 40 + width * 0.25, r["y"] + r["height"] / 2, steps=3)
    page.mouse.up()
    wanted = 1e-3 * np.linalg.norm([1, 0.3, 0.1])
    assert float(setting(page, "s4")) == pytest.approx(wanted, rel=0.05)
    assert not page.troubles


def test_without_javascript_a_picture_stands_in(open_page):
    page = open_page(PAGE, scripts=False)
    picture = page.locator("[data-model-id=reshapespectrum-1] img").first
    assert "singular values from 0.0001" in picture.get_attribute("alt")
    assert picture.is_visible()
