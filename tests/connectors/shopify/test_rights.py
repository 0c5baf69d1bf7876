"""What a store lets us do is told apart: a scope that lacks, an approval, or nothing."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.errors import NotReadable, Unreachable
from connectors.http import Response
from connectors.shopify import rights
from tests.connectors.shopify.scripted import Script, answer, client, failed

GOOD = answer({"data": {"customers": {"nodes": []}}})
SCOPE = failed("ACCESS_DENIED", "Access denied for customers field.")
OBJECT = failed("ACCESS_DENIED", "This app is not approved to access the Customer object.")


def field(name: str) -> Response:
    """A customer of whom one field is refused."""
    path = ["customers", "nodes", 0, "defaultEmailAddress", name]
    error: dict[str, Any] = {"message": f"This app is not approved to use the {name} field."}
    return answer({"data": {"customers": {"nodes": [{}]}}, "errors": [{**error, "path": path}]})


@pytest.mark.parametrize(
    ("said", "off"),
    [
        pytest.param([GOOD], {}, id="everything works"),
        pytest.param(
            [SCOPE, GOOD],
            {"customers": "scope", "email": "scope", "consent": "scope"},
            id="no scope for customers",
        ),
        pytest.param(
            [OBJECT, GOOD],
            {"customers": "approval", "email": "approval", "consent": "approval"},
            id="no approval for customers",
        ),
        pytest.param([GOOD, field("emailAddress"), GOOD], {"email": "approval"}, id="no address"),
        pytest.param(
            [GOOD, field("marketingState"), GOOD], {"consent": "approval"}, id="no permission"
        ),
        pytest.param(
            [GOOD, GOOD, answer({"errors": "merchant approval for read_orders"}, status=403), GOOD],
            {"orders": "scope", "all_orders": "scope"},
            id="no orders, said by the status",
        ),
    ],
)
def test_each_right_is_found_out_by_asking(said: list[Response], off: dict[str, str]) -> None:
    found = rights.rights(client(Script(*said)), frozenset({"read_all_orders"}))
    assert tuple(found) == rights.RIGHTS
    assert {name: lacks for name, lacks in found.items() if lacks} == off


def test_orders_of_before_60_days_need_a_scope_of_their_own() -> None:
    found = rights.rights(client(Script(GOOD)), frozenset({"read_orders"}))
    assert {name: lacks for name, lacks in found.items() if lacks} == {"all_orders": "scope"}


def test_a_store_that_does_not_answer_lacks_nothing() -> None:
    with pytest.raises(Unreachable):
        rights.rights(client(Script(Unreachable("no"))), frozenset())


def test_a_store_that_does_not_say_who_it_is_is_no_store() -> None:
    with pytest.raises(NotReadable, match="currentAppInstallation"):
        rights.profile(client(Script(answer({"data": {"shop": {"id": "1"}}}))))
