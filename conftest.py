"""For every test, the notebooks included: the same surroundings, and what nbval compares."""

import sys
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "tools"))

import environment
import hypothesis

environment.apply()
# No test is timed: a busy machine must not fail one.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")

# Not stored, so not compared: pictures (their text/plain, with the description, is) and the address
# of a live widget (its text is). Everything else must be equal.
NOT_STORED = ("image/png", "image/svg+xml", "application/vnd.jupyter.widget-view+json")


def pytest_collectstart(collector):
    if hasattr(collector, "skip_compare"):
        collector.skip_compare = tuple({*collector.skip_compare, *NOT_STORED})


def pytest_collection_modifyitems(items):
    """Modules with the longest tests first, so that no process is left alone with one at the end.

    First the browser's (JupyterLab in front: it needs no built site, so it runs while the other
    process builds it), then the notebooks, then the modules with the most tests.
    """

    def place(item):
        module = item.nodeid.split("::")[0]
        first = [module.startswith(start) for start in LONG_FIRST] + [True]
        return first.index(True), -count[module], module

    count = Counter(item.nodeid.split("::")[0] for item in items)
    items.sort(key=place)


LONG_FIRST = (
    "tests/book/test_pages", "tests/widgets/test_jupyterlab", "tests/book/test_gates",
    "tests/test_newcomer", "tests/book", "tests/exercises", "chapters",
    "tests/widgets/test_quiz_browser", "tests/test_tasks", "tests/test_benchmarks",
)  # fmt: skip
