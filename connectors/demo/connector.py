"""The sample shop as a connector: a web shop and a loyalty card that know the same people.

The world behind it is generated from a seed; nothing of how it was generated is told here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from functools import cached_property
from typing import Literal, TypeAlias

from connectors.base import Capabilities, Change, InstallShape, Page, Stream
from connectors.demo import contacts, customers, records
from connectors.demo.view import CURRENCY, Rows, View, view
from connectors.demo.world import AS_OF, CUSTOMERS, SEED, TIME_ZONE, world
from connectors.errors import NotGenuine, NotReadable
from connectors.records import Cursor, Order, Record

#: Records a page.
PAGE = 2_000

Source: TypeAlias = Literal["web", "card"]
Language: TypeAlias = Literal["en", "nl"]

#: In the order of reading; a till has no carts and no e-mails, and its returns are receipts.
_STREAMS: Mapping[str, Mapping[str, Callable[[View], Rows]]] = {
    "web": {
        "customers": customers.customers,
        "products": records.products,
        "orders": records.orders,
        "refunds": records.refunds,
        "carts": contacts.carts,
        "consent": contacts.consent,
        "touchpoints": contacts.touchpoints,
    },
    "card": {
        "customers": customers.customers,
        "products": records.products,
        "orders": records.orders,
        "consent": contacts.consent,
    },
}
_NAMES = {
    ("web", "en"): "Sample shop",
    ("web", "nl"): "Voorbeeldwinkel",
    ("card", "en"): "Sample shop, loyalty card",
    ("card", "nl"): "Voorbeeldwinkel, klantenkaart",
}


class DemoConnector:
    """A generated clothing shop, the same one for the same arguments.

    Parameters
    ----------
    source : {"web", "card"}
        The web shop, or the till with its loyalty card. Both sell to the same people.
    seed : int, default=7
    customers : int, default=20_000
        People over both sources; some 60 business accounts for 20,000 come on top.
    as_of : date, default=2026-11-01
        The six years of history end on the evening before.
    language : {"en", "nl"}, default="en"
        Of product titles and types; nothing else differs.
    """

    platform = "demo"
    install = InstallShape.BUILT_IN

    def __init__(
        self,
        source: Source,
        *,
        seed: int = SEED,
        customers: int = CUSTOMERS,
        as_of: date = AS_OF,
        language: Language = "en",
    ) -> None:
        self.source = source
        self.seed = seed
        self.customers = customers
        self.as_of = as_of
        self.language = language

    @property
    def streams(self) -> Sequence[Stream]:
        """What can be read, in the order it should be read."""
        return [Stream(name=name) for name in _STREAMS[self.source]]

    def check(self) -> Capabilities:
        """Who the shop is; a generated shop always works."""
        return Capabilities(
            shop_id=f"demo-{self.source}-{self.seed}",
            name=_NAMES[self.source, self.language],
            currency=CURRENCY,
            time_zone=TIME_ZONE,
            problems={stream.name: None for stream in self.streams},
        )

    def prepare(self, cursors: Mapping[str, Cursor | None]) -> Mapping[str, Cursor]:  # noqa: ARG002
        """Return nothing: everything is there."""
        return {}

    def read(self, stream: str, cursor: Cursor | None = None) -> Iterator[Page]:
        """Yield every page after `cursor`, at least one.

        Raises
        ------
        NotReadable
            For a stream this source does not have.
        """
        rows = self._rows(stream)
        total = len(rows.ids)
        pages = max(1, -(-total // PAGE))
        done = int(cursor["page"]) if cursor else 0
        # After the last page there is nothing new, which is an answer too.
        for page in range(min(done, pages), max(pages, done + 1)):
            found = rows.render(page * PAGE, min((page + 1) * PAGE, total)) if page < pages else []
            yield Page(
                records=found,
                cursor_after={"page": min(page + 1, pages)},
                complete=page + 1 >= pages,
                progress=min((page + 1) / pages, 1.0),
                counters=_counters(found),
            )

    def fetch(self, stream: str, key: str) -> Sequence[Record]:
        """Return one record by its id; nothing when there is none."""
        place = self._places(stream).get(key)
        return [] if place is None else self._rows(stream).render(place, place + 1)

    def keys(self, stream: str) -> Iterator[str]:
        """Yield every id of a stream in reading order."""
        return iter(self._rows(stream).ids)

    def parse_hook(
        self,
        headers: Mapping[str, str],  # noqa: ARG002 - the contract's argument, nothing to check
        raw_body: bytes,  # noqa: ARG002 - likewise
    ) -> Sequence[Change]:
        """Refuse: a generated shop sends no webhooks, so whatever arrives is not from it."""
        raise NotGenuine("The sample shop sends no webhooks.")

    @cached_property
    def _view(self) -> View:
        made = world(seed=self.seed, customers=self.customers, as_of=self.as_of)
        return view(made, self.source, self.language)

    @cached_property
    def _read(self) -> dict[str, Rows]:
        return {}

    @cached_property
    def _found(self) -> dict[str, dict[str, int]]:
        return {}

    def _rows(self, stream: str) -> Rows:
        if stream not in _STREAMS[self.source]:
            raise NotReadable(f"The sample shop has no {stream!r} in its {self.source} source.")
        if stream not in self._read:
            self._read[stream] = _STREAMS[self.source][stream](self._view)
        return self._read[stream]

    def _places(self, stream: str) -> dict[str, int]:
        if stream not in self._found:
            self._found[stream] = {key: i for i, key in enumerate(self._rows(stream).ids)}
        return self._found[stream]


def _counters(found: Sequence[Record]) -> dict[str, int]:
    placed = [record for record in found if isinstance(record, Order)]
    if not placed:
        return {}
    return {
        "lines": sum(len(order.lines) for order in placed),
        "guest lines": sum(len(order.lines) for order in placed if order.customer_id is None),
    }
