"""Nothing of a solution or a hidden test stands anywhere in the built site."""

import functools
from pathlib import Path

from exercises import leaks
from exercises.__main__ import assignments


def test_no_solution_and_no_hidden_test_in_the_site(site, monkeypatch):
    """Pages, notebooks in _sources, scripts, the search index: every file that holds text."""
    for name in ("_fold", "_letters"):  # each file once, not once for each assignment
        monkeypatch.setattr(leaks, name, functools.lru_cache(4)(getattr(leaks, name)))
    assert (Path(site) / "searchindex.js").is_file()
    assert leaks.in_directory(assignments(), site) == []
