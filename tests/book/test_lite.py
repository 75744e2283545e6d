"""JupyterLite beside the book: what is in it, and a chapter in Chromium, as far as it goes offline.

The compiled packages (numpy, matplotlib) come from the named address, which the tests never ask.
"""

import ast
import hashlib
import http.server
import json
import re
import sys
import threading
from functools import partial

import lite
import pytest
from environment import ROOT
from packaging.specifiers import SpecifierSet

import optlib
from exercises import leaks
from exercises.__main__ import assignments

CHAPTERS = sorted(path.name for path in ROOT.glob("chapters/*.ipynb"))


@pytest.fixture(scope="module")
def lock(site):
    return json.loads((site / "lite/static/pyodide/pyodide-lock.json").read_text("utf-8"))


def modules(notebook):
    """The modules that the code of a notebook imports."""
    for cell in notebook["cells"]:
        if cell["cell_type"] != "code":
            continue
        code = re.sub(r"^(\s*)[%!].*", r"\1pass", "".join(cell["source"]), flags=re.M)
        for node in ast.walk(ast.parse(code)):
            if isinstance(node, ast.Import):
                yield from (name.name.split(".")[0] for name in node.names)
            elif isinstance(node, ast.ImportFrom) and not node.level:
                yield node.module.split(".")[0]


def test_every_chapter_and_every_sheet_is_in_it_and_nothing_of_a_solution(site):
    files = site / "lite/files"
    assert sorted(path.name for path in files.glob("chapters/*.ipynb")) == CHAPTERS
    for path in [*ROOT.glob("chapters/*.ipynb"), *ROOT.glob("chapters/*.toml")]:
        assert (files / "chapters" / path.name).read_bytes() == path.read_bytes()
    assert (files / "CHANGELOG.md").is_file()  # two chapters read it
    sheets = assignments()
    assert {path.stem for path in files.glob("exercises/*")} == {sheet.name for sheet in sheets}
    listed = json.loads((site / "lite/api/contents/chapters/all.json").read_text("utf-8"))
    assert {*CHAPTERS} <= {one["name"] for one in listed["content"]}
    # What test_leaks leaves out is others' programs: nothing of ours has come among them.
    for folder in leaks.INSTALLED:
        assert not [*(site / folder).rglob("*.ipynb"), *(site / folder).rglob("hidden.py")]
    assert not list((site / "lite").rglob("*.map"))


def test_every_import_is_of_python_or_of_a_package_with_a_sum(site, lock):
    packages = lock["packages"]
    owner = {module: name for name, one in packages.items() for module in one["imports"]}
    needed, strange = {*lite.KERNEL}, []
    for path in sorted((site / "lite/files").rglob("*.ipynb")):
        for module in modules(json.loads(path.read_text("utf-8"))):
            if module in owner:
                needed.add(owner[module])
            elif module not in sys.stdlib_module_names:
                strange.append(f"{path.name}: {module}")
    assert strange == []
    assert {"descent-optlib", "numpy"} <= needed
    address = lite.settings()["address"]
    stock = json.loads((lite.NPM / "pyodide-lock.json").read_text("utf-8"))["packages"]
    elsewhere = set()
    for name in lite.closure(needed, lambda name: packages[name]["depends"]):  # KeyError: missing
        one = packages[name]
        if "://" in one["file_name"]:
            elsewhere.add(name)
            assert one["file_name"] == address + stock[name]["file_name"]
            assert one["sha256"] == stock[name]["sha256"]
        else:
            data = (site / "lite/static/pyodide" / one["file_name"]).read_bytes()
            assert hashlib.sha256(data).hexdigest() == one["sha256"], name
            assert one["file_name"].endswith("-none-any.whl"), name
    assert {"numpy", "matplotlib"} <= elsewhere
    started = lite.closure(lite.KERNEL, lambda name: packages[name]["depends"])
    assert not elsewhere & {*started}, "the kernel itself starts from this site"


def test_what_is_compiled_is_within_the_ranges_of_the_package(lock):
    library = lock["packages"]["descent-optlib"]
    assert library["file_name"].endswith("-py3-none-any.whl")
    about = (ROOT / "pyproject.toml").read_text("utf-8")
    python = re.search(r'requires-python = "(.*)"', about)[1]
    assert lock["info"]["python"] in SpecifierSet(python)
    for name in ("numpy", "matplotlib"):
        wanted = re.search(rf'"{name}([<>=].*?)"', about)[1]
        assert lock["packages"][name]["version"] in SpecifierSet(wanted)
        assert name in library["depends"]


def test_a_new_version_has_a_store_of_its_own_and_nothing_is_from_elsewhere(site):
    settings = json.loads((site / "lite/jupyter-lite.json").read_text("utf-8"))
    settings = settings["jupyter-config-data"]
    assert settings["contentsStorageName"] == f"Descent {optlib.__version__}"
    kernel = settings["litePluginSettings"]["@jupyterlite/pyodide-kernel-extension:kernel"]
    assert kernel["pyodideUrl"] == "./static/pyodide/pyodide.mjs"
    names = {one["name"] for one in settings["federated_extensions"]}
    assert names == {*lite.FRONT_ENDS}
    assert "Mozilla Public License" in (site / "lite/PYODIDE-LICENSE.txt").read_text("utf-8")


def test_compiled_packages_can_be_fetched_into_the_site_and_are_checked(tmp_path):
    """DESCENT_PYODIDE=self, with a server on this machine in place of the named one."""
    (tmp_path / "there").mkdir()
    (tmp_path / "there/a-1.whl").write_bytes(b"wheel")
    handler = partial(http.server.SimpleHTTPRequestHandler, directory=tmp_path / "there")
    handler.log_message = None
    there = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=there.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{there.server_port}/"
    package = {"file_name": "a-1.whl", "sha256": hashlib.sha256(b"wheel").hexdigest()}
    try:
        path = lite.fetched(address, package, tmp_path / "here")
        with pytest.raises(SystemExit, match="not the file that Pyodide's lock names"):
            lite.fetched(address, {**package, "sha256": "0"}, tmp_path / "other")
    finally:
        there.shutdown()
        there.server_close()
    assert path.read_bytes() == b"wheel"
    assert lite.fetched("http://127.0.0.1:9/", package, tmp_path / "here") == path  # kept
    assert not [*(tmp_path / "other").iterdir()]


CELL = """
import sys, anywidget, traitlets
class Front(anywidget.AnyWidget):
    _esm = "export default {render({model, el}) { el.textContent = 'front end ' + model.get('x') }}"
    x = traitlets.Int(42).tag(sync=True)
try:
    import optlib
except ModuleNotFoundError as error:
    print("python", *sys.version_info[:2], "lacks", error.name)
Front()
"""


def test_a_chapter_opens_runs_and_keeps_what_was_edited(browser, url):
    """The kernel and the front ends come from this site, the rest is asked of the named address."""
    page = browser.new_context().new_page()
    page.set_default_timeout(120_000)
    asked = []

    def refuse(route):
        asked.append(route.request.url)
        route.abort()

    page.context.route(lambda address: not address.startswith((url, "data:", "blob:")), refuse)
    address = f"{url}lite/notebooks/index.html?path=chapters/momentum.ipynb"
    page.goto(address)
    page.locator(".jp-Notebook h1", has_text="Momentum").wait_for()
    editor = page.locator(".jp-CodeCell .cm-content").first
    editor.click()
    page.keyboard.press("Control+A")
    page.keyboard.insert_text(CELL.strip())
    page.locator(".jp-Notebook-ExecutionIndicator[data-status=idle]").wait_for(state="attached")
    page.keyboard.press("Shift+Enter")
    output = page.locator(".jp-CodeCell .jp-OutputArea").first
    output.get_by_text("python 3 13 lacks numpy").wait_for()
    output.get_by_text("front end 42").wait_for()
    there = lite.settings()["address"]
    assert asked and all(one.startswith(there) for one in asked)
    page.keyboard.press("Control+S")
    page.get_by_text(re.compile(r"Last Checkpoint: .*(second|now)")).wait_for()
    page.goto("about:blank")
    page.goto(address)
    page.locator(".jp-CodeCell .cm-content", has_text="class Front").first.wait_for()
    page.context.close()
