"""The whole book on paper: `_build/descent.pdf`, printed from the built site, or why not.

    python tools/pdf.py [--site SITE] [--out FILE] [PAGE ...]

1. The articles of the built pages are joined, in the order of _toc.yml, into one document: a title
   page, contents, parts, chapters. Formulas, numbers and pictures are those of the site. Folded
   code is left out, experiments become pictures, answers go to the end of their chapter.
2. Chromium prints it. What is too wide is set smaller first (site/paper/fit.js). Page references
   are read from the printed file and put in, and it is printed again until they are right.
3. The file gets its metadata, is packed, and is checked; one that fails takes nothing's place.
"""

import argparse
import html
import re
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

import browser
import matplotlib
import pikepdf
import yaml
from bs4 import BeautifulSoup, NavigableString
from environment import ROOT
from fontTools.pens.cu2quPen import Cu2QuPen
from fontTools.pens.ttGlyphPen import TTGlyphPen
from fontTools.ttLib import TTFont, newTable
from pikepdf import Name
from playwright.sync_api import sync_playwright
from pygments.formatters import HtmlFormatter
from slides import STYLES

sys.path.insert(0, str(ROOT / "site"))
from descent_site import address

OURS = ROOT / "site/paper"
FONTS = ROOT / "node_modules/@fontsource"
FACES = {  # of each family, the weights that paper.css uses
    "source-serif-4": ("400", "400-italic", "600", "600-italic", "700"),
    "source-sans-3": ("400", "400-italic", "600", "700"),
    "source-code-pro": ("400", "400-italic", "600", "700"),
}
EMBEDDED = re.compile(r"Source(Serif4|Sans3|CodePro)|DescentMath|DescentSpare")
OLDEST = 131  # Chromium from this one on fills the margins of a page
LIMIT = 15e6  # bytes: more is refused by mail servers, and felt on a phone
ROUNDS = 5  # page references settle after two
WANTED = """() => [...document.querySelectorAll("[data-to]")].map((at) => at.dataset.to)"""
TITLES = """() => [...document.querySelectorAll("h1, h2, h3, h4, h5, h6")].map((heading) =>
    heading.textContent.trim().replace(/\\s+/g, " "))"""
FILL = """(pages) => { for (const at of document.querySelectorAll("[data-to]"))
    at.textContent = pages[at.dataset.to]; }"""
# Source that was left unread in the text: a reference to nothing, a formula, a role of MyST.
LEFT = re.compile(r"\?\?|\$\$|\{(?:doc|ref|eq|cite|term|py)\b[^}]*\}`")
ZONES = {  # a font without instructions for small screens says so in these fields
    "maxZones": 1, "maxTwilightPoints": 0, "maxStorage": 0, "maxFunctionDefs": 0,
    "maxInstructionDefs": 0, "maxStackElements": 0, "maxSizeOfInstructions": 0,
    "maxComponentElements": 0,
}  # fmt: skip


class Bad(Exception):
    """What is wrong with the book, for the reader of the message."""


@dataclass
class Page:
    """One page of the site: its name without suffix, its title, its cleaned article."""

    name: str
    part: int  # 0: before the first part
    soup: BeautifulSoup
    title: str

    @property
    def key(self):
        """Its id in the book, and the beginning of all ids on it."""
        return self.name.replace("/", "-")


def settings():
    """What _config.yml and CITATION.cff say of the book."""
    config = yaml.safe_load((ROOT / "_config.yml").read_text("utf-8"))
    cff = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))
    title, _, subtitle = config["title"].partition(": ")
    authors = [a.get("name") or f"{a['given-names']} {a['family-names']}" for a in cff["authors"]]
    return {
        "title": title, "subtitle": subtitle[:1].upper() + subtitle[1:], "authors": authors,
        "version": cff["version"], "year": str(cff["date-released"])[:4],
        "repository": f"https://github.com/{address.repository()}", "address": address.site(),
    }  # fmt: skip


def contents():
    """[(title of the part, [names of its pages])] of _toc.yml; the first part has no title."""
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text("utf-8"))
    parts = [(part["caption"], [c["file"] for c in part["chapters"]]) for part in toc["parts"]]
    return [("", [toc["root"]]), *parts]


# --- from the site's pages to one document --------------------------------------------------------


class Book:
    """The joined document; `only` chooses pages by name, such as chapters/momentum."""

    def __init__(self, site, only=()):
        self.site, self.about = site, settings()
        self.parts, self.pages = [], []
        unknown = set(only) - {name for _, names in contents() for name in names}
        if unknown:
            sys.exit(f"pdf: _toc.yml has no page {', '.join(sorted(unknown))}")
        for title, names in contents():
            names = [name for name in names if not only or name in only]
            if not names:
                continue
            self.parts += [title] if title else []
            self.pages += [self.page(name, len(self.parts) if title else 0) for name in names]
        self.ids = {tag["id"] for page in self.pages for tag in page.soup.find_all(id=True)}
        self.ids |= {page.key for page in self.pages}
        for page in self.pages:
            self.link(page)
            for text in page.soup.find_all(string=LEFT):
                if not text.find_parent(["pre", "code"]):
                    raise Bad(f"{page.name}: raw source in the text: {text.strip()[:80]}")

    def page(self, name, part):
        file = self.site / f"{name}.html"
        if not file.exists():
            sys.exit(f"pdf: {file} does not exist; run `make book` first")
        whole = BeautifulSoup(file.read_text("utf-8"), "html.parser")
        soup = whole.find("article").extract()
        soup.name, soup["class"] = "section", ["chapter"]
        page = Page(name, part, soup, "")
        clean(soup, file.parent)
        heading = soup.find("h1")
        if not part:  # the front page greets who comes to the site
            heading.string = "Preface"
        page.title = heading.get_text().strip()
        experiments(soup, f"{self.about['address']}{name}.html")
        questions(soup)
        # Ids are unique on a page; in the book they begin with the page's name.
        for tag in soup.find_all(id=True):
            tag["id"] = f"{page.key}--{tag['id']}"
        soup["id"] = page.key
        for tag in soup.find_all(re.compile(r"^h[1-5]$")):  # below the headings of the parts
            tag["class"] = f"level-{tag.name[1]}"
            tag.name = f"h{int(tag.name[1]) + bool(part)}"
        return page

    def link(self, page):
        """Links within the book lead to its pages, and say which; all others to the web."""
        told = set()
        for a in page.soup.find_all("a", href=True):
            place = urlsplit(urljoin(f"/{page.name}.html", a["href"]))
            if place.scheme:
                continue
            name = place.path.strip("/").removesuffix(".html")
            inside = any(name == p.name for p in self.pages) and "=" not in place.fragment
            if not inside:
                a["href"] = urljoin(f"{self.about['address']}{page.name}.html", a["href"])
                continue
            key, anchor = name.replace("/", "-"), unquote(place.fragment)
            target = f"{key}--{anchor}" if anchor else key
            if target not in self.ids:
                raise Bad(f"{page.name}: the link to {a['href']} leads to nothing")
            a["href"] = f"#{target}"
            if self.leads_far(a, page, key, target):
                near = a.find_parent(["section", "dd", "td"])
                if (id(near), target) not in told:  # once in each section, entry or field
                    told.add((id(near), target))
                    a.append(reference(target))

    def leads_far(self, a, page, key, target):
        """Whether a reader of paper wants to know the page that a link leads to."""
        classes = a.get("class") or []
        if "answer" in classes:
            return True
        if "term" in classes or key == "bibliography" or a.find_parent("svg"):
            return False  # found by the alphabet; no room for it
        if page.name.startswith("about/") and not a.find_parent("td"):
            return False  # lists of all chapters, a few pages behind the contents
        return not target.startswith(f"{page.key}--")

    def html(self):
        """The document as Chromium gets it."""
        about = self.about
        front = (OURS / "front.html").read_text("utf-8")
        fill = {k: html.escape(v) for k, v in about.items() if isinstance(v, str)}
        fill["authors"] = html.escape(", ".join(about["authors"]))
        fill["contents"] = self.contents()
        body = [re.sub(r"\{\{ (\w+) \}\}", lambda found: fill[found[1]], front)]
        part = 0
        for page in self.pages:
            if page.part != part:
                part = page.part
                body.append(self.opening(part))
            written_pictures(page.soup)
            body.append(str(page.soup))
        code = HtmlFormatter(style=STYLES["light"]).get_style_defs(".highlight")
        title = html.escape(f"{about['title']}: {about['subtitle']}")
        links = [FONTS / name / f"{face}.css" for name, faces in FACES.items() for face in faces]
        links += [ROOT / "site/static/style.css", OURS / "paper.css"]
        sheets = "".join(f'<link rel="stylesheet" href="{file.as_uri()}">\n' for file in links)
        return (
            '<!doctype html>\n<html lang="en" data-theme="light">\n<head>\n'
            f'<meta charset="utf-8">\n<title>{title}</title>\n{sheets}<style>\n'
            '@font-face { font-family: "Paper Math"; src: url("math.ttf"); }\n'
            '@font-face { font-family: "Spare"; src: url("spare.ttf"); }\n'
            f"{code}\n{self.heads()}</style>\n</head>\n<body>\n{''.join(body)}</body>\n</html>\n"
        )

    def openings(self):
        """[(id, title)] of parts and chapters, as they stand in the outline."""
        parts = [(f"part-{number}", title) for number, title in enumerate(self.parts, 1)]
        return parts + [(page.key, page.title) for page in self.pages]

    def heads(self):
        """Style rules: the running heads of each chapter, part on the left page, chapter right."""
        rules = []
        for number, page in enumerate(self.pages):
            part = self.parts[page.part - 1] if page.part else self.about["title"]
            rules.append(
                f"#{page.key} {{ page: c{number}; }}\n"
                f"@page c{number}:left {{ @top-left {{ content: {quoted(part)}; }} }}\n"
                f"@page c{number}:right {{ @top-right {{ content: {quoted(page.title)}; }} }}\n"
            )
        return "".join(rules)

    def opening(self, part):
        rows = "".join(entry(p.key, p.title) for p in self.pages if p.part == part)
        title = html.escape(self.parts[part - 1])
        return (
            f'<section class="part" id="part-{part}"><p>Part {part}</p><h1>{title}</h1>'
            f"<ol>{rows}</ol></section>\n"
        )

    def contents(self):
        """The list of parts, chapters and sections, with room for page numbers."""
        rows, part = [], 0
        for page in self.pages:
            if page.part != part:
                part = page.part
                title = f"Part {part}. {self.parts[part - 1]}"
                rows.append(entry(f"part-{part}", title, "part-entry"))
            rows.append(entry(page.key, page.title, "chapter-entry"))
            if page.name.startswith("chapters/"):
                for heading in page.soup.select(".level-2"):
                    title = heading.get_text().strip()
                    rows.append(entry(heading.find_parent(id=True)["id"], title))
        return f"<ol>{''.join(rows)}</ol>"


def quoted(text):
    """A string of CSS."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def entry(target, title, kind="section-entry"):
    """A line of a table of contents."""
    return (
        f'<li class="{kind}"><a href="#{target}"><span>{html.escape(title)}</span>'
        f'<span class="leader"></span><span class="page" data-to="{target}">000</span></a></li>'
    )


def piece(text):
    """A piece of HTML, to be put into a page."""
    return BeautifulSoup(text, "html.parser")


def reference(target):
    """The place of a page number, filled in when the pages are known."""
    return piece(f'<span class="at">p.\u00a0<span data-to="{target}">000</span></span>')


def clean(soup, folder):
    """Only what paper can use."""
    for tree in soup.select(".toctree-wrapper"):  # the book has its own contents
        section = tree.parent
        tree.decompose()
        if section.name == "section" and not section.find(["p", "ul", "ol", "div", "section"]):
            section.decompose()  # a heading alone
    for tag in soup.select(
        "a.headerlink, script, .only-dark, details.hide > summary,"
        "details.hide .cell_input, .d-print-none"
    ):
        tag.decompose()
    for details in soup.select("details.hide"):
        details.unwrap()
    for cell in soup.select("div.cell"):
        if not cell.find(True):
            cell.decompose()
    for image in soup.find_all("img"):
        image["src"] = (folder / image["src"]).resolve().as_uri()
        del image["loading"]
    for text in soup.find_all(string=re.compile("\u2011")):  # a hyphen that no font here has
        text.replace_with(text.replace("\u2011", "-\u2060"))
    for formula in soup.select("span.math"):  # no line begins with the comma behind a formula
        after = formula.next_sibling
        mark = re.match(r"[,.;:!?)’”]+", after) if isinstance(after, NavigableString) else None
        if mark:
            after.replace_with(after[mark.end() :])
            formula.append(mark[0])
            formula["class"] = ["math", "held"]
    for details in soup.find_all("details"):
        if not details.find_parent(class_="optlib-quiz"):  # those are dealt with as questions
            details.name, details["class"] = "div", ["unfolded"]
            details.summary.name = "p"
            details.p["class"] = ["unfolded-title"]


def local(uri):
    """The path that a file: address names; a blank in it is written %20 there."""
    return Path(unquote(urlsplit(uri).path))


def written_pictures(soup):
    """Pictures with letters in them go into the document, to be set in the fonts of the book."""
    for image in soup.select("img[src$='.svg']"):
        drawn = local(image["src"]).read_text("utf-8")
        if "<text" in drawn:
            picture = piece(drawn[drawn.index("<svg") :])
            picture.svg.attrs |= {"role": "img", "aria-label": image["alt"]}
            image.replace_with(picture)


def experiments(soup, live):
    """Each experiment becomes the picture of its first setting, with a caption."""
    for widget in soup.select(".optlib-widget:has(noscript)"):
        widget.noscript.unwrap()
        words = widget.p.decode_contents().replace("It needs JavaScript; the", "The")
        caption = piece(
            f'<figcaption>{words} It is alive at <a href="{live}">{live}</a>.</figcaption>'
        )
        widget.p.replace_with(caption)
        widget.name, widget.attrs = "figure", {"class": "experiment"}


def questions(soup):
    """Questions get numbers; their answers stand at the end of the chapter."""
    found = soup.select(".optlib-quiz")
    if not found:
        return
    answers = ['<section id="answers"><h2>Answers</h2>']
    for number, question in enumerate(found, 1):
        question["id"], question["class"] = f"question-{number}", ["question"]
        question.parent.unwrap()  # the place of the live form
        answer = question.details.extract()
        answer.summary.decompose()
        for mark in answer.select("[aria-hidden]"):
            mark.decompose()
        for reason in answer.find_all("li"):
            if reason.strong and reason.strong.get_text() == "Right.":
                reason["class"] = ["right"]
        answers.append(
            f'<div class="answer" id="answer-{number}"><p><a class="answer" '
            f'href="#question-{number}">Question {number}</a></p>{answer.decode_contents()}</div>'
        )
        title = piece(
            f'<p class="question-title">Question {number} <a class="answer" '
            f'href="#answer-{number}">Answer</a></p>'
        )
        question.insert(0, title)
    soup.append(piece("".join(answers) + "</section>"))


# --- printing -------------------------------------------------------------------------------------


def places(pdf):
    """{name of a destination: number of its page}, of the file that Chromium printed."""
    numbers = {page.objgen: n for n, page in enumerate(pdf.pages, 1)}
    return {str(name)[1:]: numbers[to[0].objgen] for name, to in pdf.Root.Dests.items()}


def mathematics(folder):
    """The book's mathematics font with TrueType outlines, which Chromium embeds as a font.

    With those that it has, Chromium would draw each letter by itself (a Type 3 font).
    """
    font = TTFont(ROOT / "site/static/fonts/descent-math.woff2")
    drawn, order = font.getGlyphSet(), font.getGlyphOrder()
    glyphs = {}
    for name in order:
        pen = TTGlyphPen(None)
        drawn[name].draw(Cu2QuPen(pen, max_err=0.5, reverse_direction=True))
        glyphs[name] = pen.glyph()
    del font["CFF "]
    font["loca"], font["glyf"] = newTable("loca"), newTable("glyf")
    font["glyf"].glyphOrder, font["glyf"].glyphs = order, glyphs
    font["maxp"].tableVersion = 0x00010000
    for name, value in ZONES.items():
        setattr(font["maxp"], name, value)
    font["post"].formatType, font["post"].extraNames, font["post"].mapping = 2.0, [], {}
    font.sfntVersion, font.flavor = "\0\1\0\0", None
    font.save(folder / "math.ttf")


def spare(folder):
    """A font for the few signs that the text fonts lack: DejaVu Sans, which matplotlib brings.

    Under a name of its own, so that the machine's own DejaVu, if it slips in, is noticed.
    """
    font = TTFont(Path(matplotlib.get_data_path(), "fonts/ttf/DejaVuSans.ttf"))
    for record in font["name"].names:
        if record.nameID in (1, 3, 4, 6, 16):
            record.string = "DescentSpare"
    font.save(folder / "spare.ttf")


def print_book(book, folder, chromium):
    """Print until page references are right; returns the PDF's path and [what is too wide]."""
    source, printed = folder / "book.html", folder / "book.pdf"
    source.write_text(book.html(), encoding="utf-8")
    mathematics(folder)
    spare(folder)
    page = chromium.new_page()
    page.set_default_timeout(600_000)
    page.emulate_media(media="print", color_scheme="light")
    page.goto(source.as_uri())
    page.evaluate("document.fonts.ready.then(() => true)")
    wide = page.evaluate((OURS / "fit.js").read_text("utf-8"))
    before = None
    for _ in range(ROUNDS):
        page.pdf(path=printed, prefer_css_page_size=True, tagged=True, outline=True)
        with pikepdf.open(printed) as pdf:
            now = places(pdf)
        if lost := [name for name in page.evaluate(WANTED) if name not in now]:
            raise Bad(f"Chromium gave no place to {', '.join(lost)}")
        if now == before:
            break
        before = now
        page.evaluate(FILL, now)
    else:
        raise Bad(f"page references have not settled after {ROUNDS} printings")
    titles = page.evaluate(TITLES)
    page.close()
    name_outline(printed, titles)
    return printed, wide


def entries(items):
    """All entries of an outline in the order of the book."""
    for item in items:
        yield item
        yield from entries(item.children)


def name_outline(file, titles):
    """Headings as they are: Chromium's outline loses the blank where one goes on in a new line."""
    with pikepdf.open(file, allow_overwriting_input=True) as pdf:
        with pdf.open_outline() as outline:
            items = list(entries(outline.root))
            if len(items) != len(titles):
                raise Bad(f"{len(titles)} headings, but {len(items)} entries in the outline")
            for item, title in zip(items, titles):
                item.title = title
        pdf.save(file)


def finish(printed, out, about):
    """Metadata, and objects packed together: a third of the size."""
    with pikepdf.open(printed) as pdf:
        title = f"{about['title']}: {about['subtitle']}"
        with pdf.open_metadata(set_pikepdf_as_editor=False) as data:
            data["dc:title"] = title
            data["dc:creator"] = about["authors"]
            data["dc:language"] = {"en"}
            data["dc:rights"] = "Text and figures: CC BY 4.0. Code: BSD 3-Clause."
            data["dc:identifier"] = about["address"]
            data["xmpRights:WebStatement"] = "https://creativecommons.org/licenses/by/4.0/"
            data["prism:versionIdentifier"] = about["version"]
        pdf.docinfo["/Author"] = ", ".join(about["authors"])
        pdf.Root.ViewerPreferences = pikepdf.Dictionary(DisplayDocTitle=True)
        pdf.Root.PageMode = Name.UseOutlines
        pdf.remove_unreferenced_resources()
        pdf.save(
            out, object_stream_mode=pikepdf.ObjectStreamMode.generate, compress_streams=True,
            recompress_flate=True,
        )  # fmt: skip


# --- checks ---------------------------------------------------------------------------------------


def headings(pdf):
    """{(title, page)} of the file's outline."""
    numbers = {page.objgen: n for n, page in enumerate(pdf.pages, 1)}
    with pdf.open_outline() as outline:
        items = list(entries(outline.root))
    return {(item.title, numbers[item.destination[0].objgen]) for item in items}


def fonts(pdf):
    """{name of a font: whether its glyphs are in the file}."""
    found = {}
    for thing in pdf.objects:
        if isinstance(thing, pikepdf.Dictionary) and thing.get("/Type") == Name.Font:
            inner = thing.get("/DescendantFonts", [thing])[0]
            kept = inner.get("/FontDescriptor", {})
            name = str(thing.get("/BaseFont", thing.get("/Subtype")))[1:]
            held = any(key in kept for key in ("/FontFile", "/FontFile2", "/FontFile3"))
            found[name] = found.get(name, True) and held
    return found


def check(file, book):
    """What is wrong with the finished file, in words; an empty list if nothing is."""
    wrong = []
    with pikepdf.open(file) as pdf:
        root, named = pdf.Root, places(pdf)
        if not root.get("/MarkInfo", {}).get("/Marked") or "/StructTreeRoot" not in root:
            wrong.append("it is not tagged, so a screen reader cannot read it")
        if str(root.get("/Lang", "")) != "en":
            wrong.append("it does not say its language")
        for number, page in enumerate(pdf.pages, 1):
            width, height = (round(float(side) / 72 * 25.4) for side in page.mediabox[2:])
            if (width, height) != (210, 297):
                wrong.append(f"page {number} is {width} by {height} mm, not A4")
            for link in page.get("/Annots", []):
                to, web = link.get("/Dest"), str(link.get("/A", {}).get("/URI", ""))
                if to is not None and str(to)[1:] not in named:
                    wrong.append(f"page {number}: a link leads to {str(to)[1:]}, which is nowhere")
                if to is None and not web.startswith(("https://", "http://", "mailto:")):
                    wrong.append(f"page {number}: a link leads to {web or 'nothing'}")
        found = headings(pdf)
        for target, title in book.openings():
            if (title, named.get(target)) not in found:
                wrong.append(f"the outline has no “{title}” on page {named.get(target)}")
        for name, held in fonts(pdf).items():
            if not held:
                wrong.append(f"the font {name} is not embedded")
            if not EMBEDDED.search(name):
                wrong.append(
                    f"the font {name} is this machine's, not the book's: a sign that the fonts of "
                    "site/paper/paper.css lack"
                )
    if (size := file.stat().st_size) > LIMIT:
        wrong.append(f"it has {size / 1e6:.1f} MB, more than {LIMIT / 1e6:.0f}")
    return wrong


def make(site, out, chromium, only=()):
    """Print the book in `site` to `out`; returns (pages, bytes). Raises Bad if it is no good."""
    if not FONTS.exists():
        sys.exit(f"pdf: {FONTS} is missing: run `make pdf`, which installs it")
    if int(chromium.version.split(".")[0]) < OLDEST:
        sys.exit(f"pdf: Chromium {chromium.version} prints no page numbers: {OLDEST} or newer does")
    book = Book(site, only)
    folder = out.parent / "paper"
    folder.mkdir(parents=True, exist_ok=True)
    printed, wide = print_book(book, folder, chromium)
    finished = folder / "finished.pdf"
    finish(printed, finished, book.about)
    if wrong := wide + check(finished, book):
        raise Bad("\n".join(wrong))
    finished.replace(out)
    with pikepdf.open(out) as pdf:
        return len(pdf.pages), out.stat().st_size


def main(arguments=None):
    parser = argparse.ArgumentParser(description="Print the built book.")
    parser.add_argument("pages", nargs="*", help="names such as chapters/momentum (all)")
    parser.add_argument("--site", type=Path, default=ROOT / "_build/html")
    parser.add_argument("--out", type=Path, help="_build/descent.pdf; of some pages, part.pdf")
    options = parser.parse_args(arguments)
    name = "part" if options.pages else "descent"
    start, path = time.monotonic(), browser.get()
    with sync_playwright() as play:
        chromium = play.chromium.launch(executable_path=path, args=browser.flags())
        try:
            out = (options.out or ROOT / f"_build/{name}.pdf").resolve()
            pages, size = make(options.site.resolve(), out, chromium, options.pages)
        except Bad as error:
            sys.exit(f"pdf: not made.\n\n{error}")
        finally:
            chromium.close()
    spent = time.monotonic() - start
    print(f"{pages} pages, {size / 1e6:.1f} MB, in {spent:.0f} s: {out}")


if __name__ == "__main__":
    main()
