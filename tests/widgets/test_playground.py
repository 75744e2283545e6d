"""The playground from Python: what it accepts, links, and what it says without JavaScript."""

import json

import numpy as np
import pytest
import traitlets
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import optlib
from optlib.widgets import Playground, playground
from optlib.widgets.playground import KNOWN_RULES, PROBLEMS, RULES, make, read_call, read_rules

BAD = [
    ("problem", "Everest", "there is no problem “Everest”; there are .*Rosenbrock"),
    ("problem", "Quadratic(kappa=0.5)", "kappa=0.5 must lie between 1 and 10000"),
    ("problem", "Rosenbrock(a=1)", "Rosenbrock has no number “a”; it has none"),
    ("loss", "x +", "at character 4"),
    ("rules", "GD(lr=0.1);Adma", "there is no rule “Adma”; there are .*Adam"),
    ("rules", "", "1 to 6 rules"),
    ("rules", ";".join(["GD"] * 7), "1 to 6 rules"),
    ("rules", "Adam(beta1=1)", "beta1=1 must lie between 0 and 0.9999"),
    ("rules", "Adam(lr=fast)", "lr=fast must lie between 1e-05 and 10"),
    ("rules", "Adam(lr=nan)", "lr=nan must lie"),
    ("rules", "Adam(momentum=0.9)", "no number “momentum”; it has lr, beta1"),
    ("rules", "Adam(lr=0.1", "not of the form"),
    ("steps", 0, "between 1 and 2000"),
    ("start", [1.0, float("inf")], "two numbers"),
    ("start", [1.0], "two numbers"),
    ("middle", [1e9, 0.0], "two numbers"),
    ("width", 0.0, "between 0.001"),
    ("view", "hologram", "none of map, surface, rates"),
    ("axis", "cubic", "none of log, linear"),
    ("sweep", "beta", "such as 1.beta1"),
    ("turn", 400.0, "between -180 and 180"),
    ("tilt", 0.0, "between 5 and 90"),
]


@pytest.mark.parametrize("name, value, hint", BAD)
def test_a_bad_value_is_refused_and_nothing_changes(name, value, hint):
    widget = Playground()
    before = widget.get_state()
    with pytest.raises(traitlets.TraitError, match=hint):
        setattr(widget, name, value)
    assert widget.get_state() == before
    with pytest.raises(traitlets.TraitError, match=hint):
        Playground(**{name: value})
    with pytest.raises(ValueError, match=hint):
        Playground.link(**{name: value})


def test_an_unknown_setting_lists_the_valid_ones():
    with pytest.raises(TypeError, match="'lr'.*problem"):
        Playground(lr=0.1)
    with pytest.raises(ValueError, match="'lr'.*problem"):
        Playground.link(lr=0.1)
    with pytest.raises(traitlets.TraitError, match="sweep: “3.beta”"):
        Playground(rules="GD;Momentum", sweep="3.beta")


def test_every_rule_and_every_problem_of_one_or_two_variables_is_there():
    assert list(KNOWN_RULES) == list(optlib.OPTIMIZERS)
    assert set(optlib.PROBLEMS) - set(PROBLEMS) == {"NesterovWorst", "LeastSquares"}
    assert Playground._esm.count("step(t, x, g, m, h)") == len(optlib.OPTIMIZERS)


@pytest.mark.parametrize("name", RULES)
def test_every_slider_s_range_is_accepted_by_the_rule(name):
    for key, (low, high, scale) in KNOWN_RULES[name].items():
        default = RULES[name].defaults[key]
        assert low <= default <= high, key
        assert scale == "decay" or scale == "linear" or low > 0
        for value in (low, default, high):
            RULES[name](np.zeros(2), **{key: value}).advance(np.ones(2))


def test_settings_follow_from_the_problem():
    banana = Playground(problem="Rosenbrock", rules="GD")
    assert banana.start == [-1.2, 1.0] and banana.middle == [0.0, 1.0]
    typed = Playground(loss="x^2 + y^2")
    assert typed.problem == "typed" and typed.start == [2.0, 1.0] and typed.width == 8.0
    assert Playground(problem="Beale", start=[0, 0]).start == [0.0, 0.0]


def test_the_output_is_the_same_every_time_and_complete_without_javascript():
    widget = Playground(rules="GD(lr=0.001);Adam(lr=0.05,beta1=0.8)")
    data, _ = widget._repr_mimebundle_()
    assert data["text/plain"] == repr(widget) and "0x" not in repr(widget)
    assert f'data-model-id="{widget.model_id}"' in data["text/html"]
    ends = [
        optlib.run(optlib.GD, optlib.Rosenbrock(), 300, lr=0.001).f[-1],
        optlib.run(optlib.Adam, optlib.Rosenbrock(), 300, lr=0.05, beta1=0.8).f[-1],
    ]
    for label, end in zip(("1 GD", "2 Adam"), ends, strict=True):
        assert f"{label} {end:.2e}" in widget.alt()
    assert widget.alt() in data["text/html"] and data["image/png"]


def test_markup_in_a_loss_stays_text():
    text = "x^2 + 1*(y<2)"
    with pytest.raises(traitlets.TraitError, match="“<”"):
        Playground(loss=text)


@pytest.mark.parametrize(
    "setting",
    [dict(problem=name) for name in PROBLEMS]
    + [
        dict(problem="Rosenbrock", rules="GD(lr=10)"),  # diverges
        dict(loss="log(x) + sqrt(y)", start=[1, 1], rules="GD(lr=1)"),  # leaves where it is defined
        dict(loss="log(x)", middle=[-50, 0], width=1),  # nothing to see
        dict(problem="Saddle", axis="linear", rules="GD(lr=0.1);Lion;Rprop"),
    ],
    ids=str,
)
def test_the_picture_is_drawn(setting):
    data, _ = Playground(**setting)._repr_mimebundle_()
    assert data["image/png"]


def test_one_dimension_is_a_ribbon():
    ribbon, line = make("TenWell", ""), optlib.TenWell()
    run = optlib.run(optlib.Adam, ribbon, 50, [5.0, 2.0], lr=0.1).x
    assert run[:, 0].tolist() == optlib.run(optlib.Adam, line, 50, [5.0], lr=0.1).x[:, 0].tolist()
    assert (run[:, 1] == 2).all()


LINKS = [
    {},
    dict(problem="Quadratic(kappa=100,angle=0.5)", rules="GD(lr=0.02);Adam", steps=50),
    dict(loss="x^2 + y^2*exp(-x) - 1", start=[1.5, -2.0], view="surface", turn=10.0, tilt=60.0),
    dict(problem="typed", loss="max(x, -y)^2", axis="linear", middle=[1.0, 2.0], width=0.5),
    dict(rules="Momentum;Adam", view="rates", sweep="2.beta1"),
]


@pytest.mark.parametrize("given_", LINKS, ids=str)
def test_a_link_comes_back_as_the_settings(given_):
    link = Playground.link(**given_)
    assert not set(link) & set(" <>\"'`+")
    back = Playground.settings_of("https://example.org/chapters/playground.html" + link)
    spaceless = {k: v.replace(" ", "") if isinstance(v, str) else v for k, v in given_.items()}
    assert back == spaceless
    assert Playground(**back).get_state()["rules"] == given_.get("rules", Playground().rules)


@pytest.mark.parametrize(
    "link, hint",
    [
        ("#problem=Everest", "problem: there is no problem"),
        ("#loss=x^2+y^2", "loss: at character 5"),  # a + must be written %2B
        ("#steps=many", "steps: “many” is not a number"),
        ("#start=1", "start: .*two numbers"),
        ("#speed=3", "no 'speed'"),
        ("#rules=GD&sweep=1.beta", "sweep"),
    ],
)
def test_a_wrong_link_is_named(link, hint):
    with pytest.raises(ValueError, match=hint):
        Playground.settings_of(link)


CALLS = """
const known = Object.fromEntries(Object.entries(PLAY.rules));
return input.map((text) => {
  try { return readRules(text).map(({ name, values }) => [name, values]); }
  catch (error) { return error.message; }
});
"""
PIECE = st.sampled_from(
    ["GD", "Adam", "Foo", "(", ")", "lr", "beta1", "eps", "=", "=", ",", ";", " ", "0.1", "2", "-1",
     "1e-3", "x", "__proto__", "constructor"]
)  # fmt: skip
CALL = st.one_of(
    st.lists(PIECE, max_size=12).map("".join),
    st.lists(
        st.sampled_from(["GD", "Adam(lr=0.1)", "Adam(lr=0.1, beta1=0.5)", " Lion ( wd = 0.2 ) ",
                         "Adam(beta1=2)", "GD(beta=1)", "Nobody", "Momentum(beta=0)"]),
        min_size=1, max_size=8,
    ).map(";".join),
)  # fmt: skip


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(CALL, min_size=20, max_size=60))
def test_the_front_end_reads_rules_as_python_does(run_js, texts):
    text = (playground.base.HERE / "playground.js").read_text("utf-8")
    program = (
        playground._facts()
        + "const say = String;\n"
        + text[text.index("function readCall") : text.index("/** The inverse")]
        + CALLS
    )

    def ours(one):
        try:
            return [list(call) for call in read_rules(one)]
        except ValueError as error:
            return str(error)

    for one, theirs in zip(texts, run_js(program, texts), strict=True):
        mine = ours(one)
        if isinstance(mine, str):  # numbers are written differently in the two languages
            assert isinstance(theirs, str) and theirs.split(" must lie")[0] == (
                mine.split(" must lie")[0]
            ), one
        else:
            assert theirs == json.loads(json.dumps(mine)), one


def test_read_call():
    assert read_call(" Adam ( lr = 0.5 ) ", KNOWN_RULES, "rule") == ("Adam", {"lr": 0.5})
    assert read_call("GD()", KNOWN_RULES, "rule") == ("GD", {})
