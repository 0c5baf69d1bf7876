"""Situation 1: 10,000 people with mixed consent, and an audience with people in every state."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from sqlalchemy import insert

from integration.audience.undo import make_undo
from integration.sandbox.server import SandboxServer
from integration.settings import Settings
from integration.tables import Consent
from tests.service.adding_shop import additions, choose
from tests.service.audience_shop import NOW, AudienceShop, make_shop
from tests.service.consent_scan import forbidden_writes

pytestmark = pytest.mark.slow

PEOPLE = 10_000
#: What they are in the audience, in turn.
STATES = ("subscribed", "unsubscribed", "cleaned", "archived", "forgotten", "absent", "absent")
#: A statement is never newer than the moment at which it is received.
BEFORE = NOW - timedelta(days=9)
#: What the shop knows of them, in turn: seven and five make every pair.
SAID: tuple[list[tuple[str, datetime | None]], ...] = (
    [],
    [("confirmed", NOW)],
    [("confirmed", BEFORE), ("denied", NOW)],
    [("denied", BEFORE), ("confirmed", NOW)],
    [("confirmed", None)],
)


def email(number: int) -> str:
    return f"p{number:05d}@stipt-demo.shop"


def state(number: int) -> str:
    return STATES[number % len(STATES)]


def opted_in(number: int) -> bool:
    """Whether there is an opt-in with its moment that no denial outdates."""
    return number % len(SAID) in (1, 3)


@pytest.fixture
def shop(settings: Settings) -> Iterator[AudienceShop]:
    with SandboxServer() as sandbox:
        sandbox.seed(
            {
                "email": email(number),
                "status": "subscribed" if state(number) == "forgotten" else state(number),
                "status_by": "person" if state(number) == "unsubscribed" else "admin",
                "tags": ["VIP"] if number % 3 == 0 else [],
            }
            for number in range(PEOPLE)
            if state(number) != "absent"
        )
        for number in range(PEOPLE):
            if state(number) == "forgotten":
                sandbox.act("erase", email(number))
        made = make_shop(settings, sandbox)
        made.people(map(email, range(PEOPLE)), ["stage:new"], stage="new")
        say(made)
        yield made
        made.context.engine.dispose()


def say(shop: AudienceShop) -> None:
    """Write what the shop knows of permission into the ledger."""
    rows = [
        {
            "account_id": shop.account_id,
            "shop_id": shop.shop_id,
            "external_id": f"{number}:{said}:{at}",
            "profile_id": shop.profiles[email(number)],
            "email_key": email(number),
            "channel": "email",
            "state": said,
            "at": at,
            "source": "checkout",
            "received_at": NOW,
        }
        for number in range(PEOPLE)
        for said, at in SAID[number % len(SAID)]
    ]
    with shop.session() as session:
        session.connection().execute(insert(Consent), rows)


def statuses(shop: AudienceShop) -> dict[str, str]:
    with shop.sandbox.state.lock:
        return {m.email: m.status for m in shop.sandbox.audience.members.values()}


def test_no_status_changes_and_only_who_opted_in_is_added_once_the_merchant_wants_it(
    shop: AudienceShop,
) -> None:
    flow = shop.sandbox.add_flow("VIP welcome", "tag", "VIP")
    before = statuses(shop)
    plan = shop.push()
    assert statuses(shop) == before
    assert plan.summary["contacts_added"] == 0
    assert plan.outcome["failed"] == 0
    assert forbidden_writes(shop.sandbox.requests) == []
    seen = len(shop.sandbox.requests)
    assert shop.push().summary["members"] == 0
    assert [r for r in shop.sandbox.requests[seen:] if r.method != "GET"] == []

    choose(shop, adds_contacts=True)
    plan = shop.plan()
    asked = {n for n in range(PEOPLE) if state(n) in ("absent", "forgotten") and opted_in(n)}
    assert plan.summary["contacts_added"] == len(asked)
    assert statuses(shop) == before, "the preview adds nobody"
    shop.publish(plan.id)
    wanted = {email(n): "subscribed" for n in asked if state(n) == "absent"}
    assert statuses(shop) == before | wanted
    assert Counter(wanted.values()) == {"subscribed": len(wanted)}
    proofs = additions(shop, plan.id)
    assert all(proofs[added].at and proofs[added].source == "checkout" for added in wanted)
    assert forbidden_writes(shop.sandbox.requests, may_add=map(email, asked)) == []  # type: ignore[arg-type]

    seen = len(shop.sandbox.requests)
    assert shop.push().summary["contacts_added"] == 0, "whom Mailchimp forgot is not tried again"
    assert [r for r in shop.sandbox.requests[seen:] if r.method != "GET"] == []
    assert flow.entries == {}
    assert shop.sandbox.state.flows.triggers == []

    shop.publish(make_undo(shop.context, shop.account_id, plan.id or 0))
    assert statuses(shop) == before | dict.fromkeys(wanted, "archived")
