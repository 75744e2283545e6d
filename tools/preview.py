"""What a change does to the site: pages changed, new and gone, with pictures before and after.

    python tools/preview.py report BASE HEAD OUT     compare two built sites; OUT gets index.html
    python tools/preview.py comment OUT/pages.json   the same as a short list in Markdown

A page has changed when the text of its article or one of its pictures has. Names of files, times
and weights that every build measures anew do not count. Shared scripts and styles are named once,
not on every page that loads them.
"""

import argparse
import difflib
import hashlib
import html
import io
import json
import re
import shutil
import sys
import threading
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import browser
import serve
import weigh

WIDTHS = (1280, 375)
HEIGHT = 2000  # of a picture, from a little above the first difference on
MOST = 40  # pages with pictures; a change of the style sheet changes them all
# Parts of an article that each build measures anew: by id or class.
MEASURED = {"how-long-the-chapters-take", "page-weights", "page-history"}
AROUND = "body [class*=sidebar], body header, body footer"
VOID = {"area", "br", "col", "hr", "img", "input", "link", "meta", "source", "wbr"}
NAME = re.compile(r"[\w./-]{1,200}")  # what a page or file may be called in a comment


class _Article(HTMLParser):
    """The lines of an article's text, and the pictures in it, by what they show."""

    def __init__(self, page):
        super().__init__()
        self.page, self.lines, self.depth, self.hidden, self.quiet = page, [], 0, [], 0

    def handle_starttag(self, tag, attributes):
        about = dict(attributes)
        if tag == "article":
            self.depth += 1
        if tag in VOID:
            if tag == "img" and self.depth and not self.hidden:
                self.lines.append(f"[picture {self._shown(about.get('src') or '')}]")
            return
        names = {about.get("id"), *(about.get("class") or "").split()}
        if self.hidden or names & MEASURED or tag in ("script", "style"):
            self.hidden.append(tag)

    def handle_endtag(self, tag):
        if tag == "article":
            self.depth -= 1
        if self.hidden and tag not in VOID and tag == self.hidden[-1]:
            self.hidden.pop()

    def handle_data(self, data):
        if self.depth and not self.hidden and data.strip():
            self.lines.append(" ".join(data.split()))

    def _shown(self, address):
        path = self.page.parent / unquote(urlsplit(address).path)
        data = path.read_bytes() if path.is_file() else address.encode()
        return hashlib.sha256(data).hexdigest()[:8]


def article(page):
    """The lines that a reader sees of a page."""
    parser = _Article(page)
    parser.feed(page.read_text(encoding="utf-8"))
    return parser.lines


def pages(site):
    """{name: lines} of every page of a site."""
    return {
        str(page.relative_to(site)): article(page) for page in weigh.pages(site)
    }


def shared(site):
    """{name without its hash: hash of the content} of scripts and styles."""
    return {
        re.sub(r"\.[0-9a-f]{8,}(?=\.)", "", str(path.relative_to(site))):
            hashlib.sha256(path.read_bytes()).hexdigest()
        for path in weigh.book(site) if path.suffix in (".css", ".js", ".mjs")
        and path.name != "searchindex.js"
    }  # fmt: skip


def compare(base, head):
    """{"changed", "new", "gone": names of pages, "files": shared files that differ}, and diffs."""
    before, after = pages(base), pages(head)
    files = [shared(base), shared(head)]
    found = {
        "changed": [name for name in after if name in before and before[name] != after[name]],
        "new": [name for name in after if name not in before],
        "gone": [name for name in before if name not in after],
        "files": sorted(n for n in {*files[0], *files[1]} if files[0].get(n) != files[1].get(n)),
    }
    diffs = {
        name: list(difflib.unified_diff(before[name], after[name], n=1, lineterm=""))[2:]
        for name in found["changed"]
    }
    return found, diffs


def shoot(playing, site, names, width):
    """{name: picture of the page as PNG} at a width."""
    book = serve.server(site)
    threading.Thread(target=book.serve_forever, daemon=True).start()
    page = playing.new_page(viewport={"width": width, "height": 900}, reduced_motion="reduce")
    shots = {}
    for name in names:
        page.goto(f"http://127.0.0.1:{book.server_address[1]}/{name}", wait_until="load")
        # The article alone: the contents beside it fold and unfold with every heading.
        page.add_style_tag(content=f"{AROUND} {{ display: none !important }}")
        # Pictures far below load when they come near; here all of them must be there.
        page.evaluate(
            """async () => { await Promise.all([...document.images].map((image) => {
            image.loading = "eager"; return image.decode().catch(() => {}); })); }"""
        )
        shots[name] = page.screenshot(full_page=True)
    page.close()
    book.shutdown()
    book.server_close()
    return shots


def crop(before, after):
    """Both pictures from a little above their first difference on, at most HEIGHT high."""
    from PIL import Image, ImageChops

    images = [Image.open(io.BytesIO(shot)).convert("RGB") if shot else None
              for shot in (before, after)]  # fmt: skip
    there = [image for image in images if image]
    top = 0
    if len(there) == 2:
        box = ImageChops.difference(*(
            image.crop((0, 0, min(i.width for i in there), min(i.height for i in there)))
            for image in there
        )).getbbox()  # fmt: skip
        top = max(0, (box[1] if box else 0) - 120)
    return [image and image.crop((0, top, image.width, min(image.height, top + HEIGHT)))
            for image in images]  # fmt: skip


def pictures(playing, base, head, found, out):
    """Write the pictures of what has changed; returns {page: [(width, before, after)]}."""
    shown = [*found["changed"], *found["new"], *found["gone"]][:MOST]
    result = {name: [] for name in shown}
    for width in WIDTHS:
        before = shoot(playing, base, [n for n in shown if n not in found["new"]], width)
        after = shoot(playing, head, [n for n in shown if n not in found["gone"]], width)
        for name in shown:
            row = [width]
            for when, image in zip("ba", crop(before.get(name), after.get(name)), strict=True):
                file = f"{name.replace('/', '-').removesuffix('.html')}-{width}-{when}.webp"
                row.append(file if image else None)
                if image:
                    image.save(out / file, quality=80)
            result[name].append(row)
    return result


STYLE = """body { font: 16px/1.5 sans-serif; margin: 1rem; color-scheme: light dark }
figure { display: inline-block; margin: 0 1rem 1rem 0; vertical-align: top; max-width: 48% }
img { max-width: 100%; border: 1px solid #888 } pre { overflow: auto; max-height: 20rem }"""


def render(found, diffs, shots):
    """The report as one page of HTML."""
    parts = []
    for kind in ("changed", "new", "gone"):
        for name in found[kind]:
            parts.append(f"<h2>{kind}: {html.escape(name)}</h2>")
            if diffs.get(name):
                lines = html.escape("\n".join(diffs[name][:200]))
                parts.append(f"<details><summary>the words</summary><pre>{lines}</pre></details>")
            for width, *files in shots.get(name, ()):
                for word, file in zip(("before", "after"), files, strict=True):
                    if file:
                        parts.append(
                            f"<figure><figcaption>{word}, {width} px</figcaption><img "
                            f'src="{html.escape(file)}" loading="lazy" alt="{html.escape(name)} '
                            f'{word}, {width} pixels wide"></figure>'
                        )
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>What changed</title>'
        f"<style>{STYLE}</style><h1>What changed</h1>{listed(found)}{''.join(parts)}</html>\n"
    )


def listed(found):
    words = (f"{len(found[kind])} {kind}" for kind in ("changed", "new", "gone"))
    return f"<p>Pages: {', '.join(words)}. Shared files that differ: {len(found['files'])}.</p>"


def comment(found):
    """A list in Markdown. What comes from a stranger's build is let through as plain names only."""
    lines = ["**Preview**: what this change does to the pages.", ""]
    titles = {"changed": "Changed", "new": "New", "gone": "Gone", "files": "Shared files"}
    for kind, title in titles.items():
        names = [n for n in found.get(kind, []) if isinstance(n, str) and NAME.fullmatch(n)]
        if names:
            more = f" and {len(names) - 30} more" if len(names) > 30 else ""
            lines.append(f"- {title}: {', '.join(f'`{n}`' for n in names[:30])}{more}")
    if len(lines) == 2:
        lines.append("No page has changed.")
    return "\n".join(lines) + "\n"


def report(base, head, out, playing):
    """Write index.html, pages.json and the pictures into `out`; `playing` is a running Chromium."""
    for site in (base, head):
        if not (site / "index.html").exists():
            sys.exit(f"preview: {site} is no built site: it has no index.html")
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    found, diffs = compare(base, head)
    shots = pictures(playing, base, head, found, out)
    (out / "pages.json").write_text(json.dumps(found, indent=1), encoding="utf-8")
    (out / "index.html").write_text(render(found, diffs, shots), encoding="utf-8")
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    which = parser.add_subparsers(dest="what", required=True)
    two = which.add_parser("report")
    for name in ("base", "head", "out"):
        two.add_argument(name, type=Path)
    which.add_parser("comment").add_argument("pages", type=Path)
    options = parser.parse_args()
    if options.what == "report":
        from playwright.sync_api import sync_playwright

        with sync_playwright() as play:
            running = play.chromium.launch(executable_path=browser.get(), args=browser.flags())
            found = report(options.base, options.head, options.out, running)
        print(comment(found), end="")
    else:
        print(comment(json.loads(options.pages.read_text(encoding="utf-8"))), end="")


if __name__ == "__main__":
    main()
