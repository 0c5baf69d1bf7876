"""A store's tokens are never lost, whatever two workers do at one time and wherever one dies."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from connectors.http import Http, Response
from connectors.shopify.auth import App, Grant
from connectors.shopify.errors import TokenRefused
from connectors.shopify.tokens import RenewedTokens
from integration.context import Context
from integration.db import scoped
from integration.shopify.keeper import StoreKeeper, sealed
from integration.shopify.stores import forget, of_shop
from integration.tables import Shop, ShopifyStore
from tests.conftest import add_account, on_both
from tests.connectors.shopify.scripted import SHOP, answer
from tests.service.turns import Turns

APP = App(client_id="id-1", secrets=("a-secret",), redirect="https://stipt.example/back")
START = datetime(2026, 11, 20, tzinfo=UTC)
HOUR, DAYS = timedelta(hours=1), timedelta(days=90)


@dataclass
class Endpoint(Http):
    """Shopify's end of a refresh: a token renews itself, and dies when its child is first used."""

    #: A harsher rule than Shopify's: a token dies as soon as it was used.
    strict: bool = False
    good: set[str] = field(default_factory=lambda: {"r0"})
    parents: dict[str, str] = field(default_factory=dict)
    calls: int = 0
    _numbers: Any = field(default_factory=lambda: itertools.count(1))

    def send(self, method: str, url: str, **more: Any) -> Response:
        """Stand in for the network."""
        self.calls += 1
        old = more["body"]["refresh_token"]
        if old not in self.good:
            return answer({"error": "invalid_grant"}, status=400)
        self.use(old)
        number = next(self._numbers)
        new = f"r{number}"
        self.parents[new] = old
        self.good.add(new)
        if self.strict:
            self.good.discard(old)
        return answer(
            {
                "access_token": f"a{number}",
                "scope": "read_orders",
                "expires_in": 3600,
                "refresh_token": new,
                "refresh_token_expires_in": 7776000,
            }
        )

    def use(self, token: str) -> None:
        """Use a token of either kind: what it came from, and what else came from that, is over."""
        name = f"r{token[1:]}"
        parent = self.parents.get(name)
        if parent is not None:
            self.good.discard(parent)
            self.good -= {k for k, v in self.parents.items() if v == parent and k != name}


@pytest.fixture
def store(context: Context) -> ShopifyStore:
    """A connected store."""
    account_id = add_account(context.engine)
    with scoped(context.engine, account_id) as session:
        shop = Shop(
            account_id=account_id, platform="shopify", external_id="gid://shopify/Shop/1",
            name="Dressed", config={}, created_at=START,
        )  # fmt: skip
        session.add(shop)
        session.flush()
        made = ShopifyStore(
            account_id=account_id, shop_id=shop.id or 0, store_id="gid://shopify/Shop/1",
            domain=SHOP, way="renewed", installed_at=START,
        )  # fmt: skip
        session.add(made)
    return made


def put(context: Context, store: ShopifyStore, grant: Grant) -> None:
    """Keep a grant, as a callback does."""
    with scoped(context.engine, store.account_id) as session:
        row = session.get_one(ShopifyStore, store.id)
        for name, value in sealed(context, grant).items():
            setattr(row, name, value)
        row.held_by, row.held_until, row.stopped = "", None, ""


def first(now: datetime, *, left: timedelta = timedelta(0)) -> Grant:
    """The grant that the property begins with: over, and renewable."""
    return Grant(
        access_token="a0",
        expires_at=now + left,
        refresh_token="r0",
        refresh_expires_at=now + DAYS,
    )


class Steps:
    """A worker: its keeper and its network wait for their turn before each step."""

    def __init__(self, world: World, number: int) -> None:
        self.world, self.number = world, number
        self.keeper = StoreKeeper(world.context, world.store)

    def __getattr__(self, name: str) -> Any:
        def stepped(*args: Any, **more: Any) -> Any:
            self.world.turns.step(self.number)
            of = self.world.endpoint if name == "send" else self.keeper
            return getattr(of, name)(*args, **more)

        return stepped

    def sleep(self, seconds: float) -> None:
        """Wait for somebody else."""
        self.world.turns.step(self.number)
        self.world.now += timedelta(seconds=seconds)

    def work(self) -> None:
        """Ask for a token and use it, then find it refused and ask for another one."""
        steps: Any = self
        tokens = RenewedTokens(
            steps, APP, SHOP, http=steps, clock=lambda: self.world.now, sleep=self.sleep
        )
        for force in (False, True):
            token = tokens.access_token(force=force)
            self.world.turns.step(self.number)
            self.world.endpoint.use(token)
            self.world.given.append(token)


class World:
    """Two workers on one store, a clock and Shopify."""

    def __init__(
        self, context: Context, store: ShopifyStore, *, kills: dict[int, int], strict: bool
    ) -> None:
        self.now = START
        self.context, self.store = replace(context, clock=lambda: self.now), store
        self.endpoint, self.turns = Endpoint(strict=strict), Turns(kills=kills)
        self.given: list[str] = []
        put(self.context, store, first(self.now))

    def play(self, order: list[int]) -> None:
        """Let both work to their end; a minute passes where the order says neither."""
        workers = [Steps(self, number) for number in (0, 1)]
        self.turns.play([worker.work for worker in workers], order, self.minute)
        assert self.turns.errors == []

    def minute(self) -> None:
        """Long enough for a hold to be over."""
        self.now += timedelta(seconds=61)

    def still_let_in(self) -> bool:
        """Tell whether the token that is kept can be renewed."""
        self.now += HOUR
        keeper = StoreKeeper(self.context, self.store)
        tokens = RenewedTokens(
            keeper, APP, SHOP, http=self.endpoint, clock=lambda: self.now, sleep=self.later
        )
        return bool(tokens.access_token())

    def later(self, seconds: float) -> None:
        """Let time pass, so that the hold of somebody killed is over."""
        self.now += timedelta(seconds=seconds)


@on_both
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(order=st.lists(st.integers(0, 1), max_size=40))
def test_two_workers_renew_one_after_the_other(
    context: Context, store: ShopifyStore, order: list[int]
) -> None:
    # Under a rule that forgives nothing: a token that is used twice is refused.
    world = World(context, store, kills={}, strict=True)
    world.play(order)
    assert len(world.given) == 4
    assert world.endpoint.calls <= 3, "at first, and for each refusal at most once"
    assert world.still_let_in()


@on_both
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    order=st.lists(st.integers(0, 2), max_size=40),
    kills=st.dictionaries(st.integers(0, 1), st.integers(1, 14), max_size=2),
)
# The first one's hold ends while it is asked; the second one keeps and uses what it got.
@example(order=[0] * 5 + [2] + [1] * 7 + [0], kills={})
def test_no_token_is_lost_when_a_worker_dies_or_comes_back_too_late(
    context: Context, store: ShopifyStore, order: list[int], kills: dict[int, int]
) -> None:
    world = World(context, store, kills=kills, strict=False)
    world.play(order)
    assert world.still_let_in()


@pytest.fixture
def tokens(context: Context, store: ShopifyStore) -> RenewedTokens:
    """A worker of its own, at START."""
    return RenewedTokens(
        StoreKeeper(context, store), APP, SHOP, http=Endpoint(), clock=lambda: START
    )


def test_a_token_with_more_than_five_minutes_left_is_used(
    context: Context, store: ShopifyStore, tokens: RenewedTokens
) -> None:
    put(context, store, first(START, left=timedelta(minutes=5, seconds=1)))
    assert tokens.access_token() == "a0"
    put(context, store, first(START, left=timedelta(minutes=5)))
    assert tokens.access_token() == "a1"


def test_while_another_worker_renews_the_old_token_is_used_to_its_end(
    context: Context, store: ShopifyStore, tokens: RenewedTokens
) -> None:
    put(context, store, first(START, left=timedelta(minutes=4)))
    keeper = StoreKeeper(context, store)
    assert keeper.hold() is not None
    assert keeper.hold() is None, "one at a time"
    assert tokens.access_token() == "a0"


@pytest.mark.parametrize("how", ["refused", "past its date"])
def test_an_ended_permission_asks_for_the_merchant_and_for_nothing_else(
    context: Context, store: ShopifyStore, tokens: RenewedTokens, how: str
) -> None:
    grant = first(START)
    put(
        context,
        store,
        replace(grant, refresh_token="r-old")
        if how == "refused"
        else replace(grant, refresh_expires_at=START),
    )
    for _ in range(2):
        with pytest.raises(TokenRefused):
            tokens.access_token()
    with scoped(context.engine, store.account_id) as session:
        assert session.get_one(ShopifyStore, store.id).stopped == "reconnect"


def test_no_token_stands_readable_in_the_database(context: Context, store: ShopifyStore) -> None:
    put(context, store, replace(first(START), access_token="shpat_x", refresh_token="shprt_x"))
    with context.engine.connect() as connection:
        row = str(connection.execute(text("SELECT * FROM shopify_store")).one())
    assert "shpat_x" not in row
    assert "shprt_x" not in row


def test_a_shop_that_removed_us_leaves_no_token(context: Context, store: ShopifyStore) -> None:
    put(context, store, first(START))
    with scoped(context.engine, store.account_id) as session:
        forget(session, store.shop_id)
    with scoped(context.engine, store.account_id) as session:
        row = of_shop(session, store.shop_id)
    assert row is not None
    assert (row.access_token, row.refresh_token, row.stopped) == ("", "", "uninstalled")
    with pytest.raises(TokenRefused):
        StoreKeeper(context, store).read()
