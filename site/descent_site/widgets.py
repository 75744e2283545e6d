"""Live widgets: their modules and styles become files that all pages share.

MyST-NB puts the state of every widget into the page, the whole JavaScript of its class with each
instance. Here that text moves to `_static/widgets/<hash>.js` (and .css), the style sheet is linked
from the page's head (so that the version without JavaScript is dressed too), and what no widget on
the page needs, layout models and random ids, is dropped: two builds give the same bytes.
"""

import hashlib
import json
import re
from pathlib import Path

MIME = "application/vnd.jupyter.widget-state+json"
# Lines of comment are for those who read the sources; every page would carry them.
COMMENT = re.compile(r"^[ \t]*(?://.*|/\*\*[^*]*(?:\*(?!/)[^*]*)*\*/)\n", re.M)


def _store(app, text, kind):
    text = COMMENT.sub("", text) if kind == "js" else text
    name = f"widgets/{hashlib.sha256(text.encode()).hexdigest()[:12]}.{kind}"
    path = Path(app.outdir, "_static", name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return name


def hoist(state, store):
    """The part of a widget state that the page needs, and its style sheets.

    `store(text, kind)` saves a file and returns its path below _static.
    """
    models, styles = {}, []
    for name, model in sorted(state.items()):
        values = dict(model["state"])
        module, style = values.pop("_esm", None), values.pop("_css", None)
        if not module:
            continue
        if style:
            path = store(style, "css")
            if path not in styles:
                styles.append(path)
        values = {
            key: value for key, value in sorted(values.items())
            if not key.startswith("_") and key not in ("layout", "tabbable", "tooltip")
        }  # fmt: skip
        models[name] = {"module": store(module, "js"), "state": values}
        if model.get("buffers"):
            models[name]["buffers"] = model["buffers"]
    return models, styles


def _page(app, pagename, templatename, context, doctree):
    scripts = []
    for script in context.get("script_files", []):
        about = getattr(script, "attributes", {})
        if about.get("type") == MIME:
            state = json.loads(about["body"])["state"]
            models, styles = hoist(state, lambda text, kind: _store(app, text, kind))
            body = json.dumps(models, separators=(",", ":"), ensure_ascii=False)
            context["widget_models"] = body.replace("</", "<\\/").replace("<!--", "<\\!--")
            context["widget_modules"] = sorted({m["module"] for m in models.values()})
            context["widget_styles"] = styles
        else:
            scripts.append(script)
    context["script_files"] = scripts


def setup(app):
    """Run after MyST-NB has added the state to the page."""
    app.connect("html-page-context", _page, priority=900)
