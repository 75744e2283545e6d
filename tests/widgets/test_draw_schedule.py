"""Draw your own schedule, from Python: what it accepts, its formulas, and its missions."""

import numpy as np
import pytest
import traitlets

from optlib import GD, noisy_bowl, schedules
from optlib.noisy_bowl import CURVATURES, KNOTS, MORE, NOISE, STEPS, expected_losses, rates
from optlib.widgets import DrawSchedule, draw_schedule, tracer
from optlib.widgets.draw_schedule import stored

BAD = [
    ("drawing", [0.1] * 5, "has 5 rates; it must have 17, or 25"),
    ("drawing", [0.1] * 16 + [0.0], "0.001 and 4"),
    ("drawing", [5.0] * 17, "0.001 and 4"),
    ("drawing", [float("nan")] * 17, "0.001 and 4"),
    ("budget", "thrice", "thrice"),
]


@pytest.mark.parametrize("name, value, hint", BAD)
def test_a_bad_value_is_refused_and_nothing_changes(name, value, hint):
    lab = DrawSchedule()
    before = lab.get_state()
    with pytest.raises(traitlets.TraitError, match=hint):
        setattr(lab, name, value)
    assert lab.get_state() == before
    with pytest.raises(traitlets.TraitError, match=hint):
        DrawSchedule(**{name: value})


def test_an_unknown_setting_lists_the_valid_ones():
    with pytest.raises(TypeError, match="'rates'.*drawing"):
        DrawSchedule(rates=[0.1])


def test_a_drawing_of_the_first_half_goes_on_with_its_last_rate():
    lab = DrawSchedule(drawing=[0.5] * 16 + [0.01])
    assert lab.drawing[KNOTS:] == [0.01] * MORE
    assert (rates(lab.drawing, 2 * STEPS)[STEPS:] == 0.01).all()


def test_the_output_is_the_same_every_time_and_complete_without_javascript():
    lab = DrawSchedule(drawing=[0.2] * 17)
    data, _ = lab._repr_mimebundle_()
    assert data["text/plain"] == repr(lab) and "0x" not in repr(lab)
    assert f'data-model-id="{lab.model_id}"' in data["text/html"]
    assert lab.alt() == DrawSchedule(drawing=[0.2] * 17).alt() and "from 0.2" in lab.alt()
    assert data["image/png"]


@pytest.mark.parametrize("setting", [dict(drawing=[4.0] * 17), dict(budget="twice")])
def test_the_picture_is_drawn_even_if_the_run_diverges(setting):
    lab = DrawSchedule(**setting)
    assert lab._repr_mimebundle_()[0]["image/png"]
    assert ("has diverged" in lab.alt()) == ("drawing" in setting)
    assert "4000" in DrawSchedule(budget="twice").alt()


def test_a_run_that_would_be_lost_on_the_way_has_diverged_wherever_it_ends_on_paper():
    wild = [4.0, 4.0, 3.2, 2.3, 1.6, 1.2, 0.8, *stored()["best"]["drawing"][7:]]
    losses = expected_losses(rates(wild, STEPS))
    assert losses.max() > 1e200 and losses[-1] < stored()["best"]["end"]
    assert "has diverged" in DrawSchedule(drawing=wild).alt()


def test_the_expected_loss_is_the_mean_of_noisy_runs_of_gradient_descent():
    h, lr = CURVATURES[:, None], schedules.Cosine(1.5, 200)
    opt, rng = GD(np.ones((50, 2000)), lr=lr), np.random.default_rng(0)
    for _ in range(200):
        opt.advance(h * opt.x + np.sqrt(NOISE * h) * rng.standard_normal(opt.x.shape))
    found = 0.5 * (h * opt.x**2).sum(axis=0).mean()
    assert found == pytest.approx(expected_losses(lr(np.arange(1, 201)))[-1], rel=0.02)


def test_knots_are_where_they_are_drawn():
    drawing = np.geomspace(2, 0.01, KNOTS + MORE)
    lrs = rates(drawing, 2 * STEPS)
    assert lrs[0] == pytest.approx(drawing[0]) and lrs[STEPS - 1] == pytest.approx(
        drawing[KNOTS - 1]
    )
    assert lrs[-1] == pytest.approx(drawing[-1])
    assert lrs[STEPS + STEPS // MORE - 1] == pytest.approx(drawing[KNOTS])
    assert (np.diff(lrs) < 0).all()


def test_the_formulas_reach_javascript_as_they_are(run_js):
    drawing = [float(f"{r:.3g}") for r in np.geomspace(1.9, 0.004, KNOTS)] + [0.02] * MORE
    source = (draw_schedule.base.HERE / "draw_schedule.js").read_text("utf-8")
    text = "\n".join([
        tracer.table_js("SCHEDULES", draw_schedule.SHAPES, tracer.schedule_js),
        tracer.formula_js("afterStep", noisy_bowl.after_step),
        tracer.formula_js("place", noisy_bowl.place),
        tracer.formula_js("between", noisy_bowl.between),
        draw_schedule._facts(),
        source[: source.index("function render")],
    ])  # fmt: skip
    found = run_js(
        text
        + """
        const fresh = () => new Float64Array(DRAW.curvatures.length).fill(1);
        const squares = fresh(), lr = (t) => drawn(input, t);
        const first = [...lossAlong(lr, squares, 0, 2000)];
        const s = SCHEDULES.cosine, p = { ...s.defaults, value: DRAW.rivals.cosine.lr };
        const second = [...lossAlong(lr, squares, 2000, 2000)];
        return [first, second, lossAlong((t) => s.at(t, p), fresh(), 0, 2000)[200]];
        """,
        drawing,
    )
    wanted = expected_losses(rates(drawing, 2 * STEPS))
    assert np.allclose(found[0], wanted[: STEPS + 1 : 10], rtol=1e-9)
    assert np.allclose(found[1], wanted[STEPS::10], rtol=1e-9)
    assert found[2] == pytest.approx(stored()["rivals"]["cosine"]["ends"][0], rel=1e-9)


def test_every_mission_can_be_solved_and_none_is_at_first():
    at_first = expected_losses(rates(DrawSchedule().drawing, 2 * STEPS))
    goals = draw_schedule.GOALS
    assert at_first[1500] / at_first[2000] < 5 and at_first[2000] > goals["cosine"]
    assert at_first[4000] > goals["surprise"]
    drop = expected_losses(rates([0.6] * 13 + [0.12, 0.025, 0.005, 0.005], STEPS))
    assert drop[1500] / drop[2000] > 5
    best = stored()["best"]
    assert best["end"] < 0.8 * goals["cosine"]
    again = expected_losses(
        rates(best["drawing"] + [0.1, 0.06, 0.03, 0.02, 0.01, 0.006, 0.003, 0.002], 4000)
    )
    held = expected_losses(rates(best["drawing"] + best["drawing"][-1:] * MORE, 4000))
    assert again[-1] < goals["surprise"] < held[-1]


@pytest.mark.parametrize("name", draw_schedule.SHAPES)
def test_no_button_solves_a_mission(name):
    rival, shape = stored()["rivals"][name], draw_schedule.SHAPES[name]
    knots = np.minimum(STEPS, 1 + np.arange(KNOTS) * STEPS / (KNOTS - 1))
    drawing = np.maximum(rival["lr"] * shape(knots), 0.001)
    ends = expected_losses(rates(np.append(drawing, np.full(MORE, drawing[-1])), 2 * STEPS))
    assert ends[STEPS] > draw_schedule.GOALS["cosine"]
    assert ends[-1] > draw_schedule.GOALS["surprise"]
    level = max(drawing[:12]) <= draw_schedule.LEVEL * min(drawing[:12])
    assert not level or ends[1500] / ends[STEPS] < 5
