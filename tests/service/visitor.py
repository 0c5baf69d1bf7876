"""Somebody at a browser, without the browser: logs in, follows forms with their tokens."""

from __future__ import annotations

import re
from typing import Any

from flask import Flask
from werkzeug.test import TestResponse

from tests.service.shop_rows import PASSWORD

_TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')


class Visitor:
    """A test client that keeps the form token of the page it saw last."""

    def __init__(self, app: Flask) -> None:
        self.client = app.test_client()
        self._token = ""

    def get(self, path: str, **more: Any) -> TestResponse:
        """Open a page."""
        answer = self.client.get(path, buffered=True, **more)
        found = _TOKEN.search(answer.text) if answer.mimetype == "text/html" else None
        if found:
            self._token = found[1]
        return answer

    def post(self, path: str, data: dict[str, Any] | None = None, **more: Any) -> TestResponse:
        """Send a form with its token."""
        return self.client.post(
            path, buffered=True, data={"csrf_token": self._token, **(data or {})}, **more
        )

    def log_in(self, email: str, password: str = PASSWORD) -> TestResponse:
        """Open the log-in page and send it."""
        self.get("/login")
        answer = self.post("/login", {"email": email, "password": password})
        # The session is a new one now, and the token with it.
        self.get("/people")
        return answer
