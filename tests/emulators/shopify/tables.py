"""A shop's records as GraphQL-shaped dicts, found by gid and read in the order of a field."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias

#: One record: field name to value, connections as plain lists, other records as `{"id": gid}`.
Row: TypeAlias = dict[str, Any]

#: Records in an order: value sorted by, number, global id.
Places: TypeAlias = list[tuple[Any, int, str]]

#: From so many rows on an order once made is kept until a row changes.
_WORTH_KEEPING = 2_000
#: Fields by which records are sorted and searched.
_SEARCHED = ("createdAt", "updatedAt", "processedAt", "status", "checkoutToken", "cartToken")
#: Fields that hold records with ids of their own which can be asked for.
_PARTS = ("variants", "refunds")


def gid(kind: str, number: object) -> str:
    """Return a global id.

    Examples
    --------
    >>> gid("Order", 1)
    'gid://shopify/Order/1'
    """
    return f"gid://shopify/{kind}/{number}"


def kind_of(global_id: str) -> str:
    """Return the type that a global id names."""
    return global_id.split("/")[-2]


def number_of(global_id: str) -> int:
    """Return the number in a global id."""
    return int(global_id.rpartition("/")[2].partition("?")[0])


class Table:
    """The records of one type.

    A row is a dict, or what makes one: a shop of 200,000 orders is rendered as it is read. Rows of
    a frozen table are bytes until somebody looks at them.
    """

    def __init__(self) -> None:
        self._rows: dict[str, Row | Callable[[], Row] | bytes] = {}
        #: Of rows that are made when read: the fields that are sorted and searched by.
        self._known: dict[str, Mapping[str, Any]] = {}
        self._orders: dict[str, Places] = {}
        #: Variant or refund to the record that it is a part of.
        self._owners: dict[str, str] = {}
        #: How often a record was put or removed.
        self.changes = 0

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[str]:
        return iter(list(self._rows))

    def __contains__(self, global_id: str) -> bool:
        return global_id in self._rows

    def __getitem__(self, global_id: str) -> Row:
        row = self._rows[global_id]
        if isinstance(row, bytes):
            thawed: Row = pickle.loads(row)
            self._rows[global_id] = thawed
            self._known.pop(global_id, None)
            return thawed
        return row() if callable(row) else row

    def frozen(self) -> Table:
        """Return a copy whose rows are made again when they are looked at."""
        copy = Table()
        for key in self:
            row = self[key]
            copy._rows[key] = pickle.dumps(row)
            copy._known[key] = {name: row[name] for name in _SEARCHED if name in row}
        copy._owners = dict(self._owners)
        return copy

    def copied(self) -> Table:
        """Return a copy of a frozen table, to be changed."""
        copy = Table()
        copy._rows, copy._known = dict(self._rows), dict(self._known)
        copy._owners = dict(self._owners)
        return copy

    def get(self, global_id: str) -> Row | None:
        """Return one record; None when there is none."""
        return self[global_id] if global_id in self._rows else None

    def values(self) -> Iterator[Row]:
        """Yield every record."""
        return (self[key] for key in self)

    def put(self, row: Row) -> None:
        """Keep a record in the place of its former version."""
        self._rows[row["id"]] = row
        self._known.pop(row["id"], None)
        self._owns(row)
        self._touch()

    def put_lazily(self, row: Row, make: Callable[[], Row]) -> None:
        """Keep what makes a record, and of the record itself what it is searched by."""
        self._rows[row["id"]] = make
        self._known[row["id"]] = {name: row[name] for name in _SEARCHED if name in row}
        self._owns(row)
        self._touch()

    def _touch(self) -> None:
        self._orders.clear()
        self.changes += 1

    def _owns(self, row: Row) -> None:
        for field in _PARTS:
            for part in row.get(field, ()):
                self._owners[part["id"]] = row["id"]

    def part(self, global_id: str) -> tuple[Row, Row] | None:
        """Return a variant or refund with the record that it is a part of."""
        owner = self.get(self._owners.get(global_id, ""))
        for field in _PARTS if owner is not None else ():
            for part in (owner or {}).get(field, ()):
                if part["id"] == global_id:
                    return owner or {}, part
        return None

    def remove(self, global_id: str) -> Row:
        """Take a record away and return it."""
        row = self[global_id]
        del self._rows[global_id]
        self._known.pop(global_id, None)
        self._touch()
        return row

    def field(self, global_id: str, name: str) -> Any:
        """Return one field of a record."""
        if name == "id":
            return number_of(global_id)
        known = self._known.get(global_id)
        return known[name] if known is not None else self[global_id][name]

    def ordered(self, name: str) -> Places:
        """Return every record's place in the order of a field; None sorts first."""
        return self.kept(name, lambda: self._sorted(name))

    def kept(self, key: str, make: Callable[[], Places]) -> Places:
        """Return what was chosen before under a key, while no record changed; else make it."""
        if key not in self._orders:
            if len(self._rows) < _WORTH_KEEPING:
                return make()
            self._orders[key] = make()
        return self._orders[key]

    def _sorted(self, name: str) -> Places:
        return sorted((self.field(key, name) or "", number_of(key), key) for key in self._rows)
