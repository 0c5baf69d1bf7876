"""A customer between a shop and Mailchimp, for tests of what the shop is told."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest
from sqlmodel import Session, select

from connectors.base import Standing
from connectors.errors import Unreachable
from connectors.records import ConsentEvent, ConsentState
from integration.audience import states
from integration.context import Context
from integration.db import scoped, unscoped
from integration.mailchimp.answers import MemberInfo
from integration.shopify import switches
from integration.store.moments import write_consent
from integration.tables import (
    Account,
    Audience,
    ConsentWrite,
    Identity,
    ImportRun,
    Person,
    Shop,
    ShopifyStore,
    SourceProfile,
)
from integration.work.execute import run_until_idle
from integration.writeback import candidates, switch

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
ADA, KEY = "ada@stipt-demo.shop", "77"
YES, NO = ConsentState.CONFIRMED, ConsentState.DENIED
BY_ADMIN, BY_PERSON = "N/A (Unsubscribed by an admin)", "too much mail"
_numbers = count(1)
#: By the number of the shop: of several in one database each is asked for its own.
_shops: dict[int, FakeShop] = {}


class Killed(BaseException):
    """The worker is gone."""


@dataclass
class FakeShop:
    """One customer's permission, with a shop's own rules, and everything that was written."""

    state: ConsentState = YES
    at: datetime | None = None
    #: What the next writing does: "", "lost" (written, no answer), "killed", "down" (not written).
    trouble: str = ""
    #: What changed something: state, its moment, and what stood there before.
    changes: list[tuple[ConsentState, datetime, Standing]] = field(default_factory=list)
    asked: int = 0
    #: Of each writing, whether it was said to be confirmed by mail.
    confirmed: list[bool] = field(default_factory=list)

    def standing(self, key: str) -> Standing | None:
        self.asked += 1
        assert key == KEY
        return Standing(email=ADA.upper(), state=self.state, at=self.at, told=self.state.value,
                        event=self.event())  # fmt: skip

    def write(
        self, key: str, state: ConsentState, at: datetime, *, confirmed: bool
    ) -> ConsentEvent:
        trouble, self.trouble = self.trouble, ""
        before = self.standing(key)
        assert before is not None
        if trouble == "down":
            raise Unreachable("503")
        if (self.at is None or at >= self.at) and state is not self.state:
            self.changes.append((state, at, before))
            self.confirmed.append(confirmed)
            self.state, self.at = state, at
        if trouble == "lost":
            raise Unreachable("no answer")
        if trouble == "killed":
            raise Killed
        return self.event()

    def event(self) -> ConsentEvent:
        """What reading the customer tells."""
        return ConsentEvent(
            id=f"email:{KEY}:{self.state}:{self.at}",
            state=self.state,
            at=self.at,
            source="Shopify",
            customer_id=KEY,
            email=ADA,
        )


@dataclass
class Between:
    """A customer of a connected store who is in the audience too."""

    context: Context
    account_id: int
    shop_id: int
    audience_id: int
    profile_id: int
    there: FakeShop
    now: datetime = NOW

    def session(self) -> AbstractContextManager[Session]:
        return scoped(self.context.engine, self.account_id)

    def wait(self, **much: float) -> None:
        self.now += timedelta(**much)

    def turn(self, *, on: bool) -> None:
        with self.session() as session:
            store = session.exec(select(ShopifyStore)).one()
            if on:
                switches.want(session, store, switches.WRITEBACK, self.now)
            else:
                switch.turn_off(session, self.shop_id)

    def read_for_the_first_time(self, at: datetime | None = None) -> None:
        with self.session() as session:
            run = session.exec(select(ImportRun)).one()
            run.status, run.finished_at = "done", at or self.now

    def mailchimp(self, status: str, *, reason: str = "", told: bool = False) -> None:
        """Let the contact be found in a state that came about just now."""
        self.mailchimp_tells(
            MemberInfo(
                email_key=ADA,
                status=status,
                changed_at=self.now,
                opted_at=self.now if status == "subscribed" else None,
                reason=reason,
            ),
            told=told,
        )

    def mailchimp_tells(self, info: MemberInfo, *, told: bool = False) -> None:
        with self.session() as session:
            audience = session.get_one(Audience, self.audience_id)
            left = [ADA] if told else []
            states.apply(session, audience, [info], self.now, left=left)

    def shop_says(self, state: ConsentState, shop_id: int | None = None) -> None:
        """Let the customer, or another application, state something in the shop or a file."""
        if shop_id is None:
            self.there.state, self.there.at = state, self.now
        event = replace(self.there.event(), id=f"said:{next(_numbers)}", state=state, at=self.now)
        with self.session() as session:
            write_consent(session, shop_id or self.shop_id, [event], self.now)

    def files(self) -> int:
        """Another source."""
        with self.session() as session:
            shop = Shop(
                account_id=self.account_id,
                platform="files",
                external_id=f"files{next(_numbers)}",
                name="Files",
                config={},
                created_at=self.now,
            )
            session.add(shop)
            session.flush()
            return shop.id or 0

    def work(self) -> None:
        run_until_idle(self.context)

    def look(self) -> None:
        """What is done every hour."""
        with self.session() as session:
            candidates.note(session, self.now)

    def rows(self) -> list[tuple[str, str, str]]:
        """State, status and reason of what was noted, oldest first."""
        with self.session() as session:
            found = session.exec(select(ConsentWrite).order_by(ConsentWrite.id))  # type: ignore[arg-type]
            return [(row.state, row.status, row.reason) for row in found]

    def written(self) -> list[ConsentState]:
        return [state for state, _at, _before in self.there.changes]


def between(context: Context, monkeypatch: pytest.MonkeyPatch) -> Between:
    """A new account with a store, not read and not told of anything, and a subscribed contact."""
    there = FakeShop()
    number = next(_numbers)
    with unscoped(context.engine) as session:
        account = Account(name="Shop", created_at=NOW)
        session.add(account)
        session.flush()
        account_id = account.id or 0
    with scoped(context.engine, account_id) as session:
        shop = Shop(account_id=account_id, platform="shopify", external_id=f"s{number}",
                    name="Shop", config={}, created_at=NOW)  # fmt: skip
        person = Person(account_id=account_id, created_at=NOW)
        audience = Audience(account_id=account_id, list_id="l1", name="Customers", server="us6",
                            token="", language="en", connected_at=NOW)  # fmt: skip
        session.add_all([shop, person, audience])
        session.flush()
        shop_id = shop.id or 0
        session.add(
            ShopifyStore(account_id=account_id, shop_id=shop_id, store_id=f"gid{number}",
                         domain=f"s{number}.myshopify.com", way="renewed", installed_at=NOW,
                         scopes={"names": ["read_customers", "write_customers"]})
        )  # fmt: skip
        session.add(ImportRun(account_id=account_id, shop_id=shop_id, name="x", started_at=NOW))
        profile = SourceProfile(account_id=account_id, shop_id=shop_id, external_id=KEY,
                                person_id=person.id or 0, email=ADA)  # fmt: skip
        session.add(profile)
        session.flush()
        session.add(Identity(account_id=account_id, profile_id=profile.id or 0, kind="email",
                             value=ADA))  # fmt: skip
        made = Between(context, account_id, shop_id, audience.id or 0, profile.id or 0, there)
    object.__setattr__(context, "clock", lambda: made.now)
    _shops[shop_id] = there
    monkeypatch.setattr("integration.writeback.write.open_writer", lambda _c, shop: _shops[shop.id])
    made.mailchimp("subscribed")
    return made


def ready(context: Context, monkeypatch: pytest.MonkeyPatch) -> Between:
    """The same, read and switched on; some time later."""
    made = between(context, monkeypatch)
    made.read_for_the_first_time()
    made.turn(on=True)
    made.wait(hours=1)
    return made
