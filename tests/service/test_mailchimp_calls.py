"""Calls side by side: how many, in whose thread their answers are settled, and after an error."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, cast

import pytest

from integration.mailchimp import batching
from integration.mailchimp.answers import BatchInfo
from integration.mailchimp.batching import Pace
from integration.mailchimp.calls import Calls
from integration.mailchimp.errors import Failed, StillRunning, Throttled


def test_no_more_calls_run_than_allowed_and_all_are_settled_in_the_callers_thread() -> None:
    running = most = 0
    lock = threading.Lock()
    settled: list[int] = []
    threads: set[str] = set()

    def call(number: int) -> int:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        threading.Event().wait(0.005)
        with lock:
            running -= 1
        return number

    def settle(answer: Callable[[], int]) -> None:
        settled.append(answer())
        threads.add(threading.current_thread().name)

    with Calls(3) as calls:
        for number in range(20):
            calls.start(partial(call, number), settle)
        while calls.are_running:
            calls.turn()
    assert sorted(settled) == list(range(20))
    assert threads == {threading.current_thread().name}
    assert most == 3


def test_after_an_error_the_others_are_settled_and_the_first_error_is_told() -> None:
    settled: list[str] = []
    go_on = threading.Event()

    def slow() -> str:
        go_on.wait(5)
        return "slow"

    def later() -> str:
        go_on.wait(5)
        raise Failed("second")

    def fails() -> str:
        raise Throttled("first")

    def settle(answer: Callable[[], str]) -> None:
        try:
            settled.append(answer())
        finally:
            go_on.set()

    with pytest.raises(Throttled, match="first"):
        work_off([slow, later, fails], settle)
    assert settled == ["slow"]


def test_after_any_other_error_nothing_more_is_settled() -> None:
    settled: list[str] = []

    def settle(answer: Callable[[], str]) -> None:
        settled.append(answer())
        raise KeyError("the job belongs to another worker")

    with pytest.raises(KeyError):
        work_off([lambda: "one", lambda: "other"], settle)
    assert len(settled) == 1


def work_off(
    work: Sequence[Callable[[], str]], settle: Callable[[Callable[[], str]], None]
) -> None:
    with Calls(len(work)) as calls:
        for call in work:
            calls.start(call, settle)
        while calls.are_running:
            calls.turn()


# -- when a batch is looked at ---------------------------------------------------------------------


class Watch:
    """A clock in the test's hand."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def batch(finished: int, total: int = 500) -> BatchInfo:
    return BatchInfo(id="b", status="started", results_url="", total=total, finished=finished)


def look(pace: Pace, watch: Watch, finished: int) -> float:
    """Look when the pace says so; return the seconds until the next look."""
    watch.now = pace.looks_at
    pace.looked(batch(finished))
    return round(pace.looks_at - watch.now, 2)


def test_a_batch_is_looked_at_when_it_should_be_done() -> None:
    watch = Watch()
    pace = Pace(1.0, now=watch)
    assert pace.looks_at == 1.0
    assert look(pace, watch, 100) == 4.0  # 100 a second, 400 left
    assert look(pace, watch, 499) == 1.0  # never sooner than that
    pace.begin()
    assert pace.looks_at == watch.now, "one that came after others may be half done"
    assert look(pace, watch, 250) == 2.51  # by the pace of the last one


def test_a_batch_that_waits_for_others_is_looked_at_less_and_less_often() -> None:
    watch = Watch()
    pace = Pace(1.0, now=watch)
    assert [look(pace, watch, 0) for _ in range(7)] == [2, 4, 8, 16, 25, 25, 25]


def test_a_batch_that_is_said_to_be_done_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    looks: Iterator[Any] = iter([(batch(0), None), (batch(500), [])])
    monkeypatch.setattr(batching, "look", lambda *_given: next(looks))
    monkeypatch.setattr(time, "sleep", None)
    assert batching.results_of(cast(Any, None), "b", 25.0, lambda: None, lambda _batch: True) == []


def test_a_batch_is_left_for_a_later_try_after_half_an_hour() -> None:
    watch = Watch()
    pace = Pace(1.0, now=watch)
    watch.now = 1801.0
    with pytest.raises(StillRunning):
        pace.looked(batch(1))
