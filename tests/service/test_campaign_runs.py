"""Triggered campaigns over real HTTP: who gets which mail, whatever happens on the way."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta

import pytest
import requests
from sqlmodel import col, select

from integration.audience.restraint import leave_in_peace
from integration.campaigns import rules
from integration.mailchimp.errors import Retryable
from integration.sandbox.server import SandboxServer
from integration.settings import Settings
from integration.tables import Audience, Campaign, CampaignRule, OwnedName, SegmentMember
from tests.conftest import on_both
from tests.service.audience_shop import Killed
from tests.service.mail_shop import MONDAY, WEEK, MailShop, make_mail_shop

LATER = timedelta(hours=5)


@pytest.fixture
def mail(settings: Settings, sandbox: SandboxServer) -> Iterator[MailShop]:
    made = make_mail_shop(settings, sandbox)
    yield made
    made.shop.context.engine.dispose()


def stop(mail: MailShop) -> None:
    with mail.shop.session() as session:
        assert rules.stop(session, session.get_one(Campaign, mail.run().id))


# -- the way it goes -------------------------------------------------------------------------------


@on_both
def test_people_who_entered_get_one_mail_hours_after_it_was_scheduled(mail: MailShop) -> None:
    mail.due(["ada", "bo"])
    mail.add_rule()
    mail.work()
    run = mail.run()
    assert (run.status, run.people) == ("scheduled", 2)
    assert run.send_at == MONDAY + timedelta(hours=3)
    assert mail.mails() == []
    mail.go_to(MONDAY + LATER)
    assert mail.mails() == ["ada", "bo"]
    mail.work()
    assert mail.run().status == "sent"


@on_both
def test_nobody_is_written_to_twice_for_the_same_need(mail: MailShop) -> None:
    mail.due(["ada"])
    mail.add_rule()
    mail.week()
    mail.due(["bo"])
    for _ in range(3):
        mail.week()
    assert mail.mails() == ["ada", "bo"]
    assert [run.status for run in mail.runs()] == ["sent", "sent", "empty", "empty"]


def test_working_again_sends_nothing_twice_and_writes_nothing(mail: MailShop) -> None:
    mail.due(["ada"])
    mail.add_rule()
    mail.work()
    before = [r for r in mail.sandbox.requests if r.method != "GET"]
    mail.work()
    assert [r for r in mail.sandbox.requests if r.method != "GET"] == before
    assert len(mail.remote) == 1


def test_outside_its_hours_a_rule_does_nothing(mail: MailShop) -> None:
    mail.due(["ada"])
    mail.add_rule()
    mail.go_to(MONDAY - timedelta(hours=3))
    mail.work()
    mail.go_to(MONDAY + timedelta(hours=1, minutes=15))  # too short ahead to be stopped
    mail.work()
    assert mail.runs() == []


def test_the_list_of_a_run_is_ours_and_goes_when_its_report_is_in(mail: MailShop) -> None:
    mail.due(["ada"])
    mail.add_rule()
    mail.work()
    tag = mail.run().tag_name
    assert tag.startswith("Stipt mail ")
    assert mail.sandbox.tags("ada@stipt-demo.shop") == {tag}
    with mail.shop.session() as session:
        assert session.exec(select(OwnedName.name).where(OwnedName.kind == "run")).all() == [tag]
    mail.go_to(MONDAY + LATER)
    mail.work()
    with mail.shop.session() as session:
        session.get_one(Campaign, mail.run().id).report_read_at = mail.clock.now
    mail.go_to(MONDAY + timedelta(days=3))
    mail.work()
    assert mail.sandbox.tags("ada@stipt-demo.shop") == set()
    with mail.shop.session() as session:
        assert session.exec(select(OwnedName).where(OwnedName.kind == "run")).all() == []


# -- who is left out -------------------------------------------------------------------------------


@on_both
def test_the_control_group_and_those_to_ask_first_are_never_written_to(mail: MailShop) -> None:
    names = [f"p{number}" for number in range(20)]
    mail.due(names)
    with mail.shop.session() as session:
        audience = session.get_one(Audience, mail.shop.audience.id)
        audience.holdout_percent = 20
    from integration.audience.restraint import left_out

    with mail.shop.session() as session:
        leave_in_peace(session, 3, mail.clock.now, mail.clock.now.date(), None)
        held = left_out(session, mail.shop.audience)
    assert set(held.values()) == {"holdout", "ask_first"}
    mail.add_rule()
    mail.week()
    mail.week()
    assert len(mail.mails()) == 20 - len(held)
    assert mail.runs()[0].figures["left_out"].keys() == {"holdout", "ask_first"}


def test_who_unsubscribes_between_choosing_and_sending_gets_nothing(mail: MailShop) -> None:
    mail.due(["ada", "bo"])
    mail.add_rule()
    mail.work()
    mail.sandbox.unsubscribe("bo@stipt-demo.shop")
    mail.go_to(MONDAY + LATER)
    assert mail.mails() == ["ada"]


def test_who_withdraws_in_the_shop_after_scheduling_is_taken_off_the_list(mail: MailShop) -> None:
    mail.due(["ada", "bo"])
    mail.add_rule()
    mail.work()
    mail.shop.deny("bo@stipt-demo.shop", at=mail.clock.now)
    mail.work()
    mail.go_to(MONDAY + LATER)
    assert mail.mails() == ["ada"]
    assert mail.run().figures["left_out"] == {"denied": 1}


def test_who_is_not_subscribed_is_not_chosen(mail: MailShop) -> None:
    mail.due(["ada", "bo", "cy"])
    mail.sandbox.unsubscribe("bo@stipt-demo.shop")
    mail.sandbox.act("bounce", "cy@stipt-demo.shop")
    mail.add_rule()
    mail.work()
    assert mail.run().people == 1


def test_a_cap_leaves_the_rest_for_the_next_time(mail: MailShop) -> None:
    mail.due(["ada", "bo", "cy"])
    mail.add_rule(most_people=2)
    mail.week()
    assert mail.runs()[0].figures["left_out"] == {"no_room": 1}
    mail.week()
    assert mail.mails() == ["ada", "bo", "cy"]


@on_both
def test_two_rules_never_write_to_one_person_within_the_days_of_rest(mail: MailShop) -> None:
    mail.due(["ada", "bo"])
    ada = mail.shop.profiles["ada@stipt-demo.shop"]
    mail.enter(ada, "stage:best")
    mail.add_rule()
    mail.add_rule(segment="stage:best", hour=10)
    mail.work()
    mail.go_to(MONDAY + timedelta(hours=1))
    mail.work()
    mail.go_to(MONDAY + LATER + timedelta(hours=1))
    mail.work()
    assert mail.mails() == ["ada", "bo"]
    assert mail.run().figures["left_out"] == {"resting": 1}
    mail.go_to(MONDAY + 2 * WEEK + timedelta(hours=1))
    mail.work()
    mail.go_to(MONDAY + 2 * WEEK + LATER + timedelta(hours=1))
    assert mail.mails() == ["ada", "ada", "bo"]  # another need, two weeks later


def test_who_was_in_the_segment_long_before_the_rule_is_not_written_to(mail: MailShop) -> None:
    mail.due(["old", "bo", "ada"])
    with mail.shop.session() as session:
        inside = session.exec(select(SegmentMember).order_by(col(SegmentMember.person_id))).all()
        for member, days in zip(inside, (8, 7, 0), strict=True):
            member.since -= timedelta(days=days)
    mail.add_rule()
    mail.week()
    assert mail.mails() == ["ada", "bo"]


# -- off, stopped, waiting -------------------------------------------------------------------------


def test_a_rule_that_is_off_does_nothing(mail: MailShop) -> None:
    mail.due(["ada"])
    mail.add_rule(on=False)
    mail.week()
    assert mail.runs() == []
    assert mail.calls("schedule") == mail.calls("test") == 0
    assert mail.remote == []


def test_switching_a_rule_off_stops_what_is_scheduled(mail: MailShop) -> None:
    mail.due(["ada"])
    rule_id = mail.add_rule()
    mail.work()
    with mail.shop.session() as session:
        rules.switch_off(session, session.get_one(CampaignRule, rule_id))
    mail.work()
    mail.go_to(MONDAY + LATER)
    assert mail.mails() == []
    assert (mail.run().status, mail.ledger(), mail.remote) == ("stopped", set(), [])


@on_both
def test_a_run_stopped_on_our_page_leaves_nothing_and_frees_its_people(mail: MailShop) -> None:
    mail.due(["ada"])
    mail.add_rule()
    before = mail.sandbox.canonical()
    mail.work()
    stop(mail)
    mail.work()
    assert mail.sandbox.canonical() == before
    assert mail.run().status == "stopped"
    mail.go_to(MONDAY + WEEK)
    mail.week()
    assert mail.mails() == ["ada"]


def test_a_stop_that_comes_too_late_is_told_and_counts_as_sent(mail: MailShop) -> None:
    mail.due(["ada"])
    mail.add_rule()
    mail.work()
    mail.go_to(MONDAY + LATER)
    stop(mail)
    mail.work()
    assert (mail.run().status, mail.run().problem) == ("sent", "too_late_to_stop")
    assert mail.ledger() == {"ada"}


def test_a_run_stopped_in_mailchimp_is_not_scheduled_again(mail: MailShop) -> None:
    mail.due(["ada"])
    mail.add_rule()
    mail.work()
    remote_id = mail.run().remote_id
    unscheduled = requests.post(
        f"{mail.sandbox.url}/campaigns/{remote_id}/actions/unschedule", auth=("u", mail.sandbox.key)
    )
    assert unscheduled.status_code == 204
    for _ in range(2):
        mail.work()
    assert mail.run().status == "stopped_there"
    mail.go_to(MONDAY + LATER)
    assert mail.mails() == []
    assert mail.calls("schedule") == 1
    # It could still be sent by hand: its people are not chosen again until it is deleted.
    mail.go_to(MONDAY + WEEK)
    mail.work()
    assert mail.run().status == "empty"
    requests.delete(f"{mail.sandbox.url}/campaigns/{remote_id}", auth=("u", mail.sandbox.key))
    mail.go_to(MONDAY + 2 * WEEK)
    mail.week()
    mail.week()
    assert mail.mails() == ["ada"]


def test_a_run_far_larger_than_usual_waits_for_one_click(mail: MailShop) -> None:
    mail.add_rule()
    mail.due(["ada"])
    mail.week()
    mail.due(["bo", "cy", "dee", "eve"])
    mail.work()
    run = mail.run()
    assert (run.status, run.figures["waits"]["key"]) == ("waiting", "far_more")
    mail.go_to(MONDAY + WEEK + timedelta(hours=2))
    with mail.shop.session() as session:
        assert rules.confirm(session, mail.shop.context, session.get_one(Campaign, run.id))
    mail.work()
    mail.go_to(MONDAY + WEEK + timedelta(hours=9))
    assert mail.mails() == ["ada", "bo", "cy", "dee", "eve"]


def test_a_large_share_of_the_audience_waits_and_lapses_unconfirmed(mail: MailShop) -> None:
    mail.due([f"p{number}" for number in range(40)])
    mail.add_rule()
    mail.work()
    assert mail.run().figures["waits"]["key"] == "large_share"
    mail.go_to(MONDAY + WEEK)
    mail.work()
    assert [run.status for run in mail.runs()] == ["lapsed", "waiting"]
    assert mail.mails() == []


def test_the_limit_of_a_rule_does_not_hide_a_flood(mail: MailShop) -> None:
    mail.due(["ada", "bo"])
    mail.add_rule(most_people=3)
    mail.week()
    mail.due(f"p{number}" for number in range(7))  # a wrong file
    mail.work()
    run = mail.run()
    assert (run.status, run.people) == ("waiting", 3)
    assert run.figures["waits"] == {"key": "far_more", "people": 7, "usual": 2}


def test_the_first_mail_of_a_rule_counts_those_for_whom_it_has_no_room(mail: MailShop) -> None:
    mail.due(f"p{number}" for number in range(40))
    mail.add_rule(most_people=3)
    mail.work()
    run = mail.run()
    assert (run.status, run.figures["waits"]["key"]) == ("waiting", "large_share")
    with mail.shop.session() as session:
        assert rules.confirm(session, mail.shop.context, session.get_one(Campaign, run.id))
    mail.week()
    mail.work()  # let go once, the rest is worked off
    assert [run.status for run in mail.runs()] == ["sent", "scheduled"]


def test_a_run_let_go_late_leaves_out_who_gets_another_mail_that_day(mail: MailShop) -> None:
    mail.due(f"p{number}" for number in range(40))
    mail.add_rule()
    mail.work()
    first = mail.run()
    assert first.status == "waiting"
    mail.enter(mail.shop.profiles["p0@stipt-demo.shop"], "stage:best")
    with mail.shop.session() as session:
        rules.set_rest_days(session, mail.shop.context, 3)
    mail.add_rule(segment="stage:best", weekday=3)
    mail.go_to(MONDAY + timedelta(days=3))
    mail.work()
    assert mail.run().status == "scheduled"
    with mail.shop.session() as session:
        assert rules.confirm(session, mail.shop.context, session.get_one(Campaign, first.id))
    mail.work()
    mail.go_to(MONDAY + timedelta(days=3, hours=9))
    assert mail.mails().count("p0") == 1
    assert mail.mails().count("p1") == 1
    assert mail.runs()[0].figures["left_out"] == {"resting": 1}


def template(mail: MailShop, html: str, number: int = 0) -> int:
    """Make a template of the merchant's, or change it; its number."""
    url = f"{mail.sandbox.url}/templates" + (f"/{number}" if number else "")
    body = {"name": "Ours", "html": html}
    call = requests.patch if number else requests.post
    answer = call(url, json=body, auth=("u", mail.sandbox.key), timeout=10)
    return int(answer.json()["id"])


def test_a_template_as_it_was_shown_goes_out(mail: MailShop) -> None:
    mail.due(["ada"])
    mail.add_rule(template_id=template(mail, "<p>Ours</p>"))
    mail.work()
    assert mail.run().status == "scheduled"


@on_both
def test_a_template_changed_since_it_was_shown_waits_until_a_click_accepts_it(
    mail: MailShop,
) -> None:
    mail.due(["ada"])
    number = template(mail, "<p>Ours</p>")
    rule_id = mail.add_rule(template_id=number)
    template(mail, "<p>Half done</p>", number)
    mail.work()
    run = mail.run()
    assert (run.status, run.figures["waits"]) == ("waiting", {"key": "template"})
    template(mail, "<p>Done</p>", number)  # and once more, before the click
    with mail.shop.session() as session:
        assert "Half done" in session.get_one(CampaignRule, rule_id).rendered
        assert rules.confirm(session, mail.shop.context, session.get_one(Campaign, run.id))
    mail.work()
    assert mail.run().status == "waiting"
    with mail.shop.session() as session:
        assert rules.confirm(session, mail.shop.context, session.get_one(Campaign, run.id))
    mail.work()
    assert mail.run().status == "scheduled"
    assert "Done" in mail.remote[-1].html
    mail.go_to(MONDAY + LATER)
    assert mail.mails() == ["ada"]


def test_a_changed_template_that_nobody_accepted_waits_the_next_week_too(mail: MailShop) -> None:
    mail.due(["ada"])
    number = template(mail, "<p>Ours</p>")
    mail.add_rule(template_id=number)
    template(mail, "<p>Other</p>", number)
    mail.week()
    mail.work()
    assert [run.status for run in mail.runs()] == ["lapsed", "waiting"]
    stop(mail)
    mail.work()
    assert (mail.remote, mail.ledger(), mail.mails()) == ([], set(), [])


def test_what_mailchimp_finds_wrong_is_shown_and_nothing_is_scheduled(mail: MailShop) -> None:
    mail.due(["ada"])
    mail.add_rule()
    mail.sandbox.state.mail.unverified.add("stipt-demo.shop")
    mail.work()
    run = mail.run()
    assert run.status == "refused"
    assert "domain is not verified" in run.problem
    assert (mail.calls("schedule"), mail.remote, mail.ledger()) == (0, [], set())


# -- faults and kills ------------------------------------------------------------------------------


@pytest.mark.parametrize("step", range(1, 19))
def test_killed_at_any_step_nobody_gets_it_twice_and_nobody_is_lost(
    mail: MailShop, step: int
) -> None:
    mail.due(["ada", "bo"])
    mail.add_rule()
    with suppress(Killed):
        mail.work(dies_at=step)
    mail.work()
    mail.work()
    assert len(mail.remote) == 1
    assert mail.run().status == "scheduled"
    mail.go_to(MONDAY + LATER)
    mail.work()
    assert mail.mails() == ["ada", "bo"]
    mail.go_to(MONDAY + WEEK)
    mail.week()
    assert mail.mails() == ["ada", "bo"]


@pytest.mark.parametrize("step", range(1, 9))
def test_killed_while_stopping_nothing_is_sent(mail: MailShop, step: int) -> None:
    mail.due(["ada"])
    mail.add_rule()
    before = mail.sandbox.canonical()
    mail.work()
    stop(mail)
    with suppress(Killed):
        mail.work(dies_at=step)
    mail.work()
    mail.go_to(MONDAY + LATER)
    assert mail.mails() == []
    assert mail.sandbox.canonical() == before
    assert (mail.run().status, mail.ledger()) == ("stopped", set())


@pytest.mark.parametrize("kind", ["reset", "empty_429", "html_502", "error_500"])
@pytest.mark.parametrize(
    "prefix", ["/campaigns", "/campaigns/{}/content", "/campaigns/{}/actions", "/lists"]
)
def test_a_lost_answer_makes_no_second_campaign(mail: MailShop, kind: str, prefix: str) -> None:
    mail.due(["ada"])
    mail.add_rule()
    method = "PUT" if prefix.endswith("content") else "POST"
    # The first POST about campaigns makes one, the second schedules it.
    first = 2 if prefix.endswith("actions") else 1
    mail.sandbox.fail(kind, method=method, prefix=prefix.split("/{}")[0], first=first)
    with suppress(Retryable):  # a busy answer the client itself tries again
        mail.work()
    mail.work()
    assert [campaign.status for campaign in mail.remote] == ["schedule"]
    mail.go_to(MONDAY + LATER)
    mail.work()
    assert mail.mails() == ["ada"]


def test_an_outage_past_the_moment_lets_the_run_lapse(mail: MailShop) -> None:
    mail.due(["ada"])
    mail.add_rule()
    mail.sandbox.fail("error_500", method="POST", prefix="/lists", times=None)
    with pytest.raises(Retryable):
        mail.work()
    mail.sandbox.state.faults.clear()
    mail.go_to(MONDAY + LATER)
    mail.work()
    assert (mail.run().status, mail.mails()) == ("lapsed", [])
    mail.go_to(MONDAY + WEEK)
    mail.week()
    assert mail.mails() == ["ada"]
