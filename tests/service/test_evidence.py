"""What is known of how somebody left at Mailchimp, or came back, is kept with his statement."""

from __future__ import annotations

from typing import Any

import mailchimp_marketing
import pytest
from sqlmodel import select

from integration.audience.members import read_members
from integration.sandbox.server import SandboxServer
from integration.sandbox.state import subscriber_hash
from integration.tables import Consent
from tests.service.audience_shop import AudienceShop

ADA = "ada@stipt-demo.shop"


@pytest.fixture
def another_application(sandbox: SandboxServer) -> Any:
    """Somebody else who uses Mailchimp's API."""
    made = mailchimp_marketing.Client()
    made.set_config({"api_key": sandbox.key})
    made.api_client.host = sandbox.url
    return made


def statements(shop: AudienceShop) -> list[tuple[str, str | None]]:
    """Read the audience; state and evidence of what the ledger holds then."""
    read_members(shop.context, shop.audience)
    with shop.session() as session:
        found = session.exec(select(Consent).order_by(Consent.id))  # type: ignore[arg-type]
        return [(row.state, row.evidence) for row in found]


def test_who_leaves_and_comes_back_under_our_eyes_did_both_himself(
    shop: AudienceShop, sandbox: SandboxServer
) -> None:
    sandbox.add_member(ADA)
    assert statements(shop) == []
    sandbox.state.clock.advance(60)
    sandbox.act("unsubscribe", ADA)
    assert statements(shop) == [("denied", "seen, person")]
    sandbox.state.clock.advance(60)
    sandbox.act("resubscribe", ADA)
    assert statements(shop)[1:] == [("confirmed", "person")]


def test_whom_we_meet_as_unsubscribed_left_at_some_time(
    shop: AudienceShop, sandbox: SandboxServer
) -> None:
    sandbox.add_member(ADA)
    sandbox.act("unsubscribe", ADA)
    assert statements(shop) == [("denied", "person")]


def test_whom_an_application_took_out_and_put_back_has_said_nothing(
    shop: AudienceShop, sandbox: SandboxServer, another_application: Any
) -> None:
    sandbox.add_member(ADA)
    statements(shop)
    for status in ("unsubscribed", "subscribed"):
        sandbox.state.clock.advance(60)
        changed = {"status": status, "timestamp_opt": sandbox.state.clock.text()}
        another_application.lists.update_list_member(sandbox.list_id, subscriber_hash(ADA), changed)
        found = statements(shop)
    assert found[0] == ("denied", "seen")
    assert [evidence for _state, evidence in found[1:]] in ([], [None])


def test_who_clicked_in_the_mail_confirmed_it(
    shop: AudienceShop, sandbox: SandboxServer, another_application: Any
) -> None:
    sandbox.add_member(ADA)
    statements(shop)
    sandbox.act("unsubscribe", ADA)
    statements(shop)
    sandbox.state.clock.advance(60)
    lists = another_application.lists
    lists.update_list_member(sandbox.list_id, subscriber_hash(ADA), {"status": "pending"})
    assert len(statements(shop)) == 1, "asked is not said"
    sandbox.state.clock.advance(60)
    sandbox.act("confirm", ADA)
    assert statements(shop)[1:] == [("confirmed", "person, confirmed")]
