"""One class is enough: a rule added to a copy of the library appears everywhere by itself."""

import os
import shutil
import subprocess
import sys

import pytest

from tests.conftest import ROOT

NEWCOMER = '''

class Halving(Optimizer):
    r"""Gradient descent with half the step.

    .. math::
        :label: eq-halving

        \\theta_t = \\theta_{t-1} - \\tfrac12 \\eta\\, g_t

    Parameters
    ----------
    lr : learning rate, default 1e-3.
    """

    memory = ("calls",)
    defaults = dict(lr=1e-3)

    def update(self, t, x, g, calls, lr):
        calls += 1
        x -= 0.5 * lr * g
'''


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """A copy of the project's Python with the new class at the end of first_order.py."""
    root = tmp_path_factory.mktemp("newcomer")
    for folder in ("optlib", "tests", "tools", "site", "exercises"):
        shutil.copytree(ROOT / folder, root / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("conftest.py", "pyproject.toml", "_config.yml", "package.json"):
        shutil.copy(ROOT / name, root)
    (root / "node_modules").symlink_to(ROOT / "node_modules")
    with open(root / "optlib/first_order.py", "a", encoding="utf-8") as file:
        file.write(NEWCOMER)
    return root


def run(root, *command):
    env = {**os.environ, "PYTHONPATH": f"{root}{os.pathsep}{root / 'site'}"}
    env.pop("PYTEST_XDIST_WORKER", None)
    done = subprocess.run(
        [sys.executable, *command], cwd=root, env=env, capture_output=True, text=True
    )
    return done.returncode, done.stdout + done.stderr


def test_widgets_styles_tables_and_names(copy):
    script = """
import optlib
from optlib import figures
from optlib.registry import glance
from optlib.widgets import EllipseLab
assert "newcomer" in optlib.__file__
assert optlib.Halving is optlib.OPTIMIZERS["Halving"]
assert figures.optimizer_style("Halving")["color"]
looks = [str(look[:3]) for look in figures.STYLES.values()]
assert looks.count(str(figures.STYLES["Halving"][:3])) == 1
assert '"Halving": {' in EllipseLab._esm and '"Halving": {"colour"' in EllipseLab._esm
assert "Halving" in EllipseLab(optimizers=["Halving"]).alt()
assert ["Halving", "1", "calls", "lr = 0.001"] in glance()
"""
    code, said = run(copy, "-c", script)
    assert code == 0, said


def test_the_property_tests_find_it(copy):
    code, said = run(
        copy, "-m", "pytest", "-q", "-p", "no:xdist", "-k", "Halving",
        "tests/test_optimizer.py", "tests/test_trace.py", "tests/test_registry.py",
        "tests/test_figures.py", "tests/widgets/test_tracer.py",
    )  # fmt: skip
    assert code == 0, said
    assert int(said.split(" passed")[0].split()[-1]) >= 8, said


def test_the_suite_asks_for_an_oracle_and_an_equation(copy):
    """What a machine cannot write: the tests say by name that it is missing."""
    code, said = run(
        copy, "-m", "pytest", "-q", "-p", "no:xdist",
        "tests/oracles/test_torch.py::test_every_trajectory_is_used_and_every_optimizer_has_one",
        "tests/test_equations.py::test_every_class_has_its_equation_here",
    )  # fmt: skip
    assert code == 1 and "2 failed" in said and "Halving" in said, said


def test_the_reference_prints_it(copy, tmp_path):
    (tmp_path / "conf.py").write_text(
        "extensions = ['sphinx.ext.autodoc', 'sphinx.ext.mathjax', 'probe']\n", "utf-8"
    )
    (tmp_path / "probe.py").write_text(
        "from descent_site import docstrings\ndef setup(app): docstrings.setup(app)\n", "utf-8"
    )
    (tmp_path / "index.rst").write_text(
        "Rules\n=====\n\n.. currentmodule:: optlib\n\n.. rules:: first_order\n", "utf-8"
    )
    env_path = str(tmp_path)
    script = (
        f"import sys; sys.path.insert(0, {env_path!r}); from sphinx.cmd.build import main; "
        f"sys.exit(main(['-q', {env_path!r}, {env_path + '/out'!r}]))"
    )
    code, said = run(copy, "-c", script)
    assert code == 0, said
    page = (tmp_path / "out/index.html").read_text("utf-8")
    assert 'id="optlib.Halving"' in page and "Gradient descent with half the step" in page
    assert 'id="optlib.GD"' in page and 'id="optlib.Adam"' not in page
