"""The page and the command of campaigns: look first, click then."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from html import unescape
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import requests
from click.testing import CliRunner
from sqlmodel import select

from integration.app import create_app
from integration.cli.main import main
from integration.mailchimp import campaign_work
from integration.sandbox.server import SandboxServer
from integration.security import hash_password
from integration.settings import Settings
from integration.tables import Campaign, CampaignRule, User, Work
from integration.work.execute import run_until_idle
from tests.service.mail_shop import MONDAY, SEGMENT, TEXT, MailShop, make_mail_shop
from tests.service.shop_rows import PASSWORD
from tests.service.visitor import Visitor

PAGE = "/mailchimp/campaigns"
ME = "me@kleding.example"
WORDS = {
    "segment": SEGMENT,
    "subject": TEXT.subject,
    "preview": TEXT.preview,
    "heading": TEXT.heading,
    "text": TEXT.text,
    "button": TEXT.button,
    "url": TEXT.url,
}
WHEN = {"weekday": "0", "hour": "9", "most_people": "100", "template_id": ""}


@pytest.fixture
def mail(settings: Settings, sandbox: SandboxServer) -> Iterator[MailShop]:
    made = make_mail_shop(settings, sandbox)
    made.due(["ada", "bo"])
    with made.shop.session() as session:
        session.add(
            User(
                account_id=made.shop.account_id,
                email=ME,
                password_hash=hash_password(PASSWORD),
                created_at=MONDAY,
            )
        )
    yield made
    made.shop.context.engine.dispose()


@pytest.fixture
def visitor(mail: MailShop) -> Visitor:
    made = Visitor(create_app(mail.shop.context))
    made.log_in(ME)
    return made


def done(mail: MailShop) -> None:
    run_until_idle(mail.shop.context)
    with mail.shop.session() as session:
        assert session.exec(select(Work.error).where(Work.status == "dead")).all() == []


def test_a_draft_is_made_by_a_click_after_it_was_shown(mail: MailShop, visitor: Visitor) -> None:
    mail.shop.push()
    writes = len([r for r in mail.sandbox.requests if r.method != "GET"])
    shown = visitor.get(f"{PAGE}/draft?segment={SEGMENT}").text
    assert "<strong>Time for suits again?</strong>" in shown
    assert len([r for r in mail.sandbox.requests if r.method != "GET"]) == writes
    visitor.post(f"{PAGE}/draft", WORDS)
    done(mail)
    (made,) = mail.remote
    assert made.status == "save"
    listed = visitor.get(PAGE).text
    assert f"{mail.sandbox.root}/campaigns/{made.id}" in listed
    with mail.shop.session() as session:
        row = session.exec(select(Campaign)).one()
    visitor.post(f"{PAGE}/draft/{row.id}/remove")
    done(mail)
    assert mail.remote == []


def test_a_draft_that_cannot_be_made_says_what_to_do(mail: MailShop, visitor: Visitor) -> None:
    visitor.get(f"{PAGE}/draft?segment={SEGMENT}")
    assert "publish first" in visitor.post(f"{PAGE}/draft", WORDS).text
    assert mail.remote == []


def test_the_language_can_be_chosen_beside_a_draft(mail: MailShop, visitor: Visitor) -> None:
    first = f"{PAGE}/draft?segment={SEGMENT}"
    for shown in (visitor.get(first), visitor.post(f"{PAGE}/draft/preview", WORDS)):
        found = re.search(r'name="next" value="([^"]+)"', shown.text)
        assert found is not None
        assert visitor.get(unescape(found[1])).status_code == 200


def test_a_rule_goes_on_only_by_preview_and_test(mail: MailShop, visitor: Visitor) -> None:
    visitor.get(f"{PAGE}/rules/new?segment={SEGMENT}")
    visitor.post(f"{PAGE}/rules", {**WORDS, **WHEN})
    with mail.shop.session() as session:
        rule_id = session.exec(select(CampaignRule.id)).one()
    one = f"{PAGE}/rules/{rule_id}"
    assert f'href="{PAGE}" aria-current="page"' in visitor.get(one).text, (
        "it stands under Campaigns"
    )

    def is_on() -> bool:
        with mail.shop.session() as session:
            return session.get_one(CampaignRule, rule_id).is_on

    visitor.post(f"{one}/on")
    assert "First look at the preview" in visitor.get(PAGE).text
    shown = visitor.post(f"{one}/preview", follow_redirects=True).text
    assert "As they read it" in shown
    visitor.post(f"{one}/on")
    assert not is_on()
    visitor.post(f"{one}/test")
    done(mail)
    tests = [r.body for r in mail.sandbox.requests if r.path.endswith("/actions/test")]
    assert tests == [{"test_emails": [ME], "send_type": "html"}]
    visitor.post(f"{one}/on")
    assert is_on()
    done(mail)
    (made,) = mail.remote
    assert made.status == "schedule"
    with mail.shop.session() as session:
        run_id = session.exec(select(Campaign.id)).one()
    visitor.post(f"{PAGE}/runs/{run_id}/stop")
    done(mail)
    assert mail.remote == []
    mail.go_to(MONDAY + timedelta(hours=5))
    assert mail.mails() == []


def test_a_template_is_shown_as_mailchimp_renders_it_and_can_do_nothing(
    mail: MailShop, visitor: Visitor
) -> None:
    html = '<p style="color:red">Our own</p><script>alert(1)</script>'
    body = {"name": "Ours", "html": html}
    made = requests.post(
        f"{mail.sandbox.url}/templates", json=body, auth=("u", mail.sandbox.key)
    ).json()
    rule_id = mail.add_rule(template_id=made["id"], on=False)
    one = f"{PAGE}/rules/{rule_id}"
    with mail.shop.session() as session:
        session.get_one(CampaignRule, rule_id).previewed = ""
    assert visitor.get(f"{one}/mail").status_code == 404
    before = mail.sandbox.canonical()
    visitor.get(one)
    visitor.post(f"{one}/preview")
    visitor.post(f"{one}/on")
    assert "First look at the preview" in visitor.get(PAGE).text
    done(mail)
    assert mail.sandbox.canonical() == before
    assert mail.calls("test") == mail.calls("schedule") == 0
    page = visitor.get(one)
    assert f'sandbox title="Your template, as Mailchimp has it" src="{one}/mail"' in page.text
    assert "frame-src 'self'" in page.headers["Content-Security-Policy"]
    framed = visitor.get(f"{one}/mail")
    assert framed.text == html
    policy = framed.headers["Content-Security-Policy"]
    assert policy.startswith("sandbox; default-src 'none'; style-src 'unsafe-inline'")
    assert "script-src" not in policy
    assert "frame-ancestors 'self'" in policy
    # Everywhere else nothing is framed, and another template has to be looked at anew.
    assert "frame-src 'none'" in visitor.get(PAGE).headers["Content-Security-Policy"]
    with mail.shop.session() as session:
        session.get_one(CampaignRule, rule_id).template_id = made["id"] + 1
    assert "<iframe" not in visitor.get(one).text


def test_a_large_run_waits_on_the_page_for_one_click(mail: MailShop, visitor: Visitor) -> None:
    mail.due([f"p{number}" for number in range(40)])
    mail.add_rule()
    mail.work()
    assert "waits for you" in visitor.get(PAGE).text
    visitor.post(f"{PAGE}/runs/{mail.run().id}/confirm")
    done(mail)
    assert mail.run().status == "scheduled"


def test_a_run_that_waits_for_its_crowd_says_how_many_it_has_room_for(
    mail: MailShop, visitor: Visitor
) -> None:
    mail.due([f"p{number}" for number in range(40)])
    mail.add_rule(most_people=5)
    mail.work()
    shown = visitor.get(PAGE).text
    assert "That is 18% of the audience. This mail has room for 5 of them." in shown


def test_a_changed_template_is_shown_as_it_is_now_and_accepted_by_a_click(
    mail: MailShop, visitor: Visitor
) -> None:
    url, login = f"{mail.sandbox.url}/templates", ("u", mail.sandbox.key)
    made = requests.post(url, json={"name": "Ours", "html": "<p>Ours</p>"}, auth=login).json()
    rule_id = mail.add_rule(template_id=made["id"])
    requests.patch(f"{url}/{made['id']}", json={"name": "Ours", "html": "<p>New</p>"}, auth=login)
    mail.work()
    listed = visitor.get(PAGE).text
    assert "Your template was changed in Mailchimp since you saw it." in listed
    assert f"{PAGE}/rules/{rule_id}#preview" in listed
    page = visitor.get(f"{PAGE}/rules/{rule_id}").text
    assert "This is how it is now." in page
    assert f"{PAGE}/runs/{mail.run().id}/confirm" in page
    assert visitor.get(f"{PAGE}/rules/{rule_id}/mail").text == "<p>New</p>"
    visitor.post(f"{PAGE}/runs/{mail.run().id}/confirm")
    done(mail)
    assert mail.run().status == "scheduled"
    assert "This is how it is now." not in visitor.get(f"{PAGE}/rules/{rule_id}").text


def test_the_history_labels_opens_as_inflated(mail: MailShop, visitor: Visitor) -> None:
    mail.add_rule()
    mail.work()
    mail.go_to(MONDAY + timedelta(hours=5))
    mail.work()
    from tests.service.audience_shop import TestJob

    campaign_work.read_reports(mail.shop.context, TestJob(mail.shop.account_id))
    assert "Opens are counted too high" in visitor.get(PAGE).text


def test_the_command_makes_a_rule_and_switches_it_on_after_preview_and_test(
    mail: MailShop, settings: Settings
) -> None:
    env = settings.data_dir.parent / ".env"
    env.write_text(f"{env.read_text()}STIPT_MAILCHIMP_URL={mail.sandbox.url}\n")

    def call(*words: str) -> dict[str, Any]:
        made = CliRunner().invoke(main, ["--env", str(env), "rule", *words, "--json"])
        assert made.exit_code == 0, made.output
        document: dict[str, Any] = json.loads(made.stdout)
        return document

    def refused(*words: str) -> str:
        made = CliRunner().invoke(main, ["--env", str(env), "rule", *words])
        assert made.exit_code == 1
        return made.output

    assert call("add", SEGMENT, "--dry-run")["rules"] == []
    (rule,) = call("add", SEGMENT, "--weekday", "0", "--hour", "9", "--most", "7")["rules"]
    assert (rule["on"], rule["weekday"], rule["hour"], rule["most"]) == (False, 0, 9, 7)
    number = str(rule["rule"])
    assert "preview" in refused("on", number)
    assert not call("show", number, "--dry-run")["rules"][0]["shown"]
    shown = call("show", number)
    assert shown["rules"][0]["shown"]
    assert shown["mail"][0]["subject"] == "Time for suits again?"
    assert "test" in refused("on", number)
    assert "--to" in refused("test", number)  # two people log in here
    assert "--to" in refused("test", number, "--to", "x@stipt-demo.shop")
    assert mail.calls("test") == 0
    assert call("test", number, "--to", ME)["rules"][0]["tested"]
    assert not call("on", number, "--dry-run")["rules"][0]["on"]
    (on,) = call("on", number)["rules"]
    assert on["on"]
    there = datetime.fromisoformat(on["next_at"]).astimezone(ZoneInfo("Europe/Amsterdam"))
    listed = CliRunner().invoke(main, ["--env", str(env), "rule"], env={"COLUMNS": "200"}).stdout
    assert f"{there:%Y-%m-%d %H:%M} │" in listed
    assert f"{there:%H:%M}" == "09:00", "the hour that was asked for, where the merchant is"
    assert "+00:00" not in listed
    assert not call("off", number)["rules"][0]["on"]
    assert call("remove", number)["rules"] == []
    assert "number" in refused("on", number)
    assert "segment" in refused("add", "due:nothing:now")


def test_the_command_lists_drafts_and_stops(mail: MailShop, settings: Settings) -> None:
    mail.shop.push()
    mail.add_rule()
    mail.work()
    env = settings.data_dir.parent / ".env"
    with env.open("a") as file:
        file.write(f"STIPT_MAILCHIMP_URL={mail.sandbox.root}\n")

    def stipt(*args: str) -> str:
        result = CliRunner().invoke(main, ["--env", str(env), "campaigns", *args])
        assert result.exit_code == 0, result.output
        return result.stdout

    shown = json.loads(stipt("--json"))
    assert " 09:00 │" in stipt()
    assert [run["status"] for run in shown["runs"]] == ["scheduled"]
    number = str(shown["runs"][0]["id"])
    stipt("--stop", number, "--draft", SEGMENT, "--dry-run")
    assert mail.run().status == "scheduled"
    assert json.loads(stipt("--draft", SEGMENT, "--json"))["drafts"][0]["status"] == "draft"
    assert "stopped" in stipt("--stop", number)
