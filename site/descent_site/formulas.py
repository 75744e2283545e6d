"""Names of the numbered equations: formulas.yml, for the search and for the index.

Each name becomes an entry of Sphinx's index at its equation. The search knows these entries; here
it learns to put a formula before everything else that has the same name, and to show its name.
"""

import json
import re
from functools import cache
from pathlib import Path

import yaml
from docutils import nodes
from sphinx import addnodes
from sphinx.transforms import SphinxTransform
from sphinx.util import logging

log = logging.getLogger(__name__)
FILE = "formulas.yml"
# searchtools.js: what is shown for an entry of the index is only the page's title, and letters
# are compared small.
SEARCH = (
    ("if (entry.includes(queryLower)", "if (entry.toLowerCase().includes(queryLower)"),
    ("            titles[file],\n            id ? ", "            `${titles[file]} > ${entry}`,\n"
     "            id ? "),
    ("const score = Math.round(100 * queryLower.length / entry.length);",
     "const score = Math.round(100 * queryLower.length / entry.length)"
     ' + ((id || "").startsWith("equation-") ? 1 : 0);'),
)  # fmt: skip


@cache
def names(path):
    """{label: [name, ...]} of a formulas.yml; an empty one if there is none."""
    path = Path(path)
    return yaml.safe_load(path.read_text(encoding="utf-8")) if path.exists() else {}


class Entries(SphinxTransform):
    """An entry of the index in front of each equation that has a label."""

    default_priority = 700  # before the domains collect what is on the page

    def apply(self):
        path = Path(self.env.srcdir, FILE)
        known = names(str(path))
        for node in list(self.document.findall(nodes.math_block)) if known else []:
            label = node.get("label")
            if not label:
                continue
            self.env.note_dependency(str(path))
            if label not in known:
                log.warning("%s: the equation %s has no name yet", FILE, label, location=node)
                continue
            at = f"equation-{label}"
            entries = [("single", name, at, "main", None) for name in known[label]]
            node.parent.insert(node.parent.index(node), addnodes.index(entries=entries))


def _consistent(app, env):
    known = names(str(Path(app.srcdir, FILE)))
    for label in sorted(set(known) - set(env.get_domain("math").equations)):
        log.warning("%s names %s, but no equation has that label", FILE, label)


def sharpen(site, known):
    """Names as they are written into the search index, and the search that shows them."""
    path = site / "searchindex.js"
    start, index, end = re.fullmatch(
        r"(Search\.setIndex\()(.*)(\)\s*)", path.read_text("utf-8"), re.S
    ).groups()
    index = json.loads(index)
    written = {name.lower(): name for listed in known.values() for name in listed}
    # Entries such as "adam (class in optlib)" repeat the search's own table of objects.
    index["indexentries"] = {
        written.get(entry, entry): at for entry, at in index["indexentries"].items()
        if "(" not in entry
    }  # fmt: skip
    path.write_text(start + json.dumps(index, separators=(",", ":")) + end, "utf-8")
    path = site / "_static/searchtools.js"
    text = path.read_text("utf-8")
    for old, new in SEARCH:
        if text.count(old) != 1:
            raise ValueError(f"Sphinx's searchtools.js has changed: it does not say {old!r} once")
        text = text.replace(old, new)
    path.write_text(text, "utf-8")


def _finish(app, error):
    if not error and app.builder.format == "html":
        sharpen(Path(app.outdir), names(str(Path(app.srcdir, FILE))))


def setup(app):
    """Index the equations, and teach the search their names when the pages are written."""
    app.add_transform(Entries)
    app.connect("env-check-consistency", _consistent)
    app.connect("build-finished", _finish, priority=990)
