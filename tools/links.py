"""Do the outside links of the built site still answer?  python tools/links.py [--report FILE]

In the schedule, not in `make test`: other people's servers are no fact about this repository. Links
are read from the built pages, so those in outputs and the bibliography count as well. Sphinx's own
checker asks for them: politely (two at a time, waiting where a server says 429), and again before
it calls one broken. What is never asked for stands in tools/links.toml, with its reason. Exits with
1 if a link is broken; the report lists them by page.
"""

import argparse
import datetime
import json
import re
import subprocess
import sys
import tempfile
import tomllib
from collections import defaultdict
from html.parser import HTMLParser
from pathlib import Path

import weigh
from environment import ROOT

ALLOWED = ROOT / "tools/links.toml"
# How servers refuse programs that they would answer as readers: told, but not called broken.
REFUSES = re.compile(r"(401|403|405|418|429|999) ")


class _Links(HTMLParser):
    """Outside addresses of a page, without the place on the page behind #."""

    def __init__(self):
        super().__init__()
        self.found = set()

    def handle_starttag(self, tag, attributes):
        address = dict(attributes).get("href") or ""
        if tag == "a" and address.startswith(("http://", "https://")):
            self.found.add(address.split("#")[0])


def outside(site):
    """{address: pages that link to it}."""
    links = defaultdict(list)
    for page in weigh.pages(site):
        parser = _Links()
        parser.feed(page.read_text(encoding="utf-8"))
        for address in parser.found:
            links[address].append(str(page.relative_to(site)))
    return dict(sorted(links.items()))


def allowed(path=ALLOWED, today=None):
    """(patterns that are not asked for, sentences on entries older than a year)."""
    today = today or datetime.date.today()
    entries = tomllib.loads(path.read_text(encoding="utf-8")).get("ignore", [])
    for entry in entries:
        if not (entry.get("pattern") and entry.get("reason") and entry.get("since")):
            sys.exit(f"links: {path.name}: pattern, reason and since are needed: {entry}")
    old = [entry for entry in entries if (today - entry["since"]).days > 365]
    told = [f"`{e['pattern']}` ({e['reason']}) was decided on {e['since']}" for e in old]
    return [entry["pattern"] for entry in entries], told


def _plain(address):
    """An address as reStructuredText, with no character of it markup."""
    return re.sub(r"([<>`_\\])", r"\\\1", address)


def check(links, ignore=(), timeout=30, wait=300.0):
    """Two of {address: what is wrong}: links that do not answer, and that refuse programs."""
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        settings = {
            "extensions": [], "root_doc": "index", "linkcheck_ignore": list(ignore),
            "linkcheck_workers": 2, "linkcheck_retries": 3, "linkcheck_timeout": timeout,
            "linkcheck_rate_limit_timeout": wait, "linkcheck_anchors": False,
            "user_agent": "Mozilla/5.0 (X11; Linux x86_64) descent-link-check",
        }  # fmt: skip
        lines = (f"{name} = {value!r}\n" for name, value in settings.items())
        (folder / "conf.py").write_text("".join(lines))
        text = "".join(f"`{number} <{_plain(a)}>`__\n\n" for number, a in enumerate(links))
        (folder / "index.rst").write_text(f"links\n=====\n\n{text}", encoding="utf-8")
        command = [sys.executable, "-m", "sphinx", "-q", "-b", "linkcheck", folder, folder / "out"]
        done = subprocess.run(command, capture_output=True, text=True)
        output = folder / "out/output.json"
        if not output.exists():
            sys.exit(f"links: the checker did not run:\n{done.stderr}")
        rows = [json.loads(line) for line in output.read_text("utf-8").splitlines()]
    asked = {row["uri"] for row in rows}
    if missing := set(links) - asked:
        sys.exit(f"links: these were never asked for: {', '.join(sorted(missing))}")
    bad = {row["uri"]: row["info"] for row in rows if row["status"] in ("broken", "timeout")}
    refusing = {address: said for address, said in bad.items() if REFUSES.match(said)}
    return {address: said for address, said in bad.items() if address not in refusing}, refusing


def report(links, broken, refusing, old):
    """Markdown: the broken links of each page, and entries of the list to look at again."""
    pages = defaultdict(list)
    for address, said in broken.items():
        # A link of the theme, such as the licence in the footer, is told once.
        where = links[address] if len(links[address]) <= 5 else ["Many pages"]
        for page in where:
            pages[page].append(f"- <{address}>: {said[:120]}")
    text = f"{len(broken)} of {len(links)} outside links do not answer.\n"
    for page, lines in sorted(pages.items()):
        text += f"\n### {page}\n\n" + "\n".join(lines) + "\n"
    if refusing:
        text += "\n### Refuse programs, so nobody knows\n\n"
        text += "".join(f"- <{address}>: {said[:80]}\n" for address, said in refusing.items())
    if old:
        text += "\n### To decide again (tools/links.toml)\n\n"
        text += "".join(f"- {line}\n" for line in old)
    return text


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--site", type=Path, default=ROOT / "_build/html")
    parser.add_argument("--report", type=Path, help="file for the report; else it is printed")
    options = parser.parse_args()
    if not (options.site / "index.html").exists():
        sys.exit(f"links: no site in {options.site}: run `make book` first")
    links = outside(options.site)
    ignore, old = allowed()
    broken, refusing = check(links, ignore)
    text = report(links, broken, refusing, old)
    if options.report:
        options.report.write_text(text, encoding="utf-8")
    else:
        print(text)
    sys.exit(1 if broken or old else 0)


if __name__ == "__main__":
    main()
