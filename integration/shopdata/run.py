"""Bringing a store in step with its source, in an order in which nothing is missing when named.

Products before orders, customers before orders, a person's old carts away before his orders come,
new carts last; each in batches of its own, as Mailchimp carries a batch out in any order. While a
store is filled, and later while old orders come, Mailchimp is told to start no automation. Safe to
kill and start again anywhere.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any, Protocol

from sqlmodel import Session, col, func, select

from integration.audience.connect import current_audience, open_mailchimp
from integration.audience.members import read_members
from integration.context import Context
from integration.db import scoped
from integration.mailchimp.ecommerce import Ecommerce
from integration.mailchimp.errors import MailchimpError, NoAudience, StillRunning
from integration.mailchimp.run import Job
from integration.shopdata import documents, mend, mirror, wanted
from integration.shopdata.adopt import adopt
from integration.shopdata.buyers import Buyers, buyers
from integration.shopdata.items import Item, differs, gone, item
from integration.shopdata.sender import Sender, StoreLost, SwitchedOff
from integration.tables import Account, Audience, Order, Shop, ShopStore

#: An order older than this is history: its arrival must start nothing.
_HISTORY = timedelta(days=3)
#: More changes of old orders than this at once are a late import, not a day's refunds.
_MANY = 20
#: States of a store that was made in Mailchimp, and is there unless somebody deleted it.
_MADE = ("filling", "filled")
_WAIT_S, _WAIT_MOST_S = 5.0, 1800.0
_NO_PRODUCT = "Mailchimp does not take a product of this"


class StoreJob(Job, Protocol):
    """A job that may name the "store" to look at more closely."""

    @property
    def payload(self) -> Mapping[str, Any]: ...


def shop_data(context: Context, job: StoreJob) -> None:
    """Send what differs for every source that is switched on.

    A store that the nightly check found out of step, the job's "store", is looked at first. Of one
    that was switched off only the quiet is ended that a broken run left behind.

    Raises
    ------
    MailchimpError
    """
    audience = current_audience(context, job.account_id)
    with scoped(context.engine, job.account_id) as session:
        query = select(ShopStore).where(
            ShopStore.audience_id == audience.id,
            col(ShopStore.is_on) | col(ShopStore.is_quiet),
            ShopStore.status != "lost",
        )
        found = session.exec(query.order_by(col(ShopStore.id))).all()
    for store in found:
        _fill(context, job, audience, store)


def _fill(context: Context, job: StoreJob, audience: Audience, store: ShopStore) -> None:
    shop = Ecommerce(open_mailchimp(context, audience), store.store_id)
    is_unsure = job.payload.get("store") == store.id
    run = Filling(Sender(context, job, store, shop), audience, store, is_unsure=is_unsure)
    try:
        if store.is_on:
            run.fill()
        else:
            run.end_quiet()
    except SwitchedOff:
        return  # the work that was written down with it lets automations start again
    except StoreLost:
        # Never made again silently: it may have been deleted for a reason.
        with run.sender.closing() as session:
            mirror.forget(session, run.sender.store)
            _change(session, store, status="lost", filled_at=None, is_quiet=False)
    except NoAudience:
        raise
    except MailchimpError as error:
        with run.sender.closing() as session:
            _change(session, store, error=str(error))
        raise


def _change(session: Session, store: ShopStore, **values: Any) -> None:
    row = session.get_one(ShopStore, store.id)
    for name, value in values.items():
        setattr(row, name, value)
        setattr(store, name, value)


class Filling:
    """One run over one store."""

    def __init__(
        self, sender: Sender, audience: Audience, store: ShopStore, *, is_unsure: bool = False
    ) -> None:
        self.sender, self.audience, self.store = sender, audience, store
        self._context, self._shop = sender.context, sender.shop
        #: Whether what is there is not what the mirror says.
        self._is_unsure = is_unsure
        #: Products and variants that are there: grows while we send.
        self._there: set[str] = set()
        #: Whether Mailchimp is known to start nothing: this run said so itself, the row may be an
        #: earlier run's that was killed before it came to say it.
        self._is_surely_quiet = False

    def fill(self) -> None:
        """Go through all steps; what is in step costs no writing call."""
        with self.sender.transaction() as session:
            outcome = {"returns": wanted.returns(session, self.store)}
            _change(session, self.store, outcome=outcome, error="")
        self._wait_for_batches()
        # First: an audience that was deleted takes its stores along, and is another matter.
        read_members(self._context, self.audience, lease=self.sender.job)
        self._open_store()
        if self._is_unsure:
            mend.see(self.sender)
        with self.sender.transaction() as session:
            known = mirror.known(session, self.sender.store, "customer")
            who = buyers(session, self.store, known)
        if self.store.filled_at is None:
            self._be_quiet(True)
        self._report(0.1)
        self._products()
        self._report(0.4)
        self.sender.push(who.items)
        who = self._written(who)
        self._report(0.5)
        self._close_carts(who)
        self._report(0.55)
        self._orders(who)
        self._report(0.95)
        self._open_carts(who)
        mend.remove_unknown(self.sender)
        self._be_quiet(False)
        with self.sender.transaction() as session:
            now = self._context.clock()
            _change(session, self.store, status="filled", filled_at=self.store.filled_at or now)

    def end_quiet(self) -> None:
        """Let Mailchimp's automations start again; nothing else is sent."""
        self._wait_for_batches()
        if self._shop.store() is not None:
            self._be_quiet(False)
        elif self.store.status in _MADE:
            raise StoreLost("the store was deleted in Mailchimp")
        else:
            self._note_quiet(False)

    def _report(self, progress: float) -> None:
        self.sender.job.report(progress)

    # -- the store ---------------------------------------------------------------------------------

    def _wait_for_batches(self) -> None:
        """After a kill a batch may be under way: nothing of now may be overtaken by it."""
        with self.sender.transaction() as session:
            if not mirror.is_unsure(session, self.sender.store):
                return
        mailchimp, waited_s = self._shop.mailchimp, 0.0
        wait_s = min(_WAIT_S, self._context.settings.batch_poll_s)
        while any(
            row["status"] != "finished"
            for row in mailchimp.pages(mailchimp.official.batches.list, "batches", None)
        ):
            if waited_s > _WAIT_MOST_S:
                raise StillRunning("an earlier batch is not finished", retry_after_s=_WAIT_S)
            self.sender.beat()
            time.sleep(wait_s)
            waited_s += wait_s

    def _open_store(self) -> None:
        """Find our store, make it, or learn that somebody deleted it."""
        found = self._shop.store()
        if self.store.status in _MADE:
            if found is None:
                raise StoreLost("the store was deleted in Mailchimp")
            return
        with self.sender.transaction() as session:
            mirror.forget(session, self.sender.store)
            shop = session.get_one(Shop, self.store.shop_id)
            currency = session.get_one(Account, self.audience.account_id).currency
        if found is None:
            # Before it: a store is born quiet, and a kill may come before its answer.
            self._note_quiet(True)
            self._shop.create(name=shop.name, currency=currency, platform=shop.platform)
        else:
            adopt(self.sender)
        with self.sender.transaction() as session:
            self._is_surely_quiet = found is None or found.is_syncing
            _change(session, self.store, status="filling", is_quiet=self._is_surely_quiet)

    def _be_quiet(self, quiet: bool) -> None:
        """Tell Mailchimp to start no automation, or to start them again.

        The row says "quiet" from before the call that begins it until after the one that ends it:
        killed anywhere, no store stays quiet that the next run does not know of.
        """
        if quiet and not self._is_surely_quiet:
            self._note_quiet(True)
            self._shop.set_syncing(True)
        elif not quiet and self.store.is_quiet:
            self._shop.set_syncing(False)
            self._note_quiet(False)
        self._is_surely_quiet = quiet

    def _note_quiet(self, quiet: bool) -> None:
        with self.sender.transaction() as session:
            _change(session, self.store, is_quiet=quiet)

    def _be_quiet_about(self, sales: Sequence[wanted.Sale]) -> None:
        """Tell Mailchimp when old orders are new to the store, or many of them changed."""
        if self._is_surely_quiet:
            return
        old = [sale.item for sale in sales]
        with self.sender.transaction() as session:
            known = mirror.known(session, self.sender.store, "order", [one.key for one in old])
        news = [one for one in old if differs(one, known.get(one.key))]
        new = [one for one in news if one.key not in known or not known[one.key].there]
        if new or len(news) > _MANY:
            self._be_quiet(True)

    # -- products ----------------------------------------------------------------------------------

    def _products(self, only: set[str] | None = None) -> None:
        """Send the catalogue, and take out of sight what it lost."""
        wished: set[str] = set()
        for window in wanted.windows(self._catalogue):
            wished |= {one.key for one in window if one.kind == "variant"}
            some = [i for i in window if only is None or i.key.partition("/")[0] in only]
            # In this order: a new product brings its variants along.
            for kind in ("product", "variant"):
                self.sender.push([one for one in some if one.kind == kind])
        with self.sender.transaction() as session:
            held = mirror.known(session, self.sender.store, "variant")
        lost = sorted(held.keys() - wished) if only is None else []
        self.sender.push([wanted.not_offered(key) for key in lost if held[key].there])
        self._see_products()

    def _catalogue(self, after: int) -> tuple[list[Item], int]:
        with self.sender.transaction() as session:
            return wanted.catalogue(session, self.store, after)

    def _see_products(self) -> None:
        with self.sender.transaction() as session:
            self._there = {
                key
                for kind in ("product", "variant")
                for key, row in mirror.known(session, self.sender.store, kind).items()
                if row.there
            }

    def _stand_in(self, sales: Iterable[wanted.Sale]) -> None:
        """Make the products and variants that lines name and nobody has."""
        products: dict[str, Item] = {}
        variants: dict[str, Item] = {}
        for line in (line for sale in sales for line in sale.lines):
            product, variant = documents.product_key(line)
            key = f"{product}/{variant}"
            if product not in self._there:
                products.setdefault(product, item("product", product, documents.stub(line)))
            if key not in self._there:
                variants.setdefault(key, item("variant", key, documents.stub_variant(line)))
        if variants:
            self.sender.push(list(products.values()))
            self.sender.push(list(variants.values()))
            self._there |= products.keys() | variants.keys()

    # -- people, orders and carts ------------------------------------------------------------------

    def _written(self, who: Buyers) -> Buyers:
        """Leave out whom Mailchimp refused: an order of theirs would be refused too."""
        with self.sender.transaction() as session:
            known = mirror.known(session, self.sender.store, "customer")
        there = {key for key, row in known.items() if row.there}
        kept = {p: key for p, key in who.of_profile.items() if key in there}
        return Buyers(of_profile=kept, person_of=who.person_of)

    def _orders(self, who: Buyers) -> None:
        def read(after: int) -> tuple[list[wanted.Sale], int]:
            with self.sender.transaction() as session:
                return wanted.orders(session, self.store, who, after)

        with self.sender.transaction() as session:
            count = select(func.count()).select_from(Order)
            total = session.exec(count.where(Order.shop_id == self.store.shop_id)).one()
        fresh: list[wanted.Sale] = []
        for number, window in enumerate(wanted.windows(read), start=1):
            old, news = self._parted(window)
            fresh += news
            self._be_quiet_about(old)
            self._push_sales(old)
            self._note(old)
            self._report(0.55 + 0.4 * min(1.0, number * wanted.WINDOW / max(1, total)))
        if self.store.filled_at is not None:
            self._be_quiet(False)
        self._push_sales(fresh)
        self._note(fresh)

    def _parted(
        self, sales: Sequence[wanted.Sale]
    ) -> tuple[Sequence[wanted.Sale], list[wanted.Sale]]:
        """Part what is history from what may start an automation, which comes after it.

        While a store is filled for the first time everything is history.
        """
        if self.store.filled_at is None:
            return sales, []
        before = self._context.clock() - _HISTORY
        old = [sale for sale in sales if sale.placed_at < before]
        return old, [sale for sale in sales if sale.placed_at >= before]

    def _note(self, sales: Iterable[wanted.Sale]) -> None:
        """Keep what the page must explain about orders."""
        notes = {sale.item.key: sale.note for sale in sales}
        with self.sender.transaction() as session:
            mirror.note(session, self.sender.store, "order", notes)

    def _push_sales(self, sales: Sequence[wanted.Sale]) -> None:
        """Send orders or carts with the products they name."""
        self._stand_in(sale for sale in sales if not sale.item.only_if_there)
        lacking = self.sender.push([sale.item for sale in sales])
        if not lacking:
            return
        # Somebody deleted products in Mailchimp: make them once more, and try once more.
        keys = {one.key for one in lacking}
        again = [sale for sale in sales if sale.item.key in keys]
        self._forget_products(again)
        self._stand_in(again)
        self.sender.fail(self.sender.push(lacking), _NO_PRODUCT)

    def _forget_products(self, sales: Iterable[wanted.Sale]) -> None:
        keys = {documents.product_key(line) for sale in sales for line in sale.lines}
        products = {product for product, _ in keys}
        with self.sender.transaction() as session:
            mirror.forget(session, self.sender.store, "product", products)
            mirror.forget_variants(session, self.sender.store, products)
        self._products(only=products)

    def _close_carts(self, who: Buyers) -> None:
        """Take carts away before orders come: a reminder after a purchase annoys."""
        with self.sender.transaction() as session:
            held = mirror.known(session, self.sender.store, "cart")
            open_ = {sale.item.key for sale in self._carts(session, who)}
        self.sender.push([gone("cart", key) for key in sorted(held.keys() - open_)])

    def _open_carts(self, who: Buyers) -> None:
        with self.sender.transaction() as session:
            sales = self._carts(session, who)
        self._push_sales(sales)

    def _carts(self, session: Session, who: Buyers) -> list[wanted.Sale]:
        return wanted.carts(session, self.store, who, self._context.clock())
