"""What every chapter owes its readers, checked in its source."""

import ast
import json
import pathlib
import re

import pybtex.database
import pytest
from descent_site.outline import asked, exercised, objectives

ROOT = pathlib.Path(__file__).parent.parent
CHAPTERS = sorted((ROOT / "chapters").glob("*.ipynb"))


def cells(path, kind):
    notebook = json.loads(path.read_text("utf-8"))
    return ["".join(c["source"]) for c in notebook["cells"] if c["cell_type"] == kind]


@pytest.fixture(params=CHAPTERS, ids=lambda path: path.stem)
def chapter(request):
    return request.param


def test_there_are_chapters():
    assert CHAPTERS


def literal_keys(source):
    """Quiz options whose truth is typed instead of computed."""
    return [
        ast.unparse(call)
        for call in ast.walk(ast.parse(source))
        if isinstance(call, ast.Call)
        and getattr(call.func, "attr", None) == "Option"
        and len(call.args) > 1
        and isinstance(call.args[1], ast.Constant)
    ]


def test_quiz_keys_are_computed(chapter):
    for source in cells(chapter, "code"):
        assert not literal_keys(source), "compute the truth of an option from optlib's results"


def test_a_typed_key_is_found():
    assert literal_keys('quiz.choice("?", [quiz.Option("a", True, "r")])')


# Pages in chapters/ that teach no rule of their own, so that they owe no quiz and no exercises:
# the playground is a tool with guided experiments; what it shows is asked in the chapters. The
# others are lists of the appendix.
TOOLS = {"playground", "myths", "data", "errata"}


def test_every_tool_is_there():
    assert {path.stem for path in CHAPTERS} >= TOOLS


def test_shape(chapter):
    if chapter.stem in TOOLS:
        return
    headings = re.findall(r"^## (.+)$", "\n".join(cells(chapter, "markdown")), re.M)
    for needed in ("What people get wrong", "Quiz", "Exercises"):
        assert needed in headings, f"a chapter has a section “{needed}”"
    quizzes = sum(
        len(re.findall(r"quiz\.(?:choice|number)\(", source)) for source in cells(chapter, "code")
    )
    assert quizzes >= 6


def untested(listed, questions, exercises):
    """What is wrong with the objectives of a chapter, in words."""
    named = {*questions, *exercises} - {None}
    wrong = [f"there is no objective {n}" for n in sorted(named - set(listed))]
    wrong += [f"nothing tests objective {n}" for n in sorted(set(listed) - named)]
    if not listed or listed != list(range(1, len(listed) + 1)):
        wrong.append(f"the objectives are numbered 1, 2, 3, ..., and not {listed}")
    if None in questions:
        wrong.append("each question of the quiz names its objective")
    return wrong


def test_every_objective_is_tested_and_every_question_names_one(chapter):
    if chapter.stem in TOOLS:
        return
    text = "\n".join(cells(chapter, "markdown"))
    exercises = re.search(r"^## Exercises$.*?(?=^## |\Z)", text, re.M | re.S)[0]
    questions, started = [], False
    for cell in json.loads(chapter.read_text("utf-8"))["cells"]:
        source = "".join(cell["source"])
        started = started or bool(re.search(r"^## Quiz$", source, re.M))
        questions += asked(source) if started and cell["cell_type"] == "code" else []
    assert not untested(objectives(text), questions, exercised(exercises))


def test_an_objective_without_a_test_is_found():
    listed = objectives(":::{admonition} What you will be able to do\n1. a\n2. b\n3. c\n:::\n4. d")
    assert listed == [1, 2, 3] and objectives("1. a") == []
    assert asked("quiz.choice('?', [], objective=1)\nquiz.number('?', answer=2)") == [1, None]
    named = exercised("(objective 7), (objectives 1 and 3), (objectives 4 to 6)")
    assert named == {1, 3, 4, 5, 6, 7}
    assert untested(listed, [1, 2], {3}) == []
    assert untested(listed, [1, None], {4}) == [
        "there is no objective 4",
        "nothing tests objective 2",
        "nothing tests objective 3",
        "each question of the quiz names its objective",
    ]
    assert untested([], [], set()) and untested([1, 1], [1], set())


def test_visible_code_fits_the_page(chapter):
    notebook = json.loads(chapter.read_text("utf-8"))
    for cell in notebook["cells"]:
        hidden = {"hide-input", "remove-cell"} & set(cell["metadata"].get("tags", []))
        if cell["cell_type"] == "code" and not hidden:
            wide = [line for line in "".join(cell["source"]).split("\n") if len(line) > 82]
            assert not wide, f"more than 82 columns scroll sideways: {wide}"


def test_the_bibliography_is_complete_and_has_nothing_else():
    keys = set(pybtex.database.parse_file(ROOT / "references.bib").entries)
    texts = [text for path in CHAPTERS for text in cells(path, "markdown")]
    texts += [path.read_text("utf-8") for path in ROOT.glob("*.md")]
    cited = {
        key.strip()
        for text in texts
        for group in re.findall(r"\{cite:\w+\}`([^`]+)`", text)
        for key in group.split(",")
    } - {"Key"}  # the example in CONTRIBUTING.md
    assert cited == keys
    assert all(re.fullmatch(r"[A-Z][A-Za-z]+\d{4}[A-Z][A-Za-z]+", key) for key in keys)
