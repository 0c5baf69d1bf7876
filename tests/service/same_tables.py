"""The sample shop's tables, and those of the same shop read in another way, row by row.

What differs is told by a `Way`, each exception with its reason; one that is not needed any more
fails.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from sqlmodel import Session, SQLModel, select

from integration.db import scoped
from integration.tables import Consent, Order, Product, Refund, SourceProfile
from tests.service.installation import Installation

#: Numbers of our own rows, and what is computed of a record or noted when it came.
OURS = frozenset(
    ("id", "account_id", "shop_id", "audience_id", "person_id", "content_hash", "received_at")
)
#: Our number of another row -> the table whose id at the source stands for it.
OWNERS: Mapping[str, type[Any]] = {
    "profile_id": SourceProfile,
    "product_id": Product,
    "order_id": Order,
    "refund_id": Refund,
}
#: What rows are known by, where it is not their ids.
KEYS: Mapping[type[SQLModel], tuple[str, ...]] = {Consent: ("profile_id", "channel")}

Row: TypeAlias = dict[str, Any]
Rows: TypeAlias = list[Row]
#: The sample shop's row to the value that the other way can know; None: it is not compared.
Told: TypeAlias = Callable[[Row], Any] | None


@dataclass(frozen=True)
class Way:
    """Another way to read the sample shop, and what it cannot know."""

    #: Table and column -> why it differs, and what stands there.
    columns: Mapping[tuple[type[SQLModel], str], tuple[str, Told]]
    #: Table -> why it has other rows, and the sample shop's as both can know them.
    rows: Mapping[type[SQLModel], tuple[str, Callable[[Rows], Rows]]]
    #: A row of the sample shop with the ids that the other way has in their place.
    renumbered: Callable[[type[SQLModel], Row], Row]

    def expected(self, table: type[SQLModel], demo: Rows) -> Rows:
        """The sample shop's rows as the other way can know them."""
        return [self._told(table, row) for row in self._known(table, demo)]

    def _known(self, table: type[SQLModel], demo: Rows) -> Rows:
        return self.rows[table][1](demo) if table in self.rows else demo

    def _told(self, table: type[SQLModel], row: Row) -> Row:
        found = self.renumbered(table, row)
        for (of, name), (_reason, told) in self.columns.items():
            if of is table and told is not None:
                found[name] = told(row)
        return found

    def check(self, table: type[SQLModel], demo: Rows, others: Rows) -> None:
        """Assert that a table is the same by both ways."""
        expected, found = by_key(table, self.expected(table, demo)), by_key(table, others)
        assert expected
        assert sorted(found.keys() - expected.keys()) == []
        assert sorted(expected.keys() - found.keys()) == []
        columns = self.columns.items()
        left = {name for (of, name), (_, told) in columns if of is table and told is None}
        differ = [
            (key, name, value, found[key][name])
            for key, row in expected.items()
            for name, value in row.items()
            if name not in left and value != found[key][name]
        ]
        assert not differ, differ[:10]

    def is_needed(self, table: type[SQLModel], name: str, demo: Rows, others: Rows) -> bool:
        """Whether a column would differ without its exception."""
        known = [self.renumbered(table, row) for row in self._known(table, demo)]
        told = self.expected(table, demo)
        found = by_key(table, others)
        # Known by what is told, as the exception may be about an id.
        pairs = zip(known, by_key(table, told), strict=True)
        return any(row[name] != found[key][name] for row, key in pairs)


def rows(installation: Installation, table: type[SQLModel]) -> Rows:
    """Every row of a table without what is ours; others' rows by their ids at the source."""
    with scoped(installation.engine, installation.account_id) as session:
        named = {name: _names(session, owner) for name, owner in OWNERS.items()}
        return [
            {
                name: named[name].get(value) if name in named else value
                for name, value in row.model_dump().items()
                if name not in OURS
            }
            for row in session.exec(select(table))
        ]


def _names(session: Session, table: type[Any]) -> dict[int, str]:
    return dict(session.exec(select(table.id, table.external_id)).all())


def by_key(table: type[SQLModel], found: Rows) -> dict[tuple[Any, ...], Row]:
    """Rows by what they are known by."""
    names = KEYS.get(
        table, ("product_id", "order_id", "refund_id", "line_external_id", "external_id")
    )
    keyed = {tuple(row[name] for name in names if name in row): row for row in found}
    assert len(keyed) == len(found)
    return keyed


def last_said(found: Rows) -> Rows:
    """Of each customer and way the statement made last: what a state alone can tell."""
    latest: dict[tuple[str, str], Row] = {}
    for row in sorted(found, key=lambda row: row["at"]):
        latest[row["profile_id"], row["channel"]] = row
    return list(latest.values())
