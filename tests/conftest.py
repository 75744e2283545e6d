"""What tests share: the built site, a server of it, a browser, and Node.

site      folder of the built book (built first if it is out of date)
url       its address on this machine, with a final slash
browser   Chromium, one for each process of the test run
open_page open_page("chapters/x.html", width=375, dark=True, scripts=False) -> a Page; it keeps
          nothing of an earlier visit
node      path of the Node that came with the Python packages
tensors   tensors() -> how many of optlib's Tensors are alive; the garbage collector is off
"""

import gc
import json
import subprocess
import sys
import threading
from pathlib import Path

import browser as chromium
import pytest
import serve
from filelock import FileLock

from optlib.autodiff import Tensor

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


def context(width=1280, height=900, dark=False, scripts=True, **more):
    """Options of a browser context."""
    return {
        "viewport": {"width": width, "height": height},
        "color_scheme": "dark" if dark else "light",
        "java_script_enabled": scripts,
        **more,
    }


def new_page(browser, options):
    """A page in a context of its own that writes down its requests and what must not happen."""
    page = browser.new_context(**options).new_page()
    page.set_default_timeout(20_000)
    page.scripts = options["java_script_enabled"]

    def request(sent):
        page.requests.append(sent.url)
        if not sent.url.startswith((page.base, "data:", "blob:")):
            page.troubles.append(f"request to another host: {sent.url}")

    def trouble(words):
        page.troubles.append(words)

    page.on("request", request)
    page.on("requestfailed", lambda sent: trouble(f"failed request: {sent.url}"))
    page.on(
        "response", lambda reply: reply.status >= 400 and trouble(f"{reply.status}: {reply.url}")
    )
    page.on("pageerror", lambda error: trouble(f"exception: {error}"))
    page.on(
        "console", lambda said: said.type == "error" and trouble(f"console error: {said.text}")
    )
    return page


def visit(page, base, name):
    """Go there and, with scripts, wait until all widgets have been tried."""
    page.base, page.troubles, page.requests = base, [], []
    page.goto(base + name, wait_until="load")
    if page.scripts:
        # (not wait_for_function: it needs eval(), which the page's policy forbids)
        page.wait_for_selector("html[data-widgets=ready]", state="attached")
    return page


@pytest.fixture(scope="session")
def idle_pages():
    """{options: pages that no test uses now}: a page opened again costs half of a fresh context."""
    idle = {}
    yield idle
    for page in sum(idle.values(), []):
        page.context.close()


@pytest.fixture
def open_page(browser, url, idle_pages):
    """A function that opens a page of the book as if for the first time.

    With scripts, it waits until all widgets have been tried. The page's `troubles` list collects
    what must not happen: requests to another host, failed requests, console errors, exceptions and
    unhandled rejections; `requests` collects addresses. Nothing is stored from an earlier visit;
    with `fresh`, files that the browser still holds are asked for again, too.
    """
    used = []

    def start(name, base=url, fresh=False, **options):
        options = context(**options)
        key = repr(sorted(options.items()))
        idle = idle_pages.setdefault(key, [])
        page = idle.pop() if idle and not fresh else new_page(browser, options)
        used.append((None if fresh else key, page))
        return visit(page, base, name)

    yield start
    for key, page in used:
        if key is None or not forget(page):
            page.context.close()
        else:
            idle_pages[key].append(page)


def forget(page):
    """Leave the page and all that it has stored; False if that cannot be done."""
    try:
        tools = page.context.new_cdp_session(page)
        origin = "/".join(page.url.split("/")[:3])
        tools.send("Storage.clearDataForOrigin", {"origin": origin, "storageTypes": "all"})
        tools.send("Storage.clearCookies")
        tools.detach()
        page.goto("about:blank")
        return len(page.context.pages) == 1
    except Exception:  # a page that crashed or was closed by its test
        return False


@pytest.fixture(scope="session")
def node():
    """Path of Node; it is a pinned Python package, so its absence is a failure."""
    path = Path(sys.executable).with_name("node")
    assert path.exists(), "no Node beside this Python: run the tests with `make test`"
    return str(path)


@pytest.fixture
def tensors():
    """Without a collector a Tensor in a reference cycle lives on, so the count does not come back.

    What gc.collect() finds would be no measure: in a process that has run other tests it may find
    what their threads and finalizers left.
    """
    gc.collect()
    gc.disable()
    yield lambda: sum(isinstance(thing, Tensor) for thing in gc.get_objects())
    gc.enable()
