"""What must hold for every shop."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from random import Random

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from segmentation.compute import assign, fit
from segmentation.fitted import Fitted, NotFitted
from segmentation.frames import (
    PREVIOUS_DUE,
    PREVIOUS_SEGMENTS,
    Assigned,
    Choices,
    Frames,
    empty,
)
from segmentation.reasons import render
from segmentation.segments import LONGEST_NAME, catalogue
from tests.segmentation.builders import ACCOUNT, Buy, assigned, frames, random_shop

AS_OF = date(2025, 6, 30)
few = settings(
    max_examples=3, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)
shops = st.integers(0, 10_000)


def _same(one: Assigned, other: Assigned) -> None:
    for name in ("segments", "due", "profiles"):
        pd.testing.assert_frame_equal(getattr(one, name), getattr(other, name), check_exact=True)


@few
@given(seed=shops)
def test_rows_after_the_day_change_nothing(seed: int) -> None:
    buys = random_shop(seed)
    later = [replace(b, on=b.on + timedelta(days=1_100)) for b in buys[:40]]
    one, other = assigned(buys, AS_OF), assigned([*buys, *later], AS_OF)
    _same(one, other)
    assert one.counters == other.counters


@few
@given(seed=shops, chosen=st.sets(st.integers(1, 40), min_size=1, max_size=8))
def test_a_few_people_are_placed_as_with_all(seed: int, chosen: set[int]) -> None:
    known = frames(random_shop(seed))
    numbers = fit(known, as_of=AS_OF, choices=Choices())
    part = Frames(
        lines=known.lines[known.lines["person_id"].isin(chosen)],
        products=known.products,
        people=known.people[known.people["person_id"].isin(chosen)],
    )
    every, some = _assign(numbers, known), _assign(numbers, part)
    for name in ("segments", "due", "profiles"):
        whole = getattr(every, name)
        mine = whole[whole["person_id"].isin(chosen)].reset_index(drop=True)
        pd.testing.assert_frame_equal(mine, getattr(some, name), check_exact=True)


@few
@given(seed=shops)
def test_a_second_run_changes_nothing(seed: int) -> None:
    buys = random_shop(seed)
    first = assigned(buys, AS_OF)
    _same(first, assigned(buys, AS_OF, before=first))


@few
@given(seed=shops)
def test_the_order_of_rows_is_irrelevant(seed: int) -> None:
    known = frames(random_shop(seed))
    shuffled = Frames(
        lines=known.lines.sample(frac=1, random_state=seed).reset_index(drop=True),
        products=known.products.sample(frac=1, random_state=seed).reset_index(drop=True),
        people=known.people.sample(frac=1, random_state=seed).reset_index(drop=True),
    )
    one, other = (fit(f, as_of=AS_OF, choices=Choices()) for f in (known, shuffled))
    assert one.to_dict() == other.to_dict()
    _same(_assign(one, known), _assign(other, shuffled))


@few
@given(seed=shops)
def test_a_purchase_ends_every_due_state_of_its_need(seed: int) -> None:
    buys = random_shop(seed)
    before = assigned(buys, AS_OF)
    named = [b for b in buys if b.person is not None and b.status == "paid" and not b.gift]
    again = Random(seed).choice(named)
    new = replace(again, on=AS_OF, refunded=0.0, refunded_on=None, loose=False)
    after = assigned([*buys, new], AS_OF, before=before)
    now = after.due[(after.due["person_id"] == new.person) & (after.due["last_on"] == str(AS_OF))]
    assert len(now) == 1
    assert now.iloc[0]["state"] == ""
    prefix = f"due:{now.iloc[0]['need']}:"
    mine = after.segments[after.segments["person_id"] == new.person]["segment"]
    assert not mine.str.startswith(prefix).any()


@few
@given(seed=shops)
def test_ninety_quiet_days_never_flip_a_tag_back_and_forth(seed: int) -> None:
    buys = random_shop(seed, people=25)
    before: Assigned | None = None
    left: set[tuple[int, str]] = set()
    had: set[tuple[int, str]] = set()
    for day in range(0, 90, 15):
        before = assigned(buys, AS_OF + timedelta(days=day), before=before)
        now = set(zip(before.segments["person_id"], before.segments["segment"], strict=True))
        # The sum over needs may rest between two of them; each single state may not return.
        now = {pair for pair in now if pair[1] != "due:anything:now"}
        assert not (now - had) & left
        left |= had - now
        had = now


@few
@given(seed=shops)
def test_every_assignment_has_a_name_and_a_sentence_in_both_languages(seed: int) -> None:
    buys = [*random_shop(seed), Buy(person=99, on=AS_OF, channel="wholesale")]
    known = frames(buys, business=[5])
    numbers = fit(known, as_of=AS_OF, choices=Choices())
    outcome = _assign(numbers, known)
    names = numbers.names(ACCOUNT)
    listed = {segment.key: segment for segment in catalogue(names)}
    for key, reason in zip(
        [*outcome.segments["segment"], *[None] * len(outcome.due)],
        [*outcome.segments["reason"], *outcome.due["reason"]],
        strict=True,
    ):
        for language in ("en", "nl"):
            text = render(reason, language, names)
            assert text.endswith(".")
            assert "{" not in text
            if key is not None:
                assert 0 < len(listed[key].name(language)) <= LONGEST_NAME
    assert {"b2b:account"} == set(
        outcome.segments[outcome.segments["person_id"].isin([5, 99])]["segment"]
    )


@few
@given(seed=shops)
def test_stored_numbers_place_people_as_fresh_ones_do(seed: int) -> None:
    known = frames(random_shop(seed))
    numbers = fit(known, as_of=AS_OF, choices=Choices())
    _same(_assign(numbers, known), _assign(Fitted.from_dict(numbers.to_dict()), known))


def test_numbers_of_another_version_are_refused() -> None:
    with pytest.raises(NotFitted, match="schema"):
        Fitted.from_dict({"schema": 0, "as_of": "2025-01-01", "accounts": {}})


def test_an_account_that_was_not_fitted_is_refused() -> None:
    known = frames(random_shop(1, people=3))
    with pytest.raises(NotFitted, match="account 3"):
        _assign(Fitted(as_of="2025-01-01", accounts={}), known)


def test_an_empty_shop_has_no_segments() -> None:
    known = frames([])
    outcome = _assign(fit(known, as_of=AS_OF, choices=Choices()), known)
    assert outcome.segments.empty
    assert outcome.due.empty
    assert outcome.profiles.empty


def _assign(numbers: Fitted, known: Frames) -> Assigned:
    return assign(
        numbers,
        known,
        as_of=AS_OF,
        choices=Choices(),
        previous_due=empty(PREVIOUS_DUE),
        previous_segments=empty(PREVIOUS_SEGMENTS),
    )
