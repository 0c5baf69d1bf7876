"""Leaving an audience, over real HTTP: nothing of ours goes out that nobody could stop any more."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from integration.audience import leave
from integration.mailchimp import leave_out
from integration.sandbox.server import SandboxServer
from integration.settings import Settings
from integration.tables import CampaignRule
from integration.work.execute import run_until_idle
from tests.service.mail_shop import MONDAY, MailShop, make_mail_shop

LATER = timedelta(hours=5)


@pytest.fixture
def mail(settings: Settings, sandbox: SandboxServer) -> Iterator[MailShop]:
    made = make_mail_shop(settings, sandbox)
    yield made
    made.shop.context.engine.dispose()


def is_on(mail: MailShop, rule_id: int) -> bool:
    with mail.shop.session() as session:
        return session.get_one(CampaignRule, rule_id).is_on


@pytest.mark.parametrize("way", ["leave", "take_out"])
def test_who_disconnects_has_nothing_scheduled_any_more(mail: MailShop, way: str) -> None:
    mail.due(["ada"])
    rule_id = mail.add_rule()
    before = mail.sandbox.canonical()
    mail.work()
    if way == "take_out":
        leave_out.keep(mail.shop.context, mail.shop.audience)
    if way == "leave":
        assert leave.disconnect(mail.shop.context, mail.shop.account_id) == []
    else:
        then = {"do": leave.DISCONNECT, "from": mail.shop.audience.id}
        with mail.shop.session() as session:
            leave.ask_to_take_out(session, then)
        run_until_idle(mail.shop.context)
    assert mail.sandbox.canonical() == before
    assert (mail.run().status, is_on(mail, rule_id)) == ("stopped", False)
    mail.go_to(MONDAY + LATER)
    assert mail.mails() == []


def test_lists_of_what_was_sent_are_removed_before_the_token_goes(mail: MailShop) -> None:
    mail.due(["ada"])
    mail.add_rule()
    mail.week()
    assert mail.sandbox.tags("ada@stipt-demo.shop")
    assert leave.disconnect(mail.shop.context, mail.shop.account_id) == []
    assert not mail.sandbox.tags("ada@stipt-demo.shop")


def test_what_mailchimp_does_not_let_us_stop_is_told(mail: MailShop) -> None:
    mail.due(["ada"])
    rule_id = mail.add_rule()
    mail.work()
    mail.sandbox.fail("error_500", method="POST", prefix="/campaigns", times=None)
    title = mail.run().title
    assert leave.disconnect(mail.shop.context, mail.shop.account_id) == [title]
    assert not is_on(mail, rule_id)
