"""The Adam microscope from Python: what it accepts, what it says, and that both sides agree."""

import numpy as np
import pytest
import traitlets

from optlib.widgets import AdamMicroscope
from optlib.widgets.adam_microscope import BARS, PRESETS, RULES, STREAMS, look, stream_path

USUAL = dict(beta1=0.9, beta2=0.999, eps=1e-8)
BAD = [
    ("rule", "SGD", "Adagrad"),
    ("stream", "offline", "online"),
    ("bars", [0.5] * (BARS - 1), "32 numbers"),
    ("bars", [0.5] * (BARS - 1) + [1.1], "from -1 to 1"),
    ("bars", [float("nan")] * BARS, "from -1 to 1"),
    ("before", 5001, "0 and 5000"),
    ("fill", "noise", "repeat"),
    ("beta1", 1.0, "0 and 0.99"),
    ("beta2", 1.0, "0.05 and 0.99999"),
    ("eps", 0.0, "1e-12 and 1"),
    ("bar", 0, "1 and 32"),
]


@pytest.mark.parametrize("name, value, hint", BAD)
def test_a_bad_value_is_refused_and_nothing_changes(name, value, hint):
    lab = AdamMicroscope()
    before = lab.get_state()
    with pytest.raises(traitlets.TraitError, match=hint):
        setattr(lab, name, value)
    assert lab.get_state() == before
    with pytest.raises(traitlets.TraitError, match=hint):
        AdamMicroscope(**{name: value})


def test_an_unknown_setting_lists_the_valid_ones():
    with pytest.raises(TypeError, match="'lr'.*beta2"):
        AdamMicroscope(lr=0.1)


def test_the_output_is_the_same_every_time_and_complete_without_javascript():
    lab = AdamMicroscope(bars=PRESETS["spike"], before=3000)
    data, _ = lab._repr_mimebundle_()
    assert data["text/plain"] == repr(lab) and "0x" not in repr(lab)
    assert lab.model_id.startswith("adammicroscope-")
    assert f'data-model-id="{lab.model_id}"' in data["text/html"]
    assert "3.09, at bar 32" in lab.alt() and lab.alt() in data["text/html"]
    assert data["image/png"]


def test_a_stream_has_a_picture_too(monkeypatch):
    monkeypatch.setitem(STREAMS, "three", {**STREAMS["three"], "steps": 6000})
    lab = AdamMicroscope(stream="three", beta1=0.0, beta2=0.1)
    assert lab._repr_mimebundle_()[0]["image/png"]
    assert "x = 1.000" in lab.alt() or "x = 0.99" in lab.alt()


@pytest.mark.parametrize("name", ["Adam", "AMSGrad"])
@pytest.mark.parametrize("correct", [True, False])
def test_what_it_shows_makes_the_step(name, correct):
    rows = look(name, PRESETS["noise"], 7, "repeat", correct, beta1=0.8, beta2=0.95, eps=0.3)
    _, _, m, v, step = rows.T
    np.testing.assert_allclose(step, m / (np.sqrt(v) + 0.3), rtol=1e-10)
    if not correct:
        np.testing.assert_array_equal(rows[:, :2], rows[:, 2:4])


def longest(preset, **settings):
    steps = look("Adam", PRESETS[preset], **{**USUAL, **settings})[:, 4]
    return np.abs(steps).max(), np.sqrt(np.mean(steps**2))


def test_the_missions_can_be_solved_and_not_by_anything():
    silence = dict(before=5000)
    assert longest("spike", **silence)[0] == pytest.approx(3.1516, rel=1e-3)  # not beyond 3.2
    assert 5 < longest("constant", **silence)[0] < 6.57
    assert 6 < longest("growing", **silence)[0] < 7  # it grows too fast
    assert longest("growing")[0] < 2.5  # no silence, no long step
    best = [round(float(g), 2) for g in (0.9 / 0.999) ** np.arange(BARS - 1.0, -1, -1)]
    assert 7.2 < np.abs(look("Adam", best, 5000, **USUAL)[:, 4]).max() < 7.2703
    again = dict(before=2000, fill="repeat")
    assert 0.21 < longest("noise", **again)[1] < 0.25
    assert longest("alternating", **again)[1] == pytest.approx(0.1 / 1.9, rel=1e-3)
    assert longest("constant", correct=False)[0] == pytest.approx(6.5685, rel=1e-4)
    assert longest("constant", correct=False, beta2=0.95)[0] < 1.2


BOTH = """
const model = {}; const render = 0; const window = {}; const document = {};
%s
return input.looks.map(([name, bars, settings]) =>
  lookAt(name, bars, settings).map((r) => [r.m, r.v, r.mHat, r.vHat, r.step])).concat(
  input.streams.map(([name, stream, settings]) => {
    const run = streamRun(name, stream, settings);
    let calls = 0;
    while (!run.done()) { let once = 0; run.on(() => once++ > 0); calls++; }
    return [run.end(), calls, run.path.length, run.path.at(-1)];
  }));
"""


def test_the_front_end_does_what_the_library_does(run_js, monkeypatch):
    """Its steps are traced; there is no formula of a rule in its own text."""
    module = AdamMicroscope._esm.replace("export default { render };", "").replace(
        "function render(", "function mount("
    )
    rng = np.random.default_rng(5)
    looks = []
    for name in RULES:
        for fill in ("zeros", "repeat"):
            settings = dict(
                before=int(rng.integers(0, 300)), fill=fill, correct=bool(fill == "zeros"),
                beta1=float(rng.uniform(0, 0.95)), beta2=float(rng.uniform(0.7, 0.999)), eps=1e-8,
            )  # fmt: skip
            looks.append([name, rng.uniform(-1, 1, BARS).round(2).tolist(), settings])
    streams, steps = [], 5000
    for name in RULES:
        for key in STREAMS:
            stream = {**STREAMS[key], "steps": steps}
            monkeypatch.setitem(STREAMS, key, stream)
            settings = dict(beta1=0.5, beta2=0.98, eps=1e-8, correct=bool(name != "AMSGrad"))
            streams.append([name, stream, settings, key])
    sent = {"looks": looks, "streams": [row[:3] for row in streams]}
    found = run_js(BOTH % module, sent)
    for (name, bars, settings), rows in zip(looks, found, strict=False):
        wanted = look(name, bars, **settings)
        np.testing.assert_allclose(rows, wanted, rtol=1e-6, atol=1e-12, err_msg=name)
    for (name, _, settings, key), got in zip(streams, found[len(looks) :], strict=True):
        end, calls, length, last = got
        assert end == pytest.approx(stream_path(name, key, **settings)[-1], abs=1e-9), (name, key)
        assert calls == steps / 1000 and last == end and length > 200
    assert AdamMicroscope._esm.count("step(t, x, g, m, h)") == len(RULES)
