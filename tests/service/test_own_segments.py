"""Segments of the merchant's own: kept, computed with all others, tags until they are removed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import col, select

from integration.audience.names import within_budget
from integration.audience.plan import CannotPublish
from integration.audience.undo import make_undo
from integration.db import scoped
from integration.own import kept
from integration.own.kept import CannotKeep, key_of
from integration.own.members import place
from integration.reading.names import words
from integration.sandbox.server import SandboxServer
from integration.settings import Settings
from integration.tables import (
    CampaignRule,
    FittedModel,
    OwnSegment,
    PersonProfile,
    SegmentChange,
    SegmentMember,
)
from segmentation.builder.document import read
from segmentation.segments import LONGEST_NAME
from tests.connectors.files.writing import write
from tests.service.audience_shop import NOW, AudienceShop, make_shop
from tests.service.installation import Installation

ADA, BOB, EVE = "ada@stipt-demo.shop", "bob@stipt-demo.shop", "eve@stipt-demo.shop"
TODAY = NOW.date()
OFTEN = {"version": 1, "who": {"feature": "frequency", "is": "at_least", "value": 3}}


@pytest.fixture
def shop(settings: Settings, sandbox: SandboxServer) -> Iterator[AudienceShop]:
    """Ada bought often, Bob once, and Eve often for a company."""
    made = make_shop(settings, sandbox, clock=lambda: NOW)
    for email, frequency, business in ((ADA, 5, False), (BOB, 1, False), (EVE, 9, True)):
        sandbox.add_member(email)
        person = made.person(email, ["stage:new"], stage="new", wholesale=business)
        bought(made, person, frequency)
    with made.session() as session:
        session.add(FittedModel(account_id=made.account_id, as_of=TODAY, state={}, counters={},
                                created_at=NOW))  # fmt: skip
    yield made
    made.context.engine.dispose()


def bought(shop: AudienceShop, person: int, frequency: int) -> None:
    with shop.session() as session:
        found = session.exec(select(PersonProfile).where(PersonProfile.person_id == person)).one()
        found.frequency = frequency
        session.add(found)


def keep(
    shop: AudienceShop, name: str = "Buys often", document: Any = OFTEN, row: int | None = None
) -> int:
    with shop.session() as session:
        before = session.get_one(OwnSegment, row) if row is not None else None
        made = kept.keep(session, shop.context, name, read(document), before)
        place(session, made)
        return made.id or 0


def remove(shop: AudienceShop, row: int) -> None:
    with shop.session() as session:
        found = session.get_one(OwnSegment, row)
        kept.remove(session, shop.context, found)
        place(session, found)


def put_back(shop: AudienceShop, row: int) -> None:
    with shop.session() as session:
        found = session.get_one(OwnSegment, row)
        kept.put_back(session, found)
        place(session, found)


def tags(sandbox: SandboxServer) -> set[str]:
    with sandbox.state.lock:
        return {s.name for s in sandbox.audience.segments.values()}


# -- from keeping to the tag, and back -------------------------------------------------------------


def test_what_is_kept_is_a_tag_with_the_next_plan_and_gone_with_the_one_after_its_removal(
    shop: AudienceShop, sandbox: SandboxServer
) -> None:
    row = keep(shop)
    plan = shop.plan()
    assert "Own: Buys often" in plan.summary["new_tags"]
    shop.publish(plan.id)
    assert sandbox.tags(ADA) == {"Own: Buys often", "Stage: New"}
    assert sandbox.tags(BOB) == sandbox.tags(EVE) == {"Stage: New"}

    remove(shop, row)
    assert sandbox.tags(ADA) == {"Own: Buys often", "Stage: New"}
    shop.push()
    assert sandbox.tags(ADA) == {"Stage: New"}
    assert "Own: Buys often" not in tags(sandbox)


def test_undoing_the_plan_gives_the_tag_back_although_its_segment_is_removed(
    shop: AudienceShop, sandbox: SandboxServer
) -> None:
    row = keep(shop)
    shop.push()
    remove(shop, row)
    plan = shop.push()
    shop.publish(make_undo(shop.context, shop.account_id, plan.id or 0))
    assert sandbox.tags(ADA) == {"Own: Buys often", "Stage: New"}
    put_back(shop, row)
    assert shop.plan().summary["members"] == 0


def test_a_tag_that_the_merchant_gave_to_others_too_stays_on_them(
    shop: AudienceShop, sandbox: SandboxServer
) -> None:
    row = keep(shop)
    shop.push()
    sandbox.add_member("zoe@stipt-demo.shop", tags=["Own: Buys often"])
    remove(shop, row)
    shop.push()
    assert sandbox.tags("zoe@stipt-demo.shop") == {"Own: Buys often"}
    assert sandbox.tags(ADA) == {"Stage: New"}


def test_another_name_renames_the_tag_and_nobody_loses_it(
    shop: AudienceShop, sandbox: SandboxServer
) -> None:
    row = keep(shop)
    shop.push()
    keep(shop, "Regulars", row=row)
    plan = shop.plan()
    assert [(c["before"], c["after"]) for c in plan.summary["names"]] == [
        ("Own: Buys often", "Own: Regulars")
    ]
    assert plan.summary["members"] == 0
    shop.publish(plan.id)
    assert sandbox.tags(ADA) == {"Own: Regulars", "Stage: New"}
    assert shop.plan().summary["names"] == []


def test_other_conditions_move_people_in_and_out_with_history(shop: AudienceShop) -> None:
    row = keep(shop)
    once = {"version": 1, "who": {"feature": "frequency", "is": "equals", "value": 1}}
    keep(shop, document=once, row=row)
    with shop.session() as session:
        changes = session.exec(select(SegmentChange).order_by(col(SegmentChange.id))).all()
        inside = session.exec(
            select(SegmentMember.person_id).where(SegmentMember.segment == f"own:{row}")
        ).all()
    ada, bob = changes[0].person_id, changes[1].person_id
    assert [(c.person_id, c.entered) for c in changes] == [(ada, True), (bob, True), (ada, False)]
    assert [c.cause for c in changes] == [{}, {}, {"key": "left-own"}]
    assert list(inside) == [bob]


def test_the_name_and_the_reason_are_told_in_both_languages(shop: AudienceShop) -> None:
    row = keep(shop)
    with shop.session() as session:
        reason = session.exec(
            select(SegmentMember.reason).where(col(SegmentMember.segment) == f"own:{row}")
        ).one()
        for language, name, meaning, why in (
            ("en", "Own: Buys often", "Purchases: at least 3.", "Purchases: at least 3 (5)."),
            ("nl", "Eigen: Buys often", "Aankopen: minstens 3.", "Aankopen: minstens 3 (5)."),
        ):
            spoken = words(session, language)
            segment = spoken.segment(f"own:{row}")
            assert segment is not None
            assert segment.name(language) == name
            assert segment.meaning(language) == meaning
            assert spoken.why(reason) == why


def test_own_segments_become_tags_before_new_ones_that_nobody_asked_for() -> None:
    many = {f"due:thing{number}:now": 1_000 for number in range(24)}
    many |= {f"loves:thing{number}": 900 for number in range(10)}
    many |= {f"stage:{stage}": 800 for stage in range(6)} | {f"style:{s}": 700 for s in range(6)}
    many |= {f"b2b:{number}": 600 for number in range(8)} | {f"shops:{s}": 500 for s in range(4)}
    many |= {f"value:{number}": 400 for number in range(3)}
    assert "own:7" in within_budget(many | {"own:7": 1}, [])
    assert "own:7" not in within_budget(many | {"own:7": 1}, within_budget(many, []))


# -- with every run --------------------------------------------------------------------------------

RECEIPTS = "receipt_id,customer_id,email,purchased_at,product_name,quantity,gross_amount,currency"


def receipt(number: int, who: str, day: date) -> str:
    return f"R{number},{who},{who}@stipt-demo.shop,{day.isoformat()},Blue suit,1,100.00,EUR"


def test_a_run_after_an_order_lets_its_customer_in(tmp_path: Path, database_url: str) -> None:
    made = Installation(tmp_path, database_url)
    start = date(2024, 1, 3)
    lines = [receipt(n, "ada", start + timedelta(days=60 * n)) for n in range(2)]
    made.file(write(tmp_path / "first.csv", RECEIPTS, *lines, receipt(9, "bob", start)))
    made.work()
    with scoped(made.engine, made.account_id) as session:
        row = kept.keep(session, made.context, "Three times", read(OFTEN))
        place(session, row)
        key = key_of(row)
    assert members(made, key) == {}
    made.file(write(tmp_path / "second.csv", RECEIPTS, receipt(3, "ada", date(2024, 6, 1))))
    made.work()
    found = members(made, key)
    assert [reason["held"][0]["fact"] for reason in found.values()] == [3]
    # What is stored asks the same as what a run computes.
    with scoped(made.engine, made.account_id) as session:
        place(session, session.exec(select(OwnSegment)).one())
    assert members(made, key) == found
    made.engine.dispose()


def members(made: Installation, key: str) -> dict[int, Any]:
    with scoped(made.engine, made.account_id) as session:
        query = select(SegmentMember).where(SegmentMember.segment == key)
        return {row.person_id: row.reason for row in session.exec(query)}


# -- what cannot be kept ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        pytest.param("  ", "no_name", id="no name"),
        pytest.param("x" * (kept.LONGEST + 1), "long_name", id="too long"),
        pytest.param("two\nlines", "bad_name", id="two lines"),
        pytest.param("BUYS often", "taken", id="taken, as Mailchimp ignores case"),
    ],
)
def test_a_name_that_cannot_be_a_tag_is_refused(shop: AudienceShop, name: str, reason: str) -> None:
    keep(shop)
    with pytest.raises(CannotKeep) as error:
        keep(shop, name)
    assert error.value.reason == reason


def test_the_longest_name_fits_into_a_tag_in_both_languages(shop: AudienceShop) -> None:
    row = keep(shop, "x" * kept.LONGEST)
    with shop.session() as session:
        segment = words(session, "en").segment(f"own:{row}")
    assert segment is not None
    assert max(len(segment.name_en), len(segment.name_nl)) == LONGEST_NAME


def test_there_are_no_more_than_can_be_tags(shop: AudienceShop) -> None:
    rows = [keep(shop, f"Number {number}") for number in range(kept.MOST)]
    with pytest.raises(CannotKeep) as error:
        keep(shop, "One more")
    assert error.value.reason == "too_many"
    remove(shop, rows[0])
    keep(shop, "One more")
    with pytest.raises(CannotKeep):
        put_back(shop, rows[0])


def test_a_segment_that_a_rule_writes_to_is_not_removed(shop: AudienceShop) -> None:
    row = keep(shop)
    with shop.session() as session:
        rule = CampaignRule(account_id=shop.account_id, audience_id=shop.audience.id or 0,
                            segment=f"own:{row}", language="en", content={}, weekday=1, hour=9,
                            most_people=10, created_at=NOW, is_on=True)  # fmt: skip
        session.add(rule)
    with pytest.raises(CannotKeep) as error:
        remove(shop, row)
    assert error.value.reason == "rule"


def test_a_plan_that_waits_cannot_give_the_tag_of_a_segment_that_was_removed(
    shop: AudienceShop, sandbox: SandboxServer
) -> None:
    row = keep(shop)
    plan = shop.plan()
    remove(shop, row)
    with pytest.raises(CannotPublish):
        shop.publish(plan.id)
    shop.push()
    assert "Own: Buys often" not in tags(sandbox)


def test_what_was_removed_can_be_put_back_for_a_month(shop: AudienceShop) -> None:
    row = keep(shop)
    remove(shop, row)
    with shop.session() as session:
        assert [r.id for r in kept.removed(session, NOW + timedelta(days=29))] == [row]
        kept.drop_old(session, NOW + timedelta(days=29))
        assert session.get(OwnSegment, row) is not None
        kept.drop_old(session, NOW + timedelta(days=31))
        assert session.exec(select(OwnSegment)).all() == []


def test_a_document_of_a_later_version_is_left_alone(shop: AudienceShop) -> None:
    row = keep(shop)
    with shop.session() as session:
        session.get_one(OwnSegment, row).document = {"version": 99, "who": {}}
    with shop.session() as session:
        segment = words(session, "en").segment(f"own:{row}")
    assert segment is not None
    assert segment.meaning_en == ""
