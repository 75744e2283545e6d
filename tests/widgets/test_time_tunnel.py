"""The Time tunnel from Python: what it accepts, its numbers, its JavaScript, its missions."""

import numpy as np
import pytest
import traitlets

from optlib.widgets import TimeTunnel, time_tunnel, tracer
from optlib.widgets.signal_tunnel import next_number
from optlib.widgets.time_tunnel import GOALS, numbers, through_time

BAD = [
    ("rho", 0.1, "0.3 and 2"),
    ("rho", float("nan"), "0.3 and 2"),
    ("length", 4, "5 and 100"),
    ("length", 101, "5 and 100"),
    ("cut", 0, "1 and 100"),
    ("clip", "yes", "off"),
    ("seed", 100, "1 and 99"),
]


@pytest.mark.parametrize("name, value, hint", BAD)
def test_a_bad_value_is_refused_and_nothing_changes(name, value, hint):
    box = TimeTunnel()
    before = box.get_state()
    with pytest.raises(traitlets.TraitError, match=hint):
        setattr(box, name, value)
    assert box.get_state() == before
    with pytest.raises(traitlets.TraitError, match=hint):
        TimeTunnel(**{name: value})


def test_the_output_is_the_same_every_time_and_complete_without_javascript():
    box = TimeTunnel(rho=1.5, length=60, cut=9, clip="on")
    data, _ = box._repr_mimebundle_()
    wanted = "TimeTunnel(rho=1.5, length=60, cut=9, clip='on', seed=1)"
    assert data["text/plain"] == repr(box) == wanted
    assert "60 steps with rho = 1.5, cut after 9" in box.alt()
    assert box.alt().endswith("and 1 where the optimizer gets it.")
    assert data["image/png"]


def by_hand(rho, length, cut, seed):
    """Forward and backward in plain numpy."""
    turn, u, r, X = numbers(seed)
    U, states = rho * turn, [np.zeros((20, 16))]
    for t in range(length):
        states.append(np.tanh(states[-1] @ U + X[t][:, None] * u))
    g, sizes, parts = np.tile(r, (20, 1)), [], []
    for t in range(length, 0, -1):
        sizes.append(np.sqrt((g * g).sum(axis=1).mean()))
        delta = g * (1 - states[t] ** 2)
        parts.append(states[t - 1].T @ delta / 20)
        g = delta @ U.T
    full, kept = sum(parts), sum(parts[:cut])
    mean, h = states[-1].mean(axis=0), states[-1]
    right = [(h[i] @ (20 * mean - h[i])) > 0 for i in range(20)]
    cosine = (full * kept).sum() / np.linalg.norm(full) / np.linalg.norm(kept)
    shares = [np.linalg.norm(p) for p in parts[::-1]]
    return sizes[::-1], shares, np.linalg.norm(kept), cosine, right


SETTINGS = [
    dict(rho=0.9, length=20, cut=100, seed=1),
    dict(rho=0.5, length=100, cut=100, seed=2),
    dict(rho=1.05, length=60, cut=12, seed=1),
    dict(rho=1.2, length=40, cut=1, seed=99),
]


@pytest.mark.parametrize("setting", SETTINGS)
def test_the_numbers_are_those_of_a_network_written_by_hand(setting):
    found = through_time(**setting)
    sizes, shares, norm, cosine, right = by_hand(**setting)
    assert np.allclose(found.gradient, sizes, rtol=1e-9)
    assert np.allclose(found.shares, shares, rtol=1e-9, atol=1e-30)
    assert found.norm == pytest.approx(norm) and found.cosine == pytest.approx(cosine)
    assert found.right == sum(right)
    assert found.factor ** (setting["length"] - 1) == pytest.approx(found.ratio)


def test_the_matrix_turns_and_does_not_stretch():
    for seed in (1, 2, 99):
        turn, u, r, X = numbers(seed)
        assert np.allclose(turn @ turn.T, np.eye(16)) and u @ u == pytest.approx(1)
        assert r @ r == pytest.approx(1) and (X[0] == 1).all()
        assert X[1:].std() == pytest.approx(time_tunnel.NOISE, rel=0.05)


def test_the_law_of_the_page():
    for length in (20, 40, 80):
        rho = 1e-3 ** (1 / (length - 1))
        assert 0.5e-3 < through_time(rho, length).ratio < 1e-3


def program():
    text = (time_tunnel.base.HERE / "time_tunnel.js").read_text("utf-8")
    table = tracer.table_js("ACTIVATIONS", time_tunnel.ACTIVATIONS, tracer.activation_js)
    generator = tracer.formula_js("nextNumber", next_number)
    front = "\n".join([table, generator, time_tunnel._facts()])
    assert front in TimeTunnel._esm
    return front + text[: text.index("function render")]


def test_the_front_end_computes_the_same(run_js):
    code = """
    return input.map((at) => {
      const t = throughTime(drawTimes(at.seed), at);
      return { ...t, gradient: [...t.gradient], shares: [...t.shares] };
    });
    """
    for got, setting in zip(run_js(program() + code, SETTINGS), SETTINGS):
        found = through_time(**setting)
        assert np.allclose(got["gradient"], found.gradient, rtol=1e-6)
        assert np.allclose(got["shares"], found.shares, rtol=1e-6, atol=1e-30)
        for name in ("norm", "cosine", "ratio", "factor"):
            assert got[name] == pytest.approx(getattr(found, name), rel=1e-6), name
        assert got["right"] == found.right


def test_every_mission_can_be_solved():
    for length in GOALS["lengths"][:2]:  # with the slider alone
        tried = [through_time(rho, length).ratio for rho in np.arange(0.6, 1, 0.005)]
        assert any(1e-3 / 1.2 < ratio < 1.2e-3 for ratio in tried), length
    by_law = through_time(1e-3 ** (1 / 79), GOALS["lengths"][2]).ratio
    assert 1e-3 / GOALS["within"] < by_law
    long = GOALS["long"]
    assert through_time(1.2, long).norm > GOALS["explodes"]
    assert through_time(0.6, long).ratio < GOALS["vanished"]
    assert through_time(1.0, long).ratio > 0.1
    for rho in GOALS["rhos"]:
        cosines = [through_time(rho, long, cut).cosine for cut in range(1, long)]
        assert cosines[0] < GOALS["cosine"] < max(cosines)
    t = through_time(1.05, 100)
    assert t.right >= GOALS["remember"] and 1 / GOALS["band"] < t.ratio < GOALS["band"]
