"""Brings webhooks to their addresses over HTTP: signed, retried, and given up at last.

A thread of its own, so that no request of the API ever waits for a receiver.
"""

from __future__ import annotations

import hmac
import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

import requests

if TYPE_CHECKING:
    from integration.sandbox.hooks import Delivery, Hooks

#: Seconds that a receiver has for its answer.
ANSWER_S = 10.0
#: Seconds before each further try: growing, 75 minutes altogether.
WAITS_S = (60, 120, 240, 480, 900, 1200, 1500)
CHECKER = "MailChimp.com WebHook Validator"
SIGNATURE = "X-Mailchimp-Signature"
#: Nothing leaves this computer.
HERE = ("127.0.0.1", "localhost", "::1")
#: Seconds between two looks at the clock while something waits for its next try.
_LOOK_S = 0.05


def form(values: dict[str, Any]) -> bytes:
    """A message as the body of a form, nested keys in brackets.

    >>> form({"type": "profile", "data": {"merges": {"FNAME": "Ada"}}})
    b'type=profile&data%5Bmerges%5D%5BFNAME%5D=Ada'
    """
    return urlencode(list(_pairs("", values))).encode()


def _pairs(prefix: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, list):
        value = dict(enumerate(value))
    if not isinstance(value, dict):
        yield prefix, value
        return
    for key, inner in value.items():
        yield from _pairs(f"{prefix}[{key}]" if prefix else str(key), inner)


def signature(secret: str, moment: int, body: bytes) -> str:
    """The header's value: HMAC-SHA256 over "<moment>." and the raw body."""
    digest = hmac.new(secret.encode(), f"{moment}.".encode() + body, "sha256")
    return f"t={moment},v1={digest.hexdigest()}"


def is_here(url: str) -> bool:
    """Whether an address is on this computer."""
    parts = urlsplit(url)
    return parts.scheme in ("http", "https") and parts.hostname in HERE


def answers(url: str) -> bool:
    """Whether an address answers 200 to the look that is taken before a hook is made."""
    try:
        with _session() as session:
            headers = {"User-Agent": CHECKER}
            return session.get(url, headers=headers, timeout=ANSWER_S).status_code == 200
    except requests.RequestException:
        return False


def _session() -> requests.Session:
    session = requests.Session()
    session.trust_env = False
    return session


class Postman:
    """The thread; begins with the first message."""

    def __init__(self, hooks: Hooks) -> None:
        self._hooks = hooks
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin, once."""
        with self._hooks.changed:
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="postman", daemon=True)
                self._thread.start()

    def settle(self, timeout_s: float = 30.0) -> bool:
        """Wait until nothing is due; False when that took too long."""
        with self._hooks.changed:
            return self._hooks.changed.wait_for(
                lambda: not self._hooks.is_sending and self._due() is None, timeout_s
            )

    def _due(self) -> Delivery | None:
        if self._hooks.is_held:
            return None
        now = self._hooks.clock.now()
        return next((d for d in self._hooks.waiting if d.due_at <= now), None)

    def _work(self) -> None:
        with _session() as session:
            while True:
                delivery = self._next()
                try:
                    self._bring(session, delivery)
                finally:
                    with self._hooks.changed:
                        self._hooks.is_sending = False
                        self._hooks.changed.notify_all()

    def _next(self) -> Delivery:
        hooks = self._hooks
        with hooks.changed:
            while (due := self._due()) is None:
                hooks.changed.wait(_LOOK_S if hooks.waiting and not hooks.is_held else None)
            hooks.waiting.remove(due)
            hooks.is_sending = True
            return due

    def _bring(self, session: requests.Session, delivery: Delivery) -> None:
        body, now = form(delivery.values), self._hooks.clock.now()
        headers = {
            "Content-Type": "application/x-www-form-urlencoded",
            "User-Agent": "MailChimp",
            SIGNATURE: signature(delivery.hook.secret, int(now.timestamp()), body),
        }
        try:
            answer = session.post(
                delivery.hook.url,
                data=body,
                headers=headers,
                timeout=ANSWER_S,
                allow_redirects=False,
            )
            status = answer.status_code
        except requests.RequestException:
            status = 0
        delivery.tries.append((now.isoformat(), status))
        self._note(delivery, status)

    def _note(self, delivery: Delivery, status: int) -> None:
        if 200 <= status < 300:
            delivery.state = "delivered"
        elif status == 410:
            delivery.state = "refused"
            self._hooks.end(delivery.hook, "410")
        elif len(delivery.tries) > len(WAITS_S):
            delivery.state = "lost"
            self._hooks.end(delivery.hook, "failing")
        else:
            wait = timedelta(seconds=WAITS_S[len(delivery.tries) - 1])
            delivery.due_at = self._hooks.clock.now() + wait
            with self._hooks.changed:
                if delivery.hook.id in self._hooks.by_id:
                    self._hooks.waiting.append(delivery)
