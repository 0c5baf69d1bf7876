"""While a store is read, everybody is told how much has come, how fast, and what is left."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from sqlmodel import select

from connectors.base import Page, Stream
from integration import pipeline
from integration.app import create_app
from integration.cli.main import main
from integration.db import scoped
from integration.security import hash_password
from integration.tables import Shop, SyncState, User, Work
from tests.service.installation import Installation
from tests.service.shop_rows import PASSWORD
from tests.service.visitor import Visitor

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)


class Clock:
    """A moment that pages move."""

    now = NOON

    def __call__(self) -> datetime:
        return self.now


class Slow:
    """A store that says how much it has, and hands over a page each 10 seconds."""

    platform = "shopify"
    streams = (Stream(name="customers"), Stream(name="orders"))

    def __init__(self, clock: Clock, look: Callable[[str], None]) -> None:
        self._clock, self._look = clock, look

    def prepare(self, cursors: object) -> dict[str, object]:
        """Begin with nothing early."""
        return {}

    def read(self, stream: str, cursor: object = None) -> Iterator[Page]:
        """Yield 5 pages of nothing, which are told to be 100 records each."""
        total = {"customers": 200, "orders": 86_000}[stream]
        for nth in range(5):
            read = total * nth // 10
            yield Page(records=(), cursor_after={"until": "x", "total": total, "read": read})
            self._look(f"{stream} {nth}")
            self._clock.now += timedelta(seconds=10)
        yield Page(records=(), cursor_after={"since": "x"}, complete=True)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def installation(tmp_path: Path, database_url: str, clock: Clock) -> Iterator[Installation]:
    """An empty account, once on each engine."""
    made = Installation(tmp_path, database_url)
    object.__setattr__(made.context, "clock", clock)
    yield made
    made.engine.dispose()


def test_a_reading_tells_how_much_has_come_how_fast_and_how_long_it_will_take(
    installation: Installation, clock: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with scoped(installation.engine, installation.account_id) as session:
        session.add(
            User(
                account_id=installation.account_id, email="ada@stipt-demo.shop",
                password_hash=hash_password(PASSWORD), language="en", created_at=NOON,
            )
        )  # fmt: skip
    visitor = Visitor(create_app(installation.context))
    visitor.log_in("ada@stipt-demo.shop")
    pages: dict[str, str] = {}
    status: dict[str, dict[str, Any]] = {}
    shares: list[float] = []

    def look(at: str) -> None:
        if at == "customers 0":  # as a platform that begins with everything at once
            with scoped(installation.engine, installation.account_id) as session:
                shop = session.exec(select(Shop)).one()
                session.add(
                    SyncState(
                        account_id=shop.account_id, shop_id=shop.id or 0, stream="orders",
                        cursor={"until": "x", "total": 86_000, "read": 0}, updated_at=NOON,
                    )
                )  # fmt: skip
                shares.append(0.0)
        else:
            with scoped(installation.engine, installation.account_id) as session:
                work = session.exec(select(Work).where(Work.kind == "import")).one()
                shares.append(work.progress or 0.0)
        pages[at] = visitor.get("/imports").text
        asked = ["--env", str(tmp_path / ".env"), "status", "--json"]
        told = CliRunner().invoke(main, asked)
        assert told.exit_code == 0, told.output
        (status[at],) = json.loads(told.stdout)["readings"]

    monkeypatch.setattr(pipeline, "open_source", lambda *_, **__: Slow(clock, look))
    installation.demo("web")
    installation.work()

    first, later, last = pages["customers 0"], pages["customers 3"], pages["orders 4"]
    assert "0 of 200 customers" in first
    assert "0 of 86,000 orders" in first
    assert "not known yet how long it takes" in first
    assert "60 of 200 customers, 2 a second" in later
    assert "not known yet how long it takes" in later, "nothing came of most that is to come"
    assert "of 200 customers" not in last
    assert "34,400 of 86,000 orders, 860 a second" in last
    assert "about 1 minute left" in last
    assert "hx-trigger" in last, "it looks again by itself"
    assert "left" not in visitor.get("/imports").text.split('id="runs"')[1]
    assert status["customers 3"]["left_s"] is None
    (orders,) = status["orders 4"]["streams"]
    assert (orders["stream"], orders["read"], orders["total"]) == ("orders", 34_400, 86_000)
    assert shares[1] < 0.001, "the share is of the whole reading, not of the stream"
    assert shares[-1] == pytest.approx(34_400 / 86_000, abs=0.001)
