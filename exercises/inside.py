"""The inner side of the wall: runs a student's cells, calls one function, answers with data.

What happens here is in the student's hands and proves nothing; the verdict falls outside, on the
text that comes back (:func:`exercises.cases.verdict`). This module needs wire.py, numpy and optlib,
and nothing else of `exercises`: no hidden test may be within reach of a student's code.
"""

try:
    from exercises.wire import Formula, WireError, from_json, to_json
except ModuleNotFoundError:  # in a sandbox that holds these two files alone
    from wire import Formula, WireError, from_json, to_json


def load(cells):
    """Run the texts of code cells in order, as one notebook; return (namespace, errors).

    A cell that raises is left behind and the next one runs: a fault costs only what depends on it.
    ``errors`` is a list of "cell 3: NameError: ..." for the student.
    """
    namespace, errors = {"__name__": "__main__"}, []
    for number, source in enumerate(cells, 1):
        try:
            exec(compile(source, f"cell {number}", "exec"), namespace)
        except (Exception, SystemExit) as error:
            errors.append(f"cell {number}: {type(error).__name__}: {error}")
    return namespace, errors


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
    except (Exception, SystemExit) as error:
        bases = [base.__name__ for base in type(error).__mro__]
        return to_json({"raised": bases, "says": str(error)[:500]})
    try:
        after = {name: args[names.index(name)] for name in request["watch"]}
        return to_json({"returned": result, "after": after})
    except WireError as error:
        return to_json({"unfit": str(error)})
