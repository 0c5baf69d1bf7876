"""That Shopify lets us in no longer is told by e-mail, once each time, over real SMTP."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope, Session
from pydantic import SecretStr
from sqlmodel import select

from integration import mail
from integration.app import create_app
from integration.context import Context, make_context
from integration.db import scoped
from integration.settings import Settings, SettingsError, fresh_env, load
from integration.shopify.keeper import RECONNECT, StoreKeeper
from integration.shopify.stores import stop
from integration.tables import Account, Shop, ShopifyStore, Work
from integration.work.execute import run_until_idle
from tests.service.shop_rows import Merchant, merchant
from tests.service.visitor import Visitor

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)


class Mailbox:
    """What the server took; each of `refusals` is answered once, instead."""

    def __init__(self) -> None:
        self.got: list[tuple[str, EmailMessage]] = []
        self.refusals: list[str] = []
        self.logins: list[tuple[bytes, bytes]] = []

    async def handle_DATA(self, server: Any, session: Session, envelope: Envelope) -> str:
        """Take a message."""
        if self.refusals:
            return self.refusals.pop(0)
        message = message_from_bytes(envelope.original_content or b"", policy=policy.default)
        assert isinstance(message, EmailMessage)
        self.got += [(to, message) for to in envelope.rcpt_tos]
        return "250 OK"

    def log_in(self, _s: Any, _session: Any, _e: Any, _way: Any, given: Any) -> AuthResult:
        """Believe everybody."""
        self.logins.append((given.login, given.password))
        return AuthResult(success=True)


class Server(Controller):
    """On any free port."""

    def _trigger_server(self) -> None:
        assert isinstance(self.server, asyncio.Server)
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()  # type: ignore[no-untyped-call]  # it has no types


@pytest.fixture
def mailbox() -> Mailbox:
    return Mailbox()


@pytest.fixture
def server(mailbox: Mailbox) -> Iterator[Server]:
    """An SMTP server on this machine."""
    made = Server(
        mailbox, hostname="127.0.0.1", port=0, authenticator=mailbox.log_in, auth_require_tls=False
    )
    made.start()
    yield made
    made.stop()


@pytest.fixture
def context(settings: Settings, server: Server) -> Iterator[Context]:
    """An installation that can send mail."""
    given = settings.model_copy(
        update={
            "smtp_url": SecretStr(f"smtp://stipt:s%3Ccret@127.0.0.1:{server.port}"),
            "mail_from": "stipt@stipt-demo.shop",
        }
    )
    made = make_context(given, clock=lambda: NOW)
    yield made
    made.engine.dispose()


def connected(context: Context, language: str = "en") -> tuple[Merchant, ShopifyStore]:
    """A merchant with a store that names an address."""
    known = merchant(context)
    with scoped(context.engine, known.account_id) as session:
        session.get_one(Account, known.account_id).language = language
        shop = session.exec(select(Shop)).first()
        assert shop is not None
        store = ShopifyStore(
            account_id=known.account_id, shop_id=shop.id or 0, store_id="1", way="renewed",
            domain="a.myshopify.com", installed_at=NOW, seen={"email": "Owner@stipt-demo.shop"},
        )  # fmt: skip
        session.add(store)
    return known, store


def work(context: Context) -> None:
    """Do what waits, at whatever moment it is for."""
    with scoped(context.engine, 1) as session:
        for row in session.exec(select(Work).where(Work.kind != "tell_reconnect")):
            session.delete(row)
        for row in session.exec(select(Work).where(Work.status == "queued")):
            row.run_at = NOW
    run_until_idle(context)


def test_whoever_logs_in_and_the_store_itself_are_told_once_each_time(
    context: Context, mailbox: Mailbox
) -> None:
    known, store = connected(context)
    for _ in range(3):  # each call of a refused store says so
        stop(context, store, RECONNECT)
    work(context)
    assert sorted(to for to, _ in mailbox.got) == sorted([known.email, "Owner@stipt-demo.shop"])
    message = mailbox.got[0][1]
    assert message["Subject"] == "Connect Lovelace webshop to Stipt again"
    text = message.get_content()
    assert "a.myshopify.com" in text
    assert f"{context.settings.public_url}/shopify/stores" in text
    assert mailbox.logins[0] == (b"stipt", b"s<cret")
    work(context)
    assert len(mailbox.got) == 2
    with scoped(context.engine, known.account_id) as session:
        row = session.get_one(ShopifyStore, store.id)
        row.stopped = ""
    stop(context, store, RECONNECT)
    work(context)
    assert len(mailbox.got) == 4, "it happened a second time"


def test_it_is_told_in_dutch_where_a_token_can_be_renewed_no_more(
    context: Context, mailbox: Mailbox
) -> None:
    known, store = connected(context, "nl")
    keeper = StoreKeeper(context, store)
    hold = keeper.hold()
    assert hold is not None
    keeper.ended("somebody else's")
    work(context)
    assert mailbox.got == []
    keeper.ended(hold)
    stop(context, store, RECONNECT)
    work(context)
    assert len(mailbox.got) == 2
    assert mailbox.got[0][1]["Subject"] == "Koppel Lovelace webshop opnieuw aan Stipt"
    assert "Dit bericht krijg je één keer." in mailbox.got[0][1].get_content()
    visitor = Visitor(create_app(context))
    visitor.log_in(known.email)
    assert "Shopify" in visitor.get("/").text.split("alert-warning")[1][:300], "pages say so too"


def test_a_server_that_takes_nothing_is_asked_again(context: Context, mailbox: Mailbox) -> None:
    known, store = connected(context)
    mailbox.refusals = ["451 Try later"]
    stop(context, store, RECONNECT)
    work(context)
    with scoped(context.engine, known.account_id) as session:
        row = session.exec(select(Work).where(Work.kind == "tell_reconnect")).one()
    assert (row.status, len(mailbox.got)) == ("queued", 0)
    assert "@" not in (row.error or "")
    work(context)
    assert len(mailbox.got) == 2


def test_who_connected_again_meanwhile_is_not_told(context: Context, mailbox: Mailbox) -> None:
    known, store = connected(context)
    stop(context, store, RECONNECT)
    with scoped(context.engine, known.account_id) as session:
        session.get_one(ShopifyStore, store.id).stopped = ""
    work(context)
    assert mailbox.got == []


def test_without_a_server_nothing_is_written_down(settings: Settings) -> None:
    made = make_context(settings, clock=lambda: NOW)
    known, store = connected(made)
    stop(made, store, RECONNECT)
    with scoped(made.engine, known.account_id) as session:
        assert session.exec(select(Work).where(Work.kind == "tell_reconnect")).all() == []


def test_a_password_does_not_cross_the_internet_unencrypted(
    server: Server, mailbox: Mailbox, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mail, "is_near", lambda _host: False)
    given = settings.model_copy(
        update={
            "smtp_url": SecretStr(f"smtp://a:b@127.0.0.1:{server.port}"),
            "mail_from": "a@b.example",
        }
    )
    with pytest.raises(mail.NotSent, match="SMTPNotSupportedError"):
        mail.send(given, "ada@stipt-demo.shop", subject="x", text="y", key="z")
    assert not mailbox.logins
    assert not mailbox.got


@pytest.mark.parametrize(
    "line", ["STIPT_SMTP_URL=http://mail.example", "STIPT_SMTP_URL=mail", "STIPT_MAIL_FROM=stipt"]
)
def test_settings_that_cannot_be_used_are_named(tmp_path: Any, line: str) -> None:
    env = tmp_path / ".env"
    env.write_text(f"{fresh_env()}{line}\n")
    with pytest.raises(SettingsError, match=line.partition("=")[0]):
        load(env)
