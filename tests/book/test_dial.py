"""The dial on the built page: hands, keyboard, missions, links, and its numbers."""

import re

import pytest

import optlib
from tests.book.hands import linked, pause, setting, type_into

PAGE = "chapters/learning-rate.html"


@pytest.fixture
def dial(open_page):
    """dial(fragment="", **page options) -> (page, the widget's element)."""

    def start(fragment="", **options):
        page = open_page(PAGE + fragment, **options)
        box = page.locator(".dial")
        box.scroll_into_view_if_needed()
        return page, box

    yield start


def turn(page, box, lr):
    """Set the rate and rest, so that it is judged."""
    type_into(box, "Learning rate η, typed", lr)
    pause(page, 260)


def status(page, box):
    pause(page, 300)
    return box.locator(".lab-status").inner_text()


def test_its_numbers_are_those_of_optlib(dial):
    page, box = dial("#lr=0.15&x=4&y=0.2")
    said = status(page, box)
    end = optlib.run(optlib.GD, optlib.ProductModel(), 2000, lr=0.15).x[-1]
    assert f"ends at sharpness {end @ end:.4g}" in said  # on the hyperbola it is x^2 + y^2
    assert "2/η = 13.3" in said and "16.02" in said and "rises above its start" in said
    for lr, word in (("0.1", "falls at every step"), ("0.26", "The run diverges")):
        turn(page, box, lr)
        assert word in status(page, box)
    assert not page.troubles


def test_slider_by_keyboard_speaks_and_moves_the_link(dial):
    page, box = dial()
    slider = box.get_by_label("Learning rate η", exact=True)
    before = float(slider.get_attribute("aria-valuetext"))
    slider.focus()
    for _ in range(20):
        page.keyboard.press("ArrowRight")
    after = slider.get_attribute("aria-valuetext")
    assert float(after) == pytest.approx(before * 10**0.02, rel=0.003)
    assert float(setting(page, "lr")) == pytest.approx(float(after), rel=1e-3)


def test_the_start_is_dragged_and_moved_by_arrow_keys(dial):
    page, box = dial()
    knob = box.locator(".lab-knob")
    knob.scroll_into_view_if_needed()
    spot = knob.bounding_box()
    x, y = spot["x"] + spot["width"] / 2, spot["y"] + spot["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x - 80, y - 30, steps=6)
    page.mouse.up()
    dragged = float(box.get_by_label("Start, coordinate x").input_value())
    assert dragged < 3.5
    assert float(box.get_by_label("Start, coordinate y").input_value()) > 0.4  # up is more
    knob.focus()
    page.keyboard.press("ArrowLeft")
    pressed = float(box.get_by_label("Start, coordinate x").input_value())
    assert pressed == pytest.approx(dragged - 0.1, abs=0.03)


def test_touch_drags_the_start(dial):
    page, box = dial(width=375, has_touch=True)
    knob = box.locator(".lab-knob")
    knob.scroll_into_view_if_needed()
    assert knob.evaluate("e => getComputedStyle(e).touchAction") == "none"
    before = box.get_by_label("Start, coordinate x").input_value()
    spot = knob.bounding_box()
    x, y = spot["x"] + 18, spot["y"] + 18
    touch = page.context.new_cdp_session(page)
    for kind, points in (
        ("touchStart", [{"x": x, "y": y}]),
        ("touchMove", [{"x": x - 60, "y": y}]),
        ("touchEnd", []),
    ):
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    assert box.get_by_label("Start, coordinate x").input_value() != before


def test_nonsense_in_a_link_is_named_and_changes_nothing(dial):
    page, box = dial("#lr=fast&steps=-3&x=99&y=0.3")
    note = box.locator(".lab-note").inner_text()
    for part in ("lr=fast", "steps=-3", "x=99"):
        assert part in note
    assert box.get_by_label("Learning rate η, typed").input_value() == "0.15"
    assert box.get_by_label("Start, coordinate y").input_value() == "0.3"
    assert not page.troubles


def test_nonsense_typed_is_named_and_put_back(dial):
    page, box = dial()
    type_into(box, "Learning rate η, typed", "<b>much</b>")
    assert "<b>much</b>" in box.locator(".lab-note").inner_text()
    assert box.get_by_label("Learning rate η, typed").input_value() == "0.15"
    type_into(box, "Learning rate η, typed", "1/8")
    assert box.get_by_label("Learning rate η, typed").input_value() == "0.125"
    assert box.locator(".lab-note").is_hidden()


def test_a_link_to_a_section_is_no_setting(dial):
    page, box = dial("#quiz")
    assert box.locator(".lab-note").is_hidden()
    pause(page, 300)
    assert page.url.endswith("#quiz")
    type_into(box, "Steps shown, typed", 50)
    assert setting(page, "steps") == "50" and "quiz" not in page.url


def test_a_shared_link_gives_the_same_picture(dial):
    page, box = dial()
    type_into(box, "Start, coordinate y", "-0.5")
    turn(page, box, "0.18")
    assert setting(page, "y") == "-0.5"
    again, copy = dial(linked(page))
    assert status(again, copy) == status(page, box)
    assert copy.get_by_label("Start, coordinate y").input_value() == "-0.5"


def test_missions_are_solved_and_only_when_they_are(dial):
    page, box = dial("#lr=0.02&x=4&y=0.2")
    descent, catapult, brink, predict = box.locator(".lab-missions > li").all()

    turn(page, box, 0.11)  # falls, but is not the largest
    turn(page, box, 0.13)  # rises
    assert "Solved" not in descent.inner_text()
    turn(page, box, 0.1235)
    assert "Solved" in descent.inner_text() and "16.19" in descent.inner_text()

    for lr in (0.15, 0.152, 0.16):  # the second is too near to the first
        turn(page, box, lr)
    assert "Solved" not in catapult.inner_text() and "0.152" not in catapult.inner_text()
    turn(page, box, 0.2)
    assert "Solved" in catapult.inner_text() and "2.04" in catapult.inner_text()

    turn(page, box, 0.26)
    assert "Solved" not in brink.inner_text()
    turn(page, box, 0.247)
    assert "Solved" in brink.inner_text() and "3.96" in brink.inner_text()

    type_into(box, "It diverges from η =", 0.25)
    assert "First press New start" in predict.inner_text()
    predict.get_by_role("button", name="New start").click()
    type_into(box, "It diverges from η =", 0.3)
    assert "Not so" in predict.inner_text()
    type_into(box, "It diverges from η =", 0.44)  # now it is known
    assert "no prediction" in predict.inner_text() and "Solved" not in predict.inner_text()
    predict.get_by_role("button", name="New start").click()
    said = predict.inner_text()
    turn(page, box, 0.1)
    type_into(box, "It diverges from η =", 0.2)
    assert "no prediction" in predict.inner_text()
    predict.get_by_role("button", name="New start").click()
    said = predict.inner_text()
    sharpness = float(re.search(r"sharpness ([\d.]+)", said)[1].rstrip("."))
    type_into(box, "It diverges from η =", f"{4 / sharpness:.4f}")
    assert "Solved" in predict.inner_text()
    assert not page.troubles


def test_a_start_at_a_minimum_solves_nothing(dial):
    page, box = dial("#lr=0.1&x=1&y=1")
    for lr in (0.05, 0.5, 1.5):
        turn(page, box, lr)
    assert "Solved" not in box.locator(".lab-missions").inner_text()


def test_without_javascript_a_picture_stands_in(open_page):
    page = open_page(PAGE, scripts=False)
    picture = page.locator("[data-model-id=dial-1] img").first
    assert "The limit 2/η is 13.33" in picture.get_attribute("alt")
    assert picture.is_visible()
