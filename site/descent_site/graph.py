"""The graph of chapters: who needs whom, drawn while the book is built.

One chapter a line, in the order of the book, so that it can be read on a telephone; an arc on the
left leads from a chapter to one that needs it. A need that another need already brings along is
drawn faintly.
"""

import html
import textwrap

from . import outline

ROW, CAPTION, NODE, WIDTH = 34, 30, 96, 340
LETTERS = 30  # of a title, side by side between the node and the edge of a telephone


def direct(chapters):
    """{(need, chapter): whether no other need of the chapter already brings it along}."""
    all_before = outline.before(chapters)
    return {
        (need, c.name): not any(need in all_before[other] for other in c.needs if other != need)
        for c in chapters for need in c.needs
    }  # fmt: skip


def draw(chapters, address):
    """The SVG as HTML text; `address(chapter)` is the link to its page."""
    at, captions, y, part = {}, [], 6, None
    for chapter in chapters:
        if chapter.part != part:
            part = chapter.part
            y += CAPTION
            captions.append((part, y - 8))
        at[chapter.name] = y + ROW / 2
        y += ROW
    longest = max([at[c] - at[need] for need, c in direct(chapters)], default=1)
    arcs, rules = [], []
    for (need, name), needed in direct(chapters).items():
        top, bottom = at[need], at[name]
        x = NODE - 8 - 118 * ((bottom - top) / longest) ** 0.6
        arcs.append(
            f'<path class="{"arc" if needed else "arc faint"} a-{need} a-{name}" '
            f'd="M{NODE - 6} {top:.0f}C{x:.0f} {top:.0f} {x:.0f} {bottom:.0f} {NODE - 6} '
            f'{bottom:.0f}"/>'
        )
    nodes = []
    for chapter in chapters:
        y0 = at[chapter.name]
        nodes.append(
            f'<a class="n-{chapter.name}" href="{html.escape(address(chapter))}">'
            f'<rect x="{NODE - 10}" y="{y0 - ROW / 2 + 2:.0f}" width="{WIDTH - NODE + 8}" '
            f'height="{ROW - 4}" rx="5"/><circle cx="{NODE}" cy="{y0:.0f}" r="4.5"/>'
            f"{_title(chapter.title, y0)}</a>"
        )
        rules.append(
            f".chapter-graph:has(.n-{chapter.name}:is(:hover,:focus)) .a-{chapter.name}"
        )
    heads = [
        f'<text class="part" x="{NODE - 10}" y="{y0:.0f}">{html.escape(text)}</text>'
        for text, y0 in captions
    ]
    return (
        f'<svg class="chapter-graph" viewBox="0 0 {WIDTH} {y + 6:.0f}" role="group" '
        'aria-label="Graph of the chapters; the same in words follows below">'
        f"<style>{','.join(rules)}{{stroke-width:3.5;opacity:1}}</style>"
        + "".join([*arcs, *heads, *nodes])
        + "</svg>"
    )


def _title(title, y):
    """A title in the middle of its row, on as many lines as it needs."""
    lines = textwrap.wrap(title, LETTERS)
    y += 4.5 - 7.5 * (len(lines) - 1)
    return " ".join(
        f'<text x="{NODE + 13}" y="{y + 15 * i:.1f}">{html.escape(line)}</text>'
        for i, line in enumerate(lines)
    )


def words(chapters, address):
    """The same as a list in HTML."""
    titles = {c.name: c for c in chapters}

    def link(chapter):
        return f'<a href="{html.escape(address(chapter))}">{html.escape(chapter.title)}</a>'

    lines = []
    for chapter in chapters:
        needs = ", ".join(link(titles[name]) for name in chapter.needs)
        lines.append(f"<li>{link(chapter)}: {needs or 'needs no other chapter'}</li>")
    return (
        "<details><summary>The graph in words: each chapter, and what it needs</summary>"
        f"<ul>{''.join(lines)}</ul></details>"
    )
