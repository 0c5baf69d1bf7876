"""Situation 7: the token is revoked in the middle of a batch, or the audience is deleted."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import pytest

from integration.audience.connect import connect
from integration.mailchimp.errors import Paused
from integration.sandbox.server import SandboxServer
from integration.settings import Settings
from integration.work.execute import run_until_idle
from tests.service.audience_shop import AudienceShop, make_shop
from tests.service.consent_scan import forbidden_writes
from tests.service.test_audience_pause import queue_push, work

PEOPLE = [f"p{number}@stipt-demo.shop" for number in range(1, 31)]
SUIT = {"suits": ("now", date(2026, 3, 14))}


@pytest.fixture
def sandbox() -> Iterator[SandboxServer]:
    with SandboxServer() as running:
        yield running
        assert forbidden_writes(running.requests) == []


@pytest.fixture
def shop(settings: Settings, sandbox: SandboxServer) -> Iterator[AudienceShop]:
    """Thirty people who get a tag and fields."""
    made = make_shop(settings, sandbox)
    for email in PEOPLE:
        sandbox.add_member(email)
    made.people(PEOPLE, ["stage:new"], due=SUIT, stage="new")
    yield made
    made.context.engine.dispose()


def test_a_token_revoked_in_the_middle_of_a_batch_loses_nothing(
    shop: AudienceShop, sandbox: SandboxServer
) -> None:
    plan_id = queue_push(shop)
    real = sandbox.state.next_id

    def revoke_after_a_batch(kind: str) -> int:
        if kind == "batch":  # the answer to the hand-in is the last one that is given
            sandbox.state.tokens[sandbox.key] = False
        return real(kind)

    sandbox.state.next_id = revoke_after_a_batch  # type: ignore[method-assign]  # stands for a hand
    run_until_idle(shop.context)
    sandbox.state.next_id = real  # type: ignore[method-assign]  # as above
    assert shop.audience.paused == "revoked"
    assert (work(shop).status, work(shop).attempts) == ("resting", 0)
    assert shop.stored(plan_id).status == "publishing"

    sandbox.state.tokens["sandbox2-us1"] = True
    connect(shop.context, shop.account_id, token="sandbox2-us1", language="en")
    run_until_idle(shop.context)
    assert work(shop).status == "done"
    assert shop.stored(plan_id).status == "published"
    assert {change.status for change in shop.changes(plan_id)} == {"done"}
    for email in PEOPLE:
        assert sandbox.tags(email) == {"Stage: New"}
        assert sandbox.merge_fields(email)["STAGE"] == "New"
    assert shop.plan().summary["members"] == 0, "nothing is written a second time"


def test_an_audience_deleted_in_mailchimp_waits_for_another_one(
    shop: AudienceShop, sandbox: SandboxServer
) -> None:
    queue_push(shop)
    sandbox.state.audiences.pop(sandbox.list_id)
    run_until_idle(shop.context)
    assert shop.audience.paused == "audience_deleted"
    assert work(shop).status == "resting"
    with pytest.raises(Paused, match="deleted in Mailchimp"):
        shop.plan()

    sandbox.state.add_audience("Anew")
    sandbox.add_member(PEOPLE[0])
    connect(shop.context, shop.account_id, token=sandbox.key, language="en")
    assert shop.audience.paused == ""
    assert shop.push().outcome["failed"] == 0
    assert sandbox.tags(PEOPLE[0]) == {"Stage: New"}
