"""Somebody who receives webhooks over real HTTP, and answers as a test wants."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from urllib.parse import parse_qsl


@dataclass(frozen=True)
class Received:
    """One request."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def form(self) -> dict[str, str]:
        """The body's pairs."""
        return dict(parse_qsl(self.body.decode(), keep_blank_values=True))


class Receiver:
    """A server on this computer; `status` is what it answers to a POST."""

    def __init__(self) -> None:
        self.status = 200
        self.looked_at = 200
        self.got: list[Received] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._answer(receiver.looked_at)

            def do_POST(self) -> None:
                self._answer(receiver.status)

            def _answer(self, status: int) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                headers = dict(self.headers.items())
                receiver.got.append(Received(self.command, self.path, headers, body))
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                """Stay quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    def url(self, path: str) -> str:
        """An address here."""
        return f"http://127.0.0.1:{self._server.server_port}/{path}"

    @property
    def posts(self) -> list[Received]:
        """What was delivered."""
        return [one for one in self.got if one.method == "POST"]

    @property
    def types(self) -> list[str]:
        """The kinds of what was delivered, in order."""
        return [one.form["type"] for one in self.posts]

    def __enter__(self) -> Receiver:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
