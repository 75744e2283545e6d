"""What has changed between two locks, as Markdown: `python tools/newer.py OLD NEW`."""

import sys
from pathlib import Path


def versions(path):
    """{package: version} of a lock; what is for some systems or Pythons only says so."""
    pins = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            name, _, condition = line.partition(" ; ")
            package, version = name.split("==")
            pins[f"{package} ({condition})" if condition else package] = version
    return pins


def changes(old, new):
    """A list of the packages with another version, come or gone."""
    rows = []
    for name in sorted({*old, *new}):
        if old.get(name) != new.get(name):
            rows.append(f"- {name}: {old.get(name, 'new')} → {new.get(name, 'gone')}")
    return "\n".join(rows) + "\n" if rows else "No version differs from the lock.\n"


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(f"usage: {sys.argv[0]} OLD NEW")
    print(changes(*(versions(Path(name)) for name in sys.argv[1:])), end="")
