"""The frame that measures the bars, and the public orders it reads."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.benchmarks.__main__ import END, START, main, names, table, written
from tests.benchmarks.duedates import complete_journey, online_retail
from tests.benchmarks.result import Result

GOOD = Result(set="shop", metric="right", ours=0.97, bar=0.95, baseline=0.5)
BAD = Result(set="shop", metric="wrong", ours=0.2, bar=0.1, better="lower")


def test_a_table_says_what_holds_and_what_does_not() -> None:
    lines = table([GOOD, BAD]).splitlines()
    assert lines[2] == "| shop | right | 0.97 | ≥ 0.95 | yes | 0.5 |  |"
    assert lines[3] == "| shop | wrong | 0.2 | ≤ 0.1 | **no** |  |  |"


def test_only_the_part_between_the_markers_is_rewritten() -> None:
    page = f"Before\n{START}\nmeasured last year\n{END}\nAfter\n"
    text = written(page, {"reference": [GOOD]})
    assert text.startswith(f"Before\n{START}\n")
    assert text.endswith(f"{END}\nAfter\n")
    assert "last year" not in text
    assert "| shop | right |" in text
    assert written(text, {"reference": [GOOD]}) == text


def test_figures_that_were_not_measured_this_time_stay() -> None:
    page = written(f"{START}\n{END}\n", {"push": [GOOD], "ingest": [GOOD, BAD]})
    again = written(page, {"push": [BAD]})
    assert again.count("| shop | right |") == 1
    assert again.count("| shop | wrong |") == 2
    assert again.index("### ingest") < again.index("### push")


def test_a_page_without_markers_is_refused() -> None:
    with pytest.raises(ValueError, match="no part between"):
        written("nothing here", {})


def test_benchmarks_are_found_by_themselves(capsys: pytest.CaptureFixture[str]) -> None:
    assert {"reference", "duedates"} <= set(names())
    assert main(["--list"]) == 0
    assert capsys.readouterr().out.split() == names()


def test_the_status_says_whether_every_result_holds(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    results = [GOOD]
    monkeypatch.setattr("tests.benchmarks.reference.run", lambda data: results)
    assert main(["reference", "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["results"][0]["holds"] is True
    results.append(BAD)
    assert main(["reference"]) == 1


@pytest.mark.shared
def test_public_orders_are_read_as_frames(shared_data: Path) -> None:
    journey, retail = complete_journey(shared_data), online_retail(shared_data)
    assert journey.people.shape[0] > 1_400
    assert retail.people.shape[0] > 2_100
    assert (retail.lines["quantity"] < 0).any()
