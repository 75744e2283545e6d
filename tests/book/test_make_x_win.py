"""Make X win on its page: scores, verdict, missions, links, keyboard, narrow screen."""

import numpy as np
import pytest

from optlib.widgets import MakeXWin
from optlib.widgets.make_x_win import leader, scores_of, stored
from tests.book.hands import linked, pause, setting, spoken, tap

PAGE = "chapters/benchmarking.html"
RUNS, VERDICT = stored()


@pytest.fixture
def crown(open_page):
    """crown(fragment="", **page options) -> (page, the lab's element)."""

    def start(fragment="", **options):
        page = open_page(PAGE + fragment, **options)
        return page, page.locator(".crown")

    yield start


def board(box):
    """{name: texts of its cells} of the table."""
    pause(box.page, 100)
    rows = box.locator(".crown-board tbody tr").all()
    return {r.locator("th").inner_text(): r.locator("td").all_inner_texts() for r in rows}


def by_seed(first, second):
    """A seed at which one twin is better than the other by 0.01."""
    for seed in RUNS.seeds:
        scores = scores_of(pick="one", seed=seed)
        if scores[first] - scores[second] >= 0.01:
            return seed


def loser():
    """Choices that crown one of the lower half of the verdict."""
    for name in reversed(VERDICT.order):
        if name.startswith("Adam"):
            continue
        for problem in RUNS.problems:
            for metric in ("steps", "loss"):
                given = dict(crown=name, theirs=1, metric=metric, problems=[problem], pick="best")
                if leader(scores_of(**given)) == name:
                    return given


def test_scores_verdict_and_missions(crown):
    page, box = crown()
    lose, flip, twins = box.locator(".lab-missions li").all()
    assert "Solved" not in box.locator(".lab-missions").inner_text()
    for name, score in MakeXWin(crown="Adam").scores().items():
        (shown,) = board(box)[name]
        assert float(shown) == pytest.approx(score, abs=0.0051)
    assert "Every choice is that of the protocol" in spoken(page, box)
    box.get_by_role("button", name="Reveal the verdict").click()
    shown = board(box)
    for name, score, says in zip(VERDICT.names, VERDICT.scores, VERDICT.says):
        assert float(shown[name][1]) == pytest.approx(score, abs=0.0051)
        assert shown[name][3] == says
    assert VERDICT.sentence in spoken(page, box)

    # one departure that puts somebody else on top, and another
    plan = dict(mine=50, theirs=50, metric="steps", stop=len(RUNS.stops) - 1, pick="all",
                problems=RUNS.problems)  # fmt: skip
    for choices in (
        [dict(pick="one", seed=s) for s in RUNS.seeds],
        [dict(problems=[p]) for p in RUNS.problems],
        [dict(metric="loss")],
        [dict(stop=s) for s in range(len(RUNS.stops) - 1)],
    ):
        twin = {"Adam", "Adam again"}
        same = twin if VERDICT.order[0] in twin else {VERDICT.order[0]}
        for given in choices:
            if leader(scores_of(**given)) not in (None, *same):
                link = {**plan, **given}
                link["problems"] = ",".join(link["problems"])
                text = "#" + "&".join(f"{key}={value}" for key, value in link.items())
                page.evaluate("text => { location.hash = text; }", text)
                pause(page, 100)
                break
        if "Solved" in flip.inner_text():
            break
    assert "Solved" in flip.inner_text()

    box.get_by_role("button", name="All choices of the protocol").click()
    box.get_by_label("Seeds", exact=True).select_option("one")
    for pair in (("Adam", "Adam again"), ("Adam again", "Adam")):
        box.get_by_label("The one seed", exact=True).select_option(str(by_seed(*pair)))
        pause(page, 100)
    assert "Solved" in twins.inner_text()

    given = loser()
    box.get_by_role("button", name="All choices of the protocol").click()
    box.get_by_label("X, to be crowned", exact=True).select_option(given["crown"])
    box.get_by_label("Tuning of the others", exact=True).select_option("1")
    box.get_by_label("Metric", exact=True).select_option(given["metric"])
    box.get_by_label("Seeds", exact=True).select_option("best")
    for one in box.locator(".crown-problems label").all():
        if one.inner_text() != RUNS.labels[RUNS.problems.index(given["problems"][0])]:
            one.locator("input").uncheck()
    pause(page, 100)
    assert "Solved" in lose.inner_text() and f"{given['crown']} is crowned" in spoken(page, box)
    assert setting(page, "problems") == given["problems"][0]
    wanted = scores_of(**given)
    close = {name: float(cells[0]) for name, cells in board(box).items() if name in wanted}
    assert np.allclose([close[n] for n in wanted], list(wanted.values()), atol=0.025)
    box.locator(".crown-problems input:checked").click()  # the last one stays
    assert "needs a problem" in box.locator(".lab-note").inner_text()
    assert box.locator(".crown-problems input:checked").count() == 1

    again, copy = crown(linked(page))
    assert f"{given['crown']} is crowned" in spoken(again, copy)
    assert not page.troubles and not again.troubles


def test_nonsense_keyboard_and_a_narrow_screen(crown):
    page, box = crown("#crown=AdamX&mine=7&metric=steps&stop=9", width=375, has_touch=True)
    note = box.locator(".lab-note").inner_text()
    for part in ("crown=AdamX", "mine=7", "stop=9"):
        assert part in note
    menu = box.get_by_label("X, to be crowned", exact=True)
    menu.focus()
    page.keyboard.press("ArrowDown")
    following = RUNS.names[RUNS.names.index("Adam") + 1]
    assert menu.input_value() == following and following in spoken(page, box)
    assert page.evaluate("document.documentElement.scrollWidth") <= 375
    first = box.locator(".crown-problems input").first
    first.scroll_into_view_if_needed()
    tap(page, first, 0.5)
    assert not first.is_checked()
    assert box.locator(".crown-bars").bounding_box()["width"] <= 375
    assert not page.troubles


def test_without_javascript_a_picture_stands_in(open_page):
    page = open_page(PAGE, scripts=False)
    picture = page.locator("[data-model-id=makexwin-1] img").first
    assert "performance profile" in picture.get_attribute("alt") and picture.is_visible()
