"""Show the built book: `make serve`, or `make serve PORT=8080`. Only for this machine's reader."""

import argparse
import functools
import gzip
import http.server
import mimetypes
import sys
from pathlib import Path
from urllib.parse import unquote, urlsplit

from environment import ROOT

TYPES = {
    ".css": "text/css", ".html": "text/html; charset=utf-8", ".ipynb": "application/x-ipynb+json",
    ".js": "text/javascript", ".json": "application/json", ".mjs": "text/javascript",
    ".svg": "image/svg+xml", ".wasm": "application/wasm", ".woff2": "font/woff2",
}  # fmt: skip
PACKED = {".css", ".html", ".ipynb", ".js", ".json", ".mjs", ".svg", ".txt", ".wasm"}


@functools.lru_cache(maxsize=512)
def _packed(path, changed):
    return gzip.compress(path.read_bytes(), 6)


class Handler(http.server.BaseHTTPRequestHandler):
    """Files of one folder, with the right type, gzipped where that helps."""

    protocol_version = "HTTP/1.1"
    folder = None
    quiet = False

    def do_GET(self):
        path = (self.folder / unquote(urlsplit(self.path).path).lstrip("/")).resolve()
        if path.is_dir():
            if not urlsplit(self.path).path.endswith("/"):
                return self._reply(301, b"", Location=urlsplit(self.path).path + "/")
            path /= "index.html"
        if not path.is_relative_to(self.folder) or not path.is_file():
            return self._reply(404, b"Not found.", **{"Content-Type": "text/plain"})
        kind = TYPES.get(path.suffix) or mimetypes.guess_type(path)[0] or "application/octet-stream"
        headers = {"Content-Type": kind, "Cache-Control": "no-cache"}
        if path.suffix in PACKED and "gzip" in self.headers.get("Accept-Encoding", ""):
            headers["Content-Encoding"] = "gzip"
            return self._reply(200, _packed(path, path.stat().st_mtime_ns), **headers)
        return self._reply(200, path.read_bytes(), **headers)

    do_HEAD = do_GET

    def _reply(self, status, body, **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_):
        pass  # a line for each file of a page says nothing


def server(folder, port=0):
    """A server of `folder` on 127.0.0.1; port 0 takes a free one."""
    handler = type("BookHandler", (Handler,), {"folder": Path(folder).resolve()})
    return http.server.ThreadingHTTPServer(("127.0.0.1", port), handler)


def main():
    parser = argparse.ArgumentParser(description="Show the built book.")
    parser.add_argument("--port", default="8000")
    parser.add_argument("--site", type=Path, default=ROOT / "_build/html")
    options = parser.parse_args()
    if not options.port.isdigit() or not 0 < int(options.port) < 65536:
        sys.exit(f"serve: PORT={options.port} is not a port; use a number from 1 to 65535")
    if not (options.site / "index.html").exists():
        sys.exit("serve: the book is not built yet: run `make book` first")
    try:
        book = server(options.site, int(options.port))
    except OSError as error:
        sys.exit(
            f"serve: port {options.port} cannot be used ({error.strerror}); "
            f"try another: make serve PORT={int(options.port) % 65535 + 1}"
        )
    print(f"The book is at http://127.0.0.1:{options.port}/ (stop with Ctrl+C)", flush=True)
    try:
        book.serve_forever()
    except KeyboardInterrupt:
        print()


if __name__ == "__main__":
    main()
