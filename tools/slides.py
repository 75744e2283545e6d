"""Slides from the built book: `_build/slides`, one reveal.js deck for each chapter.

    python tools/slides.py [--site SITE] [--out FOLDER] [CHAPTER ...]

A deck is made from the chapter's built page, so that formulas, numbers of equations, pictures and
experiments are those of the book. On the slides stand headings, objectives, bets, pictures,
equations, code that the page shows, tables, questions and the summary, each with the sentence that
leads to it. The whole prose is in the speaker's notes (key S). Everything opens from the disk.
"""

import argparse
import html
import json
import math
import re
import shutil
import sys
from pathlib import Path

from bs4 import BeautifulSoup
from environment import ROOT
from pygments.formatters import HtmlFormatter

sys.path.insert(0, str(ROOT / "site"))
from descent_site import outline

REVEAL = ROOT / "node_modules/reveal.js/dist"
OURS = ROOT / "site/slides"
STYLES = {"light": "a11y-high-contrast-light", "dark": "a11y-high-contrast-dark"}
ROOM = 15.5  # lines of text that a slide holds below its heading
LONGEST = 12.5  # the rows of a table on one slide, in such lines
COLUMNS = 88  # characters of a line of output
CELLS = 90  # characters of a row of a table
SENTENCE = re.compile(r"[.?!:][”\"')]*(?:</\w+>)*\s+(?=[A-Z“\"<(])")
VOID = {"br", "img", "hr", "wbr"}
HEAD = """<!doctype html>
<html lang="en" data-theme="light">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="icon" href="assets/favicon.svg">
{styles}
</head>
"""


def balanced(text):
    """Whether every tag that a piece of HTML opens is closed in it."""
    open_tags = []
    for close, name in re.findall(r"<(/?)([a-zA-Z]\w*)[^>]*>", text):
        if name in VOID:
            continue
        if not close:
            open_tags.append(name)
        elif not open_tags or open_tags.pop() != name:
            return False
    return not open_tags


def first_sentence(text):
    """The first sentence of a paragraph's HTML; what a cut would tear apart stays whole."""
    for end in SENTENCE.finditer(text):
        piece = text[: end.end()].strip()
        words = re.sub(r"<[^>]*>", "", piece)
        if balanced(piece) and len(words.split()) > 3 and not piece.endswith(":"):
            return piece
    return text.strip()


def words(node):
    """Number of words that a reader sees."""
    return len(node.get_text(" ").split())


def shared(items, height, most):
    """The items in as few groups as need be, none much higher than `most`, evenly filled."""
    total = sum(map(height, items))
    each = total / max(1, math.ceil(total / most))
    groups, above = {}, 0.0
    for item in items:
        groups.setdefault((above + height(item) / 2) // each, []).append(item)
        above += height(item)
    return list(groups.values())


class Slide:
    """A heading, blocks of HTML with their heights in lines of text, and notes."""

    def __init__(self, heading):
        self.heading, self.blocks, self.notes, self.lines = heading, [], [], 0.0
        self.kind = ""

    def add(self, text, lines):
        self.blocks.append(text)
        self.lines += lines

    def html(self):
        notes = f'<aside class="notes">{"".join(self.notes)}</aside>' if self.notes else ""
        head = f"<h2>{self.heading}</h2>" if self.heading else ""
        return f'<section class="{self.kind}">{head}{"".join(self.blocks)}{notes}</section>'


class Deck:
    """The slides of one built page."""

    def __init__(self, page, site):
        self.site = site
        self.soup = BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser")
        self.page, self.pictures, self.widgets = page, [], []
        self.slides = []
        state = self.soup.find("script", id="widget-models")
        self.models = json.loads(state.string) if state else {}
        article = self.soup.find("article")
        self.title = article.h1.get_text().rstrip("#")
        self.clean(article)
        top = article.section
        self.opening(top)
        for part in top.find_all("section", recursive=False):
            self.section(part)

    def clean(self, article):
        """Only what a slide can use: no links, no ids, pictures from the deck's own folder."""
        for node in article.select(".headerlink, script, .input_hidden"):
            node.decompose()
        for node in article.find_all("a"):
            node.unwrap()
        for image in article.find_all("img"):
            source = image["src"].split("/")[-1]
            self.pictures.append(source)
            image["src"] = f"assets/pictures/{source}"
            del image["loading"]
        for node in article.find_all(True):
            del node["id"]

    # -- what a block becomes ----------------------------------------------------------------------

    def start(self, heading):
        self.slides.append(Slide(heading))
        return self.slides[-1]

    def opening(self, top):
        slide = self.start("")
        slide.kind = "title"
        prose = top.find_all("p", recursive=False)
        lead = ""
        if prose:
            text = prose[0].decode_contents()
            lead = f"<p>{text if words(prose[0]) <= 50 else first_sentence(text)}</p>"
        slide.add(f"<h1>{html.escape(self.title)}</h1>{lead}", 4)
        slide.add(
            '<p class="faint">Descent: an executable textbook on optimizers. Notes: S, all slides: '
            f'Esc. <a href="../html/chapters/{self.page.name}">The chapter</a></p>', 2
        )  # fmt: skip
        box = top.find("div", class_="admonition", recursive=False)
        slide.notes += [str(p) for p in prose]
        if box and box.ol:
            slide = self.start(box.find(class_="admonition-title").get_text())
            slide.add(str(box.ol), 2 + words(box.ol) / 11)
            slide.notes += [str(p) for p in box.find_all("p", recursive=False)[1:]]
        for cell in top.find_all("div", class_="cell", recursive=False):
            if picture := cell.find(class_="picture"):
                slide = self.start(html.escape(self.title))
                before = cell.find_previous_sibling()
                if before is not None and before.name == "p":
                    slide.add(self.lead(before), 2)
                self.picture(slide, picture)

    def section(self, part):
        heading = part.find(["h2", "h3"]).decode_contents().strip()
        blocks = list(self.flat(part))
        if heading == "What people get wrong" or not any(map(self.shown, blocks)):
            self.points(heading, blocks)
            return
        slide, prose, full = None, [], False
        for place, node in enumerate(blocks):
            kind = self.shown(node)
            text, lines, alone = getattr(self, f"make_{kind}")(node) if kind else ("", 0, False)
            text, *more = text if isinstance(text, list) else [text]
            if not text:
                prose += [node] if node.name == "p" else []
                continue
            lead = prose[-1] if prose else None
            if lead is None and kind == "figure":  # nothing leads to it: what follows speaks of it
                after = blocks[place + 1] if place + 1 < len(blocks) else None
                lead = after if after is not None and after.name == "p" else None
            led = lead is not None and kind not in ("question", "experiment")
            before = self.lead(lead) if led else ""
            height = lines
            if before:
                height += 0.5 + len(re.sub("<[^>]*>", "", before).split()) / 13.5
            if slide is None or alone or full or slide.lines + height > ROOM:
                slide = self.start(heading)
            slide.notes += map(str, prose)
            slide.add(before + text, height)
            for text in more:
                self.start(heading).add(text, lines)
            prose, full = [], alone
        slide.notes += map(str, prose)
        if heading == "In short" and prose:
            slide.add(f'<p class="faint">{prose[-1].decode_contents()}</p>', 2)

    def lead(self, paragraph):
        """A paragraph that leads to a formula or a picture, cut to what a slide can hold."""
        text = paragraph.decode_contents().strip()
        if words(paragraph) > 45:
            strong = paragraph.find("strong")
            bold = str(strong) if strong and text.startswith(str(strong)) else ""
            rest = text[len(bold) :].strip()
            ends = [m.end() for m in SENTENCE.finditer(rest) if balanced(rest[: m.end()])]
            if rest.endswith(":") and ends and balanced(rest[ends[-1] :]):
                text = f"{bold} {rest[ends[-1] :]}"
            else:
                text = f"{bold} {first_sentence(rest)}"
        return f"<p>{text.strip()}</p>"

    def flat(self, part):
        """The blocks of a section, those of its subsections in place."""
        for node in part.find_all(True, recursive=False):
            if node.name == "section":
                yield from self.flat(node)
            elif node.name not in ("h2", "h3", "h4", "span"):
                yield node

    def points(self, heading, blocks):
        """A section of prose alone: the first sentence of each paragraph, four to a slide."""
        prose = [p for p in blocks if p.name == "p"]
        for i in range(0, len(prose), 4):
            slide = self.start(heading)
            lines = []
            for p in prose[i : i + 4]:
                text = p.decode_contents().strip()
                strong = p.find("strong")
                if strong and text.startswith(str(strong)):
                    rest = text[len(str(strong)) :].strip()
                    text = f'{strong}<br><span class="faint">{first_sentence(rest)}</span>'
                else:
                    text = first_sentence(text)
                lines.append(f"<li>{text}</li>")
            slide.add(f"<ul>{''.join(lines)}</ul>", 10)
            slide.notes += [str(p) for p in prose[i : i + 4]]

    def shown(self, node):
        """What a block is on a slide, None for prose."""
        classes = node.get("class") or []
        if "math-block" in classes:
            return "equation"
        if node.name in ("ul", "ol", "dl"):
            return "list"
        if node.name == "table" or "pst-scrollable-table-container" in classes:
            return "table"
        if "cell" in classes:
            if node.find(class_="optlib-quiz"):
                return "question"
            if node.find(class_="optlib-widget"):
                return "experiment"
            if node.find(class_="picture"):
                return "figure"
            if node.find("table", class_="dataframe"):
                return "table"
            if "tag_hide-input" not in classes and node.find(class_="highlight"):
                return "code"
        return None

    def make_equation(self, node):
        rows = len(node.find_all("mtr")) or 1
        return str(node), 0.9 + 1.4 * rows, False

    def make_list(self, node):
        def height(item):
            return 0.5 + words(item) / 13.5

        items = node.find_all("li", recursive=False)
        parts = shared(items, height, ROOM)
        if len(parts) < 2:
            return str(node), 0.6 + sum(map(height, node.find_all("li"))), False
        texts, first = [], 1
        for part in parts:
            start = f' start="{first}"' if node.name == "ol" else ""
            texts.append(f"<{node.name}{start}>{''.join(map(str, part))}</{node.name}>")
            first += len(part)
        return texts, ROOM, True

    def make_table(self, node):
        table = node if node.name == "table" else node.find("table")
        rows = table.find("tbody").find_all("tr")
        parts = shared(rows, self.row, LONGEST)
        if len(parts) == 1:
            return str(table), sum(map(self.row, rows)) + 2, len(rows) > 6
        head = table.find("thead") or ""
        return [
            f"<table>{head}<tbody>{''.join(map(str, part))}</tbody></table>" for part in parts
        ], ROOM, True  # fmt: skip

    @staticmethod
    def row(node):
        """Height of a row of a table: its cells have several lines or share the width."""
        cells = node.find_all(["th", "td"])
        broken = max(1 + len(cell.find_all("br")) for cell in cells)
        held = math.ceil(len(node.get_text()) / CELLS) if broken == 1 else broken
        return 0.3 + 0.82 * held

    def make_code(self, node):
        given = node.find(class_="cell_input").find(class_="highlight")
        output = node.find(class_="cell_output")
        said = output.find("pre") if output else None
        code = given.pre if given else None
        text, lines = "", 0.0
        short = code.get_text().strip().count("\n") + 1 if code else 0
        # A listing: the page shows the source as output, and the call above it says nothing.
        listing = bool(said and "Listing(" in (code.get_text() if code else ""))
        if code and short <= 18 and not listing:
            text += f'<div class="highlight">{code}</div>'
            lines += 0.9 + 0.84 * short
        if said:
            printed = said.get_text().strip().split("\n")
            length = sum(1 + len(line) // (1.3 * COLUMNS) for line in printed)
            if length <= 20 - lines:
                kind = "highlight" if listing else "output"
                if max(map(len, printed)) > 1.3 * COLUMNS:  # what is a little longer shrinks
                    kind += " wrapped"
                text += f'<div class="{kind}">{said}</div>'
                lines += 0.9 + 0.84 * length
        return text, lines, False

    def picture(self, slide, node):
        images = node.find_all("img")
        ratio = float(images[0].get("width") or 2) / float(images[0].get("height") or 1)
        node["class"] = ["picture", "wide"] if ratio > 2.3 else ["picture"]
        slide.add(str(node), 12)

    def make_figure(self, node):
        held = Slide("")
        self.picture(held, node.find(class_="picture"))
        return held.blocks[0], held.lines, True

    def make_experiment(self, node):
        widget = node.find(class_="optlib-widget")
        name = widget["data-model-id"]
        hidden = widget.find("noscript")
        image = hidden.find("img") if hidden else None
        if image is None:
            return "", 0, False
        self.widgets.append(name)
        text = f'<div class="live" data-model="{name}"><div class="picture">{image}</div></div>'
        return text, 12, True

    def make_question(self, node):
        form = node.find(class_="optlib-quiz")
        asked = form.find(class_="optlib-quiz-question").decode_contents()
        answers = form.details.find_all("li") if form.details else []
        options = [li for li in form.find_all("li") if li not in answers]
        rows, height = [], 2 + words(form.find(class_="optlib-quiz-question")) / 12
        for option in options:
            rows.append(f"<li>{option.decode_contents()}</li>")
            height += 1.3 + words(option) / 14
        right = next((a for a in answers if "✓" in a.get_text()), None)
        reason = ""
        if right is not None:
            for mark in right.find_all("span", attrs={"aria-hidden": True}):
                mark.decompose()
            reason = f'<p class="fragment reason">{right.decode_contents().strip()}</p>'
        elif form.details:
            form.details.summary.decompose()
            reason = f'<div class="fragment reason">{form.details.decode_contents()}</div>'
        listed = f'<ul class="options">{"".join(rows)}</ul>' if rows else ""
        return f'<div class="question">{asked}</div>{listed}{reason}', height + 3, True

    # -- the file ----------------------------------------------------------------------------------

    def write(self, out):
        models = {name: self.models[name] for name in self.widgets if name in self.models}
        static = self.site / "_static"
        for model in models.values():
            shutil.copyfile(static / model["script"], out / "assets" / model["script"])
        sheets = ["assets/reset.css", "assets/reveal.css", "assets/style.css", "assets/code.css"]
        for link in self.soup.find_all("link", rel="stylesheet"):
            if "/widgets/" in link["href"]:
                name = link["href"].split("?")[0].split("/")[-1]
                shutil.copyfile(static / "widgets" / name, out / "assets/widgets" / name)
                sheets.append(f"assets/widgets/{name}")
        sheets.append("assets/slides.css")
        for name in set(self.pictures):
            shutil.copyfile(self.site / "_images" / name, out / "assets/pictures" / name)
        styles = "\n".join(f'<link rel="stylesheet" href="{sheet}">' for sheet in sheets)
        data = json.dumps(models, separators=(",", ":"), ensure_ascii=False)
        data = data.replace("</", "<\\/").replace("<!--", "<\\!--")
        names = sorted({model["script"] for model in models.values()})
        names += ["host.js", "reveal.js", "notes.js", "slides.js"]
        scripts = "\n".join(f'<script src="assets/{name}"></script>' for name in names)
        body = "\n".join(slide.html() for slide in self.slides if slide.blocks)
        (out / self.page.name).write_text(
            HEAD.format(title=f"{html.escape(self.title)}: slides", styles=styles)
            + f'<body>\n<div class="reveal"><div class="slides">\n{body}\n</div></div>\n'
            f'<script type="application/json" id="widget-models">{data}</script>\n'
            f"{scripts}\n</body>\n</html>\n",
            encoding="utf-8",
        )


def assets(out):
    """What all decks share."""
    folder = out / "assets"
    for name in ("pictures", "widgets"):
        (folder / name).mkdir(parents=True)
    for name in ("reveal.js", "reveal.css", "reset.css", "plugin/notes.js"):
        shutil.copyfile(REVEAL / name, folder / Path(name).name)
    shutil.copyfile(REVEAL.parent / "LICENSE", folder / "reveal-LICENSE.txt")
    static = ROOT / "site/static"
    shutil.copytree(static / "fonts", folder / "fonts", ignore=shutil.ignore_patterns("*.sh"))
    for name in ("style.css", "favicon.svg", "host.js"):  # host.js loads the experiments
        shutil.copyfile(static / name, folder / name)
    for name in ("slides.css", "slides.js"):
        shutil.copyfile(OURS / name, folder / name)
    code = "\n".join(
        HtmlFormatter(style=style).get_style_defs(f'html[data-theme="{theme}"] .highlight')
        for theme, style in STYLES.items()
    )
    (folder / "code.css").write_text(re.sub(r"^(?!html).*$", "", code, flags=re.M), "utf-8")


def make(site, out, only=None):
    """Write the decks of the book in `site`; returns {chapter: number of slides}."""
    if not REVEAL.exists():
        sys.exit("slides: node_modules/reveal.js is missing: run `make slides`, which installs it")
    shutil.rmtree(out, ignore_errors=True)
    assets(out)
    made, rows = {}, []
    for chapter in outline.read():
        page = site / "chapters" / f"{chapter.name}.html"
        if only and chapter.name not in only:
            continue
        if not page.exists():
            sys.exit(f"slides: {page} does not exist; run `make book` first")
        deck = Deck(page, site)
        deck.write(out)
        made[chapter.name] = sum(bool(slide.blocks) for slide in deck.slides)
        rows.append(f'<li><a href="{page.name}">{html.escape(chapter.title)}</a></li>')
    styles = '<link rel="stylesheet" href="assets/slides.css">'
    (out / "index.html").write_text(
        HEAD.format(title="Descent: slides", styles=styles)
        + f'<body class="decks"><h1>Slides</h1><ol>{"".join(rows)}</ol></body></html>\n', "utf-8"
    )  # fmt: skip
    return made


def main(arguments=None):
    parser = argparse.ArgumentParser(description="Make slides from the built book.")
    parser.add_argument("chapters", nargs="*", help="names of chapters (all)")
    parser.add_argument("--site", type=Path, default=ROOT / "_build/html")
    parser.add_argument("--out", type=Path, default=ROOT / "_build/slides")
    options = parser.parse_args(arguments)
    made = make(options.site.resolve(), options.out.resolve(), options.chapters)
    for name, slides in made.items():
        print(f"{name:<24}{slides:>4} slides")
    print(f"open {options.out / 'index.html'}")


if __name__ == "__main__":
    main()
