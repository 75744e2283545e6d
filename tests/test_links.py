"""The check of outside links, against a server of this machine that behaves well and badly."""

import datetime
import http.server
import threading
import time

import links
import pytest


class Odd(http.server.BaseHTTPRequestHandler):
    """/200, /404, /403 answer so; /301 leads to /200, /429 works at the third time, /slow hangs."""

    asked = []

    def do_GET(self):
        self.asked.append(self.path)
        code = self.path.split("/")[1].split("?")[0]
        if code == "slow":
            time.sleep(3)
            return
        if code == "429" and self.asked.count(self.path) > 2:
            code = "200"
        self.send_response(int(code))
        if code == "301":
            self.send_header("Location", "/200")
        if code == "429":
            self.send_header("Retry-After", "1")
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_HEAD = do_GET

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def checked(tmp_path_factory):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Odd)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    base = f"http://127.0.0.1:{server.server_address[1]}"
    site = tmp_path_factory.mktemp("site")
    (site / "_static").mkdir()
    (site / "a").mkdir()
    (site / "index.html").write_text(
        f'<a href="{base}/200#there">x</a><a href="{base}/404">x</a><a href="a/b.html">x</a>'
        f'<a href="{base}/200?a_b=`c`&amp;d=1_">x</a><a href="{base}/403">x</a>'
    )
    (site / "a/b.html").write_text(
        "".join(f'<a href="{base}/{c}">x</a>' for c in ("301", "404", "429", "slow", "ignored"))
    )
    (site / "_static/c.html").write_text(f'<a href="{base}/404?theme">x</a>')
    found = links.outside(site)
    result = links.check(found, [rf"{base}/ign.*"], timeout=0.5, wait=20.0)
    server.shutdown()
    return base, found, *result


def test_links_are_read_from_pages_as_they_stand(checked):
    base, found, *_ = checked
    assert found[f"{base}/404"] == ["a/b.html", "index.html"]
    assert f"{base}/200?a_b=`c`&d=1_" in found and f"{base}/200" in found
    assert len(found) == 8


def test_what_answers_is_good_and_what_does_not_is_named(checked):
    base, _, broken, refusing = checked
    assert set(broken) == {f"{base}/404", f"{base}/slow"}
    assert "404" in broken[f"{base}/404"] and "timed out" in broken[f"{base}/slow"]
    assert set(refusing) == {f"{base}/403"}
    assert Odd.asked.count("/429") > 2, "it waits and asks again"
    assert not [path for path in Odd.asked if path.startswith("/ign")]
    assert Odd.asked.count("/404") > 2, "it asks again before it calls a link broken"


def test_the_report_goes_by_page(checked):
    base, found, broken, refusing = checked
    text = links.report(found, broken, refusing, ["`x` (why) was decided on 2020-01-01"])
    assert text.startswith("2 of 8 outside links do not answer.")
    first = text.split("### a/b.html")[1].split("###")[0]
    assert f"<{base}/404>" in first and f"<{base}/slow>" in first
    assert f"<{base}/404>" in text.split("### index.html")[1]
    many = links.report({"a": list("123456")}, {"a": "404 " + "x" * 999}, {}, [])
    assert "### Many pages" in many and "### 1" not in many and len(many) < 300
    assert "To decide again" in text and "`x` (why)" in text


def test_each_exception_has_a_reason_and_grows_old(tmp_path):
    patterns, old = links.allowed()
    assert patterns
    file = tmp_path / "links.toml"
    file.write_text("[[ignore]]\npattern = 'x'\nreason = 'why'\nsince = 2024-01-31\n")
    assert links.allowed(file, datetime.date(2024, 2, 1)) == (["x"], [])
    assert "2024-01-31" in links.allowed(file, datetime.date(2025, 2, 1))[1][0]
    file.write_text("[[ignore]]\npattern = 'x'\nsince = 2024-01-31\n")
    with pytest.raises(SystemExit, match="reason and since are needed"):
        links.allowed(file)
