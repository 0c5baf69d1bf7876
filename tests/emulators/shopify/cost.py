"""What a query costs, and the bucket it is paid from.

Source: shopify.dev, "GraphQL Admin API rate limits": scalars 0, an object 1, a connection 2 and its
page size times its nodes, a mutation 10.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import graphql

from tests.emulators.shopify.schema import field_of
from tests.emulators.shopify.state import BUCKET_S, RESTORE

#: Points that one query may cost at most, whatever the plan.
MOST = 1_000


@dataclass
class Bucket:
    """The points of one app on one shop."""

    plan: str
    left: float | None = None
    seen_at: datetime | None = None

    @property
    def rate(self) -> float:
        return float(RESTORE[self.plan])

    @property
    def size(self) -> float:
        return self.rate * BUCKET_S

    def available(self, now: datetime) -> float:
        """Return the points there are now."""
        if self.left is None or self.seen_at is None:
            self.left = self.size
        else:
            restored = max(0.0, (now - self.seen_at).total_seconds()) * self.rate
            self.left = min(self.size, self.left + restored)
        self.seen_at = now
        return self.left

    def take(self, points: float, now: datetime) -> None:
        """Pay."""
        self.left = self.available(now) - points

    def status(self, now: datetime) -> dict[str, float]:
        """Return `throttleStatus`."""
        return {
            "maximumAvailable": self.size,
            "currentlyAvailable": int(self.available(now)),
            "restoreRate": self.rate,
        }


def requested(document: Any, operation: Any, variables: Mapping[str, Any]) -> int:
    """Return what a query may cost at most: every page full."""
    fragments = {
        one.name.value: one
        for one in document.definitions
        if isinstance(one, graphql.FragmentDefinitionNode)
    }
    root = "Mutation" if operation.operation.value == "mutation" else "QueryRoot"
    return _Requested(fragments, variables).of(operation.selection_set, root)


class _Requested:
    def __init__(self, fragments: Mapping[str, Any], variables: Mapping[str, Any]) -> None:
        self._fragments = fragments
        self._variables = variables

    def of(self, selection: Any, parent: str) -> int:
        return sum(self._one(node, parent) for node in selection.selections)

    def _one(self, node: Any, parent: str) -> int:
        if isinstance(node, graphql.InlineFragmentNode):
            condition = node.type_condition
            return self.of(node.selection_set, condition.name.value if condition else parent)
        if isinstance(node, graphql.FragmentSpreadNode):
            found = self._fragments[node.name.value]
            return self.of(found.selection_set, found.type_condition.name.value)
        if node.selection_set is None or node.name.value.startswith("__"):
            return 0
        name = node.name.value
        if parent == "Mutation":
            return 10
        field = field_of(parent, name)
        if field.connection:
            return 2 + self._size(node) * self._nodes(node, field.connection)
        inner = self.of(node.selection_set, field.named)
        return (1 + inner) * (self._size(node) if field.is_list and self._size(node) else 1)

    def _nodes(self, node: Any, connection: str) -> int:
        """Return what one node of a connection costs."""
        for child in node.selection_set.selections:
            name = child.name.value if isinstance(child, graphql.FieldNode) else ""
            if name == "nodes":
                return 1 + self.of(child.selection_set, connection)
            if name == "edges":
                for grandchild in child.selection_set.selections:
                    if grandchild.name.value == "node":
                        return 1 + self.of(grandchild.selection_set, connection)
        return 0

    def _size(self, node: Any) -> int:
        for argument in node.arguments or ():
            if argument.name.value in ("first", "last"):
                value = graphql.value_from_ast_untyped(argument.value, dict(self._variables))
                return int(value or 0)
        return 0


def actual(document: Any, operation: Any, data: Any) -> int:
    """Return what a query cost: the objects that the answer holds, as `requested` counts them."""
    if operation.operation.value == "mutation":
        return 10
    return _objects(data) if data else 1


def _objects(value: Any) -> int:
    """Count objects; a connection is 2, its page and edges are nothing."""
    if isinstance(value, list):
        return sum(1 + _objects(one) for one in value if isinstance(one, dict))
    total = 0
    for name, one in value.items():
        if name in ("pageInfo", "__typename"):
            continue
        if isinstance(one, dict):
            connection = "nodes" in one or "edges" in one
            total += 2 + _objects(one) if connection else 1 + _objects(one)
        elif isinstance(one, list):
            total += sum(_objects(e["node"]) + 1 for e in one) if name == "edges" else _objects(one)
    return total
