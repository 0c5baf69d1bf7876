"""The shop is told only what a person changed in Mailchimp, after the merchant asked for it."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta

import pytest
from sqlmodel import select

from integration.context import Context
from integration.mailchimp.answers import MemberInfo
from integration.retention import drop_old
from integration.store.moments import write_consent
from integration.tables import Consent, ConsentWrite, SourceProfile, Work
from tests.conftest import on_both
from tests.service.writeback_shop import (
    ADA,
    BY_ADMIN,
    BY_PERSON,
    NO,
    YES,
    Between,
    Killed,
    between,
    ready,
)


@pytest.fixture
def ada(context: Context, monkeypatch: pytest.MonkeyPatch) -> Between:
    return ready(context, monkeypatch)


def test_off_is_what_it_is_until_somebody_switches_it_on(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada = between(context, monkeypatch)
    ada.read_for_the_first_time()
    ada.wait(hours=1)
    ada.mailchimp("unsubscribed", reason=BY_PERSON)
    ada.wait(hours=1)
    ada.turn(on=True)
    ada.look()
    ada.work()
    assert (ada.rows(), ada.there.asked) == ([], 0), "it happened before"


@on_both
def test_who_unsubscribes_in_mailchimp_is_unsubscribed_in_the_shop(ada: Between) -> None:
    at = ada.now
    ada.mailchimp("unsubscribed", reason=BY_PERSON)
    ada.work()
    assert ada.rows() == [("denied", "written", "")]
    assert [(state, moment) for state, moment, _ in ada.there.changes] == [(NO, at)]
    ada.look()
    ada.work()
    assert len(ada.there.changes) == 1


def test_what_stood_there_before_is_kept(ada: Between) -> None:
    ada.mailchimp("unsubscribed", reason=BY_PERSON)
    ada.work()
    with ada.session() as session:
        assert session.exec(select(ConsentWrite)).one().before == {"told": "confirmed", "at": None}


def test_a_withdrawal_that_somebody_else_made_there_is_told_too(ada: Between) -> None:
    ada.mailchimp("unsubscribed", reason=BY_ADMIN)
    ada.work()
    assert ada.written() == [NO]


def test_whom_we_meet_as_unsubscribed_may_have_left_long_ago(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada = ready(context, monkeypatch)
    ada.mailchimp_tells(MemberInfo(email_key=ADA, status="archived", changed_at=ada.now))
    ada.wait(hours=1)
    ada.mailchimp("unsubscribed", reason=BY_PERSON)
    ada.work()
    assert ada.rows() == []
    with ada.session() as session:
        assert session.exec(select(Consent)).one().state == "denied", "it counts here all the same"


def test_a_message_of_mailchimps_says_that_it_happened(ada: Between) -> None:
    ada.mailchimp_tells(MemberInfo(email_key=ADA, status="archived", changed_at=ada.now))
    ada.wait(hours=1)
    ada.mailchimp("unsubscribed", reason=BY_PERSON, told=True)
    ada.work()
    assert ada.written() == [NO]


def test_who_comes_back_by_himself_is_subscribed_in_the_shop(ada: Between) -> None:
    ada.mailchimp("unsubscribed", reason=BY_PERSON)
    ada.work()
    ada.wait(days=2)
    ada.mailchimp("subscribed")
    ada.work()
    assert ada.written() == [NO, YES]
    assert ada.there.confirmed == [False, False]


def test_who_confirmed_it_by_mail_is_said_to_have_confirmed_it(ada: Between) -> None:
    ada.mailchimp("unsubscribed", reason=BY_PERSON)
    ada.work()
    ada.wait(days=2)
    ada.mailchimp("pending")
    ada.wait(minutes=5)
    ada.mailchimp("subscribed")
    ada.work()
    assert (ada.written(), ada.there.confirmed) == ([NO, YES], [False, True])


def test_whom_others_took_out_others_may_have_put_back(ada: Between) -> None:
    ada.mailchimp("unsubscribed", reason=BY_ADMIN)
    ada.work()
    ada.wait(days=2)
    ada.mailchimp("subscribed")
    ada.work()
    assert ada.written() == [NO]
    assert ada.rows()[1] == ("confirmed", "kept", "unproven")


def test_a_withdrawal_that_waited_is_told_though_somebody_put_the_contact_back(
    ada: Between,
) -> None:
    ada.mailchimp("unsubscribed", reason=BY_ADMIN)
    ada.wait(hours=1)
    ada.mailchimp("subscribed")
    ada.work()
    assert ada.written() == [NO], "as where each is told at once"
    assert ada.rows() == [("denied", "written", ""), ("confirmed", "kept", "unproven")]


def test_a_withdrawal_is_told_where_the_return_after_it_was_taken_back_while_it_waited(
    ada: Between,
) -> None:
    ada.mailchimp("unsubscribed", reason=BY_PERSON)
    ada.work()
    ada.wait(hours=1)
    ada.shop_says(YES)  # another application changes it back
    for status, reason in (("subscribed", ""), ("unsubscribed", BY_PERSON), ("subscribed", "")):
        ada.wait(hours=1)
        ada.mailchimp(status, reason=reason)
        ada.work()
    ada.wait(hours=1)
    ada.shop_says(NO, ada.files())
    ada.wait(days=1)
    ada.work()
    assert (ada.written(), ada.there.state) == ([NO, NO], NO)


def test_who_withdrew_elsewhere_since_is_not_subscribed(ada: Between) -> None:
    ada.mailchimp("unsubscribed", reason=BY_PERSON)
    ada.work()
    ada.wait(days=2)
    ada.mailchimp("subscribed")
    ada.wait(minutes=1)
    ada.shop_says(NO, ada.files())
    ada.work()
    assert ada.rows()[1] == ("confirmed", "kept", "withdrawn")


def test_a_bounce_is_no_wish(ada: Between) -> None:
    ada.mailchimp("cleaned")
    ada.work()
    assert ada.rows() == []


def test_what_the_shop_and_files_say_never_goes_back(ada: Between) -> None:
    for state in (NO, YES, NO):
        ada.shop_says(state)
        ada.shop_says(state, ada.files())
        ada.wait(hours=1)
        ada.look()
        ada.work()
    assert (ada.rows(), ada.there.asked) == ([], 0)


def test_what_stands_there_already_is_left_alone(ada: Between) -> None:
    ada.shop_says(NO)
    ada.wait(minutes=1)
    ada.mailchimp("unsubscribed", reason=BY_PERSON)
    ada.work()
    assert ada.rows() == [("denied", "kept", "same")]


def test_what_the_shop_has_since_is_newer(ada: Between) -> None:
    ada.mailchimp("unsubscribed", reason=BY_PERSON)
    ada.wait(minutes=1)
    ada.shop_says(YES)
    ada.work()
    assert ada.rows() == [("denied", "kept", "newer")]


def test_one_writing_a_day_and_the_newest_counts_then(ada: Between) -> None:
    ada.mailchimp("unsubscribed", reason=BY_PERSON)
    ada.work()
    first = ada.now
    ada.wait(hours=1)
    ada.shop_says(YES)  # another application changes it back
    for status, reason in (("subscribed", ""), ("unsubscribed", BY_PERSON)):
        ada.wait(hours=1)
        ada.mailchimp(status, reason=reason)
        ada.work()
    assert ada.written() == [NO]
    assert [row[1:] for row in ada.rows()[1:]] == [("kept", "replaced"), ("waiting", "pause")]
    ada.now = first + timedelta(hours=24)
    ada.work()
    assert ada.written() == [NO, NO]


def test_switching_off_ends_what_waits_and_switching_on_does_not_bring_it_back(
    ada: Between,
) -> None:
    ada.mailchimp("unsubscribed", reason=BY_PERSON)
    ada.turn(on=False)
    assert ada.rows() == [("denied", "kept", "off")]
    ada.wait(minutes=1)
    ada.turn(on=True)
    ada.look()
    ada.work()
    assert ada.written() == []


def test_before_the_shop_has_been_read_nothing_is_told_and_not_afterwards_either(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada = between(context, monkeypatch)
    ada.turn(on=True)
    ada.wait(hours=1)
    ada.mailchimp("unsubscribed", reason=BY_PERSON)
    ada.work()
    ada.wait(hours=1)
    ada.read_for_the_first_time()
    ada.look()
    ada.work()
    assert (ada.rows(), ada.there.asked) == ([], 0)


def test_a_customer_whom_the_shop_has_only_since_is_found_by_the_hourly_look(
    ada: Between,
) -> None:
    with ada.session() as session:
        session.get_one(SourceProfile, ada.profile_id).external_id = f"guest:{ADA}"
    ada.mailchimp("unsubscribed", reason=BY_PERSON)
    assert ada.rows() == []
    with ada.session() as session:
        session.get_one(SourceProfile, ada.profile_id).external_id = "77"
    ada.look()
    ada.work()
    assert ada.written() == [NO]


def test_our_own_writing_is_recognised_when_the_shop_tells_of_it(ada: Between) -> None:
    ada.mailchimp("unsubscribed", reason=BY_PERSON)
    ada.work()
    with ada.session() as session:
        before = session.exec(select(Consent).where(Consent.shop_id == ada.shop_id)).all()
        people = write_consent(session, ada.shop_id, [ada.there.event()], ada.now)
    assert [row.source for row in before] == ["Stipt, from Mailchimp"]
    assert people == set(), "nothing is computed anew, and nothing is told"
    ada.look()
    ada.work()
    assert len(ada.there.changes) == 1


@on_both
@pytest.mark.parametrize("trouble", ["lost", "down", "killed"])
def test_whatever_breaks_in_the_middle_it_is_written_once(ada: Between, trouble: str) -> None:
    ada.there.trouble = trouble
    ada.mailchimp("unsubscribed", reason=BY_PERSON)
    with suppress(Killed):
        ada.work()
    assert ada.rows() == [("denied", "sending", "")]
    ada.wait(hours=1)
    ada.work()
    assert ada.rows() == [("denied", "written", "")]
    assert ada.written() == [NO]
    with ada.session() as session:
        ours = session.exec(select(Consent.source).where(Consent.shop_id == ada.shop_id)).all()
    assert ours == ["Stipt, from Mailchimp"], "or the shop's telling of it would be its own word"


def test_a_newer_change_after_a_lost_answer_waits_for_its_day(ada: Between) -> None:
    ada.there.trouble = "lost"
    ada.mailchimp("unsubscribed", reason=BY_PERSON)
    ada.work()
    ada.wait(minutes=30)
    ada.mailchimp("subscribed")
    ada.work()
    assert ada.written() == [NO]
    ada.wait(days=1)
    ada.work()
    assert ada.written() == [NO, YES]


def test_who_is_forgotten_while_it_waits_is_not_written(ada: Between) -> None:
    ada.mailchimp("unsubscribed", reason=BY_PERSON)
    with ada.session() as session:
        for row in session.exec(select(ConsentWrite)):
            session.delete(row)
    ada.work()
    with ada.session() as session:
        work = session.exec(select(Work).where(Work.kind == "write_consent")).one()
    assert (work.status, ada.written()) == ("done", [])


@pytest.mark.parametrize(
    ("status", "stays"),
    [
        ("written", False),
        ("kept", False),
        ("refused", False),
        pytest.param("waiting", True, id="it is still to be told"),
        pytest.param("sending", True, id="nobody knows yet whether it was told"),
    ],
)
def test_what_came_of_a_change_is_kept_for_three_months_and_what_waits_for_as_long_as_it_waits(
    ada: Between, status: str, *, stays: bool
) -> None:
    ada.mailchimp("unsubscribed")
    with ada.session() as session:
        session.exec(select(ConsentWrite)).one().status = status
    ada.wait(days=89)
    night(ada)
    assert len(ada.rows()) == 1
    ada.wait(days=2)
    night(ada)
    ada.look()
    assert len(ada.rows()) == stays, "nor is it noted anew"


def night(ada: Between) -> None:
    """What is kept for a while only is deleted."""
    with ada.session() as session:
        drop_old(ada.context, session)
