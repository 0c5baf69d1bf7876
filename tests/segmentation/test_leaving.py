"""Whoever leaves a segment leaves for a cause, told in both languages."""

from __future__ import annotations

from datetime import date
from typing import Any

import pandas as pd
import pytest

from segmentation.frames import DUE, PROFILES, SEGMENTS, Assigned, empty
from segmentation.leaving import causes
from segmentation.reasons import render

MARCH, APRIL, MAY = (pd.Timestamp(2026, month, 1) for month in (3, 4, 5))
NOW = {"need": "suits", "state": "now", "waits_for": "", "last_on": APRIL}


def _due(*rows: dict[str, Any]) -> pd.DataFrame:
    if not rows:
        return empty(DUE)
    return pd.DataFrame([{"person_id": 1, "passed": 0.5, "expected_on": MAY, **r} for r in rows])


def cause(
    segment: str,
    *,
    before: tuple[dict[str, Any], ...] = (),
    due: tuple[dict[str, Any], ...] = (),
    inside: tuple[str, ...] = (),
) -> tuple[str, str]:
    """Return the sentence of why person 1 left, in English and Dutch."""
    segments = empty(SEGMENTS)
    if inside:
        segments = pd.DataFrame({"person_id": 1, "segment": list(inside), "reason": None})
    now = Assigned(
        segments=segments, due=_due(*due), profiles=empty(PROFILES), counters={}, groups=()
    )
    found = causes(
        {(1, segment): {}}, previous_due=_due(*before), assigned=now, as_of=date(2026, 5, 2)
    )[1, segment]
    return render(found, "en", {}), render(found, "nl", {})


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        pytest.param({"last_on": MAY, "state": ""}, "Suit bought 1 May 2026.", id="bought"),
        pytest.param(
            {"last_on": MARCH, "state": "late"},
            "What was bought of suits counts no more: returned, cancelled, somebody else's, or "
            "other goods than we took it for.",
            id="returned",
        ),
        pytest.param(
            {"waits_for": "shirts"},
            "One thing at a time is told: first shirts.",
            id="another need first",
        ),
        pytest.param({"state": "late"}, "Still due for suits, by now as “late”.", id="went on"),
        pytest.param(
            {"state": "", "passed": 0.8},
            "Most who come back for suits have come by now, and this customer has not.",
            id="expired",
        ),
        pytest.param(
            {"state": "", "passed": 0.79},
            "A purchase of suits is not likely enough any more.",
            id="not likely any more",
        ),
        pytest.param(
            {"state": "", "passed": 0.1},
            "Not that far yet: a purchase of suits is expected around 1 May 2026.",
            id="the date moved away",
        ),
    ],
)
def test_who_is_due_no_more_has_a_cause(changed: dict[str, Any], sentence: str) -> None:
    told, waits = NOW, {**NOW, "need": "belts", "waits_for": "suits"}
    for segment in ("due:suits:now", "due:anything:now"):
        assert cause(segment, before=(waits, told), due=({**NOW, **changed},))[0] == sentence


def test_who_bought_nothing_that_counts_has_nothing_that_counts() -> None:
    text, dutch = cause("due:suits:now", before=(NOW,))
    assert text.startswith("What was bought of suits counts no more")
    assert dutch.startswith("Wat aan pakken was gekocht telt niet meer")


def test_one_segment_of_a_group_takes_the_place_of_another() -> None:
    left = cause("stage:regular", inside=("loves:shirts", "stage:at-risk"))
    assert left == ("Now in “Stage: At risk”.", "Zit nu in “Fase: Dreigt af te haken”.")
    assert cause("loves:suits", inside=("loves:shirts",))[0] == "Now in “Loves: Shirts”."
    assert cause("loves:suits") == (
        "Too little is known for it by now.",
        "Daar is nu te weinig voor bekend.",
    )


def test_who_turns_out_to_be_a_business_leaves_as_one() -> None:
    for segment in ("due:suits:now", "stage:regular", "value:high"):
        assert cause(segment, inside=("b2b:account",))[0] == "Counts as a business customer now."
    assert cause("own:3", inside=("b2b:account",))[0].startswith("The conditions of the segment")
    assert cause("b2b:account")[0] == "Counts as a business customer no more."
