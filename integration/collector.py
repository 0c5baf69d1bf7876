"""Python's garbage collector, and what it need not look through."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def spared() -> Iterator[None]:
    """Leave what is there now, libraries above all, out of the collector's rounds.

    A reading makes hundreds of thousands of records that are let go of page by page; to look
    through everything else each time took a fifth of its time. Not looked through first either: a
    small reading takes less long than that, and garbage is found as well afterwards.
    """
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
