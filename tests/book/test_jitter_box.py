"""The Jitter box on the built page: hands, keyboard, missions, links, and its numbers."""

import pytest

from optlib.widgets.jitter_box import CURVATURES, noise_floor
from tests.book.hands import linked, pause, setting, type_into

PAGE = "chapters/sgd.html"


@pytest.fixture
def box(open_page):
    """box(fragment="", **page options) -> (page, the box's element)."""

    def start(fragment="", **options):
        page = open_page(PAGE + fragment, **options)
        return page, page.locator(".jitter")

    yield start


def fact(box, row):
    """The number in a row of the table: measured, formula or examples."""
    pause(box.page)
    return box.locator(".jitter-facts td").nth(row).inner_text()


@pytest.mark.parametrize("lr, noise, batch", [(0.2, 1, 1), (0.05, 2, 4), (0.4, 0.5, 16)])
def test_the_runs_settle_on_the_formula_of_optlib(box, lr, noise, batch):
    page, lab = box(f"#lr={lr}&noise={noise}&batch={batch}&steps=600&result=last")
    floor = sum(noise_floor(lr, h, noise, batch) for h in CURVATURES)
    assert float(fact(lab, 1)) == pytest.approx(floor, rel=6e-3)
    assert float(fact(lab, 0)) == pytest.approx(floor, rel=0.1)
    assert int(fact(lab, 2)) == 600 * batch
    assert not page.troubles


def test_beyond_the_edge_it_says_that_the_runs_diverge(box):
    page, lab = box("#lr=0.55")
    assert fact(lab, 0) == "diverged" and fact(lab, 1) == "none"
    lab.locator(".lab-status").filter(has_text="no floor").wait_for()
    assert not page.troubles


def test_slider_by_keyboard_speaks_and_moves_the_link(box):
    page, lab = box()
    slider = lab.get_by_label("Learning rate η", exact=True)
    before = slider.get_attribute("aria-valuetext")
    slider.focus()
    for _ in range(20):
        page.keyboard.press("ArrowLeft")
    after = slider.get_attribute("aria-valuetext")
    assert float(after) == pytest.approx(float(before) / 10**0.1, rel=0.01)
    assert float(setting(page, "lr")) == pytest.approx(float(after), rel=1e-3)


def test_the_batch_slider_can_leave_one_by_keyboard(box):
    page, lab = box()
    slider = lab.get_by_label("Batch size B", exact=True)
    slider.focus()
    page.keyboard.press("ArrowRight")
    assert slider.get_attribute("aria-valuetext") == "2"
    page.keyboard.press("ArrowRight")
    assert slider.get_attribute("aria-valuetext") == "3"
    page.keyboard.press("ArrowLeft")
    assert slider.get_attribute("aria-valuetext") == "2"
    page.keyboard.press("End")
    assert slider.get_attribute("aria-valuetext") == "64"


def test_nonsense_is_named_and_changes_nothing(box):
    page, lab = box("#lr=fast&noise=-3&batch=1e9&result=best&steps=300")
    note = lab.locator(".lab-note").inner_text()
    for part in ("lr=fast", "noise=-3", "batch=1e9", "result=best"):
        assert part in note
    assert lab.get_by_label("Learning rate η, typed").input_value() == "0.2"
    assert lab.get_by_label("Steps, typed").input_value() == "300"
    type_into(lab, "Noise σ of an example, typed", "<b>much</b>")
    assert "<b>much</b>" in lab.locator(".lab-note").inner_text()
    assert lab.get_by_label("Noise σ of an example, typed").input_value() == "1"
    type_into(lab, "Noise σ of an example, typed", "1/2")
    assert lab.locator(".lab-note").is_hidden()
    assert not page.troubles


def test_a_shared_link_gives_the_same_numbers(box):
    page, lab = box()
    type_into(lab, "Batch size B, typed", 5)
    lab.get_by_label("the average").check()
    assert setting(page, "result") == "average"
    again, copy = box(linked(page))
    assert [fact(copy, i) for i in range(3)] == [fact(lab, i) for i in range(3)]


def test_play_step_and_reset(box):
    page, lab = box()
    shown = lab.get_by_label("Step shown")
    lab.get_by_role("button", name="Reset").click()
    pause(page)
    assert shown.input_value() == "0"
    lab.get_by_role("button", name="Step", exact=True).click()
    pause(page)
    assert shown.input_value() == "1"
    lab.get_by_role("button", name="Play").click()
    page.wait_for_timeout(700)
    halfway = int(shown.input_value())
    lab.get_by_role("button", name="Stop").click()
    assert 1 < halfway < 200


def test_reduced_motion_shows_the_end_at_once(box):
    page, lab = box(reduced_motion="reduce")
    lab.get_by_role("button", name="Reset").click()
    lab.get_by_role("button", name="Play").click()
    pause(page)
    assert lab.get_by_label("Step shown").input_value() == "200"


def test_missions_are_solved_and_only_when_they_are(box):
    page, lab = box()
    rate, batch, average, bill = lab.locator(".lab-missions li").all()
    answer = lab.get_by_label("The way with more examples in each step")

    def at(name, value):
        type_into(lab, f"{name}, typed", value)
        pause(page)

    answer.select_option("batch")
    assert "First solve" in bill.inner_text()
    at("Learning rate η", 0.15)
    assert "Solved" not in rate.inner_text()
    at("Batch size B", 2)  # two changes at once are no way
    at("Learning rate η", 0.11)
    assert "Solved" not in lab.locator(".lab-missions").inner_text()
    at("Batch size B", 1)
    assert "Solved" in rate.inner_text() and "Solved" not in batch.inner_text()
    at("Learning rate η", 0.2), at("Batch size B", 2)
    assert "Solved" in batch.inner_text() and "examples" in batch.inner_text()
    at("Batch size B", 1)
    lab.get_by_label("the average").check()
    pause(page)
    assert "Solved" in average.inner_text()
    answer.select_option("rate")
    assert "Solved" not in bill.inner_text()
    answer.select_option("batch")
    assert "Solved" in bill.inner_text()
    assert not page.troubles


def test_without_javascript_a_picture_stands_in(open_page):
    page = open_page(PAGE, scripts=False)
    picture = page.locator("[data-model-id=jitterbox-1] img").first
    assert "200 noisy runs" in picture.get_attribute("alt")
    assert picture.is_visible()
