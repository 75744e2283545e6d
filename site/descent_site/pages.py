"""Each page: drop what the theme loads for nothing, place pictures, refuse one without alt text."""

import re
import shutil
from os import environ
from pathlib import Path

from docutils import nodes
from sphinx.util import logging

from .notebooks import MARK

log = logging.getLogger(__name__)

# Scripts and styles that Jupyter Book adds to every page, and why the book goes without.
UNWANTED = (
    "sphinx-thebe",      # "live code" from two other hosts
    "thebelab",
    "require.min.js",    # loads ipywidgets' own front end; the book has its own host
    "embed-amd.js",
    "design-tabs.js",    # only for tabs, which no page has
    "translations",
    "togglebutton",      # only for class "toggle", which no page has; folded cells are <details>
)  # fmt: skip
# Lines that only the scripts above read, or that repeat a default.
UNWANTED_LINES = re.compile(r"THEBE|toggle(Hint|Open|button)|^DOCUMENTATION_OPTIONS\.")


def _name(item):
    return str(getattr(item, "filename", item) or "")


def _page(app, pagename, templatename, context, doctree):
    context["script_files"] = [
        script for script in context.get("script_files", [])
        if not any(word in _name(script) for word in UNWANTED)
        and not UNWANTED_LINES.search(getattr(script, "attributes", {}).get("body") or "")
    ]  # fmt: skip
    context["css_files"] = [
        sheet for sheet in context.get("css_files", [])
        if not any(word in _name(sheet) for word in UNWANTED)
    ]  # fmt: skip
    context["theme_extra_footer"] = re.sub(
        r'href="(?!https?:)([^"]+)"',
        lambda found: f'href="{context["pathto"](found[1], 1)}"',
        context.get("theme_extra_footer", ""),
    )
    body = context.get("body")
    if not body:
        return

    def place(found):
        name = found[1]
        target = Path(app.outdir, "_images", name)
        target.parent.mkdir(exist_ok=True)
        shutil.copyfile(Path(environ["DESCENT_EXECUTED"], "pictures", name), target)
        return context["pathto"](f"_images/{name}", 1)

    body = re.sub(MARK + r"([\w.]+)", place, body)
    for tag in re.findall(r"<img\b[^>]*>", body):
        if not re.search(r'\balt="[^"]*\S[^"]*"', tag):
            log.warning("picture without alternative text: %s", tag[:200], location=pagename)
    # Roles and names that accessibility checkers refuse: the bibliography's, and one for the
    # summary of folded code that hides the better name that it has.
    body = re.sub(r' role="(doc-biblioentry|doc-backlink|list)"', "", body)
    body = body.replace('<summary aria-label="Toggle hidden content">', "<summary>")
    context["body"] = body


def _doctree(app, doctree, docname):
    for image in doctree.findall(nodes.image):
        if not image.get("alt", "").strip():  # the writer would put the file's name there
            log.warning("picture without alternative text: %s", image["uri"], location=image)
    for node in list(doctree.findall(nodes.raw)):
        text = node.astext()
        if "x-thebe-config" in text or text.startswith("<script>kernelName"):
            node.parent.remove(node)


def setup(app):
    """Run late, when the theme and the other extensions have had their say."""
    app.connect("html-page-context", _page, priority=950)
    app.connect("doctree-resolved", _doctree, priority=900)
