"""Fixtures: the assignments, and a class of students made of code cells."""

import functools
import warnings

import matplotlib
import matplotlib.pyplot as plt
import pytest

from exercises import inside
from exercises.assignment import HERE, Assignment
from exercises.cases import verdict
from exercises.wire import from_json

matplotlib.use("Agg")

NAMES = sorted(path.parent.name for path in HERE.glob("*/source.ipynb"))


@pytest.fixture(scope="session", params=NAMES)
def assignment(request):
    """Every assignment of the repository in turn."""
    return Assignment(request.param)


@pytest.fixture(scope="session")
def cases():
    """cases(assignment, seed), made once."""
    made = functools.lru_cache(lambda folder, seed: Assignment(folder).cases(seed))
    return lambda assignment, seed: made(assignment.folder, seed)


@pytest.fixture(scope="session")
def grade():
    """grade(code cells, cases) -> {title: feedback or None}, through the wall and back."""

    def grade(cells, cases):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a student's, not ours
            namespace, _ = inside.load(cells)
            plt.close("all")
            answers = [from_json(inside.answer(namespace, case.request)) for case in cases]
        return {case.title: verdict(case, said) for case, said in zip(cases, answers, strict=True)}

    return grade
