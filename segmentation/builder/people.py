"""Who a document asks for: compiled to one Ibis expression over profiles and due-dates.

A condition of which nothing is known (no forecast, no such need) does not hold, and what is said
with "not" of it does. Business customers are left out unless a condition asks about them, as from
all other segments.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from functools import reduce
from operator import and_, or_
from typing import Any

import ibis
import pandas as pd
import pyarrow as pa

from segmentation.builder.document import Condition, Node, Not, conditions
from segmentation.builder.vocabulary import ANY, FEATURES
from segmentation.features import day_number
from segmentation.frames import DUE, PROFILES

_KEY = ["account_id", "person_id"]
#: Columns of profiles that reasons tell, whatever is asked.
_FACTS = ("recency", "tenure", "frequency")


def columns(node: Node) -> tuple[list[str], list[str]]:
    """Return the columns of `frames.PROFILES` and of `frames.DUE` that a document needs.

    Examples
    --------
    >>> columns(Condition("due_state", "one_of", ("now",), "suits"))[1]
    ['account_id', 'person_id', 'need', 'state']
    """
    asked = [FEATURES[one.feature] for one in conditions(node)]
    person = {*_KEY, *_FACTS, "is_wholesale"} | {f.column for f in asked if not f.of_need}
    need = {*_KEY, "need"} | {f.column for f in asked if f.of_need}
    return [c for c in PROFILES if c in person], [c for c in DUE if c in need]


def people(node: Node, profiles: pd.DataFrame, due: pd.DataFrame, *, as_of: date) -> pd.DataFrame:
    """Return the people a document asks for, sorted by account and person.

    Parameters
    ----------
    profiles, due
        As `frames.PROFILES` and `frames.DUE`, or of them the `columns` of the document.
    as_of
        The day they were computed for.

    Returns
    -------
    DataFrame
        account_id, person_id, recency, tenure, frequency; and of the nth condition `held_n`,
        whether it held, and `word_n`: for which need (the first in the alphabet), or which of the
        words asked for the person has; "" for neither.
    """
    engine = ibis.duckdb.connect()
    try:
        wanted, of_need = columns(node)
        table = expression(node, _table(profiles[wanted]), _table(due[of_need]), as_of=as_of)
        frame: pd.DataFrame = engine.to_pyarrow(table.order_by(_KEY)).to_pandas()
        return frame
    finally:
        engine.disconnect()


def expression(node: Node, profiles: Any, due: Any, *, as_of: date) -> Any:
    """Return the Ibis expression of `people`, for any engine and many accounts at once."""
    asked = list(conditions(node))
    needs = _needs(asked, due, as_of)
    table = profiles
    if needs is not None:
        table = profiles.left_join(needs, _KEY).drop("account_id_right", "person_id_right")
    held, words = {}, {}
    for number, one in enumerate(asked):
        feature = FEATURES[one.feature]
        column = table[f"need_{number}" if feature.of_need else feature.column]
        held[f"held_{number}"] = column.notnull() if feature.of_need else _holds(one, column)
        is_text = feature.of_need or feature.kind in ("word", "need")
        words[f"word_{number}"] = column.fill_null("") if is_text else ibis.literal("")
    table = table.mutate(**held, **words)
    chosen = _joined(node, iter([table[name] for name in held]))
    if not any(one.feature == "wholesale" for one in asked):
        chosen = chosen & ~table.is_wholesale
    return table.filter(chosen).select(*_KEY, *_FACTS, *held, *words)


def _table(frame: pd.DataFrame) -> Any:
    # From pandas, so that what is missing is NULL: DuckDB holds NaN for larger than everything.
    return ibis.memtable(pa.Table.from_pandas(frame, preserve_index=False))


def _needs(asked: list[Condition], due: Any, as_of: date) -> Any:
    """Return, by person, the first need for which each condition about needs holds."""
    found: dict[str, Any] = {}
    for number, one in enumerate(asked):
        feature = FEATURES[one.feature]
        if not feature.of_need:
            continue
        column = due[feature.column]
        if feature.direction:
            days = column.cast("timestamp").epoch_seconds() // 86_400 - day_number(as_of)
            column = days * feature.direction
        holds = _holds(one, column)
        if one.need != ANY:
            holds = holds & (due.need == one.need)
        found[f"need_{number}"] = due.need.min(where=holds)
    return due.group_by(_KEY).aggregate(**found) if found else None


def _holds(one: Condition, column: Any) -> Any:
    if one.operator == "one_of":
        holds = column.isin(list(one.value))
    elif one.operator == "between":
        holds = column.between(*one.value)
    elif one.operator == "at_least":
        holds = column >= one.value
    elif one.operator == "at_most":
        holds = column <= one.value
    else:
        holds = column == one.value
    return holds.fill_null(False)


def _joined(node: Node, held: Iterator[Any]) -> Any:
    """Join the columns as the document joins its conditions, which come in the same order."""
    if isinstance(node, Condition):
        return next(held)
    if isinstance(node, Not):
        return ~_joined(node.part, held)
    parts = [_joined(part, held) for part in node.parts]
    return reduce(and_ if node.joint == "all" else or_, parts)
