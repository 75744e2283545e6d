"""What dresses the book: one Sphinx extension, each of its files doing one thing.

notebooks  gives MyST-NB the executed chapters (their pictures: tools/pictures.py)
mathml     formulas become MathML while the book is built, so no page loads a formula renderer
highlight  code without elements that show nothing
widgets    the JavaScript and CSS of live widgets move from the page into shared files
summaries  what a search result shows of a page is a script, so that it works from the disk
pages      what the theme loads for nothing is dropped; every picture must have alt text
links      links with settings into a widget, page.ipynb#lr=0.1
glossary   the glossary's page, and links to it at the first use of a term
notation   the table of symbols
formulas   names of the numbered equations, for the search and the index
lab        a widget on a page that is no notebook
history    below each article: last changed, checked with, the form for mistakes
head       canonical address, description and card of each page, for search engines and messengers
           (cards draws the cards)
published  sitemap, robots.txt, the page for lost readers, redirections of pages that moved
address    where the book lives: its repository and its site
docstrings reads optlib's docstrings for the reference page
doors      the menu "Run this page" of every notebook
fork       links to the repository follow the one that builds the site
finish     after the build: smaller fonts, joined scripts and sheets, content security policy
purge      style rules and variables that no page can use (called by finish)
about      pages about the book: their numbers, graph, plans and maps are made at each build
           (outline reads the chapters, plans and graph use it, evidence counts)
"""

import gc

from . import (
    about,
    docstrings,
    doors,
    finish,
    fork,
    formulas,
    glossary,
    head,
    highlight,
    history,
    lab,
    links,
    mathml,
    notation,
    notebooks,
    pages,
    published,
    summaries,
    widgets,
)


def setup(app):
    """Register the parts with Sphinx."""
    # Sphinx makes millions of small objects and keeps most to the end: looking for garbage among
    # them every 700 is a sixth of its time.
    gc.set_threshold(50_000)
    parts = (
        notebooks, mathml, highlight, widgets, links, glossary, notation, docstrings, about,
        formulas, lab, fork, doors, pages, history, head, published, summaries, finish,
    )  # fmt: skip
    for part in parts:
        part.setup(app)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
