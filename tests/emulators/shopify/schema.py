"""The pruned schema, loaded once, and what it says of a field."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import graphql

FILE = Path(__file__).with_name("schema.graphql")
_SCOPE = re.compile(r"`((?:read|write)_\w+)`")


@dataclass(frozen=True)
class Field:
    """What executing a field needs to know of it."""

    #: The node type of a connection; None for other fields.
    connection: str | None
    #: The type of what the field gives, without list and non-null; the node type of a connection.
    named: str
    is_list: bool
    #: Any of these scopes opens it; empty: nothing is asked.
    scopes: tuple[str, ...]
    #: What the documentation says on access.
    access: str
    #: "customer/email", ...: protected customer data; empty for anything else.
    protected: str


@cache
def schema() -> Any:
    """Return the schema; it is read once in a process."""
    return graphql.build_schema(FILE.read_text("utf-8"), assume_valid=True)


@cache
def field_of(parent: str, name: str) -> Field:
    """Return what is known of a field of a type."""
    field = schema().get_type(parent).fields[name]
    named = graphql.get_named_type(field.type)
    connection = None
    if named.name.endswith("Connection"):
        connection = named.name.removesuffix("Connection")
        named = schema().get_type(connection)
    # A type's own word counts where the field has none.
    access = _said(field.ast_node, "requires") or _said(named.ast_node, "requires")
    scopes = _SCOPE.findall(access)
    writes = [scope for scope in scopes if scope.startswith("write_")]
    return Field(
        connection=connection,
        named=named.name,
        is_list=graphql.is_list_type(graphql.get_nullable_type(field.type)),
        scopes=tuple((writes or scopes) if parent == "Mutation" else scopes),
        access=access,
        protected=_said(field.ast_node, "protected"),
    )


def _said(node: Any, directive: str) -> str:
    for one in getattr(node, "directives", None) or ():
        if one.name.value == directive:
            return str(one.arguments[0].value.value)
    return ""
