"""The built book as one file to take along: `_build/descent-site.zip`.

    python tools/archive.py [--site SITE] [--out FILE]

It holds the site as it is published: nothing in it needs a server. Left out is what does; where a
page leads to that, a page says so. The same site gives the same bytes:
files in order, all of one time (SOURCE_DATE_EPOCH).
"""

import argparse
import html
import os
import re
import sys
import time
import zipfile
from pathlib import Path
from urllib.parse import unquote, urlsplit

import environment
from environment import ROOT

import optlib

LEFT_OUT = ("lite", "404.html")  # Python in the browser; what a server shows for a wrong address
LICENCES = ("LICENSE", "LICENSE-TEXT.md")
PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>{head}
<style>body {{ max-width: 40rem; margin: 3rem auto; padding: 0 1rem; font: 18px/1.5 sans-serif; }}
</style>
</head>
<body>
<h1>{title}</h1>
{body}
</body>
</html>
"""


def start():
    """The page on top of everything, which opens the book."""
    return PAGE.format(
        title="Descent: an executable textbook on optimizers",
        head='\n<meta http-equiv="refresh" content="0; url=site/index.html">',
        body='<p><a href="site/index.html">Open the book.</a> It needs a browser, no internet.</p>',
    )


def absent(name):
    """The page in the place of `name`, a page of the site that is not in the archive."""
    return PAGE.format(
        title="Not in this copy",
        head="",
        body=f"""<p>To run a chapter here takes the book on the web: browsers load Python from a
server only. Without one, the experiments on the book’s own pages all work, and the notebook that
can be downloaded on top of each chapter runs in a Python of your own.</p>
<p><a href="{"../" * name.count("/")}index.html">Back to the book</a></p>""",
    )


def missing(site):
    """What is left out although pages lead to it."""
    found = set()
    for page in site.rglob("*.html"):
        folder = page.parent.relative_to(site)
        if page.relative_to(site).parts[0] in LEFT_OUT:
            continue
        for link in re.findall(r'\bhref="([^"#]+)', page.read_text(encoding="utf-8")):
            parts = urlsplit(html.unescape(link))
            name = os.path.normpath(folder / unquote(parts.path))
            if not (parts.scheme or parts.netloc) and name.split("/")[0] in LEFT_OUT:
                found.add(name)
    return found


def contents(site):
    """{name in the archive: its bytes}."""
    files = {name: (ROOT / name).read_bytes() for name in LICENCES}
    files["START-HERE.html"] = start().encode()
    for path in site.rglob("*"):
        name = path.relative_to(site)
        if path.is_file() and name.parts[0] not in LEFT_OUT:
            files[f"site/{name.as_posix()}"] = path.read_bytes()
    for name in missing(site):
        files[f"site/{name}"] = absent(name).encode()
    return files


def write(site, out):
    """Write the archive of the site; returns its number of files."""
    when = time.gmtime(int(os.environ["SOURCE_DATE_EPOCH"]))[:6]
    top = f"descent-{optlib.__version__}"
    files = contents(site)
    out.parent.mkdir(parents=True, exist_ok=True)
    part = out.with_name(f"{out.name}.part")
    with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, data in sorted(files.items()):
            about = zipfile.ZipInfo(f"{top}/{name}", when)
            about.external_attr = 0o100644 << 16
            about.compress_type = zipfile.ZIP_DEFLATED
            about.create_system = 3  # as on Unix, wherever it is made
            archive.writestr(about, data)
    part.replace(out)
    return len(files)


def main(arguments=None):
    parser = argparse.ArgumentParser(description="Make one file of the built book.")
    parser.add_argument("--site", type=Path, default=ROOT / "_build/html")
    parser.add_argument("--out", type=Path, default=ROOT / "_build/descent-site.zip")
    options = parser.parse_args(arguments)
    environment.apply()
    site, out = options.site.resolve(), options.out.resolve()
    if not (site / "index.html").is_file():
        sys.exit(f"archive: {site} holds no built book (index.html); run `make book` first")
    count = write(site, out)
    print(f"{out}: {count} files, {out.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
