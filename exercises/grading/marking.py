"""What a person marks: the notebooks that nbgrader's formgrader shows, and the server for it.

A marker's browser holds the keys of the gradebook, so nothing that a student wrote may act in it.
The texts of students become HTML here, made of few harmless tags, before formgrader sees them. The
server lets formgrader's pages through and nothing else: no kernel, no terminal, no file, and
none of formgrader's own buttons that would run a student's code without the sandbox.
"""

import base64
import binascii
import contextlib
import functools
import html
import json
import os
import re
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from xml.etree import ElementTree

import latex2mathml.converter
from markdown_it import MarkdownIt
from mdit_py_plugins.dollarmath import dollarmath_plugin

from exercises.assignment import SELF_CHECK, grading
from exercises.release import KERNEL, student_version, to_bytes
from exercises.selfcheck import TEXT_ID

LONGEST = 20_000  # characters of a text that is laid out; a longer one is shown as it was typed
NOT_SHOWN = (TEXT_ID, SELF_CHECK)  # the student's, to look at before handing in
MOST = 100_000  # characters that are shown at all
MOST_ADDED = 50  # cells that a student added
MOST_FORMULAS, LONGEST_FORMULA = 300, 1000
PNG = b"\x89PNG\r\n\x1a\n"


class MarkingError(RuntimeError):
    """The server for marking cannot be started; says why."""


# --- the notebook that is shown ---


def notebook(assignment, record, cells):
    """The bytes of ``autograded/<student>/<assignment>/<assignment>.ipynb``.

    assignment : :class:`exercises.assignment.Assignment`
    record : what the grader found
    cells : the submission's, of :func:`exercises.grading.submission.cells`; none if unreadable

    The sheet's cells in their order: the instructor's with the instructor's text, answers with the
    student's, and cells that the student added after the one that they followed.
    """
    sheet = student_version(assignment)["cells"]
    sheet = [cell for cell in sheet if grading(cell)["grade_id"] not in NOT_SHOWN]
    names = {grading(cell)["grade_id"] for cell in sheet} - {None}
    own, added, last = {}, {}, None
    for cell in cells:
        if cell.name in names and cell.name not in own:
            own[cell.name], last = cell, cell.name
        elif cell.name in NOT_SHOWN:
            continue
        elif cell.source.strip() and sum(map(len, added.values())) < MOST_ADDED:
            added.setdefault(last, []).append(cell)
    shown = [_found(record)] if record["reason"] or record["notes"] else []
    shown += _additions(added, None)
    for cell in sheet:
        name = grading(cell)["grade_id"]
        if grading(cell)["solution"]:
            cell["source"] = _answer(cell, own.get(name), record["manual"].get(name))
        elif cell["cell_type"] == "markdown":
            cell["source"] = layout(cell["source"], trusted=True)
        if cell["cell_type"] == "code":
            cell["outputs"] = _outputs(record, name)
        shown += [cell, *_additions(added, name)]
    return to_bytes({"cells": shown, "metadata": KERNEL, "nbformat": 4, "nbformat_minor": 5})


def _found(record):
    lines = [record["reason"], *record["notes"]]
    text = "\n".join(clean(line) for line in lines if line)
    source = f"<div><b>Noted while grading</b><pre>{html.escape(text)}</pre></div>"
    return {"cell_type": "markdown", "id": "noted", "metadata": {}, "source": _one_block(source)}


def _additions(added, name):
    for cell in added.get(name, ()):
        text, what = cell.source[:MOST], {"metadata": {}, "id": f"added-{cell.number}"}
        if cell.kind == "code":
            what |= {"cell_type": "code", "outputs": [], "execution_count": None, "source": text}
        else:
            what |= {"cell_type": "markdown", "source": layout(text)}
        yield what


def _answer(cell, own, part):
    text = part["source"] if part else own.source if own else ""
    if not own:
        text = "(This cell is not in the submission.)"
        text = f"# {text}" if cell["cell_type"] == "code" else text
    return text[:MOST] if cell["cell_type"] == "code" else layout(text)


def _outputs(record, name):
    """What stands under a code cell: verdicts under a test cell, else what the student's showed."""
    part = record["questions"].get(name)
    if part:
        return [_text(report(part))]
    part, outputs = record["manual"].get(name), []
    for output in part["outputs"] if part else ():
        if isinstance(output.get("text"), str):
            outputs.append(_text(output["text"]))
        elif is_png(output.get("png")):
            data = {"image/png": output["png"]}
            outputs.append({"output_type": "display_data", "metadata": {}, "data": data})
    if part and part["status"] != "to mark":
        outputs.append(_text(f"[{part['status']}] {part['why']}"))
    return outputs


def _text(text):
    return {"output_type": "stream", "name": "stdout", "text": clean(text)[:MOST]}


def report(part):
    """A question of a record in lines of text."""
    head = f"{part['points']:g} of {part['max']:g} points, {part['status']}"
    lines = [f"{head}: {part['why']}" if part["why"] else head]
    for case in part["cases"]:
        lines.append(f"{case['points']:g} / {case['max']:g}  {case['title']}")
        if case["feedback"] is not None:
            lines += [f"       {line}" for line in case["feedback"].split("\n")]
    return "\n".join(lines)


def clean(text):
    """Text without characters that control anything (escape sequences, directions, NUL)."""
    kept = (c if c.isprintable() or c in "\n\t" else "\N{REPLACEMENT CHARACTER}" for c in text)
    return "".join(kept)


def is_png(data):
    try:
        return base64.b64decode(data, validate=True).startswith(PNG)
    except (TypeError, ValueError, binascii.Error):
        return False


# --- Markdown of a stranger ---


@functools.lru_cache(maxsize=256)  # the sheet's own texts come again with each student
def layout(text, trusted=False):
    """Markdown as HTML that does nothing, in one block of a Markdown cell; formulas as MathML.

    Of a stranger's text, HTML is shown as typed, links and images as text with their address. In a
    trusted text HTML, links and images work.
    """
    if not trusted:
        text = clean(text)
    if trusted or len(text) <= LONGEST:
        inside = _renderer(trusted).render(text, {"formulas": 0})
    else:
        cut = "\n[cut here; the rest is in the file that was handed in]" if len(text) > MOST else ""
        inside = f"<pre>{html.escape(text[:MOST] + cut)}</pre>"
    return _one_block(f'<div class="tex2jax_ignore mathjax_ignore">{inside}</div>')


def _one_block(text):
    """Without what ends a block of HTML in Markdown, or would be a formula there."""
    text = re.sub(r"\n(?=[ \t]*\n)", "&#10;", text)
    return text.replace("$", "&#36;").replace("\\", "&#92;")


@functools.cache
def _renderer(trusted):
    md = MarkdownIt("commonmark", {"html": trusted}).enable(["table", "strikethrough"])
    dollarmath_plugin(md, double_inline=True)
    for rule in ("math_inline", "math_inline_double", "math_block"):
        md.add_render_rule(rule, _formula)
    if not trusted:
        md.disable("reference")  # thousands of "[a]: b" in a row would take minutes
        md.add_render_rule("link_open", _link_open)
        md.add_render_rule("link_close", _link_close)
        md.add_render_rule("image", _image)
        md.add_render_rule("fence", _fence)
    return md


def _formula(self, tokens, index, options, env):
    token = tokens[index]
    env["formulas"] += 1
    display = "inline" if token.type == "math_inline" else "block"
    found = None
    if env["formulas"] <= MOST_FORMULAS and len(token.content) <= LONGEST_FORMULA:
        found = mathml(token.content, display)
    found = found or f"<code>{html.escape(token.content)}</code>"
    return f"<p>{found}</p>\n" if token.type == "math_block" else found


def _link_open(self, tokens, index, options, env):
    env.setdefault("links", []).append(tokens[index].attrGet("href"))
    return "<u>"


def _link_close(self, tokens, index, options, env):
    return f"</u> ({html.escape(str(env['links'].pop()))})"


def _image(self, tokens, index, options, env):
    address = html.escape(str(tokens[index].attrGet("src"))[:200])
    return f"[image, not shown: {html.escape(tokens[index].content)} ({address})]"


def _fence(self, tokens, index, options, env):
    return f"<pre><code>{html.escape(tokens[index].content)}</code></pre>\n"


TAGS = set(
    "math mi mn mo ms mtext mspace mrow mfrac msqrt mroot mstyle merror mpadded mphantom menclose "
    "msub msup msubsup munder mover munderover mtable mtr mtd".split()
)
WORDS = set(
    "display mathvariant stretchy fence form separator accent accentunder columnalign "
    "rowlines columnlines movablelimits displaystyle scriptlevel largeop symmetric notation "
    "mathcolor".split()
)
LENGTHS = set("width lspace rspace linethickness columnspacing rowspacing minsize maxsize".split())


@functools.lru_cache(maxsize=1024)
def mathml(tex, display):
    """The formula as MathML of known tags and attributes, or None if it cannot be read."""
    try:
        formula = latex2mathml.converter.convert_to_element(tex.strip(), display=display)
        for node in formula.iter():
            if node.tag not in TAGS:
                return None
            node.text = html.unescape(node.text or "")  # the converter writes references
            node.attrib = {
                key: value for key, value in node.attrib.items()
                if (key in WORDS and re.fullmatch(r"[A-Za-z0-9#. -]{1,40}", value))
                or (key in LENGTHS and re.fullmatch(r"\d{0,2}(\.\d+)?(em|ex|pt|px|%)?", value))
            }  # fmt: skip
        return ElementTree.tostring(formula, encoding="unicode")
    except Exception:  # whatever a stranger's formula makes the converter do
        return None


# --- the server ---

REFUSED = (
    "This is done on the command line: python -m exercises --help. Here submissions are shown and "
    "marked; a student's code runs in the sandbox only."
)
POLICY = (
    "default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; font-src 'self' data:; connect-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
FRONT = "/formgrader/gradebook"
ROOT = Path(__file__).resolve().parents[2]
NO_MATHJAX = """{% macro mathjax() %}<script>
var MathJax = {Hub: {Startup: {signal: {Interest: function (done) { done("End"); }}}}};
</script><style>
.tex2jax_ignore td, .tex2jax_ignore th {
  padding: 2px 10px 2px 0; border-top: 1px solid #ddd; text-align: left; vertical-align: top;
}
.tex2jax_ignore details { margin: 4px 0; }
.tex2jax_ignore summary { display: list-item; cursor: pointer; }
</style>{% endmacro %}"""  # formulas are MathML; formgrader waits for MathJax before it scrolls


def review(course, port=None, results=None):
    """Bring the gradebook up to date and serve formgrader on this machine, until Ctrl-C.

    ``results`` as in :func:`exercises.grading.gradebook.update`.
    """
    from exercises.grading import gradebook

    print("Bringing the gradebook up to date ...", flush=True)
    gradebook.update(course, results)
    print("Starting formgrader ...", flush=True)
    before = signal.signal(signal.SIGTERM, signal.getsignal(signal.SIGINT))  # ends as Ctrl-C does
    try:
        with serving(course, port) as (address, server):
            print(
                f"Mark here: {address}\nThe address holds the key; share it with nobody. Marks are "
                "saved as you type them.\nCtrl-C ends it.",
                flush=True,
            )
            server.wait()
            raise MarkingError("the server for marking ended by itself; start it again")
    except KeyboardInterrupt:
        print("\nEnded. What you saved is in the gradebook.")
    finally:
        signal.signal(signal.SIGTERM, before)


@contextlib.contextmanager
def serving(course, port=None, patience=60):
    """A Jupyter server with formgrader for a course: (its address, token included; its process).

    Whatever it writes besides the gradebook goes to a temporary folder. It ends with the block, and
    with this process, however that ends.
    """
    from exercises.grading import gradebook

    port, token = _port(port), secrets.token_hex(24)
    with tempfile.TemporaryDirectory(prefix="marking-") as scratch:
        scratch = Path(scratch)
        config = scratch / "config.json"
        config.touch(mode=0o600)  # the URL of a database may hold a password
        config.write_text(json.dumps(_config(course, gradebook.url(course), port)))
        environment = os.environ | {
            "JUPYTER_NO_CONFIG": "1",  # neither the user's nor the machine's extensions
            "JUPYTER_DATA_DIR": str(scratch / "data"),
            "JUPYTER_RUNTIME_DIR": str(scratch / "runtime"),
            "JUPYTER_TOKEN": token,
            "IPYTHONDIR": str(scratch / "ipython"),
            "TMPDIR": str(scratch),
            "MARKING_PARENT": str(os.getpid()),
            "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]).strip(":"),
        }
        command = [sys.executable, "-m", "jupyter_server", f"--config={config}"]
        with open(scratch / "log", "wb") as log:
            server = subprocess.Popen(
                command, cwd=scratch, env=environment, stdout=log, stderr=log,
                stdin=subprocess.DEVNULL, start_new_session=True,
            )  # fmt: skip
        try:
            _wait(server, port, scratch / "log", patience)
            yield f"http://127.0.0.1:{port}{FRONT}?token={token}", server
        finally:
            server.terminate()
            try:
                server.wait(10)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


def _port(port):
    with socket.socket() as free:
        free.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            free.bind(("127.0.0.1", port or 0))
        except (OSError, OverflowError) as error:
            raise MarkingError(
                f"port {port} cannot be had ({error}); give another one, or none for any"
            ) from None
        return free.getsockname()[1]


def _wait(server, port, log, patience):
    end = time.monotonic() + patience
    while time.monotonic() < end and server.poll() is None:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/login", timeout=5).close()
            return
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.1)
    said = log.read_text("utf-8", "replace")[-2000:]
    raise MarkingError(f"the server for marking did not start; it said:\n{said}")


def _config(course, url, port):
    """Of the server and of nbgrader, as JSON."""
    return {
        "ServerApp": {
            "ip": "127.0.0.1", "port": port, "port_retries": 0, "open_browser": False,
            "root_dir": str(course.folder), "base_url": "/", "default_url": FRONT,
            "allow_root": True, "terminals_enabled": False, "log_level": "WARN",
            "jpserver_extensions": {"exercises.grading.marking": True},
            "tornado_settings": {"headers": {"Content-Security-Policy": POLICY}},
        },
        "KernelSpecManager": {"ensure_native_kernel": False, "allowed_kernelspecs": ["none"]},
        "CourseDirectory": {
            "root": str(course.folder), "db_url": url,
            # formgrader lists what has a folder here, and what "came in" there
            "source_directory": "release", "submitted_directory": "autograded",
        },
        "FormgradeExtension": {"debug": False},
    }  # fmt: skip


def _load_jupyter_server_extension(app):
    """Called by the Jupyter server: formgrader, behind doors that are closed."""
    import jinja2
    from jupyter_server.base.handlers import JupyterHandler
    from nbconvert.exporters import HTMLExporter
    from nbgrader.server_extensions.formgrader import base, formgrader
    from tornado import ioloop, web

    class Front(JupyterHandler):
        @web.authenticated
        def get(self, *path):
            self.redirect(FRONT)

    class Closed(JupyterHandler):
        def prepare(self):
            self.set_status(403)
            self.finish(REFUSED)

    class Refused(base.BaseApiHandler):
        @web.authenticated
        def post(self, *path):
            self.write(json.dumps({"success": False, "error": REFUSED, "log": REFUSED}))

    verbs = "assign|unrelease|release|collect|autograde|generate_feedback|release_feedback"
    app.web_app.add_handlers(
        ".*$",  # these come before all others
        [
            (r"/(?:formgrader/?)?", Front),
            (rf"/formgrader/api/(?:assignment|submission)/.*/(?:{verbs})", Refused),
            (r"/(?!formgrader/|login|logout|static/|favicon).*", Closed),
        ],
    )
    formgrader.load_jupyter_server_extension(app)
    settings = app.web_app.settings
    settings["nbgrader_exporter"] = HTMLExporter(
        config=settings["nbgrader_formgrader"].config,
        extra_loaders=[jinja2.DictLoader({"mathjax.html.j2": NO_MATHJAX})],
    )

    def on_finish(handler):  # or the next page may show what was read before
        if book := settings.get("nbgrader_gradebook"):
            book.db.remove()

    base.BaseHandler.on_finish = on_finish

    def orphaned():
        if os.environ.get("MARKING_PARENT") != str(os.getppid()):
            os._exit(1)

    ioloop.PeriodicCallback(orphaned, 1000).start()


def _jupyter_server_extension_points():
    return [{"module": "exercises.grading.marking"}]
