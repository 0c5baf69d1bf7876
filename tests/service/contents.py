"""What a database holds, to compare: exactly as stored, or by what rows mean.

Two installations that did the same have other numbers and other moments; by their natural keys
their rows are equal.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any, TypeAlias

import pandas as pd
import sqlalchemy as sa
from sqlalchemy import Engine
from sqlmodel import SQLModel

#: Rows as text, with how often each is there.
Contents: TypeAlias = dict[str, Counter[str]]

#: Written by every run anew: work, readings, cursors' moments and the counted-up fits.
RUNS = ("work", "import_run", "fitted_model", "inbox", "sync_state")

#: Moments at which we did something; moments of a source (its created_at) are compared.
_OUR_MOMENTS = {
    "account": ("created_at",),
    "app_user": ("created_at", "password_hash"),
    "shop": ("created_at",),
    "person": ("created_at",),
    "separation": ("created_at",),
    "choice": ("created_at",),
    "consent": ("received_at",),
    "sync_state": ("updated_at",),
    "import_run": ("started_at", "finished_at"),
    "audience": ("token", "read_until", "connected_at", "installation"),
    "member": ("changed_at",),
    "plan": ("created_at", "published_at", "undone_at", "outcome"),
}
#: Counted in what happened, not in what is; the secrets of webhooks are random.
_LEFT_OUT = ("work", "inbox", "fitted_model", "mailchimp_hook")


def stored(engine: Engine, *, but: tuple[str, ...] = RUNS) -> Contents:
    """Return every row of every table as it is, numbers and moments included."""
    with engine.connect() as connection:
        return {
            table.name: Counter(
                repr(tuple(row)) for row in connection.execute(sa.select(*table.columns))
            )
            for table in SQLModel.metadata.sorted_tables
            if table.name not in but
        }


def meant(engine: Engine, *, but: tuple[str, ...] = ()) -> Contents:
    """Return every row by natural keys, without counted-up numbers and moments of ours."""
    with engine.connect() as connection:
        frames = {
            table.name: [dict(row) for row in connection.execute(sa.select(table)).mappings()]
            for table in SQLModel.metadata.sorted_tables
        }
    names = _names(frames)
    return {
        table: Counter(_text(table, row, names) for row in rows)
        for table, rows in frames.items()
        if table not in (*_LEFT_OUT, *but)
    }


def differences(one: Contents, other: Contents, *, most: int = 3) -> dict[str, dict[str, Any]]:
    """Return table -> how many rows are in one only, with examples; empty when both are equal."""
    return {
        table: {
            "only in the first": (one[table] - other[table]).total(),
            "only in the second": (other[table] - one[table]).total(),
            "such as": [
                *list(one[table] - other[table])[:most],
                *list(other[table] - one[table])[:most],
            ],
        }
        for table in one
        if one[table] != other[table]
    }


_Names: TypeAlias = Mapping[str, Mapping[int, str]]
_Row: TypeAlias = dict[str, Any]


def _names(rows: Mapping[str, list[_Row]]) -> _Names:
    """Return for each kind of number what it means."""
    names: dict[str, dict[int, str]] = {}

    def name(kind: str, table: str, say: Callable[[_Row], str]) -> None:
        names[kind] = {row["id"]: say(row) for row in rows[table]}

    name("shop_id", "shop", lambda row: row["external_id"])
    for kind, table in (
        ("profile_id", "source_profile"),
        ("product_id", "product"),
        ("order_id", "shop_order"),
        ("refund_id", "refund"),
    ):
        name(kind, table, lambda row: f"{names['shop_id'][row['shop_id']]}/{row['external_id']}")
    name(
        "variant_id",
        "variant",
        lambda row: f"{names['product_id'][row['product_id']]}/{row['external_id']}",
    )
    people: dict[int, list[str]] = {}
    for row in rows["source_profile"]:
        people.setdefault(row["person_id"], []).append(names["profile_id"][row["id"]])
    names["person_id"] = {key: "+".join(sorted(held)) for key, held in people.items()}
    name("run_id", "import_run", lambda row: row["name"])
    name("audience_id", "audience", lambda row: row["list_id"])
    name("model_id", "fitted_model", lambda row: row["as_of"].isoformat())
    order = sorted(rows["plan"], key=lambda row: int(row["id"]))
    names["plan_id"] = {row["id"]: f"plan {place}" for place, row in enumerate(order, 1)}
    return names


_SAME_AS = {
    "last_product_id": "product_id",
    "one_id": "profile_id",
    "other_id": "profile_id",
    "created_by_plan": "plan_id",
    "undoes": "plan_id",
}


def _text(table: str, row: _Row, names: _Names) -> str:
    own = {"person": "person_id", "plan": "plan_id", "source_profile": "profile_id"}.get(table)
    said = {"": names[own].get(row["id"], "nobody")} if own else {}
    if table == "consent" and row["shop_id"] is None:
        # Said by Mailchimp: the moment is the sandbox's own, and part of the statement's id.
        statement = ":".join(row["external_id"].split(":")[:3])
        row = {**row, "at": None, "external_id": statement}
    if table == "plan":
        # Any three people of a tag, by number, show what it is about.
        tags = [{**tag, "examples": len(tag["examples"])} for tag in row["summary"]["tags"]]
        row = {**row, "summary": {**row["summary"], "tags": tags}}
    for column, value in row.items():
        if column in ("id", "account_id", *_OUR_MOMENTS.get(table, ())):
            continue
        said[column] = _plain(column, value, names)
    return json.dumps(said, sort_keys=True, default=str)


def _plain(column: str, value: Any, names: _Names) -> Any:
    """Return what is kept under a name, in a column or deeper, without counted-up numbers.

    Sums may be added up in another order, so numbers are compared to nine digits.
    """
    if isinstance(value, dict):
        return {key: _plain(key, part, names) for key, part in sorted(value.items())}
    if isinstance(value, list):
        return [_plain(column, part, names) for part in value]
    known = names.get(_SAME_AS.get(column, column))
    if known:
        return known.get(value, value)
    if isinstance(value, float):
        return None if pd.isna(value) else float(f"{value:.9g}")
    return value.isoformat() if isinstance(value, date) else value
