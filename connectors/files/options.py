"""What a merchant may tell us about a file, and what is remembered for the next one."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from typing import Any, Literal, TypeAlias

Kind: TypeAlias = Literal["customers", "products", "orders", "transactions", "consent"]
DateOrder: TypeAlias = Literal["dmy", "mdy", "ymd"]
DecimalSign: TypeAlias = Literal[",", "."]


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """Answers given beforehand; None means: find out, and ask where two readings are possible."""

    #: IANA name: moments without an offset are local times of the shop.
    time_zone: str = "Europe/Amsterdam"
    #: ISO 4217, for rows that name no currency themselves.
    currency: str = "EUR"
    #: Order of day, month and year where a column does not prove it.
    date_order: DateOrder | None = None
    #: Decimal sign where a column does not prove it.
    decimal: DecimalSign | None = None
    delimiter: str | None = None
    encoding: str | None = None
    kind: Kind | None = None
    #: Column as written in the file to one of our fields; "" leaves a column out.
    columns: Mapping[str, str] = field(default_factory=dict)
    #: The last day an order can be of; a later one is rejected. None: not checked.
    not_after: date | None = None
    #: Language of the texts about the file: "en" or "nl".
    language: str = "en"

    def digest(self) -> str:
        """What of the options changes the records; the language and the day of reading do not."""
        told = asdict(self) | {"language": "", "columns": sorted(self.columns.items())}
        del told["not_after"]
        return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True, kw_only=True, slots=True)
class LayoutMapping:
    """How one header row is read: fields, and the answers its columns proved or were given."""

    kind: str
    #: Column as written in the file to our field.
    columns: Mapping[str, str] = field(default_factory=dict)
    date_orders: Mapping[str, str] = field(default_factory=dict)
    decimals: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SavedMapping:
    """Mappings by layout: a next file with the same header row needs no answers.

    >>> saved = SavedMapping({"ab12": LayoutMapping(kind="orders", columns={"Bon": "order_id"})})
    >>> SavedMapping.from_json(saved.to_json()) == saved
    True
    """

    layouts: Mapping[str, LayoutMapping] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """As plain lists, dicts and text."""
        return {fingerprint: asdict(layout) for fingerprint, layout in self.layouts.items()}

    @classmethod
    def from_json(cls, saved: Mapping[str, Any]) -> SavedMapping:
        """The opposite of `to_json`."""
        return cls({fingerprint: LayoutMapping(**layout) for fingerprint, layout in saved.items()})


def fingerprint(header: Sequence[str]) -> str:
    """Names a layout by its header row, whatever the case and the spaces around the words."""
    words = "\x1f".join(cell.strip().lower() for cell in header)
    return hashlib.sha256(words.encode()).hexdigest()[:16]
