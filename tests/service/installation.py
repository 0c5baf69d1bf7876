"""A whole installation for tests: sources are asked for, and the work is done in this process."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

from sqlmodel import SQLModel, delete, select

from connectors.demo.connector import DemoConnector
from connectors.records import Order
from integration.context import Context, make_context
from integration.db import scoped, unscoped
from integration.pipeline import start_import
from integration.settings import fresh_env, load
from integration.sources import FILES, add_shop, files_shop
from integration.tables import ImportRun, ShopifyStore, SyncState, Work
from integration.work.execute import run_until_idle
from integration.work.handlers import HANDLERS
from integration.work.queue import Job
from tests.conftest import add_account

#: The sample shop's today, and how many customers it has in most tests.
AS_OF, CUSTOMERS = date(2026, 11, 1), 150


class Installation:
    """An account at work, without a worker of its own."""

    def __init__(self, folder: Path, url: str, *more: str) -> None:
        env = folder / ".env"
        lines = [f"STIPT_DATA_DIR={folder}", f"STIPT_DATABASE_URL={url}", *more]
        env.write_text(fresh_env() + "".join(f"{line}\n" for line in lines))
        self.context: Context = make_context(load(env))
        self.engine = self.context.engine
        self.account_id = add_account(self.engine)

    def demo(self, *sources: str, customers: int = CUSTOMERS) -> None:
        """Ask for sources of the sample shop."""
        with scoped(self.engine, self.account_id) as session:
            for source in sources:
                config = {"source": source, "seed": 7, "customers": customers, "language": "en"}
                shop = add_shop(
                    session,
                    platform="demo",
                    external_id=source,
                    name=source,
                    config={**config, "as_of": AS_OF.isoformat()},
                    now=self.context.clock(),
                )
                start_import(session, self.context, shop, name=source, as_of=AS_OF)

    def shopify(self, domain: str, token: str) -> int:
        """Ask for a Shopify store, by a token that lasts; return its shop's number."""
        with scoped(self.engine, self.account_id) as session:
            now = self.context.clock()
            shop = add_shop(
                session, platform="shopify", external_id=domain, name=domain, config={}, now=now
            )
            session.add(
                ShopifyStore(
                    account_id=self.account_id,
                    shop_id=shop.id or 0,
                    store_id=domain,
                    domain=domain,
                    way="fixed",
                    access_token=self.context.vault.encrypt(token),
                    installed_at=now,
                )
            )
            start_import(session, self.context, shop, name=domain, as_of=AS_OF)
            return shop.id or 0

    def file(self, *paths: Path, source: str = FILES, **options: Any) -> int:
        """Ask for files; return the run's id."""
        with scoped(self.engine, self.account_id) as session:
            shop = files_shop(session, self.context.clock(), source)
            payload = {"paths": [str(path) for path in paths], "options": options}
            return start_import(
                session, self.context, shop, name="file", source=payload, as_of=AS_OF
            )

    def work(self, *, computes: bool = True) -> None:
        """Do everything that waits; nothing may be given up.

        Without computing, for who looks at what was read only.
        """
        read_only = {**HANDLERS, "refresh": _nothing}
        run_until_idle(self.context, handlers=HANDLERS if computes else read_only)
        with unscoped(self.engine) as session:
            dead = session.exec(select(Work.error).where(Work.status == "dead")).all()
        assert dead == []

    def run(self, run_id: int) -> ImportRun:
        """A reading as it stands."""
        with scoped(self.engine, self.account_id) as session:
            return session.get_one(ImportRun, run_id)

    def count(self, table: type[SQLModel]) -> int:
        """How many rows the account has."""
        with scoped(self.engine, self.account_id) as session:
            return len(session.exec(select(table)).all())

    def forget_cursors(self) -> None:
        """Have everything read from the start again."""
        with scoped(self.engine, self.account_id) as session:
            session.exec(delete(SyncState))


def _nothing(_context: Context, _job: Job) -> None:
    """Leave what was computed as it is."""


def demo_orders(source: str, customers: int) -> list[Order]:
    """Orders of the sample shop as records."""
    connector = DemoConnector(
        "web" if source == "web" else "card", customers=customers, as_of=AS_OF
    )
    return [
        order
        for page in connector.read("orders")
        for order in page.records
        if isinstance(order, Order)
    ]
