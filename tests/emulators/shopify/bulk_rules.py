"""Which queries Shopify refuses to run in bulk, and in which words.

Source: recordings of live stores by a public emulator; every text begins as Shopify's does.
"""

from __future__ import annotations

from typing import Any

import graphql

from tests.emulators.shopify.schema import field_of, schema

MOST_CONNECTIONS = 5
MOST_DEPTH = 2


class Refused(Exception):
    """The query cannot run in bulk; the text is the `userErrors` message."""


def check(text: str) -> Any:
    """Return the parsed document of a bulk query.

    Raises
    ------
    Refused
    """
    try:
        document = graphql.parse(text)
    except graphql.GraphQLError as error:
        raise Refused(
            "Invalid bulk query: syntax error, unexpected end of file"
            if not text.strip() or "<EOF>" in error.message
            else f"Invalid bulk query: {error.message}"
        ) from error
    (operation, *_more) = document.definitions
    if operation.operation.value != "query":
        raise Refused("Invalid operation type. Only `query` operations are supported.")
    faults = graphql.validate(schema(), document)
    for child in operation.selection_set.selections:
        if child.name.value in ("node", "nodes"):
            name = child.name.value
            raise Refused(f"Bulk queries cannot contain a top level `{name}` field.")
    if faults:
        raise Refused(f"Invalid bulk query: {faults[0].message}")
    seen = _Seen()
    _walk(operation.selection_set, "QueryRoot", 0, False, seen)
    if seen.connections == 0:
        raise Refused("Bulk queries must contain at least one connection.")
    if seen.connections > MOST_CONNECTIONS:
        raise Refused("Bulk queries cannot contain more than 5 connections.")
    return document


class _Seen:
    connections = 0


def _walk(selection: Any, parent: str, depth: int, in_list: bool, seen: _Seen) -> None:
    for node in selection.selections:
        if isinstance(node, graphql.InlineFragmentNode):
            _walk(node.selection_set, node.type_condition.name.value, depth, in_list, seen)
            continue
        if node.selection_set is None:
            continue
        field = field_of(parent, node.name.value)
        if not field.connection:
            _walk(node.selection_set, field.named, depth, in_list or field.is_list, seen)
            continue
        if in_list:
            raise Refused(
                "Queries that contain a connection field within a list field are not currently "
                "supported."
            )
        seen.connections += 1
        if depth + 1 > MOST_DEPTH:
            raise Refused(
                "Bulk queries cannot contain connections with a nesting depth greater than 2."
            )
        inner = node_selection(node)
        if inner is None:
            raise Refused(
                "All connection fields in a bulk query must select their contents using "
                "'edges' > 'node'"
            )
        if _has_connection(inner, field.connection) and not _selects_id(inner):
            raise Refused(
                "The parent 'node' field for a nested connection must select the 'id' field "
                "without an alias"
            )
        _walk(inner, field.connection, depth + 1, False, seen)


def node_selection(connection: Any) -> Any:
    """Return what is selected under `edges { node }`; None when that is not how it is done."""
    for child in connection.selection_set.selections:
        if isinstance(child, graphql.FieldNode) and child.name.value == "nodes":
            return None
    for child in connection.selection_set.selections:
        if isinstance(child, graphql.FieldNode) and child.name.value == "edges":
            for grandchild in child.selection_set.selections:
                if grandchild.name.value == "node":
                    return grandchild.selection_set
    return None


def _has_connection(selection: Any, parent: str) -> bool:
    return any(
        isinstance(node, graphql.FieldNode)
        and node.selection_set is not None
        and field_of(parent, node.name.value).connection is not None
        for node in selection.selections
    )


def _selects_id(selection: Any) -> bool:
    return any(
        isinstance(node, graphql.FieldNode) and node.name.value == "id" and node.alias is None
        for node in selection.selections
    )
