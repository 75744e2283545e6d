"""notation.yml against the library and against every formula of every chapter."""

import sys
from collections import Counter

import pytest
import symbols
import yaml
from environment import ROOT

sys.path.insert(0, str(ROOT / "site"))
from descent_site import notation

TABLE = yaml.safe_load((ROOT / "notation.yml").read_text(encoding="utf-8"))
ROWS = [row for row in TABLE["symbols"] if "tex" in row]
CHAPTERS = sorted((ROOT / "chapters").glob("*.ipynb"))


@pytest.mark.parametrize(
    "tex, wanted",
    [
        (r"\theta_t = \theta_{t-1} - \eta\, g_t", [r"\theta_t", r"\theta_t", r"\eta", "g_t"]),
        (r"\theta_0^* + \kappa'", [r"\theta_#", r"\kappa"]),
        (r"\kappa_t \kappa", [r"\kappa_t", r"\kappa"]),
        (r"\hat m_t / \bar{v}_{i}", [r"\hat m_t", r"\bar v_i"]),
        (r"n_\text{in} \operatorname{Var} w", ["n_in", "w"]),
        (r"(1 - \beta_1^t)\, \beta^{t+1}", [r"\beta_#", "t", r"\beta", "t"]),
        (r"\sum_{i=1}^N \ell_i", ["N", r"\ell_i"]),
        (r"\mathbb{E} W_{jk}", [r"\mathbb E", "W_j,k"]),
        (r"\begin{cases} a \\[4pt] b \end{cases}", ["a", "b"]),
        (r"z_{\max} + \log \sum_k e^{z_k}", [r"z_\max", "e", "z_k"]),
    ],
)  # fmt: skip
def test_the_symbols_of_a_formula(tex, wanted):
    assert symbols.symbols(tex) == wanted


def test_each_code_name_is_one():
    for row in ROWS:
        for path in row.get("code", "").split():
            assert notation.resolve(path), path


def test_other_code_names_are_refused():
    wrong = "GD.rate Gd.lr Adam.s run.step fans Problem.curvature nothing.at.all".split()
    for path in (f"optlib.{name}" for name in wrong):
        with pytest.raises(LookupError):
            notation.resolve(path)


def test_every_symbol_stands_in_one_row():
    counts = Counter(form for row in ROWS for form in row["forms"])
    assert [form for form, n in counts.items() if n > 1] == []
    for row in ROWS:
        # What is printed is a form that chapters write.
        printed = symbols.symbols(row["tex"])
        assert printed and set(printed) <= set(row["forms"]), row["tex"]


def test_every_symbol_of_the_table_occurs():
    used = set().union(*(symbols.used(path) for path in CHAPTERS))
    assert [form for row in ROWS for form in row["forms"] if form not in used] == []


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_every_symbol_of_a_chapter_is_explained(path):
    """`python tools/symbols.py chapters/<name>.ipynb` prints the formulas as well."""
    rows, local = symbols.notation()
    own, used = local.get(path.stem, {}), symbols.used(path)
    assert sorted(set(used) - set(rows) - set(own)) == [], "add them to notation.yml, under local"
    assert sorted(set(own) - set(used)) == [], "notation.yml explains what the chapter does not use"


def test_a_symbol_of_the_optimizers_has_one_meaning():
    """What is marked as alone, no chapter may use for something else."""
    rows, local = symbols.notation()
    twice = [
        f"{chapter}: {form}" for chapter, own in local.items() for form in own
        if form in rows and rows[form].get("alone")
    ]  # fmt: skip
    assert twice == []
    alone = {form for form, row in rows.items() if row.get("alone")}
    greek = {r"\theta", r"\eta", r"\beta", r"\beta_#", r"\epsilon", r"\mu", r"\kappa", r"\nabla"}
    assert alone >= greek | {"f", "L", "H", "S", "t", "u_t"}
    assert r"\kappa_t" not in rows  # a number below it would make it another quantity


def test_local_symbols_are_of_chapters():
    assert set(TABLE["local"]) <= {path.stem for path in CHAPTERS}


def test_the_page_shows_every_group():
    page = (ROOT / "notation.md").read_text(encoding="utf-8")
    for row in TABLE["symbols"]:
        if "group" in row:
            assert page.count(f"```{{symbols}} {row['group']}\n") == 1


def test_a_reader_finds_the_code_name():
    assert notation.code("optlib.GD.lr") == "`lr` of {py:class}`GD <optlib.GD>`"
    fans = notation.code("optlib.initialisers.fans")
    assert fans == "{py:func}`~optlib.initialisers.fans`"
    step = notation.code("optlib.Optimizer.step.g")
    assert step == "`g` of {py:meth}`Optimizer.step <optlib.Optimizer.step>`"
