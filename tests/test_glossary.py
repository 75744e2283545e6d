"""glossary.yml, and how its terms become links."""

import re
import sys

import pytest
import yaml
from docutils import nodes
from docutils.utils import new_document
from environment import ROOT
from sphinx import addnodes

sys.path.insert(0, str(ROOT / "site"))
from descent_site import glossary

ENTRIES = glossary.entries(ROOT / "glossary.yml")
CHAPTERS = {path.stem for path in (ROOT / "chapters").glob("*.ipynb")}
TOC = {part["file"] for parts in yaml.safe_load((ROOT / "_toc.yml").read_text("utf-8"))["parts"]
       for part in parts["chapters"]}  # fmt: skip


def test_there_are_enough_and_each_is_there_once():
    names = [entry["term"] for entry in ENTRIES]
    assert len(names) >= 90 and len(set(map(str.lower, names))) == len(names)
    assert {e["term"] for e in ENTRIES if e.get("related")} == {
        "active learning", "governance", "transfer learning",
    }  # fmt: skip


def test_the_appendix_begins_with_them():
    appendix = [
        [page["file"] for page in part["chapters"]]
        for part in yaml.safe_load((ROOT / "_toc.yml").read_text("utf-8"))["parts"]
        if part["caption"] == "Appendix"
    ][0]
    assert appendix[:2] == ["notation", "glossary"]


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry["term"])
def test_an_entry_is_complete(entry):
    assert set(entry) <= {"term", "forms", "pages", "text", "more", "met", "eq", "related"}
    text = re.sub(r"\$[^$]*\$", "x", entry["text"])
    sentences = re.split(r"(?<=[.!?])\)? +(?=[\"(A-Zx$])", text.strip())
    assert 1 <= len(sentences) <= 4, sentences
    assert text.strip()[-1] in ".)" and len(text) > 80
    assert "{" not in text and "](" not in text, "no links: a tooltip holds no control"
    assert bool(entry.get("met")) != bool(entry.get("related"))
    assert set(entry.get("met", "").split()) <= CHAPTERS
    assert set(entry.get("pages", [])) <= CHAPTERS


def test_no_two_terms_share_a_form():
    pattern, term_of = glossary.finder(ENTRIES)
    forms = [(form, entry["term"]) for entry in ENTRIES for form in glossary.forms(entry)]
    assert len(forms) > 150
    for form, term in forms:
        for written in (form, form[0].upper() + form[1:], form.replace(" ", "\n ")):
            assert term_of(pattern.fullmatch(written)) == term
    with pytest.raises(ValueError, match="'bowl' stands for"):
        glossary.finder([{"term": "a", "forms": ["bowl"]}, {"term": "b", "forms": ["bowl"]}])


def page(*parts):
    document = new_document("page")
    for part in parts:
        document += part if isinstance(part, nodes.Node) else nodes.paragraph("", "", *wrap(part))
    return document


def wrap(part):
    parts = [part] if isinstance(part, str) else part
    return [nodes.Text(p) if isinstance(p, str) else p for p in parts]


def links(document, listed=None):
    """(term, what the text says) of each link, in order."""
    glossary.link_first_uses(document, listed or ENTRIES, "chapters/x")
    return [(x["reftarget"], x.astext()) for x in document.findall(addnodes.pending_xref)]


def test_the_first_use_becomes_a_link_and_the_text_stays():
    text = "Learning rates matter: a learning rate below 2. The bowl, and Adam; adam is no rule."
    document = page(text, "A bowl again.")
    assert links(document) == [
        ("learning rate", "Learning rates"), ("quadratic bowl", "bowl"), ("Adam", "Adam"),
    ]  # fmt: skip
    assert document.astext() == text + "\n\n" + "A bowl again."


def test_the_longest_form_wins_and_parts_of_words_do_not_count():
    document = page("Gradient descent, gradient  descent and a gradient; pre-gradient, SGDs.")
    assert links(document) == [("gradient descent", "Gradient descent"), ("gradient", "gradient")]


def test_only_running_text_is_linked():
    title = nodes.section("", nodes.title("", "Momentum and the Hessian"))
    math = nodes.math("", "momentum")
    code = nodes.literal("", "momentum")
    link = nodes.reference("", "momentum", refuri="x")
    bold = nodes.strong("", "momentum")
    output = nodes.container("", nodes.paragraph("", "momentum"), classes=["cell_output"])
    objectives = nodes.admonition("", nodes.paragraph("", "momentum"), classes=["tip"])
    block = nodes.literal_block("", "momentum")
    document = page(title, [math, code, link, bold], output, objectives, block)
    assert links(document) == []
    document = page([nodes.emphasis("", "momentum"), " and momentum"])
    assert links(document) == [("momentum", "momentum")]


def test_each_chapter_has_links_and_they_are_the_same_each_time():
    texts = {
        name: (ROOT / f"chapters/{name}.ipynb").read_text("utf-8") for name in ("momentum", "sgd")
    }
    for text in texts.values():
        first, second = links(page(text)), links(page(text))
        assert first == second and len(first) > 15
        assert len({term for term, _ in first}) == len(first)


def test_terms_are_written_as_the_chapters_write_them():
    """A term that no chapter has is a typing error, but for words that only readers bring."""
    brought = {
        "critical batch size", "dead unit", "gradient accumulation", "Hessian-vector product",
        "hyperparameter", "overfitting", "Robbins-Monro conditions", "steepest descent",
        "Wolfe conditions",
    }  # fmt: skip
    text = "\n".join(path.read_text("utf-8") for path in (ROOT / "chapters").glob("*.ipynb"))
    unused = {
        entry["term"] for entry in ENTRIES
        if set(entry.get("met", "").split()) & CHAPTERS and glossary.forms(entry)
        and not glossary.finder([entry])[0].search(text)
    }  # fmt: skip
    assert unused <= brought
