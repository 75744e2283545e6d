"""Tuning budget game, from Python: what it accepts, its formulas, and its missions."""

import matplotlib.figure
import numpy as np
import pytest
import traitlets

from optlib import tuning_game
from optlib.widgets import TuningGame
from optlib.widgets import tuning_game as lab

BAD = [
    ("problem", "spiral", "spiral"),
    ("rule", "Lion", "Lion"),
    ("lr", 1e-8, "1e-07"),
    ("lr", 2e3, "1000"),
    ("beta", 1.0, "0.99"),
    ("schedule", "cosine", "cosine"),
    ("range", "all", "all"),
    ("rival", "grid", "grid"),
    ("trials", ["banana,Adam,0.001"], "must be problem,rule,rate"),
    ("trials", ["banana,Lion,0.001,0.9,constant,hand"], "'Lion' is none of GD"),
    ("trials", ["banana,Adam,1e9,0.9,constant,hand"], "the rate must lie"),
    ("trials", ["noisy,Adam,0.1,0.9,constant,hand"] * 21, "21 on 'noisy'"),
    ("reruns", ["noisy,Adam,0.1,nan,constant,hand"], "the beta must lie"),
]


@pytest.mark.parametrize("name, value, hint", BAD)
def test_a_bad_value_is_refused_and_nothing_changes(name, value, hint):
    game = TuningGame()
    before = game.get_state()
    with pytest.raises(traitlets.TraitError, match=hint):
        setattr(game, name, value)
    assert game.get_state() == before
    with pytest.raises(traitlets.TraitError, match=hint):
        TuningGame(**{name: value})


def test_an_unknown_setting_lists_the_valid_ones():
    with pytest.raises(TypeError, match="'budget'.*problem.*trials"):
        TuningGame(budget=40)


def test_the_output_is_complete_without_javascript():
    trials = ["noisy,GD,10,0,constant,hand", "noisy,Adam,0.1,0.9,linear,hand"]  # one is lost
    game = TuningGame(problem="noisy", trials=trials)
    data, _ = game._repr_mimebundle_()
    assert data["text/plain"] == repr(game) and "0x" not in repr(game)
    assert f'data-model-id="{game.model_id}"' in data["text/html"] and data["image/png"]
    assert "after 2 trials of 20" in game.alt()


@pytest.mark.parametrize("problem", tuning_game.PROBLEMS)
def test_nothing_tried_is_drawn_as_well(problem):
    game = TuningGame(problem=problem)
    assert "nothing was tried" in game.alt()
    game.draw(matplotlib.figure.Figure())


SETTINGS = [
    ("banana", "Momentum", 0.002, 0.9, "constant"),
    ("banana", "GD", 1.0, 0.0, "constant"),  # lost
    ("diabetes", "Adam", 2.0, 0.8, "linear"),
    ("diabetes", "RMSprop", 0.01, 0.0, "linear"),
    ("noisy", "GD", 0.1, 0.0, "linear"),
    ("noisy", "Adam", 0.1, 0.9, "constant"),
]


def front_end():
    source = (lab.base.HERE / "tuning_game.js").read_text("utf-8")
    kit = (lab.base.HERE / "kit.js").read_text("utf-8")
    walker = kit[kit.index("function walker") : kit.index("/** Run a traced optimizer")]
    tables = lab.TuningGame._esm
    return "\n".join([
        walker,
        str(tables)[str(tables).index("const RULES") : str(tables).index("// Tuning budget game")],
        source[: source.index("function render")],
    ])  # fmt: skip


def test_javascript_runs_the_trials_of_optlib(run_js):
    found = run_js(
        front_end() + "return input.map(([trial, seed]) => [...lossesOf(trial, seed)]);",
        [[list(setting), 7 + i] for i, setting in enumerate(SETTINGS)],
    )
    for i, (setting, js) in enumerate(zip(SETTINGS, found, strict=True)):
        wanted = lab.curve((*setting, "hand"), 7 + i)
        ours = np.array([float(v) for v in js])
        gone = ~np.isfinite(wanted)
        assert (gone == ~np.isfinite(ours)).all()
        assert np.allclose(ours[~gone], wanted[~gone], rtol=1e-6, atol=1e-30)


def test_trials_are_read_alike_in_both_languages(run_js):
    texts = [
        "noisy,Adam,0.1,0.9,constant,hand", "noisy,Adam,0.1,0.9,constant,luck", "noisy,Adam,,0.9,,",
        "noisy,Adam,0.1,0.9,constant,hand,1", "x,Adam,0.1,0.9,constant,hand",
        "noisy,toString,0.1,0.9,constant,hand", "noisy,Adam,NaN,0.9,constant,hand",
        "noisy,Adam,0.1,1,constant,hand", "diabetes,GD,1e-7,0,linear,by decade", "",
    ]  # fmt: skip

    def fine(text):
        try:
            return bool(lab.read_trial(text))
        except ValueError:
            return False

    wanted = [fine(text) for text in texts]
    assert run_js(front_end() + "return input.map((t) => !!readTrial(t));", texts) == wanted
    assert sum(wanted) == 2


def test_missions_can_be_solved_and_not_by_accident():
    goal = lab.GOALS["edge"]
    beyond = ("diabetes", "Momentum", 150.0, 0.9, "constant", "hand")
    assert lab.curve(beyond, 1)[-1] < goal
    rng, n = np.random.default_rng(0), 400
    lr = np.exp(rng.uniform(np.log(0.01), np.log(tuning_game.OFFERED[1]), n))
    beta = 1 - np.exp(rng.uniform(np.log(0.01), 0, n))
    for rule in tuning_game.RULES:
        for plan in tuning_game.SCHEDULES:
            inside = tuning_game.losses("diabetes", rule, lr, beta, plan, 0)[-1]
            assert inside.min() > 10 * goal, (rule, plan)

    noise = np.stack([tuning_game.kicks("noisy", lab.FIRST_NEW + i) for i in range(100)], axis=-1)
    means = {
        (rule, plan): min(
            tuning_game.losses("noisy", rule, np.full(100, lr), np.full(100, b), plan, noise)[
                -1
            ].mean()
            for lr in (0.03, 0.06, 0.1, 0.2, 0.3)
            for b in ((0.5,) if rule == "Momentum" else (0.9,))
        )
        for rule in tuning_game.RULES
        for plan in tuning_game.SCHEDULES
    }
    assert means["RMSprop", "linear"] < lab.GOALS["luck"]
    assert means["GD", "constant"] > lab.GOALS["luck"]
    assert min(means.values()) > 0.02  # and so no single run below that is the whole truth
