"""What the garbage collector is spared is its again afterwards."""

from __future__ import annotations

import gc

import pytest

from integration.collector import spared


def test_what_was_there_is_looked_through_again_afterwards() -> None:
    with spared():
        assert gc.get_freeze_count() > 1_000
    assert gc.get_freeze_count() == 0


def test_an_error_on_the_way_leaves_nothing_out() -> None:
    with pytest.raises(LookupError), spared():
        raise LookupError
    assert gc.get_freeze_count() == 0
