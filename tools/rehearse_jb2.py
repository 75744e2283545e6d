"""A rehearsal with Jupyter Book 2: what of these sources would break, as a Markdown report.

    python tools/rehearse_jb2.py [--html] [--report FILE] [--check | --accept]

The book stays on Jupyter Book 1; this tells what a move would cost. In _build/rehearsal, with
Jupyter Book 2 in an environment of its own, a copy of the sources is read as far as that goes.
`--html` lets it also write pages, for which it fetches its theme from the network. What is said is
sorted into kinds: `--check` compares them with tools/jb2_expected.txt and fails when one has come
or gone, `--accept` writes that file. Only kinds are compared, so that another link in a chapter
changes nothing. CONTRIBUTING.md says what follows for the book.
"""

import argparse
import hashlib
import os
import re
import shutil
import subprocess
import sys
import venv
from collections import defaultdict
from pathlib import Path

from build import chapters
from environment import ROOT
from execute import COLOURS

PLACE = ROOT / "_build/rehearsal"
EXPECTED = ROOT / "tools/jb2_expected.txt"
# Written here because the upgrade that Jupyter Book 2 offers asks questions, renames _config.yml
# and changes glossaries in place. _toc.yml it reads as it is.
CONFIG = "version: 1\nproject:\n  bibliography: [references.bib]\nsite:\n  template: book-theme\n"
WIDGET = "application/vnd.jupyter.widget-view+json"
# (pattern in a line of its log, the kind it is counted as); the first that fits.
KINDS = (
    (r"unknown (directive|role): (\S+)", r"unknown \1 \2"),
    (r"Usage of the \{(\w+)\} role is not recommended", r"discouraged role \1"),
    (r"(?:not found: |internal reference \"#)\w+=", "link with settings into a widget: no target"),
    (r"not found: eq-", "equation that only the reference has: no target"),
    (r"not found: term-", "glossary term: no target"),
    (r"not found: ", "other cross reference: no target"),
    (r"Cross reference text is empty", "cross reference without text"),
    (r"Duplicate identifier", "identifier that two pages share"),
    (r"Legacy syntax used for link target", "link target without #"),
    (r"(.*)", r"something else: \1"),
)


def environment(place):
    """Path of Jupyter Book 2, installed into an environment of its own if it is not there."""
    program = place / "bin/jupyter-book"
    if not program.exists():
        venv.create(place, with_pip=True, clear=True)
        subprocess.run(
            [place / "bin/python", "-m", "pip", "install", "--quiet", "jupyter-book>=2,<3"],
            check=True,
        )
    return program


def copy(to):
    """The sources, the chapters as they were executed where `make book` has done so."""
    shutil.rmtree(to, ignore_errors=True)
    for pattern in ("*.md", "about/*.md", "teaching/*.md", "benchmarks/*.md", "references.bib",
                    "_toc.yml", "_config.yml", "chapters/*.ipynb"):  # fmt: skip
        for file in ROOT.glob(pattern):
            target = to / file.relative_to(ROOT)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, target)
    executed = 0
    for file in chapters(ROOT):
        name = hashlib.sha256(file.read_bytes()).hexdigest()
        stored = ROOT / f"_build/executed/{name}.ipynb"
        if stored.exists():
            shutil.copyfile(stored, to / file.relative_to(ROOT))
            executed += 1
    (to / "myst.yml").write_text(CONFIG)
    return executed


def kinds(log):
    """{kind: {page: how often}} of what the log of a build complains of."""
    found = defaultdict(lambda: defaultdict(int))
    for line in COLOURS.sub("", log).splitlines():
        said = re.match(r"(?:⛔️?|⚠️?)️?\s+(?:(\S+\.(?:md|ipynb|bib))\S*\s+)?(.*)", line)
        if not said:
            continue
        page, words = said[1] or "the whole", said[2]
        for pattern, kind in KINDS:
            match = re.search(pattern, words)
            if match:
                found[match.expand(kind)][page] += 1
                break
    return {kind: dict(pages) for kind, pages in sorted(found.items())}


def widgets(content):
    """(outputs that are widgets, pages that have some) in what Jupyter Book 2 has read."""
    pages = (path.read_text(encoding="utf-8") for path in content.glob("*.json"))
    counts = [page.count(f'"{WIDGET}"') for page in pages]
    return sum(counts), sum(bool(count) for count in counts)


def report(found, version, pages, widget, html):
    """The Markdown that the rehearsal says."""
    rows = "\n".join(
        f"| {kind} | {sum(pages.values())} | {len(pages)} |" for kind, pages in found.items()
    )
    return (
        f"# Rehearsal with {version}\n\n"
        f"{pages} pages were read. {widget[0]} outputs on {widget[1]} pages are widgets, which it "
        f"hands to its theme. HTML: {html}\n\n"
        f"| what it says | times | pages |\n|---|---|---|\n{rows}\n"
    )


def compare(found, expected):
    """Lines `+ kind` and `- kind` where what is found is not what is stored."""
    return [f"+ {kind}" for kind in sorted(set(found) - set(expected))] + [
        f"- {kind}" for kind in sorted(set(expected) - set(found))
    ]


def rehearse(html):
    """(what is found, the report)."""
    program, sources = environment(PLACE / "venv"), PLACE / "sources"
    copy(sources)
    # It is a program for Node; the book's own stands beside this Python.
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"

    def run(*arguments):
        done = subprocess.run(
            [program, *arguments], cwd=sources, text=True, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=1800,
            env={**os.environ, "PATH": path},
        )  # fmt: skip
        return done.returncode, COLOURS.sub("", done.stdout)

    version = "Jupyter Book " + run("--version")[1].split()[-1].lstrip("v")
    log = run("build", "--site")[1]  # reads and resolves all pages, then asks for the theme
    built = re.search(r"Built (\d+) pages", log)
    if not built:
        sys.exit(f"rehearse_jb2: it read no pages:\n{log[-3000:]}")
    said = "not tried."
    if html:
        code, told = run("build", "--html")
        last = [line for line in told.splitlines() if "failed" in line or "rror" in line][-1:]
        said = "written." if code == 0 else f"not written: {' '.join(last) or 'no reason given'}"
    # Where the theme cannot be fetched, the last lines tell so; they are about the network.
    log = log.split("Querying template metadata")[0]
    found = kinds(log)
    drawn = widgets(sources / "_build/site/content")
    return found, report(found, version, int(built[1]), drawn, said)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--html", action="store_true", help="write pages (needs the network)")
    parser.add_argument("--report", type=Path, help="file for the report; else it is printed")
    parser.add_argument("--check", action="store_true", help="fail when the kinds have changed")
    parser.add_argument("--accept", action="store_true", help="store the kinds as expected")
    options = parser.parse_args()
    found, text = rehearse(options.html)
    changed = compare(found, EXPECTED.read_text("utf-8").splitlines() if EXPECTED.exists() else [])
    if changed:
        text += "\nChanged since the stored rehearsal (`+` new, `-` gone):\n\n"
        text += "".join(f"- `{line}`\n" for line in changed)
    if options.report:
        options.report.write_text(text, encoding="utf-8")
    else:
        print(text)
    if options.accept:
        EXPECTED.write_text("".join(f"{kind}\n" for kind in found), encoding="utf-8")
    elif options.check and changed:
        sys.exit("rehearse_jb2: not as stored: " + "; ".join(changed))


if __name__ == "__main__":
    main()
