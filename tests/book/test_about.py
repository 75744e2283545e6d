"""Pages about the book, as built: what the build measured stands on them, and the graph works."""

import json
import re

import weigh
from descent_site import outline
from environment import ROOT


def text(site, name):
    return (site / name).read_text(encoding="utf-8")


def test_the_evidence_has_the_times_and_weights_of_this_build(site):
    page = text(site, "about/evidence.html").split("<article", 1)[1]
    times = json.loads((ROOT / "_build/executed/times.json").read_text("utf-8"))
    assert {f"chapters/{c.name}" for c in outline.read()} <= set(times)
    for name, row in times.items():
        assert 0 < row["cpu"] <= 30
        found = re.search(rf'href="\.\./{name}\.html".*?</tr>', page, re.S)[0]
        assert f"<p>{row['cpu']:.1f}</p>" in found
    table = re.search(r'<div id="page-weights">(.*?)</div>', page, re.S)[1]
    rows = dict(re.findall(r"<a href='\.\./(.*?)\.html'>.*?</a></td><td>(\d+)</td>", table))
    assert rows == {
        name.removesuffix(".html"): f"{row['page'] / 1e3:.0f}"
        for name, row in weigh.weigh(site).items()
    }


def test_made_pages_have_no_marks_left_and_their_links_lead_to_chapters(site):
    pages = [*site.glob("about/*.html"), *site.glob("teaching/*.html")]
    assert len(pages) >= 7
    for page in pages:
        assert not re.search(r"\{\{ \w", page.read_text(encoding="utf-8")), page
    guide = text(site, "teaching/guide.html")
    assert all(f"chapters/{c.name}.html" in guide for c in outline.read() if c.exercises)


def test_the_graph_is_readable_and_leads_to_the_chapters(open_page):
    """Letters of 12 pixels and targets of 24 on a narrow screen; arcs answer to the keyboard."""
    page = open_page("about/how-to-read.html", width=375)
    links = page.locator(".chapter-graph a")
    assert links.count() == len(outline.read())
    size = page.evaluate(
        """() => { const svg = document.querySelector(".chapter-graph");
        const scale = svg.getBoundingClientRect().width / svg.viewBox.baseVal.width;
        const text = [...svg.querySelectorAll("a text")];
        return [scale * 14, Math.min(...[...svg.querySelectorAll("rect")].map(
                    (r) => r.getBoundingClientRect().height)),
                Math.max(...text.map((t) => t.getBoundingClientRect().right)),
                document.documentElement.scrollWidth]; }"""
    )
    assert size[0] >= 12 and size[1] >= 24
    assert size[2] <= 375 and size[3] <= 375
    width = """(which) => getComputedStyle(document.querySelector(which)).strokeWidth"""
    arc = ".chapter-graph .a-gradient-descent.a-momentum"
    before = page.evaluate(width, arc)
    page.locator(".chapter-graph a.n-momentum").focus()
    assert page.evaluate(width, arc) != before
    page.keyboard.press("Enter")
    page.wait_for_url("**/chapters/momentum.html")
