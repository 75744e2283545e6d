"""What is made from the chapters' own words: outline, graph, paths, syllabi, maps, counts."""

import dataclasses
import json
import re
import tomllib

import pybtex.database
import pytest
import yaml
from descent_site import about, evidence, graph, outline, plans
from environment import ROOT

BOX = """(here)=
# A title

:::{admonition} What you will be able to do
:class: tip
1. First.
2. Second.

You need: {ref}`gradient descent <gd>` and [the map](framework-map.ipynb). Reading takes about 45
minutes, the missions and the quiz 20 more, the exercises 90.
:::
"""


def chapter(name, *needs, minutes=(30, 20, 60), part="One"):
    return outline.Chapter(name, name, name.title(), part, needs, "", *minutes, ("a",))


def notebook(folder, markdown, *code):
    cells = [("markdown", markdown), *(("code", source) for source in code)]
    text = {"cells": [{"cell_type": kind, "source": source, "metadata": {}, "outputs": []} for
            kind, source in cells]}  # fmt: skip
    path = folder / "page.ipynb"
    path.write_text(json.dumps(text))
    return path


# --- the box --------------------------------------------------------------------------------------


def test_a_box_is_read(tmp_path):
    quiz = 'quiz.choice("Why $x$?", [], objective=2)\nquiz.number(f"{n} of", objective=1)'
    text = BOX.replace("45\nminutes", "45 minutes") + (
        "## Quiz\n## Exercises\n**E1, `gd`.** Write it (objectives 1 and 2).\n\n**M1, essay.** Why?"
    )
    found = outline.read_one(notebook(tmp_path, text, quiz), "Part")
    assert (found.title, found.label, found.part) == ("A title", "here", "Part")
    assert found.needs == ("gd", "framework-map.ipynb")
    assert (found.reading, found.practice, found.exercises, found.minutes) == (45, 20, 90, 155)
    assert found.objectives == ("First.", "Second.")
    assert found.questions == (outline.Question("Why $x$?", 2), outline.Question("… of", 1))
    assert [(e.title, e.objectives) for e in found.assignments] == [
        ("E1, `gd`", (1, 2)), ("M1, essay", ())
    ]  # fmt: skip


@pytest.mark.parametrize("gone", ["You need", "Reading takes about", "minutes,"])
def test_a_box_that_cannot_be_read_is_named(tmp_path, gone):
    text = BOX.replace("45\nminutes", "45 minutes").replace(gone, "")
    with pytest.raises(outline.NotReadable, match="page.ipynb: the box of objectives must say"):
        outline.read_one(notebook(tmp_path, text))


def test_a_page_without_objectives_is_no_chapter(tmp_path):
    assert outline.read_one(notebook(tmp_path, "# A tool\n")) is None


def test_every_chapter_of_the_book_is_read():
    read = outline.read()
    assert len({c.name for c in read} | {c.label for c in read}) >= len(read) > 10
    with_box = {
        path.stem for path in (ROOT / "chapters").glob("*.ipynb")
        if "What you will be able to do" in path.read_text("utf-8")
    }  # fmt: skip
    listed = {name.split("/")[-1] for _, files in outline.parts() for name in files}
    assert {c.name for c in read} == with_box & listed
    assert all(c.reading >= 10 and c.objectives for c in read)


# --- the graph ------------------------------------------------------------------------------------


def test_no_circle_and_every_need_stands_before():
    read = outline.read()
    outline.before(read)
    assert outline.misplaced(read) == []
    assert any(c.needs for c in read)


def test_a_circle_and_a_need_that_comes_too_late_are_found():
    circle = [chapter("a", "c"), chapter("b", "a"), chapter("c", "b")]
    with pytest.raises(outline.NotReadable, match="a needs c needs b needs a: a circle"):
        outline.before(circle)
    late = [chapter("a", "b"), chapter("b")]
    assert outline.misplaced(late) == [("a", "b")]
    assert outline.before(late) == {"a": {"b"}, "b": set()}


def test_the_graph_has_every_chapter_and_every_need():
    read = outline.read()
    drawn = graph.draw(read, lambda c: f"{c.name}.html")
    assert re.findall(r'href="([\w-]+)\.html"', drawn) == [c.name for c in read]
    arcs = re.findall(r'class="arc(?: faint)? a-([\w-]+) a-([\w-]+)"', drawn)
    assert sorted(arcs) == sorted((need, c.name) for c in read for need in c.needs)
    said = graph.words(read, lambda c: f"{c.name}.html")
    assert said.count("<li>") == len(read) and all(f"{c.name}.html" in said for c in read)


def test_what_another_need_brings_along_is_faint():
    chapters = [chapter("a"), chapter("b", "a"), chapter("c", "a", "b")]
    assert graph.direct(chapters) == {("a", "b"): True, ("a", "c"): False, ("b", "c"): True}
    drawn = graph.draw(chapters, lambda c: c.name)
    assert drawn.count("faint a-a a-c") == 1 and drawn.count('"arc a-') == 2


# --- paths and syllabi ----------------------------------------------------------------------------


@pytest.mark.parametrize("role", plans.ROLES)
@pytest.mark.parametrize("hours", [2, 10, 40])
def test_a_path_adds_up_and_leaves_nothing_unprepared(role, hours):
    plan, chapters = plans.path(role, hours), outline.read()
    total = sum(getattr(c, kind) for kind, done in plan.does.items() for c in done)
    share = plans.ROLES[role][0]
    assert plan.minutes == total <= 60 * hours * share
    whole = sum(c.minutes for c in chapters)
    assert total >= min(0.8 * 60 * hours * share, whole), "the time is used"
    read = {c.name for c in plan.does["reading"]}
    for c in plan.does["reading"]:
        assert outline.before(chapters)[c.name] <= read
    for kind in ("practice", "exercises"):
        assert {c.name for c in plan.does[kind]} <= read
    said = about.path("about/page", f"{role} {hours}")
    assert outline.spoken(total) in said
    brackets = sum(int(n) for n in re.findall(r"\((\d+)\)", said))
    assert brackets <= total and ("all" in said or brackets == total)


def test_spoken():
    assert [outline.spoken(m) for m in (0, 35, 60, 110)] == ["0 min", "35 min", "1 h", "1 h 50 min"]


@pytest.mark.parametrize("weeks", plans.COURSES)
def test_a_syllabus_covers_what_it_claims_in_an_order_that_works(weeks):
    chapters = outline.read()
    plan = plans.syllabus(weeks)
    flat = [c for week in plan for c in week]
    assert len(plan) == weeks and all(plan)
    part = plans.COURSES[weeks]
    assert flat == [c for c in chapters if c.exercises and part in (None, c.part)]
    assert outline.misplaced([dataclasses.replace(c, needs=tuple(n for n in c.needs if n in
                             {f.name for f in flat})) for c in flat]) == []  # fmt: skip
    for c in flat:
        assert set(c.needs) <= {f.name for f in flat}, "a course teaches what its chapters need"
    table = about.syllabus("teaching/guide", str(weeks))
    hours = sum(c.minutes for c in flat) / 60
    assert table.rstrip(" |").endswith(f"**{hours:.1f}**")
    assert all(table.count(f"chapters/{c.name}.ipynb") == 1 for c in flat)


def test_the_hours_of_the_layers_add_up():
    parts = [int(about.total("about/x", kind)) for kind in outline.ACTIVITIES]
    whole = sum(c.minutes for c in outline.read()) / 60
    assert int(about.total("about/x", "minutes")) == sum(parts)
    assert abs(sum(parts) - whole) <= 1.5


def test_split_is_even():
    assert plans.split([1, 1, 1, 1], 2) == (2, 2)
    assert plans.split([5, 1, 1, 1], 2) == (1, 3)
    assert plans.split([3, 2, 2, 3], 4) == (1, 1, 1, 1)
    with pytest.raises(ValueError, match="2 chapters cannot be spread over 3 weeks"):
        plans.split([1, 2], 3)


def test_every_objective_has_a_question_or_an_exercise_in_the_map():
    chapters = outline.read()
    rows = re.findall(r"^\| (\d+) \| .* \| (.+?) \| (.+?) \|$", about.objectives("x/y"), re.M)
    assert len(rows) == sum(len(c.objectives) for c in chapters)
    assert [row for row in rows if row[1] == row[2] == "–"] == []
    for c in chapters:
        assert len(c.questions) >= 5, c.name
        assert all(q.objective in range(1, len(c.objectives) + 1) for q in c.questions), c.name
        # The sheet has the exercises that the chapter announces.
        source = ROOT / "exercises" / c.name / "source.ipynb"
        if source.exists():
            sheet = source.read_text("utf-8")
            for e in c.assignments:
                assert f"## {e.title.partition(',')[0]}" in sheet, (c.name, e.title)


# --- pages ----------------------------------------------------------------------------------------


def test_every_chapter_has_notes_with_questions_and_answers():
    known = {c.name for c in outline.read()}
    for name in known:
        text = (about.NOTES / f"{name}.md").read_text("utf-8")
        assert "**Pace.**" in text and "**Pitfalls.**" in text, name
        asked = text.count("**Discuss: ")
        answers = text.count("<details><summary>Answer</summary>")
        assert 2 <= asked == answers == text.count("</details>"), name
    strangers = {p.stem for p in about.NOTES.glob("*.md")} - {
        p.stem for p in (ROOT / "chapters").glob("*.ipynb")
    }
    assert not strangers - {"modern", "architectures", "tuning", "benchmarking"}


def test_a_number_that_its_chapter_does_not_say_fails_the_build():
    assert about.expand("{{ from momentum: 93 }} steps", "teaching/chapters") == (
        "[93](../chapters/momentum.ipynb) steps"
    )
    with pytest.raises(about.ExtensionError, match="momentum.ipynb does not say “94”"):
        about.expand("{{ from momentum: 94 }}", "teaching/chapters")
    with pytest.raises(about.ExtensionError, match="no chapter 'nowhere'"):
        about.expand("{{ from nowhere: 1 }}", "teaching/chapters")


def test_a_number_is_no_piece_of_a_longer_one(monkeypatch):
    monkeypatch.setattr(about, "_texts", lambda name: "691 steps, 0.75, 1,257 and 93. Then")
    assert about.stands("691", "") and about.stands("93", "") and about.stands("1,257", "")
    assert not about.stands("69", "") and not about.stands("75", "") and not about.stands("257", "")
    assert not about.stands("0", "") and not about.stands("1", "")


def test_unknown_marks_and_missing_files_are_named():
    with pytest.raises(about.ExtensionError, match="about/x: nothing is called 'nonsense'"):
        about.expand("{{ nonsense }}", "about/x")
    with pytest.raises(about.ExtensionError, match="the repository has no nowhere.md"):
        about.expand("{{ repo nowhere.md }}", "about/x")
    with pytest.raises(about.ExtensionError, match="count sheep: it is one of chapters"):
        about.expand("{{ count sheep }}", "about/x")
    with pytest.raises(about.ExtensionError, match="access code: it is one of pages"):
        about.expand("{{ access code }}", "about/x")


def test_the_pages_leave_no_mark_and_type_no_count(monkeypatch, tmp_path):
    (tmp_path / "times.json").write_text('{"chapters/momentum": {"cpu": 2.04, "wall": 3.0}}')
    monkeypatch.setenv("DESCENT_EXECUTED", str(tmp_path))
    pages = [*(ROOT / "about").glob("*.md"), *(ROOT / "teaching").glob("*.md")]
    assert len(pages) == 9
    for page in pages:
        here = f"{page.parent.name}/{page.stem}"
        made = about.expand(page.read_text("utf-8"), here)
        assert not re.search(r"\{\{ \w", made), page
    assert "| [Momentum](../chapters/momentum.ipynb) | 2.0 | 3.0 |" in about.execution_times("a/b")


def test_citation_is_that_of_the_file():
    cff = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))
    text = about.citation("about/cite", "text")
    bib = about.citation("about/cite", "bibtex of momentum")
    for part in (cff["title"], cff["version"], str(cff["date-released"])[:4]):
        assert part in text and part in about.citation("about/cite", "bibtex")
    assert "@incollection{Descent:momentum" in bib and "chapters/momentum.html\\#momentum" in bib
    for form in ("bibtex", "bibtex of gradient-descent"):
        raw = about.citation("about/cite", form).split("\n", 1)[1].rsplit("```", 1)[0]
        assert len(pybtex.database.parse_string(raw, "bibtex").entries) == 1


# --- counts ---------------------------------------------------------------------------------------


def test_every_test_file_is_counted_once():
    files = list((ROOT / "tests").rglob("test_*.py"))
    total = sum(map(evidence.test_functions, files))
    assert sum(n for *_, n in evidence.tests()) == total > 1000
    assert all(n > 20 for *_, n in evidence.tests())


def test_what_is_said_of_the_speed_is_what_the_tables_say():
    found = evidence.benchmarks()
    text = (ROOT / "benchmarks/results.md").read_text("utf-8")
    rows = text.split("| step |")[1].split("\n\n")[0].splitlines()[2:]
    ratios = [float(row.split("|")[5]) for row in rows]
    assert found["steps"] == len(ratios) and found["faster"] == sum(r > 1 for r in ratios)
    assert 0 < found["faster"] < found["steps"] and 0 < found["quick"] <= found["sliders"]
    with pytest.raises(ValueError, match="no table starts with"):
        list(evidence._rows("| a |", "| b |"))


def test_counts_of_the_exercises_are_those_of_the_folders():
    found = evidence.exercises()
    folders = list((ROOT / "exercises").glob("*/mutants.toml"))
    assert found["sheets"] == len(folders)
    assert found["mutants"] == sum(len(tomllib.loads(f.read_text())["mutant"]) for f in folders)
    assert found["graded"] >= 2 * found["sheets"] and found["manual"] >= found["sheets"]


def test_cases_are_those_that_the_faults_name():
    from exercises.assignment import Assignment

    one = Assignment("momentum")
    planted = {title for mutant in one.mutants for title in mutant["fails"]}
    assert planted == {case.title for case in one.cases(seed=1)}


def test_every_oracle_says_what_made_it():
    for name, made in evidence.oracles():
        assert {"numpy"} < set(made), name
