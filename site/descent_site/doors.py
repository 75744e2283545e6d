"""The menu "Run this page" under a chapter's title: browser, Binder, Colab, own machine, download.

It is plain HTML, so that it works without JavaScript; nothing is loaded before a link is followed.
"""

import html
import os
import tomllib
from pathlib import Path
from urllib.parse import urlsplit

import optlib

from . import address

# Pages whose code reads files that lie beside them: a single notebook in Colab would find none.
NOT_ALONE = {"data", "errata", "myths"}
# What JupyterLite loads the first time, in MB: from the site (measured in Chromium, with gzip), and
# of compiled packages (an estimate: the sizes of numpy and Pillow are known, the others' are not).
HERE, ELSEWHERE = 14, 15
# Where the site keeps the library's wheel: the one that JupyterLite itself installs.
WHEEL = f"lite/static/pyodide/descent_optlib-{optlib.__version__}-py3-none-any.whl"


def place():
    """Where numpy and matplotlib come from: as in tools/lite.py, by the same variable."""
    if os.environ.get("DESCENT_PYODIDE") == "self":
        return "this site as well"
    told = tomllib.loads((address.ROOT / "site/lite/pyodide.toml").read_text(encoding="utf-8"))
    return urlsplit(told["address"]).netloc


def install():
    """The line that installs optlib on a machine of one's own."""
    library = f"descent-optlib[figures,widgets] @ {address.site()}{WHEEL}"
    return f'pip install jupyterlab "{library}"'


def doors(path, root):
    """[(name, address or None, what to expect), ...] for a notebook; `root` leads to the site."""
    repository, branch = address.repository(), address.branch()
    name = Path(path).stem
    rows = [
        ("In this browser", f"{root}lite/notebooks/index.html?path={path}",
         "No account, no server. The first time this loads Python from this site (about "
         f"{HERE} MB) and numpy and matplotlib from {place()} (about {ELSEWHERE} MB). What you "
         "change is kept in this browser."),
        ("On Binder", f"https://mybinder.org/v2/gh/{repository}/{branch}?urlpath=lab/tree/{path}",
         "A free server at mybinder.org. It takes minutes to start, and forgets what you did."),
        ("In Colab", f"https://colab.research.google.com/github/{repository}/blob/{branch}/{path}",
         "Needs a Google account. The first cell installs optlib."),
    ]  # fmt: skip
    if name in NOT_ALONE:
        rows.pop()
    rows.append(("Download", f"{root}_sources/{path}", "The notebook as a file."))
    if (address.ROOT / "exercises" / name / "source.ipynb").is_file():
        sheet = f"exercises/{name}.ipynb"
        rows.append(
            ("Exercises", f"{root}lite/notebooks/index.html?path={sheet}",
             f'The sheet of this chapter, in this browser as well; or <a download '
             f'href="{root}lite/files/{sheet}">as a file</a>.')
        )  # fmt: skip
    return rows


def menu(path, root):
    """The menu's HTML."""
    items = "".join(
        f'<li><a href="{html.escape(link)}"{" download" * (name == "Download")}>{name}</a> '
        f"<span>{words}</span></li>"
        for name, link, words in doors(path, root)
    )
    here = f"<li>On your machine <span><code>{html.escape(install())}</code></span></li>"
    return (
        '<details class="doors d-print-none"><summary>Run this page</summary>'
        f'<ul>{items}{here}</ul><p><a href="{root}about/run.html">What each of these needs</a>'
        "</p></details>"
    )


def _page(app, pagename, templatename, context, doctree):
    body, path = context.get("body"), app.env.doc2path(pagename, base=False) if doctree else ""
    if not body or not str(path).endswith(".ipynb"):
        return
    root = "../" * pagename.count("/")
    head, title, rest = body.partition("</h1>")
    context["body"] = head + title + menu(str(path), root) + rest
    for group in context.get("header_buttons", []):  # the theme's own download of the same file
        if group.get("label") == "download-buttons":
            group["buttons"] = [
                button for button in group["buttons"]
                if button["label"] not in ("download-notebook-button", "download-source-button")
            ]  # fmt: skip


def setup(app):
    """Run after the theme has made its buttons, before pages.py looks at the page."""
    app.connect("html-page-context", _page, priority=900)
