"""Cards for messengers and search engines: a page's title beside one of its own figures, as PNG.

Readers of the book never load them. They are drawn once and kept beside the executed chapters.
"""

import hashlib
import io
import os
import re
import textwrap
from html import escape
from pathlib import Path

import matplotlib
import resvg_py
from PIL import Image

SIZE = (1200, 630)
PANEL = 400  # width of the dark part on the left, which carries the title
LINE = 46
FONTS = Path(matplotlib.get_data_path(), "fonts", "ttf")  # the same on every machine


def _inner(figure, left, width):
    """A figure's SVG, to be placed inside another, in the middle of its height."""
    root = re.search(r"<svg\b[^>]*>", figure)
    wide, tall = map(float, re.search(r'viewBox="\S+ \S+ (\S+) (\S+)"', root[0]).groups())
    scale = min(width / wide, (SIZE[1] - 100) / tall)
    w, h = wide * scale, tall * scale
    at = f'<svg x="{left + (width - w) / 2:.1f}" y="{(SIZE[1] - h) / 2:.1f}"'
    opened = re.sub(r'\s(?:width|height)="[^"]*"', "", root[0])
    opened = opened.replace("<svg", f'{at} width="{w:.1f}" height="{h:.1f}"', 1)
    return opened + figure[root.end() :]


def compose(title, book, motto, figure):
    """The card as SVG: the book's name, the title, its motto, the figure."""
    lines = textwrap.wrap(title, 14, break_long_words=False)
    size = min(38, int(38 * 14 / max(map(len, lines))))
    top = SIZE[1] / 2 - LINE * (len(lines) - 1) / 2 + 12
    words = "".join(
        f'<text x="44" y="{top + LINE * i:.0f}" font-size="{size}" font-weight="bold">'
        f"{escape(line)}</text>"
        for i, line in enumerate(lines)
    )
    foot = "".join(
        f'<text x="44" y="{SIZE[1] - 74 + 26 * i}" font-size="17" fill="#a3adba">'
        f"{escape(line)}</text>"
        for i, line in enumerate(textwrap.wrap(motto, 34))
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{SIZE[0]}" height="{SIZE[1]}">'
        f'<rect width="100%" height="100%" fill="#ffffff"/>'
        f'<rect width="{PANEL}" height="100%" fill="#14181e"/>'
        f'<g font-family="DejaVu Sans" fill="#e6edf3">'
        f'<text x="44" y="84" font-size="26" fill="#6cb6ff">{escape(book)}</text>{words}{foot}</g>'
        f"{_inner(figure, PANEL + 30, SIZE[0] - PANEL - 60)}</svg>"
    )


def draw(title, book, motto, figure):
    """The card as PNG, in few colours."""
    svg = compose(title, book, motto, figure)
    kept = Path(
        os.environ["DESCENT_EXECUTED"], "cards", f"{hashlib.sha256(svg.encode()).hexdigest()}.png"
    )
    if not kept.exists():
        fonts = [str(FONTS / f"DejaVuSans{kind}.ttf") for kind in ("", "-Bold", "Mono")]
        png = resvg_py.svg_to_bytes(svg_string=svg, font_files=fonts, skip_system_fonts=True)
        few = Image.open(io.BytesIO(bytes(png))).convert("RGB").quantize(64, dither=0)
        kept.parent.mkdir(parents=True, exist_ok=True)
        few.save(kept, optimize=True)
    return kept.read_bytes()
