"""From Python to JavaScript: run a formula on symbols and print what it did.

The formulas of optimizers, problems and schedules are plain numpy arithmetic. Applied to a
:class:`Symbol` in place of a number they do not compute, they record: each operation becomes one
line of JavaScript, in Python's order, so that both languages round the same numbers in the same
way. A formula exists once, in Python, and every widget shows that one.

What JavaScript gets for each class is an object: an optimizer
``{memory, defaults, initial, step(t, x, g, m, h)}`` that changes ``x`` and ``m`` in place, a
problem ``{dim, defaults, f(x, p), grad(x, p, g)}``, on demand with its Hessian ``hess(x, p, H)``
row after row, a schedule ``{defaults, at(t, p)}``, a loss
``{defaults, f(z, y, p), slope(z, y, p)}``, an activation ``{f(x), df(g, x, y)}``; a plain formula
becomes a function.
"""

import copy
import inspect
import json
import math

import numpy as np

# What each numpy function is in JavaScript. A function that is not here raises an error by name.
OPERATIONS = {
    np.add: "{} + {}",
    np.subtract: "{} - {}",
    np.multiply: "{} * {}",
    np.true_divide: "{} / {}",
    np.power: "{} ** {}",
    np.negative: "-{}",
    np.positive: "+{}",
    np.square: "{0} * {0}",
    np.reciprocal: "1 / {}",
    np.sqrt: "Math.sqrt({})",
    np.cbrt: "Math.cbrt({})",
    np.exp: "Math.exp({})",
    np.expm1: "Math.expm1({})",
    np.log: "Math.log({})",
    np.log1p: "Math.log1p({})",
    np.sin: "Math.sin({})",
    np.cos: "Math.cos({})",
    np.tanh: "Math.tanh({})",
    np.floor: "Math.floor({})",
    np.ceil: "Math.ceil({})",
    np.sign: "Math.sign({})",
    np.absolute: "Math.abs({})",
    np.maximum: "Math.max({}, {})",
    np.minimum: "Math.min({}, {})",
    np.greater: "{} > {}",
    np.greater_equal: "{} >= {}",
    np.less: "{} < {}",
    np.less_equal: "{} <= {}",
    np.equal: "{} === {}",
    np.not_equal: "{} !== {}",
    np.logical_and: "!!({} && {})",
    np.logical_or: "!!({} || {})",
    np.logical_not: "!{}",
}


class TraceError(TypeError):
    """A formula used something that has no JavaScript counterpart here."""


class Recorder:
    """The lines recorded so far; every result gets a name of its own."""

    def __init__(self):
        self.lines = []

    def let(self, expression):
        name = f"s{len(self.lines)}"
        self.lines.append(f"const {name} = {expression};")
        return Symbol(self, name)


def literal(value):
    """A number or a symbol as JavaScript text that reads back to the same number."""
    if isinstance(value, Symbol):
        return value.js
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value.item()
    if isinstance(value, (bool, np.bool_)):
        return "true" if value else "false"
    if not isinstance(value, (int, float, np.integer, np.floating)):
        raise TraceError(f"cannot trace a constant of type {type(value).__name__}: {value!r}")
    value = float(value)
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "(-Infinity)"
    whole = value == int(value) and abs(value) < 1e15 and repr(value) != "-0.0"
    text = repr(int(value)) if whole else repr(value)
    return f"({text})" if text.startswith("-") else text


def _boxed(value):
    """A symbol as an array of one object, so that numpy computes with it and does not ask it."""
    if not isinstance(value, Symbol):
        return value
    box = np.empty((), dtype=object)
    box[()] = value
    return box


class Symbol(np.lib.mixins.NDArrayOperatorsMixin):
    """A number that is not known yet; numpy's operators and functions on it record themselves."""

    def __init__(self, recorder, js):
        self.recorder, self.js = recorder, js

    def __array_ufunc__(self, ufunc, method, *inputs, out=None, **options):
        if method != "__call__" or options:
            raise TraceError(
                f"cannot trace numpy.{ufunc.__name__}.{method} with {options or 'no options'}"
            )
        if any(isinstance(v, np.ndarray) and v.ndim for v in inputs):  # an array meets a symbol
            if any(isinstance(v, Symbol) for v in out or ()):
                raise TraceError(f"cannot trace numpy.{ufunc.__name__} of an array into one value")
            result = np.frompyfunc(lambda *v: ufunc(*v), len(inputs), 1)(*map(_boxed, inputs))
            if not out:
                return result
            out[0][...] = result
            return out[0]
        if ufunc not in OPERATIONS:
            raise TraceError(
                f"cannot trace numpy.{ufunc.__name__}: it has no JavaScript counterpart here"
            )
        result = self.recorder.let(OPERATIONS[ufunc].format(*map(literal, inputs)))
        if out:  # in place, as in m += ...: the symbol itself stands for the new value from here on
            out[0].js = result.js
            return out[0]
        return result

    def __array_function__(self, function, types, args, options):
        if function is np.where and len(args) == 3 and not options:
            return self.recorder.let("{} ? {} : {}".format(*map(literal, args)))
        if function is np.stack and not options:
            stacked = np.empty(len(args[0]), dtype=object)
            stacked[:] = args[0]
            return stacked
        if function is np.broadcast_to and args[1:] == ((),):  # an entry of a Hessian
            return self
        raise TraceError(
            f"cannot trace numpy.{function.__name__}: it has no JavaScript counterpart here"
        )

    def __setitem__(self, key, value):
        if key is not Ellipsis:
            raise TraceError(f"cannot trace an assignment to the part [{key!r}] of a memory")
        # A name of its own: if value is another memory, that one may be written before this one.
        self.js = self.recorder.let(literal(value)).js

    def __getitem__(self, key):
        raise TraceError(
            f"cannot trace the part [{key!r}] of a value: the rule must be elementwise"
        )

    def __bool__(self):
        raise TraceError("cannot trace a branch on a value; use numpy.where instead of if, and, or")

    def __float__(self):
        raise TraceError("cannot trace float(): the formula must stay numpy arithmetic")

    __int__ = __index__ = __iter__ = __len__ = __float__

    def __getattr__(self, name):
        # numpy calls a method of this name for each object in an array: np.sin(x) -> x[i].sin()
        ufunc = getattr(np, name, None)
        if isinstance(ufunc, np.ufunc):
            return lambda: ufunc(self)
        error = AttributeError if name.startswith("__") else TraceError  # numpy looks for __array__
        raise error(f"cannot trace the attribute .{name} of a value")

    __hash__ = object.__hash__

    dtype = np.dtype(float)  # JavaScript has no other numbers

    def astype(self, dtype):
        return self


class Setting(Symbol):
    """A symbol whose value is known while tracing: against a plain number it compares by that.

    So a formula may refuse what makes no sense, as in ``if not delta > 0``. Whoever sets the value
    in JavaScript keeps to the range for which the answer is the same.
    """

    COMPARISONS = (np.greater, np.greater_equal, np.less, np.less_equal)

    def __init__(self, recorder, js, value):
        super().__init__(recorder, js)
        self.value = value

    def __array_ufunc__(self, ufunc, method, *inputs, **options):
        known = [v.value if isinstance(v, Setting) else v for v in inputs]
        if ufunc in self.COMPARISONS and not any(isinstance(v, Symbol) for v in known):
            return ufunc(*known)
        return super().__array_ufunc__(ufunc, method, *inputs, **options)


def _method(name, arguments, lines):
    body = "\n".join(f"    {line}" for line in lines)
    return f"  {name}({arguments}) {{\n{body}\n  }},"


def _object(constants, methods):
    fields = [f"  {key}: {json.dumps(value)}," for key, value in constants.items()]
    return "\n".join(["{", *fields, *methods, "}"])


def _numbers(symbols, prefix, recorder):
    return {key: Symbol(recorder, f"{prefix}.{key}") for key in symbols}


def formula_js(name, formula):
    """A formula of several numbers as a function of JavaScript of that name."""
    recorder = Recorder()
    names = list(inspect.signature(formula).parameters)
    value = formula(*(Symbol(recorder, key) for key in names))
    body = "\n".join(f"  {line}" for line in recorder.lines)
    return f"const {name} = ({', '.join(names)}) => {{\n{body}\n  return {literal(value)};\n}};\n"


def activation_js(activation):
    """An activation as a JavaScript object: ``f(x)``, and ``df(g, x, y)``, g times the slope."""
    methods = []
    for name, names in (("f", ["x"]), ("df", ["g", "x", "y"])):
        recorder = Recorder()
        value = getattr(activation, name)(*(Symbol(recorder, key) for key in names))
        methods.append(
            _method(name, ", ".join(names), [*recorder.lines, f"return {literal(value)};"])
        )
    return _object({}, methods)


def optimizer_js(cls):
    """The update rule of an optimizer class as a JavaScript object."""
    recorder = Recorder()
    x, g = Symbol(recorder, "x[i]"), Symbol(recorder, "g[i]")
    memory = {key: Symbol(recorder, f"m.{key}[i]") for key in cls.memory}
    rule = cls.__new__(cls)
    used = [key for key in cls.defaults if key not in cls.initial.values()]
    rule.update(Symbol(recorder, "t"), x, g, *memory.values(), **_numbers(used, "h", recorder))
    writes = [f"m.{key}[i] = {symbol.js};" for key, symbol in memory.items()]
    loop = ["for (let i = 0; i < x.length; i++) {"]
    loop += [f"  {line}" for line in [*recorder.lines, *writes, f"x[i] = {x.js};"]] + ["}"]
    return _object(
        {"memory": list(cls.memory), "defaults": cls.defaults, "initial": cls.initial},
        [_method("step", "t, x, g, m, h", loop)],
    )


def problem_js(problem, second=False):
    """Value and gradient of a problem as a JavaScript object; ``second``: its Hessian as well.

    ``problem`` is a class (its parameters stay symbols, to be moved by a slider) or an instance
    whose data are constants, such as a LeastSquares; the defaults are then those of the instance.
    """
    given = problem() if inspect.isclass(problem) else problem
    parameters = {key: getattr(given, key) for key in given.parameters}
    methods = []
    for name, out in (("f", None), ("grad", "g"), ("hess", "H"))[: 3 if second else 2]:
        recorder = Recorder()
        traced = copy.copy(given)
        traced.__dict__ = {**given.__dict__, **_numbers(parameters, "p", recorder)}
        x = np.empty(traced.dim, dtype=object)
        x[:] = [Symbol(recorder, f"x[{i}]") for i in range(traced.dim)]
        result = getattr(traced, name)(x)
        if not out:
            methods.append(_method("f", "x, p", [*recorder.lines, f"return {literal(result)};"]))
        else:
            entries = enumerate(np.ravel(result))
            writes = [f"{out}[{i}] = {literal(value)};" for i, value in entries]
            methods.append(_method(name, f"x, p, {out}", [*recorder.lines, *writes]))
    return _object({"dim": given.dim, "defaults": parameters}, methods)


def schedule_js(schedule):
    """The formula of a schedule as a JavaScript object.

    ``schedule`` is a class (its numbers stay symbols, to be moved by a slider) or an instance; what
    that holds besides numbers, such as milestones or another schedule, are then constants.
    """
    if inspect.isclass(schedule):
        if schedule.data:
            raise TraceError(
                f"cannot trace {schedule.__name__} without its {', '.join(schedule.data)}: "
                "trace an instance"
            )
        given, schedule = schedule.defaults, schedule.__new__(schedule)
    else:
        given = schedule.numbers
    numbers = {key: value for key, value in given.items() if key not in schedule.data}
    data = {key: given[key] for key in schedule.data}
    recorder = Recorder()
    value = schedule.at(Symbol(recorder, "t"), **data, **_numbers(numbers, "p", recorder))
    return _object(
        {"defaults": numbers},
        [_method("at", "t, p", [*recorder.lines, f"return {literal(value)};"])],
    )


def loss_js(loss):
    """Value and slope of a loss of :mod:`optlib.losses`, for one prediction z and one target y.

    Its settings, such as ``delta``, stay symbols, to be moved by a slider.
    """
    given = {
        key: parameter.default
        for key, parameter in inspect.signature(loss).parameters.items()
        if key not in ("z", "y", "weights")
    }
    methods = []
    for i, name in enumerate(("f", "slope")):
        recorder = Recorder()
        settings = {key: Setting(recorder, f"p.{key}", value) for key, value in given.items()}
        formula = loss(None, None, **settings)[i]
        value = formula(Symbol(recorder, "z"), Symbol(recorder, "y"))
        methods.append(_method(name, "z, y, p", [*recorder.lines, f"return {literal(value)};"]))
    return _object({"defaults": given}, methods)


def table_js(name, entries, printer):
    """``const NAME = {...}`` with one traced object for each named class."""
    rows = [f"{json.dumps(key)}: {printer(entry)}," for key, entry in entries.items()]
    return "\n".join([f"const {name} = {{", *rows, "};\n"])
