"""What a call of the Admin API brings: data with its errors, a wait, or an error that tells."""

from __future__ import annotations

import logging

import pytest

from connectors.errors import ConnectorError, NotAuthorized, RateLimited, Retryable, Unreachable
from connectors.http import Response
from connectors.shopify import errors as problems
from connectors.shopify.client import API_VERSION, Client
from connectors.shopify.shops import NoShop
from tests.connectors.shopify.scripted import (
    SHOP,
    TOKEN,
    OneToken,
    Script,
    Time,
    answer,
    bucket,
    client,
    failed,
    good,
)

QUERY = "query Q { shop { id } }"
WRITES = "webhookSubscriptionDelete"
MUTATION = f"mutation M {{ {WRITES} {{ userErrors {{ message }} }} }}"
NOT_APPROVED = "This app is not approved to use the email field"


def partly(code: str) -> Response:
    """An order of which Shopify could not make the customer."""
    error = {"message": "no", "path": ["order", "customer"], "extensions": {"code": code}}
    return answer({"data": {"order": {"id": 1, "customer": None}}, "errors": [error]})


def test_data_comes_with_its_cost_and_the_request_names_the_version() -> None:
    script = Script(good(shop={"id": "gid://shopify/Shop/1"}))
    found = client(script).run(QUERY, {"a": 1})
    assert found.need("shop") == {"id": "gid://shopify/Shop/1"}
    assert found.cost is not None
    assert found.cost.available == 1990
    url, headers = script.sent[0]
    assert url == f"https://{SHOP}/admin/api/{API_VERSION}/graphql.json"
    assert headers["X-Shopify-Access-Token"] == f"{TOKEN}-0"


def test_a_refused_field_costs_no_page() -> None:
    error = {"message": NOT_APPROVED.replace("use", "access"), "path": ["customers", "nodes", 0]}
    page = {"customers": {"nodes": [{"id": 1, "email": None}]}}
    found = client(Script(answer({"data": page, "errors": [error]}))).run(QUERY)
    assert found.need("customers")["nodes"][0]["id"] == 1
    assert found.errors[0].is_protected
    assert found.errors[0].path == ("customers", "nodes", 0)


def test_a_refused_object_says_what_is_lacking() -> None:
    denied = {
        "message": "Access denied for orders field.",
        "path": ["orders"],
        "extensions": {"code": "ACCESS_DENIED", "requiredAccess": "`read_orders` access scope."},
    }
    found = client(Script(answer({"data": {"orders": None}, "errors": [denied]}))).run(QUERY)
    with pytest.raises(problems.AccessDenied, match="read_orders"):
        found.need("orders")


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        pytest.param(
            failed("ACCESS_DENIED", "This app is not approved to access the Customer object."),
            problems.ProtectedData,
            id="no approval at all",
        ),
        pytest.param(failed("ACCESS_DENIED", "no"), problems.AccessDenied, id="scope lacking"),
        pytest.param(failed("undefinedField", "no"), problems.BadQuery, id="unknown field"),
        pytest.param(
            answer({"errors": "[API] Invalid API key or access token"}, status=401),
            problems.TokenRefused,
            id="revoked",
        ),
        pytest.param(
            answer({"errors": "Non-expiring access tokens are no longer accepted"}, status=403),
            problems.TokenOutdated,
            id="token without an end",
        ),
        pytest.param(
            answer({"errors": "requires merchant approval for read_orders scope"}, status=403),
            problems.AccessDenied,
            id="whole call refused",
        ),
        pytest.param(answer({}, status=402), problems.ShopUnavailable, id="frozen"),
        pytest.param(answer("<html>", status=404), problems.ShopUnavailable, id="gone"),
        pytest.param(answer("<html>", status=403), Unreachable, id="a firewall's page"),
        pytest.param(answer("", status=502), problems.Overloaded, id="bad gateway for ever"),
        pytest.param(answer('{"data": {"sh'), Unreachable, id="cut short for ever"),
        pytest.param(failed("INTERNAL_SERVER_ERROR"), problems.Overloaded, id="inner error"),
        *(
            pytest.param(partly(code), kind, id=f"a part lacks: {code or 'nobody says why'}")
            for code, kind in {
                "INTERNAL_SERVER_ERROR": problems.Overloaded,
                "TIMEOUT": problems.Overloaded,
                "": problems.Overloaded,
                "THROTTLED": RateLimited,
                "INVALID": problems.BadQuery,
            }.items()
        ),
        pytest.param(failed("THROTTLED"), RateLimited, id="throttled for ever"),
        pytest.param(answer({}, status=429, retry_after="900"), RateLimited, id="for 15 minutes"),
    ],
)
def test_what_cannot_be_mended_is_an_error_of_its_own_kind(
    said: Response, kind: type[ConnectorError]
) -> None:
    with pytest.raises(kind) as caught:
        client(Script(said)).run(QUERY)
    assert TOKEN not in str(caught.value)
    # The two questions a job asks: does it go on by itself, or has the merchant to do something?
    assert isinstance(caught.value, Retryable) == issubclass(kind, Retryable)
    assert isinstance(caught.value, NotAuthorized) == issubclass(kind, NotAuthorized)


def test_too_dear_a_query_tells_its_cost() -> None:
    with pytest.raises(problems.TooCostly) as caught:
        client(Script(failed("MAX_COST_EXCEEDED", cost=None, maxCost=1000))).run(QUERY)
    assert caught.value.most == 1000


def test_a_throttled_call_waits_until_the_bucket_holds_it() -> None:
    time = Time()
    script = Script(failed("THROTTLED", cost=bucket(802, 302)), good(shop={}))
    client(script, time).run(QUERY)
    assert time.slept == [5.0 + 1.0], "500 points at 100 a second, and the jitter"


def test_the_reserve_is_left_to_others() -> None:
    time = Time()
    script = Script(good(available=900, requested=800, shop={}), good(shop={}))
    patient = client(script, time, reserve=400)
    patient.run(QUERY)
    assert time.slept == []
    patient.run(QUERY)
    assert time.slept == [pytest.approx(3.0)]


def test_a_reserve_that_no_bucket_holds_does_not_wait_for_ever() -> None:
    time = Time()
    script = Script(good(available=1000, requested=900, shop={}), good(shop={}))
    greedy = client(script, time, reserve=5000)
    greedy.run(QUERY)
    greedy.run(QUERY)
    assert time.slept == [10.0], "until it is full"


def test_what_passes_is_tried_again_with_growing_waits() -> None:
    time = Time()
    script = Script(answer("", status=503), Unreachable("no"), answer('{"da'), good(shop={}))
    client(script, time).run(QUERY)
    assert time.slept == [1.0, 2.0, 4.0]


def test_a_mutation_that_may_have_been_done_is_not_sent_twice() -> None:
    script = Script(Unreachable("no answer in time"))
    with pytest.raises(Unreachable):
        client(script).run(MUTATION)
    assert len(script.sent) == 1


def test_a_throttled_mutation_was_not_done_and_is_sent_again() -> None:
    script = Script(failed("THROTTLED"), good(webhookSubscriptionDelete={"userErrors": []}))
    client(script).run(MUTATION)
    assert len(script.sent) == 2


def test_refused_input_of_a_mutation_is_an_error() -> None:
    refused = {"userErrors": [{"field": ["id"], "message": "not there", "code": "INVALID"}]}
    found = client(Script(good(webhookSubscriptionDelete=refused))).run(MUTATION)
    with pytest.raises(problems.UserErrors, match="not there") as caught:
        found.mutated(WRITES)
    assert caught.value.errors[0].field == ("id",)


def test_a_refused_token_is_changed_once() -> None:
    script = Script(answer({"errors": "[API] Invalid"}, status=401), good(shop={}))
    client(script).run(QUERY)
    assert [sent[1]["X-Shopify-Access-Token"] for sent in script.sent] == [
        f"{TOKEN}-0",
        f"{TOKEN}-1",
    ]


def test_a_renamed_store_is_followed_and_no_other_host_gets_the_token() -> None:
    path = f"/admin/api/{API_VERSION}/graphql.json"
    moved = answer("", status=301, location=f"https://suits.myshopify.com{path}")
    followed = client(Script(moved, good(shop={})))
    followed.run(QUERY)
    assert followed.shop == "suits.myshopify.com"
    for there in ("https://evil.example", "https://a.myshopify.com.evil.example"):
        script = Script(answer("", status=301, location=f"{there}{path}"))
        with pytest.raises(ConnectorError):
            client(script).run(QUERY)
        assert len(script.sent) == 1


def test_another_version_is_warned_of_once(caplog: pytest.LogCaptureFixture) -> None:
    older = client(Script(answer({"data": {"shop": {}}}, version="2026-01")))
    with caplog.at_level(logging.WARNING):
        older.run(QUERY)
        older.run(QUERY)
    assert [record.getMessage() for record in caplog.records] == [
        f"Shopify answered in version 2026-01, not in {API_VERSION}"
    ]
    assert older.answered_version == "2026-01"


@pytest.mark.parametrize("shop", ["evil.example", "a.myshopify.com.evil.example", "", "a/b"])
def test_no_address_is_made_of_what_is_no_shop(shop: str) -> None:
    with pytest.raises(NoShop):
        Client(shop, OneToken())
