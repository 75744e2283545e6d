"""Everywhere that a chapter runs: its first cell, Binder, Colab, and the menu that leads there."""

import builtins
import json
import re
import tomllib
from types import SimpleNamespace

import build
import pytest
import set_up
from descent_site import doors
from environment import ROOT
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

CHAPTERS = sorted((ROOT / "chapters").glob("*.ipynb"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
NEEDED = {
    one.name: one.specifier
    for one in map(Requirement, PROJECT["dependencies"] + EXTRAS["figures"] + EXTRAS["widgets"])
}


def first_code_cell(path):
    cells = json.loads(path.read_text("utf-8"))["cells"]
    return next(cell for cell in cells if cell["cell_type"] == "code")


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_every_chapter_begins_with_the_set_up_cell(path, monkeypatch):
    monkeypatch.setenv("DESCENT_SITE", "https://a.org/")  # where a fork is published, say
    cell = first_code_cell(path)
    assert "".join(cell["source"]) == set_up.cell(), "run: .venv/bin/python tools/set_up.py"
    assert cell["metadata"]["tags"] == [set_up.TAG] and cell["outputs"] == []


def world(monkeypatch, fetched, lacks="optlib"):
    """The cell's surroundings where `lacks` is missing; `fetched` is what pip then brings, or None.

    Returns (what to run, the list of calls of pip).
    """
    asked, real, here = [], builtins.__import__, []

    def magic(name, line):
        asked.append((name, line))
        here.extend([fetched] if fetched else [])

    def find(name, *rest):
        if name != "optlib":
            return real(name, *rest)
        if not here:
            raise ModuleNotFoundError(f"No module named {lacks!r}", name=lacks)
        return here[0]

    def run():
        shell = SimpleNamespace(run_line_magic=magic)
        with monkeypatch.context() as patch:
            patch.setattr(builtins, "__import__", find)
            exec(set_up.cell(), {"get_ipython": lambda: shell})

    return run, asked


def test_where_optlib_is_the_cell_does_nothing(capsys):
    exec(set_up.cell(), {})  # get_ipython is not even there
    assert capsys.readouterr() == ("", "")


def test_elsewhere_it_is_fetched_once(monkeypatch):
    ours = SimpleNamespace(__distribution__="descent-optlib")
    run, asked = world(monkeypatch, ours)
    run()
    run()
    wheel = f"https://descent-optlib.github.io/descent/{doors.WHEEL}"
    assert asked == [("pip", f'install --quiet "descent-optlib[figures,widgets] @ {wheel}"')]


def test_offline_it_says_what_is_missing_and_what_to_do(monkeypatch):
    run, _ = world(monkeypatch, None)
    with pytest.raises(ModuleNotFoundError, match="^optlib is not.*fetched.*offline.*README.md"):
        run()


@pytest.mark.parametrize(("platform", "lacks"), [("emscripten", "optlib"), ("linux", "numpy")])
def test_pip_is_not_asked_where_it_cannot_help(monkeypatch, platform, lacks):
    """The browser has none; and the library's wheel does not bring a numpy that went missing."""
    monkeypatch.setattr("sys.platform", platform)
    run, asked = world(monkeypatch, None, lacks)
    with pytest.raises(ModuleNotFoundError, match=f"^{lacks} is not installed.*offline"):
        run()
    assert asked == []


def test_the_namesake_is_refused(monkeypatch):
    run, _ = world(monkeypatch, SimpleNamespace(__file__="/there/optlib.py"))
    with pytest.raises(ImportError, match="/there/optlib.py is not the book's optlib"):
        run()


def test_binder_has_what_the_chapters_need_and_no_more():
    lines = (ROOT / "binder/requirements.txt").read_text("utf-8").splitlines()
    lines = [line for line in lines if line and not line.startswith("#")]
    assert lines.pop() == ".", "the library itself"
    lock = (ROOT / "requirements.lock").read_text("utf-8").splitlines()
    assert set(lines) <= set(lock), "these pins are not those of requirements.lock"
    assert {line.split("==")[0] for line in lines} == set(NEEDED)
    python = (ROOT / "binder/runtime.txt").read_text("utf-8").strip()
    assert re.fullmatch(r"python-3\.\d+", python)
    assert python.removeprefix("python-") in SpecifierSet(PROJECT["requires-python"])


def test_colabs_versions_are_within_the_librarys_ranges():
    colab = tomllib.loads((ROOT / "binder/colab.toml").read_text("utf-8"))
    assert colab["python"] in SpecifierSet(PROJECT["requires-python"])
    for name, version in colab["packages"].items():
        assert version in NEEDED[name], f"Colab has {name} {version}, the library wants another"


def test_only_pages_that_need_no_other_file_are_sent_alone_to_colab():
    for path in CHAPTERS:
        code = [
            "".join(cell["source"])
            for cell in json.loads(path.read_text("utf-8"))["cells"] if cell["cell_type"] == "code"
        ]  # fmt: skip
        assert (path.stem in doors.NOT_ALONE) == bool(build.beside(path, code)), path.stem


def test_the_menu_leads_to_this_very_notebook(monkeypatch):
    monkeypatch.setenv("DESCENT_REPOSITORY", "teacher/course")
    monkeypatch.delenv("DESCENT_SITE", raising=False)
    monkeypatch.delenv("DESCENT_PYODIDE", raising=False)
    rows = {name: link for name, link, _ in doors.doors("chapters/momentum.ipynb", "../")}
    assert rows == {
        "In this browser": "../lite/notebooks/index.html?path=chapters/momentum.ipynb",
        "On Binder": "https://mybinder.org/v2/gh/teacher/course/main"
        "?urlpath=lab/tree/chapters/momentum.ipynb",
        "In Colab": "https://colab.research.google.com/github/teacher/course/blob/main/"
        "chapters/momentum.ipynb",
        "Download": "../_sources/chapters/momentum.ipynb",
        "Exercises": "../lite/notebooks/index.html?path=exercises/momentum.ipynb",
    }
    assert f"https://teacher.github.io/course/{doors.WHEEL}" in doors.install()
    text = doors.menu("chapters/momentum.ipynb", "../")
    assert text.count("<li>") == 6 and "cdn.jsdelivr.net" in text
    monkeypatch.setenv("DESCENT_PYODIDE", "self")
    assert "jsdelivr" not in doors.menu("chapters/momentum.ipynb", "../")
    assert "Exercises" not in {name for name, *_ in doors.doors("chapters/playground.ipynb", "../")}
