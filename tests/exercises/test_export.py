"""Tables of points: what Moodle and Canvas need, nothing invented, no formula, the same bytes."""

import csv
from types import SimpleNamespace

import pytest

from exercises.grading.export import cell, points, write
from tests.exercises.small_class import (
    Student,
    attempt,
    case,
    course,
    manual,
    question,
    record,
    result,
)

NAME = "gradient-descent"
FIRST = question([case("steps", 3.5, 10, "no")])


@pytest.fixture
def grades(tmp_path):
    """(course, results by name, scores by name) of one student in each state."""
    students = [
        Student("zoe", "Zoë", "=cmd|' /C calc'!A0", "@SUM(A1)"),
        Student("adam", "Adam", "Ng, the elder", "adam@example.org"),
        Student("mute"), Student("late"), Student("wait"), Student("torn"), Student("zero"),
    ]  # fmt: skip
    made = course(tmp_path, students)
    by_id, file = made.students, attempt(tmp_path)
    essay = {"m1_plot": manual()}
    bad = record({}, status="unreadable", reason="no notebook")
    none = record({"test_gd": question([case("steps", 0, 10, "no")])}, essay)
    found = [
        result(by_id["zoe"], file, record({"test_gd": FIRST}, essay)),
        result(by_id["adam"], file, record({"test_gd": FIRST}, essay), marked=3),
        result(by_id["late"], file, record({"test_gd": FIRST}), factor=0.8, late_days=2),
        result(by_id["wait"], file),
        result(by_id["torn"], file, bad, total=0.0),
        result(by_id["mute"], total=0.0),  # whatever its total is: nothing there is no zero
        result(by_id["zero"], file, none, marked=0),
    ]
    return made, {NAME: found}, {NAME: {"adam": {"m1_plot": 3}, "zero": {"m1_plot": 0}}}


def read(path):
    return list(csv.reader(path.read_text("utf-8").splitlines()))


def test_the_plain_table_has_everything(grades):
    (path,) = write(grades[0], ["plain"], *grades[1:])
    assert path.name == "grades.csv"
    rows = list(csv.DictReader(path.read_text("utf-8").splitlines()))
    told = {row["student"]: row for row in rows}
    assert list(told) == sorted(told)  # one order, whatever that of the results
    states = {name: row["status"] for name, row in told.items()}
    assert states == {
        "adam": "complete", "late": "complete", "mute": "missing", "torn": "unreadable",
        "wait": "waiting", "zero": "complete", "zoe": "to mark",
    }  # fmt: skip
    totals = {name: row["total"] for name, row in told.items()}
    assert totals == {
        "adam": "6.5", "late": "2.8", "mute": "", "torn": "0", "wait": "", "zero": "0", "zoe": "",
    }  # fmt: skip
    adam = told["adam"]
    assert (adam["test_gd: points"], adam["test_gd: status"]) == ("3.5", "graded")
    assert (adam["m1_plot: points"], adam["m1_plot: status"]) == ("3", "marked")
    assert (told["zoe"]["m1_plot: points"], told["zoe"]["m1_plot: status"]) == ("", "to mark")
    assert adam["submitted_utc"] == "2026-12-01T12:00:05Z" and len(adam["submission_sha256"]) == 64
    assert (adam["auto"], adam["max_auto"], adam["manual"], adam["max_manual"]) == (
        "3.5", "18", "3", "4",
    )  # fmt: skip
    assert (told["late"]["late_days"], told["late"]["factor"]) == ("2", "0.8")
    assert told["mute"]["auto"] == told["mute"]["late_days"] == told["wait"]["auto"] == ""


def test_a_person_may_change_the_points_of_a_tested_question(grades):
    made, found, _ = grades
    (path,) = write(made, ["plain"], found, {NAME: {"adam": {"test_gd": 0.0}}})
    told = {row["student"]: row for row in csv.DictReader(path.read_text("utf-8").splitlines())}
    assert (told["adam"]["test_gd: points"], told["adam"]["test_gd: status"]) == ("0", "marked")
    assert told["zoe"]["test_gd: points"] == "3.5"


def test_a_manual_part_with_nothing_in_it_has_no_points_to_wait_for(grades):
    made, found, _ = grades
    found[NAME][0].record["manual"]["m1_plot"]["status"] = "untouched"
    (path,) = write(made, ["plain"], found)
    told = {row["student"]: row for row in csv.DictReader(path.read_text("utf-8").splitlines())}
    assert (told["zoe"]["m1_plot: points"], told["zoe"]["m1_plot: status"]) == ("0", "untouched")


def test_moodle_finds_students_and_knows_no_grade_from_zero(grades):
    (path,) = write(grades[0], ["moodle"], *grades[1:])
    header, *rows = read(path)
    assert header == [
        "First name", "Last name", "ID number", "Email address", NAME, f"{NAME} (feedback)",
    ]  # fmt: skip
    told = {row[2]: row[4:] for row in rows}
    assert told == {
        "adam": ["6.5", ""],
        "late": ["2.8", "late by 2 day(s): counts 80 %"],
        "mute": ["-", "nothing handed in"],
        "torn": ["0", "handed in, but it is no notebook that can be read"],
        "wait": ["-", "handed in, not graded yet"],
        "zero": ["0", ""],
        "zoe": ["-", "not complete: a part is still to be marked"],
    }


def test_canvas_gets_its_columns_and_its_row_of_maxima(grades):
    (path,) = write(grades[0], ["canvas"], *grades[1:])
    header, maxima, *rows = read(path)
    assert header == ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", NAME]
    assert maxima == ["    Points Possible", "", "", "", "", "22"]
    told = {row[2]: row for row in rows}
    assert told["adam"] == ["Ng, the elder, Adam", "", "adam", "adam", "", "6.5"]
    assert {name: row[5] for name, row in told.items()} == {
        "adam": "6.5", "late": "2.8", "mute": "", "torn": "0", "wait": "", "zero": "0", "zoe": "",
    }  # fmt: skip
    assert all(row[1] == "" for row in rows)  # Canvas's own number: ours would be a stranger's


def test_the_same_class_gives_the_same_bytes_in_any_order(grades):
    made, found, scores = grades
    once = [path.read_bytes() for path in write(made, results=found, scores=scores)]
    again = write(made, results={NAME: found[NAME][::-1]}, scores=scores)
    assert [path.read_bytes() for path in again] == once
    assert not [path for path in (made.folder / "exports").iterdir() if path.name[0] == "."]


@pytest.mark.parametrize(
    "text",
    ["=1+1", "+1+1", "-1+1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", " =1", "\uff1d1", "-A1", "=",
     "\x00=1", "\ufeff=1", "\u200b=1"],
)  # fmt: skip
def test_no_cell_is_a_formula(text):
    made = cell(text)
    assert made[0] == "'" and not set(made) & set("\t\r\n\x00")


def test_numbers_a_dash_and_names_stay_as_they_are():
    for text in ("-", "-1.5", "0", "12.25", "Zoë", "O'Neil", "a@b.c", "    Points Possible"):
        assert cell(text) == text


def test_a_name_that_is_a_formula_is_none_in_any_table(grades):
    for path in write(grades[0], results=grades[1], scores=grades[2]):
        cells = [text for row in read(path) for text in row]
        assert any("=cmd" in text for text in cells)
        wild = [t for t in cells if t.lstrip()[:1] in tuple("=+@") or (t[:1] == "-" and t != "-")]
        assert wild == []


def test_points_are_short_and_exact():
    assert [points(x) for x in (None, 0, -0.0, 3, 3.5, 2.8000000000000003, 1 / 3)] == [
        "", "0", "0", "3", "3.5", "2.8", "0.3333",
    ]  # fmt: skip


def test_who_has_no_result_yet_is_missing_and_assignments_keep_their_order(grades):
    made, found, scores = grades
    made.plans = {"other": SimpleNamespace(assignment=made.plans[NAME].assignment)} | made.plans
    found = found | {"other": [r for r in found[NAME] if r.student.id == "adam"]}
    _, moodle, canvas = write(made, results=found, scores=scores)
    assert read(canvas)[0][5:] == ["other", NAME]
    told = {row[2]: row[4] for row in read(moodle)}
    assert told["adam"] == "6.5" and told["late"] == "-"


def test_a_format_that_does_not_exist_is_named(grades):
    with pytest.raises(ValueError, match="'excel'; choose from plain, moodle, canvas"):
        write(grades[0], ["plain", "excel"], grades[1])
    assert not (grades[0].folder / "exports").exists()
