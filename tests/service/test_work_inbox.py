"""A shop's webhook is kept once, however often it is delivered, and is asked for once a burst."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import Engine
from sqlmodel import select

from integration.context import Context, utc_now
from integration.db import scoped, unscoped
from integration.tables import Inbox, Shop, Work
from integration.work import letterbox
from integration.work.inbox import Message, ask, ask_for_waiting, forget_old, keep_of_shop
from integration.work.queue import bury, claim
from tests.conftest import add_account

_BODY = b'{"id": 1, "note": "\xff"}'
_HEADERS = {"X-Topic": "orders/create"}


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
    with unscoped(engine) as session:
        message = Message("orders/create", key, _HEADERS, _BODY)
        return keep_of_shop(session, shop.account_id, shop.id or 0, message)


def asked(engine: Engine, shop: Shop) -> bool:
    """Ask for the shop's webhooks; tell whether that made work."""
    with unscoped(engine) as session:
        return ask(session, shop.account_id, shop.id or 0, utc_now()) is not None


def work(engine: Engine) -> list[Work]:
    """All work there is."""
    with unscoped(engine) as session:
        return list(session.exec(select(Work)).all())


def test_a_delivery_is_kept_as_it_came(engine: Engine) -> None:
    shop = add_shop(engine)
    assert deliver(engine, shop, "delivery-1")
    with scoped(engine, shop.account_id) as session:
        kept = session.exec(select(Inbox)).one()
    assert (kept.body, kept.topic, kept.headers) == (_BODY, "orders/create", _HEADERS)
    assert kept.applied_at is None


def test_the_second_copy_is_only_acknowledged(engine: Engine) -> None:
    shop = add_shop(engine)
    told = [deliver(engine, shop, key) for key in ("delivery-1", "delivery-1", "delivery-2")]
    assert told == [True, False, True]


def test_two_copies_at_the_same_moment_are_one(engine: Engine) -> None:
    shop = add_shop(engine)
    with ThreadPoolExecutor(4) as pool:
        new = list(pool.map(lambda _: deliver(engine, shop, "delivery-1"), range(4)))
    assert sorted(new) == [False, False, False, True]


def test_another_shop_may_use_the_same_key(engine: Engine) -> None:
    assert deliver(engine, add_shop(engine), "delivery-1")
    assert deliver(engine, add_shop(engine), "delivery-1")


def test_a_burst_is_one_piece_of_work_and_what_comes_while_it_runs_another(
    context: Context,
) -> None:
    engine, shop = context.engine, add_shop(context.engine)
    assert [asked(engine, shop) for _ in range(3)] == [True, False, False]
    assert claim(context) is not None
    # It may have looked into the inbox already.
    assert [asked(engine, shop) for _ in range(2)] == [True, False]
    assert {row.payload["shop_id"] for row in work(engine)} == {shop.id}


def test_what_was_kept_and_not_asked_for_is_found_once(context: Context) -> None:
    shop = add_shop(context.engine)
    add_shop(context.engine)
    deliver(context.engine, shop, "delivery-1")
    ask_for_waiting(context)
    ask_for_waiting(context)
    assert [row.payload for row in work(context.engine)] == [{"shop_id": shop.id}]


def test_work_that_was_given_up_is_not_asked_for_again_at_once(context: Context) -> None:
    shop = add_shop(context.engine)
    deliver(context.engine, shop, "delivery-1")
    ask_for_waiting(context)
    job = claim(context)
    assert job is not None
    bury(job, error="a bug")
    ask_for_waiting(context)
    assert len(work(context.engine)) == 1
    with unscoped(context.engine) as session:
        later = utc_now() + timedelta(hours=2)
        assert ask(session, shop.account_id, shop.id or 0, later) is not None


def test_a_shops_letter_is_taken_in_with_its_headers_and_asked_for(context: Context) -> None:
    shop = add_shop(context.engine)
    for _ in range(2):
        message = Message("orders/create", "d", _HEADERS, _BODY)
        letterbox.put_of_shop(context, shop.account_id, shop.id or 0, message)
    assert letterbox.take_in(context) == 1
    with scoped(context.engine, shop.account_id) as session:
        kept = session.exec(select(Inbox)).one()
    assert (kept.body, kept.headers, kept.shop_id) == (_BODY, _HEADERS, shop.id)
    assert len(work(context.engine)) == 1


@pytest.mark.parametrize("applied", [True, False])
def test_only_what_was_applied_is_forgotten(context: Context, applied: bool) -> None:
    shop = add_shop(context.engine)
    deliver(context.engine, shop, "delivery-1")
    with scoped(context.engine, shop.account_id) as session:
        if applied:
            session.exec(select(Inbox)).one().applied_at = utc_now()
    with scoped(context.engine, shop.account_id) as session:
        forget_old(session, utc_now() + timedelta(days=8))
        assert len(session.exec(select(Inbox)).all()) == (0 if applied else 1)
