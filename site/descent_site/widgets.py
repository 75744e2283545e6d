"""Live widgets: their front ends and styles become files that all pages share.

MyST-NB puts the state of every widget into the page, the whole JavaScript of its class with each
instance. Here that text moves to `_static/widgets/<hash>.js` (and .css), the style sheet is linked
from the page's head (so that the version without JavaScript is dressed too), and what no widget on
the page needs, layout models and random ids, is dropped: two builds give the same bytes.

In a notebook a front end is an ES module. Browsers load no module from the disk, and the book must
work there too, so that here it becomes a plain script.
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


def plain(module):
    """The ES module of a widget as a plain script, which leaves its export at its own element.

    The module may import nothing, and ends with `export default VALUE;` on a line.
    """
    shape = re.fullmatch(r"(.*^)export default ([^\n]+);\s*", module, re.S | re.M)
    if not shape:
        raise ValueError(
            f"a widget's module must end with the line `export default VALUE;` ({module[:60]!r}...)"
        )
    body = re.sub(r"^export (?=(async )?function |class |const )", "", shape[1], flags=re.M)
    if odd := re.search(r"^(import|export)\b.*|\bimport\s*[.(].*", body, re.M):
        raise ValueError(
            f"{odd[0]!r}: a widget's module can import nothing, and only export what it declares"
        )
    return (
        'document.currentScript.widget = (() => {\n"use strict";\n'
        f"{body}return {shape[2]};\n}})();\n"
    )


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
        models[name] = {"script": store(plain(module), "js"), "state": values}
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
            context["widget_scripts"] = sorted({m["script"] for m in models.values()})
            context["widget_styles"] = styles
        else:
            scripts.append(script)
    context["script_files"] = scripts


def setup(app):
    """Run after MyST-NB has added the state to the page."""
    app.connect("html-page-context", _page, priority=900)
