"""After the build: only what the pages use is left, and each page says what it may load.

1. The icon font keeps the glyphs that the pages use (700 kB become a few).
2. Style sheets that every page loads become one file, in their order, without the rules that no
   page can use (see purge.py).
3. The search index forgets bare numbers: it knows parts of them only, 0.9 as 0 and 9.
4. Source maps and the theme's unused scripts and fonts are deleted.
5. Every page gets a content security policy.
"""

import base64
import hashlib
import json
import logging
import os
import re
from pathlib import Path

from fontTools import subset

from .purge import purge, words

# Styles are allowed inline: MathML of fractions and tables carries style attributes. Scripts are
# not: the theme's few inline scripts are allowed one by one, by their hash, handlers not at all.
POLICY = (
    "default-src 'self'; base-uri 'self'; form-action 'self'; object-src 'none'; frame-src 'none'; "
    "img-src 'self' data:; style-src 'self' 'unsafe-inline'; script-src 'self'{scripts}"
)
SCRIPT = re.compile(r"<script\b([^>]*)>(.*?)</script>", re.S | re.I)
DATA = re.compile(r'type="(application/json|application/vnd[^"]*|text/plain)"')
SHEET = re.compile(r'<link\b[^>]*rel="stylesheet"[^>]*>\s*')
# docutils gives each word of code an element that keeps it on one line; here it may be broken.
WORD = re.compile(r'<span class="pre">([^<]*)</span>')
HREF = re.compile(r'href="([^"]*)"')


def policy(page):
    """The content security policy of one page's HTML."""
    hashes = {
        base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        for attributes, text in SCRIPT.findall(page)
        if "src=" not in attributes and not DATA.search(attributes)
    }
    return POLICY.format(scripts="".join(f" 'sha256-{digest}'" for digest in sorted(hashes)))


def icons(site, pages):
    """Cut the icon font and its style rules down to the icons in use."""
    sheet = site / "_static/styles/pydata-sphinx-theme.css"
    css = sheet.read_text(encoding="utf-8")
    script = (site / "_static/scripts/pydata-sphinx-theme.js").read_text(encoding="utf-8")
    names = set(re.findall(r"\bfa-[a-z0-9-]+", " ".join(pages) + script))
    used = set()

    def keep(rule):
        if not names & set(re.findall(r"\.(fa-[a-z0-9-]+):before", rule[1])):
            return ""
        used.add(int(rule[2], 16))
        return rule[0]

    css = re.sub(r'((?:\.fa-[a-z0-9-]+:before,?)+)\{content:"\\([0-9a-f]+)"\}', keep, css)
    used |= {int(code, 16) for code in re.findall(r'"\\(f[0-9a-f]{3})"', css)}  # the theme's own
    sheet.write_text(re.sub(r"/\*# sourceMappingURL=.*?\*/", "", css), encoding="utf-8")
    logging.getLogger("fontTools").setLevel(logging.ERROR)  # it tells each step
    for font in (site / "_static/vendor/fontawesome/webfonts").glob("*"):
        if font.suffix != ".woff2":
            font.unlink()
            continue
        options = subset.Options(flavor="woff2", layout_features=[], desubroutinize=True)
        loaded = subset.load_font(str(font), options)
        cutter = subset.Subsetter(options)
        cutter.populate(unicodes=used)
        cutter.subset(loaded)
        subset.save_font(loaded, str(font), options)


def numbers(site):
    """Take the words that are digits alone out of the search index."""
    path = site / "searchindex.js"
    start, index, end = re.fullmatch(
        r"(Search\.setIndex\()(.*)(\)\s*)", path.read_text("utf-8"), re.S
    ).groups()
    index = json.loads(index)
    for part in ("terms", "titleterms"):
        index[part] = {word: at for word, at in index[part].items() if not word.isdigit()}
    path.write_text(start + json.dumps(index, separators=(",", ":")) + end, "utf-8")


def _sheet(static, name, imported):
    """The text of a style sheet as it reads from the folder `static`, imports in place."""
    folder = Path(name).parent

    def here(target):
        return os.path.normpath(folder / target)

    def bring(found):
        imported.add(here(found[1]))
        return _sheet(static, here(found[1]), imported)

    def address(found):
        target = found[1]
        return found[0] if target.startswith(("data:", "#", "http")) else f"url({here(target)})"

    text = (static / name).read_text(encoding="utf-8").replace('@charset "UTF-8";', "")
    text = re.sub(r"url\([\"']?([^\"')]+)[\"']?\)", address, text)
    text = re.sub(r"@import \"([^\"]+)\";", bring, text)
    return f"/* {name} */\n{text}"


def join_sheets(site, pages):
    """One style sheet in place of those that every page loads; returns the changed pages."""
    lists = [
        [HREF.search(tag)[1].split("?")[0] for tag in SHEET.findall(text)]
        for text in pages.values()
    ]
    # Addresses are relative to the page; what follows _static/ is the same for all.
    shared = [name.split("_static/")[-1] for name in lists[0] if "_static/" in name]
    for names in lists[1:]:
        here = {name.split("_static/")[-1] for name in names}
        shared = [name for name in shared if name in here]
    gone = set(shared)
    text = "\n".join(_sheet(site / "_static", name, gone) for name in shared)
    scripts = (path.read_text(encoding="utf-8") for path in site.rglob("*.js"))
    text = purge(text, words([*pages.values(), *scripts]))
    name = f"book.{hashlib.sha256(text.encode()).hexdigest()[:8]}.css"
    (site / "_static" / name).write_text(text, encoding="utf-8")
    for old in gone:
        (site / "_static" / old).unlink()
    changed = {}
    for path, page in pages.items():
        first = True

        def swap(tag):
            nonlocal first
            href = HREF.search(tag[0])[1]
            if "_static/" not in href or href.split("?")[0].split("_static/")[-1] not in shared:
                return tag[0]
            root, was_first, first = href.split("_static/")[0], first, False
            return f'<link rel="stylesheet" href="{root}_static/{name}">\n' if was_first else ""

        changed[path] = SHEET.sub(swap, page)
    return changed


UNUSED = (
    "**/*.map", "_static/scripts/fontawesome*", "_static/scripts/*.LICENSE.txt", "_static/*thebe*",
    "_static/locales/**/*", "_static/jquery*", "_static/_sphinx_javascript_frameworks_compat.js",
    "_static/underscore*", "_static/webpack-macros.html", "_static/sbt-webpack-macros.html",
    "_static/design-tabs.js", "_static/images/logo_*", "_static/*.png",
    "_static/fonts/make.sh", "_static/copybutton_funcs.js", "_static/translations.js",
    "_static/sphinx-thebe*", "_static/sphinx_design*", "_static/basic.css_",
)  # fmt: skip


def _finish(app, error):
    if error or app.builder.format != "html":
        return
    site = Path(app.outdir)
    paths = [p for p in site.rglob("*.html") if "_static" not in p.relative_to(site).parts]
    pages = {path: path.read_text(encoding="utf-8") for path in paths}
    pages = {path: text for path, text in pages.items() if SHEET.search(text)}  # no redirections
    for pattern in UNUSED:
        for path in site.glob(pattern):
            if path.is_file():
                path.unlink()
    icons(site, pages.values())
    numbers(site)
    # What a search result shows of a page is its text, not its buttons.
    search = site / "_static/searchtools.js"
    text = search.read_text(encoding="utf-8").replace('[role="main"]', "article.bd-article")
    search.write_text(text, encoding="utf-8")
    for path, page in join_sheets(site, pages).items():
        path.write_text(dress(page), encoding="utf-8")


def dress(page):
    """The page with its policy at the top of the head, and light until a script says more."""
    page = page.replace('onclick="window.print()"', "data-print")  # host.js does it
    page = WORD.sub(r"\1", page)
    page = page.replace('class="indextable', 'role="presentation" class="indextable')  # columns
    charset = re.search(r"<meta charset=[^>]*>", page)
    if not charset:
        raise ValueError("a page without <meta charset> has no place for its security policy")
    meta = f'\n    <meta http-equiv="Content-Security-Policy" content="{policy(page)}">'
    page = page[: charset.end()] + meta + page[charset.end() :]
    return page.replace('data-theme="auto"', 'data-theme="light"', 1)


def setup(app):
    """Run when Sphinx has written everything."""
    app.connect("build-finished", _finish, priority=1000)  # after the theme has written its colours
