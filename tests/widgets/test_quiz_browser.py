"""The quiz in Chromium, on a page that may load nothing but its own scripts and styles."""

import json
from pathlib import Path

import pytest

import optlib
from optlib import quiz
from optlib.quiz import Option

ROOT = Path(optlib.__file__).parent.parent

PAGE = """<!doctype html><html lang="en" data-theme="{theme}"><meta charset="utf-8">
<meta name="viewport" content="width=device-width"><title>Quiz</title>
<link rel="stylesheet" href="/quiz.css"><link rel="stylesheet" href="/page.css">
<main><h1>Quiz</h1></main><script type="module" src="/main.js"></script></html>"""
MAIN = """
import widget, { parse } from "/quiz.js";
class Model {
  constructor(state) { this.state = state; this.listeners = []; this.saved = []; }
  get(key) { return this.state[key]; }
  set(key, value) {
    if (this.state[key] === value) return;
    this.state[key] = value;
    for (const [name, f] of this.listeners) if (name === `change:${key}`) f();
  }
  on(name, f) { this.listeners.push([name, f]); }
  off(name, f) { this.listeners = this.listeners.filter(([n, g]) => n !== name || g !== f); }
  save_changes() {
    const { picked, correct, attempts } = this.state;
    this.saved.push([picked, correct, attempts]);
  }
}
globalThis.parse = parse;
globalThis.models = [];
globalThis.view = (model) => {
  const el = document.createElement("div");
  document.querySelector("main").append(el);
  return widget.render({ model, el });
};
for (const state of await (await fetch("/states.json")).json()) {
  models.push(new Model(state));
  view(models.at(-1));
}
document.documentElement.dataset.ready = "yes";
"""
STYLE = """body { margin: 0; padding: 16px; background: white }
[data-theme="dark"] body { background: #14181e; color: #e6edf3 }"""
POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'"


def choice(**changes):
    return quiz.choice(
        **{
            "question": r"$\kappa$ grows from 100 to 400. Steps to reach $10^{-6}$ grow",
            "options": [
                Option(r"by $\sqrt{4} = 2$", False, r"$\sqrt\kappa$ is momentum's."),
                Option("four times", True, r"Steps are $\frac{\kappa}{2}\ln 10^6$."),
                Option("sixteen times", False, r"$\kappa^2$ is nowhere."),
            ],
            "hints": ["Print two counts.", "Divide them."],
        }
        | changes
    )


def number():
    return quiz.number(
        "$L = 50$. What is the largest stable learning rate?",
        answer=0.04,
        tolerance=0.01,
        reason="The limit is $2/L$.",
        mistakes={0.02: "$1/L$ is safe, not the limit."},
        unit=r"$\mathrm{s}$",
    )


@pytest.fixture
def mount(browser):
    """Mount quizzes on a page of their own; whatever the page complains about fails the test."""
    complaints, contexts = [], []

    def open_page(*quizzes, theme="light", width=1280, **options):
        states = [{k: q.get_state(k)[k] for k in q.keys if not k.startswith("_")} for q in quizzes]
        for state in states:
            state.pop("layout")
        page_html = PAGE.format(theme=theme)
        files = {
            "/": (page_html, "text/html"),
            "/main.js": (MAIN, "text/javascript"),
            "/quiz.js": (quizzes[0]._esm, "text/javascript"),
            "/quiz.css": (quizzes[0]._css, "text/css"),
            "/page.css": (STYLE, "text/css"),
            "/states.json": (json.dumps(states), "application/json"),
        }

        def serve(route):
            path = route.request.url.removeprefix("http://quiz.test")
            if path not in files:
                complaints.append(f"request of {route.request.url}")
                return route.abort()
            body, kind = files[path]
            headers = {"content-type": f"{kind}; charset=utf-8", "content-security-policy": POLICY}
            route.fulfill(body=body, headers=headers)

        context = browser.new_context(viewport={"width": width, "height": 900}, **options)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda m: complaints.append(m.text) if m.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.route("**/*", serve)
        page.goto("http://quiz.test/")
        page.wait_for_selector("html[data-ready]")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []


def outcome(page, i=0):
    return page.evaluate(f"[models[{i}].saved.length, models[{i}].saved.at(-1)]")


def verdict(page):
    return page.locator(".optlib-quiz-verdict").inner_text().replace("\n", " ")


def test_a_choice_by_mouse(mount):
    page = mount(choice())
    status, answer = page.get_by_role("status"), page.locator("details")
    assert status.inner_text() == "" and not answer.is_visible()
    assert not page.locator(".optlib-quiz-verdict").is_visible()

    page.get_by_role("button", name="Check").click()  # nothing chosen: no attempt
    assert status.inner_text() == "Choose an option first."
    assert outcome(page) == [0, None] and not answer.is_visible()

    page.get_by_text("(c)").first.click()
    page.get_by_role("button", name="Check").click()
    assert verdict(page).startswith("✗ (c) is not right. ")
    assert "Hint: Print two counts." in verdict(page)
    assert page.locator(".optlib-quiz-verdict math").count() == 1
    assert status.inner_text() == (
        "Attempt 1: (c) is not right. kappa squared is nowhere. Hint: Print two counts."
    )
    assert outcome(page) == [1, ["c", False, 1]]

    page.get_by_role("button", name="Check").click()  # the same again is announced again
    assert status.inner_text().startswith("Attempt 2: (c) is not right.")
    assert "Hint: Divide them." in verdict(page)

    page.get_by_text("(b)").first.click()
    page.get_by_role("button", name="Check").click()
    assert verdict(page).startswith("✓ (b) is right. ") and "Hint" not in verdict(page)
    assert outcome(page) == [3, ["b", True, 3]]

    assert not page.get_by_text("momentum's").is_visible()
    page.get_by_text("Show answer").click()
    assert page.get_by_text("momentum's").is_visible()
    assert answer.get_by_role("listitem").count() == 3


def test_a_choice_by_keyboard(mount):
    page = mount(choice())
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.value") == "a"
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    assert outcome(page) == [1, ["c", False, 1]]
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    assert outcome(page) == [2, ["b", True, 2]]
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.get_by_text("momentum's").is_visible()


SPELLINGS = {
    0.04: ("0.04", ".04", "4e-2", "4E-2", "1/25", " 1 / 25 ", "0,04", "+0.04", "0.4e-1")
    + ("-1/-25", "0,4/10", "40.e-3", "0,040"),
    **{-3: ("-3", "\u22123"), 12: ("12",), 1234.5: ("1234,5",), 1.2: ("1,2", "6/5")},
}


def test_spellings_of_a_number(mount):
    page = mount(number())
    tried = 0
    for value, spellings in SPELLINGS.items():
        for typed in spellings:
            page.get_by_role("textbox").fill(typed)
            page.keyboard.press("Enter")
            tried += 1
            count, (picked, correct, attempts) = outcome(page)
            assert (typed, count, attempts) == (typed, tried, tried)
            assert (typed, picked) == (typed, pytest.approx(value, rel=1e-15))
            assert (typed, correct) == (typed, value == 0.04)


NONSENSE = {
    "": "Write a number first.",
    "   ": "Write a number first.",
    "abc": "“abc” is not a number. Write it like 1.25, 125e-2 or 5/4.",
    **dict.fromkeys(["0.04.1", "4 %", "1 2", "1/2/3", "0x10", "Infinity"], "is not a number"),
    "1/0": "“1/0” is not a finite number.",
    "1e999": "“1e999” is not a finite number.",
    "69,078": "“69,078” can be read in two ways. Write 69078 or 69.078.",
    "<img src=x onerror=alert(1)>": "“<img src=x onerror=alert(1)>” is not a number.",
}


def test_nonsense_gets_a_message_and_is_no_attempt(mount):
    page = mount(number())
    box = page.get_by_role("textbox")
    for typed, message in NONSENSE.items():
        box.fill(typed)
        page.get_by_role("button", name="Check").click()
        assert message in verdict(page) and message in page.get_by_role("status").inner_text()
        assert outcome(page) == [0, None] and not page.locator("details").is_visible()
        assert page.locator("main img").count() == 0
        assert box.get_attribute("aria-invalid") == "true"
        box.press_sequentially("1")
        assert box.get_attribute("aria-invalid") is None


VERDICTS = {
    "0.04": "✓ 0.04 is right. The limit is",
    "1/25": "✓ 0.04 is right.",
    "0.0404": "✓ 0.0404 is right.",  # the border of 1 %
    "0.0396": "✓ 0.0396 is right.",
    "0.04041": "✗ 0.04041 is not right. It is too large.",
    "0.03959": "✗ 0.03959 is not right. It is too small.",
    "0.02": "✗ 0.02 is not right. ",
    "1/3": "✗ 0.333333 is not right. It is too large.",
    "-0.04": "✗ -0.04 is not right. It is too small.",
}


def test_the_verdict_on_a_number(mount):
    page = mount(number())
    for typed, start in VERDICTS.items():
        page.get_by_role("textbox").fill(typed)
        page.get_by_role("button", name="Check").click()
        assert verdict(page).startswith(start)
        assert ("is safe, not the limit" in verdict(page)) == (typed == "0.02")
        assert page.get_by_role("textbox").input_value() == typed  # what the reader wrote stays


def test_names_for_a_screen_reader_are_words(mount):
    page = mount(choice(), number())
    group = "kappa grows from 100 to 400. Steps to reach 10 to the power minus 6 grow"
    assert page.get_by_role("group", name=group, exact=True).count() == 1
    radios = page.get_by_role("radio")
    assert radios.count() == 3
    name = "(a) by root of 4 equals 2"
    assert page.get_by_role("radio", name=name, exact=True).count() == 1
    name = "Your answer, a number in s; within 1 % counts as right"
    assert page.get_by_role("textbox", name=name, exact=True).count() == 1
    # The formulas themselves stay formulas.
    assert page.locator("label math").count() == 2


def test_jupyterlab_leaves_the_keys_to_every_control(mount):
    page = mount(choice(), number())
    controls = page.locator("input, button, select, textarea, summary, a[href], [tabindex]")
    assert controls.count() == 3 + 1 + 1 + 1 + 1 + 1
    marked = page.locator('[data-lm-suppress-shortcuts="true"]')
    assert marked.count() == controls.count()


def test_enter_in_a_text_field_checks_where_the_page_cancels_line_breaks(mount):
    page = mount(number())  # as JupyterLab does
    page.evaluate("addEventListener('beforeinput', (e) => e.data ?? e.preventDefault(), true)")
    page.get_by_role("textbox").press_sequentially("0.02")
    page.keyboard.press("Enter")
    assert outcome(page) == [1, [0.02, False, 1]]


def test_views_of_one_quiz_agree_and_a_kernel_can_reset_it(mount):
    page = mount(choice())
    page.evaluate("void (globalThis.closeView = view(models[0]))")
    first, second = page.locator("form").all()
    first.get_by_role("radio").nth(2).check()
    first.get_by_role("button").click()
    assert second.get_by_role("radio").nth(2).is_checked()
    assert "(c) is not right" in second.locator(".optlib-quiz-verdict").inner_text()
    page.evaluate("void view(models[0])")  # a later view shows what was answered
    assert "(c) is not right" in page.locator(".optlib-quiz-verdict").nth(2).inner_text()

    page.evaluate("closeView()")
    page.evaluate("models[0].set('attempts', 0)")
    assert not first.locator("details").is_visible()
    assert not first.locator(".optlib-quiz-verdict").is_visible()
    assert second.locator(".optlib-quiz-verdict").is_visible()  # closed: hears nothing any more


@pytest.mark.parametrize("width", [375, 1280])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_accessible_and_fitting_in_every_state(mount, theme, width):
    axe = (ROOT / "node_modules/axe-core/axe.min.js").read_text("utf-8")
    page = mount(choice(), choice(), number(), theme=theme, width=width, bypass_csp=True)
    forms = page.locator("form").all()
    forms[0].get_by_role("radio").nth(0).check()
    forms[1].get_by_role("radio").nth(1).check()
    forms[2].get_by_role("textbox").fill("nonsense")
    page.evaluate(axe)
    for answered in (False, True):
        if answered:
            for form in forms:
                form.get_by_role("button").click()
            for form in forms[:2]:
                form.locator("summary").click()
        found = page.evaluate("axe.run()")["violations"]
        assert [(v["id"], [n["html"] for n in v["nodes"]]) for v in found] == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width
