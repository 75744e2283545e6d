"""The glossary: its page, links to it at the first use of a term on each page, and what they say.

glossary.yml holds the terms. `{terms}` in glossary.md makes Sphinx's own `{glossary}` of them, so
that {term}`learning rate` works everywhere. In the chapters nobody writes that by hand: the first
use of each term in the running text becomes a link, in one of the forms that the file lists. The
page carries the definitions of the terms that it links, and terms.js shows them on hover, focus and
tap. Without JavaScript a link is a link.
"""

import hashlib
import json
import re
from functools import cache
from pathlib import Path

import yaml
from docutils import nodes
from docutils.statemachine import StringList
from sphinx import addnodes
from sphinx.transforms import SphinxTransform
from sphinx.util.docutils import SphinxDirective

PAGE = "glossary"
# Text in these is not the running text: headings, links, code, formulas, outputs, objectives.
APART = (
    nodes.title, nodes.subtitle, nodes.reference, addnodes.pending_xref, nodes.literal,
    nodes.literal_block, nodes.math, nodes.math_block, nodes.raw, nodes.target, nodes.comment,
    nodes.footnote, nodes.citation, nodes.caption, nodes.term, nodes.strong, nodes.problematic,
    nodes.system_message, nodes.rubric, addnodes.desc,
)  # fmt: skip
OUTPUT = {"cell_output", "tip"}  # classes: what a cell prints, quizzes too; the box of objectives

LINK = re.compile(r'<a class="[^"]*\bterm\b[^"]*" href="[^"#]*#(term-[^"]+)"')


@cache
def entries(path):
    """The terms of a glossary.yml, in alphabetical order."""
    listed = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    return sorted(listed, key=lambda entry: entry["term"].lower())


def forms(entry):
    """The forms in which a text uses the term: those listed, else the term and its plural."""
    if entry.get("related"):
        return []
    return entry.get("forms", [entry["term"], f"{entry['term']}s"])


def finder(listed):
    """(pattern, term of): finds a term at its longest form, first letters large or small.

    `term_of(found)` names the term of what the pattern has found.
    """
    terms = {}
    for entry in listed:
        for form in forms(entry):
            if terms.setdefault(form, entry["term"]) != entry["term"]:
                raise ValueError(f"{form!r} stands for {terms[form]!r} and {entry['term']!r}")
    if not terms:
        return None, None
    longest = sorted(terms, key=len, reverse=True)
    words = (
        "".join(
            f"[{c.upper()}{c}]" if i == 0 and c.islower() else r"\s+" if c == " " else re.escape(c)
            for i, c in enumerate(form)
        )
        for form in longest
    )
    # One group for all: with a group for each form, Python tries every form at every letter.
    found = re.compile(rf"(?<![\w-])(?:{'|'.join(words)})(?![\w-])")

    def term_of(match):
        words = " ".join(match[0].split())
        return terms.get(words) or terms[words[0].lower() + words[1:]]

    return found, term_of


def running_text(document):
    """The pieces of text in which a term may become a link, in the order of the page."""
    for text in document.findall(nodes.Text):
        above, apart = text.parent, False
        while above is not None and not apart:
            apart = isinstance(above, APART) or bool(OUTPUT & set(above.get("classes", [])))
            above = above.parent
        if not apart:
            yield text


def link_first_uses(document, listed, source):
    """Make the first use of each term in the running text a link to its entry."""
    pattern, term_of = finder(listed)
    seen = set()
    for text in list(running_text(document)) if pattern else []:
        words, at, pieces = str(text), 0, []
        for found in pattern.finditer(words):
            term = term_of(found)
            if term in seen:
                continue
            seen.add(term)
            link = addnodes.pending_xref(
                "", nodes.inline(found[0], found[0]), refdomain="std", reftype="term",
                reftarget=term, refexplicit=True, refwarn=True, refdoc=source,
            )  # fmt: skip
            pieces += [nodes.Text(words[at : found.start()]), link]
            at = found.end()
        if pieces:
            pieces.append(nodes.Text(words[at:]))
            text.parent.replace(text, [p for p in pieces if not isinstance(p, nodes.Text) or p])


class FirstUses(SphinxTransform):
    """Runs on each chapter when it is read, if the book has a glossary."""

    default_priority = 600

    def apply(self):
        path = Path(self.app.srcdir, "glossary.yml")
        name = self.env.docname
        if path.exists() and name.startswith("chapters/"):
            self.env.note_dependency(str(path))
            page = name.removeprefix("chapters/")
            listed = [entry for entry in entries(path) if page in entry.get("pages", [page])]
            link_first_uses(self.document, listed, name)


class Terms(SphinxDirective):
    """``{terms}``: every term of glossary.yml with its definition and where it is met."""

    def run(self):
        path = Path(self.env.srcdir, "glossary.yml")
        self.env.note_dependency(str(path))
        lines = ["````{glossary}"]
        for entry in entries(path):
            lines += [entry["term"], f"  {' '.join(entry['text'].split())}", ""]
            rest = [" ".join(entry.get("more", "").split()), self.met(entry)]
            if any(rest):
                lines += [f"  {' '.join(filter(None, rest))}", ""]
        lines.append("````")
        box = nodes.Element()
        self.state.nested_parse(StringList(lines, str(path)), self.content_offset, box)
        return box.children

    def met(self, entry):
        """Where the book uses a term: chapters, then equations."""
        if entry.get("related"):
            return "*Related, and not used in this book.*"
        names = (f"chapters/{name}" for name in entry.get("met", "").split())
        pages = ", ".join(f"{{doc}}`{name}`" for name in names if name in self.env.found_docs)
        equations = ", ".join(f"{{eq}}`{name}`" for name in entry.get("eq", "").split())
        return "; ".join(filter(None, [
            pages and f"*Met in* {pages}", equations and f"*equation* {equations}",
        ])) + "." * bool(pages or equations)  # fmt: skip


def definitions(app):
    """{id of a term: its definition as HTML}, the first paragraph of each entry, without links."""
    if not hasattr(app, "descent_terms"):
        app.descent_terms = {}
        tree = app.env.get_doctree(PAGE)
        for item in tree.findall(nodes.definition_list_item):
            told = next(item.findall(nodes.paragraph)).deepcopy()
            for link in [*told.findall(nodes.reference), *told.findall(addnodes.pending_xref)]:
                link.replace_self(link.children)
            html = app.builder.render_partial(told)["fragment"].strip()
            html = html.removeprefix("<p>").removesuffix("</p>")
            for term in item.findall(nodes.term):
                app.descent_terms.update(dict.fromkeys(term["ids"], html))
    return app.descent_terms


def _links(app, doctree, docname):
    """Links to terms get a class of their own and lose what Sphinx wraps them in."""
    for link in doctree.findall(nodes.reference):
        inner = link.children[0] if link.children else None
        to = link.get("refuri") or f"#{link.get('refid')}"
        if "#term-" in to and docname != PAGE and isinstance(inner, nodes.inline):
            link["classes"] = ["term"]
            link.children = [nodes.Text(inner.astext())]


def _page(app, pagename, templatename, context, doctree):
    used = LINK.findall(context.get("body", ""))
    if used:
        known = definitions(app)
        told = json.dumps({name: known[name] for name in dict.fromkeys(used)}, ensure_ascii=False)
        context["terms"] = told.replace("<", "\\u003c")
        script = Path(__file__).parents[1] / "static/terms.js"
        context["terms_version"] = hashlib.sha256(script.read_bytes()).hexdigest()[:8]


def setup(app):
    """Register the directive, the transform and what the page carries."""
    app.add_directive("terms", Terms)
    app.add_transform(FirstUses)
    app.connect("doctree-resolved", _links)
    app.connect("html-page-context", _page, priority=900)
