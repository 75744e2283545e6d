"""Formulas: TeX to MathML with Temml while the book is built. One Node process serves all pages."""

import atexit
import json
import re
import shutil
import subprocess
import sys
from functools import cache, lru_cache
from pathlib import Path

from docutils import nodes
from sphinx.util import logging
from sphinx.util.math import get_node_equation_number

ROOT = Path(__file__).resolve().parents[2]
SERVER = """
const temml = require(process.argv[1]);
require("readline").createInterface({input: process.stdin}).on("line", (line) => {
  const [tex, displayMode] = JSON.parse(line);
  let reply;
  try { reply = {html: temml.renderToString(tex, {displayMode, throwOnError: true})}; }
  catch (error) { reply = {error: String(error.message ?? error)}; }
  process.stdout.write(JSON.stringify(reply) + "\\n");
});
"""
# These number themselves in TeX; in the book, Sphinx numbers the labelled equations.
NUMBERED = re.compile(r"\\(begin|end)\{(align|alignat|equation|gather)\}")
ENVIRONMENT = re.compile(r"\\begin\{(\w+\*?)\}.*?\\end\{\1\}", re.DOTALL)
log = logging.getLogger(__name__)


def node():
    """The Node that setup has found or installed."""
    own = Path(sys.executable).with_name("node")
    return str(own) if own.exists() else shutil.which("node")


@lru_cache(maxsize=1)
def _server():
    temml = ROOT / "node_modules/temml/dist/temml.cjs"
    if not temml.exists():
        raise FileNotFoundError(f"{temml} is missing: run `make book`, which installs it")
    process = subprocess.Popen(
        [node(), "-e", SERVER, str(temml)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8",
    )  # fmt: skip
    atexit.register(process.kill)
    return process


@cache
def render(tex, display=False):
    """MathML of a TeX formula.

    Raises ValueError, with Temml's message, when the formula is not valid.
    """
    process = _server()
    process.stdin.write(json.dumps([tex, display]) + "\n")
    process.stdin.flush()
    reply = json.loads(process.stdout.readline())
    if "error" in reply:
        raise ValueError(reply["error"])
    return reply["html"].replace("\u203e", "\u00af")  # the bar over a letter that our font has


def _mathml(tex, display, node):
    try:
        return render(tex, display)
    except ValueError as error:
        # A warning, not an exception: -W turns it into an error and all bad formulas are listed.
        log.warning("invalid formula %r: %s", tex, error, location=node, type="mathml")
        return f"<code>{tex}</code>"


def _inline(translator, node):
    tex = node.astext()
    translator.body.append(f'<span class="math">{_mathml(tex, False, node)}</span>')
    raise nodes.SkipNode


def _display(translator, node):
    tex = NUMBERED.sub(r"\\\1{\2*}", node.astext().strip())
    if r"\\" in ENVIRONMENT.sub("", tex):  # several lines, and not those of a matrix or a case
        tex = rf"\begin{{aligned}}{tex}\end{{aligned}}"
    out = translator.body
    out.append(translator.starttag(node, "div", CLASS="math-block"))
    out.append(f'<div class="math">{_mathml(tex, True, node)}</div>')
    if node["number"]:
        number = get_node_equation_number(translator, node)
        out.append(f'<span class="eqno">({number})')
        translator.add_permalink_ref(node, "Link to this equation")
        out.append("</span>")
    out.append("</div>\n")
    raise nodes.SkipNode


def setup(app):
    """Register the renderer; `html_math_renderer: mathml` in _config.yml chooses it."""
    app.add_html_math_renderer("mathml", (_inline, None), (_display, None))
