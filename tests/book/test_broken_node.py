"""Find the broken node on the built page: by hand, by checks, keyboard, touch, links."""

import re

import pytest

from optlib.widgets.broken_node import GRAPHS
from tests.book.hands import linked, pause, setting, type_into

PAGE = "chapters/autodiff.html"


@pytest.fixture
def broken(open_page):
    """broken(fragment="", **page options) -> (page, the widget's element)."""

    def start(fragment="", **options):
        page = open_page(PAGE + fragment, **options)
        box = page.locator(".broken")
        box.scroll_into_view_if_needed()
        pause(page)
        return page, box

    yield start


def choose(page, box, i):
    box.locator(".broken-node").nth(i).click()
    pause(page)


def status(page, box):
    pause(page, 400)  # it is told 250 ms after the last change
    return box.locator(".lab-status").text_content()


def answer(page, box, label, text):
    """Type a number, and what the widget says to it."""
    type_into(box, label, text)
    pause(page)
    return box.locator(".broken-ask", has_text=label).locator(".broken-reply").inner_text()


def solved(item):
    return "Solved" in item.locator(".lab-done").inner_text()


def fill_in(page, box, name, skip=()):
    """Every slope and gradient of a graph, as Python has them."""
    g = GRAPHS[name]
    gradients = g.gradients()
    for i in reversed(range(len(g.names))):
        choose(page, box, i)
        fields = box.locator(".broken-panel input")
        wanted = [*g.slopes[i], *([gradients[i]] if i < len(g.names) - 1 else [])]
        assert fields.count() == len(wanted)
        for k, number in enumerate(wanted):
            if (i, k) not in skip:
                fields.nth(k).fill(f"{number:.4g}")
                fields.nth(k).press("Enter")


def check(page, box, i):
    """Check a gradient; True if it is wrong."""
    choose(page, box, i)
    box.get_by_role("button", name="Check its gradient").click()
    pause(page)
    return "They differ" in box.locator(".broken-found").inner_text()


def hunt(page, box, name, seed):
    """Find the fault by halving what is left; returns the number of checks."""
    g, used = GRAPHS[name], 0
    left = list(g.faults)
    while len({fault[0] for fault in left}) > 1:
        nodes = {fault[0]: fault for fault in left}.values()
        i = min(
            range(len(g.names)),
            key=lambda i: abs(2 * sum(i in g.bad(fault) for fault in nodes) - len(nodes)),
        )
        wrong = check(page, box, i)
        used += 1
        left = [fault for fault in left if (i in g.bad(fault)) == wrong]
    choose(page, box, left[0][0])
    box.get_by_role("button", name="Its rule is broken").click()
    pause(page)
    assert left[0][0] == g.faults[(seed - 1) % len(g.faults)][0]
    return used


def test_filled_in_by_hand_the_first_two_missions_are_solved_and_not_before(broken):
    page, box = broken()
    first, second = box.locator(".lab-missions > li").all()[:2]
    last = (GRAPHS["neuron"].names.index("w"), 0)
    fill_in(page, box, "neuron", skip={last})
    assert "15 of 16" in box.inner_text() and not solved(first)
    choose(page, box, last[0])
    want = GRAPHS["neuron"].gradients()[last[0]]
    assert "the sign is not" in answer(page, box, "Gradient", f"{-want:.4g}")
    assert not solved(first)
    assert "Right" in answer(page, box, "Gradient", f"{want:.4g}")
    assert solved(first) and not solved(second)
    box.get_by_label("Graph", exact=True).select_option("shared")
    pause(page)
    fill_in(page, box, "shared")
    assert solved(second)
    assert not page.troubles


def test_a_share_alone_is_told_to_be_one(broken):
    page, box = broken("#graph=shared&mode=hand")
    g = GRAPHS["shared"]
    choose(page, box, g.names.index("s"))
    share = g.values[g.names.index("u")]
    assert "add the shares" in answer(page, box, "Gradient", f"{share:.5g}")


def test_starting_over_empties_the_fields(broken):
    page, box = broken()
    assert "✗" in answer(page, box, "Slope for e", "5")
    box.get_by_role("button", name="Start over").click()
    pause(page)
    assert box.get_by_label("Slope for e").input_value() == ""
    assert box.locator(".broken-reply").inner_text() == ""


@pytest.mark.parametrize("name, mission", [("chain16", 2), ("chain64", 3), ("network", 4)])
def test_halving_solves_the_hunt(broken, name, mission):
    page, box = broken(f"#graph={name}&mode=broken&seed=5")
    item = box.locator(".lab-missions > li").nth(mission)
    used = hunt(page, box, name, 5)
    assert used <= GRAPHS[name].par
    said = box.locator(".broken-found").inner_text()
    assert "No one can promise fewer" in said and GRAPHS[name].faults[4][2] in said
    assert solved(item) and f"{used} check" in item.inner_text()
    assert box.locator(".lab-done", has_text="Solved").count() == 1
    assert not page.troubles


def test_going_in_line_or_guessing_solves_nothing(broken):
    page, box = broken("#graph=chain16&mode=broken&seed=2")
    culprit = GRAPHS["chain16"].faults[1][0]
    item = box.locator(".lab-missions > li").nth(2)
    choose(page, box, culprit)
    box.get_by_role("button", name="Its rule is broken").click()
    pause(page)
    assert "a guess: 16 rules" in box.locator(".broken-found").inner_text()
    assert box.get_by_role("button", name="Check its gradient").is_disabled()
    box.get_by_role("button", name="New fault").click()
    pause(page)
    culprit = GRAPHS["chain16"].faults[2][0]
    assert check(page, box, culprit - 1) and not check(page, box, culprit)
    choose(page, box, culprit)
    box.get_by_role("button", name="Its rule is broken").click()
    pause(page)
    assert "some luck" in box.locator(".broken-found").inner_text()
    assert not solved(item)


def test_a_wrong_accusation_is_answered_by_a_check(broken):
    page, box = broken("#graph=chain16&mode=broken&seed=2")
    culprit = GRAPHS["chain16"].faults[1][0]
    other = 3 if culprit > 8 else 12
    check(page, box, 8)
    choose(page, box, other)
    box.get_by_role("button", name="Its rule is broken").click()
    pause(page)
    assert "Your check of v8 speaks against" in box.locator(".broken-found").inner_text()
    choose(page, box, 0)


def test_an_input_has_no_rule(broken):
    page, box = broken("#graph=chain16&mode=broken")
    choose(page, box, 0)
    box.get_by_role("button", name="Its rule is broken").click()
    assert "no backward rule" in status(page, box)
    assert not box.get_by_role("button", name="Check its gradient").is_disabled()


def test_what_a_check_says_are_the_numbers_of_python(broken):
    page, box = broken("#graph=network&mode=broken&seed=7")
    g = GRAPHS["network"]
    fault = g.faults[6]
    for i in (g.names.index("x1"), g.names.index("z2"), g.names.index("y")):
        wrong = check(page, box, i)
        assert wrong == (i in g.bad(fault))
        said = box.locator(".broken-found").inner_text().replace("−", "-")
        tape, slope = map(float, re.findall(r"says? (-?[\d.e-]+\d)", said))
        assert tape == pytest.approx(g.gradients(fault)[i], rel=1e-3)
        assert slope == pytest.approx(g.checks[i], rel=1e-3)
        name = box.locator(".broken-node").nth(i).locator(".optlib-spoken").text_content()
        assert name.endswith("gradient wrong" if wrong else "gradient right")


def test_arrow_keys_move_along_the_lines(broken):
    page, box = broken()
    g = GRAPHS["neuron"]
    box.locator(".broken-node[tabindex='0']").focus()

    def where():
        return box.locator(".broken-node[aria-current]").text_content()

    assert where().startswith("f = e²")
    for key, name in (
        ("ArrowUp", "e"), ("ArrowUp", "y"), ("ArrowUp", "z"), ("ArrowUp", "p"), ("ArrowDown", "z"),
        ("End", "f"), ("Home", g.names[0]),
    ):  # fmt: skip
        page.keyboard.press(key)
        pause(page)
        assert re.match(rf"{name}\b", where()), (key, where())
    assert box.locator(".broken-node[tabindex='0']").count() == 1


def test_in_a_chain_arrow_keys_turn_into_the_next_row(broken):
    page, box = broken("#graph=chain64&mode=broken")
    box.locator(".broken-node").first.focus()
    for _ in range(9):
        page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    pause(page)
    chosen = box.locator("[aria-current] .optlib-spoken").text_content()
    assert chosen.startswith("v17 =")
    page.keyboard.press("ArrowLeft")
    pause(page)
    chosen = box.locator("[aria-current] .optlib-spoken").text_content()
    assert chosen.startswith("v16 =")


def test_by_keyboard_alone_a_check_is_made_and_spoken(broken):
    page, box = broken("#graph=chain16&mode=broken&seed=4")
    box.locator(".broken-node").first.focus()
    page.keyboard.press("End")
    pause(page)  # the focus moves with the next picture
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    said = status(page, box)
    assert said.startswith("v16: the tape says 1, differences say 1. They agree.")
    assert "After 1 check, 16 of 16" in box.inner_text()


def test_touch_chooses_and_checks(broken):
    page, box = broken("#graph=network&mode=broken", width=375, has_touch=True)
    last = len(GRAPHS["network"].names) - 1
    box.locator(".broken-node").nth(last).tap()
    box.get_by_role("button", name="Check its gradient").tap()
    pause(page)
    assert "They agree" in box.locator(".broken-found").inner_text()
    assert page.evaluate("document.documentElement.scrollWidth") == 375


@pytest.mark.parametrize("name", GRAPHS)
@pytest.mark.parametrize("width", [375, 1280])
def test_boxes_are_large_enough_apart_and_hold_their_words(broken, name, width):
    page, box = broken(f"#graph={name}&mode=broken", width=width)
    spots = [b.bounding_box() for b in box.locator(".broken-node").all()]
    assert min(min(s["width"], s["height"]) for s in spots) >= 24
    for k, a in enumerate(spots):
        for b in spots[k + 1 :]:
            apart = a["x"] + a["width"] <= b["x"] + 0.5 or b["x"] + b["width"] <= a["x"] + 0.5
            assert apart or a["y"] + a["height"] <= b["y"] or b["y"] + b["height"] <= a["y"]
    panel = box.locator(".broken-panel").bounding_box()
    assert max(s["y"] + s["height"] for s in spots) <= panel["y"]
    wide = box.locator(".broken-node").evaluate_all(
        "list => list.filter((e) => [...e.children].some((s) => s.offsetWidth > e.offsetWidth))"
        ".map((e) => e.textContent)"
    )
    assert not wide


def test_nonsense_in_a_link_is_named_and_changes_nothing(broken):
    page, box = broken("#graph=tree&mode=luck&seed=0")
    note = box.locator(".lab-note").inner_text()
    for part in ("graph=tree", "mode=luck", "seed=0"):
        assert part in note
    assert box.get_by_label("Graph", exact=True).input_value() == "neuron"
    assert not page.troubles


def test_nonsense_typed_is_named(broken):
    page, box = broken()
    assert "✗ “<b>much</b>” is not a number" in answer(page, box, "Slope for e", "<b>much</b>")
    assert "0 of 16" in box.inner_text()
    assert answer(page, box, "Slope for e", "") == ""
    want = GRAPHS["neuron"].slopes[-1][0]
    typed = f"{want:.3f}".replace(".", ",").replace("-", "−")
    assert "Right" in answer(page, box, "Slope for e", typed)


def test_a_shared_link_gives_the_same_fault(broken):
    page, box = broken()
    box.get_by_label("One rule is broken").check()
    box.get_by_label("Graph", exact=True).select_option("chain8")
    box.get_by_role("button", name="New fault").click()
    assert setting(page, "seed") == "2" and setting(page, "graph") == "chain8"
    mine = [check(page, box, i) for i in range(9)]
    again, copy = broken(linked(page))
    assert [check(again, copy, i) for i in range(9)] == mine
    assert mine == [i in GRAPHS["chain8"].bad(GRAPHS["chain8"].faults[1]) for i in range(9)]


def test_the_table_tells_what_the_picture_tells(broken):
    page, box = broken("#graph=chain16&mode=broken&seed=3")
    check(page, box, 16)
    box.get_by_text("The graph as a table", exact=True).click()
    pause(page)
    rows = box.locator("tbody tr").all()
    assert len(rows) == 17 and box.locator("tbody th[scope=row]").count() == 17
    assert "not checked" in rows[0].inner_text() and "gradient right" in rows[16].inner_text()
    assert "v15 × " in rows[16].inner_text()


def test_what_was_found_stays_while_another_graph_is_looked_at(broken):
    page, box = broken("#graph=chain8&mode=broken&seed=3")
    check(page, box, 8)
    box.get_by_label("Graph", exact=True).select_option("chain16")
    pause(page)
    assert "After 0 checks" in box.inner_text()
    box.get_by_label("Graph", exact=True).select_option("chain8")
    pause(page)
    assert "After 1 check," in box.inner_text()


def test_without_javascript_a_picture_stands_in(open_page):
    page = open_page(PAGE, scripts=False)
    picture = page.locator("[data-model-id=brokennode-1] img").first
    assert "y = tanh(z) = -0.4621" in picture.get_attribute("alt")
    assert picture.is_visible()
