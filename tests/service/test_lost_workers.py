"""Lost behind each of its commits and done again, work of each kind comes to the same tables."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import Session, col, select

from integration.audience import checked, keep
from integration.audience.leave import ask_to_take_out
from integration.context import Context
from integration.pipeline import follow_up
from integration.privacy import erase
from integration.privacy.subject import of_address
from integration.sandbox.server import SandboxServer
from integration.settings import Settings
from integration.shopdata import stores
from integration.tables import Person, Plan, Work
from integration.work.execute import run_until_idle
from integration.work.queue import defer
from tests import fresh_tables
from tests.service.contents import differences, meant
from tests.service.lost_workers import LostWorkers
from tests.service.store_shop import TODAY, StoreShop

PEOPLE = [f"p{number}@stipt-demo.shop" for number in range(8)]
SUIT = ("suit", "blue")
#: Counts of calls, and what is random.
LEFT_OUT = ("shop_store", "salt", "erased_key")
Runner = Callable[[Context], object]


class Life:
    """What a merchant has done, by a worker that is told how to work."""

    def __init__(self, settings: Settings, sandbox: SandboxServer, run: Runner) -> None:
        self.shop = StoreShop(settings, sandbox)
        self.sandbox, self._run = sandbox, run
        #: What was there after each step: tables, work, and Mailchimp.
        self.steps: dict[str, tuple[Any, ...]] = {}

    def work(self, name: str) -> None:
        """Have done what waits."""
        self._run(self.shop.people.context)
        with self.session() as session:
            jobs = sorted((w.kind, w.status, w.error or "") for w in session.exec(select(Work)))
        tables = meant(self.shop.people.context.engine, but=LEFT_OUT)
        self.steps[name] = (tables, jobs, self.sandbox.canonical())

    def session(self) -> Any:
        return self.shop.people.session()

    def ask(self, kind: str, **payload: Any) -> None:
        """Write down work as a page does."""
        account_id = self.shop.people.account_id
        with self.session() as session:
            lane = f"account:{account_id}:push"
            defer(session, account_id=account_id, kind=kind, lane=lane, payload=payload)
        self.work(kind)

    def live(self) -> None:
        """Do one thing of each kind."""
        self._begin()
        self.ask("members")
        self.ask("plan")
        with self.session() as session:
            (draft,) = session.exec(select(Plan.id).where(Plan.status == "draft"))
        self.ask("push", plan_id=draft)
        self.ask("shop_look")
        with self.session() as session:
            for _, store in stores.stores(session, self.shop.people.audience):
                stores.switch_on(session, store)
        self.work("shop_data")
        self._go_on()
        with self.session() as session:
            checked.start(session)
        self.work("check")
        with self.session() as session:
            erase.start(session, self.shop.people.context, of_address(session, PEOPLE[2]))
        self.work("erase")
        with self.session() as session:
            last = _published(session)
        self.ask("undo", plan_id=last)
        with self.session() as session:
            ask_to_take_out(session, {"do": "disconnect", "from": self.shop.people.audience.id})
        self.work("take_out")

    def _begin(self) -> None:
        for email in PEOPLE:
            self.sandbox.add_member(email)
        self.shop.people.people(PEOPLE, ["stage:new"])
        self.shop.product("suit", variants=["blue"])
        for number, email in enumerate(PEOPLE[:4]):
            self.shop.order(f"o{number}", self.shop.people.profiles[email], SUIT)
        self.shop.cart("k1", self.shop.people.profiles[PEOPLE[5]], "suit", at=TODAY)

    def _go_on(self) -> None:
        with self.session() as session:
            keep.switch(session, on=True)
            first = min(person.id or 0 for person in session.exec(select(Person)))
        self.shop.people.enter(first, "due:suits:now")
        self.shop.order("o9", self.shop.people.profiles[PEOPLE[6]], SUIT, at=TODAY)
        with self.session() as session:
            follow_up(session)
        self.work("keep_in_step")
        member = self.sandbox.audience.find(PEOPLE[1])
        assert member is not None
        tag = self.sandbox.state.tag(self.sandbox.audience, min(self.sandbox.tags(PEOPLE[1])))
        self.sandbox.audience.detach(member, tag.id)


def _published(session: Session) -> int | None:
    query = select(Plan.id).where(Plan.status == "published").order_by(col(Plan.id).desc())
    return session.exec(query).first()


def lived(settings: Settings, folder: Path, name: str, run: Runner) -> dict[str, tuple[Any, ...]]:
    """What is there after each step of a life."""
    url = f"sqlite:///{folder / name}.db"
    fresh_tables.lay(url)
    with SandboxServer() as sandbox:
        life = Life(settings.model_copy(update={"database_url": url}), sandbox, run)
        life.live()
        life.shop.close()
    return life.steps


def test_whatever_commit_a_worker_is_lost_behind_the_tables_and_mailchimp_are_the_same(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    undisturbed = lived(settings, tmp_path, "undisturbed", run_until_idle)
    workers = LostWorkers(monkeypatch)
    disturbed = lived(settings, tmp_path, "disturbed", workers.run_until_idle)
    assert workers.lost.total() > 100
    assert undisturbed.keys() <= workers.lost.keys()
    for step, (tables, jobs, there) in undisturbed.items():
        assert differences(tables, disturbed[step][0]) == {}, step
        assert (jobs, there) == disturbed[step][1:], step
