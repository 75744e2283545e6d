"""Every assignment: the solution passes, the stub fails, each planted fault is found."""

import contextlib
import io
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import optlib
from exercises.assignment import HERE, Assignment, grading, read_notebook, student_cells
from exercises.cases import Wrong, verdict
from exercises.inside import load
from exercises.release import release

SEEDS = (0, 1, 2, 2026)


@pytest.fixture(scope="session")
def student(assignment, tmp_path_factory):
    """The student's notebook as released."""
    return read_notebook(release(assignment, tmp_path_factory.mktemp("release")))


def code_answers(notebook):
    """The student's code but for what a person marks, which takes time and bears on no test."""
    manual = [cell for cell in notebook["cells"] if grading(cell)["grade"]]
    return [text for text in student_cells(notebook) if text not in [c["source"] for c in manual]]


def visible_tests(notebook):
    cells = [cell for cell in notebook["cells"] if grading(cell)["grade"]]
    return {grading(c)["grade_id"]: c["source"] for c in cells if not grading(c)["solution"]}


def test_the_solution_runs_and_passes_the_visible_tests(assignment):
    namespace, errors = load(student_cells(assignment.notebook))
    assert not errors
    for source in visible_tests(assignment.notebook).values():
        with contextlib.redirect_stdout(io.StringIO()) as said:
            exec(source, namespace)
        assert "looks right" in said.getvalue()


@pytest.mark.parametrize("seed", SEEDS)
def test_the_solution_passes_every_hidden_test(assignment, grade, cases, seed):
    verdicts = grade(code_answers(assignment.notebook), cases(assignment, seed))
    assert len(verdicts) >= 5
    assert {title: said for title, said in verdicts.items() if said} == {}


def test_the_stub_fails_every_visible_test(student):
    namespace, _ = load(student_cells(student))
    tests = visible_tests(student)
    assert tests
    for source in tests.values():
        with pytest.raises(NotImplementedError):
            exec(source, namespace)


def test_the_stub_fails_every_hidden_test_and_is_told_why(assignment, student, grade):
    for title, said in grade(student_cells(student), assignment.cases(0)).items():
        assert said is not None, title
        assert "is not written yet" in said


def mutants():
    for path in sorted(HERE.glob("*/mutants.toml")):
        assignment = Assignment(path.parent)
        for mutant in assignment.mutants:
            yield pytest.param(assignment, mutant, id=f"{path.parent.name}: {mutant['fault']}")


@pytest.mark.parametrize(("assignment", "mutant"), list(mutants()))
def test_a_planted_fault_is_found(assignment, mutant, grade, cases):
    (cell,) = [c for c in assignment.cells if grading(c)["grade_id"] == mutant["cell"]]
    source = cell["source"]
    for text, other in mutant["change"]:
        assert source.count(text) == 1, f"{text!r} should stand once in cell {mutant['cell']}"
        source = source.replace(text, other)
    cells = code_answers(assignment.notebook)
    cells[cells.index(cell["source"])] = source
    assert mutant["fails"]
    for seed in SEEDS[:3]:
        verdicts = grade(cells, cases(assignment, seed))
        assert set(mutant["fails"]) <= verdicts.keys(), "no hidden case has this title"
        passed = [title for title in mutant["fails"] if verdicts[title] is None]
        assert not passed, f"seed {seed}"
        assert None in verdicts.values(), "a fault should cost only what it breaks"


def test_there_are_at_least_five_mutants_and_every_question_has_one(assignment):
    question = {case.title: case.question for case in assignment.cases(0)}
    assert len(assignment.mutants) >= 5
    found = {question[title] for mutant in assignment.mutants for title in mutant["fails"]}
    assert found == set(assignment.questions)


def test_every_hidden_case_is_failed_by_a_mutant(assignment):
    """A case that no fault can fail tests nothing."""
    failed = {title for mutant in assignment.mutants for title in mutant["fails"]}
    assert {case.title for case in assignment.cases(0)} == failed


def test_a_seed_gives_the_same_tests_and_another_seed_other_ones(assignment):
    def requests(seed):
        return [case.request for case in assignment.cases(seed)]

    assert requests(5) == requests(5)
    assert all(a != b for a, b in zip(requests(5), requests(6), strict=True))


JUNK = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from([(0,), (2,), (0, 2), (3, 2), (4, 3), (2, 2, 2)]).map(np.zeros)
    | st.sampled_from([(3, 2), (1, 2)]).map(lambda shape: np.full(shape, np.nan)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=6,
)


@settings(max_examples=60)
@given(junk=JUNK, wrap=st.booleans())
def test_any_data_gets_feedback_never_an_error_of_the_test(junk, wrap):
    for case in CASES:
        result = [junk, False] if wrap else junk
        for outcome in ({"returned": result, "after": {}}, junk, {"raised": junk}):
            said = verdict(case, outcome)
            if said is None and isinstance(outcome, dict):  # junk may hit a right answer
                assert outcome.get("returned") == RIGHT[case.title]
            else:
                assert isinstance(said, str) and 10 < len(said) < 500


RIGHT = {"sgd: nothing": 0}
CASES = [case for path in HERE.glob("*/hidden.py") for case in Assignment(path.parent).cases(0)]


# What is particular to gradient descent


@pytest.fixture(scope="module")
def gradient_descent():
    return Assignment("gradient-descent")


def test_step_counts_are_those_of_the_curriculum(gradient_descent):
    """69 and 691 steps to a millionth: known numbers, found again by the hidden test's oracle."""
    known = {10: 69, 100: 691}
    cases = {case.title: case for case in gradient_descent.cases(3)}
    for kappa, count in known.items():
        case = cases[f"reaches a millionth in the right number of steps, kappa = {kappa}"]
        problem = case.args["grad"].build_problem()
        setting = dict(start=case.args["x0"], lr=case.args["lr"])

        def path(steps, problem=problem, setting=setting):
            return optlib.run(optlib.GD, problem, steps, **setting).x

        accepted = [n for n in range(count - 4, count + 5) if not _says(case, [path(n), False])]
        assert accepted == [count - 1, count, count + 1]


def _says(case, result):
    return verdict(case, {"returned": result, "after": {}})


def test_the_model_answer_of_m1_says_true_numbers(gradient_descent):
    namespace, _ = load(student_cells(gradient_descent.notebook))
    (essay,) = [
        cell["source"] for cell in gradient_descent.cells if grading(cell)["grade_id"] == "m1_essay"
    ]
    for y0, name in ((1e-1, "0.1"), (1e-3, "0.001"), (1e-12, "the twelfth decade")):
        trace = optlib.run(optlib.GD, optlib.Saddle(), 400, [1.0, y0], lr=0.1)
        steps = optlib.first(np.abs(trace.x[:, 1]) >= 1)
        assert namespace["steps_to_leave"](y0) == steps
        assert f"{steps} steps from {name}" in essay or f"{steps} from {name}" in essay
    assert f"= {np.log(10) / np.log(1.2):.1f}$" in essay


def test_points_are_said_as_they_are_given(gradient_descent):
    """The points in the text, those of the rubric and those in the metadata agree."""
    text = "\n".join(c["source"] for c in gradient_descent.cells if c["cell_type"] == "markdown")
    worth = {key: meta["points"] for key, meta in gradient_descent.questions.items()}
    manual = {key: meta["points"] for key, meta in gradient_descent.manual.items()}
    overview = [int(n) for n in re.findall(r"^\| [EM]\d .*\| (\d+) \|$", text, re.MULTILINE)]
    e2 = worth["test_optimal_lr"] + worth["test_predict_steps"]
    assert overview == [worth["test_gd"], e2, sum(manual.values())]
    for part in ("plot", "essay"):
        rubric = re.findall(rf"^\| {part} \| (\d+) \|", text, re.MULTILINE)
        assert sum(map(int, rubric)) == manual[f"m1_{part}"]
    assert [int(n) for n in re.findall(r"^## .*\((\d+) points", text, re.MULTILINE)] == overview


def test_near_misses_of_gd(gradient_descent):
    """A right path with a wrong flag, a right flag with a wrong path: neither earns the case."""
    namespace, _ = load(student_cells(gradient_descent.notebook))
    for case in gradient_descent.cases(0):
        if case.function == "gd":
            grad, *others = case.args.values()
            path, diverged = namespace["gd"](grad.build(), *others)
            case.check([path, diverged])
            for flag in (
                not diverged,
                int(diverged),
                None,
                "True",
                np.array([diverged] * 2),
                [True],
            ):
                with pytest.raises(Wrong, match="diverged should be"):
                    case.check([path, flag])
            for wrong in (path[:0], path[:, :0], path[None], path[1:], path.T, path[:, 0]):
                with pytest.raises(Wrong):
                    case.check([wrong, diverged])
            for row in range(len(path)):
                wrong = path.copy()
                wrong[row, -1] += 1e-6 * (1 + abs(wrong[row]).max())
                with pytest.raises(Wrong, match=f"path.{row}. should be"):
                    case.check([wrong, diverged])


def test_a_visible_test_names_what_is_wrong(gradient_descent):
    tests = visible_tests(gradient_descent.notebook)

    def climbs(grad, x0, lr, steps, tol):
        path = [np.array(x0, dtype=float)]
        for _ in range(steps):
            path.append(path[-1] + lr * grad(path[-1]))
        return np.array(path), False

    with pytest.raises(AssertionError, match=r"a step leads from \[10, 1\] to \[9, 0\]"):
        exec(tests["test_gd"], {"np": np, "gd": climbs})
    with pytest.raises(AssertionError, match="a saddle has no best lr"):
        exec(tests["test_optimal_lr"], {"np": np, "optimal_lr": careless_lr})


def careless_lr(H):
    values = np.linalg.eigvalsh(H)
    return 2 / (values[0] + values[-1]) if values[0] + values[-1] else 1.0


def test_the_answer_from_inside_is_read_as_data(gradient_descent, grade):
    """An object that equals everything does not leave the sandbox."""
    trick = (
        "class Yes(float):\n"
        "    def __eq__(self, other): return True\n"
        "    def __le__(self, other): return True\n"
        "    __lt__ = __ge__ = __gt__ = __le__\n"
        "    def __sub__(self, other): return Yes(0)\n"
        "    __rsub__ = __abs__ = lambda self, *a: Yes(0)\n"
        "def gd(*a): return Yes(1), Yes(1)\n"
        "def optimal_lr(H): return Yes(1)\n"
        "def predict_steps(H, tol): return Yes(1)\n"
    )
    verdicts = grade([trick], gradient_descent.cases(0))
    assert all(verdicts.values())
