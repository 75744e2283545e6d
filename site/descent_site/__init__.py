"""What dresses the book: one Sphinx extension, each of its files doing one thing.

notebooks  gives MyST-NB the executed chapters (their pictures: tools/pictures.py)
mathml     formulas become MathML while the book is built, so no page loads a formula renderer
widgets    the JavaScript and CSS of live widgets move from the page into shared files
pages      what the theme loads for nothing is dropped; every picture must have alt text
links      links with settings into a widget, page.ipynb#lr=0.1
glossary   the glossary's page, and links to it at the first use of a term
notation   the table of symbols
docstrings reads optlib's docstrings for the reference page
address    where the book lives: its repository and its site
fork       links to the repository follow the one that builds the site
finish     after the build: smaller icon font, joined style sheets, content security policy
purge      style rules that no page can use (called by finish)
about      pages about the book: their numbers, graph, plans and maps are made at each build
           (outline reads the chapters, plans and graph use it, evidence counts)
"""

from . import (
    about,
    docstrings,
    finish,
    fork,
    glossary,
    links,
    mathml,
    notation,
    notebooks,
    pages,
    widgets,
)


def setup(app):
    """Register the parts with Sphinx."""
    parts = (
        notebooks, mathml, widgets, links, glossary, notation, docstrings, about, fork, pages,
        finish,
    )  # fmt: skip
    for part in parts:
        part.setup(app)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
