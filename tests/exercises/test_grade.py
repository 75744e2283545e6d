"""One submission, one record: a fault costs its own question, and the student is told why."""

import json
import sys
from pathlib import Path

import pytest

from exercises.grading.grade import grade, key
from exercises.grading.sandbox import Limits
from exercises.grading.submission import Unreadable, cells

sys.path.insert(0, str(Path(__file__).parent))
import tiny

LIMITS = Limits(seconds=3)


@pytest.fixture(scope="module")
def assignment(tmp_path_factory):
    return tiny.write(tmp_path_factory.mktemp("tiny"))


def points(record):
    return [part["points"] for part in record["questions"].values()]


def statuses(record):
    return [part["status"] for part in record["questions"].values()]


def test_a_right_sheet(assignment):
    record = grade(assignment, tiny.submission(), limits=LIMITS)
    assert record["status"] == "graded" and record["notes"] == []
    assert points(record) == [2, 3, 2] and statuses(record) == ["graded"] * 3
    assert all(c["feedback"] is None for q in record["questions"].values() for c in q["cases"])
    plot, essay = record["manual"]["m1_plot"], record["manual"]["m1_essay"]
    assert [list(part) for part in plot["outputs"]] == [["text"], ["png"]]
    assert plot["outputs"][0]["text"] == "drawn\n" and plot["status"] == "to mark"
    assert essay["source"] == "It doubles." and essay["outputs"] == []
    assert grade(assignment, tiny.submission(), limits=LIMITS) == record, "the same each time"


def test_what_costs_nothing(assignment):
    """Noise, another kernel, tests moved, changed, deleted or doubled, magics, an unused error."""
    book = json.loads(tiny.submission())
    tests = [c for c in book["cells"] if c["metadata"]["nbgrader"]["grade_id"].startswith("test_")]
    others = [c for c in book["cells"] if c not in tests]
    tests[0]["source"] = "raise SystemExit"
    tests[1]["metadata"]["nbgrader"]["points"] = 1000
    own = [
        "import warnings, sys\nwarnings.warn('deprecated')\nprint('x', file=sys.stderr)",
        "%matplotlib inline\n!pip install numpy\nnp.sum?\nx = 1",
        "undefined_name",
        "for i in range(1000): print(i)",
        "input()",
    ]
    loose = [{"cell_type": "code", "metadata": {}, "source": text} for text in own]
    book["cells"] = [*tests[1::-1], *loose, *others, tests[0]]
    book["metadata"] = {"kernelspec": {"name": "conda-mine", "language": "julia"}}
    record = grade(assignment, json.dumps(book).encode(), limits=LIMITS)
    assert points(record) == [2, 3, 2]
    assert any("name 'undefined_name' is not defined" in note for note in record["notes"])
    assert not any("matplotlib" in note for note in record["notes"])


def test_sources_as_lists_of_lines_and_a_byte_order_mark(assignment):
    book = json.loads(tiny.submission())
    for cell in book["cells"]:
        cell["source"] = cell["source"].splitlines(keepends=True)
    data = b"\xef\xbb\xbf" + json.dumps(book).encode()
    assert points(grade(assignment, data, limits=LIMITS, render=False)) == [2, 3, 2]


@pytest.mark.parametrize(
    ("name", "answer", "expected", "says"),
    [
        ("double", "def double(x):\n    raise NotImplementedError()", "missing", "not written yet"),
        ("double", "twice = 3", "missing", "there is no function double"),
        ("double", "def double(x) return", "missing", "there is no function double"),
        ("double", "def double(x):\n    return y", "failed", "no call gave an answer"),
        ("double", "def double(x):\n    return 0", "graded", ""),
        ("step", "while True: pass", "timeout", "cell 6 did not end within 3 seconds"),
        ("step", "import os\nos._exit(3)", "crashed", "cell 6 ended the whole program"),
    ],
)
def test_statuses(assignment, name, answer, expected, says):
    record = grade(assignment, tiny.submission(**{name: answer}), limits=LIMITS, render=False)
    part = record["questions"][f"test_{name}"]
    assert part["status"] == expected and says in part["why"] and part["points"] == 0
    assert all(case["feedback"] for case in part["cases"])
    rest = {"double": [3, 2], "step": [2, 3]}[name]
    assert [p for p in points(record) if p] == rest


def test_a_case_that_hangs_keeps_what_was_answered_before_it(assignment):
    slow = "def total(values):\n    while not values: pass\n    return sum(values)"
    part = grade(assignment, tiny.submission(total=slow), limits=LIMITS, render=False)
    part = part["questions"]["test_total"]
    assert part["status"] == "timeout" and [c["points"] for c in part["cases"]] == [1, 0, 0]


def test_a_case_that_crashes_costs_that_case(assignment):
    hard = (
        "import os\ndef total(values):\n    if not values: os._exit(1)\n"
        + (tiny.SOLUTION["total"].partition("\n")[2])
    )
    part = grade(assignment, tiny.submission(total=hard), limits=LIMITS, render=False)
    part = part["questions"]["test_total"]
    assert part["status"] == "crashed" and [c["points"] for c in part["cases"]] == [1, 0, 1]


def test_an_argument_that_is_changed(assignment):
    data = tiny.submission(step="def step(grad, x):\n    x -= 0.1 * grad(x)\n    return x")
    (case,) = grade(assignment, data, limits=LIMITS, render=False)["questions"]["test_step"][
        "cases"
    ]
    assert case["feedback"] == "step changed its argument x; work on a copy of it"


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "empty"),
        (b"  \n", "empty"),
        (tiny.submission()[:-9], "not a notebook"),
        (b"\x89PNG\r\n\x1a\n", "not a notebook"),
        (b"[" * 100_000, "not a notebook"),
        (b"[]", "no cells"),
        (b'{"worksheets": []}', "no cells"),
        (b'{"cells": {}}', "no cells"),
        (b" " * (17 << 20) + b"1", "17 MB"),
        (json.dumps({"cells": [{}] * 1001}).encode(), "more than 1000"),
    ],
)
def test_what_is_no_notebook(assignment, data, says):
    with pytest.raises(Unreadable, match=says):
        cells(data)
    record = grade(assignment, data)
    assert record["status"] == "unreadable" and says in record["reason"]
    assert set(statuses(record)) == {"unreadable"} and points(record) == [0, 0, 0]


@pytest.mark.parametrize(
    "cell",
    [
        None, 3, [], {}, {"source": 3}, {"source": [1]}, {"metadata": 4}, {"cell_type": []},
        {"metadata": {"nbgrader": 7}}, {"metadata": {"nbgrader": {"grade_id": ["double"]}}},
        {"source": "\ud800", "cell_type": "code"},
    ],
)  # fmt: skip
def test_a_cell_may_be_anything(assignment, cell):
    book = json.loads(tiny.submission())
    book["cells"].insert(1, cell)
    data = json.dumps(book).encode()
    assert points(grade(assignment, data, limits=LIMITS, render=False)) == [2, 3, 2]


def test_another_sheet(assignment):
    other = {"cells": [{"cell_type": "markdown", "metadata": {}, "source": "Hello"}]}
    record = grade(assignment, json.dumps(other).encode())
    assert record["status"] == "unreadable" and "not the sheet 'tiny'" in record["reason"]
    bare = [{"cell_type": "code", "source": text} for text in tiny.SOLUTION.values()]
    record = grade(
        assignment, json.dumps({"cells": bare[:3]}).encode(), limits=LIMITS, render=False
    )
    assert points(record) == [2, 3, 2], "without any metadata the functions are found by name"
    assert {part["status"] for part in record["manual"].values()} == {"missing"}


def test_answers_for_a_person(assignment):
    stubs = {"m1_plot": "# YOUR CODE HERE\nraise NotImplementedError()", "m1_essay": "  "}
    manual = grade(assignment, tiny.submission(**stubs), limits=LIMITS)["manual"]
    assert {part["status"] for part in manual.values()} == {"untouched"}
    broken = grade(assignment, tiny.submission(m1_plot="print(1)\n1 / 0"), limits=LIMITS)
    shown = [part["text"] for part in broken["manual"]["m1_plot"]["outputs"]]
    assert shown == ["1\n", "cell 8: ZeroDivisionError: division by zero"]
    endless = grade(assignment, tiny.submission(m1_plot="while 1: pass"), limits=LIMITS)
    assert endless["manual"]["m1_plot"]["status"] == "timeout" and points(endless) == [2, 3, 2]
    evil = (
        "import matplotlib.pyplot as plt, base64\nfrom IPython.display import HTML\n"
        "plt.show = print\nHTML('<script>alert(1)</script>')"
    )
    outputs = grade(assignment, tiny.submission(m1_plot=evil), limits=LIMITS)["manual"]["m1_plot"]
    assert all(set(part) <= {"text", "png"} for part in outputs["outputs"])


def test_the_key_names_all_on_which_a_record_depends(assignment, tmp_path):
    data = tiny.submission()
    own = key(assignment, data)
    assert own == key(assignment, data) == key(assignment, data, seed=7)
    others = [
        key(assignment, data + b" "),
        key(assignment, data, seed=8),
        key(assignment, data, limits=Limits(seconds=11)),
        key(assignment, data, render=False),
        key(tiny.write(tmp_path, double="def double(x):\n    return x + x"), data),
    ]
    assert len({own, *others}) == 6


def test_limits_make_sense():
    for wrong in (0, -1, "3", None, True, float("inf")):
        with pytest.raises(ValueError, match="limit seconds should be a positive number"):
            Limits(seconds=wrong)


def test_drawing_is_loaded_by_who_draws_and_works_in_every_spelling(assignment):
    """It takes longer to load than most answers to run, and every sheet imports it at its top."""
    imports = (
        "import matplotlib.pyplot as plt\nfrom matplotlib import pyplot\nimport matplotlib as mpl\n"
        "import sys\nfrom matplotlib.pyplot import *\n"
    )
    looks = "def double(x):\n    return 'matplotlib.figure' in sys.modules or 2 * x"
    lazy = tiny.submission(double=imports.replace("from matplotlib.pyplot import *\n", "") + looks)
    assert points(grade(assignment, lazy, limits=LIMITS, render=False)) == [2, 3, 2]
    uses = (
        "import matplotlib.animation, matplotlib.cm\nfig, ax = plt.subplots()\n"
        "mpl.rcParams['lines.linewidth'] = 3\nmatplotlib.rcParams.update({})\n"
        "assert plt.gcf() is fig and matplotlib.animation.Animation and plt.cm.viridis\n"
        "def double(x):\n    return 2 * x if 'matplotlib.figure' in sys.modules else 0"
    )
    drawn = grade(assignment, tiny.submission(double=imports + uses), limits=LIMITS, render=False)
    assert points(drawn) == [2, 3, 2] and drawn["notes"] == []
