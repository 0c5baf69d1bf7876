"""An audience with people who are due and a rule that writes to them, for tests of campaigns."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlmodel import col, select

from integration.audience.members import read_members
from integration.campaigns import rules
from integration.campaigns.content import Content
from integration.mailchimp import campaign_work
from integration.mailchimp.rule_runs.trial import render, send_test
from integration.sandbox.mailing import Campaign as Remote
from integration.sandbox.server import SandboxServer
from integration.settings import Settings
from integration.tables import Campaign, CampaignPerson, CampaignRule, User
from tests.service.audience_shop import AudienceShop, TestJob, make_shop

OWNER = "owner@kleding.example"
SEGMENT = "due:suits:now"
#: A Monday, 06:00 in Amsterdam; the rule below writes at 9.
MONDAY = datetime(2026, 3, 16, 5, tzinfo=UTC)
WEEK = timedelta(days=7)
TEXT = Content(
    subject="*|IF:FNAME|**|FNAME|*, time for a suit?*|ELSE:|*Time for a suit?*|END:IF|*",
    preview="Like the last one",
    heading="Suits",
    text="Dear *|FNAME|*,\n\nA suit.",
    button="Look",
    url="https://stipt-demo.shop/suits",
)


class FakeClock:
    """The time of product and sandbox alike."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now


@dataclass
class MailShop:
    """A shop with a rule."""

    shop: AudienceShop
    sandbox: SandboxServer
    clock: FakeClock
    rule_id: int = 0

    def go_to(self, moment: datetime) -> None:
        """Set both clocks."""
        self.clock.now = moment
        self.sandbox.state.clock.set(moment)

    def due(self, names: Iterable[str], segment: str = SEGMENT, bought: str = "2024-03-14") -> None:
        """Add people who need a suit, in the audience and in the segment."""
        for name in names:
            email = f"{name}@stipt-demo.shop"
            self.sandbox.add_member(email, merge_fields={"FNAME": name.title()})
            person = self.shop.person(email, due={"suits": ("now", date(2026, 3, 14))})
            self.enter(person, segment)
        del bought

    def enter(self, person: int, segment: str = SEGMENT) -> None:
        """Put somebody into a segment today."""
        from integration.tables import SegmentMember

        with self.shop.session() as session:
            session.add(
                SegmentMember(
                    account_id=self.shop.account_id,
                    person_id=person,
                    segment=segment,
                    reason={"key": "b2b", "why": "source"},
                    since=self.clock.now.date(),
                )
            )

    def crowd(self, number: int) -> None:
        """Add contacts who are nobody we know, so that a run is a small share of the audience."""
        self.sandbox.seed({"email": f"crowd{n}@stipt-demo.shop"} for n in range(number))

    def add_rule(self, *, segment: str = SEGMENT, on: bool = True, **more: Any) -> int:
        """Make a rule: Mondays at 9 in Amsterdam."""
        wish = rules.Wish(
            **{
                "segment": segment,
                "language": "en",
                "content": TEXT,
                "template_id": None,
                "weekday": 0,
                "hour": 9,
                "most_people": 500,
                **more,
            }
        )
        context, audience = self.shop.context, self.shop.audience
        with self.shop.session() as session:
            rule = rules.keep(session, context, audience.id or 0, wish, None)
            rules.was_previewed(rule)
            rule_id = rule.id or 0
        if on:
            if more.get("template_id"):
                render(context, audience, rule_id)
            send_test(context, audience, rule_id, OWNER)
            with self.shop.session() as session:
                rules.switch_on(session, context, session.get_one(CampaignRule, rule_id))
        return rule_id

    def work(self, dies_at: int | None = None) -> TestJob:
        """Do what the worker does every hour."""
        job = TestJob(self.shop.account_id, dies_at=dies_at)
        campaign_work.look_after(self.shop.context, job)
        return job

    def week(self) -> None:
        """Let the run be made, go out, and be seen to have gone out; then wait a week."""
        start = self.clock.now
        self.work()
        self.go_to(start + timedelta(hours=5))
        self.work()
        self.go_to(start + WEEK)

    def runs(self) -> list[Campaign]:
        """Our runs, oldest first."""
        with self.shop.session() as session:
            query = select(Campaign).where(Campaign.kind == "run").order_by(col(Campaign.id))
            return list(session.exec(query))

    def run(self) -> Campaign:
        """The newest run."""
        return self.runs()[-1]

    def ledger(self) -> set[str]:
        """Names of those who are written down as reached, or about to be."""
        with self.shop.session() as session:
            return {row.split("@")[0] for row in session.exec(select(CampaignPerson.email_key))}

    @property
    def remote(self) -> list[Remote]:
        """Campaigns in Mailchimp."""
        with self.sandbox.state.lock:
            return list(self.sandbox.state.mail.campaigns.values())

    def mails(self) -> list[str]:
        """Names of everybody who got mail, once a mail."""
        from integration.sandbox import delivery

        with self.sandbox.state.lock:
            delivery.tick(self.sandbox.state)
        return sorted(d.email.split("@")[0] for c in self.remote for d in c.deliveries)

    def calls(self, action: str) -> int:
        """How many calls of an action Mailchimp received."""
        return sum(r.path.endswith(f"/actions/{action}") for r in self.sandbox.requests)


def make_mail_shop(settings: Settings, sandbox: SandboxServer) -> MailShop:
    """A shop whose clock stands on a Monday at 6, with somebody who logs in."""
    clock = FakeClock(MONDAY)
    sandbox.state.clock.set(MONDAY)
    sandbox.state.mail.reacts = False
    shop = make_shop(settings, sandbox, clock=clock)
    with shop.session() as session:
        session.add(
            User(account_id=shop.account_id, email=OWNER, password_hash="x", created_at=MONDAY)
        )
    made = MailShop(shop, sandbox, clock)
    made.crowd(200)
    read_members(shop.context, shop.audience)
    return made
