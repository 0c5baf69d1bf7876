"""Sends items: a row is "sent" before the call and settled after it; refusals teach the mirror.

An answer that something "already exists" turns the next try into a change, one that it is not
found into a creation. So nothing is doubled whatever the mirror knows: after a kill, a lost
answer, or a new installation.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from sqlmodel import Session, select

from integration.audience import pause
from integration.audience.told import Told
from integration.context import Context
from integration.db import scoped
from integration.mailchimp.batching import results_of
from integration.mailchimp.client import ROWS_A_CALL
from integration.mailchimp.ecommerce import Ecommerce, Write, is_there_already, lacks_product
from integration.mailchimp.errors import (
    ConsentGuard,
    Failed,
    MailchimpError,
    NotAuthorized,
    NotFound,
)
from integration.mailchimp.run import Job
from integration.shopdata import mirror
from integration.shopdata.items import UNKNOWN, Item, Known, differs, print_of, writes
from integration.tables import ShopStore

#: Up to so many calls go at once; more travel as a batch.
FEW = 10
#: Tries of an item within one job: creation, change, lines, and what Mailchimp itself failed.
_ROUNDS = 6

Result = tuple[Write, MailchimpError | None]


class StoreLost(MailchimpError):
    """Somebody deleted our store in Mailchimp."""


class SwitchedOff(Exception):
    """The merchant switched the store off meanwhile."""


class Sender:
    """One store on its way to Mailchimp."""

    def __init__(self, context: Context, job: Job, store: ShopStore, shop: Ecommerce) -> None:
        assert store.id is not None
        self.context, self.job, self.shop = context, job, shop
        self.store, self._audience = store.id, store.audience_id
        #: False: the store is off, and only what a broken run left behind is ended.
        self._was_on = store.is_on
        self.told = Told(context, job.account_id)
        self._counted = self._calls()
        self._began = context.clock()

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """Open a session whose commit also stores what was counted, if there were calls since.

        It is a step of the run, see `integration.audience.pause.step`.

        Raises
        ------
        SwitchedOff
            What was done is kept; a batch on its way was seen to its end.
        NoAudience, Paused
        """
        with pause.step(self.context, self.job, self._audience) as session:
            is_on = session.exec(select(ShopStore.is_on).where(ShopStore.id == self.store)).one()
            yield session
            if self._calls() != self._counted:
                self._count(session)
        if self._was_on and not is_on:
            raise SwitchedOff

    @contextmanager
    def closing(self) -> Iterator[Session]:
        """Open a session to note how it ended, whatever the merchant did meanwhile."""
        with scoped(self.context.engine, self.job.account_id) as session:
            yield session
            self._count(session)
            self.job.extend(session)

    def _calls(self) -> tuple[int, int]:
        """Return how many calls were made so far, and how many of them write."""
        return self.shop.mailchimp.requests, self.shop.mailchimp.writes

    def _count(self, session: Session) -> None:
        (requests, writing), now = self._calls(), self.context.clock()
        row = session.get_one(ShopStore, self.store)
        more = {
            "requests": requests - self._counted[0],
            "writes": writing - self._counted[1],
            "seconds": (now - self._began).total_seconds(),
        }
        row.outcome = {**row.outcome, **{k: row.outcome.get(k, 0) + v for k, v in more.items()}}
        self._counted, self._began = (requests, writing), now

    def push(self, items: Sequence[Item]) -> list[Item]:
        """Send what differs; return the items whose products Mailchimp does not have.

        Raises
        ------
        StoreLost, MailchimpError
        """
        lacking: list[Item] = []
        for kind in dict.fromkeys(item.kind for item in items):
            some = {item.key: item for item in items if item.kind == kind}
            with self.transaction() as session:
                known = mirror.known(session, self.store, kind, some.keys())
            todo = [one for key, one in some.items() if differs(one, known.get(key))]
            for chunk in _chunks(todo, known):
                lacking += self._settle_all(chunk)
        return lacking

    def _settle_all(self, items: Sequence[Item]) -> list[Item]:
        kind, lacking = items[0].kind, dict[str, Item]()
        for _ in range(_ROUNDS):
            with self.transaction() as session:
                mirror.mark_sent(session, self.store, items)
                known = mirror.known(session, self.store, kind, [i.key for i in items])
            calls = [(item, writes(item, known[item.key])) for item in items]
            results = self._send([(known[i.key], each) for i, each in calls])
            for item in items:
                if _learn(item, known[item.key], results[known[item.key].id]):
                    lacking[item.key] = item
            with self.transaction() as session:
                mirror.store(session, self.store, kind, {i.key: known[i.key] for i in items})
                self._keep_products(session, items, known, results)
            if any(isinstance(e, NotFound) for rows in results.values() for _, e in rows):
                self.check_store()
            left = [i for i in items if known[i.key].status == "sent" and i.key not in lacking]
            if not left:
                return list(lacking.values())
            items = left
        raise Failed("Mailchimp failed some writes of the shop again and again")

    def _keep_products(
        self,
        session: Session,
        items: Sequence[Item],
        known: dict[str, Known],
        results: dict[int, list[Result]],
    ) -> None:
        """A new product came with its variants; one whose variant is not found is gone."""
        for item in items:
            for write, error in results[known[item.key].id]:
                if (write.method, write.kind, error) == ("POST", "product", None):
                    rows = {
                        f"{item.key}/{v['id']}": Known(there=print_of("variant", v))
                        for v in (write.body or {})["variants"]
                    }
                    mirror.store(session, self.store, "variant", rows)
                elif write.kind == "variant" and isinstance(error, NotFound):
                    mirror.forget(session, self.store, "product", [item.key.partition("/")[0]])

    def check_store(self) -> None:
        """See whether our store is still there.

        Raises
        ------
        StoreLost
        """
        if self.shop.store() is None:
            raise StoreLost("the store was deleted in Mailchimp")

    def fail(self, items: Iterable[Item], error: str) -> None:
        """Give items up, with the reason."""
        for item in items:
            with self.transaction() as session:
                known = mirror.known(session, self.store, item.kind, [item.key])
                row = known[item.key]
                row.status, row.error = "failed", error
                mirror.store(session, self.store, item.kind, known)

    # -- the calls ---------------------------------------------------------------------------------

    def _send(self, calls: Sequence[tuple[Known, list[Write]]]) -> dict[int, list[Result]]:
        """Make calls, at once or as a batch; return how each ended, by row."""
        total = sum(len(each) for _, each in calls)
        return self._directly(calls) if total <= FEW else self._in_a_batch(calls)

    def _directly(self, calls: Sequence[tuple[Known, list[Write]]]) -> dict[int, list[Result]]:
        return {row.id: [(write, self._try(write)) for write in each] for row, each in calls}

    def _try(self, write: Write) -> MailchimpError | None:
        """Make a call; return how Mailchimp refused it."""
        try:
            self.shop.send(write)
        except MailchimpError as error:
            if error.retryable or isinstance(error, NotAuthorized | ConsentGuard):
                raise
            return error
        return None

    def _in_a_batch(self, calls: Sequence[tuple[Known, list[Write]]]) -> dict[int, list[Result]]:
        sent = {f"{row.id}.{n}": (row.id, w) for row, each in calls for n, w in enumerate(each)}
        operations = [self.shop.operation(w, name) for name, (_, w) in sent.items()]
        batch = self.shop.mailchimp.start_batch(operations)
        poll_s = self.context.settings.batch_poll_s
        answers = results_of(self.shop.mailchimp, batch.id, poll_s, self.beat, self.told)
        results: dict[int, list[Result]] = {row.id: [] for row, _ in calls}
        heard = {answer.operation_id: answer.error for answer in answers}
        for name, (row_id, write) in sent.items():
            error = heard.get(name, Failed("Mailchimp lost an operation"))
            if isinstance(error, NotAuthorized):
                raise error
            results[row_id].append((write, error))
        return results

    def beat(self) -> None:
        """See whether the merchant is still there, and keep the lease, while a batch runs."""
        with pause.step(self.context, self.job, self._audience):
            pass


def _chunks(items: Sequence[Item], known: dict[str, Known]) -> Iterator[list[Item]]:
    """Yield parts of no more calls than a batch takes."""
    part: list[Item] = []
    size = 0
    for item in items:
        calls = len(writes(item, known.get(item.key) or Known()))
        if part and size + calls > ROWS_A_CALL:
            yield part
            part, size = [], 0
        part.append(item)
        size += calls
    if part:
        yield part


def _learn(item: Item, row: Known, results: Sequence[Result]) -> bool:
    """Note in `row` what the answers say; True when products are missing.

    The row stays "sent" when something is left to do.
    """
    lacks = False
    refused: MailchimpError | None = None
    for write, error in results:
        if error is None:
            _done(item, row, write)
        elif is_there_already(error):
            _is_there(row, write)
        elif isinstance(error, NotFound):
            _is_not_there(item, row, write)
        elif lacks_product(error):
            lacks = True
        elif not error.retryable:
            refused = error
    if refused is not None:
        row.status, row.error = "failed", str(refused)
    elif (row.there, row.lines) == (item.print, item.lines):
        row.status = "done"
    elif item.only_if_there and not row.there:
        row.status, row.lines = "done", {}
    return lacks


def _done(item: Item, row: Known, write: Write) -> None:
    if write.kind == "line":
        line_id = write.ids[1] if len(write.ids) > 1 else (write.body or {})["id"]
        if write.method == "DELETE":
            row.lines.pop(line_id, None)
        else:
            row.lines[line_id] = item.lines[line_id]
        return
    if write.method == "DELETE":
        row.there, row.lines = "", {}
        return
    row.there = item.print
    if write.method == "POST":
        row.lines = dict(item.lines)


def _is_there(row: Known, write: Write) -> None:
    if write.kind == "line":
        row.lines[(write.body or {})["id"]] = UNKNOWN
    else:
        row.there, row.lines = UNKNOWN, {}


def _is_not_there(item: Item, row: Known, write: Write) -> None:
    if write.kind == "line" and write.method != "POST":
        row.lines.pop(write.ids[1], None)
    elif item.kind == "variant":
        # Its product is gone: the next run makes it anew with all its variants.
        row.there, row.status, row.sent = "", "failed", ""
        row.error = "the product was deleted in Mailchimp"
    else:
        row.there, row.lines = "", {}
