"""The example class: what is in it, and that the grader finds in it what must be found."""

import csv
import re
import zipfile

import nbformat
import pytest

from exercises.assignment import Assignment
from exercises.grading import demo

TROUBLES = {what for student in demo.STUDENTS for what in student[3:]}


def rows(path):
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return demo.make(tmp_path_factory.mktemp("class") / "example", collected=False)


def test_thirty_students_who_do_not_exist(folder):
    students = rows(folder / "students.csv")
    assert len(students) == 30 == len({student["id"] for student in students})
    assert len({f"{s['first_name']} {s['last_name']}" for s in students}) == 30
    assert all(student["email"].endswith("@example.org") for student in students)
    assert "invented" in (folder / "course.toml").read_text("utf-8")


def test_every_trouble_happens():
    one_of_two = {"nothing", "better later", "worse later", "broken later"}
    assert {t for t in TROUBLES if not t.startswith("fault")} == demo.CHANGES.keys() | one_of_two
    assert len([t for student in demo.STUDENTS for t in student[3:] if t.startswith("fault")]) >= 8


def test_it_is_written_once_and_the_same_each_time(folder):
    with pytest.raises(FileExistsError, match="is not empty"):
        demo.make(folder)
    for name in demo.DUE:
        again = [
            [student, *demo.hand_ins(Assignment(name), student[3 + place], number)]
            for number, student in enumerate(demo.STUDENTS)
            for place in [list(demo.DUE).index(name)]
        ]
        for file, until in demo.EXPORTS.items():
            due = demo.DUE[name]
            data = (folder / "handed-in" / name / file).read_bytes()
            assert demo._moodle(name, due, due + until, again) == data


def test_the_archives_are_those_of_moodle(folder):
    for name in demo.DUE:
        early, late = (zipfile.ZipFile(folder / "handed-in" / name / f) for f in demo.EXPORTS)
        assert len(late.namelist()) == 29 and 1 <= len(early.namelist()) < 5
        for member in late.namelist():
            assert re.fullmatch(r"[^/_]+ [^/_]+_\d+_assignsubmission_file_/[^/]+\.ipynb", member)
        readable = 0
        for member in late.namelist():
            try:
                notebook = nbformat.reads(late.read(member).decode(), 4)
            except ValueError:
                continue
            nbformat.validate(notebook)
            readable += 1
        assert readable >= 26


def test_a_fault_costs_at_least_what_its_cases_are_worth(folder):
    got = {}
    for row in rows(folder / "expected.csv"):
        got.setdefault((row["student"], row["assignment"]), {})[row["question"]] = row
    looked_at = 0
    for student in demo.STUDENTS:
        for name, what in zip(demo.DUE, student[3:], strict=True):
            if what.startswith("fault"):
                assignment = Assignment(name)
                mutant = assignment.mutants[int(what.split()[1])]
                cases = assignment.cases(demo.SEED)
                lost = [case for case in cases if case.title in mutant["fails"]]
                for question in assignment.questions:
                    row = got[student[0], name][question]
                    most = sum(case.points for case in cases if case.question == question)
                    most -= sum(case.points for case in lost if case.question == question)
                    assert 0 < float(row["points"]) <= most
                    looked_at += most < float(row["max"])
    assert looked_at >= 8


def test_expected_totals_are_sensible(folder):
    """A typing error in a trouble would make it cost everything, or nothing."""
    total = {}
    for row in rows(folder / "expected.csv"):
        key = row["assignment"], row["what"]
        total[key] = total.get(key, 0) + float(row["points"] or 0)
    free = {"own", "copied", "perfect", "late", "very late", "a minute late", "extension", "input"}
    free |= {"reordered", "tests deleted", "foreign kernel", "warns", "prints much", "HTML"}
    free |= {"magic", "other name, old format", "helpers elsewhere", "sys.exit", "better later"}
    free |= {"worse later", "broken later"}
    nothing = {"untouched", "half a file", "empty file", "nothing", "wrong sheet"}
    for (name, what), points in total.items():
        if what in free:
            assert points == 18, (name, what)
        elif what in nothing:
            assert points == 0, (name, what)
        else:
            assert 4 <= points < 18, (name, what)


def test_the_grader_finds_what_must_be_found(tmp_path):
    """The whole class, every student, every question: status, points, attempts, lateness."""
    from exercises.grading import engine
    from exercises.grading.collect import collect
    from exercises.grading.course import Course
    from exercises.grading.results import results

    course = Course(demo.make(tmp_path / "class"))
    for name in demo.DUE:
        for file in demo.EXPORTS:
            again = collect(course, name, course.folder / "handed-in" / name / file)
            assert not any(one.new or one.student is None for one in again), again
    summary = engine.run(course)
    assert not summary.errors and summary.graded == len(course.attempts()) == 61
    of = {(name, r.student.id): r for name in demo.DUE for r in results(course, name, None)}
    expected = rows(course.folder / "expected.csv")
    assert len(expected) == 30 * 2 * 5
    wrong = []
    for row in expected:
        result = of[row["assignment"], row["student"]]
        attempts = len(course.attempts(row["assignment"], row["student"]))
        found = {"attempts": str(attempts)}
        if result.attempt is None:
            found["submission"] = found["status"] = "missing"
        else:
            question = (result.record["questions"] | result.record["manual"])[row["question"]]
            found |= {
                "submission": result.record["status"],
                "status": question["status"],
                "points": f"{question['points']:g}" if "points" in question else "",
                "max": f"{question['max']:g}",
                "late_days": f"{result.late_days:g}",
                "factor": f"{result.factor:g}",
            }
        if found.items() - row.items():
            wrong.append((row, dict(found.items() - row.items())))
    assert not wrong, "\n".join(map(str, wrong))
    for student, name, what in (
        ("okafor", "gradient-descent", "a sheet without a trouble"),
        ("petrenko", "gradient-descent", "an endless gd, which the sheet's own check would call"),
        ("obrien", "momentum", "an exit, likewise"),
    ):
        assert of[name, student].record["notes"] == [], what
