"""Where the book lives: its repository and the address of its published site.

`repository` in _config.yml names both: the pages of github.com/OWNER/NAME are published at
https://OWNER.github.io/NAME/. Whoever publishes elsewhere sets DESCENT_SITE (an address), whoever
builds a copy DESCENT_REPOSITORY (OWNER/NAME); a workflow on GitHub knows both.
"""

import os
import re
from functools import cache
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]


@cache
def _config():
    return yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))["repository"]


def written():
    """OWNER/NAME as _config.yml has it."""
    return "/".join(_config()["url"].rstrip("/").removesuffix(".git").split("/")[-2:])


def repository():
    """OWNER/NAME of the repository on GitHub from which this site is built."""
    named = os.environ.get("DESCENT_REPOSITORY")
    if named:
        if not re.fullmatch(r"[\w.-]+/[\w.-]+", named):
            raise ValueError(f"DESCENT_REPOSITORY={named!r} is not of the form owner/name")
        return named
    return written()


def branch():
    """The branch from which the site is built."""
    return _config()["branch"]


def site():
    """The address of the published site, with a final slash."""
    named = os.environ.get("DESCENT_SITE")
    if named:
        if not re.fullmatch(r"https?://[^/\s?#]+(/[^\s?#]*)?", named):
            raise ValueError(f"DESCENT_SITE={named!r} is not an address like https://a.org/book/")
        return named.rstrip("/") + "/"
    owner, name = repository().split("/")
    host = f"{owner.lower()}.github.io"
    return f"https://{host}/" if name.lower() == host else f"https://{host}/{name}/"
