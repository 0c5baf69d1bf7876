"""Somebody whose address is a part of another's: what is erased and shown is his own alone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from urllib.parse import urlencode

import pytest
from sqlmodel import select

from integration.privacy import access, erase
from integration.privacy.mentions import whole
from integration.privacy.subject import Subject, of_address
from integration.sandbox.server import SandboxServer
from integration.settings import Settings
from integration.tables import ImportRun, Inbox, Reject
from tests.service.audience_shop import NOW, AudienceShop, make_shop

AN, JAN, LONGER = "an@x-shop.nl", "jan@x-shop.nl", "an@x-shop.nl.example"


@pytest.fixture
def shop(settings: Settings, database_url: str, sandbox: SandboxServer) -> Iterator[AudienceShop]:
    made = make_shop(settings.model_copy(update={"database_url": database_url}), sandbox)
    for address in (AN, JAN, LONGER, "j+an@x-shop.nl"):
        kept(made, address)
    yield made
    made.context.engine.dispose()


def kept(shop: AudienceShop, address: str) -> None:
    """Keep a webhook as a form and one as JSON, a rejected cell and a question that name one."""
    told = {"type": "unsubscribe", "data[email]": address}
    with shop.session() as session:
        run = ImportRun(
            account_id=shop.account_id, shop_id=shop.shop_id, name="a.csv", started_at=NOW,
            status="waiting", error=json.dumps({"example": f"<{address}>;1"}),
        )  # fmt: skip
        run_id = shop.add(session, run)
        session.add(
            Reject(account_id=shop.account_id, run_id=run_id, stream="orders", row="7",
                   column="email", value=f"mail {address}.", reason="no address")
        )  # fmt: skip
        for form, body in (("form", urlencode(told)), ("json", json.dumps({"a": [told]}))):
            session.add(
                Inbox(account_id=shop.account_id, audience_id=shop.audience.id, topic="unsubscribe",
                      dedupe_key=f"{form} {run_id}", headers={},
                      received_at=NOW, body=body.encode())
            )  # fmt: skip


def test_erasing_a_shorter_address_leaves_what_is_kept_of_a_longer_one(shop: AudienceShop) -> None:
    with shop.session() as session:
        erase.start(session, shop.context, of_address(session, AN))
    with shop.session() as session:
        cells = [row.value for row in session.exec(select(Reject))]
        bodies = [row.body.decode() for row in session.exec(select(Inbox))]
        questions = [row.error for row in session.exec(select(ImportRun))]
    assert cells == [f"mail {one}." for one in (JAN, LONGER, "j+an@x-shop.nl")]
    assert len(bodies) == 6
    assert sum("jan" in body for body in bodies) == 2
    assert [f"<{AN}>" in (text or "") for text in questions] == [False] * 4
    assert [f"{JAN}" in (text or "") for text in questions] == [False, True, False, False]


def test_the_access_file_of_a_shorter_address_shows_nothing_of_a_longer_one(
    shop: AudienceShop,
) -> None:
    told = access.document(shop.context, shop.account_id, Subject(emails=(AN,)))
    assert [row["value"] for row in told["stipt"]["reject"]] == [f"mail {AN}."]


@pytest.mark.parametrize(
    ("text", "is_named"),
    [
        (AN, True),
        (f"Mail {AN.upper()}, please", True),
        (f"mailto:{AN}.", True),
        (f"<{AN}>", True),
        (f"{AN}: gone", True),
        (JAN, False),
        (f"j.{AN}", False),
        (f"j+{AN}", False),
        (f"j-{AN}", False),
        (LONGER, False),
        (f"{AN}-x", False),
        (f"{AN}a", False),
    ],
)
def test_only_a_whole_address_names_somebody(text: str, is_named: bool) -> None:
    assert bool(whole([AN]).search(text)) is is_named
