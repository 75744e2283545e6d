"""What a marker sees: the notebooks, and the real formgrader page in a browser."""

import base64
import contextlib
import json
import os
import re
import signal
import socket
import tempfile
import time
import urllib.error
import urllib.request
from html.parser import HTMLParser
from types import SimpleNamespace

import nbformat
import pytest
from nbconvert.exporters import HTMLExporter

from exercises.assignment import SELF_CHECK, Assignment, grading
from exercises.grading import gradebook, marking
from exercises.grading.submission import Cell
from exercises.release import student_version
from exercises.selfcheck import TEXT_ID

PNG = base64.b64encode(
    bytes.fromhex(
        "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c4944415408d763f8"
        "cfc0000003010100c9fe92ef0000000049454e44ae426082"
    )
).decode()
FIRE = "alert(1);document.title='fired'"
EVIL = f"""The honest answer is **forty-two**.

<script>{FIRE}</script>
<img src=x onerror="{FIRE}"><svg onload="{FIRE}"></svg><iframe srcdoc="<script>{FIRE}</script>">
</iframe></div></div><style>body {{ display: none }}</style>
<form action="http://evil.example/"><button>ok</button></form>
<details ontoggle="{FIRE}" open><summary>x</summary></details>

[click](javascript:{FIRE}) <javascript:{FIRE}> [data](data:text/html;base64,PHNjcmlwdD4=)
[ref] ![remote](http://evil.example/pixel.png) ![here](attachment:pic.svg)
![svg](data:image/svg+xml;base64,PHN2Zz4=) [far](http://evil.example/far) http://evil.example/auto

[ref]: vbscript:x "title"

$\\href{{javascript:{FIRE}}}{{x}}$ $$\\text{{<img src=x onerror={FIRE}>}}$$ \\$\\unicode{{x}}\\$
$\\style{{background:url(http://evil.example/s)}}{{y}}$ $\\class{{name-hidden}}{{z}}$

\\begin{{align}}\\href{{javascript:{FIRE}}}{{x}}\\end{{align}}

```html" onclick="{FIRE}
<b>code $\\href{{javascript:1}}{{x}}$

</code></pre><script>{FIRE}</script>
```

    indented </pre><script>{FIRE}</script>

| <a href="javascript:{FIRE}">t</a> | `|` |
|---|---|
| $\\href{{javascript:{FIRE}}}{{q}}$ | </td> |

The end of the answer.
"""
CODE = f'x = "</pre><script>{FIRE}</script>"  # <img src=x onerror={FIRE}>'
HARMLESS = {
    *"div p strong em u s code pre ul ol li blockquote h1 h2 h3 h4 h5 h6 hr br".split(),
    *"table thead tbody tr th td".split(),
    *marking.TAGS,
}


class Page(HTMLParser):
    """All tags with their attributes, and the text."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.text = [], ""
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_data(self, data):
        self.text += data


def shown(source):
    """A Markdown cell as nbconvert and so formgrader show it."""
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell(source)])
    page, _ = HTMLExporter(template_name="basic").from_notebook_node(book)
    return page


@pytest.mark.parametrize(
    "text",
    [EVIL, *EVIL.split("\n\n"), EVIL.replace("\n", "\r\n"), EVIL * 20, "$" * 99, "<!--" + EVIL],
)
def test_a_strangers_markdown_becomes_a_few_harmless_tags(text):
    assert not {"$", "\\"} & set(marking.layout(text))  # no MathJax, anywhere, finds a formula
    page = Page(marking.layout(text))
    for tag, attributes in page.tags:
        assert tag in HARMLESS
        assert attributes.keys() <= {"class", "style", "start", *marking.WORDS, *marking.LENGTHS}
        assert re.fullmatch(r"[a-zA-Z0-9_ :;.#%-]*", " ".join(map(str, attributes.values())))
    inside = Page(shown(marking.layout(text)))  # and Markdown makes nothing else of it
    known = [tag for tag in inside.tags if tag in page.tags]
    assert known == page.tags
    assert not {"script", "img", "a", "svg", "iframe", "form"} & {tag for tag, _ in inside.tags}


def test_a_strangers_markdown_is_still_read():
    page = shown(marking.layout(EVIL))
    text = Page(page).text
    assert "<strong>forty-two</strong>" in page and "The end of the answer." in text
    assert "<script>alert(1)" in text and "click" in text and "http://evil.example/far" in text
    assert "[image, not shown: remote (http://evil.example/pixel.png)]" in text
    good = shown(
        marking.layout("Since $\\frac{1}{2} < \\eta_t$:\n\n$$x^2 = \\lambda$$\n\n- a\n- b")
    )
    assert good.count("<math") == 2 and "<mfrac>" in good and "&lt;" in good
    assert good.count("<li>") == 2
    assert Page(shown(marking.layout("```\na\n\n\nb\n```"))).text.count("a\n\n\nb") == 1


@pytest.mark.parametrize("text", ["[" * 20_000, "*a " * 6000, "$" + "{" * 900, "> " * 9000, "\x00"])
def test_no_text_is_too_odd_to_show(text):
    assert marking.layout(text).startswith("<div")


def test_long_texts_are_cut_and_say_so():
    text = "<b>" + "x" * 30_000
    assert "&lt;b&gt;xxx" in marking.layout(text) and "cut here" not in marking.layout(text)
    assert "cut here" in marking.layout(text * 9) and len(marking.layout(text * 9)) < 101_000


def test_the_instructors_formulas_and_hints_stay(assignment):
    for cell in student_version(assignment)["cells"]:
        if cell["cell_type"] == "markdown" and not grading(cell)["solution"]:
            page = shown(marking.layout(cell["source"], trusted=True))
            assert page.count("<details") == cell["source"].count("<details")
            assert "$" not in Page(page).text.replace("$ ", "") or "`" in cell["source"]
            formulas = re.findall(r"(?<![$`\\])\$(?![$ ])[^$\n]+\$", cell["source"])
            assert page.count("<math") >= len(formulas) > -1


def cells(texts, extra=()):
    made = [Cell(i, "code" if "plot" in name or name == "momentum" else "markdown", text, name)
            for i, (name, text) in enumerate(texts.items())]  # fmt: skip
    return [*made, *extra]


def record(assignment, **more):
    parts = {
        name: {"status": "to mark", "why": "", "source": "", "outputs": []}
        for name in assignment.manual
    }
    for name in more:
        parts[name] |= more[name]
    return {"status": "graded", "reason": "", "notes": [], "questions": {}, "manual": parts}


def test_the_notebook_is_the_sheet_with_the_students_answers():
    assignment = Assignment("momentum")
    texts = {
        "e1_text": "locked: not mine", "test_momentum": "assert True", "momentum": CODE,
        "m1_plot": "plot()", "m1_essay": EVIL,
    }  # fmt: skip
    added = [Cell(9, "code", "mine = 1", None), Cell(10, "markdown", EVIL, "m1_essay")]
    outputs = [
        {"text": "\x1b[31mred\x1b[0m <b>"}, {"png": PNG}, {"png": "PHN2Zz4="}, {"png": 7},
        {"html": "<script>"}, {"text": ["no text"]},
    ]  # fmt: skip
    found = record(
        assignment,
        m1_plot={"source": "plot()", "outputs": outputs, "status": "timeout", "why": "too slow"},
        m1_essay={"source": EVIL},
    )
    case = {"title": "is fast", "points": 0.0, "max": 2.0, "feedback": "a <b>hint</b>\nin two"}
    found["questions"]["test_momentum"] = {
        "status": "graded", "why": "", "points": 1.5, "max": 10.0, "cases": [case],
    }  # fmt: skip
    book = nbformat.reads(marking.notebook(assignment, found, cells(texts, added)).decode(), 4)
    nbformat.validate(book)
    named = {grading(cell)["grade_id"]: cell for cell in book.cells if grading(cell)["grade_id"]}
    sheet = {grading(cell)["grade_id"]: cell for cell in student_version(assignment)["cells"]}
    assert list(named) == [name for name in sheet if name not in (TEXT_ID, SELF_CHECK)]
    for name, cell in named.items():
        assert cell.metadata.nbgrader == sheet[name]["metadata"]["nbgrader"]
    assert named["momentum"].source == CODE
    assert named["test_momentum"].source == sheet["test_momentum"]["source"]
    assert "One name, three rules" in named["e1_text"].source
    assert "not mine" not in str(book)
    assert "forty-two" in named["m1_essay"].source
    assert "not in the submission" in named["factor"].source
    said = named["test_momentum"].outputs[0].text
    assert said.startswith("1.5 of 10 points, graded\n0 / 2  is fast\n       a <b>hint</b>\n")
    first, second, last = named["m1_plot"].outputs
    assert "\x1b" not in first.text and "red" in first.text and last.text == "[timeout] too slow"
    assert second.data == {"image/png": PNG}
    for cell in book.cells:
        assert not cell.get("attachments")
        for output in cell.get("outputs", []):
            assert output.output_type == "stream" or list(output.data) == ["image/png"]
    ids = [cell.id for cell in book.cells]
    at = ids.index("added-9")  # where the student put them: after the last answer
    assert ids[at:] == ["added-9", "added-10"]
    assert "<script>" not in book.cells[at + 1].source


def test_hostile_notebooks_keep_their_size():
    assignment = Assignment("momentum")
    extra = [Cell(i, "markdown", "x" * 300_000, None) for i in range(200)]
    found = record(assignment, m1_plot={"outputs": [{"text": "y" * 10**6}]})
    found |= {"notes": ["cell 3: \x1b[2J<script>"], "reason": ""}
    data = marking.notebook(assignment, found, extra)
    assert len(data) < 10_000_000 and data.count(b"added-") == marking.MOST_ADDED
    assert b"y" * marking.MOST in data and b"y" * (marking.MOST + 1) not in data
    assert b"\x1b" not in data and b"<script>" not in data and b"cell 3: " in data


# --- the page ---


@pytest.fixture(scope="module")
def served(stand_in, tmp_path_factory):
    """A class with two hostile submissions, and the address of its formgrader."""
    home = tmp_path_factory.mktemp("home")
    course = stand_in()
    course.students["bob"].last_name = f"<img src=x onerror={FIRE}>"
    texts = {"momentum": CODE, "m1_plot": CODE, "m1_essay": EVIL, "added": [
        {"cell_type": "markdown", "id": "zz", "metadata": {}, "source": EVIL}
    ]}  # fmt: skip
    plot = {"outputs": [{"text": CODE}, {"png": PNG}]}
    for student in course.students:
        result = course.hand_in(student, texts, {"test_momentum": 7.0}, m1_plot=plot)
        result.record["notes"] = [CODE]
        result.record["questions"]["test_momentum"]["why"] = CODE
    gradebook.update(course, course.results)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(home))
        with marking.serving(course) as (address, _):
            yield course, address
    assert list(home.iterdir()) == []
    assert {path.name for path in course.folder.iterdir()} == {
        "attempts", "autograded", "gradebook.db", "release",
    }  # fmt: skip


def test_a_marker_marks_in_formgrader_and_nothing_of_a_students_acts(served, browser):
    course, address = served
    host = re.match(r"http://127\.0\.0\.1:\d+/", address)[0]
    troubles = []
    # without the server's policy: the notebook itself must be harmless
    context = browser.new_context(bypass_csp=True, viewport={"width": 1280, "height": 1000})
    page = context.new_page()
    page.set_default_timeout(30_000)
    page.on("dialog", lambda dialog: (troubles.append(dialog.message), dialog.dismiss()))
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on("response", lambda r: r.status >= 400 and troubles.append(f"{r.status} {r.url}"))
    page.on(
        "request",
        lambda sent: sent.url.startswith((host, "data:")) or troubles.append(sent.url),
    )
    page.goto(address)
    page.get_by_role("link", name="momentum").click()
    page.get_by_role("link", name="momentum").last.click()
    page.get_by_role("link", name="Submission #1").click()
    essay = page.locator(".nbgrader_cell", has=page.locator("#m1_essay"))
    essay.get_by_text("forty-two").wait_for()
    assert "The end of the answer." in essay.inner_text()
    body = page.locator("body")
    assert body.inner_text().count("forty-two") == 2  # the student's own cell, too
    rubric = page.get_by_text("How it is marked")
    assert rubric.is_visible() and rubric.bounding_box()["y"] < essay.bounding_box()["y"]
    assert page.locator("math").count() > 20
    assert page.locator("img[src^='data:image/png']").evaluate("e => e.naturalWidth") == 1
    assert body.get_by_text("7 of 10 points").is_visible()
    for link in essay.locator("a, [href]").all():
        raise AssertionError(link.evaluate("e => e.outerHTML"))
    for element in page.locator("u, summary, math *").all()[:60]:
        element.dispatch_event("click")

    score = essay.locator("#m1_essay")
    assert "needs_manual_grade" in score.get_attribute("class")
    for place, text in ((score, "4.5"), (essay.locator("textarea"), "Good <b>work</b>")):
        with page.expect_response(lambda r: r.request.method == "PUT") as saved:
            place.fill(text)
            place.blur()
        assert saved.value.ok
    marked = gradebook.manual_scores(course, "momentum", course.results)
    assert list(marked.values()) == [{"m1_essay": 4.5}]
    said = gradebook.comments(course, "momentum", course.results)
    assert list(said.values()) == [{"m1_essay": "Good <b>work</b>"}]
    page.locator("a.tabbable", has_text="Next").click()  # and the other student's
    page.get_by_text("Submission 2 / 2").wait_for()
    for place in ("formgrader/manage_students", "formgrader/manage_submissions/momentum"):
        page.goto(host + place)
        page.get_by_text("Ada").first.wait_for()
    assert page.get_by_text("needs manual grading").count() == 2  # the plots
    assert page.title() != "fired" and troubles == []
    context.close()

    context = browser.new_context()  # and with the policy, formgrader still works
    page = context.new_page()
    said = []
    page.on("console", lambda line: said.append(line.text))
    page.goto(address)
    page.get_by_role("link", name="momentum").wait_for()
    assert not [line for line in said if "Content Security Policy" in line]
    context.close()


def ask(address, method="GET", data=None):
    request = urllib.request.Request(address, data, method=method)
    try:
        with urllib.request.urlopen(request, timeout=20) as reply:
            return reply.status, reply.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_the_server_opens_no_other_door(served):
    _, address = served
    host, token = re.match(r"(http://.*?/).*token=(.*)", address).groups()
    key = f"?token={token}"
    assert ask(f"{host}formgrader/gradebook")[1].count("momentum") == 0  # asks for the key
    assert "momentum" not in ask(f"{host}formgrader/api/assignments")[1]
    code, text = ask(f"{host}formgrader/api/assignments{key}")
    (listed,) = json.loads(text)
    assert (listed["name"], listed["num_submissions"], listed["max_score"]) == ("momentum", 2, 28)
    sent = json.loads(ask(f"{host}formgrader/api/submissions/momentum{key}")[1])
    assert [one["student"] for one in sent if one["autograded"]] == ["ada", "bob"]
    for path in (
        *("api/kernels", "api/kernelspecs", "api/contents", "api/sessions", "api/terminals"),
        *("tree", "lab", "notebooks/autograded/ada/momentum/momentum.ipynb", "view/x", "metrics"),
        *("files/gradebook.db", "nbconvert/html/attempts/momentum/ada/1.ipynb", "edit/course.toml"),
        "api/../api/kernels",
    ):
        for method in ("GET", "POST"):
            code, text = ask(f"{host}{path}{key}", method, b"{}" if method == "POST" else None)
            assert code == 403, (method, path)
    code, text = ask(f"{host}files/gradebook.db{key}")
    assert "sandbox only" in text
    api = f"{host}formgrader/api/"
    for path in (
        *("submission/momentum/ada/autograde", "assignment/momentum/assign"),
        *("assignment/momentum/generate_feedback", "assignment/momentum/ada/release_feedback"),
    ):
        code, text = ask(f"{api}{path}{key}", "POST", b"")
        assert code == 200 and json.loads(text) == {
            "success": False, "error": marking.REFUSED, "log": marking.REFUSED,
        }  # fmt: skip


def test_the_server_ends_with_the_process_that_started_it(stand_in, tmp_path):
    course, note = stand_in(), tmp_path / "note"
    child = os.fork()
    if not child:
        try:
            tempfile.tempdir = str(tmp_path)  # what it leaves
            with marking.serving(course) as (address, server):
                (tmp_path / "part").write_text(f"{server.pid} {address}")
                (tmp_path / "part").rename(note)
                time.sleep(60)
        finally:
            os._exit(0)
    for _ in range(600):
        if note.exists():
            break
        time.sleep(0.05)
    server, address = note.read_text().split()
    assert ask(address)[0] == 200
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    for _ in range(200):
        try:
            ask(address)
        except OSError:
            return
        time.sleep(0.05)
    os.kill(int(server), signal.SIGKILL)
    raise AssertionError("the server lives on")


def test_review_updates_prints_the_address_and_ends_at_ctrl_c(stand_in, monkeypatch, capsys):
    course = stand_in()
    course.hand_in("ada", {"m1_essay": "Mine."})

    def interrupted():
        raise KeyboardInterrupt

    @contextlib.contextmanager
    def serving(given, port):
        assert given is course and (course.folder / "gradebook.db").exists()
        assert (course.folder / "autograded/ada/momentum/momentum.ipynb").exists()
        yield f"http://127.0.0.1:{port}/x?token=abc", SimpleNamespace(wait=interrupted)

    monkeypatch.setattr(marking, "serving", serving)
    before = signal.getsignal(signal.SIGTERM)
    marking.review(course, 5555, course.results)
    assert "http://127.0.0.1:5555/x?token=abc" in capsys.readouterr().out
    assert signal.getsignal(signal.SIGTERM) == before
    monkeypatch.setattr(
        marking, "serving", lambda *given: contextlib.nullcontext(("", SimpleNamespace(wait=int)))
    )
    with pytest.raises(marking.MarkingError, match="by itself"):
        marking.review(course, None, course.results)


def test_a_port_that_is_taken_is_said(stand_in):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with (
            pytest.raises(marking.MarkingError, match=f"port {port} cannot be had"),
            marking.serving(stand_in(), port),
        ):
            pass


def test_a_server_that_does_not_start_says_why(stand_in, monkeypatch, tmp_path):
    broken = tmp_path / "python"
    broken.write_text("#!/bin/sh\necho something is missing; exit 1\n")
    broken.chmod(0o755)
    monkeypatch.setattr(marking.sys, "executable", str(broken))
    with (
        pytest.raises(marking.MarkingError, match="did not start; it said:\nsomething is missing"),
        marking.serving(stand_in()),
    ):
        pass


@pytest.mark.parametrize("text", ["[a]: b\n", "[a\n", "![", "*a_ ", "$a ", "<a ", "- "])
def test_no_text_takes_long(text):
    start = time.monotonic()
    marking.layout((text * marking.LONGEST)[: marking.LONGEST])
    assert time.monotonic() - start < 5
