"""The playground on the built page: its numbers, typed losses, sweep, surface, keyboard, links."""

import re

import numpy as np
import pytest

import optlib
from optlib.expression import problem_of
from optlib.widgets import Playground, playground
from tests.book.hands import linked, pause, setting, type_into

PAGE = "chapters/playground.html"
RATES = np.array([float(f"{10 ** (-5 + k / 8):.4g}") for k in range(49)])


@pytest.fixture
def play(open_page):
    """play(fragment="", **page options) -> (page, the widget's element)."""

    def start(fragment="", **options):
        page = open_page(PAGE + fragment, **options)
        return page, page.locator(".play")

    yield start


def rest(page, box):
    """Waits until all is computed, and the status has been said."""
    pause(page)
    page.wait_for_selector(".play[data-busy='']", state="attached")
    before = None
    while before != box.locator(".lab-status").inner_text() or not before:
        before = box.locator(".lab-status").inner_text()
        pause(page, 300)
    return before


def losses(said):
    """{"1 GD": 0.01} from the status."""
    return {name: float(v) for name, v in re.findall(r"(\d \w+): ([-\d.e]*\d)(?=[;.])", said)}


def picture(box, name="play-left"):
    return box.locator(f".{name}").evaluate("(c) => c.toDataURL()")


CASES = [
    dict(problem="Rosenbrock", rules="GD(lr=0.001);Adam(lr=0.05,beta1=0.5);Rprop", steps=200),
    dict(problem="Quadratic(kappa=50,angle=0.4)", rules="Nesterov(lr=0.01);Lion;AMSGrad", steps=77),
    dict(problem="Himmelblau", rules="Yogi;NAdam(lr=0.1);ScheduleFreeSGD(lr=0.01)", steps=90),
    dict(problem="TenWell", rules="Momentum(lr=0.01,beta=0.99)", start=[5.0, 1.0], steps=300),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["problem"].split("(")[0])
def test_its_numbers_are_those_of_optlib(play, case):
    page, box = play(Playground.link(**case))
    found = losses(rest(page, box))
    problem = playground.make(case["problem"], "")
    floor = problem.value(problem.minima[0])
    for i, (name, hyper) in enumerate(playground.read_rules(case["rules"]), 1):
        start = case.get("start", problem.start)
        f = optlib.run(optlib.OPTIMIZERS[name], problem, case["steps"], start, **hyper).f[-1]
        assert found[f"{i} {name}"] == pytest.approx(f - floor, rel=6e-3, abs=1e-12), name
    assert not page.troubles


def test_a_typed_loss_runs_as_in_python(play):
    text = "(x^2 - 1)^2/4 + exp(y)*y^2 + max(x, -y)^2"
    link = Playground.link(loss=text, rules="GD(lr=0.05);Adam(lr=0.02)", steps=60)
    page, box = play(link)
    box.get_by_label("linear").check()
    first = losses(rest(page, box))
    problem = problem_of(text)
    ends = [
        optlib.run(rule, problem, 60, lr=lr).f[-1]
        for rule, lr in ((optlib.GD, 0.05), (optlib.Adam, 0.02))
    ]
    # Counted from the least in the picture, so the difference is free of it.
    assert first["1 GD"] - first["2 Adam"] == pytest.approx(ends[0] - ends[1], rel=0.02)
    assert box.get_by_label("Loss f(x, y) =").input_value() == text.replace(" ", "")


def test_typing_a_loss_moves_the_picture_and_the_link(play):
    page, box = play()
    box.get_by_label("Landscape").select_option("typed")
    rest(page, box)
    before = picture(box)
    field = box.get_by_label("Loss f(x, y) =")
    field.fill("x^2 + 3*y^2 + sin(3*x)")
    pause(page, 450)  # no Enter: it follows what one types
    rest(page, box)
    assert picture(box) != before
    assert "loss=x^2+%2B+3*y^2" in page.url
    assert not page.troubles


@pytest.mark.parametrize(
    "text, words",
    [
        ("x^2 + ", "at character 7: here a number"),
        ("2x", "at character 2: a sign is missing"),
        ("alert(1)", "at character 1: “alert” is not known"),
        ("<img src=x onerror=alert(1)>", "at character 1: “<” does not belong"),
        ("constructor.constructor('x')()", "does not belong"),
        ("(" * 50 + "x", "nested deeper"),
        ("7", "neither x nor y"),
        ("x" * 400, "at most 300 characters"),
    ],
)
def test_nonsense_in_the_loss_gets_a_message_and_changes_nothing(play, text, words):
    page, box = play("#problem=typed")
    rest(page, box)
    before, link = picture(box), setting(page, "loss")
    field = box.get_by_label("Loss f(x, y) =")
    field.fill(text)
    field.press("Enter")
    assert words in box.locator(".lab-note").inner_text()
    assert words in box.locator(".play-hint").inner_text()
    assert field.get_attribute("aria-invalid") == "true" and field.input_value() == text
    rest(page, box)
    assert picture(box) == before and setting(page, "loss") == link
    field.fill("x^2+y^2")  # and the way back
    field.press("Enter")
    assert box.locator(".lab-note").is_hidden()
    assert field.get_attribute("aria-invalid") == "false"
    assert not page.troubles


def test_slider_by_keyboard_speaks_and_moves_the_link(play):
    page, box = play()
    slider = box.get_by_label("1 learning rate η", exact=True)
    slider.focus()
    before = rest(page, box)
    for _ in range(30):
        page.keyboard.press("ArrowRight")
    after = float(slider.get_attribute("aria-valuetext"))
    assert after == pytest.approx(0.001 * 10**0.3, rel=1e-3)
    assert f"GD(lr={after:g})" in setting(page, "rules")
    assert rest(page, box) != before


def test_a_decay_moves_by_what_it_lacks_to_one(play):
    page, box = play("#rules=Momentum(lr=0.001,beta=0.9)")
    slider = box.get_by_label("1 momentum β", exact=True)
    slider.focus()
    for _ in range(100):
        page.keyboard.press("ArrowRight")
    assert float(slider.get_attribute("aria-valuetext")) == pytest.approx(0.99, abs=2e-4)


def test_touch_on_a_narrow_screen(play):
    page, box = play("#view=rates&rules=GD(lr=0.001);Adam(lr=0.05)", width=375, has_touch=True)
    rest(page, box)
    left = box.locator(".play-left")
    left.scroll_into_view_if_needed()
    spot = left.bounding_box()
    assert spot["width"] <= 375
    page.touchscreen.tap(spot["x"] + 0.6 * spot["width"], spot["y"] + 0.3 * spot["height"])
    rest(page, box)
    rate = float(re.search(r"GD\(lr=([\d.e-]+)", setting(page, "rules"))[1])
    assert rate != 0.001 and np.isclose(RATES, rate).any()
    slider = box.get_by_label("2 learning rate η", exact=True)
    slider.scroll_into_view_if_needed()
    before, spot = slider.get_attribute("aria-valuetext"), slider.bounding_box()
    page.touchscreen.tap(spot["x"] + 0.8 * spot["width"], spot["y"] + spot["height"] / 2)
    assert slider.get_attribute("aria-valuetext") != before


def test_the_sweep_agrees_with_optlib_in_picture_and_table(play):
    page, box = play("#problem=Quadratic(kappa=100)&rules=GD;Momentum;Adam&steps=60&view=rates")
    rest(page, box)
    rows = [r.inner_text().split("\t") for r in box.locator(".play-table tbody tr").all()]
    problem = optlib.Quadratic(kappa=100)
    for row, name in zip(rows, ("GD", "Momentum", "Adam"), strict=True):
        with np.errstate(all="ignore"):
            f = optlib.sweep(optlib.OPTIMIZERS[name], problem, 60, lr=RATES).f
        assert float(row[1]) == pytest.approx(RATES[np.nanargmin(f[-1])], rel=1e-3)
        assert float(row[2]) == pytest.approx(np.nanmin(f[-1]), rel=6e-3)
        assert float(row[3]) == pytest.approx(RATES[f[-1] <= f[0]].max(), rel=1e-3)
    assert not page.troubles


def test_the_cursor_of_the_sweep_by_keyboard(play):
    page, box = play("#problem=Quadratic(kappa=100)&rules=GD;Momentum&steps=60&view=rates")
    rest(page, box)
    box.locator(".play-cursor").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Home")
    for _ in range(26):
        page.keyboard.press("ArrowRight")
    said = rest(page, box)
    f = optlib.run(optlib.Momentum, optlib.Quadratic(kappa=100), 60, lr=RATES[26]).f[-1]
    assert f"2 Momentum, η = {RATES[26]:g}" in said
    assert float(re.search(r": ([\d.e-]+)(?:,|\.$)", said)[1]) == pytest.approx(f, rel=6e-3)
    page.keyboard.press("Enter")
    rest(page, box)
    assert f"Momentum(lr={RATES[26]:g})" in setting(page, "rules")
    page.keyboard.press("End")
    assert "diverges" in rest(page, box)


def test_a_second_number_can_be_swept(play):
    page, box = play("#problem=Quadratic(kappa=100)&rules=GD;Momentum&steps=40&view=rates")
    box.get_by_label("Sweep the rate against").select_option("2.beta")
    said = rest(page, box)
    assert "2 Momentum" in said and "momentum β = " in said
    (row,) = box.locator(".play-table tbody tr").all()
    beta = float(re.search(r"β = ([\d.]+)", row.inner_text())[1])
    rate, best = map(float, row.inner_text().split("\t")[1:3])
    betas = 1 - np.geomspace(1, 1e-4, 17)
    with np.errstate(all="ignore"):
        f = optlib.sweep(optlib.Momentum, optlib.Quadratic(100.0), 40, lr=RATES, beta=betas).f[-1]
    i, j = np.unravel_index(np.nanargmin(f), f.shape)
    assert best == pytest.approx(f[i, j], rel=0.02) and rate == pytest.approx(RATES[i], rel=1e-3)
    assert beta == pytest.approx(betas[j], abs=2e-4)
    assert setting(page, "sweep") == "2.beta"
    box.get_by_label("Remove runner 2, Momentum").click()  # what was swept is gone
    assert "1 GD" in rest(page, box) and not page.troubles


def test_runners_come_go_and_change(play):
    page, box = play("#rules=GD(lr=0.01)")
    assert box.get_by_label("Remove runner 1, GD").is_disabled()
    for _ in range(5):
        box.get_by_role("button", name="Add a runner").click()
    assert box.locator(".play-card").count() == 6
    assert box.get_by_role("button", name="Add a runner").is_disabled()
    which = box.get_by_label("Rule of runner 6")
    which.select_option("Lion")
    assert page.evaluate("document.activeElement.ariaLabel") in ("Rule of runner 6", None)
    assert setting(page, "rules").endswith("Lion(lr=0.01)")
    box.get_by_label("Remove runner 1, GD").click()
    rest(page, box)
    assert box.locator(".play-card").count() == 5
    assert setting(page, "rules").startswith("Momentum(lr=0.01);")
    assert page.evaluate("document.activeElement.className") == "play-away"
    box.get_by_text("More numbers of runner 2").click()
    type_into(box, "2 decay β₁, typed", 0.5)
    assert "Adam(lr=0.01,beta1=0.5)" in setting(page, "rules")
    type_into(box, "2 decay β₁, typed", "1.5")
    assert "not a number from 0 to 0.9999" in box.locator(".lab-note").inner_text()
    assert not page.troubles


def test_two_runners_of_one_rule_look_different(play):
    page, box = play("#rules=Adam(lr=0.05);Adam(lr=0.5)")
    rest(page, box)
    first, second = (c.evaluate("(c) => c.toDataURL()") for c in box.locator(".lab-swatch").all())
    assert first != second


def test_the_surface_turns_by_keyboard_and_by_hand(play):
    page, box = play("#view=surface")
    rest(page, box)
    before = picture(box)
    slider = box.get_by_label("Turn (degrees)", exact=True)
    slider.focus()
    for _ in range(10):
        page.keyboard.press("ArrowRight")
    rest(page, box)
    assert setting(page, "turn") == "-20" and picture(box) != before
    left = box.locator(".play-left")
    left.scroll_into_view_if_needed()
    spot = left.bounding_box()
    x, y = spot["x"] + spot["width"] / 2, spot["y"] + spot["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 60, y + 20, steps=4)
    page.mouse.up()
    assert setting(page, "turn") == "10" and setting(page, "tilt") == "60"
    assert not page.troubles


def test_the_start_moves_by_keyboard_and_by_hand(play):
    page, box = play()
    knob = box.get_by_label("Start point: drag, or use the arrow keys")
    knob.focus()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Shift+ArrowRight")
    x, y = map(float, setting(page, "start").split(","))
    assert y > 1 and x > -1
    spot = knob.bounding_box()
    page.mouse.move(spot["x"] + 18, spot["y"] + 18)
    page.mouse.down()
    page.mouse.move(spot["x"] + 90, spot["y"] + 18, steps=4)
    page.mouse.up()
    assert float(setting(page, "start").split(",")[0]) > x + 0.5


def test_nonsense_in_a_link_is_named_and_changes_nothing(play):
    page, box = play(
        "#problem=Everest&rules=GD;Adma&steps=fast&start=1&width=-2&view=hologram&axis=cubic"
        "&loss=x%2B&sweep=9.x&turn=999"
    )
    note = box.locator(".lab-note").inner_text()
    for part in (
        *("problem=Everest", "no problem “Everest”", "no rule “Adma”", "steps=fast", "start=1"),
        *("width=-2", "view=hologram", "axis=cubic", "at character 3", "sweep=9.x", "turn=999"),
    ):
        assert part in note
    assert set(losses(rest(page, box))) == {"1 GD", "2 Momentum", "3 Adam"}
    assert not page.troubles


def test_a_shared_link_gives_the_same_picture(play):
    page, box = play()
    box.get_by_label("Landscape").select_option("Beale")
    type_into(box, "3 learning rate η, typed", 0.2)
    type_into(box, "Width of the picture, typed", 7)
    type_into(box, "Steps, typed", 123)
    box.get_by_label("surface (3-D)").check()
    box.get_by_label("linear", exact=True).check()
    said = rest(page, box)
    again, copy = play(linked(page))
    assert rest(again, copy) == said
    for name in ("play-left", "lab-curve"):
        assert picture(copy, name) == picture(box, name)
    assert again.url.split("#")[1] == page.url.split("#")[1]


def test_links_of_the_page_set_the_widget_up(play):
    page, box = play()
    links = page.locator("article a[href^='#'][href*='rules=']").all()
    assert len(links) >= 5
    for link in links:
        settings = Playground.settings_of(link.get_attribute("href"))
        link.click()
        said = rest(page, box)
        assert box.locator(".lab-note").is_hidden()
        for i, (name, _) in enumerate(playground.read_rules(settings["rules"]), 1):
            assert box.get_by_label(f"Rule of runner {i}").input_value() == name
        assert settings.get("view", "map") == "rates" or f"step {settings['steps']}" in said
        assert box.locator(".play-left").evaluate(
            "(c) => c.getBoundingClientRect().top < innerHeight"
        )
    assert not page.troubles


def test_what_leaves_is_named(play):
    page, box = play("#problem=Saddle&rules=GD(lr=0.5)&steps=500&start=1,0.001")
    assert "falls without end" in rest(page, box)
    page, box = play("#problem=Quadratic(kappa=100)&rules=GD(lr=1)&steps=300&start=1,1")
    assert "1 GD: diverged" in rest(page, box)
    page, box = play("#loss=log(x)%2By^2&rules=GD(lr=1)&start=1,1")
    said = rest(page, box)
    assert "without a finite loss since step" in said and "Hatched" in said
    page, box = play("#loss=log(x)%2By^2&middle=-50,0&width=2")
    assert "nowhere a finite number" in rest(page, box)
    assert not page.troubles


def test_long_work_is_done_in_slices(play):
    """Six runners, 2000 steps, a loss of 300 characters, a sweep: many frames, none long."""
    loss = "%2B".join(["sin(x*y)"] * 33)
    page, box = play(f"#loss={loss}&rules=GD;Adam;Yogi;NAdam;Lion;AMSGrad&steps=2000&view=rates")
    page.wait_for_timeout(300)
    assert box.get_attribute("data-busy")
    type_into(box, "1 learning rate η, typed", 0.5)  # the page answers meanwhile
    assert "GD(lr=0.5)" in setting(page, "rules")
    frames = box.evaluate("(e) => e.frames")
    assert len(frames) > 20
    assert np.median(frames) < 40  # of minutes of work, even on a busy machine


def test_without_javascript_a_picture_stands_in(open_page):
    page = open_page(PAGE, scripts=False)
    image = page.locator("[data-model-id=playground-1] img").first
    assert "level lines of Rosenbrock with the paths" in image.get_attribute("alt")
    assert image.is_visible()
    assert "needs JavaScript" in page.locator("[data-model-id=playground-1]").inner_text()
