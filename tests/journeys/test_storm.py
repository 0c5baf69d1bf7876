"""Half an hour of 429, 5xx and cut lines: a push comes through it without a person."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from integration.sandbox.faults import Storm
from tests.journeys.weather import click, held, made_twice, shop_in, status, work_off

PEOPLE, HALF_AN_HOUR = 60, timedelta(minutes=30)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What the audience holds after a push in fair weather."""
    with shop_in(tmp_path_factory.mktemp("undisturbed"), PEOPLE) as shop:
        click(shop)
        assert len(work_off(shop)) == 1
        return held(shop)


@pytest.mark.parametrize(("seed", "probability"), [(1, 0.3), (2, 0.6), (3, 0.9), (4, 0.95)])
def test_a_push_in_a_storm_of_half_an_hour_ends_right_without_a_person(
    tmp_path: Path, undisturbed: str, seed: int, probability: float
) -> None:
    with shop_in(tmp_path, PEOPLE) as shop:
        plan_id = click(shop)
        clock = shop.sandbox.state.clock
        storm = Storm(until=clock.now() + HALF_AN_HOUR, probability=probability, seed=seed)
        shop.sandbox.state.faults.blow(storm)
        tried = work_off(shop)
        assert status(shop, plan_id) == "published"
        assert held(shop) == undisturbed
        assert made_twice(shop) == []
        seen = {entry.status for entry in shop.sandbox.requests}
        assert {429, 500} & seen, "it did blow"
        assert tried
        before = len(shop.sandbox.requests)
        shop.sandbox.state.faults.clear()  # a push that was lucky is done before the half hour is
        click(shop)
        work_off(shop)
        written = [e for e in shop.sandbox.requests[before:] if e.method != "GET"]
        assert written == [], "what is there is known to be there"
