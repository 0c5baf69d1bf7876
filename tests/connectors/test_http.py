"""The one way to a platform: what it refuses, and what its errors do not tell."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from connectors.errors import ConnectorError, NotReadable, Unreachable
from connectors.http import Http

SECRET = "code=very-secret"


class _Pages(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path.startswith("/moved"):
            self.send_response(302)
            self.send_header("Location", "/file")
        elif self.path.startswith("/cut"):
            self.send_response(200)
            self.send_header("Content-Length", "10")
        elif self.path.startswith("/gone"):
            self.send_response(403)
        else:
            self.send_response(200)
        self.end_headers()
        self.wfile.write(b"12345")

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def pages() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), _Pages)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_redirects_are_answers_and_not_followed(pages: str) -> None:
    found = Http().send("GET", f"{pages}/moved")
    assert (found.status, found.headers["location"]) == (302, "/file")


def test_an_answer_has_a_limit(pages: str) -> None:
    with pytest.raises(NotReadable, match="too large"):
        Http(most_bytes=4).send("GET", f"{pages}/file")


def test_a_file_comes_in_chunks_and_an_expired_one_is_an_error(pages: str) -> None:
    assert b"".join(Http(most_bytes=1).download(f"{pages}/file")) == b"12345"
    with pytest.raises(NotReadable, match="403"):
        list(Http().download(f"{pages}/gone"))


@pytest.mark.parametrize("address", ["{pages}/cut?{secret}", "http://127.0.0.1:1/?{secret}"])
def test_no_error_holds_more_of_the_address_than_its_host(pages: str, address: str) -> None:
    with pytest.raises(Unreachable) as caught:
        Http().send("GET", address.format(pages=pages, secret=SECRET))
    assert SECRET not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_a_typed_address_leads_into_no_private_network(pages: str) -> None:
    guarded = Http(only_public=True)
    with pytest.raises(ConnectorError, match="https"):
        guarded.send("GET", f"{pages}/file")
    with pytest.raises(ConnectorError, match="private network"):
        guarded.send("GET", f"{pages.replace('http:', 'https:')}/file")
