"""Nothing of a solution or a hidden test stands anywhere in the built site."""

from pathlib import Path

from exercises.__main__ import assignments
from exercises.leaks import in_directory


def test_no_solution_and_no_hidden_test_in_the_site(site):
    """Pages, notebooks in _sources, scripts, the search index: every file that holds text."""
    assert (Path(site) / "searchindex.js").is_file()
    assert in_directory(assignments(), site) == []
