"""The root locus on the built page: keyboard, touch, missions, links, and its numbers."""

import re

import numpy as np
import pytest

import optlib
from optlib.widgets.root_locus import RULES, roots
from tests.book.hands import linked, pause, press, setting, spoken, tap, type_into

PAGE = "chapters/momentum.html"
ETAH, BETA = "Rate times curvature, ηh", "Momentum β"


@pytest.fixture
def locus(open_page):
    """locus(fragment="", **page options) -> (page, the widget's element)."""

    def start(fragment="", **options):
        page = open_page(PAGE + fragment, **options)
        return page, page.locator(".locus")

    yield start


def status(page, box):
    return spoken(page, box, "Roots")


@pytest.mark.parametrize("name, etah, beta", [("Momentum", 0.1, 0.3), ("Nesterov", 1.2, 0.8)])
def test_its_numbers_are_those_of_optlib(locus, name, etah, beta):
    page, box = locus(f"#rule={name}&etah={etah}&beta={beta}&steps=70")
    said = status(page, box)
    size = float(re.search(r"Larger size ([\d.]+\d)", said)[1])
    assert size == pytest.approx(np.abs(roots(RULES[name], etah, beta)).max(), rel=1e-3), said
    path = optlib.run(RULES[name], optlib.Quadratic(1.0), 70, [1.0, 0.0], lr=etah, beta=beta)
    end = float(re.search(r"x = ([-\d.e+]*\d)", said)[1])
    assert end == pytest.approx(path.x[-1, 0], rel=6e-3), said
    assert not page.troubles


def test_slider_by_keyboard_speaks_and_moves_the_link(locus):
    page, box = locus()
    slider = box.get_by_label(BETA, exact=True)
    before = float(slider.get_attribute("aria-valuetext"))
    slider.focus()
    press(page, "ArrowRight", 20)
    after = float(slider.get_attribute("aria-valuetext"))
    assert after == pytest.approx(before + 0.02, abs=1e-6)
    assert float(setting(page, "beta")) == pytest.approx(after)


def test_touch_moves_a_slider_on_a_narrow_screen(locus):
    page, box = locus(width=375, has_touch=True)
    slider = box.get_by_label(BETA, exact=True)
    before = slider.get_attribute("aria-valuetext")
    tap(page, slider, 0.8)
    assert slider.get_attribute("aria-valuetext") != before
    assert box.locator(".locus-disc").bounding_box()["width"] <= 375


def test_nonsense_in_a_link_is_named_and_changes_nothing(locus):
    page, box = locus("#etah=fast&beta=2&rule=Adam&axis=cubic&steps=50")
    note = box.locator(".lab-note").inner_text()
    for part in ("etah=fast", "beta=2", "rule=Adam", "axis=cubic"):
        assert part in note
    assert box.get_by_label(f"{ETAH}, typed").input_value() == "0.1"
    assert box.get_by_label("Steps, typed").input_value() == "50"
    assert not page.troubles


def test_nonsense_typed_is_named_and_put_back(locus):
    page, box = locus()
    before = box.get_by_label(f"{BETA}, typed").input_value()
    type_into(box, f"{BETA}, typed", "<b>much</b>")
    assert "<b>much</b>" in box.locator(".lab-note").inner_text()
    assert box.get_by_label(f"{BETA}, typed").input_value() == before
    type_into(box, f"{BETA}, typed", "4/9")
    assert box.get_by_label(f"{BETA}, typed").input_value() == "0.4444"
    assert box.locator(".lab-note").is_hidden()


def test_a_shared_link_gives_the_same_picture(locus):
    page, box = locus()
    box.get_by_label("Nesterov", exact=True).check()
    type_into(box, f"{ETAH}, typed", 0.7)
    box.get_by_label("log", exact=True).check()
    again, copy = locus(linked(page))
    assert status(again, copy) == status(page, box)
    assert copy.get_by_label("log", exact=True).is_checked()


def test_missions_are_solved_and_only_when_they_are(locus):
    page, box = locus("#rule=Momentum&beta=0&etah=0.1")
    fastest, heavy, nesterov = box.locator(".lab-missions li").all()

    def at(etah, beta):
        type_into(box, f"{ETAH}, typed", etah)
        type_into(box, f"{BETA}, typed", beta)
        pause(page)

    for etah in (0.04, 0.1, 0.25):
        at(etah, 0.2), at(etah, 0.9)
    assert "Solved" not in fastest.inner_text()
    for etah in (0.04, 0.1, 0.25):
        at(etah, (1 - etah**0.5) ** 2)
    assert "Solved" in fastest.inner_text()
    at(2.9, 0.5), at(3.1, 0.5), at(2.98, 0.5), at(2.1, 0.05), at(2.39, 0.2)
    assert "Solved" in heavy.inner_text() and "β = 0.5: ηh = 2.98" in heavy.inner_text()
    assert "Solved" not in nesterov.inner_text()
    box.get_by_label("Nesterov", exact=True).check()
    for beta in (0.3, 0.6, 0.9):
        at(2.1 * (1 + beta) / (1 + 2 * beta), beta)
    assert "Solved" not in nesterov.inner_text()
    for beta in (0.3, 0.6, 0.9):
        at(1.99 * (1 + beta) / (1 + 2 * beta), beta)
    assert "Solved" in nesterov.inner_text()
    assert not page.troubles


def test_without_javascript_a_picture_stands_in(open_page):
    page = open_page(PAGE, scripts=False)
    picture = page.locator("[data-model-id=rootlocus-1] img").first
    assert "unit disc with the two roots" in picture.get_attribute("alt")
    assert picture.is_visible()
