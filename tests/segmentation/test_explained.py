"""Whoever is in a segment is there for a reason, and leaves it for a cause, in two languages."""

from __future__ import annotations

from datetime import date
from typing import Any

import pandas as pd
import pytest

from segmentation import reasons
from segmentation.frames import DUE, PROFILES, SEGMENTS, Assigned, empty
from segmentation.leaving import CAUSES, causes
from segmentation.leaving_words import LEAVING
from segmentation.reasons import render
from segmentation.segments import MOST_PER_GROUP
from segmentation.trade.words import LACKS
from tests.segmentation import explained

#: Said of a company's basket, and of what somebody likes: no segments.
_NO_SEGMENTS = {"likes", *(key for key, _ in LACKS)}


def group_of(segment: str) -> str:
    return segment.partition(":")[0]


def test_every_group_of_segments_has_a_reason_and_a_cause_of_leaving() -> None:
    assert {group_of(segment) for segment in explained.REASONS} == set(MOST_PER_GROUP)
    assert set(CAUSES) == set(MOST_PER_GROUP)


def test_every_sentence_there_is_belongs_to_one_of_them() -> None:
    said = {key for key, _ in reasons._SENTENCES}
    kept = {reason["key"] for reason in explained.REASONS.values()}
    left = {cause for of_group in CAUSES.values() for cause in of_group}
    assert said == kept | left | _NO_SEGMENTS
    assert left == {key for key, _ in LEAVING} == set(explained.CAUSES)


@pytest.mark.parametrize(
    "told", [*explained.REASONS.values(), *map(explained.cause, explained.CAUSES)],
    ids=[*explained.REASONS, *explained.CAUSES],
)  # fmt: skip
def test_every_reason_and_cause_is_one_sentence_in_both_languages(told: dict[str, Any]) -> None:
    english, dutch = (render(told, language, {}) for language in ("en", "nl"))
    assert english != dutch
    for text in (english, dutch):
        assert text[:1].isupper() or text[:1].isdigit()
        assert text.endswith(".")
        assert "{" not in text
        assert "None" not in text


@pytest.mark.parametrize(
    ("need", "said"),
    [
        pytest.param("suits", "suits here last 23 months", id="a plural"),
        pytest.param("sportswear", "sportswear here lasts 23 months", id="goods without a plural"),
        pytest.param("dog-food", "dog food here lasts 23 months", id="the merchant's own name"),
        pytest.param("garden-gnomes", "garden gnomes here last 23 months", id="his own plural"),
    ],
)
def test_how_long_a_thing_lasts_is_said_with_the_verb_that_goes_with_its_name(
    need: str, said: str
) -> None:
    why = {"key": "due", "need": need, "title": "It", "last_on": "2025-03-14", "life": 700,
           "gaps": 312, "basis": "learned", "own_gaps": 0, "expected": 700}  # fmt: skip
    assert said in render(why, "en", {})


@pytest.mark.parametrize("segment", explained.REASONS)
@pytest.mark.parametrize("inside", [(), ("b2b:account",)], ids=["nothing", "business"])
def test_whoever_is_in_nothing_any_more_left_for_one_of_the_causes_of_its_group(
    segment: str, inside: tuple[str, ...]
) -> None:
    inside = tuple(one for one in inside if one != segment)
    assert cause(segment, inside)["key"] in CAUSES[group_of(segment)]


def cause(
    segment: str,
    inside: tuple[str, ...] = (),
    due: tuple[tuple[str, str], ...] = (),
    before: tuple[tuple[str, str], ...] = (),
    groups: tuple[str, ...] = (),
) -> dict[str, Any]:
    """Return why person 1 left on 1 March 2026; `due` are needs and their last days."""
    rows = [(1, one, explained.REASONS[one]) for one in inside]
    segments = pd.DataFrame(rows, columns=["person_id", "segment", "reason"])
    now = Assigned(
        segments=segments if rows else empty(SEGMENTS),
        due=_due(due),
        profiles=empty(PROFILES),
        counters={},
        groups=groups,
    )
    left = {(1, segment): explained.REASONS[segment]}
    found = causes(left, previous_due=_due(before), assigned=now, as_of=date(2026, 3, 1))
    return found[1, segment]


def _due(rows: tuple[tuple[str, str], ...]) -> pd.DataFrame:
    if not rows:
        return empty(DUE)
    return pd.DataFrame(
        [{"person_id": 1, "need": need, "last_on": pd.Timestamp(day)} for need, day in rows]
    )


SUITS, SHIRTS = ("suits", "2026-02-01"), ("shirts", "2025-01-01")


@pytest.mark.parametrize(
    ("now", "told"),
    [
        pytest.param({"due": (SUITS, ("shirts", "2026-02-20"))}, "left-bought", id="bought"),
        pytest.param({"due": (SHIRTS,)}, "left-returned", id="the first was returned"),
        pytest.param({"due": (("suits", "2025-11-01"), SHIRTS)}, "left-returned", id="one was"),
        pytest.param({"due": (SUITS, SHIRTS)}, "left-refit", id="follows no more by the new fit"),
    ],
)
def test_what_follows_is_left_for_a_cause(now: dict[str, Any], told: str) -> None:
    assert cause("next:shirts", before=(SUITS, SHIRTS), **now)["key"] == told


def test_what_follows_is_left_when_its_time_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    long_ago = {**explained.REASONS["next:shirts"], "bought_on": "2025-11-30"}
    monkeypatch.setitem(explained.REASONS, "next:shirts", long_ago)
    found = cause("next:shirts", due=(("suits", "2025-11-30"),))
    assert render(found, "en", {}) == "No shirt bought within 90 days of buying suits."


def test_a_group_is_left_for_another_one_or_because_there_is_none() -> None:
    (segment,) = (one for one in explained.REASONS if one.startswith("group:"))
    assert cause(segment)["key"] == "left-ungrouped"
    assert cause(segment, groups=(segment,))["key"] == "left-group"


def test_who_becomes_another_kind_of_customer_is_told_which() -> None:
    found = causes(
        {(1, "cluster:2"): {}},
        previous_due=empty(DUE),
        assigned=Assigned(
            segments=pd.DataFrame(
                [(1, "cluster:1", explained.REASONS["cluster:1"])],
                columns=["person_id", "segment", "reason"],
            ),
            due=empty(DUE), profiles=empty(PROFILES), counters={}, groups=(),
        ),
        as_of=date(2026, 3, 1),
    )  # fmt: skip
    assert render(found[1, "cluster:2"], "en", {}) == "Most like those who buy rarely by now."
