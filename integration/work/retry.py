"""The one place that decides whether a failed job is tried again, and when."""

from __future__ import annotations

import math
from collections.abc import Callable

from sqlalchemy.exc import OperationalError

from connectors.errors import Retryable

#: Upper bound of the first wait; doubles with every attempt.
BASE_S = 2.0
#: Longest wait of our own making; a longer one that the other side asked for is respected.
CAP_S = 900.0
#: Nobody's wish for patience is taken beyond a day.
LONGEST_WAIT_S = 86_400.0
#: With the waits above this is two to five hours: the other side's bad half hour ends by itself.
MAX_ATTEMPTS = 30
#: A job that ends its worker each time (memory, a crash in C code) must not do so for ever.
MAX_STARTS = 50


def wait_s(error: Exception, attempts: int, *, random: Callable[[], float]) -> float | None:
    """Return the seconds until the next try, or None when there should be none.

    Exponential back-off with full jitter (M. Brooker, "Exponential Backoff And Jitter", AWS
    Architecture Blog, 2015): many jobs that failed together do not come back together.

    Parameters
    ----------
    error : Exception
        Worth another try if it is a connector's `Retryable`, says ``retryable = True``, or if the
        database was busy or away. ``retry_after_s`` is the other side's wish and a lower bound.
    attempts : int
        Tries so far, this one included.
    random : callable
        Gives numbers from 0 to 1.

    Examples
    --------
    >>> wait_s(Retryable("busy"), 3, random=lambda: 0.5)
    4.0
    >>> wait_s(Retryable("busy", retry_after_s=60), 1, random=lambda: 0.5)
    61.0
    >>> wait_s(ValueError("always wrong"), 1, random=lambda: 0.5) is None
    True
    """
    if not _may_work_later(error) or attempts >= MAX_ATTEMPTS:
        return None
    jittered = random() * min(CAP_S, BASE_S * 2.0 ** (attempts - 1))
    asked = getattr(error, "retry_after_s", None)
    if isinstance(asked, int | float) and math.isfinite(asked) and asked > 0:
        # On top of the wish, or all who were told the same moment would return at it.
        return min(float(asked) + jittered, LONGEST_WAIT_S)
    return jittered


def _may_work_later(error: Exception) -> bool:
    # OperationalError: locked, deadlock, serialisation failure, connection lost.
    return (
        isinstance(error, Retryable | OperationalError)
        or getattr(error, "retryable", False) is True
    )
