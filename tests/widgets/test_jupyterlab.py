"""The same widget with a kernel: a real JupyterLab, its traits live in both directions."""

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

import nbformat
import pytest
from playwright.sync_api import TimeoutError

from optlib import widgets
from optlib.widgets.base import Widget

CELLS = [
    "from optlib.widgets import EllipseLab\nseen = []\nlab = EllipseLab()\n"
    "lab.observe(lambda change: seen.append(change['new']), 'lr')\nlab",
    "lab.kappa = 100.0\nlab.lr = 0.02\nprint('seen', len(seen), 'lr', lab.lr)",
    "print('now', len(seen), 'lr', lab.lr, 'start', lab.start)",
]
LABS = sorted(
    name for name, value in vars(widgets).items()
    if isinstance(value, type) and issubclass(value, Widget) and value is not Widget
)  # fmt: skip
ALL = [
    f"from optlib import widgets\nmine = [getattr(widgets, name)() for name in {LABS}]",
    *(f"mine[{i}]" for i in range(len(LABS))),
    "before = [repr(lab) for lab in mine]\nprint('all', len(before))",
    "print('moved', [type(lab).__name__ for lab, old in zip(mine, before) if repr(lab) != old])",
]


@pytest.fixture(scope="module")
def lab_server(tmp_path_factory):
    """A JupyterLab on this machine with two notebooks: the address of their folder, its log."""
    folder = tmp_path_factory.mktemp("lab")
    for name, cells in (("lab", CELLS), ("all", ALL)):
        book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(c) for c in cells])
        book.metadata.kernelspec = {"name": "python3", "display_name": "Python 3"}
        nbformat.write(book, folder / f"{name}.ipynb")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    # Kernels listen on sockets in a folder (its path must be short), not on ports: a port that is
    # free when a kernel is given it may be another's when it comes to use it, and then it dies.
    sockets = tempfile.TemporaryDirectory(prefix="lab", dir="/tmp")
    environment = os.environ | {
        "JUPYTER_CONFIG_DIR": str(folder / "config"),
        "JUPYTER_DATA_DIR": str(folder / "data"),
        "JUPYTER_RUNTIME_DIR": sockets.name,
    }
    with open(folder / "log", "wb") as log:
        server = subprocess.Popen(
            [
                *(sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"),
                *(f"--port={port}", "--ip=127.0.0.1", f"--notebook-dir={folder}"),
                *("--IdentityProvider.token=", "--ServerApp.disable_check_xsrf=True"),
                "--KernelManager.transport=ipc",
                "--LabApp.news_url=None",
                "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
            ],
            stdout=log,
            stderr=log,
            env=environment,
            start_new_session=True,
        )
    address = f"http://127.0.0.1:{port}"
    for _ in range(240):
        with contextlib.suppress(OSError):
            urllib.request.urlopen(f"{address}/api/status", timeout=5)
            break
        assert server.poll() is None, (folder / "log").read_text()
        time.sleep(0.5)
    yield f"{address}/lab/tree/", folder / "log"
    os.killpg(server.pid, signal.SIGTERM)
    server.wait(20)
    sockets.cleanup()


@pytest.fixture
def notebook(browser, lab_server):
    """notebook(name): as a context, (page, its cells, execute) of a notebook whose kernel listens.

    Before the kernel is there, the notebook has "No Kernel", and Ctrl+Enter would start one beside
    the one that is just being started: keys are lost, or a dialog opens over all. So nothing is
    pressed until the toolbar names the kernel and calls it idle. A dialog is never pressed away
    here: none is right (a kernel died, or none could be had); the failure tells what it says.
    """
    address, log = lab_server

    @contextlib.contextmanager
    def start(name):
        page = browser.new_page(viewport={"width": 1280, "height": 1400})
        page.set_default_timeout(90_000)
        page.foreign, page.errors = [], []
        own = r"(http|ws)://127\.0\.0\.1|data:|blob:"
        page.on("request", lambda r: re.match(own, r.url) or page.foreign.append(r.url))
        page.on("pageerror", lambda error: page.errors.append(str(error)))
        cell = page.locator(".jp-Notebook .jp-CodeCell")

        def execute(number, until):
            cell.nth(number).locator(".cm-content").click()
            page.keyboard.press("Control+Enter")
            until.first.wait_for()

        try:
            page.goto(f"{address}{name}.ipynb?reset")
            cell.nth(2).wait_for()
            toolbar = page.locator(".jp-NotebookPanel-toolbar")
            toolbar = toolbar.filter(has=page.locator(".jp-Toolbar-kernelName", has_text="Python"))
            idle = page.locator(".jp-Notebook-ExecutionIndicator[data-status=idle]")
            toolbar.filter(has=idle).wait_for()
            yield page, cell, execute
        except (TimeoutError, AssertionError) as error:
            asks = page.locator("dialog.jp-Dialog").all_inner_texts()
            if not asks:
                raise
            said = log.read_text("utf-8", errors="replace")[-2000:]
            raise AssertionError(f"JupyterLab asks: {asks}; its log ends\n{said}") from error
        finally:
            page.close()

    return start


def test_traits_are_live_in_both_directions(notebook):
    with notebook("lab") as (page, _, execute):
        traits_are_live(page, execute)


def traits_are_live(page, execute):
    lab = page.locator(".lab")
    slider = lab.get_by_label("Learning rate η", exact=True)
    execute(0, slider)
    start = lab.get_by_label("Start, coordinate x").input_value()

    execute(1, page.get_by_text("lr 0.02"))  # Python moves the widget
    lab.get_by_label("Condition number κ, typed").wait_for()
    assert lab.get_by_label("Condition number κ, typed").input_value() == "100"
    assert slider.get_attribute("aria-valuetext") == "0.02"

    slider.focus()  # the keyboard moves Python, and the notebook does not take the arrows
    for _ in range(10):
        page.keyboard.press("ArrowRight")
    knob = lab.locator(".lab-knob")
    spot = knob.bounding_box()
    x, y = spot["x"] + spot["width"] / 2, spot["y"] + spot["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x - 60, y + 20, steps=6)
    page.mouse.up()
    assert lab.get_by_label("Start, coordinate x").input_value() != start
    typed = lab.get_by_label("Start, coordinate y")
    typed.fill("3")
    typed.press("Enter")
    page.wait_for_timeout(500)
    now = page.get_by_text(re.compile(r"^now \d+ lr"))
    execute(2, now)
    said = now.inner_text()
    count, lr, sx, sy = re.match(r"now (\d+) lr (\S+) start \[(\S+), (\S+)\]", said).groups()
    # How far each press goes is tested on the page; here a busy kernel may swallow one.
    assert int(count) >= 2 and 0.02 < float(lr) <= 0.02 * 10**0.055
    assert float(lr) == pytest.approx(float(slider.get_attribute("aria-valuetext")), rel=1e-3)
    assert float(sx) < 10 and float(sy) == 3
    assert "#" not in page.url, "with a kernel the address belongs to the notebook"
    assert not page.foreign


def test_every_lab_is_live_with_a_kernel(notebook):
    """Each shows, without an error, and its first slider moves its Python traits by keyboard."""
    with notebook("all") as (page, cell, execute):
        every_lab_is_live(page, cell, execute)


def every_lab_is_live(page, cell, execute):
    execute(0, cell.nth(0).locator(".jp-InputPrompt").filter(has_text="[1]"))
    shown = [cell.nth(i + 1).locator(".lab") for i in range(len(LABS))]
    for i, lab in enumerate(shown):
        execute(i + 1, lab)
    execute(len(LABS) + 1, page.get_by_text(f"all {len(LABS)}"))
    for lab in shown:
        slider = lab.locator("input[type=range]:visible").last
        if not slider.count():  # a lab without sliders has a menu
            slider = lab.locator("select:visible").last
        lab.scroll_into_view_if_needed()
        slider.focus()
        before = slider.input_value()
        for key in ("ArrowLeft", "ArrowRight", "ArrowDown"):  # at one end of its range or the other
            for _ in range(5):
                page.keyboard.press(key)
            if slider.input_value() != before:
                break
        page.wait_for_timeout(300)
    execute(len(LABS) + 2, page.get_by_text("moved ["))
    said = page.get_by_text("moved [").inner_text()
    assert sorted(re.findall(r"'(\w+)'", said)) == LABS
    assert not page.errors
