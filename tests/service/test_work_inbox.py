"""A webhook is kept once, with the work it means, however often it is delivered."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Engine
from sqlmodel import select

from integration.context import utc_now
from integration.db import scoped
from integration.tables import Inbox, Shop, Work
from integration.work.inbox import keep
from tests.conftest import add_account

_BODY = b'{"id": 1, "note": "\xff"}'


def add_shop(engine: Engine) -> Shop:
    """Store a shop of a new account."""
    account_id = add_account(engine)
    with scoped(engine, account_id) as session:
        shop = Shop(
            account_id=account_id,
            platform="shopify",
            external_id="1",
            name="Shop",
            created_at=utc_now(),
        )
        session.add(shop)
    return shop


def deliver(engine: Engine, shop: Shop, key: str) -> bool:
    """Keep one delivery in a transaction of its own; tell whether it was new."""
    with scoped(engine, shop.account_id) as session:
        work = keep(session, shop, "orders/create", key, {"X-Topic": "orders/create"}, _BODY)
        return work is not None


def test_a_delivery_is_kept_as_it_came_with_its_work(engine: Engine) -> None:
    shop = add_shop(engine)
    assert deliver(engine, shop, "delivery-1")
    with scoped(engine, shop.account_id) as session:
        kept = session.exec(select(Inbox)).one()
        work = session.exec(select(Work)).one()
    assert (kept.body, kept.topic, kept.headers) == (
        _BODY,
        "orders/create",
        {"X-Topic": "orders/create"},
    )
    assert (work.kind, work.payload) == ("apply_event", {"inbox_id": kept.id})
    assert work.lane == f"account:{shop.account_id}:import"


def test_the_second_copy_is_only_acknowledged(engine: Engine) -> None:
    shop = add_shop(engine)
    assert deliver(engine, shop, "delivery-1")
    assert not deliver(engine, shop, "delivery-1")
    assert deliver(engine, shop, "delivery-2")
    with scoped(engine, shop.account_id) as session:
        assert len(session.exec(select(Inbox)).all()) == 2
        assert len(session.exec(select(Work)).all()) == 2


def test_two_copies_at_the_same_moment_are_one(engine: Engine) -> None:
    shop = add_shop(engine)
    with ThreadPoolExecutor(4) as pool:
        new = list(pool.map(lambda _: deliver(engine, shop, "delivery-1"), range(4)))
    assert sorted(new) == [False, False, False, True]


def test_another_shop_may_use_the_same_key(engine: Engine) -> None:
    assert deliver(engine, add_shop(engine), "delivery-1")
    assert deliver(engine, add_shop(engine), "delivery-1")


def test_a_failure_after_it_keeps_neither(engine: Engine) -> None:
    shop = add_shop(engine)

    def keep_and_fail() -> None:
        with scoped(engine, shop.account_id) as session:
            keep(session, shop, "orders/create", "delivery-1", {}, _BODY)
            raise RuntimeError("the view failed")

    with pytest.raises(RuntimeError):
        keep_and_fail()
    with scoped(engine, shop.account_id) as session:
        assert session.exec(select(Inbox)).all() == []
        assert session.exec(select(Work)).all() == []
