"""The end of every student notebook: what to do before handing in, and a cell that looks.

The two functions with an underscore are written into that cell, word for word: they import nothing
but Python's own library, open no file, and work wherever a notebook runs. ``validate`` uses the
first of them too, and reads the sheet (questions, visible tests, manual questions) from the cell.
"""

import ast
import inspect

from exercises.assignment import SELF_CHECK, grading, shown

TEXT_ID = "before_you_hand_in"
TEXT = """\
## Before you hand in

1. Choose *Restart kernel and run all cells*. If it stops at a test that fails, go on below it.
2. Run the cell below. It says what is missing and which of the tests that you can see pass.
3. Save, and hand in this one file, `{name}.ipynb`.

Nothing is lost by handing in early where your course lets you hand in again. With the book's
repository at hand, `python -m exercises validate {name}.ipynb` says before you hand in what the
grader will see, plots and texts included.
"""


def _try_test(test, names):
    """Run one visible test on what is defined: ("passes" | "fails" | "stub" | "missing", why)."""
    import contextlib
    import io

    absent = [name for name in test["uses"] if name not in names]
    if absent:
        return "missing", f"{', '.join(absent)} not defined; run the cell in which you write it"
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            exec(compile(test["source"], "visible test", "exec"), dict(names))
    except KeyboardInterrupt:
        return "fails", "stopped by you; does every loop end?"
    except NotImplementedError as error:
        last = error.__traceback__
        while last.tb_next:
            last = last.tb_next
        return "stub", f"{last.tb_frame.f_code.co_name} raises NotImplementedError"
    except (Exception, SystemExit) as error:
        says = " ".join(str(error).split())[:300]
        plain = type(error) is AssertionError and says
        return "fails", says if plain else f"{type(error).__name__}: {says}"
    return "passes", ""


def _before_you_hand_in(sheet, names):
    """Say of each question how it stands."""
    words = {"passes": "passes what you can see", "stub": "NOT WRITTEN YET", "missing": "MISSING"}
    good, tests = 0, sheet["tests"]
    print(f"Before you hand in: {sheet['assignment']}\n")
    for question, test in tests.items():
        status, why = _try_test(test, names)
        good += status == "passes"
        said = words.get(status, "FAILS") + (f": {why}" if why else "")
        print(f"  {question} ({test['points']:g} points): {said}")
    for question, points in sheet["manual"].items():
        print(f"  {question} ({points:g} points): a person reads it; is your answer there?")
    print(f"\n{good} of {len(tests)} questions pass the tests that you can see.")
    print("The points come from more tests of the same kind.")


def cells(assignment):
    """The two locked cells at the end: what to do, and the check."""
    sheet = sheet_of(assignment)
    source = (
        "# Run this cell: it says what is missing. It runs the tests above once more.\n"
        f"{inspect.getsource(_try_test)}\n\n{inspect.getsource(_before_you_hand_in)}\n\n"
        f"_before_you_hand_in({_literal(sheet)}, globals())"
    )
    text = {"cell_type": "markdown", "source": TEXT.format(name=assignment.name).rstrip()}
    check = {"cell_type": "code", "source": source, "outputs": [], "execution_count": None}
    for cell, name in ((text, TEXT_ID), (check, SELF_CHECK)):
        meta = {"grade": False, "solution": False, "locked": True, "task": False}
        meta |= {"schema_version": 3, "grade_id": name}
        cell["id"] = name.replace("_", "-")
        cell["metadata"] = {"nbgrader": meta}
    check["metadata"]["jupyter"] = {"source_hidden": True}  # folded in JupyterLab, there to read
    return [text, check]


def sheet_of(assignment):
    """What the check knows: visible tests, the functions that each uses, manual questions."""
    written, helpers, tests = set(), {}, {}
    for cell in assignment.cells:
        meta, source = grading(cell), cell["source"]
        if cell["cell_type"] != "code" or not (meta["solution"] ^ meta["grade"]):
            continue
        tree = _parsed(shown(cell))
        defined = {n.name: n for n in tree.body if isinstance(n, (ast.FunctionDef, ast.ClassDef))}
        if meta["solution"]:
            written |= defined.keys()
            continue
        used = _names(tree)
        for name, text in reversed(helpers.items()):  # what an earlier test cell defines
            if name in used and name not in defined:
                source, used = f"{text}\n\n\n{source}", used + _names(_parsed(text))
        uses = [name for name in dict.fromkeys(used) if name in written]
        tests[meta["grade_id"]] = {"points": meta["points"], "uses": uses, "source": source}
        helpers |= {n: ast.get_source_segment(cell["source"], node) for n, node in defined.items()}
    manual = {name: meta["points"] for name, meta in assignment.manual.items()}
    return {"assignment": assignment.name, "tests": tests, "manual": manual}


def read_sheet(source):
    """The sheet in the text of a check cell; None if there is none."""
    try:
        call = ast.parse(source).body[-1].value
        sheet = ast.literal_eval(call.args[0])
        tests = sheet["tests"].values()
        fits = all(isinstance(test["source"], str) and test["points"] > 0 for test in tests)
        fits = fits and all(isinstance(name, str) for test in tests for name in test["uses"])
        fits = fits and all(points > 0 for points in sheet["manual"].values())
        return sheet if fits and isinstance(sheet["assignment"], str) else None
    except (SyntaxError, ValueError, TypeError, KeyError, IndexError, AttributeError):
        return None
    except (RecursionError, MemoryError):
        return None


def _parsed(source):
    try:
        return ast.parse(source)
    except SyntaxError:  # not released; release.check_student says why
        return ast.Module([], [])


def _names(tree):
    return [node.id for node in ast.walk(tree) if isinstance(node, ast.Name)]


def _literal(value):
    """Python text of a value, with texts of many lines as they are read."""
    if isinstance(value, dict):
        inner = ", ".join(f"{key!r}: {_literal(item)}" for key, item in value.items())
        return "{" + inner + "}"
    if isinstance(value, str) and "\n" in value:
        text = f"r'''\n{value}\n'''"
        if "'''" not in value and ast.literal_eval(text) == f"\n{value}\n":
            return text
    return repr(value)
