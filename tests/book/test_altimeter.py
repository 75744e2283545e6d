"""The altimeter on the built page: walks, the purse, keyboard, touch, links and missions."""

import re

import pytest

from optlib.widgets.altimeter import TOOLS, walk
from tests.book.hands import linked, pause, setting, type_into

PAGE = "chapters/optimizer.html"
N, BUDGET, SPOT, WAY = "Directions n", "Budget, units", "Spot along it", "Direction to look along"
GO, LOOK = "Walk from the start", "Measure the height there, 1 unit"


@pytest.fixture
def alti(open_page):
    """alti(fragment="", **page options) -> (page, the widget's element)."""

    def start(fragment="", **options):
        page = open_page(PAGE + fragment, **options)
        return page, page.locator(".alti")

    yield start


def purse(box):
    """(height, units spent, budget), as the line below the pictures says."""
    said = box.locator(".alti-purse").inner_text()
    return tuple(
        float(v) for v in re.search(r"Height ([\d.e-]+) .*; (\d+) of (\d+)", said).groups()
    )


def settle(page, box):
    """Wait until the purse no longer changes."""
    before = None
    while before != purse(box):
        before = purse(box)
        pause(page, 100)
    return before


def says(box, words):
    """Wait until the widget says that; it speaks once the reader pauses."""
    box.locator(".lab-status").filter(has_text=words).wait_for()


def go(page, box, n, tool):
    type_into(box, f"{N}, typed", n)
    box.get_by_label(TOOLS[tool], exact=True).check()
    box.get_by_role("button", name=GO).click()
    return settle(page, box)


def hand(page, box, spot, way=1):
    type_into(box, WAY, way)
    type_into(box, f"{SPOT}, typed", spot)
    box.get_by_role("button", name=LOOK).click()
    pause(page)
    return purse(box)


@pytest.mark.parametrize("tool, n", [("one", 1), ("one", 7), ("level", 7), ("level", 1000)])
def test_its_walks_are_those_of_optlib(alti, tool, n):
    page, box = alti("#valley=5&budget=2000")
    height, spent, _ = go(page, box, n, tool)
    ours = walk(tool, n, 5)
    assert spent == ours.units and height == pytest.approx(ours.heights[-1], rel=6e-3)
    says(box, f"In the valley, after {ours.units} units")
    assert not page.troubles


def test_step_by_step_the_height_falls_as_in_optlib(alti):
    page, box = alti("#n=3&tool=level")
    step = box.get_by_role("button", name="One step")
    for t, wanted in enumerate(walk("level", 3).heights[1:], start=1):
        step.click()
        pause(page)
        assert purse(box)[:2] == (pytest.approx(wanted, rel=6e-3), 3 * t)


def test_a_random_walk_costs_about_twelve_units_a_direction(alti):
    page, box = alti("#budget=100000")
    _, spent, _ = go(page, box, 200, "random")
    assert 10 * 202 < spent < 15 * 202 and spent % 2 == 0


def test_a_measurement_costs_one_and_moves_her_only_downwards(alti):
    page, box = alti("#n=2")
    height, spent, _ = hand(page, box, -0.9)
    first = (height, spent)
    height, spent, _ = hand(page, box, 0.9)
    second = (height, spent)
    assert first[1] == 1 and second[1] == 2
    assert second[0] <= first[0] <= 100 and second[0] < 100  # one of the sides is lower


def test_the_budget_is_never_overdrawn(alti):
    page, box = alti("#n=100&budget=250&tool=one")
    box.get_by_role("button", name=GO).click()
    height, spent, budget = settle(page, box)
    assert (spent, budget) == (202, 250) and height > 1
    says(box, "costs 101, and 48 of 250 units are left")
    page, box = alti("#n=1000&budget=1000&tool=one")
    box.get_by_role("button", name=GO).click()
    assert settle(page, box)[:2] == (100, 0)


def test_keyboard_alone_walks_to_the_valley(alti):
    page, box = alti("#n=2")
    slider = box.get_by_label(N, exact=True)
    slider.focus()
    for _ in range(50):
        page.keyboard.press("ArrowRight")
    n = int(slider.get_attribute("aria-valuetext"))
    assert n > 2 and float(setting(page, "n")) == n
    box.get_by_label(TOOLS["one"], exact=True).focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    assert box.get_by_label(TOOLS["level"], exact=True).is_checked()
    box.get_by_role("button", name=GO).focus()
    page.keyboard.press("Enter")
    assert settle(page, box)[1] == 15
    assert page.evaluate("document.activeElement.textContent") == GO


def test_touch_on_a_narrow_screen(alti):
    page, box = alti("#n=2", width=375, has_touch=True)
    slider = box.get_by_label(SPOT, exact=True)
    slider.scroll_into_view_if_needed()
    spot = slider.bounding_box()
    page.touchscreen.tap(spot["x"] + 0.8 * spot["width"], spot["y"] + spot["height"] / 2)
    assert float(slider.get_attribute("aria-valuetext")) > 0.4
    box.get_by_role("button", name=LOOK).tap()
    pause(page)
    assert purse(box)[1] == 1
    assert page.evaluate("document.documentElement.scrollWidth") <= 375


def test_nonsense_in_a_link_is_named_and_changes_nothing(alti):
    page, box = alti("#n=0&budget=rich&tool=map&valley=7")
    note = box.locator(".lab-note").inner_text()
    for part in ("n=0", "budget=rich", "tool=map"):
        assert part in note
    assert "valley" not in note
    assert box.get_by_label(f"{N}, typed").input_value() == "1"
    assert box.get_by_label(f"{BUDGET}, typed").input_value() == "1000"
    assert not page.troubles


@pytest.mark.parametrize(
    "label, wrong",
    [(f"{N}, typed", "5000"), (f"{SPOT}, typed", "<b>x</b>"), (WAY, "3"), (WAY, "1.5")],
)
def test_nonsense_typed_is_named_and_put_back(alti, label, wrong):
    page, box = alti("#n=2")
    before = box.get_by_label(label, exact=True).input_value()
    type_into(box, label, wrong)
    assert wrong in box.locator(".lab-note").inner_text()
    assert box.get_by_label(label, exact=True).input_value() == before
    type_into(box, label, "1")
    assert box.locator(".lab-note").is_hidden()


def test_a_shared_link_gives_the_same_walk(alti):
    page, box = alti()
    go(page, box, 13, "one")
    box.get_by_role("button", name="Another valley").click()
    pause(page)
    assert purse(box)[:2] == (100, 0)  # another valley, another search
    again, copy = alti(linked(page))
    box.get_by_role("button", name=GO).click()
    copy.get_by_role("button", name=GO).click()
    assert settle(page, box) == settle(again, copy)
    assert setting(again, "valley") == "2"


def test_the_first_mission_wants_a_hand_in_one_direction(alti):
    page, box = alti("#n=1&valley=1")
    first = box.locator(".lab-missions li").nth(0)
    for n in (1, 2, 10):
        go(page, box, n, "one")
    assert "Solved" not in first.inner_text()
    type_into(box, f"{N}, typed", 1)
    for spot in (0.5, -0.5, -0.7, -0.9, -0.6, -0.65, -0.55, -0.8, 0.6, 0.7, 0.8, 0.9):
        if hand(page, box, spot)[0] <= 1:
            break
    assert "Solved" in first.inner_text()
    assert not page.troubles


def test_the_border_is_found_by_walks_on_both_sides(alti):
    page, box = alti()
    border = box.locator(".lab-missions li").nth(1)
    for n, tool in ((10, "one"), (10, "level"), (3, "one"), (3, "level"), (2, "level")):
        go(page, box, n, tool)
        assert "Solved" not in border.inner_text(), (n, tool)
    go(page, box, 2, "one")
    assert "Solved" in border.inner_text() and "n = 3: 20 against 15" in border.inner_text()


def test_the_law_wants_three_sizes_far_apart_for_each_tool(alti):
    page, box = alti("#budget=5000")
    law = box.locator(".lab-missions li").nth(2)
    for tool in ("one", "level"):
        for n in (2, 10, 50):
            go(page, box, n, tool)
    for n in (2, 10, 40):
        go(page, box, n, "random")
    assert "Solved" not in law.inner_text()
    go(page, box, 50, "random")
    assert "Solved" in law.inner_text()


def test_the_prediction_counts_at_the_first_walk_only(alti):
    page, box = alti()
    budget = box.locator(".lab-missions li").nth(3)

    def attempt(n, units):
        type_into(box, f"{BUDGET}, typed", units)
        go(page, box, n, "one")
        return "Solved" in budget.inner_text()

    assert not attempt(120, 2000)  # too rich
    assert not attempt(120, 605)  # right, but its bill was known
    assert not attempt(150, 700)  # too poor: the first try is spent
    assert not attempt(150, 755)
    assert not attempt(90, 455)  # not above 100
    type_into(box, f"{N}, typed", 160)  # stepwise first, so that the bill is known
    type_into(box, f"{BUDGET}, typed", 2000)
    for _ in range(5):
        box.get_by_role("button", name="One step").click()
        settle(page, box)
    assert not attempt(160, 805)
    assert attempt(200, 1100)  # 1005 of 1100


def test_a_long_walk_holds_no_frame_up_and_a_new_setting_ends_it(alti):
    page, box = alti("#n=1000&budget=100000&tool=random")
    box.get_by_role("button", name=GO).click()
    page.wait_for_timeout(300)
    frames = page.evaluate("document.querySelector('.alti').frames")
    assert len(frames) > 3, "a long walk is cut into frames"  # how long each takes: benchmarks
    type_into(box, f"{N}, typed", 3)
    assert settle(page, box)[:2] == (100, 0)
    assert not page.troubles


def test_without_javascript_a_picture_stands_in(open_page):
    page = open_page(PAGE, scripts=False)
    picture = page.locator("[data-model-id=altimeter-1] img").first
    assert "5005 with 1000" in picture.get_attribute("alt")
    assert picture.is_visible()
