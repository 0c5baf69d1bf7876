"""Who gets which tags and fields."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event
from sqlmodel import select

from integration.audience.connect import (
    CannotConnect,
    ChooseAudience,
    connect,
    current_audience,
    has_real_tokens,
    open_mailchimp,
)
from integration.audience.members import read_members
from integration.audience.wanted import Wanted, wanted
from integration.audience.warnings import warning_text
from integration.mailchimp.errors import NoAccess, NoAudience
from integration.sandbox.server import SandboxServer
from integration.settings import Settings
from integration.tables import Audience, DueDate, FittedModel, Member, Order
from tests.service.audience_shop import NOW, AudienceShop

ADA, BOB, EVE = "ada@stipt-demo.shop", "bob@stipt-demo.shop", "eve@stipt-demo.shop"


def look(shop: AudienceShop) -> Wanted:
    read_members(shop.context, shop.audience)
    with shop.session() as session:
        return wanted(session, shop.audience)


def fields(shop: AudienceShop, email: str) -> dict[str, str]:
    return {key: v for (kind, key), v in look(shop).values[email].items() if kind == "field"}


@pytest.mark.parametrize(
    ("due", "what"),
    [
        pytest.param(
            {"suits": ("soon", date(2026, 4, 1)), "shoes": ("now", date(2026, 5, 1))},
            "pair of shoes",
            id="now comes before soon",
        ),
        pytest.param(
            {"suits": ("late", date(2025, 4, 1)), "shirts": ("soon", date(2026, 5, 1))},
            "shirt",
            id="soon comes before late",
        ),
        pytest.param(
            {"suits": ("", date(2027, 4, 1)), "shirts": ("", date(2026, 9, 1))},
            "shirt",
            id="of the far ones the first",
        ),
        pytest.param(
            {"anything": ("now", date(2026, 3, 1)), "shirts": ("", date(2026, 9, 1))},
            "shirt",
            id="a thing comes before the rhythm of the shop",
        ),
    ],
)
def test_the_field_names_what_is_needed_first(
    shop: AudienceShop, sandbox: SandboxServer, due: dict[str, tuple[str, date]], what: str
) -> None:
    sandbox.add_member(ADA)
    shop.person(ADA, due=due)
    assert fields(shop, ADA)["DUEWHAT"] == what


def test_the_field_names_what_the_tag_tells_of(shop: AudienceShop, sandbox: SandboxServer) -> None:
    sandbox.add_member(ADA)
    due = {"suits": ("now", date(2026, 4, 1)), "shoes": ("now", date(2026, 5, 1))}
    ada = shop.person(ADA, due=due)
    assert fields(shop, ADA)["DUEWHAT"] == "suit"
    shop.waits(ada, "suits", "shoes")
    assert fields(shop, ADA)["DUEWHAT"] == "pair of shoes"


def test_a_need_that_is_over_does_not_keep_the_date_in_the_past(
    shop: AudienceShop, sandbox: SandboxServer
) -> None:
    sandbox.add_member(ADA)
    sandbox.add_member(BOB)
    with shop.session() as session:
        for as_of in (date(2026, 2, 1), NOW.date()):
            session.add(FittedModel(account_id=shop.account_id, as_of=as_of, created_at=NOW))
    over = ("", date(2019, 3, 1))
    shop.person(
        ADA,
        due={
            "suits": over,
            "shoes": ("", NOW.date()),
            "shirts": ("", date(2026, 12, 1)),
            "coats": ("", date(2027, 1, 1)),
        },
    )
    shop.person(BOB, ["stage:new"], due={"suits": over}, stage="new")
    assert fields(shop, ADA)["DUEDATE"] == "2026-12-01"
    assert fields(shop, ADA)["DUEWHAT"] == "shirt"
    assert set(fields(shop, BOB)) == {"STAGE", "WHY"}, "the stage is what is left to explain"


def test_a_reason_of_an_older_version_costs_its_sentence_and_nothing_else(
    shop: AudienceShop, sandbox: SandboxServer
) -> None:
    sandbox.add_member(ADA)
    person = shop.person(ADA, ["stage:new"], due={"suits": ("now", date(2026, 4, 1))})
    with shop.session() as session:
        due = session.exec(select(DueDate).where(DueDate.person_id == person)).one()
        due.reason = {"key": "due", "words": "of another time"}
    assert fields(shop, ADA) == {
        "DUEDATE": "2026-04-01",
        "DUEWHAT": "suit",
        "DUEPROD": "suit",
    }
    assert shop.plan().summary["members"] == 1


def test_a_business_customer_gets_the_tag_and_no_due_date(
    shop: AudienceShop, sandbox: SandboxServer
) -> None:
    sandbox.add_member(ADA)
    due = {"suits": ("now", date(2026, 4, 1))}
    shop.person(ADA, ["b2b:account"], due=due, wholesale=True)
    found = look(shop).values[ADA]
    assert found == {("tag", "b2b:account"): ""}


def test_a_value_becomes_one_of_three_tags(shop: AudienceShop, sandbox: SandboxServer) -> None:
    for email, level in ((ADA, "high"), (BOB, "middle"), (EVE, "low")):
        sandbox.add_member(email)
        shop.person(email, [f"value:{level}"])
    plan = shop.plan()
    assert plan.summary["warnings"] == []
    rows = {row["key"]: row for row in plan.summary["tags"]}
    assert set(rows) == {"value:high", "value:middle", "value:low"}
    shop.publish(plan.id)
    assert sandbox.tags(ADA) == {"Value: High"}
    assert sandbox.tags(BOB) == {"Value: Middle"}
    assert sandbox.tags(EVE) == {"Value: Low"}


def test_of_two_addresses_the_subscribed_one_counts_then_the_one_used_last(
    shop: AudienceShop, sandbox: SandboxServer
) -> None:
    sandbox.add_member(ADA, "transactional")
    sandbox.add_member(BOB)
    sandbox.add_member(EVE)
    shop.person(ADA, ["stage:new"], other_emails=[BOB, EVE])
    with shop.session() as session:
        for days, email in enumerate((EVE, BOB)):
            session.add(
                Order(
                    account_id=shop.account_id,
                    shop_id=shop.shop_id,
                    external_id=email,
                    profile_id=shop.profiles[email],
                    placed_at=datetime(2026, 1, 1 + days, tzinfo=UTC),
                    status="paid",
                    channel="web",
                    currency="EUR",
                    total_minor=1,
                    shipping_minor=0,
                )
            )
    found = look(shop)
    assert list(found.values) == [BOB]
    assert found.left_out == {"second_address": 2}


def test_a_reason_is_cut_to_255_bytes_without_breaking_a_letter(
    shop: AudienceShop, sandbox: SandboxServer
) -> None:
    sandbox.add_member(ADA)
    person = shop.person(ADA)
    shop.will_need(person, {"é" * 300: ("now", date(2026, 4, 1))})
    why = fields(shop, ADA)["WHY"]
    assert 253 <= len(why.encode()) <= 255


def test_more_tags_than_a_group_may_have_keeps_the_fullest_and_says_so(
    shop: AudienceShop, sandbox: SandboxServer
) -> None:
    needs = [f"loves:thing-{n:02d}" for n in range(12)]
    emails = [f"p{n}@stipt-demo.shop" for n in range(12)]
    sandbox.seed([{"email": email, "status": "subscribed"} for email in emails])
    for number, email in enumerate(emails):
        shop.person(email, needs[number:])
    plan = shop.plan()
    assert {row["key"] for row in plan.summary["tags"]} == set(needs[2:])
    assert [warning_text(warning, "en") for warning in plan.summary["warnings"]] == [
        "2 more tags did not fit: there is room for 60, and for a fixed number of each kind. "
        "The ones with the most people go first."
    ]
    shop.publish(plan.id)
    many = [f"q{n}@stipt-demo.shop" for n in range(20)]
    sandbox.seed([{"email": email, "status": "subscribed"} for email in many])
    shop.people(many, needs[:1])
    assert shop.plan().summary["tags"] == [], "a tag that is there does not give way overnight"


def test_the_number_of_queries_does_not_grow_with_the_members(
    shop: AudienceShop, sandbox: SandboxServer
) -> None:
    def queries() -> int:
        seen: list[str] = []

        def note(*args: Any) -> None:
            seen.append(args[2])

        read_members(shop.context, shop.audience)
        with shop.session() as session:
            event.listen(shop.context.engine, "before_cursor_execute", note)
            wanted(session, shop.audience)
            event.remove(shop.context.engine, "before_cursor_execute", note)
        return len(seen)

    sandbox.add_member(ADA)
    shop.person(ADA, ["stage:new"])
    few = queries()
    emails = [f"p{n}@stipt-demo.shop" for n in range(300)]
    sandbox.seed([{"email": email, "status": "subscribed"} for email in emails])
    shop.people(emails, ["stage:new"], {"suits": ("now", date(2026, 4, 1))})
    assert queries() == few


# -- members ---------------------------------------------------------------------------------------


def statuses(shop: AudienceShop) -> dict[str, str]:
    with shop.session() as session:
        rows = session.exec(select(Member.email_key, Member.status))
        return dict(rows.all())


def test_after_the_first_look_only_what_changed_is_read(
    shop: AudienceShop, sandbox: SandboxServer
) -> None:
    for email in (ADA, BOB):
        sandbox.add_member(email)
    assert read_members(shop.context, shop.audience) == 2
    sandbox.state.clock.advance(3600)
    with shop.session() as session:
        session.get_one(Audience, shop.audience.id).read_until = datetime.now(UTC) + timedelta(
            minutes=30
        )
    sandbox.unsubscribe(BOB)
    assert read_members(shop.context, shop.audience) == 1
    assert statuses(shop) == {ADA: "subscribed", BOB: "unsubscribed"}


def test_whoever_holds_the_row_for_long_reads_everybody_once_that_is_asked_for(
    shop: AudienceShop, sandbox: SandboxServer
) -> None:
    sandbox.add_member(ADA)
    read_members(shop.context, shop.audience)
    held = shop.audience
    sandbox.act("erase", ADA)
    with shop.session() as session:  # as a push does that met somebody who is not there
        session.get_one(Audience, held.id).read_until = None
    read_members(shop.context, held)
    assert statuses(shop) == {ADA: "gone"}


def test_a_whole_look_finds_who_is_gone_and_forgets_what_was_there(
    shop: AudienceShop, sandbox: SandboxServer
) -> None:
    sandbox.add_member(ADA)
    shop.person(ADA, ["style:casual"])
    shop.push()
    sandbox.act("erase", ADA)
    read_members(shop.context, shop.audience, whole=True)
    assert statuses(shop) == {ADA: "gone"}
    assert shop.plan().summary["members"] == 0


def test_an_archived_member_is_left_alone_and_put_right_on_return(
    shop: AudienceShop, sandbox: SandboxServer
) -> None:
    sandbox.add_member(ADA)
    person = shop.person(ADA, ["style:casual"])
    shop.push()
    sandbox.act("archive", ADA)
    shop.leave(person, "style:casual")
    assert shop.plan().summary["members"] == 0
    sandbox.state.clock.advance(60)
    with sandbox.state.lock:
        member = sandbox.audience.find(ADA)
        assert member is not None
        member.status, member.last_changed = "subscribed", sandbox.state.clock.text()
    shop.push()
    assert sandbox.tags(ADA) == set()


# -- connecting ------------------------------------------------------------------------------------


def test_the_token_is_stored_encrypted_and_opens_again(
    shop: AudienceShop, sandbox: SandboxServer
) -> None:
    assert sandbox.key not in shop.audience.token
    open_mailchimp(shop.context, shop.audience).ping()
    assert has_real_tokens(shop.context) is False


def test_several_audiences_have_to_be_chosen_from(
    shop: AudienceShop, sandbox: SandboxServer
) -> None:
    other = sandbox.state.add_audience("Other")
    with pytest.raises(ChooseAudience, match="Other") as caught:
        connect(shop.context, shop.account_id, token=sandbox.key, language="en")
    assert len(caught.value.choices) == 2
    chosen = connect(
        shop.context, shop.account_id, token=sandbox.key, list_id=other.id, language="nl"
    )
    assert current_audience(shop.context, shop.account_id).id == chosen.id


def test_the_same_audience_again_keeps_its_mirror(
    shop: AudienceShop, sandbox: SandboxServer
) -> None:
    first = shop.audience.id
    again = connect(shop.context, shop.account_id, token=sandbox.key, language="nl")
    assert again.id == first


def test_keys_go_where_they_belong(shop: AudienceShop, settings: Settings) -> None:
    with pytest.raises(CannotConnect, match="real Mailchimp key"):
        connect(shop.context, shop.account_id, token="0123456789abcdef-us6", language="en")
    bare = type(shop.context)(settings, shop.context.engine, shop.context.vault)
    with pytest.raises(CannotConnect, match="sandbox"):
        connect(bare, shop.account_id, token="sandbox-us1", language="en")
    with pytest.raises(NoAccess, match="sandbox"):
        open_mailchimp(bare, shop.audience)
    with pytest.raises(CannotConnect, match="language"):
        connect(shop.context, shop.account_id, token="sandbox-us1", language="fr")


def test_a_stored_real_token_is_noticed(shop: AudienceShop) -> None:
    with shop.session() as session:
        row = session.get_one(Audience, shop.audience.id)
        row.token = shop.context.vault.encrypt("0123456789abcdef-us6")
    assert has_real_tokens(shop.context) is True


def test_without_an_audience_the_text_says_so(shop: AudienceShop) -> None:
    with shop.session() as session:
        session.get_one(Audience, shop.audience.id).disconnected_at = datetime.now(UTC)
    with pytest.raises(NoAudience, match="stipt connect"):
        current_audience(shop.context, shop.account_id)
