"""OAuth 2 as Mailchimp gives it: registered applications, codes that work once, tokens.

A token has no end and no renewal; it works until somebody at Mailchimp's side disconnects the
application.
"""

from __future__ import annotations

import hmac
import secrets
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

#: What a fresh sandbox knows: an application of this computer.
DEFAULT_CLIENT, DEFAULT_SECRET = "stipt", "stipt-sandbox-secret"
#: How every token begins, so that nobody takes it for a real one.
PREFIX = "sandbox"
CODE_LIVES = timedelta(seconds=60)
LOOPBACK = ("127.0.0.1", "localhost")


@dataclass(slots=True, kw_only=True)
class Application:
    """A registered application; `redirects` empty: any address of this computer."""

    id: str
    secret: str
    name: str
    redirects: list[str] = field(default_factory=list)

    def takes(self, redirect: str) -> bool:
        """Whether a browser may be sent to this address, letter for letter."""
        if self.redirects:
            return redirect in self.redirects
        parts = urlsplit(redirect)
        return parts.scheme == "http" and parts.hostname in LOOPBACK and not parts.fragment


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """What an approval hands out, to be changed for a token once."""

    application: str
    redirect: str
    until: datetime


class Grants:
    """Who may ask, who was let in, and with which token."""

    def __init__(self) -> None:
        self.applications: dict[str, Application] = {}
        self.codes: dict[str, Code] = {}
        #: Token to the application's id; tokens that work stand in `SandboxState.tokens` too.
        self.tokens: dict[str, str] = {}
        self.register(DEFAULT_CLIENT, DEFAULT_SECRET, "Stipt", [])

    def register(self, client: str, secret: str, name: str, redirects: list[str]) -> None:
        """Add an application, or change it."""
        made = Application(id=client, secret=secret, name=name, redirects=redirects)
        self.applications[client] = made

    def application(self, client: str, redirect: str) -> Application | None:
        """The application that may have a browser sent to `redirect`, None when it may not."""
        found = self.applications.get(client)
        return found if found is not None and found.takes(redirect) else None

    def approve(self, client: str, redirect: str, now: datetime) -> str:
        """A code for an application."""
        code = secrets.token_hex(16)
        self.codes[code] = Code(application=client, redirect=redirect, until=now + CODE_LIVES)
        return code

    def knows(self, client: str, secret: str) -> bool:
        """Whether this is the application's secret."""
        found = self.applications.get(client)
        return found is not None and hmac.compare_digest(found.secret.encode(), secret.encode())

    def exchange(self, client: str, redirect: str, code: str, now: datetime) -> str | None:
        """A token for a code; None for a code that is used, too old or another's."""
        given = self.codes.pop(code, None)
        if given is None or now > given.until:
            return None
        if (given.application, given.redirect) != (client, redirect):
            return None
        token = f"{PREFIX}{secrets.token_hex(24)}"
        self.tokens[token] = client
        return token

    def dump(self) -> dict[str, Any]:
        """What survives a restart; codes do not."""
        return {
            "applications": [asdict(one) for one in self.applications.values()],
            "tokens": dict(self.tokens),
        }

    def restore(self, kept: dict[str, Any]) -> None:
        """Become what `dump` described."""
        self.applications = {row["id"]: Application(**row) for row in kept["applications"]}
        self.tokens = dict(kept["tokens"])
