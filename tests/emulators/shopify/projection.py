"""Bulk lines: a query's selection made into plain functions once, run over every record.

graphql-core would take minutes for 200,000 orders; the gates are the same (`gates.check_field`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, TypeAlias

import graphql

from tests.emulators.shopify import gates
from tests.emulators.shopify.bulk_rules import node_selection
from tests.emulators.shopify.execution import Call, metafield
from tests.emulators.shopify.schema import field_of
from tests.emulators.shopify.search import NotEmulated
from tests.emulators.shopify.tables import Row

#: Sets one key of a line from a record.
Copy: TypeAlias = Callable[[Row, dict[str, Any]], None]


class Projection:
    """What becomes of one record: its own line, and the lines of its nested connections."""

    def __init__(self, call: Call, selection: Any, parent: str) -> None:
        self._call = call
        self._copies: list[Copy] = []
        #: Run on the first record: what is not there needs no right, as in a page.
        self._checks: list[Callable[[], None]] = []
        #: Key in a record, and what becomes of what is in it.
        self._children: list[tuple[str, Projection]] = []
        for node in selection.selections:
            self._add(node, parent)

    def _add(self, node: Any, parent: str) -> None:
        if isinstance(node, graphql.InlineFragmentNode):
            named = node.type_condition.name.value
            for inner in node.selection_set.selections:
                self._add_typed(inner, parent, named)
            return
        name = node.name.value
        key = node.alias.value if node.alias else name
        if name == "__typename":
            self._copies.append(lambda row, line: line.__setitem__(key, row["__typename"]))
            return
        field = field_of(parent, name)
        if name == "metafield":
            self._copies.append(self._metafield(key, node))
            return
        if {one.name.value for one in node.arguments or ()} - {"withCodeDiscounts"}:
            raise NotEmulated(f"arguments of {parent}.{name} in bulk")
        check = partial(gates.check_field, self._call.shop, self._call.scopes, name, field)
        if node.selection_set is None or field.connection:
            self._checks.append(check)
        if field.connection:
            self._children.append(
                (name, Projection(self._call, node_selection(node), field.connection))
            )
        elif node.selection_set is None:
            self._copies.append(lambda row, line: line.__setitem__(key, row[name]))
        else:
            inner = Projection(self._call, node.selection_set, field.named)
            self._copies.append(self._nested(key, name, inner, check))

    def _add_typed(self, node: Any, parent: str, named: str) -> None:
        one = Projection.__new__(Projection)
        one._call, one._copies, one._children, one._checks = self._call, [], [], self._checks
        one._add(node, named)
        (copy,) = one._copies
        if named == parent:
            self._copies.append(copy)
            return
        self._copies.append(
            lambda row, line: copy(row, line) if row["__typename"] == named else None
        )

    def _nested(self, key: str, name: str, inner: Projection, check: Callable[[], None]) -> Copy:
        call = self._call

        def copy(row: Row, line: dict[str, Any]) -> None:
            value = row[name]
            if value is not None:
                check()
            if isinstance(value, list):
                line[key] = [inner.line(one) for one in value]
            elif value is None:
                line[key] = None
            elif len(value) == 1 and "id" in value:
                line[key] = inner.of_reference(call, value)
            else:
                line[key] = inner.line(value)

        return copy

    def _metafield(self, key: str, node: Any) -> Copy:
        args = {one.name.value: graphql.value_from_ast_untyped(one.value) for one in node.arguments}
        inner = Projection(self._call, node.selection_set, "Metafield")

        def copy(row: Row, line: dict[str, Any]) -> None:
            found = metafield(self._call, row, args)
            line[key] = None if found is None else inner.line(found)

        return copy

    def of_reference(self, call: Call, value: Row) -> dict[str, Any] | None:
        """Return the part of another record that is asked for; None when it is gone."""
        found = call.find(value["id"])
        return None if found is None else self.line(found)

    def line(self, row: Row) -> dict[str, Any]:
        """Return a record's own line."""
        while self._checks:
            self._checks.pop()()
        line: dict[str, Any] = {}
        for copy in self._copies:
            copy(row, line)
        return line

    def lines(self, row: Row, parent: str | None = None) -> Iterator[dict[str, Any]]:
        """Yield a record's line and those below it, which name it as their parent."""
        line = self.line(row)
        if parent is not None:
            line["__parentId"] = parent
        yield line
        for name, below in self._children:
            for one in row[name]:
                yield from below.lines(one, row["id"])
