"""Lines of an export, joined on disk whatever order they and their keys have."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from connectors.errors import Unreachable
from connectors.shopify.staging import Staging


def line(**fields: object) -> bytes:
    """One line as Shopify writes it."""
    return json.dumps(fields, separators=(",", ":")).encode()


ORDER = line(__typename="Order", id="o1", createdAt="2026-01-02", customer={"id": "c1"})


def test_children_find_their_parent_wherever_they_stand(tmp_path: Path) -> None:
    staged = Staging(tmp_path / "orders", "lineItems")
    early = line(__typename="LineItem", id="l2", __parentId="o2")
    newer = line(id="o2", createdAt="2026-01-03")
    late = line(__typename="LineItem", id="l1", product={"id": "p1"}, __parentId="o1")
    staged.load([early, ORDER, newer, late])
    (page,) = staged.roots(0, 10)
    assert [(one["id"], [child["id"] for child in one["lineItems"]]) for one in page] == [
        ("o2", ["l2"]),
        ("o1", ["l1"]),
    ]


def test_the_newest_come_first_page_by_page_from_any_place(tmp_path: Path) -> None:
    staged = Staging(tmp_path / "orders", None)
    staged.load([line(id=f"o{day}", createdAt=f"2026-01-{day:02}") for day in range(1, 8)])
    pages = [[one["id"] for one in page] for page in staged.roots(1, 4)]
    assert pages == [["o6", "o5", "o4", "o3"], ["o2", "o1"]]
    assert staged.count == 7


@pytest.mark.parametrize(
    "odd",
    [
        pytest.param(
            line(__typename="Order", id="o9", note='"id":"x","__parentId":"o1","createdAt":"2040"'),
            id="a text that looks like keys",
        ),
        pytest.param(line(customer={"id": "c1"}, __typename="Order", id="o9"), id="its id last"),
        pytest.param(b'{ "id": "o9", "customer": { "id": "c1" } }', id="with blanks"),
    ],
)
def test_only_an_own_name_is_taken_for_one(tmp_path: Path, odd: bytes) -> None:
    staged = Staging(tmp_path / "orders", None)
    staged.load([odd, ORDER])
    (page,) = staged.roots(0, 10)
    # Without a date of its own it comes last.
    assert [one["id"] for one in page] == ["o1", "o9"]


@pytest.mark.parametrize("end", [20, len(ORDER) - 1])
def test_a_file_that_ends_within_a_line_is_not_taken(tmp_path: Path, end: int) -> None:
    staged = Staging(tmp_path / "orders", None)
    with pytest.raises(Unreachable):
        staged.load([ORDER, ORDER.replace(b"o1", b"o2")[:end]])
    assert not staged.is_loaded
