"""Runs over real HTTP when something goes wrong at the worst moment, or people change meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
import requests
from sqlmodel import select

from integration.campaigns import rules
from integration.mailchimp import campaigns
from integration.mailchimp.errors import Failed, Forbidden
from integration.mailchimp.rule_runs import people
from integration.sandbox.server import SandboxServer
from integration.settings import Settings
from integration.tables import Audience, Campaign, CampaignPerson, DueDate
from tests.service.audience_shop import Killed
from tests.service.mail_shop import MONDAY, SEGMENT, WEEK, MailShop, make_mail_shop

LATER = timedelta(hours=5)


@pytest.fixture
def mail(settings: Settings, sandbox: SandboxServer) -> Iterator[MailShop]:
    made = make_mail_shop(settings, sandbox)
    yield made
    made.shop.context.engine.dispose()


def person(mail: MailShop, name: str) -> int:
    return mail.shop.profiles[f"{name}@stipt-demo.shop"]


def stop(mail: MailShop) -> None:
    with mail.shop.session() as session:
        assert rules.stop(session, session.get_one(Campaign, mail.run().id))


def schedule_there(mail: MailShop, remote_id: str) -> None:
    """A schedule call that was on its way all the time arrives."""
    answer = requests.post(
        f"{mail.sandbox.url}/campaigns/{remote_id}/actions/schedule",
        auth=("u", mail.sandbox.key),
        json={"schedule_time": (MONDAY + timedelta(hours=3)).isoformat()},
    )
    assert answer.status_code == 204


# -- the list of a run -----------------------------------------------------------------------------


def test_who_was_held_back_is_taken_off_though_an_earlier_try_failed_in_between(
    mail: MailShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    mail.due(["ada", "bo"])
    mail.add_rule()
    mail.work()
    mail.shop.deny("ada@stipt-demo.shop", at=mail.clock.now)

    def fails(*_: Any) -> set[str]:
        raise Failed("no answer")

    with monkeypatch.context() as patched:
        patched.setattr(people, "set_list", fails)
        with pytest.raises(Failed):
            mail.work()
    assert mail.ledger() == {"bo"}
    mail.work()
    mail.go_to(MONDAY + LATER)
    assert mail.mails() == ["bo"]


def test_a_run_whose_list_was_deleted_in_mailchimp_is_taken_back(mail: MailShop) -> None:
    mail.due(["ada"])
    mail.add_rule()
    mail.work()
    requests.delete(
        f"{mail.sandbox.url}/lists/{mail.sandbox.list_id}/segments/{mail.run().tag_id}",
        auth=("u", mail.sandbox.key),
    )
    mail.work()
    assert (mail.run().status, mail.remote) == ("stopped", [])


# -- people who change -----------------------------------------------------------------------------


def test_who_left_the_segment_while_a_run_waited_for_a_click_gets_nothing(mail: MailShop) -> None:
    mail.due([f"p{number}" for number in range(40)])
    mail.add_rule()
    mail.work()
    assert mail.run().status == "waiting"
    mail.shop.leave_all([person(mail, f"p{number}") for number in range(38)], SEGMENT)
    with mail.shop.session() as session:
        assert rules.confirm(session, mail.shop.context, session.get_one(Campaign, mail.run().id))
    mail.work()
    assert mail.run().figures["left_out"] == {"left_segment": 38}
    mail.go_to(MONDAY + LATER)
    assert mail.mails() == ["p38", "p39"]


def test_who_bought_and_is_due_again_is_not_mailed_for_the_old_need(mail: MailShop) -> None:
    mail.due(["ada", "bo"])
    mail.add_rule()
    mail.work()
    with mail.shop.session() as session:
        row = session.exec(select(DueDate).where(DueDate.person_id == person(mail, "ada"))).one()
        row.last_on += timedelta(days=30)
    mail.work()
    mail.go_to(MONDAY + LATER)
    assert mail.mails() == ["bo"]


def test_who_was_outside_a_segment_for_a_night_gets_no_second_mail(mail: MailShop) -> None:
    mail.due(["ada"])
    ada = person(mail, "ada")
    mail.enter(ada, "stage:best")
    mail.add_rule(segment="stage:best")
    mail.week()
    for weeks in (3, 14):
        mail.go_to(MONDAY + weeks * WEEK - timedelta(days=1))
        mail.shop.leave(ada, "stage:best")
        mail.enter(ada, "stage:best")
        mail.go_to(MONDAY + weeks * WEEK)
        mail.week()
        # Fourteen weeks later it is another time.
        assert mail.mails() == ["ada"] * (1 if weeks == 3 else 2)


def test_who_had_a_mail_in_an_earlier_audience_gets_none_for_the_same_need(mail: MailShop) -> None:
    mail.due(["ada"])
    mail.add_rule()
    mail.week()
    with mail.shop.session() as session:
        old = Audience(
            account_id=mail.shop.account_id,
            list_id="old",
            name="Old",
            server="us6",
            token="",
            language="en",
            connected_at=MONDAY,
            disconnected_at=MONDAY,
        )
        session.add(old)
        session.flush()
        for row in (
            session.exec(select(Campaign)).one(),
            session.exec(select(CampaignPerson)).one(),
        ):
            row.audience_id = old.id or 0
    mail.week()
    mail.week()
    assert mail.mails() == ["ada"]


# -- too late --------------------------------------------------------------------------------------


@pytest.mark.parametrize("left", [timedelta(minutes=1), timedelta(minutes=50)])
def test_a_run_killed_after_its_campaign_was_made_is_not_scheduled_shortly_before(
    mail: MailShop, left: timedelta, monkeypatch: pytest.MonkeyPatch
) -> None:
    mail.due(["ada"])
    mail.add_rule()
    before = mail.sandbox.canonical()

    def dies(*_: Any, **__: Any) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(campaigns, "set_content", dies)
        with suppress(Killed):
            mail.work()
    assert len(mail.remote) == 1
    mail.go_to(MONDAY + timedelta(hours=3) - left)
    mail.work()
    assert (mail.run().status, mail.calls("schedule")) == ("lapsed", 0)
    assert (mail.ledger(), mail.sandbox.canonical()) == (set(), before)
    mail.go_to(MONDAY + WEEK)
    mail.week()
    assert mail.mails() == ["ada"]


def test_with_less_than_two_hours_left_no_run_is_made(mail: MailShop) -> None:
    mail.due(["ada"])
    mail.add_rule()
    mail.go_to(MONDAY + timedelta(hours=1, minutes=1))
    mail.work()
    assert mail.runs() == []


# -- a schedule call whose answer is not known -----------------------------------------------------


def interrupted(mail: MailShop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stop a run of which nobody knows whether its schedule call arrives."""
    mail.due(["ada"])
    mail.add_rule()
    mail.sandbox.fail("error_500", method="POST", prefix="/campaigns", first=2, times=None)
    with pytest.raises(Failed):
        mail.work()
    mail.sandbox.state.faults.clear()
    assert mail.run().status == "scheduling"
    stop(mail)
    remove = campaigns.remove

    def arrives_first(client: Any, remote_id: str) -> None:
        monkeypatch.setattr(campaigns, "remove", remove)
        schedule_there(mail, remote_id)
        remove(client, remote_id)

    monkeypatch.setattr(campaigns, "remove", arrives_first)


def test_a_schedule_call_that_arrives_after_the_stop_is_taken_back(
    mail: MailShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupted(mail, monkeypatch)
    mail.work()
    assert (mail.run().status, mail.remote, mail.ledger()) == ("stopped", [], set())
    mail.go_to(MONDAY + LATER)
    assert mail.mails() == []


def test_a_mail_that_went_out_after_its_stop_is_told_and_its_people_stay_taken(
    mail: MailShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupted(mail, monkeypatch)
    arrives = campaigns.remove

    def goes_out(client: Any, remote_id: str) -> None:
        read = campaigns.read

        def reads_later(*args: Any) -> Any:
            mail.go_to(MONDAY + LATER)
            mail.mails()
            monkeypatch.setattr(campaigns, "read", read)
            return read(*args)

        monkeypatch.setattr(campaigns, "read", reads_later)
        arrives(client, remote_id)

    monkeypatch.setattr(campaigns, "remove", goes_out)
    mail.work()
    assert (mail.run().status, mail.run().problem) == ("sent", "too_late_to_stop")
    assert (mail.mails(), mail.ledger()) == (["ada"], {"ada"})


def test_a_run_that_fails_for_good_stands_in_nobodys_way(
    mail: MailShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    mail.due(["ada", "bo"])
    mail.enter(person(mail, "bo"), "stage:best")
    mail.add_rule(most_people=1)
    mail.add_rule(segment="stage:best")
    mail.work()
    first = mail.runs()[0]
    read = campaigns.read

    def refuses(client: Any, remote_id: str) -> Any:
        if remote_id == first.remote_id:
            raise Forbidden("not allowed")
        return read(client, remote_id)

    monkeypatch.setattr(campaigns, "read", refuses)
    mail.go_to(MONDAY + LATER)
    mail.work()
    assert [run.status for run in mail.runs()] == ["scheduled", "sent"]
