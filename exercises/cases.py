"""A hidden test: inputs made outside, one call inside, a verdict outside on the data that returns.

A file hidden.py defines ``cases(rng)``, which returns a list of :class:`Case` with inputs drawn
from ``rng`` (a ``numpy.random.Generator``) and nothing else: the same seed gives the same tests.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from exercises.wire import to_json


class Wrong(Exception):
    """A check's finding, in words for the student."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """One call of a student's function and what must come of it.

    question : grade_id of the test cell whose points it earns.
    title : the property that is tested, in words that a student may read; unique in its file.
    function, args : the call; args is a dict from names (for messages) to values in the order of
        the call. A value is data of :mod:`exercises.wire`; a function is a ``Formula``.
    check : takes the result, as data, and raises :class:`Wrong` with feedback if it is not right.
    raises : instead of check: the name of the exception that must be raised.
    why : with raises: what is wrong with the input, to end the sentence "... although".
    unchanged : names of arguments that the call must leave as they were.
    points : what it is worth.
    """

    question: str
    title: str
    function: str
    args: dict
    points: float
    check: Callable | None = None
    raises: str | None = None
    why: str = "the input is not valid"
    unchanged: tuple = ()

    def __post_init__(self):
        if (self.check is None) == (self.raises is None):
            raise ValueError(f"case {self.title!r} needs one of check= and raises=, not both")
        if not self.points > 0:
            raise ValueError(f"case {self.title!r} has points={self.points!r}; it needs some")
        if unknown := set(self.unchanged) - set(self.args):
            raise ValueError(f"case {self.title!r} watches {unknown}, which is no argument of it")

    @property
    def request(self):
        """The text that goes in; see :func:`exercises.inside.answer`."""
        args = [[name, value] for name, value in self.args.items()]
        return to_json({"function": self.function, "args": args, "watch": list(self.unchanged)})


def verdict(case, outcome):
    """None if the outcome (the answer from inside, as data) is right, else the feedback.

    Every outcome gets a verdict, whatever the student's code made of it. An error here is an error
    of the test and must not cost the student anything.
    """
    name = case.function
    if not isinstance(outcome, dict) or not outcome.keys() & {
        "returned", "raised", "missing", "unfit",
    }:  # fmt: skip
        return f"the call of {name} gave no answer that can be read"
    if "missing" in outcome:
        return f"there is no function {name}: keep its name, and run its cell without an error"
    if "unfit" in outcome:
        return f"what {name} returns cannot be checked: {outcome['unfit']}"
    if "raised" in outcome:
        bases, says = outcome["raised"], outcome.get("says")
        bases = [str(b)[:60] for b in bases] if isinstance(bases, list) and bases else ["something"]
        if case.raises in bases:
            return None
        if bases[0] == "NotImplementedError":
            return f"{name} is not written yet: it raises NotImplementedError"
        instead = f" instead of {case.raises}" if case.raises else ""
        return f"{name} raised {bases[0]}{instead}: {str(says)[:300]}"
    if case.raises:
        got = describe(outcome["returned"])
        return f"{name} returned {got} although {case.why}; it should raise {case.raises}"
    after = outcome.get("after")
    for argument in case.unchanged:
        if not isinstance(after, dict) or not same(after.get(argument), case.args[argument]):
            return f"{name} changed its argument {argument}; work on a copy of it"
    try:
        case.check(outcome["returned"])
    except Wrong as wrong:
        return str(wrong)
    return None


def same(a, b):
    """Whether two pieces of data hold the same numbers in the same shape, under the same names."""
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(same(a[name], b[name]) for name in a)
    no_numbers = dict, str, type(None)
    if isinstance(a, list) and isinstance(b, list) and any(isinstance(x, no_numbers) for x in a):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, no_numbers) or isinstance(b, no_numbers):
        return type(a) is type(b) and a == b
    try:
        return np.array_equal(as_array(a), as_array(b))
    except ValueError:  # lists that make no array
        return False


def as_array(value):
    """A number, or lists of numbers, as an array; ValueError for anything else.

    numpy alone would give every element of a list the room of the longest text in it: an answer of
    some megabytes, and no memory is left.
    """
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, list):
            waiting += one
        elif not isinstance(one, (bool, int, float, np.ndarray)):
            raise ValueError(f"{type(one).__name__} is no number")
    return np.asarray(value)


def describe(value):
    """What a student's function returned, short enough for a sentence."""
    if value is None:
        return "nothing (None)"
    if isinstance(value, np.ndarray):
        return f"an array of shape {value.shape}"
    if isinstance(value, list):
        return f"{len(value)} things" if len(value) != 1 else "a list of one thing"
    text = f"{value:.6g}" if type(value) is float else repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def number(value, name):
    """``value`` if it is one number, else Wrong."""
    if type(value) not in (int, float):
        raise Wrong(f"{name} should return one number, and it returned {describe(value)}")
    return value


def array(value, ndim, name):
    """``value`` as a float array of that many dimensions, else Wrong. Lists of numbers will do."""
    try:
        result = as_array(value)
        numeric = result.dtype.kind in "fib"
    except ValueError:
        numeric = False
    if not numeric or result.ndim != ndim:
        got = f"of shape {result.shape}" if numeric else "not an array of numbers"
        raise Wrong(f"{name} should be an array of {ndim} dimensions, and it is {got}")
    return result.astype(float)
