"""What tests share: the built site, a server of it, a browser, and Node.

site      folder of the built book (built first if it is out of date)
url       its address on this machine, with a final slash
browser   Chromium, one for each process of the test run
open_page open_page("chapters/x.html", width=375, dark=True, scripts=False) -> a Page
node      path of the Node that came with the Python packages
"""

import json
import subprocess
import sys
import threading
from pathlib import Path

import browser as chromium
import pytest
import serve
from filelock import FileLock

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def site(tmp_path_factory, worker_id):
    """The built book. One process of the test run builds it, the others wait."""
    shared = tmp_path_factory.getbasetemp()
    shared = shared if worker_id == "master" else shared.parent
    note = shared / "book.json"
    with FileLock(shared / "book.lock"):
        if not note.exists():
            done = subprocess.run(
                [sys.executable, str(ROOT / "tools/build.py")], capture_output=True, text=True
            )
            note.write_text(json.dumps([done.returncode, done.stdout + done.stderr]))
    code, said = json.loads(note.read_text())
    if code:
        pytest.fail(f"the book does not build:\n{said}", pytrace=False)
    return ROOT / "_build/html"


@pytest.fixture(scope="session")
def serve_folder():
    """serve_folder(path) -> address of that folder on this machine, with a final slash."""
    running = []

    def start(folder):
        book = serve.server(folder)
        threading.Thread(target=book.serve_forever, daemon=True).start()
        running.append(book)
        return f"http://127.0.0.1:{book.server_address[1]}/"

    yield start
    for book in running:
        book.shutdown()
        book.server_close()


@pytest.fixture(scope="session")
def url(site, serve_folder):
    return serve_folder(site)


@pytest.fixture(scope="session")
def browser():
    """Chromium; that none can be had is a failure, not a reason to skip."""
    from playwright.sync_api import sync_playwright

    try:
        path = chromium.get()
    except SystemExit as error:
        pytest.fail(str(error), pytrace=False)
    with sync_playwright() as play:
        running = play.chromium.launch(executable_path=path, args=chromium.flags())
        yield running
        running.close()


@pytest.fixture
def open_page(browser, url):
    """A function that opens a page of the book in a fresh context.

    With scripts, it waits until all widgets have been tried. The page's `troubles` list collects
    what must not happen: requests to another host, failed requests, console errors, exceptions and
    unhandled rejections; `requests` collects addresses.
    """
    contexts = []

    def start(name, width=1280, height=900, dark=False, scripts=True, base=url, **more):
        context = browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme="dark" if dark else "light",
            java_script_enabled=scripts,
            **more,
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(20_000)
        page.troubles, page.requests = [], []
        trouble = page.troubles.append

        def request(sent):
            page.requests.append(sent.url)
            if not sent.url.startswith((base, "data:", "blob:")):
                trouble(f"request to another host: {sent.url}")

        page.on("request", request)
        page.on("requestfailed", lambda sent: trouble(f"failed request: {sent.url}"))
        page.on(
            "response",
            lambda reply: reply.status >= 400 and trouble(f"{reply.status}: {reply.url}"),
        )
        page.on("pageerror", lambda error: trouble(f"exception: {error}"))
        page.on(
            "console",
            lambda said: said.type == "error" and trouble(f"console error: {said.text}"),
        )
        page.goto(base + name, wait_until="load")
        if scripts:
            # (not wait_for_function: it needs eval(), which the page's policy forbids)
            page.wait_for_selector("html[data-widgets=ready]", state="attached")
        return page

    yield start
    for context in contexts:
        context.close()


@pytest.fixture(scope="session")
def node():
    """Path of Node; it is a pinned Python package, so its absence is a failure."""
    path = Path(sys.executable).with_name("node")
    assert path.exists(), "no Node beside this Python: run the tests with `make test`"
    return str(path)
