"""Shopify's webhooks are kept as they came and answered; what nobody signed leaves nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from flask.testing import FlaskClient
from sqlalchemy.exc import OperationalError
from sqlmodel import select
from werkzeug.test import TestResponse

from connectors.shopify.webhooks import sign
from integration.app import create_app
from integration.context import Context, make_context
from integration.db import scoped
from integration.settings import Settings
from integration.tables import Inbox, Shop, ShopifyStore, Work
from integration.views import shopify_hooks
from integration.work import letterbox
from integration.work.inbox import ask_for_waiting
from tests.conftest import on_both
from tests.service.records import NOON
from tests.service.test_work_letterbox import somebody_writes
from tests.service.web_shop import add_web_shop

DOMAIN = "dressed.myshopify.com"
BODY = b'{"id":1,"email":"a@example.com"}'
#: Of BODY under the secret "hush".
SIGNATURE = "SnRPygpSlvOBkfX6XdQZR4cL4GiE8A3prXrBdoz9iBA="


@pytest.fixture
def context(settings: Settings) -> Iterator[Context]:
    """An installation whose secret at Shopify is just being changed."""
    given = settings.model_dump() | {"shopify_client_secrets": "new,hush"}
    made = make_context(Settings(**given))
    yield made
    made.engine.dispose()


@pytest.fixture
def shop(context: Context) -> Shop:
    """A store that is connected."""
    return connect(context)


@pytest.fixture
def client(context: Context) -> FlaskClient:
    """Whoever calls."""
    return create_app(context).test_client()


def connect(context: Context) -> Shop:
    """Connect the store to an account of its own."""
    shop = add_web_shop(context)
    with scoped(context.engine, shop.account_id) as session:
        session.add(
            ShopifyStore(
                account_id=shop.account_id,
                shop_id=shop.id or 0,
                store_id="gid://shopify/Shop/1",
                domain=DOMAIN,
                way="fixed",
                installed_at=NOON,
            )
        )
    return shop


def tell(
    client: FlaskClient,
    topic: str = "orders/create",
    *,
    body: bytes = BODY,
    signature: str | None = None,
    shop: str = DOMAIN,
    key: str = "w1",
) -> TestResponse:
    """Deliver a webhook."""
    given = {
        "Topic": topic,
        "Hmac-Sha256": sign(body, "hush") if signature is None else signature,
        "Shop-Domain": shop,
        "Webhook-Id": key,
        "Triggered-At": "2026-03-01T12:00:00Z",
    }
    headers = {f"X-Shopify-{name}": value for name, value in given.items()}
    answer = client.post("/hooks/shopify", data=body, headers=headers)
    answer.close()  # what is done after the answer
    return answer


def kept(context: Context, shop: Shop) -> list[Inbox]:
    """What is in the inbox."""
    with scoped(context.engine, shop.account_id) as session:
        return list(session.exec(select(Inbox)).all())


def work(context: Context, shop: Shop) -> list[Any]:
    """What is to be done."""
    with scoped(context.engine, shop.account_id) as session:
        return [(one.kind, one.payload) for one in session.exec(select(Work)).all()]


@on_both
def test_a_signed_webhook_is_kept_as_it_came_and_asked_for(
    context: Context, client: FlaskClient, shop: Shop
) -> None:
    assert tell(client, signature=SIGNATURE).status_code == 200
    (row,) = kept(context, shop)
    assert (row.body, row.topic) == (BODY, "orders/create")
    assert row.headers["X-Shopify-Triggered-At"] == "2026-03-01T12:00:00Z"
    assert work(context, shop) == [("apply_event", {"shop_id": shop.id})]


@pytest.mark.parametrize("signature", ["", "wrong", SIGNATURE.lower()])
def test_what_shopify_did_not_sign_is_refused_and_leaves_nothing(
    context: Context, client: FlaskClient, shop: Shop, signature: str
) -> None:
    for topic in ("orders/create", "customers/redact", "never heard of"):
        assert tell(client, topic, signature=signature).status_code == 401
    assert kept(context, shop) == []


def test_an_installation_without_a_secret_believes_nobody(settings: Settings) -> None:
    context = make_context(settings)
    client = create_app(context).test_client()
    assert tell(client, signature=sign(BODY, "")).status_code == 401
    context.engine.dispose()


def test_only_a_post_is_a_webhook(client: FlaskClient) -> None:
    assert client.get("/hooks/shopify").status_code == 405
    assert client.put("/hooks/shopify").status_code == 405


@pytest.mark.parametrize(
    ("topic", "shop_name"),
    [
        ("collections/create", DOMAIN),
        ("", DOMAIN),
        ("orders/create", "unknown.myshopify.com"),
        ("orders/create", "example.com"),
    ],
)
def test_what_nobody_listens_to_is_acknowledged_and_dropped(
    context: Context, client: FlaskClient, shop: Shop, topic: str, shop_name: str
) -> None:
    assert tell(client, topic, shop=shop_name).status_code == 200
    assert kept(context, shop) == []


@on_both
def test_the_same_delivery_is_kept_once_and_another_topic_of_its_id_too(
    context: Context, client: FlaskClient, shop: Shop
) -> None:
    for topic in ("orders/create", "orders/create", "orders/updated"):
        assert tell(client, topic).status_code == 200
    assert len(kept(context, shop)) == 2
    assert len(work(context, shop)) == 1


@on_both
def test_a_store_in_two_accounts_tells_both(
    context: Context, client: FlaskClient, shop: Shop
) -> None:
    other = connect(context)
    tell(client)
    assert (len(kept(context, shop)), len(kept(context, other))) == (1, 1)


def test_while_another_writes_it_lies_in_the_letter_box(
    context: Context, client: FlaskClient, shop: Shop
) -> None:
    with somebody_writes(context.engine):
        assert tell(client).status_code == 200
    assert kept(context, shop) == []
    assert letterbox.take_in(context) == 1
    assert [row.body for row in kept(context, shop)] == [BODY]
    assert len(work(context, shop)) == 1


def test_without_the_database_shopify_is_asked_to_bring_it_again(
    context: Context, client: FlaskClient, shop: Shop
) -> None:
    away = OperationalError("INSERT", {}, Exception("the server is gone"))
    with mock.patch.object(shopify_hooks, "keep_of_shops", side_effect=away):
        assert tell(client).status_code == 503
    assert kept(context, shop) == []


def test_killed_after_the_answer_nothing_is_lost(
    context: Context, client: FlaskClient, shop: Shop
) -> None:
    with mock.patch.object(shopify_hooks, "_ask"):
        tell(client)
    assert work(context, shop) == []
    ask_for_waiting(context)
    assert len(work(context, shop)) == 1


def test_a_large_order_is_taken(context: Context, client: FlaskClient, shop: Shop) -> None:
    body = json.dumps({"id": 1, "note": "x" * 1_000_000}).encode()
    assert tell(client, body=body).status_code == 200
    assert len(kept(context, shop)) == 1
    assert not list(Path(context.settings.data_dir).glob("letterbox/*"))
