"""A live widget on a page of Markdown, as a cell of a notebook would show it:

    ```{lab} Valley
    lr: 0.05
    ```

makes the widget of that name in optlib.widgets, with these settings. It is live with JavaScript,
and a picture without.
"""

import json
import os
import sys
from pathlib import Path
from types import SimpleNamespace

import nbformat
import yaml
from docutils import nodes
from sphinx.util.docutils import SphinxDirective

from .outline import ROOT
from .widgets import MIME

STATE = "lab_state"


def _output(widget, folder):
    """The HTML of a widget, with its picture in `folder`."""
    sys.path.append(str(ROOT / "tools"))
    import pictures

    before = os.environ.get("OPTLIB_FIGURES")
    os.environ["OPTLIB_FIGURES"] = "book"
    try:
        data, metadata = widget._repr_mimebundle_()
    finally:
        os.environ.pop("OPTLIB_FIGURES") if before is None else None
        sys.path.pop()
    output = nbformat.v4.new_output("display_data", data=data, metadata=metadata)
    return pictures.dress([output], repr(widget), Path(folder))[0].data["text/html"]


class Lab(SphinxDirective):
    """``{lab} Name``; its content is settings in YAML."""

    required_arguments = 1
    has_content = True

    def run(self):
        from optlib import widgets

        name = self.arguments[0]
        kind = getattr(widgets, name, None)
        if not isinstance(kind, type):
            raise self.error(f"optlib.widgets has no {name}")
        widget = kind(**(yaml.safe_load("\n".join(self.content)) or {}))
        markup = _output(widget, Path(os.environ["DESCENT_EXECUTED"], "pictures"))
        node = nodes.raw("", f'<div class="lab-place">{markup}</div>', format="html")
        node[STATE] = {widget.model_id: {"state": widget.get_state()}}
        return [node]


def _page(app, pagename, templatename, context, doctree):
    """Put the states where descent_site.widgets finds those of a notebook."""
    states = {}
    for node in doctree.findall(nodes.raw) if doctree is not None else ():
        states |= node.get(STATE, {})
    if states:
        body = json.dumps({"state": states})
        script = SimpleNamespace(filename=None, attributes={"type": MIME, "body": body})
        context["script_files"] = [*context.get("script_files", []), script]


def setup(app):
    """Register the directive."""
    app.add_directive("lab", Lab)
    app.connect("html-page-context", _page, priority=890)
