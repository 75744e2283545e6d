"""Feedback pages: complete, plain, accessible, silent, and nothing on them that is not theirs."""

import base64
import re
from datetime import datetime, timedelta, timezone
from types import SimpleNamespace

import pytest

from exercises import leaks
from exercises.assignment import HERE, grading, shown, student_cells
from exercises.cases import verdict
from exercises.grading.feedback import Sheet, page, visible, write, write_index
from tests.exercises import small_class as small

NAME = "gradient-descent"
ROOT = HERE.parent
DUE = datetime(2026, 12, 1, 12, 0, tzinfo=timezone(timedelta(hours=1)))
PNG = (
    "iVBORw0KGgoAAAANSUhEUgAAAAIAAAACCAIAAAD91JpzAAAAEElEQVR4nGNgYPgPRhAKAB3wA/16Xe3kAAAAAElF"
    "TkSuQmCC"
)
BLOWS_UP = "with lr = 0.21 (2.1/L) the run blows up, and diverged should be True"
EVIL = "</pre><script>alert(1)</script><img src=x onerror=alert(1)> & \x1b[2J \u202e"


def full_record():
    """One question in each status, and manual parts."""
    gd = small.question(
        [
            small.case("takes the given number of steps", 1.5, 1.5),
            small.case("says when a run blows up, lr = 2.1/L", 0, 1.5, BLOWS_UP),
        ]
    )
    why = "a call of optimal_lr did not end within 10 seconds"
    stopped = [small.case(f"the best lr: {i}", 0, 2, f"could not be tested: {why}") for i in "ab"]
    slow = small.question(stopped, "timeout", why)
    none = small.question([small.case("kappa below 2", 0, 4, "x")], "missing", "not written yet")
    text, plot = small.manual(most=6, kind="markdown", source=EVIL), {"text": EVIL}
    plot = small.manual(source="plt.plot(x)", outputs=[plot, {"png": PNG}, {"png": "aGVsbG8="}])
    return small.record(
        {"test_gd": gd, "test_optimal_lr": slow, "test_predict_steps": none},
        {"m1_plot": plot, "m1_essay": text},
        notes=[f"cell 5: NameError: {EVIL}"],
    )


@pytest.fixture
def one(tmp_path):
    """one(student=..., due=..., **result) -> (course, result) of a class of one."""

    def make(student=None, due=None, record=None, handed_in=True, **more):
        student = student or small.Student("ada")
        course = small.course(tmp_path, [student], due=due)
        file = small.attempt(tmp_path) if handed_in else None
        return course, small.result(student, file, record, **more)

    return make


def written(course, result, **more):
    (path,) = write(course, NAME, [result], **more)
    return path.read_text("utf-8")


def words(html):
    """What stands on the page, as text."""
    html = re.sub(r"<style>.*?</style>", "", html, flags=re.S)
    return " ".join(leaks.html.unescape(re.sub(r"<[^>]*>", " ", html)).split())


def test_a_page_says_all_there_is_to_know(one):
    course, result = one(due=DUE, record=full_record(), late_days=2, factor=0.8)
    said = words(written(course, result))
    for part in (
        "Feedback: Gradient descent", "Ada Byron", "(ada)",
        "Handed in 1 December 2026, 13:00 (UTC+01:00)", "Due 1 December 2026, 12:00 (UTC+01:00)",
        "by 2 days, so the points count 80 %", result.attempt.digest[:12],
        "This page is about the last of 2 attempts",
        "E1. Gradient descent that knows when to stop gd: 1.5 of 3 points",
        "Not all right yet. 1 of 2 tests passed.",
        "Passed , 1.5 of 1.5: takes the given number of steps",
        f"Failed , 0 of 1.5: says when a run blows up, lr = 2.1/L {BLOWS_UP}",
        "E2. The best learning rate, and the price of a bad shape optimal_lr: 0 of 4 points",
        "Out of time. A call of optimal_lr did not end within 10 seconds. predict_steps: 0 of 4",
        "predict_steps: 0 of 4 points Missing. Not written yet.",
        "M1. The ridge that nobody stands on", "m1_plot: ? of 4 points To be marked.",
        "So far: 1.5 of 18 points for the code.", "up to 10 points", "Total not complete 28",
        "cell 5: NameError", "plt.plot(x)", "(a picture that cannot be shown)",
        "mend the first cell that stops",
        "gd: begin with the test “says when a run blows up, lr = 2.1/L”.",
        "optimal_lr: look for a loop that never ends", "the chapter “Gradient descent” of the book",
    ):  # fmt: skip
        assert part in said, part


def test_marks_and_comments_of_a_person(one):
    course, result = one(record=full_record(), marked=7.5, factor=0.8, late_days=1, due=DUE)
    scores, comments = {"ada": {"m1_plot": 3, "m1_essay": 4.5}}, {"ada": {"m1_essay": "Good <b>!"}}
    html = written(course, result, scores=scores, comments=comments)
    said = words(html)
    for part in (
        "m1_plot: 3 of 4 points Marked.", "m1_essay: 4.5 of 6 points Marked.",
        "The marker writes: Good <b>!", "7.2 of 28 points.", "by 1 day, so the points count 80 %",
        "Sum 9 28", "Total: the sum, counted 80 % (late) 7.2 28", "Read what the marker wrote.",
    ):  # fmt: skip
        assert part in said, part
    assert "A person marks" not in said and "<b>!" not in html


def test_a_person_may_change_what_the_machine_gave_and_write_beside_it(one):
    """Marks stand with the question, comments with the answer cell or with the question."""
    course, result = one(record=full_record())
    comments = {"ada": {"gd": "The loop is right.", "test_gd": "One point back.", "m1_plot": ""}}
    said = words(written(course, result, scores={"ada": {"test_gd": 2.5}}, comments=comments))
    assert "gd: 2.5 of 3 points Not all right yet. 1 of 2 tests passed. A person" in said
    assert "has looked at it and changed 1.5 to 2.5 points." in said
    assert "The marker writes: The loop is right. One point back." in said
    assert "Points of each part Part Points of gd 2.5 3" in said


def test_a_manual_part_with_nothing_in_it_has_no_points_and_waits_for_nobody(one):
    empty = small.manual("untouched", why="the cell is as it was given out")
    gone = small.manual("missing", most=6, why="the cell has been deleted")
    record = full_record() | {"manual": {"m1_plot": empty, "m1_essay": gone}}
    said = words(written(*one(record=record, marked=0)))
    assert "m1_plot: 0 of 4 points Nothing handed in. The cell is as it was given out." in said
    assert "m1_essay: 0 of 6 points Nothing handed in. The cell has been deleted." in said
    assert "A person marks" not in said and "To be marked" not in said
    assert "m1_plot: there is no answer of yours; part of one can earn points." in said


def test_what_waits_for_a_person_is_what_is_there(one):
    """A stub is not shown as handed in, and its points are not promised."""
    empty = small.manual("untouched", source="# YOUR CODE HERE")
    essay = small.manual("to mark", most=6, source="My words.", kind="markdown")
    record = full_record() | {"manual": {"m1_plot": empty, "m1_essay": essay}}
    said = words(written(*one(record=record)))
    assert "A person marks the rest, up to 6 points." in said
    assert "YOUR CODE" not in said and "What you handed in: My words." in said


def test_an_extension_is_the_due_date_of_who_has_it(one):
    course, result = one(due=DUE, record=full_record())
    course.plans[NAME].due_for = lambda student: DUE + timedelta(days=7 * (student == "ada"))
    assert "Due 8 December 2026, 12:00 (UTC+01:00)" in words(written(course, result))


def test_what_is_said_once_is_not_said_for_every_case(one):
    said = words(written(*one(record=full_record())))
    assert said.count("A call of optimal_lr did not end within 10 seconds") == 1
    record = full_record()
    record["questions"]["test_optimal_lr"]["cases"][0] |= {"points": 2, "feedback": None}
    said = words(written(*one(record=record)))
    assert "Passed , 2 of 2: the best lr: a" in said
    assert "Failed , 0 of 2: the best lr: b could not be tested: a call of optimal_lr" in said


@pytest.mark.parametrize(
    ("more", "says", "not_there"),
    [
        (dict(handed_in=False), ["Nothing has been handed in.", "assignment has 18"], "Handed"),
        (dict(), ["Handed in, and not graded yet.", "Handed in 1 December"], "Points"),
        (dict(record=full_record() | dict(status="unreadable", reason=f"no JSON {EVIL}"), total=0),
         ["cannot be read as a notebook", "No JSON </pre>", "hand it in again"], "Question"),
    ],
)  # fmt: skip
def test_states_without_points_have_no_points(one, more, says, not_there):
    said = words(written(*one(**more)))
    assert [part for part in says if part not in said] == []
    assert not_there not in said and "0 of" not in said


def test_all_right(one):
    right = small.question([small.case("takes the given number of steps", 18, 18)])
    said = words(written(*one(record=small.record({"test_gd": right}), due=DUE)))
    assert "18 of 18 points." in said and "Right. 1 of 1 tests passed." in said
    assert "Nothing is left to mend here." in said and "Late no" in said


def test_what_students_write_is_text(one):
    student = small.Student("ada", "<b>Ada", 'By"ron\n\u202e')
    html = written(*one(student=student, record=full_record()))
    assert html.count("&lt;script&gt;alert(1)") == 3
    assert not re.search(r"<(script|b|img src=x)\b", html)
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]", html)
    assert "<title>Feedback: Gradient descent, &lt;b&gt;Ada By&#34;ron" in html
    assert visible("a\r\nb\tc\ud800") == "a\nb\tc\ufffd"


def test_no_script_no_request(one):
    html = written(*one(record=full_record()))
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', html)
    assert re.fullmatch(
        r"default-src 'none'; style-src 'sha256-[\w+/]{43}='; img-src data:; base-uri 'none'; "
        r"form-action 'none'",
        policy,
    )
    assert html.index("Content-Security-Policy") < html.index("<style>")
    assert re.findall(r'(?:src|href)="(?!data:)', html) == []
    assert "<script" not in html and " style=" not in html


def test_the_chapter_is_linked_if_the_book_has_an_address(one):
    course, result = one(record=full_record())
    html = written(course, result, book="https://example.org/book/")
    link = '<a href="https://example.org/book/chapters/gradient-descent.html">Gradient descent</a>'
    assert link in html
    with pytest.raises(ValueError, match="'javascript:1' should be an address"):
        write(course, NAME, [result], book="javascript:1")


def test_a_private_copy_without_a_chapter_has_no_link(tmp_path, one):
    _, result = one(record=full_record())
    plan = small.course(tmp_path, []).plans[NAME]
    plan.assignment.name = "our-own"
    html = page(SimpleNamespace(name=""), Sheet(plan), result, {}, {}, "https://example.org")
    assert "chapter" not in words(html)


def test_pages_are_the_same_again_and_are_left_alone(one):
    course, result = one(record=full_record())
    (path,) = write(course, NAME, [result])
    before = path.read_bytes(), path.stat().st_mtime_ns, path.stat().st_ino
    write(course, NAME, [result])
    assert (path.read_bytes(), path.stat().st_mtime_ns, path.stat().st_ino) == before
    path.write_bytes(before[0][:100])  # half a page, as from another tool
    write(course, NAME, [result])
    assert path.read_bytes() == before[0]
    assert [p.name for p in path.parent.iterdir()] == ["gradient-descent.html"]


# Leaks


def mutated(assignment, mutant):
    cells = student_cells(assignment.notebook)
    (cell,) = [c for c in assignment.cells if grading(c)["grade_id"] == mutant["cell"]]
    source = cell["source"]
    for text, other in mutant["change"]:
        source = source.replace(text, other)
    cells[cells.index(cell["source"])] = source
    return cells


def test_no_line_of_the_hidden_tests_is_on_a_page(assignment, cases, grade, tmp_path):
    """With the feedback that a fault, junk and the stub get from the real tests."""
    hidden = cases(assignment, 0)
    junk = {c.title: verdict(c, {"returned": [[1.0], False], "after": {}}) for c in hidden}
    broken = grade(mutated(assignment, assignment.mutants[0]), hidden)
    assert sum(said is not None for said in broken.values()) >= 1
    prints = leaks.fingerprints(assignment)
    plan = SimpleNamespace(assignment=assignment, due_for=lambda student: None)
    sheet = Sheet(plan)
    manual = {
        name: small.manual(most=meta["points"], source=shown(cell))
        for cell in assignment.cells
        for name, meta in assignment.manual.items()
        if grading(cell)["grade_id"] == name
    }
    for verdicts in (junk, broken):
        questions = {
            name: small.question(
                [
                    small.case(c.title, 0 if verdicts[c.title] else c.points, c.points,
                               verdicts[c.title])
                    for c in hidden if c.question == name
                ]
            )
            for name in assignment.questions
        }  # fmt: skip
        result = small.result(
            small.Student("ada"), small.attempt(tmp_path), small.record(questions, manual)
        )
        html = page(SimpleNamespace(name="Class"), sheet, result, {}, {})
        assert [c.title for c in hidden if c.title not in words(html)] == []
        assert leaks.in_text(prints, html) == []
    line = (assignment.folder / "hidden.py").read_text("utf-8")
    line = next(x for x in line.split("\n") if x.strip() in prints.code.values())
    assert leaks.in_text(prints, html + line)  # the search can find


# The index


def test_the_index_leads_to_every_page(tmp_path):
    students = [small.Student("zoe", "Zoë <b>", "Ng"), small.Student("ada"), small.Student("eve")]
    course = small.course(tmp_path, students)
    course.plans["never"] = course.plans[NAME]
    file, essay = small.attempt(tmp_path), {"m1_plot": small.manual()}
    gd = {"test_gd": small.question([small.case("steps", 3.5, 10, "no")])}
    found = [
        small.result(students[0], file, small.record(gd, essay)),
        small.result(students[1], file, small.record(gd)),
        small.result(students[2]),
    ]
    pages = write(course, NAME, found)
    path = write_index(course, {NAME: found})
    html = path.read_text("utf-8")
    links = re.findall(r'<a href="([^"]*)">([^<]*)</a>', html)
    assert links == [
        ("ada/gradient-descent.html", "3.5 of 18"),
        ("eve/gradient-descent.html", "missing"),
        ("zoe/gradient-descent.html", "to mark"),
    ]
    assert sorted(path.parent / link for link, _ in links) == sorted(pages)
    assert "For the instructor only" in html and "Zoë &lt;b&gt; Ng" in html
    before = path.read_bytes()
    assert write_index(course, {NAME: found[::-1]}).read_bytes() == before


# In Chromium


@pytest.fixture
def opened(browser):
    """opened(path, width=1280, dark=False) -> a Page; its ``requests`` are all it asked for."""
    contexts = []

    def start(path, width=1280, dark=False, **more):
        scheme = "dark" if dark else "light"
        context = browser.new_context(
            viewport={"width": width, "height": 800}, color_scheme=scheme, **more
        )
        contexts.append(context)
        page = context.new_page()
        page.requests, page.troubles = [], []
        page.on("request", lambda sent: page.requests.append(sent.url))
        page.on("console", lambda said: page.troubles.append(said.text))
        page.goto(path.as_uri())
        return page

    yield start
    for context in contexts:
        context.close()


@pytest.fixture
def pages(one):
    """A page with everything on it, and the index."""
    course, result = one(
        student=small.Student("ada", "Ada" * 30), record=full_record(), marked=7, due=DUE
    )
    comments = {"ada": {"m1_essay": "word " * 50 + "x" * 300}}
    scores = {"ada": {"m1_plot": 3, "m1_essay": 4}}
    paths = write(course, NAME, [result], scores, comments, "https://example.org")
    return [*paths, write_index(course, {NAME: [result]})]


@pytest.mark.parametrize(("width", "dark"), [(375, True), (1280, False)])
def test_axe_finds_nothing_and_no_line_is_too_wide(pages, opened, width, dark):
    axe = (ROOT / "node_modules/axe-core/axe.min.js").read_text("utf-8")
    for path in pages:
        page = opened(path, width, dark, bypass_csp=True)
        page.evaluate(axe)
        options = (
            "{resultTypes: ['violations'], rules: {'color-contrast-enhanced': {enabled: true}}}"
        )
        found = page.evaluate(f"axe.run(document, {options})")["violations"]
        told = [f"{r['id']}: {n['html'][:200]}\n{n['failureSummary']}" for r in found
                for n in r["nodes"]]  # fmt: skip
        assert not told, "\n".join(told)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        colour = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert colour == ("rgb(21, 24, 29)" if dark else "rgb(255, 255, 255)")


def test_headings_are_in_order_and_the_page_is_styled_and_silent(pages, opened):
    page = opened(pages[0])
    levels = [int(level) for level in re.findall(r"<h([1-6])\b", pages[0].read_text("utf-8"))]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after <= before + 1 for before, after in zip(levels, levels[1:]))
    assert page.requests == [pages[0].as_uri(), *[u for u in page.requests if u[:5] == "data:"]]
    assert page.troubles == []
    assert page.evaluate("document.querySelectorAll('img').length") == 1
    assert page.evaluate("document.querySelector('img').naturalWidth") == 2
    assert page.evaluate("getComputedStyle(document.querySelector('.total')).fontWeight") == "600"


def test_the_policy_stops_what_should_slip_through(pages, opened):
    page = opened(pages[0])
    ran = page.evaluate("""() => new Promise((done) => {
      const script = document.createElement("script");
      script.textContent = "window.intruder = true";
      const image = document.createElement("img");
      image.src = "https://example.org/spy.png";
      document.body.append(script, image);
      document.body.setAttribute("style", "color: red");
      const colour = getComputedStyle(document.body).color;
      setTimeout(() => done([window.intruder, image.naturalWidth, colour]), 50);
    })""")
    assert ran == [None, 0, "rgb(27, 31, 36)"]
    assert len(page.troubles) >= 2  # said by the browser: refused


def test_on_paper(pages, opened):
    """Black on white even from a dark screen."""
    page = opened(pages[0], dark=True)
    page.emulate_media(media="print", color_scheme="dark")
    style = (
        "(({color, backgroundColor}) => [color, backgroundColor])(getComputedStyle(document.body))"
    )
    assert page.evaluate(style) == ["rgb(0, 0, 0)", "rgb(255, 255, 255)"]
    assert page.pdf()[:5] == b"%PDF-"


def test_the_picture_of_this_test_is_one():
    assert base64.b64decode(PNG).startswith(b"\x89PNG")
