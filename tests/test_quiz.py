"""The quiz: what it refuses, what it shows without JavaScript, and that nbval checks the key."""

import math
import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import nbclient
import nbformat
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import optlib
from optlib import quiz
from optlib.quiz import Option

L = optlib.Quadratic(kappa=50).L


def steps(**changes):
    arguments = {
        "question": r"$\kappa$ grows from 100 to 400. How many more steps?",
        "options": [
            Option("twice", np.bool_(False), "That is momentum."),
            Option("four times", 400 / 100 == 4, r"Steps grow like $\kappa$."),
            Option("sixteen times", False, r"$\kappa^2$ is nowhere."),
        ],
    }
    return quiz.choice(**(arguments | changes))


def limit(**changes):
    arguments = {
        "question": "$L = 50$. What is the largest stable learning rate?",
        "answer": 2 / L,
        "tolerance": 0.01,
        "reason": "The limit is $2/L$.",
        "mistakes": {1 / L: "$1/L$ is safe, not the limit."},
    }
    return quiz.number(**(arguments | changes))


def test_text_output_is_the_question_the_options_and_the_key():
    assert repr(steps()) == (
        "Quiz: $\\kappa$ grows from 100 to 400. How many more steps?\n"
        "  (a) twice\n  (b) four times\n  (c) sixteen times\n"
        "Key: (b), computed."
    )
    assert repr(limit(unit="per step")) == (
        "Quiz: $L = 50$. What is the largest stable learning rate?\n"
        "  a number in per step, within 1 %\n"
        "Key: 0.04 per step, computed."
    )
    assert repr(limit(answer=math.pi)).endswith("Key: 3.14159, computed.")


def options(*holds):
    return [Option(f"text {i}", h, f"reason {i}") for i, h in enumerate(holds)]


@pytest.mark.parametrize(
    ("error", "message", "changes"),
    [
        (ValueError, "but none holds: .*How many", {"options": options(False, False)}),
        (ValueError, r"\(a\) and \(c\) hold", {"options": options(True, False, True)}),
        (ValueError, "needs 2 to 26 options, got 1", {"options": options(True)}),
        (ValueError, "needs 2 to 26 options, got 27", {"options": options(True, *[False] * 26)}),
        (TypeError, r"option \(b\).*got 1.0 \(float\)", {"options": options(False, 1.0)}),
        (TypeError, r"option \(a\).*got array", {"options": options(np.array([True]), False)}),
        (TypeError, r"option \(a\).*got 'yes'", {"options": options("yes", False)}),
        (TypeError, r"option \(a\) must be quiz.Option", {"options": ["x", "y"]}),
        (
            ValueError,
            r"reason of option \(b\) 'no' is empty",
            {"options": [Option("yes", True, "it is"), Option("no", False, " ")]},
        ),
        (
            TypeError,
            r"reason of option \(b\) 'no' must be a string, got None",
            {"options": [Option("yes", True, "it is"), Option("no", False, None)]},
        ),
        (
            ValueError,
            r"options \(a\) and \(b\) have the same text",
            {"options": [Option("same text", True, "x"), Option("same\n text", False, "y")]},
        ),
        (ValueError, r"text of option \(a\) is empty", {"options": [Option("", True, "x")] * 2}),
        (ValueError, "the question is empty", {"question": "\n"}),
        (ValueError, "hint 2 is empty", {"hints": ["look", ""]}),
        (ValueError, r"unknown command \\foo", {"question": r"What is $\foo$?"}),
        (ValueError, r"cannot read the math \$\{\$", {"question": "What is ${$?"}),
        (ValueError, "a link in the math", {"question": r"$\href{https://x.example}{x}$?"}),
    ],
)
def test_a_bad_choice_is_refused(error, message, changes):
    with pytest.raises(error, match=message):
        steps(**changes)


@pytest.mark.parametrize(
    ("error", "message", "changes"),
    [
        (ValueError, "answer must be finite, got nan", {"answer": np.nan}),
        (ValueError, "answer must be finite, got inf", {"answer": np.inf}),
        (ValueError, "the answer is 0", {"answer": 0}),
        (TypeError, "answer must be one real number, got '0.04'", {"answer": "0.04"}),
        (TypeError, "answer must be one real number, got True", {"answer": True}),
        (TypeError, "answer must be one real number, got array", {"answer": np.ones(2)}),
        (TypeError, "answer must be one real number, got 1j", {"answer": 1j}),
        (ValueError, r"tolerance is relative.*got 0\b", {"tolerance": 0}),
        (ValueError, "tolerance is relative.*got -0.01", {"tolerance": -0.01}),
        (ValueError, "tolerance is relative.*got 5", {"tolerance": 5}),
        (ValueError, "tolerance must be finite", {"tolerance": np.nan}),
        (ValueError, "reason of the answer is empty", {"reason": ""}),
        (ValueError, "reason of the mistake 0.02 is empty", {"mistakes": {0.02: ""}}),
        (ValueError, "mistake must be finite", {"mistakes": {np.inf: "x"}}),
        (ValueError, "0.0402 cannot be told from 0.04", {"mistakes": {0.0402: "x"}}),
        (ValueError, "0.0202 cannot be told from 0.02", {"mistakes": {0.02: "x", 0.0202: "y"}}),
    ],
)
def test_a_bad_number_is_refused(error, message, changes):
    with pytest.raises(error, match=message):
        limit(**changes)


finite = st.floats(-1e100, 1e100).filter(lambda v: abs(v) > 1e-100)


@given(finite, st.floats(1e-6, 0.5))
def test_the_border_of_the_tolerance_counts(answer, tolerance):
    verdict = limit(answer=answer, tolerance=tolerance, mistakes=None).verdicts[0]
    for border in (answer * (1 - tolerance), answer * (1 + tolerance)):
        assert verdict["low"] <= border <= verdict["high"]
    for outside in (answer * (1 - 1.001 * tolerance), answer * (1 + 1.001 * tolerance)):
        assert not verdict["low"] <= outside <= verdict["high"]


class Checker(HTMLParser):
    """The text of an HTML fragment; fails unless every element is closed."""

    def __init__(self, source):
        super().__init__()
        self.open, self.tags, self.text = [], set(), ""
        self.feed(source)
        self.close()
        assert not self.open
        self.text = " ".join(self.text.split())

    def handle_starttag(self, tag, attrs):
        self.open.append(tag)
        self.tags.add(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.add(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def test_without_javascript_it_is_complete():
    bundle, _ = steps(hints=["Count the decades."])._repr_mimebundle_()
    page = Checker(bundle["text/html"])
    for text in ("κ grows from", "(a) twice", "(c) sixteen times", "Hints", "Count the decades."):
        assert text in page.text
    assert "(a) Not right. That is momentum." in page.text
    assert "✓ (b) Right. Steps grow like κ." in page.text
    assert {"details", "summary", "math"} <= page.tags
    assert "application/vnd.jupyter.widget-view+json" in bundle

    page = Checker(limit(unit="per step")._repr_mimebundle_()[0]["text/html"])
    assert "The answer is a number in per step; within 1 % counts as right." in page.text
    assert "✓ 0.04 per step Right. The limit is 2/L." in page.text
    assert "✗ 0.02 per step Not right. 1/L is safe, not the limit." in page.text


def test_texts_cannot_bring_markup_scripts_or_pictures():
    nasty = (
        r"<script>alert(1)</script> [a](javascript:alert(1)) ![b](https://c.example/d.png) "
        r"$x < y$ $\text{<img src=x onerror=alert(1)>}$"
    )
    page = Checker(steps(question=nasty).fallback())
    assert not page.tags & {"script", "img"}
    assert "x<y" in page.text and "<script>alert(1)</script>" in page.text
    links = re.findall(r'(?:href|src)="([^"]*)"', steps(question=nasty).fallback())
    assert links == ["https://c.example/d.png"]  # a link to follow, not a picture that is fetched


def test_markdown_is_kept():
    question = steps(
        question="""
        Is it *so*?

        $$x^2$$
        - `yes`
        """
    ).question
    assert "<em>so</em>" in question["html"]
    assert '<math display="block">' in question["html"]
    assert "<li><code>yes</code></li>" in question["html"].replace("\n", "")
    assert question["spoken"] == "Is it so? x squared yes"


@pytest.mark.parametrize(
    ("tex", "words"),
    [
        (r"\eta = 2/L", "eta equals 2 over L"),
        (r"\frac{2}{L}", "2 over L"),
        (r"\frac{2}{L+\mu}", "fraction 2 over L plus mu end fraction"),
        (r"x_k^2 - y^3", "x sub k squared minus y cubed"),
        (r"x^\top \mathbf{H} x \ge 0", "x transpose H x is at least 0"),
        (r"\sqrt{\kappa} < \sqrt{x+1}", "root of kappa is less than root of x plus 1 end root"),
        (r"10^{-6}\,\Delta\lambda_{\max}", "10 to the power minus 6 capital delta lambda sub max"),
        (r"\hat\theta \in \mathbb{R}", "theta hat in R"),
        (r"\begin{pmatrix}1&0\\0&2\end{pmatrix}", "( 1, 0; 0, 2 )"),
    ],
)
def test_math_is_spoken_in_words(tex, words):
    assert steps(question=f"${tex}$").question["spoken"] == words


def test_ids_are_counted_and_outputs_do_not_depend_on_the_run():
    program = (
        "from optlib import quiz; o = [quiz.Option('x', True, 'r'), quiz.Option('y', False, 's')];"
        "print([quiz.choice('A?', o)._repr_mimebundle_() for _ in range(2)])"
    )
    first, second = (
        subprocess.run([sys.executable, "-c", program], text=True, capture_output=True, check=True)
        for _ in range(2)
    )
    assert first.stdout == second.stdout
    assert 'data-model-id="quiz-1"' in first.stdout and 'data-model-id="quiz-2"' in first.stdout


CELLS = (
    "import optlib\nfrom optlib import quiz\n\nL = optlib.Quadratic(kappa=50).L\nlimit = 2 / L",
    'quiz.number("The limit?", answer=limit, tolerance=0.01, reason="It is $2/L$.")',
    'quiz.choice("Is $1/L$ stable?", [\n'
    '    quiz.Option("yes", 1 / L < limit, "It is below $2/L$."),\n'
    '    quiz.Option("no", 1 / L >= limit, "That is $2/L$."),\n])',
)


def test_nbval_fails_on_a_key_that_changed_or_contradicts_itself(tmp_path):
    """The stored outputs are right; then what the key is computed from is broken, in three ways."""
    cells = [nbformat.v4.new_code_cell(source) for source in CELLS]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    book = nbformat.v4.new_notebook(cells=cells, metadata=kernel)
    nbclient.NotebookClient(book, store_widget_state=False, timeout=60).execute()
    assert "Key: 0.04, computed." in str(book.cells[1].outputs)
    assert "Key: (a), computed." in str(book.cells[2].outputs)
    for cell in book.cells[1:]:  # as stored notebooks are
        cell.outputs[0]["data"].pop("application/vnd.jupyter.widget-view+json")

    sources = {
        "unchanged": CELLS,
        "changed": (CELLS[0].replace("2 / L", "1 / L"), *CELLS[1:]),
        "swapped": (*CELLS[:2], CELLS[2].replace("<", "&").replace(">=", "<").replace("&", ">=")),
        "contradictory": (*CELLS[:2], CELLS[2].replace(">=", "<")),
    }
    for name, changed in sources.items():
        for cell, source in zip(book.cells, changed, strict=True):
            cell["source"] = source
        nbformat.write(book, tmp_path / f"{name}.ipynb")
    for cell, source in zip(book.cells, CELLS, strict=True):
        cell["source"] = source
    plain = book.cells[2].outputs[0]["data"]
    plain["text/plain"] = plain["text/plain"].replace("Key: (a)", "Key: (b)")
    nbformat.write(book, tmp_path / "typed.ipynb")  # the text output alone is wrong
    result = subprocess.run(
        [sys.executable, "-m", "pytest", "--nbval", "--nbval-current-env", "-rA", "--color=no"]
        + ["-p", "no:cacheprovider", *(f"{name}.ipynb" for name in [*sources, "typed"])],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(optlib.__file__).parent.parent)},
        text=True,
        capture_output=True,
    )
    report = result.stdout
    failed = set(re.findall(r"^FAILED (\w+)\.ipynb::Cell (\d)", report, re.M))
    assert failed == {
        *(("changed", "1"), ("changed", "2")),
        *((name, "2") for name in ("swapped", "contradictory", "typed")),
    }
    passed = re.findall(r"^PASSED unchanged\.ipynb::Cell (\d)", report, re.M)
    assert sorted(passed) == ["0", "1", "2"]
    assert result.returncode == 1
    assert "+ Key: (b), computed." in report
    assert "exactly one option must hold, but (a) and (b) hold" in report


def test_an_objective_is_shown_and_must_be_a_number_of_the_list():
    asked = steps(objective=3)
    assert "(objective 3)\n" in repr(asked)
    assert '<p class="optlib-quiz-objective">Objective 3</p>' in asked.fallback()
    assert "objective 2" in repr(limit(objective=2))
    assert "bjective" not in repr(steps()) + steps().fallback()
    for nonsense in (0, True, "2", 1.0):
        with pytest.raises(ValueError, match="objective is a number of"):
            steps(objective=nonsense)
