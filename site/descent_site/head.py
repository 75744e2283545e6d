"""What search engines and messengers are told of a page: its address, what it is about, a picture.

The description is the beginning of the page's own text, the picture one of its own figures.
"""

import re
from html import escape, unescape
from os import environ
from pathlib import Path

from docutils import nodes

from . import address, cards
from .notebooks import MARK

MOTTO = "An executable textbook on the optimizers of machine learning"
LENGTH = 200  # of a description: more is cut off by everyone
FORMULA = "\ufffc"  # stands for one
END = re.compile(r"(?<=[.?!])(?<!et al\.) ")  # of a sentence
FIGURE = re.compile(rf'<img\b[^>]*src="{MARK}(\w+\.svg)"[^>]* width="(\d+)" height="(\d+)"')
FLAT = 0.4  # height over width below which a figure would leave the card empty


def description(doctree):
    """The first sentences of the page, as far as they read without formulas; "" if none do."""
    said = ""
    for paragraph in doctree.findall(nodes.paragraph):
        if not isinstance(paragraph.parent, nodes.section):
            continue
        clone = paragraph.deepcopy()
        for formula in list(clone.findall(nodes.math)):
            formula.parent.replace(formula, nodes.Text(FORMULA))
        for line_break in list(clone.findall(nodes.raw)):
            line_break.parent.replace(line_break, nodes.Text(" "))
        text = " ".join(clone.astext().split())
        for sentence in END.split(text if text.endswith((".", "?", "!")) else f"{text}."):
            if FORMULA in sentence or len(said) + 1 + len(sentence) > LENGTH:
                return said
            said = f"{said} {sentence}".strip()
    return said


def tags(facts):
    """The <meta> elements of a page; `facts` are pairs of a name and its content."""
    kind = {True: "property", False: "name"}
    return "".join(
        f'\n    <meta {kind[name.startswith("og:")]}="{name}" content="{escape(text)}" />'
        for name, text in facts if text
    )  # fmt: skip


def place(page):
    """The address of a page; the front page is the site itself."""
    return address.site() + ("" if page == "index" else f"{page}.html")


def _card(app, page, title, body):
    """The name of the card of a page, drawn if the page has a figure; None otherwise."""
    figures = FIGURE.findall(body or "")
    file = next((file for file, w, h in figures if int(h) > FLAT * int(w)), None)
    if not file:
        return None
    figure = Path(environ["DESCENT_EXECUTED"], "pictures", file).read_text("utf-8")
    if "viewBox" not in figure:  # it cannot be set smaller or larger
        return None
    name = f"_static/cards/{page.replace('/', '-')}.png"
    target = Path(app.outdir, name)
    target.parent.mkdir(parents=True, exist_ok=True)
    book = app.config.html_title.partition(":")[0]
    target.write_bytes(cards.draw(title, book, MOTTO, figure))
    return name


def _page(app, pagename, templatename, context, doctree):
    if doctree is None:
        return
    title = unescape(re.sub(r"<[^>]*>", "", context.get("title", "")))
    card = _card(app, pagename, title, context.get("body"))
    said = description(doctree) or f"{title}: a page of {app.config.html_title}."
    context["pageurl"] = place(pagename)
    context["metatags"] = context.get("metatags", "") + tags(
        [
            ("description", said),
            ("og:type", "book" if pagename == app.config.root_doc else "article"),
            ("og:title", title),
            ("og:url", place(pagename)),
            ("og:image", address.site() + (card or "_static/cards/index.png")),
            ("og:image:alt", f"{title}, beside a figure of the page" if card else MOTTO),
            ("twitter:card", "summary_large_image"),
        ]
    )


def setup(app):
    """Run before the pictures get their addresses."""
    app.connect("html-page-context", _page, priority=940)
