"""Reading a store of ours that is there already: after a re-installation nothing is sent twice."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

from integration.shopdata import mirror
from integration.shopdata.items import Known, print_of
from integration.shopdata.prints import line_prints
from integration.shopdata.sender import Sender

#: Rows a transaction.
_ROWS = 1000


def adopt(sender: Sender) -> int:
    """Fill the mirror from what our store holds, and return how many rows that are.

    Raises
    ------
    MailchimpError
    """
    count = 0
    for kind in ("product", "customer", "order", "cart"):
        for some in _parts(sender.shop.rows(kind)):
            with sender.transaction() as session:
                rows = {str(row["id"]): _known(kind, row) for row in some}
                mirror.store(session, sender.store, kind, rows)
                if kind == "product":
                    mirror.store(session, sender.store, "variant", _variants(some))
            count += len(some)
            sender.beat()
    return count


def _parts(rows: Iterator[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    while some := list(islice(rows, _ROWS)):
        yield some


def _known(kind: str, row: Mapping[str, Any]) -> Known:
    lines = line_prints(row) if kind == "order" else {}
    return Known(there=print_of(kind, row), lines=lines)


def _variants(products: Iterable[dict[str, Any]]) -> dict[str, Known]:
    return {
        f"{row['id']}/{variant['id']}": Known(there=print_of("variant", variant))
        for row in products
        for variant in row.get("variants") or []
    }
