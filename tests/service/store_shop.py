"""A shop with products, orders and carts in the tables, and its store in the sandbox."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlmodel import col, delete, select

from integration.sandbox.server import SandboxServer
from integration.sandbox.shops.store import Store
from integration.settings import Settings
from integration.shopdata import mirror
from integration.shopdata.look import shop_look
from integration.shopdata.run import shop_data
from integration.shopdata.stores import stores, switch_on
from integration.tables import (
    Cart,
    Order,
    OrderLine,
    Product,
    Refund,
    ShopRecord,
    ShopStore,
    Variant,
    Work,
)
from integration.work.execute import run_until_idle
from tests.service.audience_shop import AudienceShop, TestJob, make_shop

TODAY = datetime(2026, 3, 1, 12, tzinfo=UTC)
#: Old enough for an order to be history.
LONG_AGO = TODAY - timedelta(days=200)
Line = tuple[str, str | None]


class StoreShop:
    """An account whose catalogue and sales a test writes down."""

    def __init__(self, settings: Settings, sandbox: SandboxServer) -> None:
        self.now = TODAY
        self.sandbox = sandbox
        self.people: AudienceShop = make_shop(settings, sandbox, clock=lambda: self.now)

    def buyer(self, email: str, *, status: str = "subscribed") -> int:
        """Somebody of the shop who is in the audience; returns the profile."""
        self.sandbox.add_member(email, status)
        self.people.person(email)
        return self.people.profiles[email]

    def product(
        self, key: str, *, variants: Sequence[str] = (), title: str = "", **more: Any
    ) -> None:
        """Put a product into the catalogue, or its newer self."""
        with self.people.session() as session:
            self._drop_product(session, key)
            made = Product(
                account_id=self.people.account_id,
                shop_id=self.people.shop_id,
                external_id=key,
                title=title or key.title(),
                **{"price_minor": 19_950, "currency": "EUR", "product_type": "Suits", **more},
            )
            row = self.people.add(session, made)
            for variant in variants:
                session.add(
                    Variant(
                        account_id=self.people.account_id,
                        product_id=row,
                        external_id=variant,
                        colour=variant,
                        inventory_quantity=3,
                    )
                )

    def drop_product(self, key: str) -> None:
        """Take a product out of the catalogue."""
        with self.people.session() as session:
            self._drop_product(session, key)

    @staticmethod
    def _drop_product(session: Any, key: str) -> None:
        session.exec(delete(Product).where(col(Product.external_id) == key))

    def order(
        self,
        key: str,
        profile: int | None,
        *lines: Line,
        at: datetime = LONG_AGO,
        status: str = "paid",
        each: int = 10_000,
        quantity: int = 1,
        **more: Any,
    ) -> None:
        """Store an order of (product, variant) lines at `each` minor units, or its newer self."""
        with self.people.session() as session:
            session.exec(delete(Order).where(col(Order.external_id) == key))
            values = {"currency": "EUR", "total_minor": each * len(lines), "shipping_minor": 0}
            made = Order(
                account_id=self.people.account_id,
                shop_id=self.people.shop_id,
                external_id=key,
                profile_id=profile,
                placed_at=at,
                status=status,
                channel="web",
                **{**values, **more},
            )
            row = self.people.add(session, made)
            for number, (product, variant) in enumerate(lines, start=1):
                session.add(
                    OrderLine(
                        account_id=self.people.account_id,
                        order_id=row,
                        external_id=str(number),
                        product_external_id=product,
                        variant_external_id=variant,
                        title=f"Bought {product}",
                        quantity=quantity,
                        total_minor=each,
                        discount_minor=0,
                    )
                )

    def refund(self, key: str, order: str, amount: int | None, currency: str = "EUR") -> None:
        """Store a refund in minor units; None: only the state is known."""
        with self.people.session() as session:
            session.add(
                Refund(
                    account_id=self.people.account_id,
                    shop_id=self.people.shop_id,
                    external_id=key,
                    order_external_id=order,
                    refunded_at=self.now,
                    currency=currency,
                    detail="total" if amount is not None else "state_only",
                    amount_minor=amount,
                )
            )

    def cart(
        self, key: str, profile: int, *products: str, at: datetime, order: str | None = None
    ) -> None:
        """Store a cart, or its newer self."""
        lines = [
            {"title": p, "quantity": 1.0, "product_id": p, "variant_id": None, "total_minor": 5_000}
            for p in products
        ]
        with self.people.session() as session:
            session.exec(delete(Cart).where(col(Cart.external_id) == key))
            session.add(
                Cart(
                    account_id=self.people.account_id,
                    shop_id=self.people.shop_id,
                    external_id=key,
                    profile_id=profile,
                    currency="EUR",
                    total_minor=5_000 * len(products),
                    updated_at=at,
                    checkout_url=f"https://stipt-demo.shop/cart/{key}",
                    order_external_id=order,
                    content={"lines": lines},
                )
            )

    # -- the store ---------------------------------------------------------------------------------

    def look(self) -> ShopStore:
        """See what would be sent."""
        shop_look(self.people.context, TestJob(self.people.account_id))
        return self.row

    def on(self) -> None:
        """Look, and switch the store on; what that asks for is not done yet."""
        self.look()
        with self.people.session() as session:
            switch_on(session, session.get_one(ShopStore, self.row.id))
            session.exec(delete(Work))

    def send(self, job: TestJob | None = None) -> int:
        """Send what differs; returns how many writing requests that took."""
        before = len(self.writes())
        shop_data(self.people.context, job or TestJob(self.people.account_id))
        return len(self.writes()) - before

    def work(self) -> None:
        """Do what was asked for."""
        run_until_idle(self.people.context)

    def writes(self) -> list[Any]:
        """Everything that wrote, as the sandbox saw it."""
        return [entry for entry in self.sandbox.requests if entry.method != "GET"]

    @property
    def row(self) -> ShopStore:
        """Our row of the store."""
        with self.people.session() as session:
            return stores(session, self.people.audience, keep=True)[0][1]

    @property
    def store(self) -> Store:
        """The store in the sandbox."""
        return self.sandbox.stores[self.row.store_id]

    def refused(self) -> list[tuple[str, str, str]]:
        """What Mailchimp refused: kind, key and its answer."""
        with self.people.session() as session:
            return [(r.kind, r.key, r.error) for r in mirror.refused(session, self.row.id or 0)]

    def unsettled(self) -> int:
        """Rows whose answer is not known."""
        with self.people.session() as session:
            query = select(ShopRecord).where(ShopRecord.status == "sent")
            return len(session.exec(query).all())

    def revenue(self, email: str) -> tuple[int, float]:
        """Orders and revenue of an address in the store."""
        return self.store.totals_at(email)

    def close(self) -> None:
        """Let go of the database."""
        self.people.context.engine.dispose()
