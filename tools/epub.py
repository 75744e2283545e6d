"""The whole book for e-readers: `_build/descent.epub`, from the built site, or why not.

    python tools/epub.py [--site SITE] [--out FILE] [PAGE ...]

The document is the one that tools/pdf.py prints, without page numbers; pandoc makes the EPUB, its
formulas as MathML. epubcheck has the last word, if it is there or can be installed.
"""

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import debian
from environment import ROOT
from pdf import OURS, Bad, Book, local, mathematics, piece

CHECKER = Path("/usr/share/java/epubcheck.jar")
HEADING = re.compile(r"^h[1-6]$")


def flatten(soup):
    """Headings without sections around them, as pandoc wants them.

    A heading has one id; returns {other id that stood there: that one}, for the links.
    """
    moved = {}
    for section in soup.find_all("section"):
        heading = section.find(HEADING)
        anchors = section.find_all("span", id=True, recursive=False)
        heading["id"] = heading.get("id") or section["id"]
        moved |= {tag["id"]: heading["id"] for tag in (section, *anchors)}
        for tag in anchors:
            tag.decompose()
        section.unwrap()
    return moved


def picture(image, folder):
    """A copy of a drawing that an EPUB may hold: no document type, no path without points."""
    source = local(image["src"])
    drawn = re.sub(r"<!DOCTYPE.*?>\s*", "", source.read_text("utf-8"), flags=re.S)
    drawn = re.sub(r"<path(?![^>]*\sd=)", '<path d="M0 0"', drawn)
    (folder / source.name).write_text(drawn, "utf-8")
    image["src"] = source.name


def document(book, folder):
    """Write the joined document as pandoc gets it; returns its path."""
    whole, part = piece("<html><body></body></html>"), 0
    for page in book.pages:
        if page.part != part:
            part = page.part
            whole.body.append(piece(f'<h1 id="part-{part}">{book.parts[part - 1]}</h1>'))
        for tag in page.soup.select(".at, svg"):  # (the one drawing in place is told in words, too)
            tag.decompose()
        for image in page.soup.find_all("img"):
            picture(image, folder)
        whole.body.append(page.soup)
    for tag in whole.select("dt[id], p[id]"):  # of these, pandoc keeps no attribute
        tag.insert(0, piece(f'<span id="{tag["id"]}"></span>'))
        del tag["id"]
    moved = flatten(whole)
    for link in whole.select("a[href^='#']"):
        link["href"] = "#" + moved.get(link["href"][1:], link["href"][1:])
    file = folder / "book.html"
    file.write_text(str(whole), "utf-8")
    return file


def pandoc():
    """Path of pandoc, installed now if need be."""
    found = shutil.which("pandoc")
    if not found and debian.install(["pandoc"]):
        found = shutil.which("pandoc")
    return found or sys.exit("epub: no pandoc here and none could be installed: install `pandoc`")


def make(site, out, only=()):
    """Write the EPUB of the book in `site` to `out`. Raises Bad if it is no good."""
    program = pandoc()
    book = Book(site, only)
    about = book.about
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        mathematics(folder)
        facts = {
            "title": f"{about['title']}: {about['subtitle']}", "lang": "en",
            "author": ", ".join(about["authors"]), "date": about["year"],
            "identifier": f"{about['address']}#{about['version']}",
            "rights": "Text and figures: CC BY 4.0. Code: BSD 3-Clause.",
        }  # fmt: skip
        command = [
            program, str(document(book, folder)), "--from=html-auto_identifiers", "--to=epub3",
            "--mathml", "--epub-chapter-level=2", "--toc-depth=3", f"--css={OURS / 'epub.css'}",
            f"--epub-embed-font={folder / 'math.ttf'}", f"--resource-path={folder}",
            *(f"--metadata={name}={value}" for name, value in facts.items()),
            f"--output={folder / 'book.epub'}",
        ]  # fmt: skip
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
        if done.returncode or "WARNING" in done.stderr.replace("Deprecated", ""):
            raise Bad(done.stderr.strip())
        check(folder / "book.epub")
        shutil.move(folder / "book.epub", out)


def check(file):
    """Let epubcheck read the file; raises Bad with what it says of errors."""
    if not (CHECKER.exists() or debian.install(["epubcheck"])):
        print("epub: not checked, there is no epubcheck here", file=sys.stderr)
        return
    done = subprocess.run(["java", "-jar", str(CHECKER), str(file)], capture_output=True, text=True)
    errors = [line for line in (done.stdout + done.stderr).splitlines() if "ERROR" in line]
    if done.returncode or errors:
        raise Bad("\n".join(errors[:40]) or done.stderr.strip())


def main(arguments=None):
    parser = argparse.ArgumentParser(description="Make an EPUB of the built book.")
    parser.add_argument("pages", nargs="*", help="names such as chapters/momentum (all)")
    parser.add_argument("--site", type=Path, default=ROOT / "_build/html")
    parser.add_argument("--out", type=Path, help="_build/descent.epub; of some pages, part.epub")
    options = parser.parse_args(arguments)
    name = "part" if options.pages else "descent"
    start, out = time.monotonic(), (options.out or ROOT / f"_build/{name}.epub").resolve()
    try:
        make(options.site.resolve(), out, options.pages)
    except Bad as error:
        sys.exit(f"epub: not made.\n\n{error}")
    print(f"{out.stat().st_size / 1e6:.1f} MB, in {time.monotonic() - start:.0f} s: {out}")


if __name__ == "__main__":
    main()
