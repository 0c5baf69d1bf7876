"""Reading by pages, and what a page cuts off: long orders, products of many variants, refunds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from connectors.shopify.answers import Answer
from connectors.shopify.checkouts import completed, name_orders, order_filter, token_in
from connectors.shopify.client import Client
from connectors.shopify.documents import (
    CHECKOUT_ADDRESSES,
    CHECKOUT_LINES_MORE,
    IDS,
    LINES_MORE,
    ONE,
    ONE_OF,
    ORDERS_AT_ONCE,
    ORDERS_OF,
    PAGES,
    REFUND_HEADERS,
    REFUND_LINES,
    REFUND_LINES_MORE,
    REFUNDS_AT_ONCE,
    REFUNDS_LISTED,
    ROOTS,
    TYPES,
    VARIANTS_MORE,
    halved,
)
from connectors.shopify.errors import TooCostly
from connectors.shopify.fields import Unreadable
from connectors.shopify.orders import plain_refund


@dataclass(frozen=True, kw_only=True, slots=True)
class RawPage:
    """What one question brought."""

    rows: Sequence[dict[str, Any]]
    #: Where to go on; None behind the last page.
    after: str | None
    #: Fields that Shopify did not let us read, in dots and without numbers.
    refused: frozenset[str] = frozenset()


class Paging:
    """The pages of one shop's streams."""

    def __init__(self, client: Client) -> None:
        self._client = client
        #: Documents that were too dear -> the same in smaller pages.
        self._smaller: dict[str, str] = {}
        #: Token to id of the checkouts that were touched lately; None before they are listed.
        self._checkouts: dict[str | None, str] | None = None

    def _run(self, document: str, variables: Mapping[str, Any]) -> Answer:
        """Ask in pages of half the size, and half again, where Shopify calls a page too dear.

        Only for documents whose first connection is paged through.
        """
        while True:
            try:
                return self._client.run(self._smaller.get(document, document), variables)
            except TooCostly:
                smaller = halved(self._smaller.get(document, document))
                if smaller is None:
                    raise
                self._smaller[document] = smaller

    def page(self, stream: str, query: str, after: str | None) -> RawPage:
        """Return a page of whole records.

        Raises
        ------
        ConnectorError
        """
        answer = self._run(PAGES[stream], {"query": query or None, "after": after})
        found = answer.need(ROOTS[stream]) or {"nodes": (), "pageInfo": {}}
        rows = [
            {**row, "refused": untold(answer, ROOTS[stream], "nodes", nth)}
            for nth, row in enumerate(found["nodes"])
            if row
        ]
        self.complete(stream, rows)
        info = found["pageInfo"]
        return RawPage(
            rows=rows,
            after=info.get("endCursor") if info.get("hasNextPage") else None,
            refused=refused(answer),
        )

    def ids(self, stream: str, query: str) -> Iterator[str]:
        """Yield the ids of a stream."""
        return (row["id"] for row in self._listed(IDS[stream], ROOTS[stream], query))

    def checkout(self, token: str, query: str) -> str | None:
        """Return the id of a checkout by the token in its address, among those of `query`.

        They are listed once: a store tells of many checkouts in a short while.
        """
        if self._checkouts is None:
            listed = self._listed(CHECKOUT_ADDRESSES, ROOTS["carts"], query)
            self._checkouts = {token_in(row["abandonedCheckoutUrl"]): row["id"] for row in listed}
        return self._checkouts.get(token)

    def _listed(self, document: str, root: str, query: str) -> Iterator[dict[str, Any]]:
        after: str | None = None
        while True:
            found = self._run(document, {"query": query or None, "after": after}).need(root)
            yield from found["nodes"]
            if not found["pageInfo"]["hasNextPage"]:
                return
            after = found["pageInfo"]["endCursor"]

    def one(self, stream: str, key: str) -> dict[str, Any] | None:
        """Return one whole record; None when it does not exist."""
        if stream not in ONE:
            rows = self.page(stream, f"id:{key}", None).rows
            return next((row for row in rows if row["id"].endswith(f"/{key}")), None)
        answer = self._run(ONE[stream], {"id": f"gid://shopify/{TYPES[stream]}/{key}"})
        found = answer.need(ONE_OF[stream])
        if found is None:
            return None
        rows = [{**found, "refused": untold(answer, ONE_OF[stream])}]
        self.complete(stream, rows)
        return rows[0]

    def complete(self, stream: str, rows: Sequence[dict[str, Any]]) -> None:
        """Add to records what was cut off."""
        if stream == "products":
            for row in rows:
                row["variants"] = self._rest(row, "variants", VARIANTS_MORE, "product")
        if stream == "carts":
            for row in rows:
                row["lineItems"] = self._rest(row, "lineItems", CHECKOUT_LINES_MORE, "node")
            self.add_orders(rows)
        if stream == "orders":
            for row in rows:
                row["lineItems"] = self._rest(row, "lineItems", LINES_MORE, "order")
                if len(row.get("refunds") or ()) == REFUNDS_LISTED:
                    answer = self._client.run(REFUND_HEADERS, {"id": row["id"]})
                    row["refunds"] = answer.need("order")["refunds"]
            self.add_refund_lines(rows)

    def add_orders(self, checkouts: Sequence[dict[str, Any]]) -> None:
        """Add to checkouts that were completed which order each became."""
        done = completed(checkouts)
        tokens = sorted(done)
        for start in range(0, len(tokens), ORDERS_AT_ONCE):
            query = order_filter(tokens[start : start + ORDERS_AT_ONCE])
            found = self._client.run(ORDERS_OF, {"query": query}).need("orders")
            name_orders(done, found["nodes"])

    def add_refund_lines(self, orders: Sequence[dict[str, Any]]) -> None:
        """Add to refunds their lines; asked for only where they may be other than it seems."""
        asked: dict[str, dict[str, Any]] = {}
        for row in orders:
            row["refunds"] = [dict(one) for one in row.get("refunds") or ()]
            plain = _plain(row) if row["refunds"] else None
            for one in row["refunds"]:
                if plain is None:
                    asked[one["id"]] = one
                else:
                    one["refundLineItems"] = plain
        ids = list(asked)
        for start in range(0, len(ids), REFUNDS_AT_ONCE):
            answer = self._run(REFUND_LINES, {"ids": ids[start : start + REFUNDS_AT_ONCE]})
            for found in answer.need("nodes"):
                if found:
                    rest = self._rest(found, "refundLineItems", REFUND_LINES_MORE, "refund")
                    asked[found["id"]]["refundLineItems"] = rest

    def _rest(self, row: dict[str, Any], name: str, document: str, parent: str) -> list[Any]:
        """Return everything of a connection, of which `row` has the beginning."""
        part = row.get(name)
        if not isinstance(part, dict):
            return list(part or ())
        found = list(part["nodes"])
        while (part.get("pageInfo") or {}).get("hasNextPage"):
            variables = {"id": row["id"], "after": part["pageInfo"]["endCursor"]}
            part = self._run(document, variables).need(parent)[name]
            found += part["nodes"]
        return found


def _plain(row: dict[str, Any]) -> list[Any] | None:
    try:
        found = plain_refund(row)
    except Unreadable:  # is noted where the order itself is read
        return None
    return None if found is None else list(found)


def untold(answer: Answer, *place: str | int) -> frozenset[str]:
    """Return the fields of the record at a place that are null because a right is lacking."""
    depth = len(place)
    return frozenset(
        str(error.path[depth])
        for error in answer.errors
        if error.is_refusal and error.path[:depth] == place and len(error.path) > depth
    )


def refused(answer: Answer) -> frozenset[str]:
    """Return the fields of an answer that are null because a right is lacking."""
    return frozenset(
        ".".join(part for part in error.path if isinstance(part, str) and part != "nodes")
        for error in answer.errors
        if error.is_refusal and error.path
    )
