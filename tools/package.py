"""The wheel and the source archive of the library: `python tools/package.py [FOLDER]`.

The same sources give the same bytes on any machine with the pinned setuptools: they are built from
a copy whose permissions are plain, and the time inside is SOURCE_DATE_EPOCH. Nothing is fetched.
"""

import gzip
import io
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

import environment
from environment import ROOT

SOURCES = ("pyproject.toml", "README.md", "LICENSE", "optlib")


def _copy(to):
    """What the package is made of, without what Python or an editor left there."""
    for name in SOURCES:
        if (ROOT / name).is_dir():
            shutil.copytree(
                ROOT / name, to / name, ignore=shutil.ignore_patterns("__pycache__", ".*")
            )
        else:
            shutil.copyfile(ROOT / name, to / name)
    for path in to.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)


def _make(kind, folder):
    """Let setuptools build a `wheel` or an `sdist` into `folder`; returns its path."""
    environment.apply()
    folder = Path(folder).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as work:
        _copy(Path(work))
        program = (
            f"from setuptools.build_meta import build_{kind}; print(build_{kind}({str(folder)!r}))"
        )
        done = subprocess.run(
            [sys.executable, "-c", f"import os; os.umask(0o022); {program}"], cwd=work,
            capture_output=True, text=True,
        )  # fmt: skip
    if done.returncode:
        sys.exit(f"wheel: setuptools cannot build the {kind}:\n{done.stderr[-2000:]}")
    return folder / done.stdout.strip().splitlines()[-1]


def build(folder):
    """Build the wheel into `folder`; returns its path."""
    return _make("wheel", folder)


def archive(folder):
    """Build the source archive into `folder`, its times and owners made plain; returns its path."""
    path = _make("sdist", folder)
    epoch = int(os.environ["SOURCE_DATE_EPOCH"])
    packed = io.BytesIO()
    with tarfile.open(path) as old, tarfile.open(fileobj=packed, mode="w") as new:
        for member in sorted(old.getmembers(), key=lambda member: member.name):
            member.mtime, member.pax_headers = epoch, {}
            member.uid = member.gid = 0
            member.uname = member.gname = ""
            new.addfile(member, old.extractfile(member) if member.isfile() else None)
    path.write_bytes(gzip.compress(packed.getvalue(), mtime=epoch))
    return path


if __name__ == "__main__":
    place = sys.argv[1] if len(sys.argv) > 1 else ROOT / "_build/dist"
    print(build(place), archive(place), sep="\n")
