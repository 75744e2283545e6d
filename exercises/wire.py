"""What may cross the wall around a student's code: plain data, as JSON text.

=====================================  =====================================================
None, bool, str, finite float, int     themselves; an int must fit 64 bits
nan, inf, -inf                         ``{"float": "nan"}``
list, tuple                            a list
dict with names as keys                ``{"dict": {...}}``
array of floats, ints or bools         ``{"array": [dtype, shape, base64 of the bytes]}``
:class:`Formula`                       ``{"formula": [function, problem, parameters]}``
=====================================  =====================================================

A number of numpy becomes the number of Python. Nothing else crosses: no pickle, no class, no code.
This module runs on both sides of the wall, so it imports nothing of `exercises`.
"""

import base64
import json
import math
from dataclasses import dataclass, field

import numpy as np

DTYPES = ("<f8", "<f4", "<i8", "|b1")
FUNCTIONS = {"value": "f", "gradient": "grad", "hessian": "hess"}
DEPTH = 20  # of lists within lists


class WireError(ValueError):
    """A value that may not cross, or a text that is no message; says why."""


@dataclass(frozen=True, eq=False)
class Formula:
    """A function that crosses the wall by name: that of a problem of optlib.

    ``Formula("gradient", "Quadratic", {"kappa": 10.0})`` arrives in the sandbox as a callable: the
    gradient of ``optlib.Quadratic(kappa=10.0)``. Functions: value, gradient, hessian.
    """

    function: str
    problem: str
    parameters: dict = field(default_factory=dict)

    def build(self):
        """The callable: takes a point (list or array) and returns fresh numbers, inf included."""
        problem = self.build_problem()
        formula = getattr(problem, FUNCTIONS[self.function])

        def call(x):
            x = np.array(x, dtype=float)
            if x.shape != (problem.dim,):
                raise ValueError(
                    f"{self.function} takes a point of {problem.dim} numbers, and got an array of "
                    f"shape {x.shape}"
                )
            with np.errstate(all="ignore"):  # a run that diverges is no reason for warnings
                return formula(x)

        call.__name__ = self.function
        return call

    def build_problem(self):
        """The problem itself, for the oracle outside the wall."""
        import optlib

        if self.function not in FUNCTIONS:
            raise WireError(f"no function {self.function!r}; there are {', '.join(FUNCTIONS)}")
        return optlib.lookup(optlib.PROBLEMS, self.problem)(**self.parameters)


def to_json(value):
    """The text of a value. Raises WireError for what cannot cross, in words for a student."""
    return json.dumps(_plain(value, DEPTH), allow_nan=False)


def from_json(text):
    """The value of a text. Raises WireError for anything that :func:`to_json` does not write."""
    try:
        return _value(json.loads(text), DEPTH)
    except WireError:
        raise
    except (ValueError, TypeError, RecursionError) as error:
        raise WireError(f"not a message: {error}") from None


def _plain(value, depth):
    if depth < 0:
        raise WireError(f"lists nested more than {DEPTH} deep cannot be handed in")
    if isinstance(value, np.generic):
        value = np.asarray(value)
    if isinstance(value, np.ndarray):
        array = _array(value)
        return _plain(array.item(), depth) if array.ndim == 0 else _packed(array)
    if value is None or type(value) in (bool, str):
        return value
    if type(value) is int:
        if not -(2**63) <= value < 2**63:
            raise WireError("a whole number beyond 64 bits cannot be handed in; return a float")
        return value
    if type(value) is float:
        return value if math.isfinite(value) else {"float": str(value)}
    if isinstance(value, (list, tuple)):
        return [_plain(item, depth - 1) for item in value]
    if isinstance(value, dict):
        if bad := [key for key in value if type(key) is not str]:
            raise WireError(f"a dict can be handed in when its keys are strings, not {bad[0]!r}")
        return {"dict": {key: _plain(item, depth - 1) for key, item in value.items()}}
    if isinstance(value, Formula):
        parameters = _plain(value.parameters, depth - 1)
        return {"formula": [value.function, value.problem, parameters]}
    raise WireError(
        f"a value of type {type(value).__name__} cannot be handed in; numbers, numpy arrays, "
        "strings, and lists of them can"
    )


def _array(value):
    """The same numbers as an array of one of DTYPES."""
    array = np.asarray(value)
    kind = array.dtype.kind
    if kind == "u" and array.size and array.max() >= 2**63:
        raise WireError("a whole number beyond 64 bits cannot be handed in; return floats")
    if kind not in "fiub":
        raise WireError(f"an array of {array.dtype} cannot be handed in; use one of floats")
    small = kind == "f" and array.dtype.itemsize == 4
    dtype = {"f": "<f4" if small else "<f8", "i": "<i8", "u": "<i8", "b": "|b1"}[kind]
    return array.astype(dtype)


def _packed(array):
    data = base64.b64encode(array.tobytes()).decode("ascii")
    return {"array": [array.dtype.str, list(array.shape), data]}


def _value(plain, depth):
    if depth < 0:
        raise WireError(f"not a message: lists nested more than {DEPTH} deep")
    if isinstance(plain, list):
        return [_value(item, depth - 1) for item in plain]
    if type(plain) is float and not math.isfinite(plain):
        raise WireError('not a message: NaN and Infinity stand as {"float": ...}')
    if type(plain) is int and not -(2**63) <= plain < 2**63:
        raise WireError("not a message: a whole number beyond 64 bits")
    if not isinstance(plain, dict):
        return plain
    ((tag, content),) = plain.items()  # another number of keys is a ValueError
    if tag == "float" and content in ("nan", "inf", "-inf"):
        return float(content)
    if tag == "dict" and isinstance(content, dict):
        return {key: _value(item, depth - 1) for key, item in content.items()}
    if tag == "array" and isinstance(content, list) and len(content) == 3:
        return _unpacked(*content)
    if tag == "formula" and isinstance(content, list) and len(content) == 3:
        function, problem, parameters = content
        parameters = _value(parameters, depth - 1)
        if isinstance(function, str) and isinstance(problem, str) and isinstance(parameters, dict):
            return Formula(function, problem, parameters)
    raise WireError(f"not a message: {tag[:20]!r} with {str(content)[:40]!r}")


def _unpacked(dtype, shape, data):
    if dtype not in DTYPES or not isinstance(data, str):
        raise WireError(f"not a message: an array of {str(dtype)[:20]!r}; there are {DTYPES}")
    if not isinstance(shape, list) or not all(type(n) is int and 0 <= n < 2**31 for n in shape):
        raise WireError(f"not a message: an array of shape {str(shape)[:40]}")
    return np.frombuffer(base64.b64decode(data, validate=True), dtype).reshape(shape).copy()
