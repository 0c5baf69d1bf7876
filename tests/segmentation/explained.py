"""One example of every kind of assignment and of every kind of leaving, as they are stored."""

from __future__ import annotations

from typing import Any

#: Segment to the reason somebody is in it. A new kind of segment, or of sentence, needs a row.
REASONS: dict[str, dict[str, Any]] = {
    "due:suits:now": {
        "key": "due", "need": "suits", "title": "Navy suit", "last_on": "2025-03-14", "life": 700,
        "gaps": 312, "basis": "learned", "own_gaps": 2, "expected": 640,
    },
    "due:anything:now": {"key": "due-anything", "needs": ["suits", "shirts"]},
    "shops:menswear": {
        "key": "shops", "department": "men", "men": 7, "women": 1, "of": 8, "since": 2023,
    },
    "style:business": {
        "key": "style", "style": "business", "items": 6, "of": 8, "since": 2023,
    },
    "loves:shirts": {"key": "loves", "need": "shirts", "items": 5, "of": 8, "share": 0.21},
    "next:shirts": {
        "key": "next", "after": "suits", "need": "shirts", "bought_on": "2026-02-01",
        "within": 90, "share": 0.31, "base": 0.08,
    },
    "interest:suits:hot": {
        "key": "interest", "need": "suits", "first_on": "2026-02-20", "last_on": "2026-02-27",
    },
    "stage:regular": {
        "key": "stage", "stage": "regular", "last_on": "2026-01-20", "gap": 42, "frequency": 7,
        "f": 4, "m": 4,
    },
    "value:high": {
        "key": "value", "level": "high", "frequency": 7, "since": 2023, "last_on": "2026-01-20",
    },
    "group:menswear:suits:colour-navy": {
        "key": "group",
        "parts": [["shops", "menswear"], ["need", "suits"], ["colour", "navy", 4, 6]],
    },
    "cluster:1": {
        "key": "cluster", "told": [["frequency", "low"]], "frequency": 2, "breadth": 1,
        "since": 2023, "last_on": "2026-01-20",
    },
    "own:1": {
        "key": "own", "currency": "EUR",
        "held": [{"feature": "frequency", "is": "at_least", "value": 3, "fact": 7}],
    },
    "b2b:account": {"key": "b2b", "why": "source"},
    "b2b:suits:overdue": {
        "key": "overdue", "need": "suits", "last_on": "2026-01-20", "expected_on": "2026-02-24",
        "every": 35, "spread": 6, "orders": 9, "units": 40, "contacts": 2,
    },
    "test:holdout": {"key": "holdout", "percent": 10},
}  # fmt: skip
#: Cause of leaving to what stands in it.
CAUSES: dict[str, dict[str, Any]] = {
    "left-bought": {"need": "suits", "on": "2026-05-01"},
    "left-returned": {"need": "suits"},
    "left-first": {"need": "shirts"},
    "left-moved": {"need": "suits", "state": "late"},
    "left-expired": {"need": "suits"},
    "left-later": {"need": "suits", "on": "2026-05-01"},
    "left-unlikely": {"need": "suits"},
    "left-business": {},
    "left-other": {"segment": "stage:at-risk"},
    "left-unknown": {},
    "left-passed": {"need": "shirts", "after": "suits", "within": 90},
    "left-refit": {"need": "shirts", "after": "suits"},
    "left-group": {},
    "left-ungrouped": {},
    "left-interest": {"need": "suits"},
    "left-kind": {"told": [["frequency", "high"]]},
    "left-own": {},
    "left-removed": {},
    "left-b2b": {},
    "left-ordered": {"on": "2026-05-01"},
    "left-gone": {"on": "2026-05-01"},
    "left-test": {},
}


def cause(key: str) -> dict[str, Any]:
    """Return a cause as it is stored."""
    return {"key": key, **CAUSES[key]}
