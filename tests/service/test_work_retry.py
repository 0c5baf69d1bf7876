"""Whether and when a failed job is tried again is decided in one place."""

from __future__ import annotations

import pytest
from sqlalchemy.exc import IntegrityError, OperationalError

from connectors.errors import NotAuthorized, RateLimited, Unreachable
from integration.work.retry import BASE_S, CAP_S, LONGEST_WAIT_S, MAX_ATTEMPTS, wait_s


class Throttled(Exception):
    """An error of another package, with the same two attributes."""

    retryable = True

    def __init__(self, retry_after_s: float | None = None) -> None:
        super().__init__("slow down")
        self.retry_after_s = retry_after_s


def never() -> float:
    """No randomness: the shortest wait."""
    return 0.0


def most() -> float:
    """No randomness: the longest wait."""
    return 1.0


@pytest.mark.parametrize(
    ("attempts", "longest"),
    [
        pytest.param(1, BASE_S, id="first failure"),
        pytest.param(2, BASE_S * 2, id="doubles"),
        pytest.param(4, BASE_S * 8, id="and doubles"),
        pytest.param(MAX_ATTEMPTS - 1, BASE_S * 2 ** (MAX_ATTEMPTS - 2), id="the last wait"),
    ],
)
def test_the_wait_grows_and_may_be_anything_below(attempts: int, longest: float) -> None:
    assert wait_s(Unreachable("no answer"), attempts, random=most) == min(longest, CAP_S)
    assert wait_s(Unreachable("no answer"), attempts, random=never) == 0.0


@pytest.mark.parametrize(
    ("asked", "waits"),
    [
        pytest.param(90.0, 90.0, id="the other side's wish"),
        pytest.param(CAP_S * 2, CAP_S * 2, id="a wish above our own cap"),
        pytest.param(1e9, LONGEST_WAIT_S, id="a wish beyond reason"),
        pytest.param(-5.0, 0.0, id="a wish in the past"),
        pytest.param(float("nan"), 0.0, id="no number"),
        pytest.param(float("inf"), 0.0, id="for ever"),
        pytest.param(None, 0.0, id="no wish"),
    ],
)
def test_the_other_side_may_ask_for_patience(asked: float | None, waits: float) -> None:
    assert wait_s(RateLimited("slow down", retry_after_s=asked), 1, random=never) == waits
    assert wait_s(Throttled(asked), 1, random=never) == waits


def test_those_who_were_asked_to_wait_do_not_come_back_together() -> None:
    early = wait_s(Throttled(60), 1, random=never)
    late = wait_s(Throttled(60), 1, random=most)
    assert early == 60.0
    assert late == 60.0 + BASE_S


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(NotAuthorized("token revoked"), id="needs the merchant"),
        pytest.param(ValueError("a bug"), id="a bug of ours"),
        pytest.param(IntegrityError("INSERT", {}, Exception("twice")), id="wrong every time"),
    ],
)
def test_what_stays_wrong_is_not_tried_again(error: Exception) -> None:
    assert wait_s(error, 1, random=never) is None


def test_a_busy_database_is_worth_another_try() -> None:
    locked = OperationalError("UPDATE", {}, Exception("database is locked"))
    assert wait_s(locked, 1, random=most) == BASE_S


def test_patience_ends() -> None:
    assert wait_s(Unreachable("no answer"), MAX_ATTEMPTS, random=never) is None
