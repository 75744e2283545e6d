"""What a published site has besides its pages.

sitemap.xml, robots.txt  every page, with the day of its last change. (Search engines read a
                         robots.txt only at the root of a host: a site of its own has one there.)
404.html                 for addresses that lead nowhere; a server shows it at any depth, so its own
                         links start at the root of the host
redirections             pages that lead on from the old addresses of redirects.yml
"""

import re
from html import escape
from pathlib import Path
from urllib.parse import urlsplit

import yaml

from . import address, head, history
from .finish import policy

FILE = "redirects.yml"
LOST = "404.html"
MOVED = """\
<!DOCTYPE html>
<html lang="en">
  <head>
    <meta charset="utf-8" />{policy}
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <meta name="robots" content="noindex" />
    <title>This page has moved</title>
    <link rel="canonical" href="{canonical}" />
    <noscript><meta http-equiv="refresh" content="0; url={target}" /></noscript>
    <script>location.replace({script} + location.search + (location.hash || {place}));</script>
  </head>
  <body>
    <main>
      <h1>This page has moved</h1>
      <p><a href="{target}">Go to where it is now.</a></p>
    </main>
  </body>
</html>
"""


class Nowhere(ValueError):
    """A redirection that cannot be."""


def moved(path, pages):
    """{old page: (new page, place on it or "")} of a redirects.yml, checked against `pages`."""
    if not Path(path).exists():
        return {}
    listed = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    leads = {}
    for old, new in (listed.get("moved") or {}).items():
        page, _, place = new.partition("#")
        if old in pages:
            raise Nowhere(f"{FILE}: {old} is a page, so it cannot lead to {new}")
        if page not in pages:
            raise Nowhere(f"{FILE}: {old} leads to {page}, which is no page of the book")
        leads[old] = (page, place)
    lost = sorted(set(listed.get("pages") or ()) - set(pages) - set(leads))
    if lost:
        raise Nowhere(f"{FILE}: {', '.join(lost)}: gone; say under `moved` where it leads now")
    return leads


def redirection(old, page, place=""):
    """The HTML that leads from the page `old` to `page`, and keeps what follows the #."""
    there = "../" * old.count("/") + f"{page}.html"
    text = MOVED.format(
        policy="{policy}", canonical=escape(head.place(page)), script=f'"{there}"',
        target=escape(there + (f"#{place}" if place else "")), place=f'"{place and "#" + place}"',
    )  # fmt: skip
    meta = f'\n    <meta http-equiv="Content-Security-Policy" content="{policy(text)}" />'
    return text.replace("{policy}", meta)


def sitemap(pages):
    """The sitemap of [(page, day of its last change or None)]."""
    rows = "".join(
        f"  <url><loc>{escape(head.place(page))}</loc>"
        + (f"<lastmod>{day.isoformat()}</lastmod>" if day else "")
        + "</url>\n"
        for page, day in pages
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n{rows}</urlset>\n'
    )


def from_the_root(text):
    """A page whose addresses start at the root of the host, so that it works at any depth."""
    root = urlsplit(address.site()).path
    here = r'\b(href|src|action|data-content_root)="(?!#|/|[a-z]+:)(?:\./)?'
    return re.sub(here, rf'\1="{root}', text)


def _finish(app, error):
    if error or app.builder.format != "html":
        return
    site, source = Path(app.outdir), Path(app.srcdir)
    names = sorted(app.env.found_docs)
    days = [
        history.last_changed(source, str(Path(app.env.doc2path(name)).relative_to(source)), name)
        for name in names
    ]
    (site / "sitemap.xml").write_text(sitemap(zip(names, days)), encoding="utf-8")
    told = f"User-agent: *\nAllow: /\nSitemap: {address.site()}sitemap.xml\n"
    (site / "robots.txt").write_text(told, encoding="utf-8")
    if (lost := site / LOST).exists():
        lost.write_text(from_the_root(lost.read_text(encoding="utf-8")), encoding="utf-8")
    for old, (page, place) in moved(source / FILE, names).items():
        (site / f"{old}.html").parent.mkdir(parents=True, exist_ok=True)
        (site / f"{old}.html").write_text(redirection(old, page, place), encoding="utf-8")


def _page(app, pagename, templatename, context, doctree):
    if templatename == LOST:
        commit = history.commits(str(app.srcdir))[0]
        context["report_lost"] = history.report("404", "A link that leads nowhere", commit)


def setup(app):
    """Run when all pages are written, before `finish` dresses them."""
    app.connect("html-page-context", _page)
    app.connect("build-finished", _finish, priority=980)
