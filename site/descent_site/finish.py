"""After the build: only what the pages use is left, and each page says what it may load.

1. The fonts of icons and formulas keep the characters that the pages use (700 kB become a few), and
   go into the style sheets: no line moves because a font comes late.
2. The scripts that every page loads become one file, and so do the style sheets, in their order,
   without the rules that no page can use (see purge.py).
3. Scripts and style sheets lose their spaces and comments (esbuild).
4. The search index forgets bare numbers: it knows parts of them only, 0.9 as 0 and 9.
5. Source maps and the theme's unused scripts and fonts are deleted.
6. Every page gets a content security policy.
"""

import base64
import hashlib
import json
import logging
import os
import re
import subprocess
import unicodedata
from pathlib import Path

from fontTools import subset, ttLib

from .mathml import ROOT, node
from .purge import classes, forget_variables, purge

# Styles are allowed inline: MathML of fractions and tables carries style attributes. Scripts are
# not: the theme's few inline scripts are allowed one by one, by their hash, handlers not at all.
# For the form of the search, 'self' is not enough in Firefox when the site is read from the disk.
POLICY = (
    "default-src 'self'; base-uri 'self'; form-action 'self' file:; object-src 'none'; "
    "frame-src 'none'; img-src 'self' data:; font-src 'self' data:; "
    "style-src 'self' 'unsafe-inline'; script-src 'self'{scripts}"
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
    css, pages = sheet.read_text(encoding="utf-8"), list(pages)
    script = (site / "_static/scripts/pydata-sphinx-theme.js").read_text(encoding="utf-8")
    names = set(re.findall(r"\bfa-[a-z0-9-]+", " ".join(pages) + script))
    used = set()

    def keep(rule):
        if not names & set(re.findall(r"\.(fa-[a-z0-9-]+):before", rule[1])):
            return ""
        used.add(int(rule[2], 16))
        return rule[0]

    if not re.search(r"\b(far|fa-regular)\b", " ".join(pages)):
        css = re.sub(r"@font-face{[^}]*fa-regular-400[^}]*}", "", css)
    css = re.sub(r'((?:\.fa-[a-z0-9-]+:before,?)+)\{content:"\\([0-9a-f]+)"\}', keep, css)
    used |= {int(code, 16) for code in re.findall(r'"\\(f[0-9a-f]{3})"', css)}  # the theme's own
    sheet.write_text(re.sub(r"/\*# sourceMappingURL=.*?\*/", "", css), encoding="utf-8")
    for font in (site / "_static/vendor/fontawesome/webfonts").glob("*.woff2"):
        cut(font, used)


def cut(path, characters, features=()):
    """Leave only these characters in a font."""
    logging.getLogger("fontTools").setLevel(logging.ERROR)  # it tells each step
    options = subset.Options(flavor="woff2", layout_features=list(features), desubroutinize=True)
    font = subset.load_font(str(path), options)
    cutter = subset.Subsetter(options)
    cutter.populate(unicodes=characters)
    cutter.subset(font)
    subset.save_font(font, str(path), options)


def maths(site, texts):
    """Cut the font of formulas down to the characters that stand in `texts`."""
    path = site / "_static/fonts/descent-math.woff2"
    used = {ord(character) for text in texts for character in set(text)}
    # A letter alone in a formula is set in italics, which are characters of their own.
    for code in ttLib.TTFont(path).getBestCmap():
        if unicodedata.name(chr(code), "").startswith("MATHEMATICAL ITALIC"):
            plain = unicodedata.decomposition(chr(code)).split()[-1]
            used |= {code} if int(plain, 16) in used else set()
    cut(path, used | {ord("ℎ")}, ["dtls"])  # the italic h, which stands elsewhere


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


# What the theme and its extensions load on every page, in this order. None is needed for reading or
# for a widget, so the one file that they become is fetched last.
SCRIPTS = (
    "documentation_options.js", "doctools.js",  # the words of the search page
    "sphinx_highlight.js",                      # marks what was searched for
    "clipboard.min.js", "copybutton.js",        # copies a piece of code
    "scripts/sphinx-book-theme.js", "scripts/pydata-sphinx-theme.js",  # side bars, light and dark
    "menus.js",
)  # fmt: skip
SCRIPT_FILE = re.compile(r'<script\b[^>]*\bsrc="([^"]*?)_static/([^"?]*)[^"]*"[^>]*></script>\s*')


def join_scripts(site, pages):
    """One script in place of SCRIPTS; returns the changed pages."""
    text = "\n;\n".join((site / "_static" / name).read_text("utf-8") for name in SCRIPTS)
    name = f"book.{hashlib.sha256(text.encode()).hexdigest()[:8]}.js"
    (site / "_static" / name).write_text(text, "utf-8")
    for old in SCRIPTS:
        (site / "_static" / old).unlink()
    changed = {}
    for path, page in pages.items():
        tags = [tag for tag in SCRIPT_FILE.finditer(page) if tag[2] in SCRIPTS]
        for tag in tags:
            page = page.replace(tag[0], "")
        # Other scripts wait for the page, and so for what they need of this one.
        page = page.replace('<script src="', '<script defer src="')
        last = f'<script defer src="{tags[0][1]}_static/{name}"></script>\n'
        if path.name == "search.html":  # its scripts need the joined one, so it goes first
            page = page.replace("<script defer", f"{last}<script defer", 1)
        else:
            page = page.replace("</body>", f"{last}</body>")
        changed[path] = page
    return changed


def minify(site):
    """Spaces, comments and long names out of the scripts and style sheets."""
    files = [p for kind in ("js", "css") for p in (site / "_static").rglob(f"*.{kind}")]
    subprocess.run(
        [node(), ROOT / "node_modules/esbuild/bin/esbuild", *files, "--minify", "--log-level=error",
         f"--outdir={site / '_static'}", f"--outbase={site / '_static'}", "--allow-overwrite"],
        check=True,
    )  # fmt: skip


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


FONT = re.compile(
    r"""url\(([^()"]*\.woff2)\) format\("woff2"\)(?:,url\([^()]*\) format\("truetype"\))?"""
)
# Only pages with formulas load this one.
MATHS = re.compile(r'@font-face\s*{\s*font-family:\s*"Descent Math"[^}]*}')


def embed(site, css):
    """The style sheet with its fonts inside."""

    def bring(found):
        path = site / "_static" / found[1]
        data = base64.b64encode(path.read_bytes()).decode()
        return f'url("data:font/woff2;base64,{data}") format("woff2")'

    return FONT.sub(bring, css)


def _store(site, name, css):
    name = f"{name}.{hashlib.sha256(css.encode()).hexdigest()[:8]}.css"
    (site / "_static" / name).write_text(css, encoding="utf-8")
    return name


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
    scripts = [path.read_text("utf-8") for path in (site / "_static").rglob("*.js")]
    used = classes(pages.values(), scripts)
    others = [path.read_text("utf-8") for path in (site / "_static/widgets").glob("*.css")]
    text = forget_variables(purge(text, used), [*pages.values(), *others], used)
    face = MATHS.search(text)[0]
    name = _store(site, "book", embed(site, text.replace(face, "")))
    formulas = _store(site, "math", embed(site, face))
    for old in gone:
        (site / "_static" / old).unlink()
    changed = {}
    for path, page in pages.items():
        names = [name, formulas] if "math>" in page else [name]
        hrefs = [(tag, HREF.search(tag)[1].split("?")[0]) for tag in SHEET.findall(page)]
        tags = [(tag, *href.split("_static/")) for tag, href in hrefs if "_static/" in href]
        tags = [(tag, root) for tag, root, file in tags if file in shared]
        root = tags[0][1]
        links = "".join(f'<link rel="stylesheet" href="{root}_static/{n}">\n' for n in names)
        page = page.replace(tags[0][0], links)
        for tag, _ in tags[1:]:
            page = page.replace(tag, "")
        changed[path] = page
    return changed


UNUSED = (
    "**/*.map", "_static/scripts/fontawesome*", "_static/scripts/*.LICENSE.txt", "_static/*thebe*",
    "_static/locales/**/*", "_static/jquery*", "_static/_sphinx_javascript_frameworks_compat.js",
    "_static/underscore*", "_static/webpack-macros.html", "_static/sbt-webpack-macros.html",
    "_static/design-tabs.js", "_static/images/logo_*", "_static/*.png",
    "_static/fonts/make.sh", "_static/copybutton_funcs.js", "_static/translations.js",
    "_static/sphinx-thebe*", "_static/togglebutton*", "_static/scripts/bootstrap*",
    "_static/sphinx_design*", "_static/basic.css_", "_static/vendor/**/*.ttf",
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
    maths(site, [*pages.values(), *(p.read_text("utf-8") for p in site.rglob("*.js"))])
    numbers(site)
    pages = join_sheets(site, join_scripts(site, pages))
    minify(site)
    for font in (site / "_static").rglob("*.woff2"):
        font.unlink()
    for path, page in pages.items():
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
