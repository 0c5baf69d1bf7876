"""Columns that every table writes the same way."""

from __future__ import annotations

from typing import Any

from sqlmodel import Field

from integration.db import BigKey, Json, UtcDateTime


def primary_key() -> Any:
    """Return a number the database counts up."""
    return Field(default=None, primary_key=True, sa_type=BigKey)


def account_key(*, index: bool = True) -> Any:
    """Return the owner's column."""
    return Field(foreign_key="account.id", index=index, sa_type=BigKey)


def reference(
    target: str, *, nullable: bool = False, index: bool = True, cascade: bool = False
) -> Any:
    """Return a foreign key to `target` ("table.column")."""
    extra: dict[str, Any] = {"ondelete": "CASCADE"} if cascade else {}
    if nullable:
        extra["default"] = None
    return Field(foreign_key=target, index=index, nullable=nullable, sa_type=BigKey, **extra)


def moment(*, nullable: bool = False, index: bool = False) -> Any:
    """Return a point in time, always UTC."""
    extra: dict[str, Any] = {"default": None} if nullable else {}
    return Field(sa_type=UtcDateTime, nullable=nullable, index=index, **extra)


def minor_units(*, nullable: bool = False) -> Any:
    """Return an amount of money in minor units of the row's currency."""
    extra: dict[str, Any] = {"default": None} if nullable else {}
    return Field(sa_type=BigKey, nullable=nullable, **extra)


def json_column(*, nullable: bool = False) -> Any:
    """Return a small JSON document.

    Each row gets a copy of an empty default. A `default_factory` has its signature looked up for
    each row that is made, which took longer than all the rest of making it.
    """
    extra: dict[str, Any] = {"default": None if nullable else {}}
    return Field(sa_type=Json, nullable=nullable, **extra)


def json_list() -> Any:
    """Return a short list in JSON, empty for rows of before there was the column."""
    return Field(default=[], sa_type=Json, sa_column_kwargs={"server_default": "[]"})


def json_later() -> Any:
    """Return a small JSON document, empty for rows of before there was the column."""
    return Field(default={}, sa_type=Json, sa_column_kwargs={"server_default": "{}"})
