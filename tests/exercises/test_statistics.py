"""Item statistics: numbers that can be worked out by hand, and when there are none."""

import csv

import numpy as np
import pytest

from exercises.grading.statistics import correlation, items, text, write
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
# student -> points of two cases of test_gd (max 2 and 3), of test_optimal_lr (max 4)
EARNED = {"a": (2, 3, 4), "b": (2, 0, 4), "c": (2, 3, 1), "d": (2, 0, 0), "e": (2, 1.5, 2)}


@pytest.fixture
def rows(tmp_path):
    made = course(tmp_path, [Student(name) for name in "abcdefg"])
    file, found = attempt(tmp_path), []
    for name, (one, two, three) in EARNED.items():
        gd = question([case("one", one, 2), case("two", two, 3)])
        lr = question([case("best", three, 4)])
        found.append(
            result(
                made.students[name],
                file,
                record({"test_gd": gd, "test_optimal_lr": lr}, {"m1_plot": manual()}),
            )
        )
    zero = {"test_gd": question([case("one", 0, 2), case("two", 0, 3)], "unreadable", "?")}
    torn = record(zero, {"m1_plot": manual("unreadable")}, status="unreadable", reason="?")
    found += [result(made.students["f"]), result(made.students["g"], file, torn)]
    scores = {"a": {"m1_plot": 4}, "b": {"m1_plot": 2}, "c": {"m1_plot": 3}, "d": {"m1_plot": None}}
    return made, {(r.question, r.case): r for r in items(made, NAME, found, scores)}


def test_difficulty_is_the_share_of_the_points_of_those_who_could_be_graded(rows):
    rows = rows[1]
    assert rows["test_gd", None].students == 5
    assert rows["test_gd", None].difficulty == pytest.approx((5 + 2 + 5 + 2 + 3.5) / 25)
    assert rows["test_gd", "one"].difficulty == 1
    assert rows["test_gd", "two"].difficulty == pytest.approx(7.5 / 15)
    assert rows["test_gd", "two"].max == 3
    assert rows["m1_plot", None].difficulty == pytest.approx(9 / 12)


def test_discrimination_is_the_correlation_with_the_rest_without_the_item(rows):
    rows = rows[1]
    one, two, three = np.array(list(EARNED.values())).T
    for key, own, rest in (
        (("test_gd", None), one + two, three),
        (("test_gd", "two"), two, one + three),
        (("test_optimal_lr", "best"), three, one + two),
        (("m1_plot", None), np.array([4, 2, 3]), (one + two + three)[:3]),
    ):
        assert rows[key].discrimination == pytest.approx(np.corrcoef(own, rest)[0, 1])
    with_itself = np.corrcoef(two, one + two + three)[0, 1]
    assert rows["test_gd", "two"].discrimination < with_itself - 0.1


def test_what_is_not_defined_is_said(rows):
    one = rows[1]["test_gd", "one"]
    assert one.discrimination is None and one.why == "all have the same points here"
    assert correlation([1, 2], [3, 4]) == (None, "fewer than 3 students")
    assert correlation([1, 2, 3], [4, 4, 4]) == (None, "all have the same rest")
    assert correlation([0.1 + 0.2, 0.3, 0.3], [1, 2, 3])[0] is None  # rounding is no difference
    assert correlation([1, 2, 3], [3, 2, 1]) == (pytest.approx(-1), "")


def test_an_empty_class_has_rows_without_numbers(tmp_path):
    made = course(tmp_path, [Student("a")])
    rows = items(made, NAME, [result(made.students["a"])])
    assert {r.question for r in rows} == {
        "test_gd", "test_optimal_lr", "test_predict_steps", "m1_plot", "m1_essay",
    }  # fmt: skip
    assert all(r.difficulty is None and r.students == 0 and r.why for r in rows)
    assert "fewer than 3 students" in text(rows, NAME)


def test_a_question_that_was_stopped_counts_in_each_of_its_cases(tmp_path):
    made = course(tmp_path, [Student(name) for name in "abc"])
    file = attempt(tmp_path)
    good = record({"test_gd": question([case("one", 2, 2), case("two", 3, 3)])})
    stopped = record({"test_gd": question([], "timeout", "too long") | {"max": 5}})
    old = record({"test_gd": question([case("one", 2, 2)])})
    found = [result(made.students[n], file, r) for n, r in zip("abc", (good, stopped, old))]
    rows = {(r.question, r.case): r for r in items(made, NAME, found)}
    assert rows["test_gd", None].statuses == {"graded": 2, "timeout": 1}
    assert rows["test_gd", "one"].students == 3
    assert rows["test_gd", "one"].difficulty == pytest.approx(2 / 3)
    assert rows["test_gd", "two"].students == 2  # graded with tests that had no such case
    assert rows["test_gd", "two"].difficulty == pytest.approx(1 / 2)


def test_statuses_are_counted_and_manual_parts_are_marked_or_not(rows):
    assert rows[1]["test_gd", None].statuses == {"graded": 5}
    assert rows[1]["m1_plot", None].statuses == {"marked": 3, "to mark": 2}


def test_the_table_and_the_file(rows):
    made, rows = rows
    told = text(rows.values(), NAME)
    line = next(line for line in told.split("\n") if line.strip().startswith("two"))
    assert line.split()[1:4] == ["5", "3", "0.50"]
    assert "3 marked, 2 to mark" in told and max(map(len, told.split("\n"))) <= 80
    path = write(made, NAME, list(rows.values()))
    once = path.read_bytes()
    table = {(r["question"], r["case"]): r for r in csv.DictReader(once.decode().splitlines())}
    assert table["test_gd", "two"]["difficulty"] == "0.500"
    assert table["test_gd", "one"]["discrimination"] == ""
    assert table["test_gd", "one"]["why_not"] == "all have the same points here"
    assert table["m1_plot", ""]["to mark"] == "2" and table["test_gd", ""]["to mark"] == "0"
    assert write(made, NAME, list(rows.values())).read_bytes() == once


def test_titles_that_differ_at_their_ends_still_do(tmp_path):
    made = course(tmp_path, [Student(name) for name in "abc"])
    long = "reaches a millionth of the way in the right number of steps, kappa = "
    both = record({"test_gd": question([case(long + n, 1, 1) for n in ("10", "1000")])})
    found = [result(one, attempt(tmp_path), both) for one in made.students.values()]
    told = text(items(made, NAME, found), NAME)
    assert " steps, kappa = 10 " in told and "steps, kappa = 1000 " in told
    manual = next(line for line in told.split("\n") if line.startswith("m1_plot"))
    assert manual.split() == ["m1_plot", "0", "4", "-", "-"]  # nobody is marked; it has 4 points
