"""What a page of the built site weighs: `python tools/weigh.py [SITE]`.

Counted are the page and every file of ours that it names: scripts, styles, the modules of its
widgets, pictures shown in the light theme. Text is weighed after gzip -9, as a server sends it.
Told apart are the pictures, which load when the reader comes near, and the mathematics font (in a
style sheet of its own), which is the same for all pages.
"""

import functools
import gzip
import re
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag, urlsplit

TEXT = {".html", ".js", ".css", ".json", ".svg", ".txt", ".inv"}
MATHS = "math."  # begins the name of the style sheet that holds the mathematics font


def weight(path):
    """(raw bytes, bytes as sent) of a file."""
    about = path.stat()
    return _weight(path, about.st_mtime_ns, about.st_size)


@functools.cache
def _weight(path, changed, size):
    data = path.read_bytes()
    return len(data), len(gzip.compress(data, 9)) if path.suffix in TEXT else len(data)


def book(site):
    """Every file of the book; JupyterLite, which lies beside it (tools/lite.py), is another's."""
    files = sorted(path for path in site.rglob("*") if path.is_file())
    return [path for path in files if path.relative_to(site).parts[0] != "lite"]


def pages(site):
    """The book's pages."""
    return [p for p in book(site) if p.suffix == ".html" and "_static" not in p.parts]


class _Names(HTMLParser):
    """Addresses that a page fetches."""

    def __init__(self):
        super().__init__()
        self.names, self.quiet = [], 0

    def handle_starttag(self, tag, attributes):
        about = dict(attributes)
        if tag == "noscript":
            self.quiet += 1
        if self.quiet:
            return
        name = None
        if tag == "script":
            name = about.get("src")
        elif tag == "link" and about.get("rel") in ("stylesheet", "icon", "preload"):
            name = about.get("href")
        elif tag == "img" and "only-dark" not in (about.get("class") or ""):
            name = about.get("src")
        if name and not name.startswith("data:"):
            self.names.append(name)

    def handle_endtag(self, tag):
        if tag == "noscript":
            self.quiet -= 1


BODY = re.compile(r"(<script\b[^>]*>).*?(?=</script>)", re.S)
TAG = re.compile(r"<(?:script|/script|noscript|/noscript|link|img)\b[^>]*>")


@functools.cache
def _names(page, changed, size):
    """The addresses that a page fetches. Only the tags that matter are parsed: pages are long."""
    parser = _Names()
    parser.feed("".join(TAG.findall(BODY.sub(r"\1", page.read_text(encoding="utf-8")))))
    return parser.names


def files(site, page):
    """Every file that `page` needs, itself first."""
    about = page.stat()
    found = [page]

    def place(base, name):
        if not name.startswith("/"):
            return (base.parent / name).resolve()
        # From the root of the host, as 404.html must: the site lies somewhere below it.
        below = name.strip("/").split("/")
        tails = (site.joinpath(*below[i:]) for i in range(len(below)))
        return next((path for path in tails if path.is_file()), site / name)

    def add(base, name):
        parts = urlsplit(urldefrag(name).url)
        path = place(base, unquote(parts.path))
        if not parts.netloc and path.is_file() and path not in found:
            found.append(path)

    for name in _names(page, about.st_mtime_ns, about.st_size):
        add(page, name)
    return found


def is_maths(path):
    return path.suffix == ".css" and path.name.startswith(MATHS)


def weigh(site):
    """{page: requests, raw bytes, and bytes as sent of page, pictures and maths (the font)}."""
    rows = {}
    for page in pages(site):
        row = {"requests": 0, "raw": 0, "page": 0, "pictures": 0, "maths": 0}
        for path in files(site, page):
            raw, sent = weight(path)
            kind = "maths" if is_maths(path) else "pictures" if is_picture(path) else "page"
            row["requests"] += 1
            row["raw"] += raw
            row[kind] += sent
        rows[str(page.relative_to(site))] = row
    return rows


def is_picture(path):
    return path.parent.name == "_images"


def report(site):
    """The table that the build prints."""
    heads = ("raw", "page", "pictures", "maths")
    titles = "".join(f"{head:>9}" for head in heads)
    lines = [f"{'page (kB, gzip -9 but for raw)':<40}{'requests':>9}{titles}"]
    for page, row in weigh(site).items():
        sizes = "".join(f"{row[head] / 1e3:>9.0f}" for head in heads)
        lines.append(f"{page:<40}{row['requests']:>9}{sizes}")
    everything = [weight(path) for path in book(site)]
    raw, sent = (sum(column) / 1e6 for column in zip(*everything))
    lines.append(f"site: {len(everything)} files, {raw:.2f} MB raw, {sent:.2f} MB gzip")
    return "\n".join(lines)


TABLE = re.compile(r'(<div id="page-weights">).*?(</div>\s*</div>)', re.S)


def fill(site):
    """Write the weights into the page that has a place for them, `<div id="page-weights">`."""
    for page in pages(site):
        text = page.read_text(encoding="utf-8")
        if not TABLE.search(text):
            continue
        depth = len(page.relative_to(site).parts) - 1
        for _ in range(2):  # the second time with its own weight, the table included
            heads = "".join(f"<th scope='col'>{h}</th>" for h in ("page", "kB", "pictures, kB"))
            rows = "".join(
                f"<tr><td><a href='{'../' * depth}{name}'>{name.removesuffix('.html')}</a></td>"
                f"<td>{row['page'] / 1e3:.0f}</td><td>{row['pictures'] / 1e3:.0f}</td></tr>"
                for name, row in weigh(site).items()
            )
            table = (
                '<div class="pst-scrollable-table-container"><table class="table"><thead>'
                f"<tr>{heads}</tr></thead><tbody>{rows}</tbody></table>"
            )
            page.write_text(TABLE.sub(rf"\g<1>{table}\g<2>", text), encoding="utf-8")


if __name__ == "__main__":
    place = Path(sys.argv[1] if len(sys.argv) > 1 else "_build/html")
    if not place.is_dir():
        sys.exit(f"weigh: {place} does not exist; run `make book` first")
    print(report(place.resolve()))
