"""A loss that somebody types: a small language in x and y, with its gradient, and nothing else.

    loss    numbers, x, y, pi, e, parentheses, + - * / ^ (or **), and the functions below
    order   ^ before the minus sign before * and / before + and -;  a^b^c is a^(b^c)

Text becomes a list of operations on earlier entries of the list, and that list is all that is ever
worked off: no text is executed. The gradient goes through the list backwards, with the slopes that
each operation has (the chain rule of :mod:`optlib.scalar`).

The values and slopes of the operations stand here and nowhere else: the widget on the page, which
cannot ask Python, reads the same language, and its arithmetic is traced from this table.

>>> banana = problem_of("(1 - x)^2 + 100*(y - x^2)^2")
>>> float(banana.value([-1.2, 1.0])), banana.gradient([-1.2, 1.0]).round(6)
(24.199999999999996, array([-215.6,  -88. ]))
>>> problem_of("x^2 + 3*(y - 1")
Traceback (most recent call last):
optlib.expression.ExpressionError: at character 9: this parenthesis is never closed
"""

import math
import re
from typing import NamedTuple

import numpy as np

from optlib.problems import Problem

LENGTH, DEPTH = 300, 40  # at most so many characters, and so many levels of nesting


class Operation(NamedTuple):
    """A value of its arguments, and the slopes by which it changes with each of them.

    ``slopes`` takes the arguments and the value. Where the value is not a number, neither may they
    be: a run must stop there.
    """

    value: callable
    slopes: callable


def _power_slopes(a, b, z):
    return np.where(b == 0, 0.0, b * a ** (b - 1)), np.where(z == 0, 0.0, z * np.log(a))


SIGNS = {
    "+": Operation(lambda a, b: a + b, lambda a, b, z: (1.0, 1.0)),
    "-": Operation(lambda a, b: a - b, lambda a, b, z: (1.0, -1.0)),
    "*": Operation(lambda a, b: a * b, lambda a, b, z: (b, a)),
    "/": Operation(lambda a, b: a / b, lambda a, b, z: (1 / b, -z / b)),
    "^": Operation(lambda a, b: a**b, _power_slopes),
    "minus": Operation(lambda a: -a, lambda a, z: (-1.0,)),
}
FUNCTIONS = {
    "exp": Operation(lambda a: np.exp(a), lambda a, z: (z,)),
    "log": Operation(lambda a: np.log(a), lambda a, z: (np.where(a > 0, 1 / a, np.nan),)),
    "sqrt": Operation(lambda a: np.sqrt(a), lambda a, z: (0.5 / z,)),
    "sin": Operation(lambda a: np.sin(a), lambda a, z: (np.cos(a),)),
    "cos": Operation(lambda a: np.cos(a), lambda a, z: (-np.sin(a),)),
    "tan": Operation(lambda a: np.sin(a) / np.cos(a), lambda a, z: (1 + z * z,)),
    "tanh": Operation(lambda a: np.tanh(a), lambda a, z: (1 - z * z,)),
    "sigmoid": Operation(lambda a: 1 / (1 + np.exp(-a)), lambda a, z: (z * (1 - z),)),
    "abs": Operation(
        lambda a: np.where(a < 0, -a, a),
        lambda a, z: (np.where(a < 0, -1.0, np.where(a > 0, 1.0, 0.0 * a)),),
    ),
    # Where two are equal, each has half of the slope: between the two that meet in the kink.
    "min": Operation(
        lambda a, b: np.minimum(a, b),
        lambda a, b, z: (
            np.where(a < b, 1.0, np.where(a > b, 0.0, 0.5)),
            np.where(b < a, 1.0, np.where(b > a, 0.0, 0.5)),
        ),
    ),
    "max": Operation(
        lambda a, b: np.maximum(a, b),
        lambda a, b, z: (
            np.where(a > b, 1.0, np.where(a < b, 0.0, 0.5)),
            np.where(b > a, 1.0, np.where(b < a, 0.0, 0.5)),
        ),
    ),
}
OPERATIONS = SIGNS | FUNCTIONS
ARGUMENTS = {name: op.value.__code__.co_argcount for name, op in OPERATIONS.items()}
VARIABLES = ("x", "y")
CONSTANTS = {"pi": math.pi, "e": math.e}

# What the widget's reader of the same language is made of as well: tokens, precedence, messages.
# How a sign binds: to its left, to its right. The larger goes first.
BINDS = {"+": (1, 2), "-": (1, 2), "*": (3, 4), "/": (3, 4), "^": (8, 7)}
MINUS_BINDS = 5
OTHER_SIGNS = {"−": "-", "·": "*", "×": "*"}
TOKEN = (
    r"((?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)"
    r"|([A-Za-z_][A-Za-z_0-9]*)"
    r"|(\*\*|[-+*/^(),])"
)
BLANK = " \t\n\r"
KNOWN = ", ".join([*VARIABLES, *CONSTANTS, *FUNCTIONS])
MESSAGES = {
    "empty": "there is no loss; type one, such as x^2 + 10*y^2",
    "long": f"a loss has at most {LENGTH} characters",
    "character": "“{found}” does not belong to this language",
    "unknown": f"“{{found}}” is not known; known are {KNOWN}",
    "number": "“{found}” is too large for a number",
    "operand": "here a number, a name or a parenthesis is needed, and there is {found}",
    "operator": "a sign is missing before “{found}”; a product is written with *, as in 2*x",
    "unclosed": "this parenthesis is never closed",
    "unopened": "this parenthesis was never opened",
    "comma": "a comma stands only between the two values of min and max",
    "call": "{found} needs its values in parentheses, as in {found}(x)",
    "count": "{found} takes {wanted}, and here it gets {given}",
    "deep": f"nested deeper than {DEPTH} levels",
    "constant": "this loss contains neither x nor y, so there is nothing to minimise",
}


class ExpressionError(ValueError):
    """A text that is no loss; ``at`` is the character that is to blame, from 1, or None."""

    def __init__(self, kind, at=None, **facts):
        text = MESSAGES[kind].format(**facts)
        super().__init__(text if at is None else f"at character {at}: {text}")
        self.at = at


class _Token(NamedTuple):
    kind: str
    text: str
    at: int


def _tokens(text):
    for sign, plain in OTHER_SIGNS.items():
        text = text.replace(sign, plain)
    pattern, found, i = re.compile(TOKEN), [], 0
    while i < len(text):
        if text[i] in BLANK:
            i += 1
            continue
        match = pattern.match(text, i)
        if not match:
            raise ExpressionError("character", i + 1, found=text[i])
        kind = ("number", "name", "sign")[match.lastindex - 1]
        found.append(_Token(kind, "^" if match[0] == "**" else match[0], i + 1))
        i = match.end()
    return [*found, _Token("end", "the end", len(text) + 1)]


def _values(count):
    return f"{count} value" + "s" * (count != 1)


class _Reader:
    """Reads tokens, each sign as far as it binds, and writes the list of operations."""

    def __init__(self, text):
        self.tokens, self.next, self.list, self.varies = _tokens(text), 0, [], []

    @property
    def now(self):
        return self.tokens[self.next]

    def take(self):
        self.next += 1
        return self.tokens[self.next - 1]

    def add(self, name, *arguments):
        self.list.append([name, *arguments])
        varies = name in VARIABLES or any(self.varies[i] for i in arguments)
        self.varies.append(varies)
        return len(self.list) - 1

    def loss(self, binds, depth):
        if depth > DEPTH:
            raise ExpressionError("deep", self.now.at)
        left = self.operand(depth)
        while self.now.kind == "sign" and self.now.text in BINDS:
            before, after = BINDS[self.now.text]
            if before < binds:
                break
            sign = self.take()
            left = self.add(sign.text, left, self.loss(after, depth + 1))
        return left

    def operand(self, depth):
        token = self.take()
        if token.kind == "number":
            value = float(token.text)
            if math.isinf(value):
                raise ExpressionError("number", token.at, found=token.text)
            return self.add(value)
        if token.kind == "name":
            return self.named(token, depth)
        if token.text == "-":
            return self.add("minus", self.loss(MINUS_BINDS, depth + 1))
        if token.text == "+":
            return self.loss(MINUS_BINDS, depth + 1)
        if token.text == "(":
            inner = self.loss(0, depth + 1)
            self.close(token)
            return inner
        found = token.text if token.kind == "end" else f"“{token.text}”"
        raise ExpressionError("operand", token.at, found=found)

    def named(self, token, depth):
        if token.text in VARIABLES:
            return self.add(token.text)
        if token.text in CONSTANTS:
            return self.add(CONSTANTS[token.text])
        if token.text not in FUNCTIONS:
            raise ExpressionError("unknown", token.at, found=token.text)
        if self.now.text != "(":
            raise ExpressionError("call", token.at, found=token.text)
        opening, arguments = self.take(), []
        arguments.append(self.loss(0, depth + 1))
        while self.now.text == ",":
            self.take()
            arguments.append(self.loss(0, depth + 1))
        self.close(opening)
        wanted, given = ARGUMENTS[token.text], len(arguments)
        if given != wanted:
            facts = {"wanted": _values(wanted), "given": _values(given)}
            raise ExpressionError("count", token.at, found=token.text, **facts)
        return self.add(token.text, *arguments)

    def close(self, opening):
        if self.now.text == ")":
            self.take()
        elif self.now.kind == "end":
            raise ExpressionError("unclosed", opening.at)
        else:
            self.stray()

    def stray(self):
        kind = {")": "unopened", ",": "comma"}.get(self.now.text, "operator")
        raise ExpressionError(kind, self.now.at, found=self.now.text)


def parse(text):
    """The list of operations of a loss, each on earlier entries; the last entry is the loss.

    An entry is ``[number]``, ``["x"]``, ``["y"]`` or ``[operation, index, ...]``. A text that is no
    loss raises :class:`ExpressionError`, which says where and what to do.

    >>> parse("x^2 + 3")
    [['x'], [2.0], ['^', 0, 1], [3.0], ['+', 2, 3]]
    """
    if len(text) > LENGTH:
        raise ExpressionError("long")
    if not text.strip(BLANK):
        raise ExpressionError("empty")
    reader = _Reader(text)
    reader.loss(0, 0)
    if reader.now.kind != "end":
        reader.stray()
    if not reader.varies[-1]:
        raise ExpressionError("constant")
    return reader.list


class Expression(Problem):
    """The problem of a typed loss; see :func:`problem_of`."""

    start = (2.0, 1.0)
    window = ((-3.0, 3.0), (-3.0, 3.0))

    def __init__(self, text, start=None, window=None):
        super().__init__()
        self.text, self.operations = text, parse(text)
        self.start = type(self).start if start is None else tuple(map(float, start))
        self.window = type(self).window if window is None else window

    def _evaluate(self, x):
        values = []
        for name, *arguments in self.operations:
            if arguments:
                values.append(OPERATIONS[name].value(*(values[i] for i in arguments)))
            elif name in VARIABLES:
                values.append(x[VARIABLES.index(name)])
            else:  # numpy's kind of number: 1 / 0 is infinity and no exception
                values.append(np.float64(name))
        return values

    def f(self, x):
        with np.errstate(all="ignore"):
            return self._evaluate(x)[-1]

    def grad(self, x):
        with np.errstate(all="ignore"):
            values, sums = self._evaluate(x), {}  # of those that depend on x or y
            gradient = [0.0 * x[0], 0.0 * x[0]]
            for i, (name, *_) in enumerate(self.operations):
                if name in VARIABLES or any(j in sums for j in self.operations[i][1:]):
                    sums[i] = 0.0
            sums[len(values) - 1] = 1.0
            for i in reversed(sums):
                name, *arguments = self.operations[i]
                if not arguments:
                    gradient[VARIABLES.index(name)] = gradient[VARIABLES.index(name)] + sums[i]
                    continue
                slopes = OPERATIONS[name].slopes(*(values[j] for j in arguments), values[i])
                for j, slope in zip(arguments, slopes, strict=True):
                    if j in sums:
                        sums[j] = sums[j] + sums[i] * slope
            return np.stack(gradient)

    def hess(self, x):
        h = 1e-20  # the complex step: nothing is subtracted, so nothing is lost
        rows = []
        with np.errstate(all="ignore"):
            for j in range(2):
                moved = x.astype(complex)
                moved[j] += 1j * h
                rows.append(self.grad(moved).imag / h)
            return np.stack(rows) + 0 * self.grad(x)  # no number where the gradient is none

    def __repr__(self):
        return f"Expression({self.text!r})"


def problem_of(text, start=None, window=None):
    """The problem of a typed loss in x and y: for :func:`optlib.run` and all the rest.

    Parameters
    ----------
    text : the loss, at most 300 characters: numbers, x, y, pi, e, parentheses, ``+ - * / ^`` and
        exp, log, sqrt, sin, cos, tan, tanh, sigmoid, abs, min, max.
    start : the first point; default (2, 1).
    window : ((low, high), (low, high)) of a plot; default -3 to 3.

    A text that is no loss raises :class:`optlib.expression.ExpressionError`, a ValueError. Nothing
    is executed, whatever the text.

    >>> import optlib
    >>> bowl = problem_of("x^2/2 + 5*y^2")
    >>> bool(optlib.run(optlib.GD, bowl, steps=100, lr=0.1).f[-1] < 1e-8)
    True
    """
    if not isinstance(text, str):
        raise TypeError(f"a loss is a text, such as 'x^2 + 10*y^2', not {text!r}")
    return Expression(text, start, window)
