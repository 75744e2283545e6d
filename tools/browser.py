"""Find a Chromium, or get one; without one the browser tests cannot run, and that is a failure.

The environment variable CHROMIUM names one; else the PATH; else Playwright's own; else Debian's
package where we may install; else Playwright's download.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import debian

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
FLAGS = [
    "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip


def flags():
    """Command-line switches: quiet, and as root without the sandbox, which refuses to be root's."""
    return FLAGS + (["--no-sandbox"] if os.geteuid() == 0 else [])


def works(path):
    """Whether this is a browser that starts (a distribution's stub may only print a hint)."""
    try:
        done = subprocess.run([path, "--version"], capture_output=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0 and b"Chrom" in done.stdout


def find():
    """Path of a Chromium that works, or None."""
    named = os.environ.get("CHROMIUM")
    if named:
        if not works(named):
            sys.exit(f"browser: CHROMIUM={named} is not a Chromium that starts")
        return named
    candidates = [shutil.which(name) for name in NAMES] + [_playwrights()]
    return next((path for path in candidates if path and works(path)), None)


def _playwrights():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        path = play.chromium.executable_path
    return path if Path(path).exists() else None


def get():
    """Path of a Chromium, installed now if need be. Exits with one line if there is no way."""
    path = find()
    if path:
        return path
    print("browser: no Chromium found; installing one", flush=True)
    if debian.install(["chromium", "fonts-dejavu-core"]) and (path := find()):
        return path
    command = [sys.executable, "-m", "playwright", "install", "chromium"]
    subprocess.run(command, capture_output=True)
    if path := find():
        return path
    sys.exit(
        "browser: no Chromium on this machine and none could be installed: "
        "install the package `chromium`, or set CHROMIUM=/path/to/chromium"
    )


if __name__ == "__main__":
    print(f"browser: {get()}")
