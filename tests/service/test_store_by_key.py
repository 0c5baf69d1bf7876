"""What a page costs does not grow with what is there already."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event
from sqlmodel import SQLModel, delete, select

from connectors.records import ConsentEvent, ConsentState, Customer, Refund, RefundDetail
from integration.db import BY_KEY, make_engine, scoped
from integration.tables import SourceProfile
from tests.conftest import add_account
from tests.service.records import NOON, add_shop, order, store

#: Tables that become large with a shop.
_GROWING = frozenset(
    ("shop_order", "order_line", "refund", "refund_line", "source_profile", "identity", "consent")
)


@pytest.fixture
def sqlite(tmp_path: Path) -> Iterator[Engine]:
    """A database that has not counted its rows, as during a first history."""
    engine = make_engine(f"sqlite:///{tmp_path / 'stipt.db'}")
    SQLModel.metadata.create_all(engine)
    yield engine
    engine.dispose()


@contextmanager
def plans(engine: Engine) -> Iterator[set[str]]:
    """Collect how SQLite finds the rows of each statement meanwhile."""
    found: set[str] = set()

    def explain(
        connection: Any, _cursor: Any, statement: str, values: Any, _context: Any, is_many: bool
    ) -> None:
        if not is_many:
            raw = connection.connection.cursor()
            found.update(row[3] for row in raw.execute(f"EXPLAIN QUERY PLAN {statement}", values))

    event.listen(engine, "before_cursor_execute", explain)
    yield found
    event.remove(engine, "before_cursor_execute", explain)


def test_no_statement_of_a_page_goes_through_everything_of_the_account(sqlite: Engine) -> None:
    account = add_account(sqlite)
    shop = add_shop(sqlite, account)
    address = "ada@stipt-demo.shop"

    def page(price: int) -> None:
        store(
            sqlite, account, shop,
            Customer(id="c1", email=address, first_name=str(price), phone="+31612345678"),
            order("1", lines=price, customer_id="c1"),
            order("2", lines=price, email=f"{price}@stipt-demo.shop"),
            Refund(
                id="r1", order_id="1", refunded_at=NOON, currency="EUR",
                detail=RefundDetail.STATE_ONLY, source_updated_at=NOON.replace(minute=price),
            ),
            ConsentEvent(
                id=f"e{price}", state=ConsentState.CONFIRMED, at=NOON, source="x", email=address
            ),
        )  # fmt: skip

    page(1)
    with plans(sqlite) as found:
        page(2)
    searched = {step for step in found if step.split()[1] in _GROWING}
    assert any("shop_order" in step for step in searched)
    for step in searched:
        assert "SEARCH" in step
        assert not step.endswith("(account_id=?)")


def test_rows_named_by_their_keys_are_the_account_s_own_alone(engine: Engine) -> None:
    mine, theirs = add_account(engine), add_account(engine, "other@stipt-demo.shop")
    for account in (mine, theirs):
        store(engine, account, add_shop(engine, account), Customer(id="c1", first_name="Ada"))
    with scoped(engine, mine) as session:
        found = session.exec(select(SourceProfile), execution_options=BY_KEY).all()
        assert [row.account_id for row in found] == [mine]
        session.exec(delete(SourceProfile), execution_options=BY_KEY)
    with scoped(engine, theirs) as session:
        assert len(session.exec(select(SourceProfile)).all()) == 1
