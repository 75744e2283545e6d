"""What all labs share (kit.js), alone on an empty page with a model that a test can play with."""

from pathlib import Path

import pytest

from optlib import widgets

KIT = (Path(widgets.__file__).parent / "kit.js").read_text("utf-8")
MODEL = """
const listeners = [], saved = [], state = { lr: 1, start: [1, 2], solved: [] };
const model = {
  get: (k) => state[k],
  set(k, v) {
    if (state[k] === v) return;
    state[k] = v;
    for (const [n, f] of listeners) if (n === `change:${k}`) f();
  },
  on: (n, f) => listeners.push([n, f]),
  off: (n, f) => listeners.splice(listeners.findIndex(([a, b]) => a === n && b === f), 1),
  save_changes: () => saved.push({ ...state }),
};
const el = document.createElement("div"), wait = (ms) => new Promise((f) => setTimeout(f, ms));
document.body.append(el);
"""


@pytest.fixture
def js(browser):
    """js(program) -> what the body of an async function returns, with the kit and a model."""
    page = browser.new_page()
    yield lambda program: page.evaluate(f"async () => {{ {KIT} {MODEL} {program} }}")
    page.close()


OPEN = 'const lab = openLab({ model, el, name: "x", link: {} });'


def test_a_late_echo_does_not_undo_what_was_just_set(js):
    saved = js(OPEN + 'lab.act({ lr: 2 }); model.set("lr", 1); await wait(120); return saved;')
    assert [state["lr"] for state in saved] == [2]


def test_many_changes_are_saved_once_and_later_ones_again(js):
    saved = js(
        OPEN + "for (const v of [2, 3, 4]) lab.act({ lr: v }); await wait(120);"
        "lab.act({ lr: 5 }); await wait(120); return saved;"
    )
    assert [state["lr"] for state in saved] == [4, 5]


def test_a_mission_is_announced_in_front_of_what_is_said_next(js):
    said = js(
        OPEN + 'const quest = { key: "a", task: "Find it.", ok: false };'
        "const tasks = lab.missions([quest]); tasks.judge(); const before = el.innerText;"
        'quest.ok = true; tasks.judge(); lab.speak(() => "Loss 3."); await wait(400);'
        "return [before, el.innerText, lab.status.textContent, state.solved];"
    )
    assert "Solved" not in said[0] and "✓ Solved." in said[1]
    assert said[2] == "Mission solved: 1 of 1. Loss 3." and said[3] == ["a"]


def test_kinds_of_settings_read_what_they_write_and_refuse_nonsense(js):
    kept, refused = js(
        "const input = ['', ' ', 'nan', '-1', 'c', 'a,c', '1e9'];"
        "const kinds = [inLink.number(0, 2), inLink.whole(1, 9), inLink.one(['a', 'b']),"
        " inLink.some(['a', 'b'])], values = [0.125, 4, 'b', ['b', 'a']];"
        "return [kinds.map((k, i) => k.read(String(k.write(values[i])))),"
        " kinds.map((k) => input.map((t) => k.read(t) ?? null))];"
    )
    assert kept == [0.125, 4, "b", ["b", "a"]]
    assert refused == [[None] * 7] * 4


def test_at_the_end_no_listener_is_left(js):
    left = js(
        OPEN + "el.append(lab.note); const stop = lab.start({ watch: ['lr', 'start'], stage: el,"
        " show() {}, draw() {} }); const during = listeners.length; stop();"
        "return [during, listeners.length];"
    )
    assert left == [2, 0]


def test_axes_end_for_every_range(js):
    nan, inf = float("nan"), float("inf")
    ranges = [[0, 4], [-1, 1], [5, 5], [0, 0], [181.6, 181.6 + 3e-14], [1e9, 1e9 + 1e-6],
              [1e-20, 2e-20], [3, 2], [0, inf], [-inf, inf], [nan, 1], [0, nan]]  # fmt: skip
    asked = [[low, high, log, every] for low, high in ranges for log in (False, True)
             for every in (None, 1e-300)]  # fmt: skip
    written = ", ".join(
        f"[{low}, {high}, {str(log).lower()}, {every or 'undefined'}]"
        for low, high, log, every in asked
    )
    found = js(
        f"const asked = [{written.replace('nan', 'NaN').replace('inf', 'Infinity')}];"
        "return asked.map(([low, high, log, every]) => { let lines = 0;"
        " const stroke = () => { if (++lines > 99) throw Error('without end'); }, none = () => {};"
        " const c = { beginPath: none, moveTo: none, lineTo: none, fillText: none, stroke };"
        " const { py } = axes(c, { low, high, log, every, title: '', colour: {}, right: 100,"
        " bottom: 90 }); return [lines, py(low)]; });"
    )
    for (low, high, log, every), (lines, foot) in zip(asked, found, strict=True):
        finite = abs(low) < inf and abs(high) < inf
        assert finite <= lines <= 51, (low, high, log, every)
        if finite and not log:
            assert foot == 90 and lines == (5 if every is None else 51), (low, high, every)
