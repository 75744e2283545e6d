"""What `make bench-site` has stored: the page shows it, and it still describes this site."""

import json

import weigh
from environment import ROOT
from test_files import PAGE_BUDGET, REQUESTS

from benchmarks import site as bench

STORED = json.loads(bench.JSON.read_text("utf-8"))


def test_the_page_shows_what_is_stored(site):
    assert bench.TABLE.read_text("utf-8") == bench.report(STORED), "run make bench-site again"
    shown = (site / "speed.html").read_text("utf-8")
    for name, both in STORED["pages"].items():
        assert f"{name}.html" in shown or name == "stock"
        assert f"<td class=\"text-right\"><p>{both['plain']['usable'] / 1e3:.2f}</p></td>" in shown


def test_the_stored_pages_are_this_sites(site):
    """The weights of today, give or take what a word of prose weighs: else measure again."""
    assert {*bench.PAGES, "stock"} <= set(STORED["pages"])
    for name in set(STORED["pages"]) - {"stock"}:
        row = STORED["pages"][name]["plain"]
        today = sum(
            weigh.weight(path)[1]
            for path in weigh.files(site, site / f"{name}.html")
            if not weigh.is_picture(path) and not weigh.is_maths(path)
        )
        assert abs(row["page"] - today) < 0.15 * today, f"{name}: run make bench-site again"
        assert row["page"] <= PAGE_BUDGET and row["requests"] <= REQUESTS
        assert row["elsewhere"] == 0 < STORED["pages"]["stock"]["plain"]["elsewhere"]
