"""The student's side: the check at the end of the sheet, and what validate says of it."""

import ast
import builtins
import contextlib
import copy
import io
import json
import time

import pytest

from exercises import selfcheck
from exercises.assignment import SELF_CHECK, Assignment, grading, student_cells
from exercises.grading import validate as module
from exercises.grading.validate import validate
from exercises.inside import load
from exercises.release import student_version, to_bytes


def by_id(notebook):
    return {grading(cell)["grade_id"]: cell for cell in notebook["cells"]}


@pytest.fixture(scope="module")
def sheet():
    return student_version(Assignment("gradient-descent"))


@pytest.fixture
def hand_in(sheet, tmp_path):
    """hand_in(change, name): path of the solved sheet, changed by change(cells by id, sheet)."""

    def hand_in(change=lambda cells, notebook: None, name="gradient-descent.ipynb", solved=True):
        notebook = copy.deepcopy(sheet)
        cells = by_id(notebook)
        cells["setup"]["source"] = "import numpy as np"  # the quicker half
        cells["m1_plot"]["source"] = "picture = np.arange(3)"
        if solved:
            for cell in Assignment("gradient-descent").cells:
                meta = grading(cell)
                if meta["solution"] and meta["grade_id"] != "m1_plot":
                    lines = cell["source"].split("\n")
                    text = "\n".join(line for line in lines if "SOLUTION" not in line)
                    cells[meta["grade_id"]]["source"] = text
        change(cells, notebook)
        path = tmp_path / name
        path.write_bytes(to_bytes(notebook))
        return path

    return hand_in


def checked(notebook, names):
    (cell,) = [c for c in notebook["cells"] if grading(c)["grade_id"] == SELF_CHECK]
    with contextlib.redirect_stdout(io.StringIO()) as said:
        exec(cell["source"], names)
    return said.getvalue()


def lines(text, word):
    return [line for line in text.split("\n") if word in line]


def test_the_check_passes_the_solution_and_sees_every_stub(assignment):
    student = student_version(assignment)
    tests = selfcheck.sheet_of(assignment)["tests"]
    assert tests.keys() == assignment.questions.keys()
    names, _ = load(student_cells(assignment.notebook))
    before = dict(names)
    said = checked(student, names)
    assert len(lines(said, "passes what you can see")) == len(tests), said
    for name in assignment.manual:
        (line,) = lines(said, f"  {name} (")
        assert "a person reads it" in line
    new = names.keys() - before.keys()
    assert new == {"_try_test", "_before_you_hand_in"}, "the check leaves other names alone"
    assert all(names[name] is before[name] for name in before)

    names, _ = load(student_cells(student))
    said = checked(student, names)
    assert len(lines(said, "NOT WRITTEN YET")) == len(tests), said
    assert f"0 of {len(tests)} questions" in said

    said = checked(student, {})
    assert len(lines(said, "MISSING")) == len(tests), said
    assert all(test["uses"] for test in tests.values())


def test_the_check_needs_no_file_and_no_library(sheet, monkeypatch):
    source = by_id(sheet)[SELF_CHECK]["source"]
    nodes = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Import)]
    assert {alias.name for node in nodes for alias in node.names} == {"contextlib", "io"}

    def refuse(*args, **kwargs):
        raise AssertionError("opened a file")

    namespace, _ = load(student_cells(Assignment("gradient-descent").notebook))
    monkeypatch.setattr(builtins, "open", refuse)
    said = checked(sheet, namespace)
    assert len(lines(said, "passes what you can see")) == 3


def test_the_check_says_what_is_wrong_and_never_raises(sheet):
    cells = [
        "import numpy as np",
        "def gd(*args, **more): return 1",
        "import sys\ndef optimal_lr(H): sys.exit('no')",
        "def predict_steps(H, tol): raise KeyboardInterrupt",
    ]
    said = checked(sheet, load(cells)[0])
    assert "test_gd (10 points): FAILS: return two things: path, diverged" in said
    assert "FAILS: SystemExit: no" in said and "stopped by you" in said


def test_a_sheet_is_read_from_its_cell(assignment):
    cell = student_version(assignment)["cells"][-1]
    read = selfcheck.read_sheet(cell["source"])
    sheet = selfcheck.sheet_of(assignment)
    for test in (*sheet["tests"].values(), *read["tests"].values()):
        test["source"] = test["source"].strip("\n")
    assert read == sheet


@pytest.mark.parametrize(
    "source",
    ["", "1 +", "f()", "f({})", "f({'tests': {}, 'manual': {}})", "f([1])", "(" * 9999, "x = 1",
     "f({'assignment': 'a', 'tests': {'t': {'points': 1, 'uses': [], 'source': 3}}, 'manual': {}})",
     "f({'assignment': 'a', 'tests': {'t': {'points': '1', 'uses': [], 'source': ''}}})",
     "f({'assignment': open('x'), 'tests': {}, 'manual': {}})"],
)  # fmt: skip
def test_what_is_no_sheet_is_none(source):
    assert selfcheck.read_sheet(source) is None


def test_texts_with_any_quotes_survive():
    for text in ("a\nb", "a'''b\n", "a\\\n", 'x"""\n\'', "\\n\nr'", "one"):
        read = ast.literal_eval(selfcheck._literal({"a": text}))["a"]
        assert read in (text, f"\n{text}\n")


def statuses(report):
    return {seen.name: seen.status for seen in [*report.questions, *report.manual]}


PERFECT = dict.fromkeys(("test_gd", "test_optimal_lr", "test_predict_steps"), "passes") | {
    "m1_plot": "there",
    "m1_essay": "there",
}


def test_troubles_that_cost_nothing(hand_in):
    def change(cells, notebook):
        notebook["metadata"]["kernelspec"] = {"name": "julia-1.10", "display_name": "Julia"}
        notebook["cells"].remove(cells["test_gd"])
        notebook["cells"].insert(
            0, notebook["cells"].pop(notebook["cells"].index(cells["test_optimal_lr"]))
        )
        cells["test_predict_steps"]["source"] = "print('all is well')"
        scratch = "import sys; print('x' * 10**6); print('!', file=sys.stderr); open('notes', 'w')"
        notebook["cells"].append({"cell_type": "code", "metadata": {}, "source": scratch})

    report = validate(hand_in(change, "gradient-descent (1).ipynb"), seconds=60)
    assert statuses(report) == PERFECT
    assert report.exit_code == 0 and report.assignment == "gradient-descent"
    said = str(report)
    for words in (
        "hand it in as gradient-descent.ipynb",
        "the kernel is 'julia-1.10'",
        "test_gd is gone; the grader has its own",
        "test_predict_steps was changed",
        "Ready to hand in",
    ):
        assert words in said, words
    assert "test_optimal_lr was" not in said


def test_each_trouble_costs_its_own_question(hand_in):
    def change(cells, notebook):
        cells["gd"]["source"] = "def gd(*args, **more): return 1, 2, 3"
        cells["optimal_lr"]["source"] = "import os\ndef optimal_lr(H): os._exit(0)"
        notebook["cells"].remove(cells["predict_steps"])
        cells["m1_plot"]["source"] = "axes.plot(1)"
        cells["m1_essay"]["source"] = "YOUR ANSWER HERE"

    report = validate(hand_in(change), seconds=60)
    assert statuses(report) == {
        "test_gd": "fails",
        "test_optimal_lr": "crashed",
        "test_predict_steps": "missing",
        "m1_plot": "fails",
        "m1_essay": "untouched",
    }
    assert report.exit_code == 1
    assert "name 'axes' is not defined" in str(report)
    assert "fails a test that you can see: return two things" in str(report)


def test_an_endless_loop_is_stopped():
    test = {"points": 1, "uses": ["loop"], "source": "loop()"}
    began = time.monotonic()
    status, why, _ = module._run(["def loop():\n    while True: pass"], test, 2)
    assert (status, "takes more than 2 s" in why) == ("timeout", True)
    assert time.monotonic() - began < 25, "far more than the limit: the loop was not stopped"


@pytest.fixture
def quick(monkeypatch):
    """The tests are taken for passed; what is looked at is the rest."""
    monkeypatch.setattr(module, "_run", lambda cells, test, seconds: ("passes", "", []))


def test_what_is_gone_is_missed(hand_in, quick):
    def without(*names):
        return lambda cells, notebook: [notebook["cells"].remove(cells[name]) for name in names]

    assert statuses(validate(hand_in(without("m1_essay"))))["m1_essay"] == "missing"
    lost = hand_in(without("test_gd", SELF_CHECK))
    report = validate(lost)
    assert "test_gd" not in statuses(report) and "last cell of the sheet is gone" in str(report)
    assert statuses(validate(lost, "gradient-descent")) == PERFECT

    def forge(cells, notebook):
        cells[SELF_CHECK]["source"] = "check({'assignment': 'x', 'tests': {}, 'manual': {}})"

    assert "gone or changed" in str(validate(hand_in(forge)))
    other = validate(hand_in(), "momentum")
    assert set(statuses(other)) >= {"test_momentum", "test_tune"}


def test_what_python_cannot_read_is_named_with_the_reason(hand_in, quick):
    def change(cells, notebook):
        cells["gd"]["source"] = "%timeit 1\n" + cells["gd"]["source"]
        copied = copy.deepcopy(cells["optimal_lr"])
        notebook["cells"].append(copied)

    said = str(validate(hand_in(change)))
    assert "cell 4 (gd) is not Python" in said and "% or ! are not Python" in said
    assert "2 cells are copies of optimal_lr" in said


BROKEN = {
    "nothing": (None, "there is no file"),
    "empty": (b"", "the file is empty"),
    "half a file": (b'{"cells": [', "not a Jupyter notebook"),
    "a list": (b"[]", "not a Jupyter notebook"),
    "cells of text": (b'{"cells": ["x"]}', "not a Jupyter notebook"),
    "no text": (b"\xff\xfe\x00", "not a Jupyter notebook"),
    "deep": (b"[" * 100_000, "not a Jupyter notebook"),
    "numbers for lines": (
        b'{"cells": [{"cell_type": "code", "source": [1]}]}',
        "not a Jupyter notebook",
    ),
    "no question": (b'{"cells": []}', "holds no question"),
    "metadata of lists": (
        b'{"metadata": [], "cells": [{"cell_type": "code", "source": "", "metadata": []}]}',
        "holds no question",
    ),
}


@pytest.mark.parametrize(("content", "says"), BROKEN.values(), ids=BROKEN)
def test_a_file_that_cannot_be_graded(tmp_path, content, says):
    path = tmp_path / "sheet.ipynb"
    if content is not None:
        path.write_bytes(content)
    report = validate(path)
    assert says in str(report) and report.exit_code == 2


def test_a_file_that_is_too_large(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "LARGEST", 10)
    (tmp_path / "sheet.ipynb").write_text(json.dumps({"cells": []}))
    assert "clear the outputs" in str(validate(tmp_path / "sheet.ipynb"))


def test_the_report_moves_no_cursor(hand_in, monkeypatch):
    monkeypatch.setattr(module, "_run", lambda *args: ("fails", "\x1b[2J\u202e gone", []))
    said = str(validate(hand_in()))
    assert "gone" in said and said.replace("\n", "").isprintable()
