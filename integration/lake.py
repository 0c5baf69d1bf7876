"""Order lines as Parquet files: one a month of an account, written anew when an order changed.

A file holds what was bought and nothing of who bought it: that, an order's state and its refunds
are laid on whenever the lines are read, so a merge, an erasure, a refund or another time zone
leaves no file behind the times. Its name tells the month and a hash over the month's orders as the
tables have them. A file under the wanted name is the right one and is read; any other is deleted.
So nothing has to note what changed, a kill leaves a file with another name, and what is missing or
broken is written again.
"""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from pyarrow import parquet
from sqlalchemy import BigInteger
from sqlmodel import Session, cast, col, func, select

from integration.context import Context
from integration.parts import parts
from integration.rows import table
from integration.tables import Order, OrderLine

#: Orders from which files are kept: fewer are read from the tables as fast.
LARGE = 20_000
#: What a file has of a line; a change here changes the names of all files.
_SCHEMA = pa.schema(
    {
        "line_id": pa.int64(),
        "order_id": pa.int64(),
        "line_external_id": pa.string(),
        "product_external_id": pa.string(),
        "title": pa.string(),
        "product_type": pa.string(),
        "category_path": pa.string(),
        "brand": pa.string(),
        "gender_target": pa.string(),
        "colour": pa.string(),
        "size": pa.string(),
        "quantity": pa.float64(),
        "net_amount": pa.int64(),
        "discount_minor": pa.int64(),
        "gift_line": pa.bool_(),
        "is_subscription": pa.bool_(),
    }
)
#: Columns of `OrderLine` that are named otherwise in a frame.
_OTHERWISE = {
    "line_id": "id",
    "line_external_id": "external_id",
    "net_amount": "total_minor",
    "gift_line": "is_gift",
}
#: What a file's lines are read from, by the names that a frame has.
COLUMNS: dict[str, Any] = {
    name: getattr(OrderLine, _OTHERWISE.get(name, name)) for name in _SCHEMA.names
}


def folder(context: Context, account_id: int) -> Path:
    """Return where an account's files lie."""
    return context.settings.data_dir / "lines" / str(account_id)


def is_large(session: Session) -> bool:
    """Whether an account has so many orders that files are worth it."""
    return session.exec(select(func.count()).select_from(Order)).one() >= LARGE


def clear(place: Path) -> None:
    """Delete the files of an account that is not large (any more): nothing would renew them."""
    shutil.rmtree(place, ignore_errors=True)


def lines(session: Session, place: Path, orders: pd.DataFrame) -> pd.DataFrame:
    """Return every line of an account by id, with `COLUMNS`; writes and deletes files as needed.

    Parameters
    ----------
    place
        The account's folder.
    orders
        All orders of the account: order_id, shop_id, placed_at (aware) and content_hash.
    """
    place.mkdir(parents=True, exist_ok=True)
    wanted = _wanted(session, orders)
    # First of all, so that no month lies there twice for longer than a kill takes.
    for path in set(place.iterdir()) - {place / name for name in wanted}:
        path.unlink(missing_ok=True)
    found = [
        _read(place / name, month) or _write(session, place / name, month)
        for name, month in wanted.items()
    ]
    whole = pa.concat_tables([_SCHEMA.empty_table(), *found]).sort_by("line_id")
    frame: pd.DataFrame = whole.to_pandas()
    return frame


def _wanted(session: Session, orders: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Return the orders of each month that has lines, by the name of its file."""
    # The hash of a record changes with its lines; that lines were written anew with the same
    # words, their ids tell.
    columns = {
        "order_id": OrderLine.order_id,
        "lines": func.count(),
        "ids": cast(func.sum(OrderLine.id), BigInteger),
    }
    counts = table(session, columns, select(OrderLine).group_by(col(OrderLine.order_id)))
    known = orders[["order_id", "shop_id", "content_hash"]].astype(
        {"order_id": "int64", "shop_id": "int64", "content_hash": "str"}
    )
    placed = pd.to_datetime(orders["placed_at"], utc=True).dt.tz_localize(None)
    known["month"] = placed.to_numpy().astype("datetime64[M]")
    counts = counts.astype("int64")
    known = known.merge(counts, on="order_id").sort_values("order_id", ignore_index=True)
    told = known[["order_id", "shop_id", "content_hash", "lines", "ids"]]
    known["told"] = pd.util.hash_pandas_object(told, index=False).to_numpy()
    return {_name(month, part): part for month, part in known.groupby("month")}


def _name(month: Any, orders: pd.DataFrame) -> str:
    told = hashlib.blake2b(str(_SCHEMA).encode(), digest_size=16)
    told.update(np.ascontiguousarray(orders["told"].to_numpy()).tobytes())
    return f"{month:%Y-%m}-{told.hexdigest()}.parquet"


def _read(path: Path, orders: pd.DataFrame) -> pa.Table | None:
    """Return a month's lines from its file; None where it is not there, or not whole."""
    try:
        # Opened by us: what lies there is a file, whatever its name looks like.
        with path.open("rb") as file:
            found = parquet.read_table(file)
    except (OSError, pa.ArrowException):
        return None
    is_whole = found.schema.equals(_SCHEMA) and found.num_rows == orders["lines"].sum()
    return found if is_whole else None


def _write(session: Session, path: Path, orders: pd.DataFrame) -> pa.Table:
    """Return a month's lines from the tables, and keep them."""
    rows: list[Any] = []
    for part in parts(orders["order_id"].tolist()):
        query = select(OrderLine).where(col(OrderLine.order_id).in_(part))
        rows += session.execute(query.with_only_columns(*COLUMNS.values())).all()
    columns = list(zip(*rows, strict=True)) or [()] * len(_SCHEMA)
    found = pa.table(
        [pa.array(column, field.type) for column, field in zip(columns, _SCHEMA, strict=True)],
        schema=_SCHEMA,
    )
    # An import may have gone on since the orders were read: the next run looks again.
    if found.num_rows == orders["lines"].sum():
        beside = path.with_suffix(".part")
        parquet.write_table(found, beside)
        beside.replace(path)
    return found
