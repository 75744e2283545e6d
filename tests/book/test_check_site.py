"""The check of the published site, against the built one on this machine."""

import http.server
import threading

import check_site
import pytest

PAGE = (
    '<!doctype html><html lang="en" data-widgets="ready"><head>'
    '<link rel="icon" href="data:,">{head}</head></html>'
)


@pytest.fixture(scope="module")
def ill(tmp_path_factory, serve_folder):
    """A site whose pages ask another host, lack a style, complain, or are not there."""
    folder = tmp_path_factory.mktemp("ill")
    heads = {
        "index": '<a href="asks.html">x</a>',
        "asks": '<img src="http://127.0.0.2:9/x.png">',
        "bare": '<link rel="stylesheet" href="none.css">',
        "throws": "<script>console.error('Widget 7:', 'no')</script>",
    }
    for name, head in heads.items():
        (folder / f"{name}.html").write_text(PAGE.format(head=head))
    base = serve_folder(folder)
    names = "".join(f"<url><loc>{base}{name}.html</loc></url>" for name in heads)
    (folder / "sitemap.xml").write_text(
        f"<urlset>{names}<url><loc>{base}gone.html</loc></url>"
        "<url><loc>https://else.example/a.html</loc></url></urlset>"
    )
    return base


def test_what_is_ill_is_named_page_by_page(ill, browser):
    page = browser.new_page()
    found = {url.rsplit("/", 1)[1]: check_site.look(page, url, ill, 300)[0]
             for url in check_site.pages(ill)}  # fmt: skip
    page.close()
    assert list(found) == ["index.html", "asks.html", "bare.html", "throws.html", "gone.html"]
    assert found["index.html"] == []
    assert "asks another host: http://127.0.0.2:9/x.png" in found["asks.html"]
    assert any("404 for" in said for said in found["bare.html"])
    assert "console error: Widget 7: no" in found["throws.html"]
    assert any("404 for" in said for said in found["gone.html"])
    assert any("Timeout" in said for said in found["gone.html"])


def test_the_built_site_is_well_as_far_as_it_can_be_asked_here(url, browser):
    count, wrong = check_site.check(url, browser, most=2)
    assert count == 2 and wrong == {}
    assert len(check_site.pages(url)) > 30


def test_the_report_says_what_is_wrong_where():
    wrong = {"https://a.example/b.html": ["404 for x", "404 for x", "asks another host: y"]}
    text = check_site.report("https://a.example/", 9, wrong)
    assert "9 pages of <https://a.example/> were opened; 1 are not" in text
    assert text.count("404 for x") == 1 and "### https://a.example/b.html" in text


def test_an_outside_door_that_is_shut_is_told():
    class Shut(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_error(503 if self.path == "/shut" else 204)

        def log_message(self, *_):
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Shut)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    base = f"http://127.0.0.1:{server.server_address[1]}"
    assert check_site.answers(f"{base}/shut") == f"503 for {base}/shut"
    assert check_site.answers(f"{base}/open") is None
    server.shutdown()
    server.server_close()
    assert check_site.answers(f"{base}/open").startswith("no answer")
