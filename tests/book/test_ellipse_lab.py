"""The Ellipse lab on the built page: hands, keyboard, missions, links, and its numbers."""

import re

import pytest

import optlib
from tests.book.hands import linked, pause, setting, spoken, type_into

PAGE = "chapters/gradient-descent.html"


@pytest.fixture
def lab(open_page):
    """lab(fragment="", **page options) -> (page, the lab's element)."""

    def start(fragment="", **options):
        page = open_page(PAGE + fragment, **options)
        return page, page.locator(".lab")

    yield start


def status(page, box):
    return spoken(page, box, "step")


def test_its_numbers_are_those_of_optlib(lab):
    page, box = lab("#problem=Quadratic&lr=0.05&kappa=30&x=8&y=-2&steps=70&rules=GD,Momentum,Adam")
    said = status(page, box)
    for name in ("GD", "Momentum", "Adam"):
        trace = optlib.run(
            optlib.OPTIMIZERS[name], optlib.Quadratic(30), 70, start=[8.0, -2.0], lr=0.05
        )
        number = float(re.search(rf"\b{name} ([\d.e+-]*\d)", said)[1])
        assert number == pytest.approx(trace.f[-1], rel=6e-3), said
    assert not page.troubles


def test_slider_by_keyboard_speaks_and_moves_the_link(lab):
    page, box = lab()
    slider = box.get_by_label("Learning rate η", exact=True)
    before = slider.get_attribute("aria-valuetext")
    slider.focus()
    for _ in range(20):
        page.keyboard.press("ArrowRight")
    after = slider.get_attribute("aria-valuetext")
    assert float(after) == pytest.approx(float(before) * 10**0.1, rel=0.01)
    assert float(setting(page, "lr")) == pytest.approx(float(after), rel=1e-3)


def test_the_start_is_dragged_and_moved_by_arrow_keys(lab):
    page, box = lab()
    knob = box.locator(".lab-knob")
    knob.scroll_into_view_if_needed()
    was = float(box.get_by_label("Start, coordinate x").input_value())
    spot = knob.bounding_box()
    x, y = spot["x"] + spot["width"] / 2, spot["y"] + spot["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x - 100, y + 40, steps=8)
    page.mouse.up()
    dragged = float(box.get_by_label("Start, coordinate x").input_value())
    assert dragged < was - 2
    assert float(box.get_by_label("Start, coordinate y").input_value()) < 1  # down is less
    pause(page)
    spot = knob.bounding_box()  # and the handle lies under the pointer
    assert abs(spot["x"] + spot["width"] / 2 - (x - 100)) < 3
    assert abs(spot["y"] + spot["height"] / 2 - (y + 40)) < 3
    knob.focus()
    page.keyboard.press("ArrowLeft")
    pressed = float(box.get_by_label("Start, coordinate x").input_value())
    assert pressed == pytest.approx(dragged - 0.24, abs=0.07)


def test_touch_drags_the_start(lab):
    page, box = lab(width=375, has_touch=True)
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


def test_nonsense_in_a_link_is_named_and_changes_nothing(lab):
    page, box = lab("#lr=fast&kappa=-3&rules=GD,Adma&problem=Everest&loss=cubic&x=2")
    note = box.locator(".lab-note").inner_text()
    for part in ("lr=fast", "kappa=-3", "rules=GD,Adma", "problem=Everest", "loss=cubic"):
        assert part in note
    assert box.get_by_label("Learning rate η, typed").input_value() == "0.19"
    assert box.get_by_label("Start, coordinate x").input_value() == "2"
    assert not page.troubles


def test_nonsense_typed_is_named_and_put_back(lab):
    page, box = lab()
    type_into(box, "Learning rate η, typed", "<b>much</b>")
    assert "<b>much</b>" in box.locator(".lab-note").inner_text()
    assert box.get_by_label("Learning rate η, typed").input_value() == "0.19"
    type_into(box, "Learning rate η, typed", "1/25")
    assert box.get_by_label("Learning rate η, typed").input_value() == "0.04"
    assert box.locator(".lab-note").is_hidden()


def test_a_link_to_a_section_is_no_setting(lab):
    page, box = lab("#quiz")
    assert box.locator(".lab-note").is_hidden()
    pause(page, 300)
    assert page.url.endswith("#quiz")
    type_into(box, "Steps, typed", 50)
    assert setting(page, "steps") == "50" and "quiz" not in page.url


def test_a_shared_link_gives_the_same_picture(lab):
    page, box = lab()
    box.get_by_label("Landscape").select_option("Saddle")
    type_into(box, "Start, coordinate y", "1e-6")
    fragment = linked(page)
    again, copy = lab(fragment)
    assert status(again, copy) == status(page, box)
    assert copy.get_by_label("Start, coordinate y").input_value() == "1e-6"


def test_play_step_and_reset(lab):
    page, box = lab()
    shown = box.get_by_label("Step shown")
    box.get_by_role("button", name="Reset").click()
    pause(page)
    assert shown.input_value() == "0"
    box.get_by_role("button", name="Step", exact=True).click()
    pause(page)
    assert shown.input_value() == "1"
    box.get_by_role("button", name="Play").click()
    page.wait_for_timeout(700)
    halfway = int(shown.input_value())
    box.get_by_role("button", name="Stop").click()
    assert 1 < halfway < 100


def test_reduced_motion_shows_the_end_at_once(lab):
    page, box = lab(reduced_motion="reduce")
    box.get_by_role("button", name="Reset").click()
    box.get_by_role("button", name="Play").click()
    pause(page)
    assert box.get_by_label("Step shown").input_value() == "100"
    assert box.get_by_role("button", name="Play").is_visible()


def test_missions_are_solved_and_only_when_they_are(lab):
    page, box = lab("#problem=Quadratic&x=1&y=1")
    edge, fewest, saddle = box.locator(".lab-missions li").all()

    def at(kappa, lr):
        type_into(box, "Condition number κ, typed", kappa)
        type_into(box, "Learning rate η, typed", lr)
        pause(page)

    at(10, 0.21), at(30, 0.06), at(100, 0.0199)  # too large, too small, right (not the fewest)
    assert "Solved" not in edge.inner_text()
    at(10, 0.198), at(11, 0.18), at(30, 0.0655)  # 11 is too near to 10 to count
    assert "Solved" in edge.inner_text() and "κ = 11" not in edge.inner_text()

    at(100, 0.01)
    pause(page, 1000)  # it is judged 400 ms after a run
    assert "Solved" not in fewest.inner_text()
    at(100, "2/101")
    fewest.get_by_text("Solved").wait_for()
    assert "691 steps" in fewest.inner_text()  # as the table of the chapter has it

    box.get_by_label("Landscape").select_option("Saddle")
    for y in ("1e-3", "1e-4", "1e-6"):
        type_into(box, "Start, coordinate y", y)
        pause(page)
    assert "38 steps" in saddle.inner_text() and "76 steps" in saddle.inner_text()
    type_into(box, "Steps per decade", 38)
    assert "Not what you measured" in saddle.inner_text()
    type_into(box, "Steps per decade", 12.6)
    assert "Solved" in saddle.inner_text()
    assert not page.troubles


def test_without_javascript_a_picture_stands_in(open_page):
    page = open_page(PAGE, scripts=False)
    picture = page.locator("[data-model-id=ellipselab-1] img").first
    assert "paths of GD from (10, 2)" in picture.get_attribute("alt")
    assert picture.is_visible()


def test_every_rule_of_the_library_can_join_the_race(lab):
    page, box = lab("#problem=Quadratic&lr=0.01&kappa=10&x=10&y=1&steps=60&rules=GD")
    more = box.get_by_label("Add another rule to the race")
    offered = set(more.locator("option").evaluate_all("all => all.map((o) => o.value)")) - {""}
    shown = set(box.locator(".lab-race input").evaluate_all("all => all.map((b) => b.value)"))
    assert shown == set(optlib.OPTIMIZERS) and offered < shown
    assert shown - offered == {"GD", "Momentum", "Nesterov", "Adagrad", "RMSprop", "Adam"}
    lion = box.locator(".lab-race").get_by_label("Lion")
    assert not lion.is_visible()
    more.select_option("Lion")
    assert lion.is_visible() and lion.is_checked()
    assert setting(page, "rules") == "GD,Lion"
    wanted = optlib.run(optlib.Lion, optlib.Quadratic(10), 60, start=[10.0, 1.0], lr=0.01).f[-1]
    number = float(re.search(r"\bLion ([\d.e+-]*\d)", status(page, box))[1])
    assert number == pytest.approx(wanted, rel=6e-3)
    lion.uncheck()
    assert setting(page, "rules") == "GD"
