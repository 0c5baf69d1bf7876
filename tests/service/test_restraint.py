"""Who is left out of mail: a control group by lot, whom to ask first, who withdrew."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from random import Random
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import col, delete, select

from integration.audience import restraint
from integration.audience.undo import make_undo
from integration.db import upsert
from integration.identity import link
from integration.pipeline import refresh
from integration.salted import lot
from integration.sandbox.server import SandboxServer
from integration.tables import (
    Identity,
    Order,
    Person,
    SegmentChange,
    SegmentMember,
    SourceProfile,
)
from integration.work.queue import Job
from segmentation.reasons import render
from tests.service.audience_shop import NOW, AudienceShop, TestJob, make_shop

TODAY = NOW.date()
MANY = [f"guest{number}@stipt-demo.shop" for number in range(1_000)]


def group(shop: AudienceShop, percent: int) -> set[int]:
    with shop.session() as session:
        return restraint.control_group(session, shop.audience, percent)


def addresses(shop: AudienceShop, people: set[int]) -> set[str]:
    with shop.session() as session:
        query = (
            select(Identity.value)
            .join(SourceProfile, col(SourceProfile.id) == col(Identity.profile_id))
            .where(col(SourceProfile.person_id).in_(people))
        )
        return set(session.exec(query))


def choose(shop: AudienceShop, percent: int) -> None:
    with shop.session() as session:
        restraint.set_share(session, shop.audience.id or 0, percent, TODAY)


def forget_everybody(shop: AudienceShop) -> None:
    with shop.session() as session:
        for table in (Order, Identity, SourceProfile, SegmentMember):
            session.exec(delete(table))
        session.exec(delete(Person))


def reasons(shop: AudienceShop) -> dict[int, str]:
    with shop.session() as session:
        return restraint.left_out(session, shop.audience)


def bought(shop: AudienceShop, email: str, at: datetime) -> None:
    with shop.session() as session:
        session.add(
            Order(
                account_id=shop.account_id,
                shop_id=shop.shop_id,
                external_id=f"{email}{at}",
                profile_id=shop.profiles[email],
                placed_at=at,
                status="paid",
                channel="web",
                currency="EUR",
                total_minor=1,
                shipping_minor=0,
            )
        )


def test_nobody_is_in_the_control_group_until_the_merchant_asks_for_one(
    shop: AudienceShop,
) -> None:
    shop.people(MANY[:100], ["stage:new"])
    assert shop.audience.holdout_percent == 0
    assert reasons(shop) == {}


def test_the_group_has_the_share_asked_for(shop: AudienceShop) -> None:
    shop.people(MANY, ["stage:new"])
    # Four standard deviations of a fair draw among a thousand.
    assert abs(len(group(shop, 10)) - 100) < 38
    assert abs(len(group(shop, 20)) - 200) < 51


def test_a_larger_share_only_adds_people(shop: AudienceShop) -> None:
    shop.people(MANY, ["stage:new"])
    assert group(shop, 0) < group(shop, 10) < group(shop, 20)


def test_the_same_people_are_set_aside_after_a_re_import_in_another_order(
    shop: AudienceShop,
) -> None:
    shop.people(MANY[:300], ["stage:new"])
    before = addresses(shop, group(shop, 20))
    forget_everybody(shop)
    shop.people(Random(4).sample(MANY[:300], 300), ["stage:new"])
    assert addresses(shop, group(shop, 20)) == before != set()


def test_two_accounts_draw_different_groups(shop: AudienceShop, sandbox: SandboxServer) -> None:
    other = make_shop(shop.context.settings, sandbox)
    drawn = []
    for one in (shop, other):
        one.people(MANY[:300], ["stage:new"])
        drawn.append(addresses(one, group(one, 20)))
    other.context.engine.dispose()
    assert drawn[0] != drawn[1]


@given(salt=st.binary(min_size=32, max_size=32), text=st.text(max_size=30))
def test_a_lot_is_a_number_from_0_up_to_1_and_the_same_every_time(salt: bytes, text: str) -> None:
    assert 0 <= lot(salt, text) < 1
    assert lot(salt, text) == lot(salt, text)


def test_a_merged_person_has_the_lot_of_the_address_that_was_known_first(
    shop: AudienceShop,
) -> None:
    people = shop.people(MANY[:200], ["stage:new"])
    inside = group(shop, 20)
    held = next(email for email, who in zip(MANY, people, strict=False) if who in inside)
    free = next(email for email, who in zip(MANY, people, strict=False) if who not in inside)
    for first, second, is_in in ((held, free, True), (free, held, False)):
        forget_everybody(shop)
        # The newer address comes first: the order of reading does not count.
        person = shop.person(second, other_emails=[first])
        bought(shop, second, NOW)
        bought(shop, first, NOW - timedelta(days=900))
        assert (person in group(shop, 20)) is is_in


def test_a_person_with_several_addresses_is_no_more_likely_to_be_set_aside(
    shop: AudienceShop,
) -> None:
    for number in range(0, 600, 3):
        shop.person(MANY[number], other_emails=MANY[number + 1 : number + 3])
    assert abs(len(group(shop, 20)) - 40) < 23


def test_business_customers_and_people_without_an_address_are_in_no_test(
    shop: AudienceShop,
) -> None:
    business = {shop.person(email, ["b2b:account"]) for email in MANY[:100]}
    with shop.session() as session:
        nameless = Person(account_id=shop.account_id, created_at=NOW)
        session.add(nameless)
    assert group(shop, 20) & {*business, nameless.id} == set()


def test_twenty_percent_is_proposed_below_twenty_thousand_people(
    shop: AudienceShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.people(MANY[:10], ["stage:new"])
    with shop.session() as session:
        assert restraint.proposed_share(session) == 20
        monkeypatch.setattr(restraint, "SMALL", 10)
        assert restraint.proposed_share(session) == 10


def test_only_the_offered_percentages_can_be_chosen(shop: AudienceShop) -> None:
    with pytest.raises(ValueError, match="0, 10, 20"):
        choose(shop, 50)


# -- as a tag --------------------------------------------------------------------------------------


def tagged(sandbox: SandboxServer) -> set[str]:
    return {email for email in MANY[:60] if "Test: Holdout" in sandbox.tags(email)}


def test_the_group_wears_a_tag_that_follows_the_share_and_can_be_taken_back(
    shop: AudienceShop, sandbox: SandboxServer
) -> None:
    for email in MANY[:60]:
        sandbox.add_member(email)
    shop.people(MANY[:60], ["stage:new"])
    shop.push()
    choose(shop, 20)
    plan = shop.push()
    twenty = addresses(shop, group(shop, 20))
    assert tagged(sandbox) == twenty != set()
    assert plan.summary["new_tags"] == ["Test: Holdout"]
    assert shop.plan().summary["members"] == 0  # a second time there is nothing to write
    choose(shop, 10)
    lower = shop.push()
    assert tagged(sandbox) == addresses(shop, group(shop, 10))
    assert tagged(sandbox) < twenty
    shop.publish(make_undo(shop.context, shop.account_id, lower.id or 0))
    assert tagged(sandbox) == twenty


def test_every_place_in_the_group_has_a_reason_and_a_history(shop: AudienceShop) -> None:
    people = shop.people(MANY[:60], ["stage:new"])
    choose(shop, 20)
    inside = group(shop, 20)
    choose(shop, 0)
    with shop.session() as session:
        history = session.exec(
            select(SegmentChange).where(SegmentChange.segment == restraint.HOLDOUT)
        ).all()
        held = session.exec(select(SegmentMember.segment)).all()
    assert {(row.person_id, row.entered) for row in history} == {
        (person, entered) for person in inside for entered in (True, False)
    }
    for language, start in (("en", "By lot one of the 20%"), ("nl", "Door het lot een van de 20%")):
        assert render(history[0].reason, language, {}).startswith(start)
    assert set(held) == {"stage:new"}, "other segments are left alone"
    assert len(held) == len(people)


def test_new_figures_draw_newcomers_and_keep_everybody_where_they_are(
    shop: AudienceShop,
) -> None:
    shop.people(MANY[:60], [])
    choose(shop, 20)
    before = members(shop)
    shop.people(MANY[60:120], [])
    job = TestJob(shop.account_id, payload={"as_of": None})
    refresh(shop.context, cast(Job, job))
    after = members(shop)
    assert before < after == group(shop, 20)


def members(shop: AudienceShop) -> set[int]:
    with shop.session() as session:
        query = select(SegmentMember.person_id).where(SegmentMember.segment == restraint.HOLDOUT)
        return set(session.exec(query))


# -- ask first, denied -----------------------------------------------------------------------------


def test_whoever_is_to_be_left_in_peace_is_left_out_until_the_day_is_over(
    shop: AudienceShop,
) -> None:
    ada, bob = shop.people(MANY[:2], [])
    with shop.session() as session:
        restraint.leave_in_peace(session, ada, NOW, TODAY, 7)
        restraint.leave_in_peace(session, bob, NOW, TODAY, None)
    assert reasons(shop) == {ada: "ask_first", bob: "ask_first"}
    for day, left in ((TODAY + timedelta(days=7), {ada, bob}), (date(2030, 1, 1), {bob})):
        with shop.session() as session:
            restraint.end_rests(session, day)
        assert set(reasons(shop)) == left
    with shop.session() as session:
        restraint.lift(session, bob)
    assert reasons(shop) == {}


def test_the_mark_stays_with_a_person_who_is_merged(shop: AudienceShop) -> None:
    ada, other = shop.people(MANY[:2], [])
    with shop.session() as session:
        restraint.leave_in_peace(session, other, NOW, TODAY, None)
        for email in MANY[:2]:
            row = {"profile_id": shop.profiles[email], "kind": "card", "value": "42"}
            upsert(session, Identity, [row], key=("profile_id", "kind", "value"))
        link(session, [shop.profiles[email] for email in MANY[:2]], NOW)
    assert reasons(shop) == {ada: "ask_first"}


def test_a_withdrawal_is_the_first_reason(shop: AudienceShop) -> None:
    shop.people(MANY[:60], [])
    choose(shop, 20)
    email = min(addresses(shop, group(shop, 20)))
    shop.deny(email)
    with shop.session() as session:
        person = session.get_one(SourceProfile, shop.profiles[email]).person_id
        restraint.leave_in_peace(session, person, NOW, TODAY, None)
    found = reasons(shop)
    assert found.pop(person) == "denied"
    assert set(found) == group(shop, 20) - {person}
    assert set(found.values()) == {"holdout"}
