"""Addresses, dates, redirections, names of formulas: parts of descent_site, without a build."""

import re
import subprocess
from datetime import date

import pytest
import yaml
from descent_site import address, formulas, head, history, published
from docutils import nodes
from environment import ROOT


def test_addresses_come_from_the_config_or_from_the_environment(monkeypatch):
    monkeypatch.delenv("DESCENT_SITE", raising=False)
    monkeypatch.delenv("DESCENT_REPOSITORY", raising=False)
    url = yaml.safe_load((ROOT / "_config.yml").read_text("utf-8"))["repository"]["url"]
    owner, name = address.repository().split("/")
    assert url == f"https://github.com/{owner}/{name}" and address.branch() == "main"
    assert address.site() == f"https://{owner}.github.io/{name}/"
    monkeypatch.setenv("DESCENT_REPOSITORY", "Ada/ada.github.io")
    assert address.site() == "https://ada.github.io/"
    monkeypatch.setenv("DESCENT_SITE", "https://book.example/descent")
    assert address.site() == "https://book.example/descent/"
    assert head.place("index") == address.site()
    for name, value in (("DESCENT_SITE", "book.example"), ("DESCENT_REPOSITORY", "ada")):
        monkeypatch.setenv(name, value)
        with pytest.raises(ValueError, match=f"{name}={value!r}"):
            address.site() if name == "DESCENT_SITE" else address.repository()


def _git(folder, *words, day="2026-01-02"):
    who = ["-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "commit.gpgsign=false"]
    subprocess.run(
        ["git", "-C", folder, *who, *words], check=True, capture_output=True,
        env={"PATH": "/usr/bin:/bin", "GIT_COMMITTER_DATE": f"{day}T12:00:00Z"},
    )  # fmt: skip


def test_the_date_is_that_of_the_last_commit_to_the_page_or_its_table(tmp_path):
    book = tmp_path / "whole" / "book"
    book.mkdir(parents=True)
    _git(book.parent, "init", "-q")
    for day, name in (("2026-01-02", "a.md"), ("2026-02-03", "b.md"), ("2026-03-04", "a.yml")):
        (book / name).write_text(day)
        _git(book.parent, "add", ".")
        _git(book.parent, "commit", "-qm", name, day=day)
    (book / "new.md").write_text("not committed")
    assert history.last_changed(book, "a.md") == date(2026, 3, 4)
    assert history.last_changed(book, "b.md") == date(2026, 2, 3)
    assert history.last_changed(book, "new.md") is None
    assert history.spoken(date(2026, 3, 4)) == "4 March 2026"

    cut = tmp_path / "cut"  # one commit deep: git would date every file to that commit
    _git(tmp_path, "clone", "-q", "--depth", "1", f"file://{book.parent}", str(cut))
    assert history.last_changed(cut / "book", "b.md") is None
    assert history.commits(str(cut / "book"))[0]
    (tmp_path / "plain").mkdir()
    (tmp_path / ".git").write_text("gitdir: nowhere")  # not inside anybody's repository
    assert history.commits(str(tmp_path / "plain")) == (None, {})


MOVES = [
    ("moved: {b: c}\npages: [a]", "no page of the book"),
    ("moved: {a: a}\npages: [a]", "a is a page"),
    ("moved:\npages: [a, b]", "b: gone; say under `moved`"),
]


@pytest.mark.parametrize("text, words", MOVES)
def test_a_redirection_that_cannot_be_is_refused(tmp_path, text, words):
    (tmp_path / "redirects.yml").write_text(text)
    with pytest.raises(published.Nowhere, match=re.escape(words)):
        published.moved(tmp_path / "redirects.yml", ["a"])


def test_a_redirection_is_found(tmp_path):
    (tmp_path / "redirects.yml").write_text("moved: {old/b: a#place, c: a}\npages: [a, old/b]")
    leads = published.moved(tmp_path / "redirects.yml", ["a"])
    assert leads == {"old/b": ("a", "place"), "c": ("a", "")}
    assert 'href="../a.html#place"' in published.redirection("old/b", *leads["old/b"])


def test_no_two_formulas_have_the_same_name():
    known = [name.lower() for listed in formulas.names(str(ROOT / "formulas.yml")).values()
             for name in listed]  # fmt: skip
    assert len(known) == len(set(known)) > 150


def test_a_description_stops_before_a_formula_and_at_a_sentence():
    page = nodes.section()
    page += nodes.paragraph("", "A motto")
    words = "Schmidt et al. found that the first sentence is kept, long as it is."
    page += nodes.paragraph("", "", nodes.Text(f"{words} Then "), nodes.math("", "x"))
    assert head.description(page) == f"A motto. {words}"
    assert head.description(nodes.section()) == ""


def test_addresses_from_the_root_of_the_host(monkeypatch):
    monkeypatch.setenv("DESCENT_SITE", "https://a.org/book/")
    text = '<a href="x.html"><a href="#y"><img src="./z.png"><a href="https://b.org/"><a href="/q">'
    assert published.from_the_root(text) == (
        '<a href="/book/x.html"><a href="#y"><img src="/book/z.png"><a href="https://b.org/">'
        '<a href="/q">'
    )
