"""The benchmark of the push measures what it says, on a small audience."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.benchmarks.push import run

pytestmark = pytest.mark.slow


def test_every_bar_but_that_of_time_holds_for_a_small_audience(tmp_path: Path) -> None:
    results = {result.metric: result for result in run(tmp_path, members=600, latency_ms=1)}
    failed = [r.metric for r in results.values() if not r.holds and "time" not in r.metric]
    assert failed == []
    assert results["first push: field operations"].ours == 600
    assert results["2% changed: field operations"].ours == 12
    assert results["first push: tag calls"].ours == results["first push: tag calls"].bar
