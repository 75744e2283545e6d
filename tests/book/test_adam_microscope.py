"""The Adam microscope on the built page: drawing, keyboard, touch, missions, links, its numbers."""

import re

import numpy as np
import pytest

from optlib.widgets.adam_microscope import BARS, PRESETS, look, stream_path
from tests.book.hands import linked, pause, setting, spoken, type_into

PAGE = "chapters/adaptive.html"
USUAL = dict(beta1=0.9, beta2=0.999, eps=1e-8)


@pytest.fixture
def micro(open_page):
    """micro(fragment="", **page options) -> (page, the widget's element)."""

    def start(fragment="", **options):
        page = open_page(PAGE + fragment, **options)
        box = page.locator(".micro")
        box.scroll_into_view_if_needed()
        return page, box

    yield start


def status(page, box, about="Longest"):
    return spoken(page, box, about)


def told(said):
    numbers = r"Longest step (\S+) η, at bar (\d+); rms of the steps (\S+) η"
    longest, at, rms = re.search(numbers, said).groups()
    return float(longest), int(at), float(rms)


def in_link(bars):
    return ",".join(str(round(100 * g)) for g in bars)


def drawn(page):
    """The bars that the link holds, in hundredths, once it holds any."""
    for _ in range(20):
        if bars := setting(page, "bars"):
            return [int(g) for g in bars.split(",")]
    raise AssertionError(f"no bars in the link: {page.url}")


@pytest.mark.parametrize("name", ["Adam", "RMSprop", "Adagrad", "RAdam"])
def test_its_numbers_are_those_of_optlib(micro, name):
    bars = [round(float(g), 2) for g in np.random.default_rng(7).uniform(-1, 1, BARS)]
    page, box = micro(f"#rule={name}&bars={in_link(bars)}&before=200&beta2=0.98&bar=9")
    steps = look(name, bars, 200, **{**USUAL, "beta2": 0.98})
    said = status(page, box)
    longest, at, rms = told(said)
    size = np.abs(steps[:, 4])
    step = float(re.search(rf"Bar 9: gradient {bars[8]:g}, step (\S+) η", said)[1])
    assert step == pytest.approx(steps[8, 4], rel=6e-3)
    assert longest == pytest.approx(size.max(), rel=1e-3) and at == size.argmax() + 1
    assert rms == pytest.approx(np.sqrt(np.mean(size**2)), rel=6e-3)
    cells = [float(cell.inner_text()) for cell in box.locator(".micro-facts td").all()]
    assert cells == pytest.approx([bars[8], *steps[8]], rel=6e-3, abs=1e-9)
    assert not page.troubles


def test_without_correction(micro):
    page, box = micro()
    box.get_by_label("Bias correction").uncheck()
    assert told(status(page, box, "without correction"))[:2] == (6.569, 12)
    assert setting(page, "correct") == "false"
    box.get_by_label("RMSprop", exact=True).check()
    assert box.get_by_label("Bias correction").is_hidden()


@pytest.mark.parametrize("stream, beta2", [("online", 0.9999), ("three", 0.5)])
def test_a_stream_ends_where_optlib_ends(micro, stream, beta2):
    page, box = micro(f"#stream={stream}&beta1=0.5&beta2={beta2}")
    said = status(page, box, "after")
    end = float(re.search(r"x = (\S+)\.$", said)[1])
    path = stream_path("Adam", stream, **{**USUAL, "beta1": 0.5, "beta2": beta2})
    assert end == pytest.approx(path[-1], abs=2e-3), said
    assert box.locator(".micro-pad").is_hidden() and box.locator(".micro-facts").is_hidden()
    assert not page.troubles


def test_a_stroke_of_the_mouse_draws_bars_without_gaps(micro):
    page, box = micro()
    pad = box.locator(".micro-pad")
    pad.scroll_into_view_if_needed()
    pause(page, 100)  # the page may still move
    spot = pad.bounding_box()
    y = spot["y"] + spot["height"] / 4
    page.mouse.move(spot["x"] + spot["width"] * 0.3, y)
    page.mouse.down()
    page.mouse.move(spot["x"] + spot["width"] * 0.8, spot["y"] + spot["height"] - 12, steps=2)
    page.mouse.up()
    bars = drawn(page)
    changed = [k for k, g in enumerate(bars) if g != 50]
    assert len(changed) >= 15 and changed == list(range(changed[0], changed[-1] + 1))
    line = [bars[k] for k in changed]
    assert line == sorted(line, reverse=True) and line[0] > 55 and line[-1] < -85
    assert int(setting(page, "bar")) == changed[-1] + 1


def test_every_bar_is_reached_and_changed_by_keyboard(micro):
    page, box = micro()
    bar, height = (box.get_by_label(name, exact=True) for name in ("Bar", "Its gradient"))
    bar.focus()
    for _ in range(4):
        page.keyboard.press("ArrowRight")
    assert bar.get_attribute("aria-valuetext") == "5"
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    assert height.evaluate("(e) => e === document.activeElement")
    for _ in range(3):
        page.keyboard.press("ArrowUp")
    page.keyboard.press("PageDown")
    assert float(height.get_attribute("aria-valuetext")) < 0.53
    page.keyboard.press("End")
    assert in_link([0.5] * 4 + [1] + [0.5] * (BARS - 5)) == setting(page, "bars")
    bar.focus()
    page.keyboard.press("End")
    assert setting(page, "bar") == str(BARS)


def test_touch_draws_on_a_narrow_screen(micro):
    page, box = micro(width=375, has_touch=True)
    pad = box.locator(".micro-pad")
    pad.scroll_into_view_if_needed()
    pause(page, 100)  # the page may still move
    spot = pad.bounding_box()
    assert spot["width"] <= 375
    page.touchscreen.tap(spot["x"] + 0.9 * spot["width"], spot["y"] + spot["height"] - 14)
    bars = drawn(page)
    (k,) = [k for k, g in enumerate(bars) if g != 50]
    assert k > 24 and bars[k] < -80


def test_nonsense_in_a_link_is_named_and_changes_nothing(micro):
    page, box = micro("#rule=SGD&beta2=1&bars=1,2,3&correct=maybe&stream=river&before=40")
    note = box.locator(".lab-note").inner_text()
    for part in ("rule=SGD", "beta2=1 ", "bars=1,2,3", "correct=maybe", "stream=river"):
        assert part in note
    assert box.get_by_label("1 − β₂, typed").input_value() == "0.001"
    assert box.get_by_label("Steps before, typed").input_value() == "40"
    assert box.get_by_label("Bias correction").is_checked()
    assert not page.troubles


def test_nonsense_typed_is_named_and_put_back(micro):
    page, box = micro()
    type_into(box, "Its gradient, typed", "<b>steep</b>")
    assert "<b>steep</b>" in box.locator(".lab-note").inner_text()
    assert box.get_by_label("Its gradient, typed").input_value() == "0.5"
    type_into(box, "1 − β₂, typed", "1/100")
    assert setting(page, "beta2") == "0.99"
    assert box.locator(".lab-note").is_hidden()


def test_a_shared_link_gives_the_same_picture(micro):
    page, box = micro()
    box.get_by_label("AMSGrad", exact=True).check()
    box.get_by_role("button", name="growing").click()
    type_into(box, "Steps before, typed", 700)
    box.get_by_label("Bias correction").uncheck()
    type_into(box, "1 − β₂, typed", 0.00002)
    said = status(page, box, "AMSGrad without")
    again, copy = micro(linked(page))
    assert status(again, copy, "AMSGrad without") == said
    assert copy.get_by_label("1 − β₂, typed").input_value() == "2e-5"


def solved(box):
    return ["Solved" in item.inner_text() for item in box.locator(".lab-missions li").all()]


def test_the_long_steps_are_missions_and_need_what_they_need(micro):
    page, box = micro()
    rest = [False] * 3
    box.get_by_role("button", name="spike").click()
    type_into(box, "Steps before, typed", 5000)
    assert told(status(page, box))[0] == pytest.approx(3.152, abs=1e-3)
    assert solved(box) == [False] * 3 + rest  # a spike is not enough
    type_into(box, "Bar, typed", BARS - 1)
    type_into(box, "Its gradient, typed", 0.5)
    status(page, box)
    assert solved(box) == [True, False, False, *rest]
    type_into(box, "1 − β₂, typed", 1e-5)
    box.get_by_role("button", name="constant").click()
    assert told(status(page, box))[0] > 7
    assert solved(box) == [True, False, False, *rest]  # those are not the usual settings
    type_into(box, "1 − β₂, typed", 0.001)
    status(page, box)
    assert solved(box) == [True, True, False, *rest]
    box.get_by_role("button", name="growing").click()
    status(page, box)
    assert solved(box) == [True, True, False, *rest]
    ramp = [(k + 1) / BARS for k in range(BARS)]
    page, box = micro(f"#before=5000&bars={in_link(ramp)}")
    status(page, box)
    assert solved(box) == [True, True, True, *rest]


def test_noise_is_a_mission(micro):
    page, box = micro()
    box.get_by_role("button", name="noise").click()
    status(page, box)
    assert not solved(box)[3]
    box.get_by_label("the same bars, again and again").check()
    box.get_by_role("button", name="alternating").click()
    type_into(box, "Steps before, typed", 1000)
    assert told(status(page, box))[2] == pytest.approx(0.0526, rel=1e-2)
    assert not solved(box)[3]
    box.get_by_role("button", name="noise").click()
    wanted = look("Adam", PRESETS["noise"], 1000, "repeat", **USUAL)[:, 4]
    assert told(status(page, box))[2] == pytest.approx(np.sqrt(np.mean(wanted**2)), rel=6e-3)
    assert solved(box) == [False] * 3 + [True, False, False]


def test_the_cold_start_is_a_mission(micro):
    page, box = micro()
    type_into(box, "1 − β₂, typed", 0.05)
    box.get_by_label("Bias correction").uncheck()
    status(page, box)
    assert not solved(box)[4]
    type_into(box, "1 − β₂, typed", 0.001)
    status(page, box)
    assert "6.569" in box.locator(".lab-missions li").nth(4).inner_text() and not solved(box)[4]
    type_into(box, "1 − β₂, typed", 0.01)
    status(page, box)
    assert not solved(box)[4]
    type_into(box, "1 − β₂, typed", 0.05)
    status(page, box)
    assert solved(box)[4]


def test_the_cure_is_a_mission(micro):
    page, box = micro("#stream=online&beta2=0.9999")
    status(page, box, "after")
    assert not solved(box)[5]  # first the failure has to be seen
    type_into(box, "1 − β₂, typed", 0.01)
    assert "0.994" in status(page, box, "0.99:")
    type_into(box, "1 − β₂, typed", 0.0005)
    status(page, box, "0.9995")
    assert not solved(box)[5]
    type_into(box, "1 − β₂, typed", 0.0001)
    status(page, box, "0.9999:")
    assert solved(box) == [False] * 5 + [True]
    assert not page.troubles


def test_without_javascript_a_picture_stands_in(open_page):
    page = open_page(PAGE, scripts=False)
    picture = page.locator("[data-model-id=adammicroscope-1] img").first
    assert "32 gradients" in picture.get_attribute("alt")
    assert picture.is_visible()
