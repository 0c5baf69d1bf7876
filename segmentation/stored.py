"""What can be told of a fit from its plain JSON, without the libraries that a fit needs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from segmentation.duedates.needs import NeedName

#: Of the JSON of a fit; another one is replaced by the next fit.
SCHEMA = 14


def value_refused(plain: Mapping[str, Any], account_id: int) -> dict[str, Any] | None:
    """Return why an account's customers have no expected value; None where they have one.

    Examples
    --------
    >>> refused = {"what": "repeaters", "needed": 200, "there": 57}
    >>> value_refused({"schema": SCHEMA, "accounts": {"7": {"value": {"refused": refused}}}}, 7)
    {'what': 'repeaters', 'needed': 200, 'there': 57}
    """
    if plain.get("schema") != SCHEMA:
        return None
    refused: dict[str, Any] | None = (
        plain["accounts"].get(str(account_id), {}).get("value", {}).get("refused")
    )
    return refused


def groups(plain: Mapping[str, Any], account_id: int) -> dict[str, Any] | None:
    """Return an account's groups and clusters of a fit of any version; None where there are none.

    They have a version of their own, so that no upgrade forgets what they are called.

    Examples
    --------
    >>> groups({"accounts": {"7": {}}}, 7)
    """
    found: dict[str, Any] | None = plain.get("accounts", {}).get(str(account_id), {}).get("groups")
    return found


def need_names(plain: Mapping[str, Any], account_id: int) -> dict[str, NeedName]:
    """Return what an account's needs are called; {} from another version or without the account.

    Examples
    --------
    >>> need_names({"schema": 0}, 7)
    {}
    """
    if plain.get("schema") != SCHEMA:
        return {}
    names = plain["accounts"].get(str(account_id), {}).get("names", {})
    return {need: NeedName(**name) for need, name in names.items()}
