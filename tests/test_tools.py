"""The tools behind `make`: normal notebooks, server, browser, packaging, parts of the site."""

import gzip
import json
import re
import subprocess
import sys
import tomllib
import urllib.error
import urllib.request

import browser as chromium
import build
import nbformat
import normalize
import pytest
import yaml
from descent_site import summaries
from descent_site.docstrings import translate
from descent_site.finish import policy
from descent_site.mathml import render
from descent_site.purge import purge
from descent_site.widgets import plain
from environment import ROOT

import optlib

PNG = "iVBORw0KGgo="


def notebook(*cells):
    return json.dumps(nbformat.v4.new_notebook(cells=list(cells)))


def code(source, count=1, outputs=()):
    return nbformat.v4.new_code_cell(source, execution_count=count, outputs=list(outputs))


def shown(data, count=1):
    return nbformat.v4.new_output("execute_result", data, execution_count=count)


# --- normaliser -----------------------------------------------------------------------------------


def test_normal_form():
    text = notebook(
        nbformat.v4.new_markdown_cell("# Title\n"),
        code("a = 1\na", 7, [shown({"text/plain": "1", "image/png": PNG}, 7)]),
        code("", 8),
        code("b", 9, [
            nbformat.v4.new_output("stream", name="stdout", text="x\n"),
            nbformat.v4.new_output("stream", name="stdout", text="y\n"),
            nbformat.v4.new_output("display_data", {
                "application/vnd.jupyter.widget-view+json": {}, "text/html": "<p>w</p>"}),
        ]),
    )  # fmt: skip
    book = json.loads(text)
    book["metadata"] = {"widgets": {"state": 1}, "kernelspec": {"name": "mine"}, "toc": {}}
    book["cells"][1]["metadata"] = {"execution": {"iopub.execute_input": "now"}, "tags": ["b", "a"]}
    result = normalize.normal(json.dumps(book))
    clean = json.loads(result)
    nbformat.validate(nbformat.from_dict(clean))
    assert result.endswith("}\n") and not result.endswith("\n\n")
    assert [cell["cell_type"] for cell in clean["cells"]] == ["markdown", "code", "code"]
    first, second = clean["cells"][1:]
    assert (first["execution_count"], second["execution_count"]) == (1, 2)
    assert first["outputs"][0]["execution_count"] == 1
    assert first["outputs"][0]["data"] == {"text/plain": ["1"]}
    assert first["metadata"] == {"tags": ["a", "b"]}
    assert second["outputs"][0]["text"] == ["x\n", "y\n"]
    assert second["outputs"][1]["data"] == {"text/html": ["<p>w</p>"]}
    assert set(clean["metadata"]) == {"kernelspec", "language_info"}
    assert clean["metadata"]["kernelspec"]["name"] == "python3"
    assert normalize.normal(result) == result, "normal is normal"


def test_ids_are_stable_under_edits_elsewhere():
    def ids(*sources):
        text = notebook(*(code(source) for source in sources))
        return [cell["id"] for cell in json.loads(normalize.normal(text))["cells"]]

    before = ids("a", "b", "b", "c")
    after = ids("new", "a", "b", "b", "changed")
    assert len(set(before)) == 4
    assert before[:3] == after[1:4]
    assert before[3] != after[4]


def test_a_cell_that_was_never_run_is_refused():
    with pytest.raises(normalize.NotNormal, match=r"cell 1 was never run \('b = 2'\).*--execute"):
        normalize.normal(notebook(code("a"), code("b = 2", None)), "x.ipynb")


@pytest.mark.parametrize("text", ["", "[]", '{"no": "cells"}', "not json"])
def test_not_a_notebook(text):
    with pytest.raises(normalize.NotNormal, match="not a notebook"):
        normalize.normal(text)


def normalizer(*arguments):
    return subprocess.run(
        [sys.executable, str(ROOT / "tools/normalize.py"), *map(str, arguments)],
        capture_output=True, text=True,
    )  # fmt: skip


def test_check_changes_nothing_and_fails(tmp_path):
    path = tmp_path / "a.ipynb"
    path.write_text(notebook(code("a")))
    before = path.read_text()
    done = normalizer("--check", path)
    assert done.returncode == 1 and "not normal" in done.stderr and path.read_text() == before
    assert normalizer(path).returncode == 0
    assert normalizer("--check", path).returncode == 0
    assert "no such notebook" in normalizer("--check", tmp_path / "none.ipynb").stderr


def test_execute_stores_outputs(tmp_path):
    path = tmp_path / "a.ipynb"
    path.write_text(notebook(code("print(6 * 7)", None), code("import os; os.getcwd()", None)))
    done = normalizer("--execute", path)
    assert done.returncode == 0, done.stderr
    cells = json.loads(path.read_text())["cells"]
    assert cells[0]["outputs"][0]["text"] == ["42\n"]
    assert str(tmp_path) in cells[1]["outputs"][0]["data"]["text/plain"][0]
    assert normalizer("--check", path).returncode == 0
    path.write_text(notebook(code("1 / 0", None)))
    done = normalizer("--execute", path)
    assert done.returncode == 1 and "ZeroDivisionError" in done.stderr


# --- server ---------------------------------------------------------------------------------------


def test_server(tmp_path, serve_folder):
    (tmp_path / "site").mkdir()
    (tmp_path / "secret.txt").write_text("no")
    for name in ("index.html", "a.js", "a.woff2", "a.svg", "a.ipynb"):
        (tmp_path / "site" / name).write_text(name)
    url = serve_folder(tmp_path / "site")

    def get(path, **headers):
        return urllib.request.urlopen(urllib.request.Request(url + path, headers=headers))

    kinds = {name: get(name).headers["Content-Type"] for name in ("a.js", "a.woff2", "a.svg", "")}
    assert kinds == {
        "a.js": "text/javascript", "a.woff2": "font/woff2", "a.svg": "image/svg+xml",
        "": "text/html; charset=utf-8",
    }  # fmt: skip
    packed = get("a.js", **{"Accept-Encoding": "gzip"})
    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.read()) == b"a.js"
    assert get("a.js").read() == b"a.js"
    for path in ("none.html", "../secret.txt", "%2e%2e/secret.txt"):
        with pytest.raises(urllib.error.HTTPError, match="404"):
            get(path)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--port", "99999"], "PORT=99999 is not a port"),
        (["--port", "http"], "PORT=http is not a port"),
        (["--site", "/nowhere"], "the book is not built yet"),
    ],
)
def test_serve_says_what_is_wrong(arguments, said):
    done = subprocess.run(
        [sys.executable, str(ROOT / "tools/serve.py"), *arguments], capture_output=True, text=True
    )
    assert done.returncode == 1 and said in done.stderr and "Traceback" not in done.stderr


def test_serve_says_when_the_port_is_taken(tmp_path, serve_folder):
    (tmp_path / "index.html").write_text("x")
    port = serve_folder(tmp_path).rsplit(":", 1)[1].strip("/")
    done = subprocess.run(
        [sys.executable, str(ROOT / "tools/serve.py"), "--port", port, "--site", str(tmp_path)],
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 1 and f"port {port} cannot be used" in done.stderr


# --- browser --------------------------------------------------------------------------------------


def test_a_named_browser_that_does_not_start_is_an_error(monkeypatch):
    monkeypatch.setenv("CHROMIUM", "/bin/true")
    with pytest.raises(SystemExit, match="CHROMIUM=/bin/true is not a Chromium"):
        chromium.find()


def test_no_browser_at_all_is_one_clear_line(monkeypatch):
    monkeypatch.delenv("CHROMIUM", raising=False)
    monkeypatch.setattr(chromium, "find", lambda: None)
    monkeypatch.setattr(chromium.debian, "install", lambda packages: False)
    monkeypatch.setattr(chromium.subprocess, "run", lambda *_, **__: None)
    with pytest.raises(SystemExit) as stopped:
        chromium.get()
    assert "\n" not in str(stopped.value) and "install the package" in str(stopped.value)


# --- packaging ------------------------------------------------------------------------------------


def test_packaging():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["name"] == "descent-optlib"
    assert project["dependencies"] == ["numpy>=2.0", "tqdm>=4.60"]
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation["version"] == optlib.__version__
    config = yaml.safe_load((ROOT / "_config.yml").read_text())
    assert citation["repository-code"] == config["repository"]["url"]


def test_lock_is_only_names_and_versions():
    lines = (ROOT / "requirements.lock").read_text().splitlines()
    pins = [line for line in lines if not line.startswith("#")]
    assert len(pins) > 50
    for pin in pins:
        assert re.fullmatch(r"[a-z0-9-]+==[\w.]+( ; .+)?", pin), pin
    names = {pin.split("==")[0] for pin in pins}
    assert "torch" not in names and "optlib" not in names
    for name in ("jupyter-book", "numpy", "matplotlib", "playwright", "nbval"):
        assert name in names
    assert "resolved" not in (ROOT / "package-lock.json").read_text()


def test_the_core_needs_only_numpy():
    program = (
        "import sys, optlib; bad = {'matplotlib', 'anywidget', 'ipywidgets', 'torch', 'IPython'}"
        " & set(sys.modules); sys.exit(str(bad) if bad else 0)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


# --- site -----------------------------------------------------------------------------------------


def test_formulas():
    assert "<mfrac><mn>1</mn><mn>2</mn></mfrac>" in render(r"\frac{1}{2}")
    assert 'display="block"' in render("x", True)
    with pytest.raises(ValueError, match="nosuch"):
        render(r"\nosuch")
    assert "<mi>y</mi>" in render("y"), "an error does not stop the renderer"


def test_docstrings():
    lines = """Text.

Parameters
----------
lr : the rate, default 1
x : array
    Changed in place.

Prose after.

References
----------
Somebody, 1964.""".splitlines()
    assert (
        "\n".join(translate(lines))
        == """Text.

.. rubric:: Parameters

``lr``
    the rate, default 1

``x`` : array
    Changed in place.


Prose after.

.. rubric:: References

Somebody, 1964."""
    )


def test_purge():
    css = (
        "/*! It's licensed */ /* gone */ .a{x:y}.b{x:y}.a .b,.a>p{x:y}@media print{.b{x:y}}"
        '@media (a:b){.a:before{content:"}"}.b{}}.a:not(.b){x:y}@font-face{src:url("b")}p{x:y}'
    )
    assert purge(css, {"a"}).replace(" ", "") == (
        "/*!It'slicensed*/.a{x:y}.a>p{x:y}"
        '@media(a:b){.a:before{content:"}"}}.a:not(.b){x:y}@font-face{src:url("b")}p{x:y}'
    )


MODULE = """const say = (x) => x;
export function parse(text) { return say(Number(text)); }
export default { render: () => parse("7") };
"""


def test_the_module_of_a_widget_becomes_a_plain_script(node):
    said = subprocess.run(
        [node, "--input-type=commonjs", "--eval",
         f"var document = {{ currentScript: {{}} }}; {plain(MODULE)} const say = 1;"
         "console.log(document.currentScript.widget.render() + say, typeof parse)"],
        capture_output=True, text=True,
    )  # fmt: skip
    assert said.stdout == "8 undefined\n", said.stderr


@pytest.mark.parametrize("odd", [
    "export { a };", "import b from 'b';", "import('c').then(go);", "import.meta.url;",
    "export default 1;",
])  # fmt: skip
def test_a_module_that_imports_or_exports_more_is_refused(odd):
    with pytest.raises(ValueError, match=re.escape(odd[:6])):
        plain(f"{odd}\n{MODULE}")
    with pytest.raises(ValueError, match="must end with the line"):
        plain(MODULE + "const more = 1;\n")


def test_what_the_search_reads_of_a_page():
    page = (
        '<section class="a" id="top">\n<h1>A<a class="headerlink" href="#top">#</a></h1>'
        '<p>one\n <em>t</em>wo</p><noscript>no</noscript><script>a>b</script><div id="eq">=</div>'
        '<dl><dt id="b">term</dt><dd><p>means</p></dd></dl></section>'
    )
    assert summaries.text(page) == (
        '<article role="main"><section id="top"> Aone two<p id="eq">='
        '<p id="b">term: means</section></article>'
    )


def test_policy():
    data = '<script type="application/json">{}</script>'
    page = f'<script>go()</script><script src="a.js"></script>{data}'
    said = policy(page)
    assert said.count("sha256-") == 1
    assert "unsafe-eval" not in said and "script-src 'self' 'sha256-" in said
    assert "form-action 'self' file:" in said  # Firefox, from the disk


def test_a_page_that_reads_other_pages_is_run_again_when_they_change(tmp_path):
    def notebook(code):
        return nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])

    def keys():
        return [build.code_key(notebook(code), "library", page) for code in (alone, reads, log)]

    (tmp_path / "chapters").mkdir()
    page, other = tmp_path / "chapters/page.ipynb", tmp_path / "chapters/other.ipynb"
    alone, reads, log = "1 + 1", "Path().glob('*.ipynb')", "Path('../CHANGELOG.md')"
    page.write_text("itself"), other.write_text("before")
    before = keys()
    page.write_text("with outputs")
    assert keys() == before
    other.write_text("after")
    assert [a == b for a, b in zip(before, keys(), strict=True)] == [True, False, True]
    (tmp_path / "CHANGELOG.md").write_text("## 0.2.0")
    assert [a == b for a, b in zip(before, keys(), strict=True)] == [True, False, False]
