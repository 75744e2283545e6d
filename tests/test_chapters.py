"""What every chapter owes its readers, checked in its source."""

import ast
import json
import pathlib
import re

import pytest

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


def test_first_code_cell_checks_that_optlib_is_ours(chapter):
    assert "descent-optlib" in cells(chapter, "code")[0]


# Pages in chapters/ that teach no rule of their own, so that they owe no quiz and no exercises:
# the playground is a tool with guided experiments; what it shows is asked in the chapters.
TOOLS = {"playground"}


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


def test_visible_code_fits_the_page(chapter):
    notebook = json.loads(chapter.read_text("utf-8"))
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code" and "hide-input" not in cell["metadata"].get("tags", []):
            wide = [line for line in "".join(cell["source"]).split("\n") if len(line) > 82]
            assert not wide, f"more than 82 columns scroll sideways: {wide}"


def test_the_bibliography_is_complete_and_has_nothing_else():
    keys = set(re.findall(r"^@\w+\{(\w+),", (ROOT / "references.bib").read_text("utf-8"), re.M))
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
