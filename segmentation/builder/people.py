"""Who documents ask for: compiled to one Ibis expression over profiles and due-dates.

A condition of which nothing is known (no forecast, no such need) does not hold, and what is said
with "not" of it does. Business customers are left out unless a condition asks about them, as from
all other segments.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from functools import reduce
from operator import and_, or_
from typing import Any

import ibis
import pandas as pd
import pyarrow as pa

from segmentation.builder.document import Condition, Node, Not, conditions
from segmentation.builder.vocabulary import ANY, FEATURES, LISTED
from segmentation.features import day_number
from segmentation.frames import DUE, PROFILES

_KEY = ["account_id", "person_id"]
#: Columns of profiles that reasons tell, whatever is asked.
_FACTS = ("recency", "tenure", "frequency")


def columns(nodes: Sequence[Node]) -> tuple[list[str], list[str]]:
    """Return the columns of `frames.PROFILES` and of `frames.DUE` that documents need.

    Examples
    --------
    >>> columns([Condition("due_state", "one_of", ("now",), "suits")])[1]
    ['account_id', 'person_id', 'need', 'state']
    """
    asked = [FEATURES[one.feature] for one in _asked(nodes)]
    person = {*_KEY, *_FACTS, "is_wholesale"} | {f.column for f in asked if not f.of_need}
    need = {*_KEY, "need"} | {f.column for f in asked if f.of_need}
    return [c for c in PROFILES if c in person], [c for c in DUE if c in need]


def people(node: Node, profiles: pd.DataFrame, due: pd.DataFrame, *, as_of: date) -> pd.DataFrame:
    """Return the people one document asks for, as `people_of`."""
    return people_of([node], profiles, due, as_of=as_of)[0]


def people_of(
    nodes: Sequence[Node], profiles: pd.DataFrame, due: pd.DataFrame, *, as_of: date
) -> list[pd.DataFrame]:
    """Return the people that each of several documents asks for, sorted by account and person.

    All in one run of the engine: starting it costs more than what it does.

    Parameters
    ----------
    profiles, due
        As `frames.PROFILES` and `frames.DUE`, or of them the `columns` of the documents.
    as_of
        The day they were computed for.

    Returns
    -------
    list of DataFrame
        account_id, person_id, recency, tenure, frequency; and of the nth condition `held_n`,
        whether it held, and `word_n`: for which need (the first in the alphabet), or which of the
        words asked for the person has; "" for neither.
    """
    if not nodes:
        return []
    engine = ibis.duckdb.connect()
    try:
        wanted, of_need = columns(nodes)
        table = expression(nodes, _table(profiles[wanted]), _table(due[of_need]), as_of=as_of)
        frame: pd.DataFrame = engine.to_pyarrow(table.order_by(_KEY)).to_pandas()
    finally:
        engine.disconnect()
    places = {one: place for place, one in enumerate(_asked(nodes))}
    return [_of(number, node, places, frame) for number, node in enumerate(nodes)]


def expression(nodes: Sequence[Node], profiles: Any, due: Any, *, as_of: date) -> Any:
    """Return the Ibis expression of `people_of`, for any engine and many accounts at once.

    A condition that several documents share is asked once: `held_n` and `word_n` are of the nth
    different one, and `in_n` tells whom the nth document asks for.
    """
    asked = _asked(nodes)
    needs = _needs(asked, due, as_of)
    table = profiles
    if needs is not None:
        table = profiles.left_join(needs, _KEY).drop("account_id_right", "person_id_right")
    held, words = {}, {}
    for number, one in enumerate(asked):
        feature = FEATURES[one.feature]
        column = table[f"need_{number}" if feature.of_need else feature.column]
        held[f"held_{number}"] = column.notnull() if feature.of_need else _holds(one, column)
        is_text = feature.of_need or feature.kind in LISTED
        words[f"word_{number}"] = column.fill_null("") if is_text else ibis.literal("")
    table = table.mutate(**held, **words)
    holds = dict(zip(asked, (table[name] for name in held), strict=True))
    chosen = {f"in_{number}": _chosen(node, holds, table) for number, node in enumerate(nodes)}
    table = table.mutate(**chosen)
    table = table.filter(reduce(or_, (table[name] for name in chosen)))
    return table.select(*_KEY, *_FACTS, *chosen, *held, *words)


def _asked(nodes: Sequence[Node]) -> list[Condition]:
    """Return the different conditions of documents, in their order."""
    return list(dict.fromkeys(one for node in nodes for one in conditions(node)))


def _of(
    number: int, node: Node, places: Mapping[Condition, int], frame: pd.DataFrame
) -> pd.DataFrame:
    """Return the rows of one document, its own conditions counted from 0."""
    rows = frame[frame[f"in_{number}"].to_numpy()].reset_index(drop=True)
    own = [places[one] for one in conditions(node)]
    named = {
        f"{kind}_{at}": rows[f"{kind}_{place}"]
        for kind in ("held", "word")
        for at, place in enumerate(own)
    }
    return pd.concat([rows[[*_KEY, *_FACTS]], pd.DataFrame(named)], axis=1)


def _chosen(node: Node, holds: Mapping[Condition, Any], table: Any) -> Any:
    chosen = _joined(node, holds)
    asks_business = any(one.feature == "wholesale" for one in conditions(node))
    return chosen if asks_business else chosen & ~table.is_wholesale


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


def _joined(node: Node, holds: Mapping[Condition, Any]) -> Any:
    """Join the columns of conditions as a document joins these."""
    if isinstance(node, Condition):
        return holds[node]
    if isinstance(node, Not):
        return ~_joined(node.part, holds)
    parts = [_joined(part, holds) for part in node.parts]
    return reduce(and_ if node.joint == "all" else or_, parts)
