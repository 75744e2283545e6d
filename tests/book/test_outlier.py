"""Drag the outlier on the built page: keyboard, touch, missions, links, and its numbers."""

import re

import numpy as np
import pytest

from optlib import losses
from optlib.widgets.outlier import POINTS, TIMES, best_constants
from tests.book.hands import linked, pause, press, setting, spoken, tap, type_into

PAGE = "chapters/loss.html"
DELTA, TAU = "Huber's δ", "Pinball's τ"


@pytest.fixture
def outlier(open_page):
    """outlier(fragment="", **page options) -> (page, the widget's element)."""

    def start(fragment="", **options):
        page = open_page(PAGE + fragment, **options)
        return page, page.locator(".outlier")

    yield start


def status(page, box):
    return spoken(page, box, "=")


def put(page, box, point, value):
    """Move a point as a hand does: a value, and the event of a slider that moves."""
    box.get_by_label(f"Point {point}", exact=True).evaluate(
        "(e, v) => { e.value = v; e.dispatchEvent(new Event('input', { bubbles: true })); }",
        value,
    )
    pause(page)


@pytest.mark.parametrize("delta, last", [(5, 20), (0.7, 12.5), (17, 26)])
def test_its_answers_are_those_of_optlib(outlier, delta, last):
    page, box = outlier(f"#delta={delta}&points=1,2,3,4,{last}")
    said, y = status(page, box), [1, 2, 3, 4, last]
    found = re.search(
        r"Mean ([\d.]+), median ([\d.]+), Huber with δ = [\d.]+: ([\d.]+\d|\d)\.", said
    )
    wanted = [np.mean(y), np.median(y), best_constants(losses.huber, y, delta=delta)[0]]
    assert np.allclose([float(v) for v in found.groups()], wanted, rtol=1e-3), said
    assert not page.troubles


@pytest.mark.parametrize("tau", [0.9, 0.35, 0.02])
def test_the_quantile_is_that_of_optlib(outlier, tau):
    page, box = outlier(f"#tab=quantile&tau={tau}")
    said = status(page, box)
    low, high = best_constants(losses.quantile, TIMES, tau=tau)
    flat = f"from {low:.0f} to {high:.0f} minutes"
    assert (flat if high - low > 0.1 else f"Best is {low:.0f} minutes") in said
    kept = sum(v <= low + 1e-6 for v in TIMES)
    assert f"{kept} of 10 deliveries" in said


def test_a_point_moves_by_keyboard_and_moves_the_link(outlier):
    page, box = outlier()
    point = box.get_by_label("Point 5", exact=True)
    point.focus()
    press(page, "ArrowLeft", 10)
    assert point.get_attribute("aria-valuetext") == "19"
    assert setting(page, "points") == "1,2,3,4,19"
    assert "Mean 5.8" in status(page, box)
    page.keyboard.press("End")
    assert setting(page, "points") == "1,2,3,4,26"


def test_touch_moves_a_point_on_a_narrow_screen(outlier):
    page, box = outlier(width=375, has_touch=True)
    point = box.get_by_label("Point 5", exact=True)
    assert tap(page, point, 0.5)["height"] >= 24
    assert box.locator(".out-stage").bounding_box()["width"] <= 375
    pause(page)
    assert float(point.get_attribute("aria-valuetext")) == pytest.approx(12, abs=1)


BAR = """(canvas, y) => {
  const scale = canvas.width / canvas.clientWidth, c = canvas.getContext("2d");
  const row = c.getImageData(0, Math.round(y * scale), canvas.width, 1).data, green = [];
  for (let x = 0; x < canvas.width; x++) {
    if (row[4 * x + 1] - row[4 * x] > 20 && row[4 * x + 3] > 100) green.push(x / scale);
  }
  return [green[0], green.at(-1)];
}"""


def test_the_dot_stands_where_the_picture_says(outlier):
    """The bar of a point within delta ends under its thumb; the axis is that of the sliders."""
    y = [-2, 26, 3, 4, 12]
    page, box = outlier(f"#points={','.join(map(str, y))}&delta=40")
    stage = box.locator(".out-stage").bounding_box()
    status(page, box)
    for point in (1, 2, 5):
        lane = box.get_by_label(f"Point {point}", exact=True).bounding_box()
        thumb = 13 + (lane["width"] - 26) * (y[point - 1] + 2) / 28
        assert lane["width"] == pytest.approx(stage["width"] - 2, abs=0.6)  # less its border
        middle = lane["y"] - stage["y"] - 1 + lane["height"] / 2
        ends = box.locator(".out-picture").evaluate(BAR, middle)
        assert min(abs(end - thumb) for end in ends) < 2, (point, ends, thumb)
        page.mouse.click(lane["x"] + thumb, lane["y"] + lane["height"] / 2)
        pause(page)
    assert setting(page, "points") in (None, "-2,26,3,4,12")


def test_nonsense_in_a_link_is_named_and_changes_nothing(outlier):
    page, box = outlier("#delta=much&tau=2&points=1,2,3&tab=mean")
    note = box.locator(".lab-note").inner_text()
    for part in ("delta=much", "tau=2", "points=1,2,3", "tab=mean"):
        assert part in note
    assert "Points 1, 2, 3, 4, 20." in status(page, box)
    assert box.get_by_label(f"{DELTA}, typed").input_value() == "10"
    assert not page.troubles


def test_nonsense_typed_is_named_and_put_back(outlier):
    page, box = outlier()
    type_into(box, f"{DELTA}, typed", "<b>big</b>")
    assert "<b>big</b>" in box.locator(".lab-note").inner_text()
    assert box.get_by_label(f"{DELTA}, typed").input_value() == "10"
    type_into(box, f"{DELTA}, typed", "7/2")
    assert box.get_by_label(f"{DELTA}, typed").input_value() == "3.5"
    assert box.locator(".lab-note").is_hidden()


def test_a_shared_link_gives_the_same_picture(outlier):
    page, box = outlier()
    put(page, box, 2, 7.5)
    type_into(box, f"{DELTA}, typed", 2)
    again, copy = outlier(linked(page))
    assert status(again, copy) == status(page, box)
    assert copy.get_by_label("Point 2", exact=True).get_attribute("aria-valuetext") == "7.5"


def test_each_set_of_data_has_its_own_controls_and_the_points_come_back(outlier):
    page, box = outlier()
    assert box.get_by_label(TAU, exact=True).is_hidden()
    put(page, box, 1, 9)
    box.get_by_role("button", name="Points back").click()
    assert "Points 1, 2, 3, 4, 20." in status(page, box)
    box.get_by_label("ten delivery times", exact=True).check()
    assert box.get_by_label(TAU, exact=True).is_visible()
    for gone in (DELTA, "Point 1"):
        assert box.get_by_label(gone, exact=True).is_hidden()
    assert box.get_by_role("button", name="Points back").is_hidden()


def test_missions_are_solved_and_only_when_they_are(outlier):
    page, box = outlier()
    huber, edge, breakdown, late, flat = box.locator(".lab-missions li").all()

    def solved():
        pause(page)
        return ["Solved" in m.inner_text() for m in (huber, edge, breakdown, late, flat)]

    def delta(value):
        type_into(box, f"{DELTA}, typed", value)

    assert solved() == [False] * 5
    put(page, box, 5, 25)
    delta(5)  # the right answer, but the points were moved
    assert "Huber with δ = 5: 3.75" in status(page, box) and not any(solved())
    box.get_by_role("button", name="Points back").click()
    assert solved() == [True, False, False, False, False]
    for value in (13.6, 14.4, 30):
        delta(value)
        assert not solved()[1]
    delta(13.9)
    assert solved()[1] and "δ = 13.9" in edge.inner_text()
    put(page, box, 4, 18)
    assert not solved()[2] and "holds with 1, 2" in breakdown.inner_text()
    put(page, box, 1, 9)  # neither with the others nor far out: does not count
    put(page, box, 3, 21)
    assert not solved()[2]
    put(page, box, 1, 1)
    assert solved()[2] and "gone with 3" in breakdown.inner_text()
    box.get_by_label("ten delivery times", exact=True).check()
    for tau in (0.75, 0.95):
        type_into(box, f"{TAU}, typed", tau)
        assert not solved()[3]
    type_into(box, f"{TAU}, typed", 0.85)
    assert solved()[3]
    for tau in (0.1, 0.45, 0.7):
        type_into(box, f"{TAU}, typed", tau)
    assert not solved()[4] and "τ = 0.1, 0.7" in flat.inner_text()
    type_into(box, f"{TAU}, typed", 0.5)
    assert solved() == [True] * 5
    assert not page.troubles


def test_without_javascript_a_picture_stands_in(open_page):
    page = open_page(PAGE, scripts=False)
    picture = page.locator("[data-model-id=outlier-1] img").first
    assert f"Points at {', '.join(f'{v:g}' for v in POINTS)}" in picture.get_attribute("alt")
    assert picture.is_visible()
