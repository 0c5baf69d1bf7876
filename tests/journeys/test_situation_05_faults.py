"""Situation 5: every fault of Mailchimp's during a push, and what the merchant does meanwhile.

Over real HTTP, by the queue with its own waits, on one clock for product and sandbox. The end is
that of an undisturbed push, without a person; nothing was made twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests
from sqlmodel import select

from integration.audience.connect import connect, current_audience
from integration.mailchimp import transport
from integration.tables import DueDate
from tests.journeys.weather import (
    click,
    held,
    made_twice,
    push_job,
    shop_in,
    status,
    work_off,
    written_again,
)
from tests.service.audience_shop import AudienceShop

REFUSALS = ("too_many", "empty_429", "empty_403", "error_500", "error_503", "html_502")
WRITING = ("POST /batches", "POST /lists", "GET /lists", "GET /batches")


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What the audience holds after a push that nothing disturbs."""
    with shop_in(tmp_path_factory.mktemp("undisturbed")) as shop:
        plan_id = click(shop)
        assert len(work_off(shop)) == 1
        assert status(shop, plan_id) == "published"
        return held(shop)


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[AudienceShop]:
    with shop_in(tmp_path) as made:
        yield made


@pytest.mark.parametrize("where", WRITING)
@pytest.mark.parametrize("kind", REFUSALS)
def test_a_refusal_is_waited_out_without_a_person(
    shop: AudienceShop, undisturbed: str, kind: str, where: str
) -> None:
    plan_id = click(shop)
    method, prefix = where.split(" ")
    shop.sandbox.fail(kind, method=method, prefix=prefix, first=2 if prefix == "/lists" else 1)
    shop.sandbox.fail(kind, method=method, prefix=prefix, times=5)
    work_off(shop)
    assert status(shop, plan_id) == "published"
    assert held(shop) == undisturbed
    assert made_twice(shop) == []
    assert written_again(shop) == 0, "what is refused is not carried out"


@pytest.mark.parametrize("where", ["POST /batches", "POST /lists"])
@pytest.mark.parametrize("kind", ["reset", "stall", "slow"])
def test_a_lost_answer_is_made_good_and_doubles_nothing(
    shop: AudienceShop,
    undisturbed: str,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
    where: str,
) -> None:
    """Mailchimp's 120 s are shortened to a moment: what matters is who gives up first."""
    monkeypatch.setattr(transport, "BULK_TIMEOUT_S", 1.5)
    plan_id = click(shop)
    method, prefix = where.split(" ")
    shop.sandbox.fail(kind, method=method, prefix=prefix, seconds=3.0)
    tried = work_off(shop)
    assert status(shop, plan_id) == "published"
    assert held(shop) == undisturbed
    assert made_twice(shop) == []
    assert len(tried) == 2
    waited = (tried[1] - tried[0]).total_seconds()
    assert kind == "reset" or waited >= 60, "after a time-out it may still be running there"


@pytest.mark.parametrize("nth", [1, 3, 6])
def test_a_token_that_is_revoked_on_the_way_rests_and_goes_on_with_a_new_one(
    shop: AudienceShop, undisturbed: str, nth: int
) -> None:
    plan_id = click(shop)
    shop.sandbox.fail("revoked", first=nth)
    work_off(shop)
    assert status(shop, plan_id) == "publishing"
    assert current_audience(shop.context, shop.account_id).paused == "revoked"
    before = len(shop.sandbox.requests)
    shop.sandbox.state.clock.advance(86_400)
    work_off(shop)
    assert len(shop.sandbox.requests) == before, "nothing is sent with a revoked key"
    shop.sandbox.state.tokens["sandbox-new-us1"] = True
    connect(shop.context, shop.account_id, token="sandbox-new-us1", language="en")
    work_off(shop)
    assert status(shop, plan_id) == "published"
    assert held(shop) == undisturbed
    assert made_twice(shop) == []


def test_an_audience_that_is_deleted_on_the_way_stops_the_push_and_nobody_is_taken_for_gone(
    shop: AudienceShop,
) -> None:
    plan_id = click(shop)
    shop.sandbox.fail("error_500", method="POST", prefix="/batches", times=1)

    def delete(attempt: int) -> None:
        if attempt == 1:
            address = f"{shop.sandbox.root}/sandbox/audiences/{shop.sandbox.list_id}"
            requests.delete(address, timeout=9).raise_for_status()

    work_off(shop, before_each=delete)
    assert status(shop, plan_id) == "publishing"
    assert current_audience(shop.context, shop.account_id).paused == "audience_deleted"
    assert push_job(shop).status == "resting"
    errors = {change.error for change in shop.changes(plan_id)}
    assert errors == {None}


Change = Callable[[AudienceShop], None]


def _renames_tag_and_label(shop: AudienceShop) -> None:
    body = {"tag": "DUEDATE", "new_tag": "MYDATE", "name": "My date"}
    address = f"{shop.sandbox.root}/sandbox/merge-fields"
    requests.patch(address, json=body, timeout=9).raise_for_status()


def _deletes(shop: AudienceShop) -> None:
    audience = shop.sandbox.audience
    with shop.sandbox.state.lock:
        field = audience.field_by_tag("DUEDATE")
        assert field is not None
        del audience.fields[field.id]
        for member in audience.members.values():
            member.merge.pop("DUEDATE", None)


@pytest.mark.parametrize(
    ("change", "tag"),
    [
        pytest.param(_renames_tag_and_label, "MYDATE", id="renamed"),
        pytest.param(_deletes, "DUEDATE", id="deleted"),
    ],
)
def test_a_field_that_the_merchant_changes_between_plan_and_push_is_found_again(
    shop: AudienceShop, change: Change, tag: str
) -> None:
    click(shop)
    work_off(shop)
    with shop.session() as session:
        for due in session.exec(select(DueDate)):
            due.expected_on = due.expected_on.replace(month=9)
    plan_id = click(shop)
    change(shop)
    work_off(shop)
    assert status(shop, plan_id) == "published"
    assert {change.status for change in shop.changes(plan_id)} == {"done"}
    values = {shop.sandbox.merge_fields(f"p{n}@stipt-demo.shop").get(tag) for n in range(1, 24, 2)}
    assert values == {"2026-09-14"}
