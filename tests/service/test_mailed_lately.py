"""Nobody gets mail of ours too soon after other mail of ours: rules, flows and drafts agree."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
import requests
from sqlmodel import col, select

from integration.audience.restraint import leave_in_peace
from integration.campaigns import mailed, rules
from integration.campaigns.content import proposed
from integration.flows.switches import turn
from integration.mailchimp import campaign_work, drafts
from integration.mailchimp.leave_out import ENTERING
from integration.reading import flows as reading
from integration.sandbox import delivery
from integration.sandbox.server import SandboxServer
from integration.settings import Settings
from integration.tables import Campaign, CampaignPerson, DueDate, SegmentMember, ToldEvent, Work
from tests.conftest import on_both
from tests.service.audience_shop import AudienceShop, TestJob
from tests.service.flows_shop import FlowShop, flow_shop
from tests.service.mail_shop import MONDAY, SEGMENT, MailShop, make_mail_shop

ADA, BO = "ada@stipt-demo.shop", "bo@stipt-demo.shop"
REST = "Skip: rest"


@pytest.fixture
def shop(settings: Settings) -> Iterator[FlowShop]:
    with flow_shop(settings) as made:
        yield made


@pytest.fixture
def mail(settings: Settings) -> Iterator[MailShop]:
    with SandboxServer() as sandbox:
        made = make_mail_shop(settings, sandbox)
        yield made
        made.shop.context.engine.dispose()


def had_mail(shop: AudienceShop, person: int, email: str, at: datetime, status: str) -> None:
    """Write down that a rule wrote to somebody, or will."""
    known: dict[str, Any] = {"account_id": shop.account_id, "audience_id": shop.audience.id or 0}
    with shop.session() as session:
        run = Campaign(
            **known,
            kind="run",
            key=f"run:{at}:{email}",
            segment="stage:best",
            title="[Stipt 1] Best",
            status=status,
            send_at=at,
            created_at=at,
        )
        session.add(run)
        session.flush()
        session.add(
            CampaignPerson(
                **known, campaign_id=run.id or 0, person_id=person, email_key=email, need="x:1"
            )
        )


# -- flows -----------------------------------------------------------------------------------------


@on_both
@pytest.mark.parametrize(
    ("status", "days"),
    [
        pytest.param("sent", -3, id="went out three days ago"),
        pytest.param("scheduled", 1, id="goes out tomorrow"),
    ],
)
def test_who_had_a_mail_of_a_rule_lately_is_told_later(
    shop: FlowShop, status: str, days: int
) -> None:
    ada, bo = shop.member(ADA), shop.member(BO)
    shop.turn()
    shop.run()
    had_mail(shop.shop, ada, ADA, shop.days.at + timedelta(days=days), status)
    for person in (ada, bo):
        shop.due(person)
    with shop.shop.session() as session:
        due = reading.kinds(session, shop.shop.audience, shop.days.at)[0]
    assert (due.people, due.left_out) == (1, {"had_mail": 1})
    shop.run()
    assert (len(shop.told(ADA)), len(shop.told(BO))) == (0, 1)
    shop.pass_time(days=mailed.REST_DAYS + 1)
    shop.run()
    assert shop.told(ADA) == [("became_due", False)]


@pytest.mark.parametrize("status", ["stopped", "refused", "lapsed"])
def test_a_mail_that_never_went_out_puts_nobody_off(shop: FlowShop, status: str) -> None:
    ada = shop.member(ADA)
    shop.turn()
    shop.run()
    had_mail(shop.shop, ada, ADA, shop.days.at, status)
    if status == "stopped":  # its people were given back with its campaign
        with shop.shop.session() as session:
            session.delete(session.get_one(CampaignPerson, 1))
    shop.due(ada)
    shop.run()
    assert len(shop.told(ADA)) == 1


def test_who_is_in_two_states_enters_one_flow_and_that_of_the_cart(shop: FlowShop) -> None:
    ada = shop.member(ADA)
    for kind in ("due", "cart"):
        shop.turn(kind)
    shop.run()
    shop.due(ada)
    shop.cart(ADA, "c1", timedelta(hours=2))
    shop.run()
    assert shop.told(ADA) == [("left_cart", False)]
    shop.pass_time(days=1)
    shop.run()
    assert len(shop.told(ADA)) == 1
    shop.pass_time(days=mailed.REST_DAYS)
    shop.run()
    assert len(shop.told(ADA)) == 2


def test_who_was_only_marked_had_no_mail(shop: FlowShop) -> None:
    ada = shop.member(ADA)
    shop.due(ada)
    for kind in ("due", "cart"):
        shop.turn(kind)
    shop.run()
    shop.cart(ADA, "c1", timedelta(hours=2))
    shop.run()
    assert shop.told(ADA) == [("became_due", True), ("left_cart", False)]


def test_who_had_a_mail_while_the_step_could_not_be_called_does_not_enter(shop: FlowShop) -> None:
    flow = shop.sandbox.add_flow("By hand", "api")
    ada, bo = shop.member(ADA), shop.member(BO)
    shop.turn()
    shop.run()
    shop.tie(shop.address(flow.id, flow.step + 1))
    for person in (ada, bo):
        shop.due(person)
    shop.run()
    with shop.shop.session() as session:
        for row in session.exec(select(ToldEvent)).all():
            row.step_status = "todo"
    had_mail(shop.shop, ada, ADA, shop.days.at, "sent")
    shop.tie(shop.address(flow.id, flow.step))
    shop.run()
    assert (shop.sandbox.flow_mails(ADA), shop.sandbox.flow_mails(BO)) == ([], ["By hand"])


# -- rules -----------------------------------------------------------------------------------------


@on_both
def test_a_rule_leaves_out_who_was_just_told_an_event(mail: MailShop) -> None:
    mail.due(["ada", "bo"])
    told(mail, ADA, "sent")
    mail.add_rule()
    mail.week()
    assert mail.mails() == ["bo"]
    assert mail.runs()[0].figures["left_out"] == {"resting": 1}
    mail.week()
    mail.week()
    assert mail.mails() == ["ada", "bo"]


def test_an_event_that_reached_nobody_puts_no_mail_off(mail: MailShop) -> None:
    mail.due(["ada"])
    told(mail, ADA, "failed")
    mail.add_rule()
    mail.week()
    assert mail.mails() == ["ada"]


def told(mail: MailShop, email: str, status: str) -> None:
    with mail.shop.session() as session:
        session.add(
            ToldEvent(
                account_id=mail.shop.account_id,
                audience_id=mail.shop.audience.id or 0,
                person_id=0,  # merged since: the address says whose it is
                email_key=email,
                kind="cart",
                subject="1",
                cycle="1",
                occurred_at=mail.clock.now - timedelta(days=1),
                status=status,
            )
        )


# -- drafts, and the tags that flows ask for -------------------------------------------------------


def draft_for(mail: MailShop, segment: str = SEGMENT) -> set[str]:
    """Make a draft; the names of whom it would go to."""
    text = proposed(segment, "en", "suits", "https://stipt-demo.shop")
    drafts.make(mail.shop.context, mail.shop.audience, segment, text, "en", MONDAY.date())
    with mail.sandbox.state.lock:
        found = delivery.recipients(mail.sandbox.state, mail.remote[-1])
    return {member.email.split("@")[0] for member in found}


@on_both
def test_a_draft_leaves_out_who_had_mail_and_takes_them_again_after_the_rest(
    mail: MailShop,
) -> None:
    mail.due(["ada", "bo", "cy"])
    mail.shop.push()
    had_mail(mail.shop, 1, ADA, mail.clock.now - timedelta(days=2), "sent")
    told(mail, BO, "done")
    assert draft_for(mail) == {"cy"}
    assert REST in mail.sandbox.tags(ADA)
    mail.go_to(mail.clock.now + timedelta(days=mailed.REST_DAYS + 2))
    mail.work()
    assert REST not in mail.sandbox.tags(ADA) | mail.sandbox.tags(BO)


def sent_draft(mail: MailShop, segment: str = SEGMENT) -> None:
    """Let the marketer send a draft in Mailchimp, and Stipt read its report."""
    draft_for(mail, segment)
    url = f"{mail.sandbox.url}/campaigns/{mail.remote[-1].id}/actions/schedule"
    at = {"schedule_time": (mail.clock.now + timedelta(hours=1)).isoformat()}
    requests.post(url, json=at, auth=("u", mail.sandbox.key)).raise_for_status()
    mail.go_to(mail.clock.now + timedelta(hours=2))
    assert mail.mails() == ["ada", "bo"]
    mail.work()
    campaign_work.read_reports(mail.shop.context, TestJob(mail.shop.account_id))


def test_who_got_a_draft_gets_no_mail_for_another_thing_within_the_rest(mail: MailShop) -> None:
    mail.due(["ada", "bo"])
    mail.shop.push()
    sent_draft(mail)
    for email in (ADA, BO):
        mail.enter(mail.shop.profiles[email], "stage:best")
    mail.due(["cy"], "stage:best")
    mail.add_rule(segment="stage:best")
    mail.go_to(MONDAY + timedelta(days=7))
    mail.week()
    assert mail.mails() == ["ada", "bo", "cy"]
    assert mail.runs()[0].figures["left_out"] == {"resting": 2}
    with mail.shop.session() as session:
        assert mailed.resting(session, MONDAY + timedelta(days=13)) >= {1, 2}
        assert not mailed.resting(session, MONDAY + timedelta(days=15)) & {1, 2}


@on_both
def test_no_rule_repeats_a_draft_for_the_same_need_until_it_begins_anew(mail: MailShop) -> None:
    mail.due(["ada", "bo"])
    mail.shop.push()
    sent_draft(mail)
    mail.add_rule()
    mail.go_to(MONDAY + timedelta(days=28))
    mail.work()
    assert mail.run().figures["left_out"] == {"had_it": 2}
    with mail.shop.session() as session:  # Ada bought, and is due again
        bought = mail.clock.now.date() - timedelta(days=7)
        session.exec(select(DueDate).where(DueDate.person_id == 1)).one().last_on = bought
    mail.go_to(MONDAY + timedelta(days=35))
    mail.week()
    assert mail.mails() == ["ada", "ada", "bo"]


def test_a_draft_to_a_stage_is_not_repeated_before_somebody_comes_back_into_it(
    mail: MailShop,
) -> None:
    mail.due(["ada", "bo"])
    for email in (ADA, BO):
        mail.enter(mail.shop.profiles[email], "stage:best")
    mail.shop.push()
    sent_draft(mail, "stage:best")
    mail.add_rule(segment="stage:best")
    mail.go_to(MONDAY + timedelta(days=28))
    mail.work()
    assert mail.run().figures["left_out"] == {"had_it": 2}
    mail.go_to(MONDAY + timedelta(days=98))
    with mail.shop.session() as session:
        inside = select(SegmentMember).where(SegmentMember.segment == "stage:best")
        session.exec(inside.order_by(col(SegmentMember.person_id))).all()[0].since += timedelta(97)
    mail.week()
    assert mail.mails() == ["ada", "ada", "bo"]


def test_tags_of_ours_are_looked_at_though_nothing_else_is_open(mail: MailShop) -> None:
    mail.due(["ada"])
    mail.shop.push()
    with mail.shop.session() as session:
        rules.look(session)
        assert session.exec(select(Work)).all() == []
    draft_for(mail)
    with mail.shop.session() as session:
        session.delete(session.exec(select(Campaign)).one())
        rules.look(session)
        assert len(session.exec(select(Work)).all()) == 1


def test_who_is_told_an_event_is_not_kept_out_of_the_flow_that_it_starts(shop: FlowShop) -> None:
    ada = shop.member(ADA)
    shop.turn()
    shop.run()
    shop.due(ada)
    shop.run()
    assert (len(shop.told(ADA)), shop.sandbox.tags(ADA)) == (1, set())
    shop.pass_time(hours=ENTERING.total_seconds() / 3600)
    shop.run()
    assert shop.sandbox.tags(ADA) == {REST}


def test_the_tags_that_recipes_name_are_there_once_a_kind_is_on(shop: FlowShop) -> None:
    ada = shop.member(ADA)
    with shop.shop.session() as session:
        turn(session, shop.shop.audience, "due", shop.days.at, on=True)
        leave_in_peace(session, ada, shop.days.at, shop.days.at.date(), None)
    shop.run()
    with shop.shop.session() as session:
        recipe = reading.recipes(session, shop.shop.audience)[0]
    names = {tag.name: tag.is_there for tag in recipe.not_for}
    assert names == {"Test: Holdout": False, REST: True, "Mood: unhappy – ask first": True}
    assert shop.sandbox.tags(ADA) == {"Mood: unhappy – ask first"}
