"""What a release is made of, and whether its version is the same everywhere.

    python tools/make_release.py check [TAG]   library, CITATION.cff, CHANGELOG.md and tag agree
    python tools/make_release.py notes         the section of CHANGELOG.md for this version
    python tools/make_release.py build         all files with SHA256SUMS, into _build/release, and
                                               the notes, _build/release.md

To release 1.2.3: set `__version__` in optlib/__init__.py, `version` and `date-released` in
CITATION.cff, turn "## Unreleased" of CHANGELOG.md into "## 1.2.3 (YYYY-MM-DD)", commit, push the
tag v1.2.3. The workflow does the rest. It uploads nothing to the package index: the name `optlib`
there is somebody else's, and a `descent-optlib` beside it would invite people to install the wrong
one.
"""

import argparse
import datetime
import hashlib
import re
import shutil
import sys

import package
import yaml
from environment import ROOT

PLACE = ROOT / "_build/release"
MADE = {"descent-site.zip": "zip", "descent.pdf": "pdf"}  # file in _build, and who makes it


def version():
    """The library's version, read without importing it."""
    text = (ROOT / "optlib/__init__.py").read_text(encoding="utf-8")
    return re.search(r'^__version__ = "(.+?)"', text, re.M)[1]


def section(changelog, number):
    """(date, text) of a version's section, or None."""
    found = re.search(
        rf"^## {re.escape(number)} \((\d{{4}}-\d\d-\d\d)\)\n(.*?)(?=^## |\Z)",
        changelog,
        re.M | re.S,
    )
    return (datetime.date.fromisoformat(found[1]), found[2].strip()) if found else None


def problems(number, citation, changelog, tag=None):
    """Sentences on what does not agree."""
    wrong = []
    if tag is not None and tag != f"v{number}":
        wrong.append(f"the tag is {tag}, optlib.__version__ asks for v{number}")
    if citation["version"] != number:
        wrong.append(f"CITATION.cff says {citation['version']}, optlib.__version__ {number}")
    found = section(changelog, number)
    if not found:
        wrong.append(f"CHANGELOG.md has no heading “## {number} (YYYY-MM-DD)”")
    else:
        if found[0] != citation["date-released"]:
            wrong.append(
                f"CHANGELOG.md dates it {found[0]}, CITATION.cff {citation['date-released']}"
            )
        if not found[1]:
            wrong.append(f"the section {number} of CHANGELOG.md is empty")
    return wrong


def notes():
    """What the release says of itself: its section of the changelog, and how to check the files."""
    found = section((ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), version())
    if not found:
        sys.exit(f"release: CHANGELOG.md has no section for {version()}")
    return (
        f"{found[1]}\n\n---\n`sha256sum --check SHA256SUMS` checks the files, `gh attestation "
        "verify FILE --repo OWNER/NAME` where they were built. Install the library from its file: "
        "`pip install ./descent_optlib-*.whl`. The `optlib` of the package index is another.\n"
    )


def build(place=PLACE):
    """Put every file of the release and the list of their checksums into `place`."""
    missing = [f"{name} (`make {target}`)" for name, target in MADE.items()
               if not (ROOT / "_build" / name).exists()]  # fmt: skip
    if missing:
        sys.exit(f"release: not made yet: {', '.join(missing)}")
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    for name in MADE:
        shutil.copyfile(ROOT / "_build" / name, place / name)
    package.build(place), package.archive(place)
    sums(place)
    place.with_name("release.md").write_text(notes(), encoding="utf-8")


def sums(place):
    """Write SHA256SUMS, for `sha256sum --check`."""
    files = [path for path in sorted(place.iterdir()) if path.name != "SHA256SUMS"]
    lines = (f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in files)
    (place / "SHA256SUMS").write_text("".join(lines))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("check", "notes", "build"))
    parser.add_argument("tag", nargs="?", help="for check: the tag, such as v1.2.3")
    options = parser.parse_args()
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    if options.what == "build":
        return build()
    if options.what == "notes":
        return print(notes(), end="")
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    wrong = problems(version(), citation, changelog, options.tag)
    if wrong:
        sys.exit("release: " + "\nrelease: ".join(wrong))
    print(f"release: {version()} is the same everywhere")


if __name__ == "__main__":
    main()
