"""Find the broken node from Python: its graphs, its faults, its judgements, its words."""

import math

import numpy as np
import pytest
import traitlets

from optlib.widgets import BrokenNode, broken_node
from optlib.widgets.broken_node import CALCULATIONS, GRAPHS, _run, differ, wrong_slopes

BAD = [
    ("mode", "guess", "hand"),
    ("graph", "chain9", "chain8"),
    ("seed", 0, "1 and 9999"),
    ("seed", 10_000, "1 and 9999"),
    ("seed", 1.5, "int"),
]


@pytest.mark.parametrize("name, value, hint", BAD)
def test_a_bad_value_is_refused_and_nothing_changes(name, value, hint):
    widget = BrokenNode()
    before = widget.get_state()
    with pytest.raises(traitlets.TraitError, match=hint):
        setattr(widget, name, value)
    assert widget.get_state() == before
    with pytest.raises(traitlets.TraitError, match=hint):
        BrokenNode(**{name: value})


def test_an_unknown_setting_lists_the_valid_ones():
    with pytest.raises(TypeError, match="'node'.*graph"):
        BrokenNode(node=3)


@pytest.mark.parametrize("name", GRAPHS)
def test_the_output_is_the_same_every_time_and_complete_without_javascript(name):
    widget = BrokenNode(graph=name)
    data, _ = widget._repr_mimebundle_()
    assert data["text/plain"] == repr(widget) == f"BrokenNode(mode='hand', graph='{name}', seed=1)"
    assert f'data-model-id="{widget.model_id}"' in data["text/html"]
    assert widget.alt() in data["text/html"] and data["image/png"]


def test_its_words_say_the_calculation():
    said = BrokenNode().alt()
    for part in ("4 inputs and 5 steps", "y = tanh(z) = -0.4621", "f = e² = 0.4384"):
        assert part in said
    assert "1 input and 64 steps" in BrokenNode(graph="chain64").alt()


@pytest.mark.parametrize("name", GRAPHS)
def test_its_gradients_are_those_of_the_tape_and_of_differences(name):
    graph = GRAPHS[name]
    made, result = _run(CALCULATIONS[name][1])
    result.backward()
    wanted = [made[key].grad for key in graph.names]
    np.testing.assert_allclose(graph.gradients(), wanted, rtol=1e-12)
    np.testing.assert_allclose(graph.checks, wanted, rtol=1e-6, atol=1e-8)
    assert graph.values == [made[key].data for key in graph.names]
    assert all(p < i for i, parents in enumerate(graph.parents) for p in parents)
    assert made[graph.names[-1]] is result


@pytest.mark.parametrize("name", GRAPHS)
def test_every_rule_has_a_fault_and_its_trace_tells_it(name):
    graph, traces = GRAPHS[name], {}
    for fault in graph.faults:
        bad = graph.bad(fault)
        assert bad and traces.setdefault(bad, fault[0]) == fault[0]
        # What is wrong lies before the node, and by far more than a check may err.
        assert fault[0] not in bad and max(bad) < fault[0]
        for i in bad:
            g, c = graph.gradients(fault)[i], graph.checks[i]
            assert abs(g - c) > 0.02 * abs(c) and abs(g - c) > 1e-3
    assert {fault[0] for fault in graph.faults} == {i for i, f in enumerate(graph.formulas) if f}


def test_no_fault_is_the_right_rule():
    for _, calculation in CALCULATIONS.values():
        for node in _run(calculation)[0].values():
            for slopes, what in wrong_slopes(node) if node.parents else ():
                assert len(slopes) == len(node.slopes) and what
                assert not np.allclose(slopes, node.slopes, rtol=1e-3), what


def test_the_number_of_checks_is_the_logarithm_of_the_number_of_rules():
    for name in ("chain8", "chain16", "chain64", "network"):
        rules = len({fault[0] for fault in GRAPHS[name].faults})
        assert GRAPHS[name].par == math.ceil(math.log2(rules))
        assert rules == sum(map(bool, GRAPHS[name].formulas))


# ----------------------------------------------------------------------------- the front end

HEAD = BrokenNode._esm.replace("export default { render };", "").replace(
    "function render(", "function mount("
)
PLAY = (
    HEAD
    + """
// Halve what is left, or go from one end to the other.
function play(G, fault, halve) {
  const game = openGame(G, fault);
  const unknown = () => G.names.map((_, i) => i).filter((i) => !game.answers.has(i));
  const even = (i) => {
    const left = [...game.left], trace = (n) => traces(G)[G.faults.findIndex(([m]) => m === n)];
    return Math.abs(2 * left.filter((n) => trace(n)[i]).length - left.length);
  };
  while (game.left.size > 1) {
    const list = unknown();
    game.check(halve ? list.sort((a, b) => even(a) - even(b) || a - b)[0] : list.at(-1));
  }
  game.named = [...game.left][0];
  return { right: game.right, won: game.won, used: game.answers.size, sound: game.sound };
}
"""
)


def test_its_backward_walk_is_that_of_python(run_js):
    found = run_js(
        HEAD
        + "return Object.fromEntries(Object.entries(GRAPHS).map(([k, G]) =>"
        + " [k, [null, ...G.faults].map((f) => [...backward(G, f)])]));"
    )
    for name, graph in GRAPHS.items():
        wanted = [graph.gradients(fault) for fault in (None, *graph.faults)]
        np.testing.assert_allclose(found[name], wanted, rtol=1e-6, atol=1e-7)


def test_its_checks_find_what_python_finds(run_js):
    found = run_js(
        HEAD + "return Object.fromEntries(Object.entries(GRAPHS).map(([k, G]) => [k, traces(G)]));"
    )
    for name, graph in GRAPHS.items():
        for trace, fault in zip(found[name], graph.faults, strict=True):
            assert {i for i, bad in enumerate(trace) if bad} == graph.bad(fault)


@pytest.mark.parametrize("name", ["chain8", "chain16", "chain64", "network"])
def test_halving_wins_every_game_and_going_in_line_does_not(run_js, name):
    games = run_js(
        PLAY
        + f"const G = GRAPHS.{name};"
        + "return [true, false].map((halve) => G.faults.map((_, f) => play(G, f, halve)));"
    )
    graph = GRAPHS[name]
    assert all(game["right"] and game["won"] and game["used"] <= graph.par for game in games[0])
    assert max(game["used"] for game in games[0]) == graph.par
    assert all(game["right"] for game in games[1])
    assert not any(game["won"] or game["sound"] for game in games[1])
    assert min(game["used"] for game in games[1]) < graph.par  # luck exists, and is not enough


def test_a_guess_is_not_a_proof(run_js):
    said = run_js(
        HEAD
        + """
const G = GRAPHS.chain16, game = openGame(G, 0);
game.check(0);
game.named = G.faults[0][0];
const { right, won, left, named } = game;
return { right, won, left: left.size, against: game.against(named) ?? null };
"""
    )
    assert said == {"right": True, "won": False, "left": 16, "against": None}


def test_a_check_that_speaks_against_a_node_is_named(run_js):
    graph = GRAPHS["chain16"]
    fault = next(k for k, f in enumerate(graph.faults) if f[0] < 8)
    said = run_js(
        HEAD
        + f"const game = openGame(GRAPHS.chain16, {fault}); game.check(8);"
        + "return [game.against(12), game.against(GRAPHS.chain16.faults[game.fault][0]) ?? null];"
    )
    assert said == [8, None]


WORDS = [
    ("neuron", "y", "g", lambda g, i: g.gradients()[i], True, "Right."),
    ("neuron", "z", "g", lambda g, i: -g.gradients()[i], False, "the sign is not"),
    ("neuron", "z", "g", lambda g, i: g.slopes[i + 1][0], False, "slope alone"),
    ("neuron", "z", "g", lambda g, i: g.gradients()[i + 1], False, "passed on as it was"),
    ("neuron", "p", "g", lambda g, i: g.values[i], False, "the value of p"),
    ("neuron", "p", "g", lambda g, i: 77.0, False, "From z"),
    ("shared", "s", "g", lambda g, i: g.gradients()[i], True, " + "),
    ("shared", "s", "g", lambda g, i: g.values[i + 1], False, "used 2 times: add"),
    ("shared", "s", "g", lambda g, i: 77.0, False, "u and f"),
    ("neuron", "p", 0, lambda g, i: g.slopes[i][0], True, "Right."),
    ("neuron", "p", 0, lambda g, i: g.slopes[i][1], False, "own value instead of the other's"),
    ("neuron", "y", 0, lambda g, i: 1 - g.values[i], False, "instead of 1 − y²"),
    ("neuron", "f", 0, lambda g, i: -g.slopes[i][0], False, "the sign is not"),
    ("neuron", "y", 0, lambda g, i: 77.0, False, "tanh has the slope"),
]


@pytest.mark.parametrize("graph, name, what, number, right, words", WORDS)
def test_each_number_gets_its_reason(run_js, graph, name, what, number, right, words):
    g = GRAPHS[graph]
    i = g.names.index(name)
    call = f"aboutGradient(G, {i}, input)" if what == "g" else f"aboutSlope(G, {i}, {what}, input)"
    if what == "g" and "slope alone" in words:
        i = g.names.index(name)
        child = g.names.index("y")
        value = g.slopes[child][0]
    elif what == "g" and "passed on" in words:
        value = g.gradients()[g.names.index("y")]
    elif what == "g" and "add" in words:
        value = g.values[g.names.index("u")]
    else:
        value = number(g, i)
    ok, said = run_js(HEAD + f"const G = GRAPHS.{graph}; return {call};", value)
    assert ok == right and words in said


def test_every_operation_has_its_rule_in_words():
    for graph in GRAPHS.values():
        used = {o for o, f in zip(graph.operations, graph.formulas) if f}
        assert used <= broken_node.RULES.keys()
    assert not differ(0.5, 0.5 + 1e-7) and differ(0.5, 0.51)
