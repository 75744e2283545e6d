"""The rehearsal with Jupyter Book 2: what is made of its log. It runs in the schedule."""

import rehearse_jb2

LOG = """building myst-cli session with API URL: https://api.mystmd.org
\x1b[33m⚠️  index.md:7:191 Usage of the {doc} role is not recommended, use a markdown link instead.
   For {doc}`about/evidence` use [](about/evidence)\x1b[39m
⛔️ chapters/sgd.ipynb:3:209 unknown role: py:class
⛔️ chapters/sgd.ipynb:17:219 unknown role: py:class
⛔️ chapters/loss.ipynb:7:324 unknown role: py:class
⛔️ notation.md:9 unknown directive: symbols
📖 Built index.md in 3.39 s.
⚠️  chapters/sgd.ipynb Cross reference target was not found: eq-adam
⚠️  chapters/sgd.ipynb:1 Cross reference target was not found: problem=quadratic(kappa=10)&steps=60
⚠️  chapters/playground.ipynb:7 No target for internal reference "#problem=X&lr=1" was found.
⚠️  notation.md Cross reference target was not found: term-learning rate
⚠️  notation.md Something that nobody has seen
📚 Built 35 pages for project in 12 s.
"""


def test_what_it_says_is_sorted_into_kinds():
    assert rehearse_jb2.kinds(LOG) == {
        "discouraged role doc": {"index.md": 1},
        "equation that only the reference has: no target": {"chapters/sgd.ipynb": 1},
        "glossary term: no target": {"notation.md": 1},
        "link with settings into a widget: no target": {
            "chapters/sgd.ipynb": 1, "chapters/playground.ipynb": 1,
        },
        "something else: Something that nobody has seen": {"notation.md": 1},
        "unknown directive symbols": {"notation.md": 1},
        "unknown role py:class": {"chapters/sgd.ipynb": 2, "chapters/loss.ipynb": 1},
    }  # fmt: skip


def test_only_a_kind_that_comes_or_goes_is_a_change():
    found = rehearse_jb2.kinds(LOG)
    stored = list(found)
    assert rehearse_jb2.compare(found, stored) == []
    assert rehearse_jb2.compare(rehearse_jb2.kinds(LOG.replace("17:219", "18:2")), stored) == []
    assert rehearse_jb2.compare(found, [*stored[1:], "z"]) == ["+ discouraged role doc", "- z"]


def test_the_report_is_a_table():
    found = rehearse_jb2.kinds(LOG)
    text = rehearse_jb2.report(found, "Jupyter Book 2.1", 35, (4, 2), "not tried.")
    assert "| unknown role py:class | 3 | 2 |" in text and "35 pages were read" in text


def test_the_copy_is_complete_and_leaves_the_sources_alone(tmp_path):
    rehearse_jb2.copy(tmp_path / "book")
    names = {str(p.relative_to(tmp_path / "book")) for p in (tmp_path / "book").rglob("*.*")}
    assert {"index.md", "_toc.yml", "chapters/sgd.ipynb", "references.bib", "myst.yml"} <= names
    assert not (rehearse_jb2.ROOT / "myst.yml").exists()
