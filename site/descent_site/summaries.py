"""What the search shows of a page comes from a script with the page's text, also from the disk.

Sphinx's search fetches each page that it found, which a browser refuses to a page that was opened
from the disk, and reads little of what it fetched. Here `_static/search/PAGE.js` holds that little:
the text in its sections, as the search's own code reads it.
"""

import json
import re
from pathlib import Path

from sphinx.errors import ExtensionError

TAG = re.compile(
    r'<(?:script|style|noscript)\b.*?</(?:script|style|noscript)>|<a class="headerlink".*?</a>|'
    r"</?(?P<name>\w+)(?P<about>[^>]*)>", re.S
)  # fmt: skip
ID = re.compile(r'\bid="([^"]*)"')
FETCH = "fetch(requestUrl)\n      .then((responseData) => responseData.text())"
BRING = """
// The text of a page, from a script that leaves it at its own element.
const textOf = (page) => new Promise((done) => {
  const script = document.createElement("script");
  script.src = `${document.documentElement.dataset.content_root}_static/search/${page}.js`;
  script.addEventListener("load", () => { done(script.page); script.remove(); });
  document.head.append(script);
});
"""


def text(body):
    """The text of a page's HTML in the element where the search looks for it, and its places.

    Sections stay. Another place, an equation or a term, is a paragraph, which the next one closes.
    """

    def keep(tag):
        place = ID.search(tag["about"] or "")
        if tag["name"] == "section":
            return f'<section id="{place[1]}">' if place else "</section>"
        return f'<p id="{place[1]}">' if place else ""

    text = TAG.sub(keep, body.replace("</dt>", ": "))
    return f'<article role="main">{" ".join(text.split())}</article>'


def _page(app, pagename, templatename, context, doctree):
    if doctree is None:
        return
    path = Path(app.outdir, "_static/search", f"{pagename}.js")
    path.parent.mkdir(parents=True, exist_ok=True)
    told = json.dumps(text(context["body"]), ensure_ascii=False)
    path.write_text(f"document.currentScript.page = {told};\n", encoding="utf-8")


def _finish(app, error):
    if error or app.builder.format != "html":
        return
    path = Path(app.outdir, "_static/searchtools.js")
    script = path.read_text(encoding="utf-8")
    if FETCH not in script:
        raise ExtensionError(
            "Sphinx's search no longer fetches pages as descent_site.summaries expects"
        )
    path.write_text(script.replace(FETCH, "textOf(docName)") + BRING, encoding="utf-8")


def setup(app):
    """Run when the pages are made, before what finishes the site."""
    app.connect("html-page-context", _page, priority=960)
    app.connect("build-finished", _finish, priority=900)
