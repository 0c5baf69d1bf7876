"""An audience with people who are due, and the days that pass, for tests of events and flows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlmodel import col, select

from integration.flows.ledger import rows
from integration.flows.send import send_events
from integration.flows.switches import answer, every, switches, tie, turn
from integration.sandbox.server import SandboxServer
from integration.settings import Settings
from integration.tables import Audience, Cart, DueDate, EventSwitch, ToldEvent, Touchpoint
from tests.service.audience_shop import AudienceShop, TestJob, make_shop

START = datetime(2026, 3, 1, 12, tzinfo=UTC)


@dataclass
class Days:
    """A clock that stands still until somebody moves it."""

    at: datetime = START

    def __call__(self) -> datetime:
        """Return the moment."""
        return self.at


@dataclass
class FlowShop:
    """A shop whose events go to the sandbox."""

    shop: AudienceShop
    sandbox: SandboxServer
    days: Days

    def pass_time(self, **time: float) -> None:
        """Let time pass, here and at Mailchimp."""
        self.days.at += timedelta(**time)
        self.sandbox.state.clock.set(self.days.at)

    def member(self, email: str, status: str = "subscribed", **known: object) -> int:
        """Put somebody in the audience whom the shop knows; return the person's id."""
        self.sandbox.add_member(email, status)
        return self.shop.person(email, **known)  # type: ignore[arg-type]  # handed through

    def due(self, person: int, need: str = "suits", state: str = "now") -> None:
        """Let a need of a person come to a state."""
        with self.shop.session() as session:
            row = session.exec(
                select(DueDate).where(DueDate.person_id == person, DueDate.need == need)
            ).first()
            if row is not None:
                row.state = state
                return
        self.shop.will_need(person, {need: (state, self.days.at.date())})

    def buys(self, person: int, need: str = "suits", on: date | None = None) -> None:
        """Let a person buy what he is due for."""
        with self.shop.session() as session:
            row = session.exec(
                select(DueDate).where(DueDate.person_id == person, DueDate.need == need)
            ).one()
            row.last_on, row.state = on or self.days.at.date(), ""

    def cart(self, email: str, name: str, age: timedelta, **more: object) -> None:
        """Let somebody leave a cart some time ago."""
        values: dict[str, Any] = {
            "currency": "EUR",
            "total_minor": 39900,
            "checkout_url": "https://shop.test/cart/1",
            "content": {"lines": [{"title": "Navy suit Größe 52", "quantity": 1}]},
            **more,
        }
        with self.shop.session() as session:
            session.add(
                Cart(
                    account_id=self.shop.account_id,
                    shop_id=self.shop.shop_id,
                    external_id=name,
                    profile_id=self.shop.profiles[email],
                    updated_at=self.days.at - age,
                    **values,
                )
            )

    def looks_at(self, email: str, subject: str, at: datetime) -> None:
        """Let somebody look at a thing."""
        with self.shop.session() as session:
            session.add(
                Touchpoint(
                    account_id=self.shop.account_id,
                    shop_id=self.shop.shop_id,
                    external_id=f"{email} {at.isoformat()}",
                    profile_id=self.shop.profiles[email],
                    kind="product_view",
                    at=at,
                    subject=subject,
                )
            )

    def move(self) -> None:
        """Go on with another audience, in which the same people are."""
        with self.shop.session() as session:
            old = session.get_one(Audience, self.shop.audience.id)
            known = old.model_dump(exclude={"id"})
            old.disconnected_at = self.days.at
            session.add(Audience(**known))

    def turn(self, kind: str = "due", *, on: bool = True) -> None:
        """Switch a kind on or off."""
        with self.shop.session() as session:
            turn(session, self.shop.audience, kind, self.days.at, on=on)

    def set_days(self, kind: str, days: int) -> None:
        """Set the days between two events."""
        with self.shop.session() as session:
            every(session, self.shop.audience, kind, days)

    def tie(self, address: str, kind: str = "due") -> None:
        """Tie a flow's step to a kind."""
        with self.shop.session() as session:
            tie(session, self.shop.audience, kind, address)

    def answer(self, *, tell: bool, kind: str = "due") -> None:
        """Decide about those who wait."""
        with self.shop.session() as session:
            answer(session, self.shop.audience, kind, tell=tell)

    def switch(self, kind: str = "due") -> EventSwitch:
        """A kind's switch as stored."""
        with self.shop.session() as session:
            return switches(session, self.shop.audience)[kind]

    def run(self, job: TestJob | None = None) -> None:
        """Tell what is new."""
        send_events(self.shop.context, job or TestJob(self.shop.account_id))

    def told(self, email: str) -> list[tuple[str, bool]]:
        """Name and whether it is of the past, of each event Mailchimp has of somebody."""
        return [(event.name, event.is_syncing) for event in self.sandbox.events(email)]

    def ledger(self, status: str = "done") -> list[ToldEvent]:
        """Rows of a status."""
        with self.shop.session() as session:
            return rows(session, self.shop.audience, status=status)

    def all_rows(self) -> list[ToldEvent]:
        """Every row of the ledger."""
        with self.shop.session() as session:
            return list(session.exec(select(ToldEvent).order_by(col(ToldEvent.id))))

    def address(self, journey: int, step: int) -> str:
        """A trigger address as Mailchimp shows it."""
        path = f"/3.0/customer-journeys/journeys/{journey}/steps/{step}/actions/trigger"
        return f"https://us1.api.mailchimp.com{path}"


@contextmanager
def flow_shop(settings: Settings, language: str = "en") -> Iterator[FlowShop]:
    """A shop with an empty audience, on a day in March."""
    with SandboxServer() as sandbox:
        days = Days()
        sandbox.state.clock.set(days.at)
        shop = make_shop(settings, sandbox, language, clock=days)
        yield FlowShop(shop, sandbox, days)
        shop.context.engine.dispose()
