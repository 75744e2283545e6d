"""Links to the repository lead to the one that builds the site, so that a fork needs no editing.

The theme's buttons (source, issue, edit) take its address; links in the text that name the
repository of _config.yml are turned to it. How to cite stays: it names where the book comes from.
"""

from docutils import nodes

from . import address


def _config(app, config):
    config.html_theme_options["repository_url"] = f"https://github.com/{address.repository()}"
    config.html_theme_options["repository_branch"] = address.branch()


def _doctree(app, doctree):
    names = address.written(), address.repository()
    written, here = (f"https://github.com/{name}" for name in names)
    if app.env.docname == "about/cite" or written == here:
        return
    for node in doctree.findall(nodes.reference):
        target = node.get("refuri", "")
        if target == written or target.startswith(f"{written}/"):
            node["refuri"] = here + target.removeprefix(written)


def setup(app):
    """Before the theme reads its options; each page when it has been read."""
    app.connect("config-inited", _config, priority=100)
    app.connect("doctree-read", _doctree)
