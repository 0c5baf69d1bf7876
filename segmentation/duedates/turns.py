"""One need a person at a time: whose turn it is, and who waits for it.

Nobody wants three messages at once. What is due now goes first; of several, the one that was told
before, so that no tag moves to and fro; else the likeliest.
"""

from __future__ import annotations

import pandas as pd


def waits_for(due: pd.DataFrame, told: pd.Series) -> pd.Series:
    """Return the need that goes before each row's; "" where it is its turn, or not due at all.

    Parameters
    ----------
    due
        person_id, need, state, p_within, expected_on; one row a person and need.
    told
        Whether last time it was the row's turn, for the same purchase.

    Examples
    --------
    >>> due = pd.DataFrame({"person_id": [1, 1, 1], "need": ["suits", "socks", "belts"],
    ...                     "state": ["now", "now", ""], "p_within": [0.2, 0.5, 0.0],
    ...                     "expected_on": pd.to_datetime(["2026-03-01"] * 3)})
    >>> waits_for(due, pd.Series([False] * 3)).tolist()
    ['socks', '', '']
    >>> waits_for(due, pd.Series([True, False, False])).tolist()
    ['', 'suits', '']
    """
    is_open = (due["state"] != "").to_numpy()
    ranked = due.assign(later=due["state"] != "now", newer=~told, less=-due["p_within"])[is_open]
    ranked = ranked.sort_values(["person_id", "later", "newer", "less", "expected_on", "need"])
    first = ranked.drop_duplicates("person_id").set_index("person_id")["need"]
    goes_first = due["person_id"].map(first)
    waits = is_open & (goes_first != due["need"]).to_numpy()
    return goes_first.where(waits, "").astype("str")
