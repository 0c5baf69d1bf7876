"""Names of ours: renamed and never doubled, room for fields, saved segments, languages."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import cast

import pytest
from sqlmodel import select

from integration import pipeline
from integration.audience import leave, names
from integration.audience.undo import make_undo
from integration.audience.warnings import warning_text
from integration.mailchimp import leave_out
from integration.sandbox.fields import rename
from integration.sandbox.server import SandboxServer
from integration.sandbox.state import MergeField
from integration.settings import Settings
from integration.tables import OwnedName, PersonProfile, Plan, SourceProfile
from integration.work.queue import Job
from tests.service.adding_shop import choose, name_person
from tests.service.audience_shop import AudienceShop, TestJob, make_shop
from tests.service.consent_scan import forbidden_writes

ADA, BOB = "ada@stipt-demo.shop", "bob@stipt-demo.shop"
SUIT = {"suits": ("now", date(2026, 3, 14))}
SEND = "▶ Send this week: Suits"


@pytest.fixture
def sandbox() -> Iterator[SandboxServer]:
    with SandboxServer() as server:
        yield server
        assert forbidden_writes(server.requests) == []


@pytest.fixture
def shop(settings: Settings, sandbox: SandboxServer) -> Iterator[AudienceShop]:
    made = make_shop(settings, sandbox)
    for email in (ADA, BOB):
        sandbox.add_member(email)
        made.person(email, ["stage:new", "due:suits:now"], due=SUIT, stage="new")
    yield made
    made.context.engine.dispose()


def segments(sandbox: SandboxServer) -> dict[str, int]:
    with sandbox.state.lock:
        return {s.name: s.id for s in sandbox.audience.segments.values()}


def labels(sandbox: SandboxServer) -> dict[str, str]:
    with sandbox.state.lock:
        return {f.tag: f.name for f in sandbox.audience.fields.values()}


def take_back(shop: AudienceShop, plan: Plan) -> None:
    shop.publish(make_undo(shop.context, shop.account_id, plan.id or 0))


def writes(sandbox: SandboxServer, since: int) -> list[str]:
    return [r.method for r in sandbox.requests[since:] if r.method != "GET"]


def test_another_language_renames_by_id_and_nobody_loses_anything(
    shop: AudienceShop, sandbox: SandboxServer
) -> None:
    shop.push()
    before, english = segments(sandbox), labels(sandbox)
    choose(shop, language="nl")
    plan = shop.plan()
    assert {(c["before"], c["after"]) for c in plan.summary["names"]} >= {
        ("Stage: New", "Fase: Nieuw"),
        ("Due: Suits – now", "Toe aan: Pakken – nu"),
        ("Due on", "Toe aan op"),
        (SEND, "▶ Deze week versturen: Pakken"),
    }
    assert plan.summary["new_tags"] == []
    shop.publish(plan.id)
    after = segments(sandbox)
    assert sorted(after.values()) == sorted(before.values())
    assert sandbox.tags(ADA) == {"Fase: Nieuw", "Toe aan: Pakken – nu"}
    assert sandbox.merge_fields(ADA)["DUEWHAT"] == "pak"
    assert labels(sandbox)["DUEDATE"] == "Toe aan op"
    seen = len(sandbox.requests)
    assert shop.push().summary["names"] == []
    assert writes(sandbox, seen) == []
    take_back(shop, plan)
    assert segments(sandbox) == before
    assert labels(sandbox) == english


def test_the_tags_that_keep_people_out_of_drafts_take_the_other_language_too(
    shop: AudienceShop, sandbox: SandboxServer
) -> None:
    shop.push()
    leave_out.keep(shop.context, shop.audience)
    before = segments(sandbox)
    rest, ask = "Overslaan: met rust laten", "Stemming: ontevreden – eerst vragen"
    choose(shop, language="nl")
    plan = shop.push()
    after = segments(sandbox)
    assert after[rest] == before["Skip: rest"]
    assert after[ask] == before["Mood: unhappy – ask first"]
    leave_out.keep(shop.context, shop.audience)
    assert segments(sandbox) == after
    take_back(shop, plan)
    assert segments(sandbox) == before


def test_what_the_merchant_renamed_keeps_his_name(
    shop: AudienceShop, sandbox: SandboxServer
) -> None:
    shop.push()
    with sandbox.state.lock:
        audience = sandbox.audience
        tag = audience.segments[segments(sandbox)["Stage: New"]]
        del audience.tag_ids[tag.name.casefold()]
        tag.name = "Newcomers"
        audience.tag_ids["newcomers"] = tag.id
        field = audience.field_by_tag("DUEDATE")
        assert field is not None
        field.name = "Suit day"
    choose(shop, language="nl")
    shop.push()
    assert sandbox.tags(ADA) == {"Newcomers", "Toe aan: Pakken – nu"}
    assert labels(sandbox)["DUEDATE"] == "Suit day"


def test_a_name_changed_between_plan_and_push_is_left_alone(
    shop: AudienceShop, sandbox: SandboxServer
) -> None:
    shop.push()
    choose(shop, language="nl")
    plan = shop.plan()
    with sandbox.state.lock:
        field = sandbox.audience.field_by_tag("DUEDATE")
        assert field is not None
        field.name = "Suit day"
    shop.publish(plan.id)
    assert labels(sandbox)["DUEDATE"] == "Suit day"


def test_a_dutch_name_that_the_merchant_uses_gets_the_suffix(
    shop: AudienceShop, sandbox: SandboxServer
) -> None:
    sandbox.add_member("eve@stipt-demo.shop", tags=["Fase: Nieuw"])
    shop.push()
    choose(shop, language="nl")
    shop.push()
    assert sandbox.tags("eve@stipt-demo.shop") == {"Fase: Nieuw"}
    assert "Fase: Nieuw (auto)" in sandbox.tags(ADA)
    assert shop.push().summary["names"] == []


def test_a_renamed_merge_tag_goes_on_working(shop: AudienceShop, sandbox: SandboxServer) -> None:
    shop.push()
    with sandbox.state.lock:
        field = sandbox.audience.field_by_tag("STAGE")
        assert field is not None
        rename(sandbox.audience, field, "PHASE")
    choose(shop, language="nl")
    plan = shop.push()
    assert plan.outcome["failed"] == 0
    assert sandbox.merge_fields(ADA)["PHASE"] == "Nieuw"
    assert "STAGE" not in labels(sandbox)


def test_a_field_of_another_type_is_the_merchants_and_made_again(
    shop: AudienceShop, sandbox: SandboxServer
) -> None:
    shop.push()
    with sandbox.state.lock:
        field = sandbox.audience.field_by_tag("DUEDATE")
        assert field is not None
        field.type = "text"
    plan = shop.push()
    sentences = [warning_text(warning, "en") for warning in plan.summary["warnings"]]
    assert any("DUEDATE was given another type" in sentence for sentence in sentences)
    assert sandbox.merge_fields(ADA)["ST_DUEDATE"] == "2026-03-14"


def test_required_fields_of_the_merchant_stop_nothing(
    shop: AudienceShop, sandbox: SandboxServer
) -> None:
    with sandbox.state.lock:
        sandbox.audience.fields[90] = MergeField(
            id=90, tag="MUST", name="Must", type="text", required=True
        )
    assert shop.push().outcome["failed"] == 0
    assert sandbox.merge_fields(ADA)["DUEDATE"] == "2026-03-14"


def fill_up(sandbox: SandboxServer, count: int) -> None:
    with sandbox.state.lock:
        for number in range(100, 100 + count):
            sandbox.audience.fields[number] = MergeField(
                id=number, tag=f"F{number}", name="x", type="text"
            )


@pytest.mark.parametrize("there", [20, 28, pytest.param(32, id="more than 30: largest plan")])
def test_the_preview_says_how_many_fields_are_left(
    shop: AudienceShop, sandbox: SandboxServer, there: int
) -> None:
    sandbox.audience.most_fields = 80 if there > names.FIELD_LIMIT else names.FIELD_LIMIT
    fill_up(sandbox, there - len(labels(sandbox)))
    plan = shop.plan()
    # DUEDATE, DUEWHAT, DUEPROD, STAGE and WHY.
    room = sandbox.audience.most_fields - there
    assert len(plan.summary["new_fields"]) == min(room, 5)
    assert plan.summary["fields_left"] == max(room - 5, 0)
    assert shop.publish(plan.id).outcome["failed"] == 0
    assert sandbox.audience.most_fields - len(labels(sandbox)) == max(room - 5, 0)


def set_profile(shop: AudienceShop, email: str, **values: object) -> None:
    with shop.session() as session:
        person = session.get_one(SourceProfile, shop.profiles[email]).person_id
        row = session.exec(select(PersonProfile).where(PersonProfile.person_id == person)).one()
        for name, value in values.items():
            setattr(row, name, value)


_RHYTHM = {"key": "overdue", "spread": 6, "orders": 7, "contacts": 2, "carries": True, "state": ""}
WHOLE = {**_RHYTHM, "need": "anything", "last_on": "2026-02-19", "expected_on": "2026-03-21",
         "every": 30, "units": None}  # fmt: skip
TILES = {**_RHYTHM, "need": "tiles", "last_on": "2025-12-19", "expected_on": "2026-01-23",
         "every": 35, "units": 24, "state": "overdue"}  # fmt: skip
#: What is known of a company that is on time, and late with tiles.
TRADE = {"rhythms": [WHOLE, TILES], "lacks": []}


def test_optional_fields_come_and_go_with_the_choice(
    shop: AudienceShop, sandbox: SandboxServer
) -> None:
    set_profile(shop, ADA, shops="menswear", favourite="shirts", recency=10)
    set_profile(shop, BOB, is_wholesale=True, trade=TRADE)
    shop.push()
    assert "SHOPS" not in labels(sandbox)
    choose(shop, field_sets={"on": ["shops", "wholesale", "history"]})
    shop.push()
    fields = sandbox.merge_fields(ADA)
    assert (fields["SHOPS"], fields["FAVOURITE"]) == ("Menswear", "Shirts")
    assert fields["LASTORDER"] == "2026-02-19"
    assert sandbox.merge_fields(BOB)["NEXTORDER"] == "2026-03-21"
    assert "Tiles: usually every 5 weeks" in str(sandbox.merge_fields(BOB)["WHY"])
    assert "DUEDATE" not in sandbox.merge_fields(BOB)
    set_profile(shop, BOB, trade={"rhythms": [WHOLE | {"last_on": "2025-12-01"}], "lacks": []})
    shop.push()
    assert "NEXTORDER" not in sandbox.merge_fields(BOB)
    choose(shop, field_sets={"on": []})
    shop.push()
    assert "SHOPS" not in sandbox.merge_fields(ADA)


def test_saved_segments_are_in_the_plan_made_once_and_taken_back(
    shop: AudienceShop, sandbox: SandboxServer
) -> None:
    before = sandbox.canonical()
    plan = shop.plan()
    assert [c["after"] for c in plan.summary["names"]] == [SEND]
    assert SEND not in segments(sandbox)
    shop.publish(plan.id)
    with sandbox.state.lock:
        made = sandbox.audience.segments[segments(sandbox)[SEND]]
        assert made.options is not None
        assert [c["op"] for c in made.options["conditions"]] == ["static_is"]
    seen = len(sandbox.requests)
    shop.push()
    assert writes(sandbox, seen) == []
    take_back(shop, plan)
    assert sandbox.canonical() == before


def test_a_saved_segment_leaves_out_the_control_group_as_soon_as_there_is_one(
    shop: AudienceShop, sandbox: SandboxServer
) -> None:
    shop.push()
    with shop.session() as session:
        person = session.get_one(SourceProfile, shop.profiles[BOB]).person_id
    shop.enter(person, "test:holdout")
    shop.push()  # makes the tag
    shop.push()  # and the segment leaves it out
    with sandbox.state.lock:
        made = sandbox.audience.segments[segments(sandbox)[SEND]]
        assert made.options is not None
        assert [c["op"] for c in made.options["conditions"]] == ["static_is", "static_not"]
    seen = len(sandbox.requests)
    shop.push()
    assert writes(sandbox, seen) == []


def test_a_segment_of_that_name_is_never_taken_over_nor_one_made_again_that_was_deleted(
    shop: AudienceShop, sandbox: SandboxServer
) -> None:
    with sandbox.state.lock:
        own = sandbox.state.add_segment(sandbox.audience, SEND, {"match": "all", "conditions": []})
    plan = shop.push()
    assert f"{SEND} (auto)" in segments(sandbox)
    assert any(w["key"] == "segment_taken" for w in plan.summary["warnings"])
    assert segments(sandbox)[SEND] == own.id
    with sandbox.state.lock:
        ours = sandbox.audience.segments[segments(sandbox)[f"{SEND} (auto)"]]
        sandbox.audience.drop_segment(ours)
    assert shop.push().summary["names"] == []


def test_undo_keeps_a_saved_segment_that_the_merchant_changed(
    shop: AudienceShop, sandbox: SandboxServer
) -> None:
    plan = shop.push()
    with sandbox.state.lock:
        made = sandbox.audience.segments[segments(sandbox)[SEND]]
        assert made.options is not None
        made.options["conditions"].append(
            {"condition_type": "EmailAddress", "field": "EMAIL", "op": "contains", "value": "shop"}
        )
    take_back(shop, plan)
    assert SEND in segments(sandbox)


def test_no_saved_segment_where_the_merchant_wants_none(
    shop: AudienceShop, sandbox: SandboxServer
) -> None:
    choose(shop, skips_segments=True)
    shop.push()
    assert SEND not in segments(sandbox)
    with shop.session() as session:
        kinds = {row.kind for row in session.exec(select(OwnedName))}
    assert kinds == {"tag", "field"}


def language_of(sandbox: SandboxServer, email: str) -> str:
    found = sandbox.audience.find(email)
    assert found is not None
    return found.language


def test_a_contacts_language_is_filled_where_blank_and_is_his_once_changed(
    shop: AudienceShop, sandbox: SandboxServer
) -> None:
    sandbox.add_member("cy@stipt-demo.shop", language="fr")
    shop.person("cy@stipt-demo.shop", ["stage:new"])
    for email in (ADA, BOB, "cy@stipt-demo.shop"):
        name_person(shop, email, language="nl")
    shop.push()
    assert language_of(sandbox, ADA) == "", "only by choice"
    choose(shop, sets_language=True)
    plan = shop.push()
    found = [language_of(sandbox, email) for email in (ADA, BOB, "cy@stipt-demo.shop")]
    assert found == ["nl", "nl", "fr"]
    with sandbox.state.lock:
        member = sandbox.audience.find(BOB)
        assert member is not None
        member.language, member.last_changed = "de", sandbox.state.clock.text()
    seen = len(sandbox.requests)
    shop.push()
    assert writes(sandbox, seen) == []
    assert plan.id
    name_person(shop, ADA, language="en")
    name_person(shop, BOB, language="en")
    shop.push()
    assert [language_of(sandbox, email) for email in (ADA, BOB)] == ["en", "de"]


@pytest.mark.parametrize("way", ["undo", "take out"])
def test_a_language_that_somebody_chose_is_left_when_ours_is_taken_back(
    shop: AudienceShop, sandbox: SandboxServer, way: str
) -> None:
    choose(shop, sets_language=True)
    for email in (ADA, BOB):
        name_person(shop, email, language="nl")
    plan = shop.push()
    sandbox.act("edit", BOB, language="fr")
    job = TestJob(shop.account_id)
    if way == "undo":
        job.payload = {"plan_id": plan.id}
        pipeline.undo(shop.context, cast("Job", job))
    else:
        job.payload = {"then": {"do": leave.DISCONNECT, "from": shop.audience.id}}
        leave.take_out(shop.context, cast("Job", job))
    assert [language_of(sandbox, email) for email in (ADA, BOB)] == ["", "fr"]
