"""GraphQL over a shop's tables: gates, references between records, connections."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias

import graphql
from graphql import GraphQLError

from tests.emulators.shopify import gates
from tests.emulators.shopify.clock import stamp
from tests.emulators.shopify.paging import chosen_ids, page_of_list, page_of_table
from tests.emulators.shopify.schema import field_of, schema
from tests.emulators.shopify.state import Shop
from tests.emulators.shopify.tables import Row, gid, kind_of

#: Does what a root field asks.
Root: TypeAlias = Callable[["Call", Mapping[str, Any]], Any]

#: Versions that are answered, oldest first; an older one falls forward to the first.
VERSIONS = ("2026-01", "2026-04", "2026-07", "2026-10", "2027-01", "unstable")
_CANDIDATE = "2027-01"


@dataclass
class Call:
    """One query on one shop: what its resolvers need."""

    shop: Shop
    scopes: frozenset[str]
    now: datetime
    #: Root fields that other files answer: bulk operations, subscriptions, mutations.
    roots: Mapping[str, Root]
    #: The version asked for, which shapes the webhooks that are subscribed to in it.
    version: str = "2026-10"
    #: Whether one object of the answer, the first that may lack, cannot be made.
    breaks: bool = False

    @property
    def orders_since(self) -> str | None:
        """The moment from which this call sees orders."""
        return gates.orders_since(self.scopes, self.now)

    @property
    def found_until(self) -> str | None:
        """The moment up to which a search finds what was made; None: everything."""
        lag = self.shop.search_lag
        return stamp(self.now - lag) if lag else None

    def find(self, global_id: str) -> Row | None:
        """Return a record, unless it is an order outside the window."""
        row = self.shop.find(global_id)
        hidden = (
            row is not None
            and kind_of(global_id) == "Order"
            and self.orders_since is not None
            and row["createdAt"] < self.orders_since
        )
        return None if hidden else row


def run(call: Call, document: Any, operation: Any, variables: Mapping[str, Any]) -> Any:
    """Execute a valid document; returns graphql-core's result."""
    return graphql.execute(
        schema(),
        document,
        context_value=call,
        variable_values=dict(variables),
        operation_name=operation.name.value if operation.name else None,
        field_resolver=_resolve,
    )


def _resolve(source: Any, info: Any, **args: Any) -> Any:
    call: Call = info.context
    parent, name = info.parent_type.name, info.field_name
    field = field_of(parent, name)
    _break(call, info.return_type)
    root = parent in ("QueryRoot", "Mutation")
    if root:
        gates.check_field(call.shop, call.scopes, name, field)
        return (call.roots.get(name) or _ROOTS[name])(call, args)
    value = _computed(call, source, parent, name, args)
    if value is None:
        return None
    gates.check_field(call.shop, call.scopes, name, field)
    if field.connection and isinstance(value, list):
        return page_of_list(value, args)
    if field.is_list and args.get("first") is not None:
        return value[: args["first"]]
    return _followed(call, value)


def _break(call: Call, kind: Any) -> None:
    """Fail where a null is allowed, so that the rest of the answer is there all the same."""
    if call.breaks and graphql.is_object_type(kind):
        call.breaks = False
        text = "Internal error. Looks like something went wrong on our end."
        raise GraphQLError(text, extensions={"code": "INTERNAL_SERVER_ERROR"})


def _followed(call: Call, value: Any) -> Any:
    """Return the record that `{"id": gid}` stands for, as it is now; None when it is gone."""
    if isinstance(value, dict) and len(value) == 1 and "id" in value:
        if kind_of(value["id"]) == "LineItem":
            return {"__typename": "LineItem", **value}
        return call.find(value["id"])
    return value


def _computed(call: Call, source: Row, parent: str, name: str, args: Mapping[str, Any]) -> Any:
    if (parent, name) == ("Customer", "orders"):
        mine = [row for row in call.shop.orders.values() if row["customer"] == {"id": source["id"]}]
        since = call.orders_since
        return [row for row in mine if since is None or row["createdAt"] >= since]
    if name in ("metafield", "metafields") and "id" in source:
        return _metafields(call, source, name, args)
    if name == "description" and args.get("truncateAt"):
        return source[name][: args["truncateAt"]]
    if name not in source:
        raise LookupError(f"the emulator has no {parent}.{name}")
    return source[name]


def metafield(call: Call, owner: Row, args: Mapping[str, Any]) -> Row | None:
    """Return one of a record's own fields: written by an app, else the merchant's."""
    namespace, key = args.get("namespace"), args["key"]
    written = call.shop.metafields.get(f"{owner['id']} {namespace} {key}")
    own = (one for one in owner.get("metafields", ()) if one["namespace"] == namespace)
    return written or next((one for one in own if one["key"] == key), None)


def _metafields(call: Call, owner: Row, name: str, args: Mapping[str, Any]) -> Any:
    if name == "metafield":
        return metafield(call, owner, args)
    written = [one for one in call.shop.metafields.values() if one["ownerId"] == owner["id"]]
    wanted = args.get("namespace")
    found = [*owner.get("metafields", ()), *written]
    return [one for one in found if wanted in (None, one["namespace"])]


def _one(call: Call, args: Mapping[str, Any]) -> Row | None:
    return call.find(args["id"])


def _many(kind: str) -> Root:
    def answer(call: Call, args: Mapping[str, Any]) -> Row:
        table = call.shop.table(kind)
        assert table is not None
        since = call.orders_since if kind == "Order" else None
        return page_of_table(call.shop, kind, table, args, since, call.found_until)

    return answer


def _count(kind: str) -> Root:
    def answer(call: Call, args: Mapping[str, Any]) -> Row:
        table = call.shop.table(kind)
        assert table is not None
        since = call.orders_since if kind == "Order" else None
        found = len(chosen_ids(kind, table, args.get("query"), since, call.found_until))
        limit = args.get("limit", 10_000)
        most = limit or call.shop.counts_to
        if found > most:
            # Where nothing limits it, one more than can be counted says "more".
            return {"count": most + (limit is None), "precision": "AT_LEAST"}
        return {"count": found, "precision": "EXACT"}

    return answer


def _installation(call: Call, _args: Mapping[str, Any]) -> Row:
    return {
        "__typename": "AppInstallation",
        "id": gid("AppInstallation", call.shop.number),
        "accessScopes": [{"handle": scope} for scope in sorted(call.scopes)],
        "activeSubscriptions": [],
        "launchUrl": f"https://{call.shop.domain}/admin/apps/stipt",
    }


def _versions(_call: Call, _args: Mapping[str, Any]) -> list[Row]:
    def title(handle: str) -> str:
        if handle == _CANDIDATE:
            return f"{handle} (Release candidate)"
        return handle if handle == "unstable" else f"{handle} (Supported)"

    return [
        {
            "handle": handle,
            "displayName": title(handle),
            "supported": handle not in (_CANDIDATE, "unstable"),
        }
        for handle in VERSIONS
    ]


_ROOTS: Mapping[str, Root] = {
    "shop": lambda call, _args: call.shop.profile(),
    "currentAppInstallation": _installation,
    "customer": _one,
    "order": _one,
    "product": _one,
    "node": _one,
    "refund": _one,
    "nodes": lambda call, args: [call.find(one) for one in args["ids"]],
    "webhookSubscription": _one,
    "customers": _many("Customer"),
    "orders": _many("Order"),
    "products": _many("Product"),
    "abandonedCheckouts": _many("AbandonedCheckout"),
    "customersCount": _count("Customer"),
    "ordersCount": _count("Order"),
    "productsCount": _count("Product"),
    "abandonedCheckoutsCount": _count("AbandonedCheckout"),
    "publicApiVersions": _versions,
}

_UNKNOWN_FIELD = re.compile(r"Cannot query field '(\w+)' on type '(\w+)'")
_UNKNOWN_ARGUMENT = re.compile(r"Unknown argument '(\w+)' on field '\w+\.(\w+)'")
_LACKING = re.compile(r"Argument '\w+\.(\w+)\((\w+):\)' of type .* is required")


def refusal(error: GraphQLError) -> dict[str, Any]:
    """Return a fault of the document as Shopify words it."""
    text = error.message
    extensions: dict[str, Any] = {"code": "BAD_REQUEST"}
    if found := _UNKNOWN_FIELD.search(text):
        text = f"Field '{found[1]}' doesn't exist on type '{found[2]}'"
        extensions = {"code": "undefinedField", "typeName": found[2], "fieldName": found[1]}
    elif found := _UNKNOWN_ARGUMENT.search(text):
        text = f"Field '{found[2]}' doesn't accept argument '{found[1]}'"
        extensions = {"code": "argumentNotAccepted", "argumentName": found[1]}
    elif found := _LACKING.search(text):
        text = f"Field '{found[1]}' is missing required arguments: {found[2]}"
        extensions = {"code": "missingRequiredArguments", "arguments": found[2]}
    formatted = dict(error.formatted)
    return {**formatted, "message": text, "extensions": extensions}
