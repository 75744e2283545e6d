"""Links with settings: `[try it](playground.ipynb#rules=Adam&steps=50)` opens a widget at them.

MyST takes what follows the # for a place on the page and warns that there is none. A fragment with
a = is no place but a setting; such a link is written as it stands, to the page that it names.
"""

from urllib.parse import quote

from docutils import nodes
from sphinx import addnodes
from sphinx.transforms import SphinxTransform

SAFE = "%=&;,()/^*.-_~+!'@:"


def _fragment(text):
    return "#" + quote(text, safe=SAFE)


class SettingsInLinks(SphinxTransform):
    """Runs before MyST looks for the places that links name."""

    default_priority = 100

    def apply(self):
        builder = self.app.builder
        for node in list(self.document.findall(nodes.reference)):
            target = node.get("refuri", "")
            if node.get("id_link") and "=" in target:
                del node["id_link"]
                node["internal"] = True
                node["refuri"] = _fragment(target[1:])
        for node in list(self.document.findall(addnodes.pending_xref)):
            settings = node.get("reftargetid") or ""
            if node.get("refdomain") == "doc" and "=" in settings:
                page = builder.get_relative_uri(self.env.docname, node["reftarget"])
                link = nodes.reference("", "", internal=True, refuri=page + _fragment(settings))
                link += node.children
                node.replace_self(link)


def setup(app):
    """Register the transform; it runs on every page when it is read."""
    app.add_transform(SettingsInLinks)
