"""Tuning budget game on the built page: trials, chance, missions, keyboard, links, its numbers."""

import pytest

from optlib.widgets import tuning_game as lab
from tests.book.hands import linked, pause, press, setting, spoken

PAGE = "chapters/tuning.html"
FIRST = ("banana", "Adam", 0.001, 0.9, "constant", "hand")


@pytest.fixture
def game(open_page):
    """game(fragment="", **page options) -> (page, the game's element)."""

    def start(fragment="", **options):
        page = open_page(PAGE + fragment, **options)
        return page, page.locator(".optlib.tuning")

    yield start


def follow(page, fragment):
    pause(page, 300)  # what was changed before is saved
    page.evaluate("text => { location.hash = text; }", fragment)
    pause(page, 100)


def test_trials_chance_and_missions(game):
    page, box = game()
    scale, edge, luck = box.locator(".lab-missions li").all()
    assert f"Trial 1, Adam at η = 0.001: {lab.curve(FIRST, 1)[-1]:.2g}" in spoken(page, box)
    assert "Solved" not in box.locator(".lab-missions").inner_text()

    # one more by keyboard: another rule, a higher rate
    rate = box.get_by_label("Learning rate η", exact=True).first
    rate.focus()
    press(page, "ArrowRight", 100)  # a decade
    assert rate.get_attribute("aria-valuetext") == "0.01"
    box.get_by_role("button", name="Try this (19 left)").focus()
    page.keyboard.press("Enter")
    wanted = lab.curve((*FIRST[:2], 0.01, *FIRST[3:]), 2)[-1]
    assert f"Trial 2, Adam at η = 0.01: {wanted:.2g}" in spoken(page, box)
    assert setting(page, "trials").endswith(";banana,Adam,0.01,0.9,constant,hand")

    box.get_by_role("button", name="Five rates by chance, evenly").click()
    pause(page)
    assert "5 above 1" in scale.inner_text() and "Solved" not in scale.inner_text()
    box.get_by_role("button", name="Five by chance, by decade").click()
    pause(page)
    assert "Solved" in scale.inner_text()
    assert box.locator(".tuning-board tbody tr").count() == 12
    box.get_by_text("All trials on this problem").click()
    box.get_by_role("button", name="Use the settings of trial 1", exact=True).click()
    pause(page)
    assert rate.get_attribute("aria-valuetext") == "0.001"

    # the patients: at the edge of the offered range, and beyond it
    box.get_by_label("patients").check()
    pause(page)
    box.get_by_label("Momentum", exact=True).check()
    rate.focus()
    page.keyboard.press("End")
    pause(page)
    box.get_by_role("button", name="Try this").click()
    pause(page)
    assert "at η = 10." in edge.inner_text() and "Solved" not in edge.inner_text()
    box.get_by_label("1e-7 to 1000").check()
    pause(page)
    wide = box.get_by_label("Learning rate η", exact=True).last
    wide.focus()
    press(page, "ArrowRight", 118)
    pause(page)
    box.get_by_role("button", name="Try this").click()
    pause(page)
    assert "Solved" in edge.inner_text()

    # luck: ten trials, the best of them on new seeds, and settings that keep what they promise
    trials = ["noisy,GD,0.1,0,constant,hand"] * 12
    follow(page, f"problem=noisy&range=offered&rule=GD&lr=0.1&beta=0&trials={';'.join(trials)}")
    box.get_by_role("button", name="This on 100 new seeds").click()
    said = spoken(page, box, "On 100 new seeds")
    promised = min(lab.curve(lab.read_trial(t), i + 1)[-1] for i, t in enumerate(trials))
    assert f"Best so far {promised:.2g}" in said
    assert "is worth" in luck.inner_text() and "Solved" not in luck.inner_text()
    follow(page, "rule=RMSprop&lr=0.2&schedule=linear")
    box.get_by_role("button", name="This on 100 new seeds").click()
    spoken(page, box, "On 100 new seeds")
    assert "Solved" in luck.inner_text()
    assert "problem=noisy" in linked(page) and not page.troubles


def test_the_budget_ends_and_nonsense_is_named(game):
    full = ";".join(["banana,GD,0.001,0,constant,hand"] * 20)
    page, box = game(f"#trials={full}&lr=7e9&rule=Lion", width=375)
    note = box.locator(".lab-note").inner_text()
    assert "lr=7e9" in note and "rule=Lion" in note
    button = box.get_by_role("button", name="No trial left")
    button.click()
    pause(page)
    assert "are spent" in box.locator(".lab-note").inner_text()
    assert box.locator(".tuning-board tbody tr").count() == 20
    wide = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert wide[0] <= wide[1]
    follow(page, "trials=banana,GD,0.001")
    assert "trials=banana" in box.locator(".lab-note").inner_text()
    box.get_by_role("button", name="Begin this problem anew").click()
    assert "20 trials are left" in spoken(page, box)
    box.get_by_label("noisy bowl").check()
    pause(page)
    assert box.get_by_role("button", name="This on 100 new seeds").is_visible()
    frames = page.evaluate("document.querySelector('.optlib.tuning').frames.length")
    assert frames > 3 and not page.troubles


def test_without_javascript_a_picture_stands_in(open_page):
    page = open_page(PAGE, scripts=False)
    picture = page.locator("[data-model-id=tuninggame-1] img").first
    assert "random search" in picture.get_attribute("alt")
    assert picture.is_visible()
