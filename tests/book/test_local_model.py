"""The local model on the built page: its numbers, keyboard, touch, missions and links."""

import re

import numpy as np
import pytest

import optlib
from optlib.second_order import trust_region_step
from tests.book.hands import setting, spoken, type_into

PAGE = "chapters/second-order.html"
X, Y = "Point, coordinate x", "Point, coordinate y"


@pytest.fixture
def local(open_page):
    """local(fragment="", **page options) -> (page, the widget's element)."""

    def start(fragment="", **options):
        page = open_page(PAGE + fragment, **options)
        return page, page.locator(".local")

    yield start


def test_its_numbers_are_those_of_optlib_and_links_set_them(local):
    page, box = local("#problem=Rosenbrock&x=-1.2&y=1&lr=0.001&radius=0.5&steps=9")
    said, f, at = spoken(page, box), optlib.Rosenbrock(), np.array([-1.2, 1.0])
    g, H = f.gradient(at), f.hessian(at)
    p = trust_region_step(g, H, 0.5)
    kept = (f.value(at) - f.value(at + p)) / -(g @ p + p @ H @ p / 2)
    low, high = np.linalg.eigvalsh(H)
    for words in (
        f"loss {f.value(at):.3g}",
        f"curvatures {low:.3g} and {1510}",
        f"Gradient step: falls to {f.value(at - 0.001 * g):.3g}",
        f"Newton step: falls to {optlib.minimize(optlib.Newton, f, 1).f[-1]:.3g}",
        f"Trust-region step: falls to {f.value(at + p):.3g}, {kept:.2g} of",
    ):
        assert words in said, (words, said)
    assert round(high, -1) == 1510
    box.get_by_role("button", name="Newton", exact=True).click()
    box.get_by_role("button", name="Newton", exact=True).click()
    said = spoken(page, box)
    assert "loss 1410" in said and "outside the picture" in said
    box.get_by_role("button", name="Back", exact=True).click()
    assert "loss 4.73" in spoken(page, box)
    assert float(setting(page, "x")) == pytest.approx(-1.1752809, abs=1e-5)
    again, copy = local("#" + page.url.split("#")[1])
    assert "loss 4.73" in spoken(again, copy)
    assert not page.troubles and not again.troubles


def test_nonsense_is_named_and_changes_nothing(local):
    page, box = local("#problem=Beale&x=2000&lr=fast&radius=0.5")
    note = box.locator(".lab-note").inner_text()
    for part in ("problem=Beale", "x=2000", "lr=fast"):
        assert part in note
    assert box.get_by_label("Radius Δ, typed").input_value() == "0.5"
    type_into(box, "Radius Δ, typed", "<b>wide</b>")
    assert "<b>wide</b>" in box.locator(".lab-note").inner_text()
    assert box.get_by_label("Radius Δ, typed").input_value() == "0.5"
    box.get_by_label("Landscape").select_option("Rosenbrock")
    type_into(box, X, 0), type_into(box, Y, "1/200")  # there the Hessian is singular
    box.get_by_role("button", name="Newton", exact=True).click()
    assert "singular" in box.locator(".lab-note").inner_text()
    assert "Newton step: does not exist" in spoken(page, box)
    assert not page.troubles


def test_missions_are_solved_and_only_when_they_are(local):
    page, box = local()
    climb, lure, digits, leash = box.locator(".lab-missions li").all()
    newton = box.get_by_role("button", name="Newton", exact=True)

    def at(x, y):
        type_into(box, X, x), type_into(box, Y, y)
        page.wait_for_timeout(150)

    at(1, 1)
    assert "one negative" in climb.inner_text() and "Solved" not in climb.inner_text()
    radius = re.compile(r"Solved")
    for value in (0.3, 2, 5):
        type_into(box, "Radius Δ, typed", value)
    assert not radius.search(leash.inner_text())
    f, here = optlib.Himmelblau(), np.array([1.0, 1.0])
    g, H = f.gradient(here), f.hessian(here)

    def kept(r):
        p = trust_region_step(g, H, r)
        return (f.value(here) - f.value(here + p)) / -(g @ p + p @ H @ p / 2)

    grid = np.geomspace(0.3, 8, 400)
    largest = grid[np.argmax([kept(r) < 0.25 for r in grid]) - 1]
    type_into(box, "Radius Δ, typed", round(float(largest) * 0.985, 4))
    page.wait_for_timeout(150)
    assert "Solved" in leash.inner_text()
    at(0, 0)
    for _ in range(7):
        newton.click()
        page.wait_for_timeout(80)
    assert "Solved" in lure.inner_text() and "Solved" not in digits.inner_text()
    at(3.5, 2.5)
    for _ in range(8):
        newton.click()
        page.wait_for_timeout(80)
    assert "Solved" in digits.inner_text()
    box.get_by_label("Landscape").select_option("Rosenbrock")
    at(-1.1752809, 1.38067416)
    assert "both positive" in climb.inner_text() and "Solved" in climb.inner_text()
    assert not page.troubles


def test_keyboard_and_touch_on_a_narrow_screen(local):
    page, box = local(width=375, has_touch=True)
    slider = box.get_by_label("Radius Δ", exact=True)
    slider.scroll_into_view_if_needed()
    before = slider.get_attribute("aria-valuetext")
    spot = slider.bounding_box()
    page.touchscreen.tap(spot["x"] + 0.9 * spot["width"], spot["y"] + spot["height"] / 2)
    assert slider.get_attribute("aria-valuetext") != before
    knob = box.get_by_role("button", name="Point: drag, or use the arrow keys")
    knob.focus()
    x = float(box.get_by_label(X, exact=True).input_value())
    page.keyboard.press("ArrowRight")
    assert float(box.get_by_label(X, exact=True).input_value()) == pytest.approx(x + 0.1)
    assert box.locator(".lab-map").bounding_box()["width"] <= 375
    assert page.evaluate("document.documentElement.scrollWidth") <= 375
    assert not page.troubles


def test_the_knob_follows_the_mouse_and_stays_in_the_picture(local):
    page, box = local("#problem=Himmelblau&x=1&y=1&lr=0.01&radius=1")
    knob, picture = box.locator(".lab-knob"), box.locator(".lab-map")
    picture.scroll_into_view_if_needed()
    spoken(page, box)
    frame, (left, right) = picture.bounding_box(), optlib.Himmelblau().window[0]
    spot = knob.bounding_box()
    page.mouse.move(spot["x"] + spot["width"] / 2, spot["y"] + spot["height"] / 2)
    page.mouse.down()
    for part in (0.4, 0.3, 0.25):
        page.mouse.move(frame["x"] + part * frame["width"], frame["y"] + 0.5 * frame["height"])
    width = max(right - left, (right - left) / 0.8)  # what the picture shows is 5 by 4
    wanted = (left + right) / 2 - 0.25 * width
    assert float(box.get_by_label(X, exact=True).input_value()) == pytest.approx(wanted, abs=0.06)
    assert abs(float(box.get_by_label(Y, exact=True).input_value())) < 0.06
    page.mouse.move(frame["x"] - 400, frame["y"] + 0.5 * frame["height"])
    assert float(box.get_by_label(X, exact=True).input_value()) == left
    page.mouse.up()
    page.mouse.move(frame["x"] + 0.5 * frame["width"], frame["y"] + 0.5 * frame["height"])
    assert float(box.get_by_label(X, exact=True).input_value()) == left
    assert f"At ({left:g}, 0)" in spoken(page, box)
    assert not page.troubles


def test_without_javascript_a_picture_stands_in(open_page):
    page = open_page(PAGE, scripts=False)
    picture = page.locator("[data-model-id=localmodel-1] img").first
    assert "quadratic model" in picture.get_attribute("alt") and picture.is_visible()
