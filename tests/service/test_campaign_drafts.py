"""Drafts for the marketer and reports read back, over real HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import date, timedelta

import pytest
import requests
from sqlmodel import select

from integration.audience.restraint import leave_in_peace, lift
from integration.campaigns.content import Content, proposed
from integration.mailchimp import campaign_work, drafts
from integration.mailchimp.drafts import CannotDraft
from integration.mailchimp.errors import Retryable
from integration.sandbox import delivery
from integration.sandbox.server import SandboxServer
from integration.settings import Settings
from integration.tables import Audience, Campaign, Consent, Touchpoint
from tests.service.audience_shop import TestJob
from tests.service.mail_shop import MONDAY, SEGMENT, MailShop, make_mail_shop

DAY = date(2026, 3, 9)


@pytest.fixture
def mail(settings: Settings, sandbox: SandboxServer) -> Iterator[MailShop]:
    made = make_mail_shop(settings, sandbox)
    yield made
    made.shop.context.engine.dispose()


def make(mail: MailShop, segment: str = SEGMENT, content: Content | None = None) -> Campaign:
    text = content or proposed(segment, "en", "suits", "https://stipt-demo.shop")
    return drafts.make(mail.shop.context, mail.shop.audience, segment, text, "en", DAY)


def people(mail: MailShop) -> set[str]:
    """Names of whom the newest draft would go to."""
    with mail.sandbox.state.lock:
        found = delivery.recipients(mail.sandbox.state, mail.remote[-1])
    return {member.email.split("@")[0] for member in found}


def test_a_draft_is_for_the_segment_and_stays_a_draft(mail: MailShop) -> None:
    mail.due(["ada", "bo"])
    mail.shop.push()
    row = make(mail)
    (made,) = mail.remote
    assert made.settings["title"] == row.title == "[draft] Due: Suits – week 11"
    assert (made.status, row.status, row.web_id) == ("save", "draft", made.web_id)
    assert people(mail) == {"ada", "bo"}
    assert "*|ELSE:|*Hello," in made.html  # words for those without a name
    assert mail.calls("schedule") == mail.calls("send") == 0


def test_the_control_group_and_those_to_ask_first_are_not_among_its_people(mail: MailShop) -> None:
    names = [f"p{number}" for number in range(30)]
    mail.due(names)
    with mail.shop.session() as session:
        session.get_one(Audience, mail.shop.audience.id).holdout_percent = 20
    with pytest.raises(CannotDraft) as refused:
        make(mail)
    assert refused.value.reason == "no_tag"
    mail.shop.push()
    with pytest.raises(CannotDraft) as refused:
        make(mail)
    assert refused.value.reason == "no_holdout"
    from integration.audience import restraint
    from integration.results import store_drawn

    with mail.shop.session() as session:
        store_drawn(session, restraint.segments(session), DAY)
        held = restraint.control_group(session, mail.shop.audience)
        leave_in_peace(session, 4, mail.clock.now, DAY, None)
    mail.shop.push()
    make(mail)
    assert len(people(mail)) == 30 - len(held | {4})
    with mail.shop.session() as session:
        lift(session, 4)
    mail.work()
    assert len(people(mail)) == 30 - len(held)


def test_whom_to_ask_first_is_written_once_and_only_who_is_in_the_audience(mail: MailShop) -> None:
    mail.due(["ada", "bo"])
    stranger = mail.shop.person("stranger@stipt-demo.shop")
    mail.shop.push()
    with mail.shop.session() as session:
        for person in (1, stranger):
            leave_in_peace(session, person, mail.clock.now, DAY, None)
    make(mail)
    before = [r for r in mail.sandbox.requests if r.method != "GET"]
    assert people(mail) == {"bo"}
    assert not any("stranger" in str(request.body) for request in before)
    mail.work()
    assert [r for r in mail.sandbox.requests if r.method != "GET"] == before
    # Who comes into the audience later is left out too.
    mail.sandbox.add_member("stranger@stipt-demo.shop")
    mail.work()
    assert "Mood: unhappy – ask first" in mail.sandbox.tags("stranger@stipt-demo.shop")


def test_there_is_one_draft_a_segment_and_week(mail: MailShop) -> None:
    mail.due(["ada"])
    mail.shop.push()
    assert make(mail).id == make(mail).id
    assert len(mail.remote) == 1


@pytest.mark.parametrize("kind", ["reset", "error_500", "empty_429"])
def test_a_lost_answer_makes_no_second_draft(mail: MailShop, kind: str) -> None:
    mail.due(["ada"])
    mail.shop.push()
    mail.sandbox.fail(kind, method="POST", prefix="/campaigns")
    with suppress(Retryable):  # a busy answer the client itself tries again
        make(mail)
    assert make(mail).status == "draft"
    assert len(mail.remote) == 1


def test_only_a_draft_of_ours_can_be_deleted(mail: MailShop) -> None:
    mail.due(["ada"])
    mail.shop.push()
    row = make(mail)
    url = f"{mail.sandbox.url}/campaigns/{row.remote_id}/actions/schedule"
    at = {"schedule_time": (MONDAY + timedelta(days=1)).isoformat()}
    requests.post(url, json=at, auth=("u", mail.sandbox.key)).raise_for_status()
    with pytest.raises(CannotDraft):
        drafts.remove(mail.shop.context, mail.shop.audience, row.id or 0)
    url = url.replace("/schedule", "/unschedule")
    requests.post(url, auth=("u", mail.sandbox.key)).raise_for_status()
    for _ in range(2):  # a worker that was lost in between does it again
        drafts.remove(mail.shop.context, mail.shop.audience, row.id or 0)
    assert mail.remote == []
    again = make(mail)
    assert again.id != row.id
    assert len(mail.remote) == 1


def test_a_field_with_another_name_there_is_called_by_it(mail: MailShop) -> None:
    url = f"{mail.sandbox.url}/lists/{mail.sandbox.list_id}/merge-fields"
    field = {"name": "Mine", "type": "text", "tag": "DUEWHAT"}
    requests.post(url, json=field, auth=("u", mail.sandbox.key)).raise_for_status()
    mail.due(["ada"])
    mail.shop.push()
    make(mail, content=proposed("due:anything:now", "en", ""))
    assert "*|IF:ST_DUEWHAT|*" in mail.remote[-1].html
    assert "*|IF:ST_DUEWHAT|*" in mail.remote[-1].settings["subject_line"]


# -- reports ---------------------------------------------------------------------------------------


def read_reports(mail: MailShop) -> None:
    campaign_work.read_reports(mail.shop.context, TestJob(mail.shop.account_id))


def touchpoints(mail: MailShop) -> list[tuple[str, int | None]]:
    with mail.shop.session() as session:
        rows = session.exec(select(Touchpoint)).all()
    return sorted((row.kind, row.profile_id) for row in rows)


def test_what_readers_do_becomes_touchpoints_once_and_figures(mail: MailShop) -> None:
    mail.due(["ada", "bo"])
    mail.add_rule()
    mail.work()
    mail.go_to(MONDAY + timedelta(hours=5))
    mail.work()
    remote = mail.run().remote_id
    for act in ("open", "click", "unsubscribe"):
        mail.sandbox.react(remote, act, "ada@stipt-demo.shop")
    read_reports(mail)
    ada, bo = (mail.shop.profiles[f"{name}@stipt-demo.shop"] for name in ("ada", "bo"))
    expected = [
        ("email_click", ada),
        ("email_open", ada),
        ("email_sent", ada),
        ("email_sent", bo),
        ("email_unsubscribe", ada),
    ]
    assert touchpoints(mail) == expected
    with mail.shop.session() as session:
        assert set(session.exec(select(Touchpoint.subject))) == {"Due: Suits – now"}
    figures = mail.run().figures
    assert {name: figures[name] for name in ("sent", "opens", "clicks", "unsubscribed")} == {
        "sent": 2,
        "opens": 1,
        "clicks": 1,
        "unsubscribed": 1,
    }
    with mail.shop.session() as session:
        assert [row.state for row in session.exec(select(Consent))] == ["denied"]
    mail.go_to(MONDAY + timedelta(days=1, hours=6))
    mail.sandbox.react(remote, "click", "bo@stipt-demo.shop")
    read_reports(mail)
    assert touchpoints(mail) == sorted([*expected, ("email_click", bo)])


def test_a_report_is_read_once_a_day_and_not_for_ever(mail: MailShop) -> None:
    mail.due(["ada"])
    mail.add_rule()
    mail.work()
    mail.go_to(MONDAY + timedelta(hours=5))
    mail.work()
    read_reports(mail)
    before = len(mail.sandbox.requests)
    read_reports(mail)
    mail.go_to(MONDAY + timedelta(days=40))
    read_reports(mail)
    assert len(mail.sandbox.requests) == before
