"""Plan, publish, publish again, take back: what a marketer sees in the audience."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import pytest

from integration.audience.connect import open_mailchimp
from integration.audience.members import read_members
from integration.audience.plan import CannotPublish, rows
from integration.audience.undo import CannotUndo, make_undo
from integration.audience.warnings import warning_text
from integration.mailchimp.client import Mailchimp
from integration.sandbox.server import SandboxServer
from integration.settings import Settings
from tests.service.audience_shop import AudienceShop, make_shop
from tests.service.consent_scan import forbidden_writes

ADA, BOB, EVE = "ada@stipt-demo.shop", "bob@stipt-demo.shop", "eve@stipt-demo.shop"
SUIT = {"suits": ("now", date(2026, 3, 14))}


@pytest.fixture
def sandbox() -> Iterator[SandboxServer]:
    with SandboxServer() as server:
        yield server
        assert forbidden_writes(server.requests) == []


def writes(sandbox: SandboxServer, since: int = 0) -> list[str]:
    return [
        f"{r.method} {r.path.removeprefix(f'/lists/{sandbox.list_id}')}"
        for r in sandbox.requests[since:]
        if r.method != "GET"
    ]


def undo(shop: AudienceShop, plan_id: int | None) -> None:
    assert plan_id is not None
    shop.publish(make_undo(shop.context, shop.account_id, plan_id))


def test_a_push_brings_tags_and_fields_to_members_and_to_nobody_else(
    shop: AudienceShop, sandbox: SandboxServer
) -> None:
    sandbox.add_member(ADA, tags=["VIP"])
    sandbox.add_member(EVE)
    shop.person(ADA, ["due:suits:now", "stage:best"], due=SUIT, stage="best", second="shoes")
    shop.person(BOB, ["stage:best"])

    plan = shop.plan()
    assert [r.method for r in sandbox.requests if r.method != "GET"] == []
    assert plan.summary["members"] == 1
    assert plan.summary["contacts_added"] == plan.summary["subscriptions_changed"] == 0
    assert plan.summary["left_out"] == {"no_person": 1}

    shop.publish(plan.id)
    assert sandbox.tags(ADA) == {"VIP", "Due: Suits – now", "Stage: Best"}
    assert sandbox.merge_fields(ADA) == {
        "DUEDATE": "2026-03-14",
        "DUEWHAT": "suit",
        "DUEPROD": "suit",
        "STAGE": "Best",
        "LOVES2": "Shoes",
        "WHY": "Navy suit bought 14 Mar 2024; suits here last 23 months (learned from 312); "
        "no suit since.",
    }
    assert sandbox.tags(EVE) == set()
    assert sandbox.audience.find(BOB) is None


def test_tags_and_fields_are_dutch_in_a_dutch_audience(
    settings: Settings, sandbox: SandboxServer
) -> None:
    shop = make_shop(settings, sandbox, language="nl")
    sandbox.add_member(ADA)
    shop.person(ADA, ["due:suits:now"], due=SUIT, stage="at-risk")
    shop.push()
    assert sandbox.tags(ADA) == {"Toe aan: Pakken – nu"}
    assert sandbox.merge_fields(ADA)["DUEWHAT"] == "pak"
    assert sandbox.merge_fields(ADA)["STAGE"] == "Dreigt af te haken"
    labels = {field.tag: field.name for field in sandbox.audience.fields.values()}
    assert labels["DUEDATE"] == "Toe aan op"
    assert not any(f.public for f in sandbox.audience.fields.values() if f.tag == "DUEDATE")
    shop.context.engine.dispose()


def test_a_second_push_right_after_changes_nothing_and_writes_nothing(
    shop: AudienceShop, sandbox: SandboxServer
) -> None:
    sandbox.add_member(ADA)
    shop.person(ADA, ["stage:best"], due=SUIT)
    shop.push()
    before = len(sandbox.requests)
    second = shop.push()
    assert second.summary["members"] == 0
    assert writes(sandbox, before) == []
    assert second.outcome["writes"] == 0


def test_a_tag_costs_one_call_for_500_people_and_a_field_one_operation_a_member(
    shop: AudienceShop, sandbox: SandboxServer
) -> None:
    people = [f"p{n}@stipt-demo.shop" for n in range(1001)]
    sandbox.seed([{"email": email, "status": "subscribed"} for email in people])
    ids = shop.people(people, ["style:casual"], SUIT, "new")
    plan = shop.push()
    calls = writes(sandbox)
    assert sum(call.startswith("POST /segments/") for call in calls) == 3
    assert sum(call == "POST /batches" for call in calls) == 3
    assert sum(call.startswith("PATCH /members/") for call in calls) == 1001
    # Three batches cost one call each; their operations are counted by Mailchimp.
    assert plan.outcome["writes"] == sum(not call.startswith("PATCH") for call in calls)

    before = len(sandbox.requests)
    shop.leave_all(ids[:200], "style:casual")
    late = [f"q{n}@stipt-demo.shop" for n in range(200)]
    sandbox.seed([{"email": email, "status": "subscribed"} for email in late])
    shop.people(late, ["style:casual"])
    shop.push()
    assert len(writes(sandbox, before)) == 1, "adds and removes travel together"


def test_a_leaver_loses_the_tag_and_keeps_everything_of_the_merchant(
    shop: AudienceShop, sandbox: SandboxServer
) -> None:
    sandbox.add_member(ADA, tags=["VIP"], merge_fields={"FNAME": "Ada"})
    person = shop.person(ADA, ["style:casual"])
    shop.push()
    shop.leave(person, "style:casual")
    shop.enter(person, "style:business")
    shop.push()
    assert sandbox.tags(ADA) == {"VIP", "Style: Business"}
    assert sandbox.merge_fields(ADA) == {"FNAME": "Ada"}


def test_names_the_merchant_uses_are_left_alone(shop: AudienceShop, sandbox: SandboxServer) -> None:
    sandbox.add_member(ADA, tags=["stage: BEST"])
    sandbox.add_member(BOB)
    sandbox.add_member(EVE, tags=["Stage: New"])
    audience = sandbox.audience
    fields = sandbox.state.audience(audience.id).fields
    first = next(iter(fields.values()))
    first.tag, first.name = "DUEDATE", "Mine"
    shop.person(BOB, ["stage:best", "stage:new"], due=SUIT)
    plan = shop.plan()
    texts = [warning_text(warning, "en") for warning in plan.summary["warnings"]]
    assert (
        "You already have a tag “Stage: Best”. We leave it alone; ours is “Stage: Best (auto)”."
        in texts
    )
    assert "You already have a field DUEDATE. We leave it alone; ours is ST_DUEDATE." in texts
    assert all(warning_text(warning, "nl") for warning in plan.summary["warnings"])
    shop.publish(plan.id)
    assert sandbox.tags(BOB) == {"Stage: Best (auto)", "Stage: New (auto)"}
    assert sandbox.tags(ADA) == {"stage: BEST"}
    assert sandbox.merge_fields(BOB)["ST_DUEDATE"] == "2026-03-14"
    assert "DUEDATE" not in sandbox.merge_fields(BOB)
    labels = {field.tag: field.name for field in audience.fields.values()}
    assert (labels["DUEDATE"], labels["ST_DUEDATE"]) == ("Mine", "Due on (auto)")


def test_a_full_audience_gets_the_fields_that_fit_and_says_which_do_not(
    shop: AudienceShop, sandbox: SandboxServer
) -> None:
    sandbox.add_member(ADA)
    client = shop_client(shop)
    for number in range(24):
        client.create_field(tag=f"OWN{number}", label=f"Own {number}", kind="text")
    shop.person(ADA, ["stage:new"], due=SUIT, stage="new", second="shoes")
    plan = shop.plan()
    assert plan.summary["new_fields"] == ["DUEDATE", "DUEWHAT"]
    assert [warning_text(w, "nl") for w in plan.summary["warnings"]] == [
        "In deze doelgroep passen nog 2 velden. Weggelaten: DUEPROD, STAGE, LOVES2, WHY."
    ]
    published = shop.publish(plan.id)
    assert published.outcome["failed"] == 0
    assert set(sandbox.merge_fields(ADA)) == {"DUEDATE", "DUEWHAT"}


def test_a_field_that_mailchimp_refuses_to_create_fails_with_its_rows_only(
    shop: AudienceShop, sandbox: SandboxServer
) -> None:
    sandbox.add_member(ADA)
    shop.person(ADA, ["stage:new"], due=SUIT)
    plan = shop.plan()
    client = shop_client(shop)
    for number in range(25):  # the merchant uses the room up between plan and push
        client.create_field(tag=f"OWN{number}", label=f"Own {number}", kind="text")
    published = shop.publish(plan.id)
    failed = [c for c in shop.changes(plan.id) if c.status == "failed"]
    assert {c.key for c in failed} == {"DUEPROD", "DUEWHAT", "WHY"}
    assert all("maximum of 30" in (c.error or "") for c in failed)
    assert published.outcome["failed"] == 3
    assert sandbox.merge_fields(ADA) == {"DUEDATE": "2026-03-14"}
    assert sandbox.tags(ADA) == {"Stage: New"}


def test_somebody_who_disappears_before_the_push_fails_alone(
    shop: AudienceShop, sandbox: SandboxServer
) -> None:
    for email in (ADA, BOB):
        sandbox.add_member(email)
        shop.person(email, ["stage:new"], due=SUIT)
    plan = shop.plan()
    sandbox.act("erase", ADA)
    shop.publish(plan.id)
    failed = [c for c in shop.changes(plan.id) if c.status == "failed"]
    assert {c.email_key for c in failed} == {ADA}
    assert {c.error for c in failed} == {"no longer in the audience"}
    assert sandbox.tags(BOB) == {"Stage: New"}
    assert shop.plan().summary["left_out"] == {"lost": 1}
    assert sandbox.audience.find(ADA) is None


def test_a_tag_deleted_in_mailchimp_is_made_again_by_the_next_plan(
    shop: AudienceShop, sandbox: SandboxServer
) -> None:
    sandbox.add_member(ADA)
    sandbox.add_member(BOB)
    shop.person(ADA, ["stage:new"])
    shop.push()
    shop.person(BOB, ["stage:new"])
    plan = shop.plan()
    tag = next(s for s in shop_client(shop).segments() if s.name == "Stage: New")
    shop_client(shop).delete_tag(tag.id)
    published = shop.publish(plan.id)
    assert published.outcome["failed"] == 1
    shop.push()
    assert sandbox.tags(ADA) == sandbox.tags(BOB) == {"Stage: New"}


def test_a_tag_the_merchant_renames_stays_ours(shop: AudienceShop, sandbox: SandboxServer) -> None:
    sandbox.add_member(ADA)
    person = shop.person(ADA, ["stage:new"])
    shop.push()
    segment = next(iter(sandbox.audience.segments.values()))
    segment.name = "Welcome"
    assert shop.push().summary["members"] == 0
    shop.leave(person, "stage:new")
    shop.push()
    assert sandbox.tags(ADA) == set()


def test_undo_leaves_the_audience_byte_for_byte_as_before(
    shop: AudienceShop, sandbox: SandboxServer
) -> None:
    sandbox.add_member(ADA, tags=["VIP", "Stage: New"], merge_fields={"FNAME": "Ada"})
    sandbox.add_member(BOB, "pending")
    sandbox.add_member(EVE, "transactional")
    for email in (ADA, BOB, EVE):
        shop.person(email, ["stage:new", "loves:suits"], due=SUIT, stage="new")
    before = sandbox.canonical()
    first = shop.push()
    assert sandbox.canonical() != before
    undo(shop, first.id)
    assert sandbox.canonical() == before
    assert shop.stored(first.id).status == "undone"
    assert shop.plan().summary["members"] == 3, "after an undo everything is to be pushed again"


def test_undo_of_a_later_plan_restores_the_earlier_one(
    shop: AudienceShop, sandbox: SandboxServer
) -> None:
    for email in (ADA, BOB):
        sandbox.add_member(email)
    ada = shop.person(ADA, ["stage:new"], due=SUIT, stage="new")
    shop.person(BOB, ["stage:new"])
    first = shop.push()
    between = sandbox.canonical()
    shop.leave(ada, "stage:new")
    shop.enter(ada, "stage:best", "loves:suits")
    second = shop.push()
    assert sandbox.canonical() != between
    assert first.id is not None
    with pytest.raises(CannotUndo, match="later plan"):
        make_undo(shop.context, shop.account_id, first.id)
    undo(shop, second.id)
    assert sandbox.canonical() == between
    undo(shop, first.id)
    assert sandbox.tags(ADA) == set()


def test_undo_keeps_a_tag_that_the_merchant_has_begun_to_use(
    shop: AudienceShop, sandbox: SandboxServer
) -> None:
    for email in (ADA, BOB):
        sandbox.add_member(email)
    shop.person(ADA, ["stage:new"])
    plan = shop.push()
    with sandbox.state.lock:
        segment = next(iter(sandbox.audience.segments.values()))
        member = sandbox.audience.find(BOB)
        assert member is not None
        sandbox.audience.attach(member, segment.id)
    undo(shop, plan.id)
    assert sandbox.tags(ADA) == set()
    assert sandbox.tags(BOB) == {"Stage: New"}


def test_undo_keeps_a_tag_of_others_when_as_many_of_ours_were_archived(
    shop: AudienceShop, sandbox: SandboxServer
) -> None:
    for email in (ADA, BOB, EVE):
        sandbox.add_member(email)
    shop.people((ADA, BOB), ["stage:new"])
    plan = shop.push()
    sandbox.act("archive", BOB)
    with sandbox.state.lock:
        segment = next(iter(sandbox.audience.segments.values()))
        member = sandbox.audience.find(EVE)
        assert member is not None
        sandbox.audience.attach(member, segment.id)
    read_members(shop.context, shop.audience)
    undo(shop, plan.id)
    assert sandbox.tags(ADA) == set()
    assert sandbox.tags(EVE) == {"Stage: New"}


def test_undo_keeps_a_tag_that_a_saved_segment_names(
    shop: AudienceShop, sandbox: SandboxServer
) -> None:
    sandbox.add_member(ADA)
    shop.person(ADA, ["stage:new"])
    plan = shop.push()
    with sandbox.state.lock:
        tag = next(iter(sandbox.audience.segments.values()))
        condition = {
            "condition_type": "StaticSegment",
            "field": "static_segment",
            "op": "static_is",
            "value": tag.id,
        }
        options = {"match": "all", "conditions": [condition]}
        sandbox.state.add_segment(sandbox.audience, "Send this week", options)
    undo(shop, plan.id)
    assert sandbox.tags(ADA) == set()
    assert {s.name for s in sandbox.audience.segments.values()} == {"Stage: New", "Send this week"}


def test_an_undo_is_refused_where_it_could_not_be_right(
    shop: AudienceShop, sandbox: SandboxServer
) -> None:
    sandbox.add_member(ADA)
    shop.person(ADA, ["stage:new"])
    draft = shop.plan()
    assert draft.id is not None
    with pytest.raises(CannotUndo, match="never published"):
        make_undo(shop.context, shop.account_id, draft.id)
    shop.publish(draft.id)
    undo(shop, draft.id)
    before = len(sandbox.requests)
    undo(shop, draft.id)
    assert len(sandbox.requests) == before, "an undo that is done is only acknowledged"
    with pytest.raises(CannotPublish, match="undone"):
        shop.publish(draft.id)
    with pytest.raises(CannotUndo, match="no such"):
        make_undo(shop.context, shop.account_id, 999)


def test_a_newer_plan_discards_the_draft_before_it(
    shop: AudienceShop, sandbox: SandboxServer
) -> None:
    sandbox.add_member(ADA)
    first, second = shop.plan(), shop.plan()
    assert shop.stored(first.id).status == "discarded"
    with pytest.raises(CannotPublish, match="discarded"):
        shop.publish(first.id)
    assert shop.publish(second.id).status == "published"


def test_a_plan_can_be_downloaded_row_by_row(shop: AudienceShop, sandbox: SandboxServer) -> None:
    sandbox.add_member(ADA)
    shop.person(ADA, ["stage:new"], due=SUIT)
    plan = shop.push()
    assert plan.id is not None
    with shop.session() as session:
        found = list(rows(session, plan.id))
    assert [(row["email"], row["name"], row["after"], row["status"]) for row in found][:3] == [
        (ADA, "DUEDATE", "2026-03-14", "done"),
        (ADA, "DUEPROD", "suit", "done"),
        (ADA, "DUEWHAT", "suit", "done"),
    ]
    assert found[-1]["name"] == "Stage: New"


def test_push_and_undo_work_on_every_database(
    settings: Settings, sandbox: SandboxServer, database_url: str
) -> None:
    shop = make_shop(settings.model_copy(update={"database_url": database_url}), sandbox)
    sandbox.add_member(ADA, tags=["VIP"])
    sandbox.add_member(BOB, "unsubscribed")
    shop.person(ADA, ["stage:new"], due=SUIT, stage="new")
    before = sandbox.canonical()
    plan = shop.push()
    assert sandbox.tags(ADA) == {"VIP", "Stage: New"}
    assert shop.push().outcome["writes"] == 0
    undo(shop, plan.id)
    assert sandbox.canonical() == before
    shop.context.engine.dispose()


def shop_client(shop: AudienceShop) -> Mailchimp:
    """A client of the test's own, to arrange what the merchant did."""
    return open_mailchimp(shop.context, shop.audience)
