"""Half an hour of 429, 5xx and cut lines during a push, on a clock that both sides share."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from integration.sandbox.faults import Storm
from tests.benchmarks.result import Result
from tests.journeys.weather import click, held, made_twice, shop_in, status, work_off

PEOPLE, MINUTES = 600, 30
#: Shares of all requests and operations that fail.
SHARES = (0.3, 0.6, 0.9)


def run(data: Path) -> list[Result]:  # every benchmark is called alike
    """Push once in fair weather and once in each storm, and compare."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with shop_in(folder / "fair", PEOPLE) as shop:
            click(shop)
            work_off(shop)
            fair = held(shop)
        return [
            result
            for number, share in enumerate(SHARES)
            for result in _in_storm(folder / str(number), share, fair)
        ]


def _in_storm(folder: Path, share: float, fair: str) -> Iterator[Result]:
    with shop_in(folder, PEOPLE) as shop:
        plan_id = click(shop)
        began = shop.sandbox.state.clock.now()
        storm = Storm(until=began + timedelta(minutes=MINUTES), probability=share, seed=1)
        shop.sandbox.state.faults.blow(storm)
        tried = work_off(shop)
        took = (shop.sandbox.state.clock.now() - began).total_seconds() / 60
        failed = sum(entry.status >= 400 for entry in shop.sandbox.requests)
        where = f"{PEOPLE} members, {MINUTES} minutes in which {share:.0%} fail"

        def told(metric: str, ours: float, bar: float | None = None) -> Result:
            return Result(set=where, metric=metric, ours=round(ours, 2), bar=bar, better="lower")

        yield told("left undone without a person", int(status(shop, plan_id) != "published"), 0)
        yield told("differences from a push in fair weather", int(held(shop) != fair), 0)
        yield told("tags, fields, segments made twice", len(made_twice(shop)), 0)
        yield told("minutes of the clock until it was done", took)
        yield told("tries of the job", len(tried))
        yield told("requests and operations refused", failed)
