"""A fork publishes under its own name: addresses follow two variables, and nothing is edited."""

from types import SimpleNamespace

import pytest
from descent_site import about, address, fork
from docutils import nodes
from docutils.utils import new_document

WRITTEN = address.written()


def test_without_variables_the_addresses_are_those_of_the_settings(monkeypatch):
    monkeypatch.delenv("DESCENT_REPOSITORY", raising=False)
    monkeypatch.delenv("DESCENT_SITE", raising=False)
    owner, name = WRITTEN.split("/")
    assert address.repository() == WRITTEN
    assert address.site() == f"https://{owner}.github.io/{name}/"


@pytest.mark.parametrize(
    ("repository", "site", "address_of_site"),
    [
        ("Teacher/optimizers", None, "https://teacher.github.io/optimizers/"),
        ("teacher/Teacher.github.io", None, "https://teacher.github.io/"),
        ("teacher/optimizers", "https://a.example/book", "https://a.example/book/"),
        ("teacher/optimizers", "https://a.example/", "https://a.example/"),
    ],
)
def test_the_site_follows_the_fork(monkeypatch, repository, site, address_of_site):
    monkeypatch.setenv("DESCENT_REPOSITORY", repository)
    monkeypatch.setenv("DESCENT_SITE", site or "")
    assert address.repository() == repository and address.site() == address_of_site


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DESCENT_REPOSITORY", "https://github.com/a/b"), ("DESCENT_REPOSITORY", "a/b/c"),
        ("DESCENT_SITE", "a.example/book"), ("DESCENT_SITE", "https://a.example/book?x"),
    ],
)  # fmt: skip
def test_what_is_no_address_is_named(monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    with pytest.raises(ValueError, match=name):
        address.repository(), address.site()


def links(docname):
    """Where links lead after the transform; the first two are written to the repository."""
    document = new_document("x")
    for target in (f"https://github.com/{WRITTEN}", f"https://github.com/{WRITTEN}/blob/main/x.md",
                   f"https://github.com/{WRITTEN}-else/x", "https://a.example/"):  # fmt: skip
        document += nodes.reference("", "", refuri=target)
    fork._doctree(SimpleNamespace(env=SimpleNamespace(docname=docname)), document)
    return [node["refuri"].removeprefix("https://github.com/") for node in document.findall(
            nodes.reference)]  # fmt: skip


def test_links_lead_to_the_fork_and_the_citation_stays(monkeypatch):
    monkeypatch.setenv("DESCENT_REPOSITORY", "teacher/optimizers")
    rest, new = [f"{WRITTEN}-else/x", "https://a.example/"], "teacher/optimizers"
    assert links("chapters/sgd") == [new, f"{new}/blob/main/x.md", *rest]
    assert links("about/cite") == [WRITTEN, f"{WRITTEN}/blob/main/x.md", *rest]
    assert about.repo("about/x", "README.md").endswith(
        f"(https://github.com/teacher/optimizers/blob/{address.branch()}/README.md)"
    )
    config = SimpleNamespace(html_theme_options={"repository_url": "x"})
    fork._config(None, config)
    assert config.html_theme_options["repository_url"] == "https://github.com/teacher/optimizers"
    assert f"https://github.com/{WRITTEN}" in about.citation("about/cite", "text")
