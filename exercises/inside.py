"""The inner side of the wall: runs a student's cells, calls one function, answers with data.

What happens here is in the student's hands and proves nothing; the verdict falls outside, on the
text that comes back (:func:`exercises.cases.verdict`). This module needs wire.py, numpy and optlib,
and nothing else of `exercises`: no hidden test may be within reach of a student's code.
"""

import ast
import base64
import contextlib
import io
import re
import warnings

try:
    from exercises.wire import Formula, WireError, from_json, to_json
except ModuleNotFoundError:  # in a sandbox that holds these two files alone
    from wire import Formula, WireError, from_json, to_json

MAGIC = re.compile(r"^(\s*)([%!].*|.*\?\??\s*)$")  # a line of a notebook that is no Python
MOST_TEXT = 10_000  # characters that a cell may show


def load(cells, numbers=None, before=lambda number: None):
    """Run the texts of code cells in order, as one notebook; return (namespace, errors).

    A cell that raises is left behind and the next one runs: a fault costs only what depends on it.
    ``errors`` is a list of "cell 3: NameError: ..." for the student, with the cells' ``numbers``
    or 1, 2, ... ``before`` is called with each number before its cell runs.
    """
    namespace, errors = {"__name__": "__main__", "display": print}, []
    for number, source in zip(numbers or range(1, len(cells) + 1), cells, strict=True):
        before(number)
        try:
            exec(compile(parsed(source), f"cell {number}", "exec"), namespace)
        except BaseException as error:
            errors.append(f"cell {number}: {brief(error)}")
    return namespace, errors


def parsed(source):
    """The syntax tree of a cell. Lines that only a notebook understands (%, !, ?) are left out."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return ast.parse(source)
        except SyntaxError:
            lines = source.split("\n")
            plain = [MAGIC.sub(r"\1pass", line) for line in lines]
            if plain == lines:
                raise
            return ast.parse("\n".join(plain))


def brief(error):
    """An exception in one line."""
    try:
        says = str(error)
    except Exception:
        says = "(its text cannot be had)"
    return f"{type(error).__name__}: {says}"[:300]


def show(namespace, number, source):
    """Run one cell as a notebook would: a list of {"text": ...} and {"png": base64}, in order.

    Figures appear when ``plt.show()`` is called and when the cell ends; the value of a last line
    that is an expression is shown. An error is the last text.
    """
    import matplotlib.pyplot as plt

    shown = []

    def figures(*args, **kwargs):
        for figure in map(plt.figure, plt.get_fignums()):
            file = io.BytesIO()
            figure.savefig(file, format="png", dpi=80)
            shown.append({"png": base64.b64encode(file.getvalue()).decode("ascii")})
        plt.close("all")

    class Printed(io.TextIOBase):
        def write(self, text):
            if not shown or "text" not in shown[-1]:
                shown.append({"text": ""})
            room = MOST_TEXT - sum(len(part.get("text", "")) for part in shown)
            shown[-1]["text"] += text[: max(room, 0)]
            return len(text)

    namespace["display"] = lambda *things: [
        figures() if isinstance(thing, plt.Figure) else print(thing) for thing in things
    ]
    plt.close("all")
    plt.show = figures
    try:
        with contextlib.redirect_stdout(Printed()), contextlib.redirect_stderr(io.StringIO()):
            value = run_like_a_notebook(namespace, number, source)
            if value is not None and not isinstance(value, plt.Figure):
                print(repr(value))
        figures()
    except BaseException as error:
        shown.append({"text": f"cell {number}: {brief(error)}"})
    return shown


def run_like_a_notebook(namespace, number, source):
    """Run a cell; the value of its last line if that is an expression."""
    tree = parsed(source)
    last = tree.body[-1] if tree.body else None
    if isinstance(last, ast.Expr) and not source.rstrip().endswith(";"):
        tree.body.pop()
        exec(compile(tree, f"cell {number}", "exec"), namespace)
        return eval(compile(ast.Expression(last.value), f"cell {number}", "eval"), namespace)
    exec(compile(tree, f"cell {number}", "exec"), namespace)


def answer(namespace, request):
    """Call one function; both ``request`` and the result are texts of :mod:`exercises.wire`.

    The request is ``{"function": name, "args": [[name, value], ...], "watch": [name, ...]}``; the
    arguments are passed by position. The answer is a dict with one of these keys:

    returned : the result; then also ``after``, a dict of the watched arguments after the call.
    raised : the class names of the exception, itself first and then its bases; ``says``: its text.
    missing : there is no function of that name.
    unfit : why the result is not data.
    """
    request = from_json(request)
    function = namespace.get(request["function"])
    if not callable(function):
        return to_json({"missing": request["function"]})
    names = [name for name, _ in request["args"]]
    args = [a.build() if isinstance(a, Formula) else a for _, a in request["args"]]
    try:
        result = function(*args)
    except BaseException as error:
        bases = [base.__name__ for base in type(error).__mro__]
        return to_json({"raised": bases, "says": brief(error).partition(": ")[2]})
    try:
        after = {name: args[names.index(name)] for name in request["watch"]}
        return to_json({"returned": result, "after": after})
    except WireError as error:
        return to_json({"unfit": str(error)})
