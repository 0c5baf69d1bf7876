"""No order of events adds or takes out anybody whom nobody may: told by a model of its own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sqlmodel import col, select

from integration.audience.undo import CannotUndo, make_undo
from integration.sandbox.server import SandboxServer
from integration.settings import Settings
from integration.tables import Consent, Identity, SourceProfile
from tests.service.adding_shop import choose
from tests.service.audience_shop import AudienceShop, make_shop
from tests.service.consent_scan import forbidden_writes

ADA, AUGUSTA = "ada@stipt-demo.shop", "augusta@stipt-demo.shop"
SUIT = {"suits": ("now", date(2026, 3, 14))}
#: What is said at the shop, about the address that she has there: state, and when.
SAID = {
    "confirms": ("confirmed", timedelta(0)),
    "consents": ("consented", timedelta(0)),
    "confirms in the future": ("confirmed", timedelta(days=400)),
    "denies": ("denied", timedelta(0)),
    "denies without a date": ("denied", None),
}
ACTS = ("unsubscribe", "resubscribe", "bounce", "archive", "confirm")
MOVES = ("moves at the shop", "moves at Mailchimp")
OURS = ("plan", "push", "push the plan", "undo")
STEPS = st.sampled_from([*SAID, *ACTS, *MOVES, *OURS, "push", "push", "confirms"])


@dataclass
class Story:
    """One person, what she said, and what may follow from it."""

    shop: AudienceShop
    #: Her address at the shop.
    address: str = ADA
    opt_ins: list[tuple[str, datetime]] = field(default_factory=list)
    #: None: nobody knows when.
    denials: list[datetime | None] = field(default_factory=list)
    added: set[str] = field(default_factory=set)
    plan: int | None = None
    pushed: int | None = None
    numbers: int = 0

    def may_be_added(self, address: str) -> bool:
        """Whether she asked for mail at this address after everything that she took back."""
        return any(
            about == address and all(no is not None and no < at for no in self.denials)
            for about, at in self.opt_ins
        )

    def statuses(self) -> dict[str, str]:
        """Address -> status in the audience."""
        with self.shop.sandbox.state.lock:
            members = self.shop.sandbox.audience.members.values()
            return {member.email: member.status for member in members}

    def take(self, step: str) -> None:
        """Let one thing happen, and look what came of it where it is ours."""
        self.shop.sandbox.state.clock.advance(60)
        if step in SAID:
            self.say(*SAID[step])
        elif step in ACTS:
            self.act(step)
        elif step == "moves at the shop":
            self.move()
        elif step == "moves at Mailchimp":
            self.act("change_address")
        else:
            before = self.statuses()
            self.ours(step)
            self.check(step, before)

    def say(self, state: str, ahead: timedelta | None) -> None:
        self.numbers += 1
        now = self.shop.sandbox.state.clock.now()
        at = None if ahead is None else now + ahead
        # A withdrawal by the address alone, where we can know that it was hers.
        by_address = state == "denied" and self.address in {about for about, _ in self.opt_ins}
        with self.shop.session() as session:
            session.add(
                Consent(
                    account_id=self.shop.account_id,
                    shop_id=self.shop.shop_id,
                    external_id=str(self.numbers),
                    profile_id=None if by_address else self.shop.profiles[ADA],
                    email_key=self.address,
                    state=state,
                    at=at,
                    source="checkout",
                    received_at=now,
                )
            )
        if state == "denied":
            self.denials.append(at)
        elif at is not None and at <= now:
            self.opt_ins.append((self.address, at))

    def act(self, name: str) -> None:
        there = list(self.statuses())
        for email in there[:1]:
            other = AUGUSTA if email == ADA else ADA
            details = {"to": other} if name == "change_address" else {}
            try:
                self.shop.sandbox.act(name, email, **details)
            except (LookupError, ValueError):
                return  # she cannot do that now
            if name == "unsubscribe":
                self.denials.append(self.shop.sandbox.state.clock.now())

    def move(self) -> None:
        self.address = AUGUSTA if self.address == ADA else ADA
        profile = self.shop.profiles[ADA]
        with self.shop.session() as session:
            session.get_one(SourceProfile, profile).email = self.address
            query = select(Identity).where(col(Identity.profile_id) == profile)
            session.exec(query).one().value = self.address

    def ours(self, step: str) -> None:
        if step == "plan":
            self.plan = self.shop.plan().id
        elif step == "push":
            self.pushed = self.shop.push().id
        elif step == "push the plan" and self.plan is not None:
            if self.shop.stored(self.plan).status == "draft":
                self.pushed = self.shop.publish(self.plan).id
        elif step == "undo" and self.pushed is not None:
            try:
                self.shop.publish(make_undo(self.shop.context, self.shop.account_id, self.pushed))
            except CannotUndo:
                return

    def check(self, step: str, before: dict[str, str]) -> None:
        after = self.statuses()
        assert before.keys() <= after.keys()
        for email, status in after.items():
            if email not in before:
                assert status in ("subscribed", "pending"), step
                assert self.may_be_added(email), (step, email, self.opt_ins, self.denials)
                assert len(after) == 1, "she is here by another address already"
                self.added.add(email)
            elif status != before[email]:
                assert (step, status) == ("undo", "archived")
                assert email in self.added, "we archive only whom we added"


@example(steps=["confirms in the future", "push", "denies", "push"])
@example(steps=["confirms", "push", "undo", "confirms", "push"])
@example(steps=["denies", "moves at the shop", "confirms in the future", "push"])
@example(steps=["confirms", "moves at the shop", "confirms", "moves at the shop", "denies",
                "moves at the shop", "push"])  # fmt: skip
@example(steps=["confirms", "push", "moves at Mailchimp", "unsubscribe", "push", "undo"])
@example(steps=["confirms", "plan", "denies", "push the plan"])
@given(steps=st.lists(STEPS, min_size=3, max_size=8))
@hypothesis_settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    derandomize=True,
)
def test_nobody_is_added_or_taken_out_whom_nobody_may(
    steps: list[str], shops: Iterator[AudienceShop]
) -> None:
    shop = next(shops)
    shop.person(ADA, ["stage:new"], due=SUIT, stage="new")
    choose(shop, adds_contacts=True)
    story = Story(shop)
    for step in steps:
        story.take(step)
    sent = shop.sandbox.requests
    assert forbidden_writes(sent, may_add=story.added, may_archive=story.added) == []


@pytest.fixture
def shops(tmp_path: Path, settings: Settings) -> Iterator[Iterator[AudienceShop]]:
    """A fresh sandbox and a fresh account for each example."""

    def made() -> Iterator[AudienceShop]:
        while True:
            with SandboxServer() as sandbox:
                shop = make_shop(settings, sandbox)
                yield shop
                shop.context.engine.dispose()

    endless = made()
    yield endless
    endless.close()  # type: ignore[attr-defined]  # a generator
