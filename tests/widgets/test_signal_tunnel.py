"""The Signal tunnel from Python: what it accepts, its numbers, its generator, its JavaScript."""

import numpy as np
import pytest
import traitlets

from optlib import diagnostics, nn
from optlib.widgets import SignalTunnel, signal_tunnel, tracer
from optlib.widgets.signal_tunnel import next_number, numbers, tunnel

BAD = [
    ("activation", "gelu", "sigmoid"),
    ("depth", 1, "2 and 50"),
    ("depth", 51, "2 and 50"),
    ("gain", 0.0, "0.5 and 20"),
    ("gain", float("nan"), "0.5 and 20"),
    ("skip", "yes", "off"),
    ("branch", 2.0, "0.01 and 1"),
    ("seed", 0, "1 and 99"),
]


@pytest.mark.parametrize("name, value, hint", BAD)
def test_a_bad_value_is_refused_and_nothing_changes(name, value, hint):
    box = SignalTunnel()
    before = box.get_state()
    with pytest.raises(traitlets.TraitError, match=hint):
        setattr(box, name, value)
    assert box.get_state() == before
    with pytest.raises(traitlets.TraitError, match=hint):
        SignalTunnel(**{name: value})


def test_an_unknown_setting_lists_the_valid_ones():
    with pytest.raises(TypeError, match="'width'.*gain"):
        SignalTunnel(width=64)


def test_the_output_is_the_same_every_time_and_complete_without_javascript():
    box = SignalTunnel(activation="tanh", depth=12, skip="on")
    data, _ = box._repr_mimebundle_()
    assert data["text/plain"] == repr(box) and "0x" not in repr(box)
    assert f'data-model-id="{box.model_id}"' in data["text/html"]
    assert "12 tanh layers" in box.alt() and "branch 0.1" in box.alt()
    assert box.alt() == SignalTunnel(activation="tanh", depth=12, skip="on").alt()
    assert data["image/png"]


def by_hand(activation, depth, gain, skip, branch, seed):
    """Forward and backward in plain numpy."""
    f = {"sigmoid": lambda z: 1 / (1 + np.exp(-z)), "tanh": np.tanh, "relu": lambda z: z * (z > 0)}
    slope = {
        "sigmoid": lambda z: np.exp(-z) / (1 + np.exp(-z)) ** 2,
        "tanh": lambda z: 1 / np.cosh(z) ** 2,
        "relu": lambda z: 1.0 * (z > 0),
    }
    X, g, matrices = numbers(seed)
    h, zs, signal, flat = X, [], [X], []
    for W in matrices[:depth] * gain / np.sqrt(32):
        zs.append(h @ W)
        y = f[activation](zs[-1])
        h = h + branch * y if skip == "on" else y
        signal.append(h)
        flat.append(slope[activation](zs[-1]) < 0.01 * slope[activation](np.array(1e-9)))
    back = [g]
    for z, W in zip(zs[::-1], matrices[:depth][::-1] * gain / np.sqrt(32)):
        through = (back[-1] * slope[activation](z)) @ W.T
        back.append(back[-1] + branch * through if skip == "on" else through)
    size = [np.sqrt((a * a).mean()) for a in signal], [np.sqrt((a * a).mean()) for a in back[::-1]]
    apart = [np.sqrt(((a - a.mean(0)) ** 2).mean()) for a in signal]
    return *size, apart, np.mean(flat)


SETTINGS = [
    dict(activation="sigmoid", depth=20, gain=1.0, skip="off", branch=0.1, seed=4),
    dict(activation="sigmoid", depth=9, gain=11.0, skip="off", branch=0.1, seed=2),
    dict(activation="tanh", depth=50, gain=1.2, skip="off", branch=0.1, seed=4),
    dict(activation="relu", depth=30, gain=2**0.5, skip="off", branch=0.1, seed=99),
    dict(activation="relu", depth=50, gain=2**0.5, skip="on", branch=0.14, seed=4),
    dict(activation="tanh", depth=2, gain=0.5, skip="on", branch=1.0, seed=1),
]


@pytest.mark.parametrize("setting", SETTINGS)
def test_the_numbers_are_those_of_a_network_written_by_hand(setting):
    found = tunnel(**setting)
    signal, gradient, apart, flat = by_hand(**setting)
    assert np.allclose(found.signal, signal, rtol=1e-9)
    assert np.allclose(found.gradient, gradient, rtol=1e-7)
    assert np.allclose(found.spread, apart, rtol=1e-4)
    assert found.flat == pytest.approx(flat, abs=1e-9)
    assert found.forward == pytest.approx(signal[-1] / signal[1], rel=1e-9)
    assert found.backward == pytest.approx(gradient[1] / gradient[-1], rel=1e-7)
    assert found.factor ** (setting["depth"] - 1) == pytest.approx(found.backward)


def test_the_report_of_the_library_says_the_same():
    X, G, matrices = numbers(4)
    given = iter([*(matrices[:20] / np.sqrt(32)), np.eye(32)])
    model = nn.MLP([32] * 22, "sigmoid", init=lambda shape, rng: next(given))
    report = diagnostics.depth_report(model, lambda z, G: (z * G).sum(), X, G)
    found = tunnel("sigmoid", 20, 1.0, seed=4)
    assert report.ratio == pytest.approx(found.backward)
    assert report.factor == pytest.approx(found.factor)
    assert report.growth == pytest.approx(found.forward)
    assert signal_tunnel.BAND == 10.0  # the limit of the report


def test_the_generator_is_exact_and_its_numbers_are_uniform():
    s = whole = 4 * 1000003
    for _ in range(5000):
        s, whole = next_number(float(s)), whole * 16807 % (2**31 - 1)
        assert s == whole
    for seed in (1, 2, 99):
        values = np.concatenate([a.ravel() for a in numbers(seed)])
        assert abs(values.mean()) < 0.02 and abs(values.var() - 1) < 0.02
        assert abs(values).max() < 3**0.5 and abs((abs(values) < 1).mean() - 3**-0.5) < 0.01
        assert abs(np.corrcoef(values[:-1], values[1:])[0, 1]) < 0.02
    first = [numbers(seed)[0].ravel() for seed in (1, 2, 3)]
    assert abs(np.corrcoef(first)[np.triu_indices(3, 1)]).max() < 0.2


def source():
    text = (signal_tunnel.base.HERE / "signal_tunnel.js").read_text("utf-8")
    return text[: text.index("function render")]


def traced():
    table = tracer.table_js("ACTIVATIONS", signal_tunnel.ACTIVATIONS, tracer.activation_js)
    generator = tracer.formula_js("nextNumber", next_number)
    return "\n".join([table, generator, signal_tunnel._facts()])


@pytest.mark.parametrize("setting", SETTINGS)
def test_the_front_end_computes_the_same(run_js, setting):
    program = traced() + source()
    program += """
    const t = passThrough(drawNumbers(input.seed), input);
    return Object.fromEntries(Object.entries(t).map(([k, v]) => [k, v.length ? [...v] : v]));
    """
    got, found = run_js(program, setting), tunnel(**setting)
    for name in ("signal", "gradient"):
        assert np.allclose(got[name], getattr(found, name), rtol=1e-7), name
    assert np.allclose(got["spread"], found.spread, rtol=1e-4)
    for name in ("forward", "backward", "factor", "flat"):
        assert got[name] == pytest.approx(getattr(found, name), rel=1e-7), name
    assert got["apart"] == pytest.approx(found.apart, rel=1e-4)
    assert traced() in SignalTunnel._esm


def test_the_random_numbers_of_both_languages_are_the_same_bits(run_js):
    got = run_js(traced() + source() + "const d = drawNumbers(7); return [[...d.X], [...d.W]];")
    X, _, matrices = numbers(7)
    assert got[0] == X.ravel().tolist()
    assert got[1] == matrices.ravel().tolist()


def test_activations_reach_javascript_as_they_are(run_js):
    x = [-100.0, -3.0, -1e-9, 0.0, 0.5, 40.0]
    program = """
    return Object.values(ACTIVATIONS).map((phi) => input.map((x) => {
      const y = phi.f(x);
      return [y, phi.df(2.5, x, y)];
    }));
    """
    got = np.array(run_js(traced() + program, x))
    for row, phi in zip(got, signal_tunnel.ACTIVATIONS.values()):
        y = phi.f(np.array(x))
        assert np.allclose(row, np.stack([y, phi.df(2.5, np.array(x), y)], axis=1), rtol=1e-14)


def test_every_mission_can_be_solved():
    def solves(name, gain, depth=30):
        t, near = tunnel(name, depth, gain), signal_tunnel.GOALS["near"][name]
        return all(1 / near <= v <= near for v in (t.forward, t.backward))

    assert any(solves("tanh", g) for g in np.linspace(1, 1.5, 11))
    assert solves("relu", 2**0.5) and not solves("relu", 1.3) and not solves("relu", 1.6)
    deep = [tunnel("sigmoid", 20, g).backward for g in np.geomspace(0.5, 4, 30)]
    assert max(deep) < 1e-3
    assert 0.1 < tunnel("sigmoid", 20, 11.0).backward < 10
    grows = [tunnel("relu", 50, 2**0.5, "on", s).backward for s in (0.05, 0.14, 0.3)]
    assert grows[0] < grows[1] < 10 < grows[2]
