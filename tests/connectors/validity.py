"""What every record holds, whichever connector made it."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from connectors.records import Customer, Order, Refund, RefundDetail


def assert_valid(record: Any) -> None:
    """A record and the records in it hold what their types promise."""
    assert is_dataclass(record)
    for item in fields(record):
        value = getattr(record, item.name)
        assert value == value, item.name  # no NaN
        if isinstance(value, datetime):
            assert value.utcoffset() == timedelta(0), item.name
            assert value.tzinfo == UTC, item.name
        elif isinstance(value, str):
            assert value, f"{item.name} is empty; None says that better"
            assert value == value.strip(), item.name
        elif isinstance(value, float):
            pytest.fail(f"{item.name} is a float; money and quantities are Decimal")
        elif isinstance(value, tuple):
            for part in value:
                if is_dataclass(part):
                    assert_valid(part)
        else:
            assert value is None or isinstance(value, bool | int | Decimal | date), item.name
    _assert_consistent(record)


def _assert_consistent(record: Any) -> None:
    """What the fields of a record say about each other."""
    if isinstance(record, Order):
        ids = [line.id for line in record.lines]
        assert len(set(ids)) == len(ids)
        for line in record.lines:
            assert line.quantity.is_finite()
            assert not (line.quantity < 0 < line.total), "a return is below zero throughout"
    if isinstance(record, Refund):
        assert (record.amount is None) == (record.detail is RefundDetail.STATE_ONLY)
        assert all(line.quantity > 0 and line.amount >= 0 for line in record.lines)
    if isinstance(record, Customer) and record.email is not None:
        name, _, domain = record.email.rpartition("@")
        assert name
        assert domain == domain.lower()
