"""Situation 8: an audience with 30 fields in use, one of them required, and a tag renamed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import pytest

from integration.audience.undo import make_undo
from integration.audience.warnings import warning_text
from integration.sandbox.server import SandboxServer
from integration.sandbox.state import MergeField
from integration.settings import Settings
from tests.service.adding_shop import choose, opt_in, status_of
from tests.service.audience_shop import AudienceShop, make_shop
from tests.service.consent_scan import forbidden_writes

ADA, NEW = "ada@stipt-demo.shop", "new@stipt-demo.shop"
SUIT = {"suits": ("now", date(2026, 3, 14))}
#: The merchant's own, with the four that every audience starts with.
IN_USE = 28


@pytest.fixture
def shop(settings: Settings) -> Iterator[AudienceShop]:
    with SandboxServer() as sandbox:
        for number in range(100, 100 + IN_USE - 4):
            add_field(sandbox, number)
        sandbox.add_member(ADA)
        made = make_shop(settings, sandbox)
        made.person(ADA, ["stage:new", "due:suits:now"], due=SUIT, stage="new")
        yield made
        made.context.engine.dispose()


def add_field(sandbox: SandboxServer, number: int, *, required: bool = False) -> None:
    with sandbox.state.lock:
        sandbox.audience.fields[number] = MergeField(
            id=number, tag=f"OWN{number}", name="Own", type="text", required=required
        )


def our_tags(sandbox: SandboxServer) -> set[str]:
    with sandbox.state.lock:
        return {f.tag for f in sandbox.audience.fields.values()}


def test_full_audiences_required_fields_and_renamed_tags_stop_nothing(shop: AudienceShop) -> None:
    sandbox = shop.sandbox
    plan = shop.plan()
    assert plan.summary["new_fields"] == ["DUEDATE", "DUEWHAT"]
    assert plan.summary["fields_left"] == 0
    assert warning_text(plan.summary["warnings"][0], "en") == (
        "This audience has room for 2 more fields. Left out: DUEPROD, STAGE, WHY."
    )
    assert warning_text(plan.summary["warnings"][0], "nl").startswith("In deze doelgroep passen")
    plan = shop.publish(plan.id)
    assert plan.outcome["failed"] == 0
    assert sandbox.merge_fields(ADA) == {"DUEDATE": "2026-03-14", "DUEWHAT": "suit"}
    assert len(our_tags(sandbox)) == 30

    # The merchant throws two of his out, and adds a required one; and calls a tag otherwise.
    with sandbox.state.lock:
        del sandbox.audience.fields[100], sandbox.audience.fields[102]
        sandbox.audience.fields[101].required = True
        audience = sandbox.audience
        tag = next(s for s in audience.segments.values() if s.name == "Stage: New")
        del audience.tag_ids[tag.name.casefold()]
        tag.name = "Fresh faces"
        audience.tag_ids["fresh faces"] = tag.id
    shop.person(NEW, ["stage:new"], stage="new")
    opt_in(shop, NEW)
    choose(shop, adds_contacts=True, language="nl")
    later = shop.push()
    assert later.outcome["failed"] == 0
    assert later.summary["new_fields"] == ["DUEPROD", "STAGE"]
    assert status_of(shop, NEW) == "subscribed"
    assert sandbox.tags(NEW) == {"Fresh faces"}
    assert sandbox.tags(ADA) == {"Fresh faces", "Toe aan: Pakken – nu"}
    assert sandbox.merge_fields(ADA)["STAGE"] == "Nieuw"
    assert sandbox.merge_fields(ADA)["DUEWHAT"] == "pak"
    assert forbidden_writes(sandbox.requests, may_add=[NEW]) == []

    seen = len(sandbox.requests)
    assert shop.push().summary["members"] == 0
    assert [r for r in sandbox.requests[seen:] if r.method != "GET"] == []

    shop.publish(make_undo(shop.context, shop.account_id, later.id or 0))
    assert sandbox.tags(ADA) == {"Fresh faces", "Due: Suits – now"}
    assert sandbox.merge_fields(ADA) == {"DUEDATE": "2026-03-14", "DUEWHAT": "suit"}
    assert status_of(shop, NEW) == "archived"
