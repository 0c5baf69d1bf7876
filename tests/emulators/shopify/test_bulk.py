"""Bulk operations of the emulator: refused, run, cancelled, failed, expired."""

from __future__ import annotations

import json
from typing import Any

import pytest
import requests

from tests.emulators.shopify.conftest import Ask
from tests.emulators.shopify.server import ShopifyEmulator

_RUN = "mutation($query: String!) { bulkOperationRunQuery(query: $query, groupObjects: false) { \
bulkOperation { id status } userErrors { field message code } } }"
_POLL = "query($id: ID!) { bulkOperation(id: $id) { id status errorCode objectCount \
rootObjectCount fileSize url partialDataUrl } }"
_CANCEL = "mutation($id: ID!) { bulkOperationCancel(id: $id) { bulkOperation { id status } \
userErrors { field message } } }"
_ORDERS = "{ orders { edges { node { __typename id customer { id } refunds { id } \
lineItems { edges { node { __typename id quantity product { id } } } } } } } }"


def _run(ask: Ask, query: str = _ORDERS) -> Any:
    return ask(_RUN, query=query).json()["data"]["bulkOperationRunQuery"]


def _poll(ask: Ask, key: str) -> Any:
    return ask(_POLL, id=key).json()["data"]["bulkOperation"]


def _finished(ask: Ask) -> Any:
    key = _run(ask)["bulkOperation"]["id"]
    _poll(ask, key)
    return _poll(ask, key)


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("", "Invalid bulk query: syntax error, unexpected end of file"),
        (
            'mutation { tagsAdd(id: "1", tags: []) { node { id } } }',
            "Invalid operation type. Only `query` operations are supported.",
        ),
        (
            "{ orders { nodes { id } } }",
            "All connection fields in a bulk query must select their contents using 'edges' >",
        ),
        ('{ node(id: "1") { id } }', "Bulk queries cannot contain a top level `node` field."),
        (
            "{ customers { edges { node { id orders { edges { node { id lineItems { edges { node "
            "{ id } } } } } } } } } }",
            "Bulk queries cannot contain connections with a nesting depth greater than 2.",
        ),
        (
            "{" + "".join(f"o{i}: orders {{ edges {{ node {{ id }} }} }}" for i in range(6)) + "}",
            "Bulk queries cannot contain more than 5 connections.",
        ),
        (
            "{ orders { edges { node { name lineItems { edges { node { id } } } } } } }",
            "The parent 'node' field for a nested connection must select the 'id' field",
        ),
        (
            "{ orders { edges { node { id refunds { id refundLineItems { edges { node "
            "{ quantity } } } } } } } }",
            "Queries that contain a connection field within a list field are not currently",
        ),
        ("{ shop { id } }", "Bulk queries must contain at least one connection."),
    ],
)
def test_what_cannot_run_in_bulk_is_refused_in_shopifys_words(
    ask: Ask, query: str, text: str
) -> None:
    (error,) = _run(ask, query)["userErrors"]
    assert error["message"].startswith(text)
    assert (error["code"], error["field"]) == ("INVALID", ["query"])


def test_an_operation_leaves_a_file_whose_children_follow_somewhere_later(
    shopify: ShopifyEmulator, ask: Ask
) -> None:
    done = _finished(ask)
    assert done["status"] == "COMPLETED"
    text = requests.get(done["url"], timeout=10).text
    lines = [json.loads(line) for line in text.splitlines()]
    assert len(lines) == int(done["objectCount"])
    assert len(text) == int(done["fileSize"])
    orders = shopify.shop().orders
    assert sum("__parentId" not in line for line in lines) == len(orders)
    assert {line["id"] for line in lines if line["__typename"] == "LineItem"} == {
        line["id"] for row in orders.values() for line in row["lineItems"]
    }
    parents = [line["__parentId"] for line in lines if "__parentId" in line]
    assert parents != sorted(parents, key=list(orders).index), "not in the order of their parents"


def test_the_address_of_a_file_expires_after_seven_days(shopify: ShopifyEmulator, ask: Ask) -> None:
    done = _finished(ask)
    shopify.clock.advance(days=7, seconds=1)
    assert requests.get(done["url"], timeout=10).status_code == 403
    shopify.bulk.step()
    row = shopify.bulk.operations[done["id"]].row
    assert (row["status"], row["url"]) == ("EXPIRED", None)


def test_no_result_has_no_address(ask: Ask) -> None:
    query = "{ orders(query: \"created_at:>'2040-01-01T00:00:00Z'\") { edges { node { id } } } }"
    key = _run(ask, query)["bulkOperation"]["id"]
    _poll(ask, key)
    assert (_poll(ask, key)["url"], _poll(ask, key)["objectCount"]) == (None, "0")


def test_five_run_at_a_time_and_a_cancelled_one_makes_room(
    shopify: ShopifyEmulator, ask: Ask
) -> None:
    shopify.bulk.manual = True
    keys = [_run(ask)["bulkOperation"]["id"] for _ in range(5)]
    assert _run(ask)["userErrors"][0]["code"] == "LIMIT_REACHED"
    assert ask(_CANCEL, id=keys[0]).json()["data"]["bulkOperationCancel"]["userErrors"] == []
    assert _poll(ask, keys[0])["status"] == "CANCELING"
    shopify.bulk.step()
    assert _poll(ask, keys[0])["status"] == "CANCELED"
    assert _run(ask)["userErrors"] == []


def test_a_failed_operation_leaves_a_part_and_a_finished_one_cannot_be_cancelled(
    shopify: ShopifyEmulator, ask: Ask
) -> None:
    shopify.bulk.fail("TIMEOUT", partial=0.5)
    failed = _finished(ask)
    assert (failed["status"], failed["errorCode"], failed["url"]) == ("FAILED", "TIMEOUT", None)
    part = requests.get(failed["partialDataUrl"], timeout=10).text.splitlines()
    assert len(part) == int(failed["objectCount"]) > 0
    cancelled = ask(_CANCEL, id=failed["id"]).json()["data"]["bulkOperationCancel"]
    assert cancelled["userErrors"][0]["message"].startswith("A bulk operation cannot be canceled")


def test_an_operation_that_is_not_there_cannot_be_cancelled(ask: Ask) -> None:
    answer = ask(_CANCEL, id="gid://shopify/BulkOperation/1").json()
    assert answer["data"]["bulkOperationCancel"]["userErrors"] == [
        {"field": ["id"], "message": "Bulk operation does not exist"}
    ]


def test_an_operation_without_the_scope_fails_with_access_denied(
    shopify: ShopifyEmulator, ask: Ask
) -> None:
    shopify.shop().scopes = frozenset({"read_products"})
    assert _finished(ask)["errorCode"] == "ACCESS_DENIED"
