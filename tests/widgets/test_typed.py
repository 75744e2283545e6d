"""The reader and the arithmetic of typed losses in JavaScript against their twins in Python."""

import math
import re

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from optlib import expression
from optlib.expression import ExpressionError, parse, problem_of
from optlib.widgets import base, playground, tracer
from tests.losses_to_type import LOSSES, NONSENSE
from tests.test_expression import WRONG, rough

TWIN = playground.language_js() + (base.HERE / "typed.js").read_text("utf-8")
many = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture,
    HealthCheck.too_slow, HealthCheck.large_base_example],
)  # fmt: skip

READ = """
return input.map((text) => {
  try { return { list: readLoss(text) }; }
  catch (error) { return { words: error.message, at: error.at }; }
});
"""


def said(text):
    try:
        return {"list": parse(text)}
    except ExpressionError as error:
        return {"words": str(error), "at": error.at}


def check_reading(run_js, texts):
    for text, theirs in zip(texts, run_js(TWIN + READ, texts), strict=True):
        assert theirs == said(text), text


def test_known_nonsense_gets_the_same_answer(run_js):
    check_reading(run_js, list(WRONG))


@many
@given(st.lists(st.one_of(LOSSES, NONSENSE), min_size=20, max_size=80))
def test_both_readers_read_the_same(run_js, texts):
    """The same operations from what is a loss; the same words and place for what is none."""
    check_reading(run_js, texts)


RUN = """
return input.map(([text, points]) => {
  const p = typedProblem(text), g = [0, 0];
  return points.map((x) => { const f = p.f(x, {}); p.grad(x, {}, g); return [f, ...g]; });
});
"""
POINTS = [[0.83, 1.21], [1.7, -0.6], [-0.4, 2.2]]


def compare(run_js, texts):
    """Values and gradients to 1e-12, or to what errors of 1e-13 in each operation would do.

    Returns how many numbers were compared.
    """
    losses = [text for text in texts if "list" in said(text)]
    rng, count = np.random.default_rng(0), 0
    for text, theirs in zip(losses, run_js(TWIN + RUN, [[t, POINTS] for t in losses]), strict=True):
        p = problem_of(text)
        for x, numbers in zip(POINTS, theirs, strict=True):
            x, numbers = np.array(x), np.array(numbers, float)
            with np.errstate(all="ignore"):
                steps = p._evaluate(x)
                if not all(np.isfinite(steps)) or max(map(abs, steps)) > 1e100:
                    # the two languages differ in corners such as 1^infinity
                    continue
                ours = np.array([p.f(x), *p.grad(x)])
                if not np.isfinite(ours).all():
                    assert not np.isfinite(numbers).all(), (text, x)
                    continue
                parts = [np.hstack(rough(p, x, rng)) - ours for _ in range(4)]
            spread = np.abs(parts).max(axis=0)
            if np.isfinite(spread).all() and not at_a_kink(p, steps):
                bound = 1e-12 * np.abs(ours) + 100 * spread + 1e-280
                assert (np.abs(numbers - ours) <= bound).all(), (text, x, numbers, ours)
                count += 3
    return count


def at_a_kink(p, steps):
    """Where rounding alone decides which slope is taken."""
    return any(
        abs(steps[i[1]] - (steps[i[2]] if len(i) > 2 else 0)) < 1e-9
        for i in p.operations if i[0] in ("abs", "min", "max")
    )  # fmt: skip


@many
@given(st.lists(LOSSES, min_size=20, max_size=80))
def test_values_and_gradients_agree(run_js, texts):
    compare(run_js, texts)


def test_every_function_and_sign_agrees(run_js):
    inside = ["1.2 + x^2*y^2", "x - 2*y"]
    texts = [
        f"{name}({', '.join(inside[: expression.ARGUMENTS[name]])})*x - y"
        for name in expression.FUNCTIONS
    ]
    texts += ["x + y", "x - y", "x*y", "x/y", "-x*y^3", "2^x", "(x^2)^y", "x^-2"]
    assert compare(run_js, texts) > 6 * len(texts)


def test_the_tracer_prints_the_same_problem(run_js):
    """A typed problem is one like any other: its traced form equals the page's reading of it."""
    text = "exp(-x^2)*sin(3*y) + sqrt(1 + x^2)/cos(y/3) + max(x, y)^3"
    program = (
        f"const p = {tracer.problem_js(problem_of(text))}, g = [0, 0];\n"
        "const traced = input[0][1].map((x) => "
        "{ p.grad(x, p.defaults, g); return [p.f(x, p.defaults), ...g]; });\n"
    )
    program += "const read = (() => {" + RUN + "})(); return [traced, ...read];"
    found = run_js(TWIN + program, [[text, POINTS]])
    assert found[0] == found[1]


def test_no_text_is_ever_executed():
    """The two front-end files have no way to: the page's policy forbids it as well."""
    for name in ("typed.js", "playground.js"):
        source = (base.HERE / name).read_text("utf-8")
        for word in ("eval(", "Function(", "innerHTML", "import(", "setTimeout(", "document.write"):
            assert word not in source, (name, word)


def test_the_longest_losses_are_read_in_no_time(run_js):
    texts = ["x" + "+x" * 149, "(" * 40 + "x" + ")" * 40, "-" * 299 + "x", "sin(" * 60 + "x"]
    got = run_js(TWIN + READ, texts)
    assert "list" in got[0] and "list" in got[1] and got == [said(t) for t in texts]
    assert math.isclose(problem_of(texts[0]).value([1.0, 0.0]), 150)


@pytest.mark.parametrize("kind", expression.MESSAGES)
def test_every_message_is_met(kind):
    words = max(re.split(r"\{\w+\}", expression.MESSAGES[kind]), key=len)
    assert any(words in said(text).get("words", "") for text in WRONG)
