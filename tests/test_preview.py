"""The preview of a change: a small site and a copy with one page edited, one new and one gone."""

import json

import preview
import pytest
from PIL import Image

PAGE = (
    '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
    '<link rel="stylesheet" href="_static/book.{hash}.css"></head><body><p>menu {hash}</p>'
    '<article class="bd-article"><h1>{title}</h1><p>{text}</p><br>'
    '<img src="_images/{picture}.svg" alt="a square"><div id="page-weights"><b>{hash} kB</b></div>'
    "<script>var build = '{hash}';</script><p>The end.</p></article></body></html>"
)
SQUARE = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="90" height="90">'
    '<rect width="{}" height="9"/></svg>'
)


def site(folder, pages, hash, pictures=(("p", 50),)):
    (folder / "_images").mkdir(parents=True)
    (folder / "_static").mkdir()
    (folder / f"_static/book.{hash}.css").write_text("p { color: teal }")
    for name, width in pictures:
        (folder / f"_images/{name}.svg").write_text(SQUARE.format(width))
    for name, text in pages.items():
        page = PAGE.format(title=name, text=text, hash=hash, picture=pictures[0][0])
        (folder / f"{name}.html").write_text(page)
    return folder


@pytest.fixture(scope="module")
def sites(tmp_path_factory):
    place = tmp_path_factory.mktemp("sites")
    same = {"index": "Welcome.", "same": "As it was."}
    base = site(place / "base", {**same, "edited": "<i>One</i> word.", "old": "Bye."}, "1" * 8)
    head = site(place / "head", {**same, "edited": "<i>Two</i> words.", "fresh": "Hi."}, "2" * 8)
    return base, head


@pytest.fixture(scope="module")
def reported(sites, tmp_path_factory, browser):
    out = tmp_path_factory.mktemp("report") / "out"
    return preview.report(*sites, out, browser), out


def test_only_what_a_reader_sees_counts(sites):
    """Names of files, measured tables, scripts and what stands around the article do not."""
    found, diffs = preview.compare(*sites)
    assert found == {"changed": ["edited.html"], "new": ["fresh.html"], "gone": ["old.html"],
                     "files": []}  # fmt: skip
    assert [line for line in diffs["edited.html"] if line[0] in "+-"] == [
        "-One", "-word.", "+Two", "+words."
    ]  # fmt: skip


def test_a_picture_that_shows_something_else_is_a_change_another_name_is_none(tmp_path):
    base = site(tmp_path / "a", {"index": "x"}, "1" * 8)
    renamed = site(tmp_path / "b", {"index": "x"}, "1" * 8, (("q", 50),))
    drawn = site(tmp_path / "c", {"index": "x"}, "1" * 8, (("p", 60),))
    (drawn / "_static/book.11111111.css").write_text("p { color: red }")
    assert preview.compare(base, renamed)[0]["changed"] == []
    found = preview.compare(base, drawn)[0]
    assert found["changed"] == ["index.html"] and found["files"] == ["_static/book.css"]


def test_the_report_shows_both_at_two_widths(reported):
    found, out = reported
    text = (out / "index.html").read_text()
    names = {path.name for path in out.glob("*.webp")}
    assert names == {
        *(f"edited-{w}-{when}.webp" for w in (1280, 375) for when in "ba"),
        *(f"fresh-{w}-a.webp" for w in (1280, 375)), *(f"old-{w}-b.webp" for w in (1280, 375)),
    }  # fmt: skip
    assert all(f'src="{name}"' in text for name in names)
    for width in (1280, 375):
        before, after = (Image.open(out / f"edited-{width}-{when}.webp") for when in "ba")
        assert before.width == after.width == width and before.height <= preview.HEIGHT
        assert before.tobytes() != after.tobytes()
    assert json.loads((out / "pages.json").read_text()) == found


def test_the_comment_lets_only_names_through(reported):
    found, _ = reported
    text = preview.comment(found)
    assert "- Changed: `edited.html`\n" in text and "- Gone: `old.html`" in text
    evil = {"changed": ["x` [sign in](https://evil.example) `", "a\n# b", 7, "ok.html"]}
    assert preview.comment(evil).splitlines()[2:] == ["- Changed: `ok.html`"]
    many = preview.comment({"changed": [f"{n}.html" for n in range(50)]})
    assert "and 20 more" in many
    assert "No page has changed." in preview.comment({})


def test_what_is_no_site_is_named(sites, tmp_path):
    with pytest.raises(SystemExit, match="is no built site"):
        preview.report(sites[0], tmp_path, tmp_path / "out", None)
