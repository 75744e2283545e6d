"""The table of frames: its program runs on the built site, and it names every page with a lab."""

import re
import statistics

from build import chapters
from environment import ROOT

from benchmarks import frames


def rows():
    table = frames.RESULTS.read_text("utf-8")
    return re.findall(r"^\| ([\w-]+) \| ([^|]+) \| ([\d.]+) \| ([\d.]+) \|$", table, re.M)


def test_the_table_names_every_page_with_sliders(site):
    with_sliders = {
        path.stem
        for path in chapters(ROOT)
        if re.search(r"class=\"optlib-widget\" data-model-id=\"(?!quiz)", _page(site, path))
    }
    unmeasured = with_sliders - {page for page, *_ in rows()}
    without = {"autodiff", "benchmarking"}  # their labs have no slider
    assert unmeasured <= without, "run python -m benchmarks.frames again"


def _page(site, path):
    return (site / "chapters" / f"{path.stem}.html").read_text("utf-8")


def test_every_frame_of_a_dragged_slider_is_recorded(open_page):
    measured = frames.measure(open_page("chapters/momentum.html"), values=5)
    assert [slider for _, slider, _ in measured] == [
        "Rate times curvature, ηh", "Momentum β", "Steps",
    ]  # fmt: skip
    for name, _, times in measured:
        assert name == "locus" and len(times) >= 4 and 0 < statistics.median(times) < 1000
