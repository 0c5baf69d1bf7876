"""Killed at any call or commit, a store is never left syncing, and history starts no automation."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import pytest
from sqlmodel import delete

from integration.mailchimp.client import Mailchimp
from integration.sandbox.server import SandboxServer
from integration.settings import Settings
from integration.shopdata.stores import start, switch_off
from integration.tables import ShopStore, Work
from tests.service.audience_shop import Killed, TestJob
from tests.service.store_shop import LONG_AGO, StoreShop

pytestmark = pytest.mark.slow

ADA = "ada@stipt-demo.shop"


class Death:
    """Ends the process at one of its calls or commits, counted from 1."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._left = 0
        call = Mailchimp.call

        def deadly(mailchimp: Mailchimp, *given: Any, **more: Any) -> Any:
            self.step()
            return call(mailchimp, *given, **more)

        monkeypatch.setattr(Mailchimp, "call", deadly)

    def at(self, step: int) -> None:
        """Come at this step from now; 0: never."""
        self._left = step

    def step(self) -> None:
        """One more step: the call is not made, or the commit is lost."""
        self._left -= 1
        if self._left == 0:
            raise Killed


class MortalJob(TestJob):
    """A job whose commits are steps: `extend` is the last thing in each transaction."""

    def __init__(self, account_id: int, death: Death) -> None:
        super().__init__(account_id)
        self._death = death

    def extend(self, session: Any = None) -> None:
        """Keep the lease, or die."""
        self._death.step()


@pytest.fixture
def death(monkeypatch: pytest.MonkeyPatch) -> Death:
    return Death(monkeypatch)


def killed_anywhere(
    settings: Settings, death: Death, *, filled: bool, first: int
) -> Iterator[StoreShop]:
    """Yield shops whose sending was killed, each three steps later than the one before.

    Three tests begin at three steps, so that every step is died at once. Their one order is
    history: of the first filling, or come late into a store that was filled.
    """
    for step in count(first, 3):
        with SandboxServer() as sandbox:
            shop = StoreShop(settings, sandbox)
            ada = shop.buyer(ADA)
            shop.product("suit")
            shop.on()
            if filled:
                shop.send()
            shop.order("late", ada, ("suit", None), at=LONG_AGO)
            death.at(step)
            try:
                shop.send(MortalJob(shop.people.account_id, death))
            except Killed:
                death.at(0)
                yield shop
            else:
                assert step > 10, "nothing was killed"
                return
            finally:
                death.at(0)
                shop.close()


def go_on(shop: StoreShop) -> None:
    """The next worker takes the job over."""
    shop.send()


def night_comes(shop: StoreShop) -> None:
    """The job was given up; what every night asks for is done."""
    with shop.people.session() as session:
        session.exec(delete(Work))
        start(session)
    shop.work()


@pytest.mark.parametrize("filled", [False, True])
@pytest.mark.parametrize(("then", "first"), [(go_on, 1), (night_comes, 2)])
def test_what_goes_on_after_a_kill_ends_with_automations_on_and_started_none(
    settings: Settings, death: Death, filled: bool, then: Callable[[StoreShop], None], first: int
) -> None:
    for shop in killed_anywhere(settings, death, filled=filled, first=first):
        then(shop)
        assert shop.store.orders.keys() == {"late"}
        assert not shop.store.is_syncing
        assert not shop.row.is_quiet
        assert shop.sandbox.fired == []


@pytest.mark.parametrize("filled", [False, True])
def test_switched_off_after_a_kill_a_store_has_its_automations(
    settings: Settings, death: Death, filled: bool
) -> None:
    for shop in killed_anywhere(settings, death, filled=filled, first=3):
        with shop.people.session() as session:
            switch_off(session, session.get_one(ShopStore, shop.row.id))
        shop.work()
        assert not any(store.is_syncing for store in shop.sandbox.stores.values())
        assert not shop.row.is_quiet
        assert shop.row.status != "lost"
        assert shop.sandbox.fired == []
