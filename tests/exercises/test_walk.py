"""Every assignment goes the whole way: released, answered, collected, graded, exported.

The answers are the solution, the empty sheet, and a planted fault of each question. What each must
earn is asked of the hidden tests in this process; the way through sandbox, record and table must
give the same.
"""

import csv
import json

from exercises.assignment import Assignment, grading, read_notebook, student_cells
from exercises.grading import engine, export
from exercises.grading.collect import collect
from exercises.grading.course import Course
from exercises.release import release, to_bytes

SEED = 4


def answered(notebook, assignment, mutant=None):
    """The student's notebook with the solution in it, or with one fault planted in that."""
    texts = {
        grading(c)["grade_id"]: c["source"] for c in assignment.cells if grading(c)["solution"]
    }
    if mutant:
        for old, new in mutant["change"]:
            texts[mutant["cell"]] = texts[mutant["cell"]].replace(old, new)
    for cell in notebook["cells"]:
        cell["source"] = texts.get(grading(cell)["grade_id"], cell["source"])
    return notebook


def test_from_release_to_export(assignment, grade, cases, tmp_path):
    name = assignment.name
    sheet = release(assignment, tmp_path / "class" / "release")
    question = {case.title: case.question for case in cases(assignment, SEED)}
    mutants = {question[mutant["fails"][0]]: mutant for mutant in assignment.mutants}
    papers = {"solution": answered(read_notebook(sheet), assignment), "stub": read_notebook(sheet)}
    for number, mutant in enumerate(mutants.values()):
        papers[f"fault{number}"] = answered(read_notebook(sheet), assignment, mutant)
    home = tmp_path / "class"
    (home / "course.toml").write_text(f"[assignments.{name}]\nseed = {SEED}\n")
    rows = [f"{student},First,{student},{student}@example.org" for student in papers]
    (home / "students.csv").write_text("\n".join(["id,first_name,last_name,email", *rows]))
    for student, notebook in papers.items():
        path = tmp_path / "handed-in" / student / f"{name}.ipynb"
        path.parent.mkdir(parents=True)
        path.write_bytes(to_bytes(notebook))
    course = Course(home)
    assert all(one.new for one in collect(course, name, tmp_path / "handed-in"))
    assert engine.run(course).errors == []
    for attempt in course.attempts():
        record = json.loads(attempt.record_path.read_bytes())
        here = grade(student_cells(papers[attempt.student]), cases(assignment, SEED))
        there = {
            case["title"]: case["feedback"]
            for part in record["questions"].values()
            for case in part["cases"]
        }
        assert {k for k, v in there.items() if v is None} == {k for k, v in here.items() if not v}
        earned = {key: part["points"] for key, part in record["questions"].items()}
        most = {key: meta["points"] for key, meta in assignment.questions.items()}
        if attempt.student == "solution":
            assert earned == most and not record["notes"]
            code = [part for part in record["manual"].values() if part["kind"] == "code"]
            needs = [part for part in code if "sklearn" not in part["source"]]  # not in the sandbox
            assert all(part["outputs"] for part in needs), "the model answer shows something"
            assert {part["status"] for part in record["manual"].values()} == {"to mark"}
        elif attempt.student == "stub":
            assert not any(earned.values())
            assert {part["status"] for part in record["questions"].values()} == {"missing"}
            assert {part["status"] for part in record["manual"].values()} == {"untouched"}
        else:
            assert 0 < sum(earned.values()) < sum(most.values())
    (table, *_) = export.write(course, ["plain"])
    points = {
        row["student"]: float(row["auto"]) for row in csv.DictReader(table.open(encoding="utf-8"))
    }
    assert points["solution"] == sum(most.values()) and points["stub"] == 0


def test_every_assignment_of_the_book_is_walked():
    from exercises.__main__ import assignments

    assert len(assignments()) >= 9
    assert all(isinstance(one, Assignment) and one.questions for one in assignments())
