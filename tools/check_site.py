"""Does the published site work?  python tools/check_site.py [ADDRESS] [--pages N] [--report FILE]

Opens every page of its sitemap in Chromium: it must answer 200, ask no other host, say no error,
and its widgets must be there. Then the doors of one chapter: Binder's and Colab's addresses must
answer, and in JupyterLite one cell with numpy must run. Without an address, it is the one of this
repository's site (DESCENT_REPOSITORY, DESCENT_SITE or _config.yml). Exits with 1 when something is
wrong.
"""

import argparse
import re
import sys
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import urldefrag, urljoin

import browser
from environment import ROOT

sys.path.insert(0, str(ROOT / "site"))

from descent_site import address

DOORS = ("https://mybinder.org/", "https://colab.research.google.com/")
CELL = "import numpy; print('sum', numpy.arange(4).sum())"
PATIENCE = 180_000  # ms that a kernel in the browser may take to start, on a slow line


def get(url):
    """The text at an address, or None."""
    asked = urllib.request.Request(url, headers={"User-Agent": "descent-site-check"})
    try:
        with urllib.request.urlopen(asked, timeout=60) as reply:
            return reply.read().decode("utf-8", "replace")
    except OSError:
        return None


def pages(site):
    """Addresses of all pages: from the sitemap, else from the contents on the front page."""
    listed = get(urljoin(site, "sitemap.xml"))
    if listed:
        found = re.findall(r"<loc>\s*(.*?)\s*</loc>", listed)
        # A copy elsewhere has the same map.
        found = [name.replace(address.site(), site, 1) for name in found]
    else:
        found = re.findall(r'href="([^"]*?\.html)(?:#[^"]*)?"', get(site) or "")
        found = [urljoin(site, name) for name in ["index.html", *found]]
    return list(dict.fromkeys(urldefrag(name).url for name in found if name.startswith(site)))


def look(page, url, site, wait=20_000):
    """What is wrong with one page, and where it links to; its widgets may take `wait` ms."""
    wrong = []

    def trouble(words):
        wrong.append(words)

    def reply(answer):
        if answer.status >= 400:
            trouble(f"{answer.status} for {answer.url}")

    def request(sent):
        if not sent.url.startswith((site, "data:", "blob:")):
            trouble(f"asks another host: {sent.url}")

    heard = {
        "response": reply, "request": request,
        "requestfailed": lambda sent: trouble(f"no answer for {sent.url}"),
        "pageerror": lambda error: trouble(f"exception: {error}"),
        # A widget that does not start says so here, and its picture stays.
        "console": lambda said: said.type == "error" and trouble(f"console error: {said.text}"),
    }  # fmt: skip
    for event, listener in heard.items():
        page.on(event, listener)
    links = []
    try:
        page.goto(url, wait_until="load")
        page.wait_for_selector("html[data-widgets=ready]", state="attached", timeout=wait)
        links = page.eval_on_selector_all("a[href]", "all => all.map((a) => a.href)")
    except Exception as error:  # a page that does not load or whose widgets never come
        trouble(str(error).splitlines()[0])
    for event, listener in heard.items():
        page.remove_listener(event, listener)
    return wrong, links


def answers(url):
    """What is wrong with an outside address, or None."""
    asked = urllib.request.Request(url, headers={"User-Agent": "Mozilla/5.0 descent-site-check"})
    try:
        urllib.request.urlopen(asked, timeout=60).close()
    except urllib.error.HTTPError as error:
        return f"{error.code} for {url}"
    except OSError as error:
        return f"no answer for {url}: {error}"


def run_cell(page, url):
    """Run numpy in the first cell of a notebook in JupyterLite; what is wrong, or None."""
    try:
        page.goto(url, wait_until="load")
        page.wait_for_selector(".jp-Notebook .jp-CodeCell .cm-content", timeout=PATIENCE)
        page.wait_for_selector(
            ".jp-Notebook-ExecutionIndicator[data-status=idle]", timeout=PATIENCE
        )
        page.locator(".jp-Notebook .jp-CodeCell .cm-content").first.click()
        page.keyboard.press("Control+a")
        page.keyboard.insert_text(CELL)
        page.keyboard.press("Shift+Enter")
        page.wait_for_selector(".jp-OutputArea-output:has-text('sum 6')", timeout=PATIENCE)
    except Exception as error:
        return f"JupyterLite does not run a cell at {url}: {str(error).splitlines()[0]}"


def check(site, playing, most=None):
    """(number of pages, {address: what is wrong}); `playing` is a running Chromium."""
    names = pages(site)
    if not names:
        return 0, {site: ["no page found: no sitemap.xml, and no contents on the front page"]}
    wrong, doors = {}, {}
    page = playing.new_page()
    for url in names[:most]:
        said, links = look(page, url, site)
        if said:
            wrong[url] = said
        if "/chapters/" in url and not doors:  # one chapter's doors stand for all
            doors = {link: url for link in links if link.startswith((*DOORS, f"{site}lite/"))}
    for link in doors:
        said = run_cell(page, link) if link.startswith(site) else answers(link)
        if said:
            wrong.setdefault(doors[link], []).append(said)
    page.close()
    return len(names[:most]), wrong


def report(site, count, wrong):
    """Markdown: what is wrong, by page."""
    text = f"{count} pages of <{site}> were opened; {len(wrong)} are not as they should be.\n"
    for url, said in wrong.items():
        text += f"\n### {url}\n\n" + "".join(f"- {line}\n" for line in dict.fromkeys(said))
    return text


def main():
    from playwright.sync_api import sync_playwright

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("address", nargs="?", help="with https://")
    parser.add_argument("--pages", type=int, help="only the first N")
    parser.add_argument("--report", type=Path, help="file for the report; it is printed as well")
    options = parser.parse_args()
    site = (options.address or address.site()).rstrip("/") + "/"
    with sync_playwright() as play:
        running = play.chromium.launch(executable_path=browser.get(), args=browser.flags())
        count, wrong = check(site, running, options.pages)
    text = report(site, count, wrong)
    print(text, end="")
    if options.report:
        options.report.parent.mkdir(parents=True, exist_ok=True)
        options.report.write_text(text, encoding="utf-8")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
