"""The same people over two sources are one person; the same orders through a file are the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from sqlmodel import col, select

from connectors.demo.truth import truth
from integration.db import scoped
from integration.tables import (
    DueDate,
    OrderLine,
    SegmentMember,
    Shop,
    SourceProfile,
)
from integration.tables import Order as OrderRow
from tests import fresh_tables
from tests.service.installation import AS_OF, Installation, demo_orders
from tests.service.shop_files import write_receipts


@pytest.fixture
def installation(tmp_path: Path, database_url: str) -> Iterator[Installation]:
    """An empty account, once on each engine."""
    made = Installation(tmp_path, database_url)
    yield made
    made.engine.dispose()


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """Both sources of a larger sample shop, read and computed."""
    folder = tmp_path_factory.mktemp("sample")
    url = f"sqlite:///{folder / 'stipt.db'}"
    fresh_tables.lay(url)
    made = Installation(folder, url)
    made.demo("web", "card", customers=1000)
    made.work()
    yield made
    made.engine.dispose()


def profiles(sample: Installation) -> pd.DataFrame:
    """Profiles of both sources with our person and the true one (NaN: nobody's account)."""
    known = truth(customers=1000, as_of=AS_OF)
    ids = [
        known.people[["person", f"{source}_id"]]
        .dropna()
        .rename(columns={f"{source}_id": "external_id", "person": "true"})
        .assign(source=source)
        for source in ("web", "card")
    ]
    guests = known.people[["person", "email"]].dropna()
    guests = pd.DataFrame(
        {"external_id": "guest:" + guests["email"], "true": guests["person"], "source": "web"}
    )
    with scoped(sample.engine, sample.account_id) as session:
        shops = {shop.id: shop.external_id for shop in session.exec(select(Shop))}
        ours = pd.DataFrame(
            [
                (shops[row.shop_id], row.external_id, row.person_id, row.email)
                for row in session.exec(select(SourceProfile))
            ],
            columns=["source", "external_id", "ours", "email"],
        )
    return ours.merge(pd.concat([*ids, guests]), on=["source", "external_id"], how="left")


def test_people_known_to_both_sources_become_one_person(sample: Installation) -> None:
    known = profiles(sample).dropna(subset="true")
    both = known.groupby("true").filter(lambda rows: rows["source"].nunique() == 2)
    merged = both.groupby("true")["ours"].nunique() == 1
    addresses = both.groupby("true")["email"]
    assert len(merged) > 200
    assert merged.mean() >= 0.85
    # With one address at both, always; else a telephone number or nothing tells.
    same = (addresses.count() == addresses.size()) & (addresses.nunique() == 1)
    assert same.sum() > 100
    assert merged[same].all()


def test_different_people_stay_different(sample: Installation) -> None:
    known = profiles(sample).dropna(subset="true")
    mixed = known.groupby("ours")["true"].nunique() > 1
    assert mixed.mean() <= 0.01


@pytest.mark.parametrize("source", ["web", "card"])
def test_the_same_orders_through_a_file_are_the_same_lines(
    installation: Installation, tmp_path: Path, source: str
) -> None:
    receipts = tmp_path / "receipts.csv"
    write_receipts(receipts, demo_orders(source, 100))
    installation.demo(source, customers=100)
    installation.file(receipts)
    installation.work(computes=False)
    lines: dict[str, Counter[tuple[Any, ...]]] = {}
    query = (
        select(
            Shop.external_id, OrderRow.external_id, OrderRow.placed_at, OrderRow.channel,
            OrderLine.title, OrderLine.quantity, OrderLine.total_minor,
        )  # type: ignore[call-overload]  # more columns than SQLModel has overloads for
        .join(OrderRow, col(OrderRow.id) == col(OrderLine.order_id))
        .join(Shop, col(Shop.id) == col(OrderRow.shop_id))
        .select_from(OrderLine)
    )  # fmt: skip
    with scoped(installation.engine, installation.account_id) as session:
        for shop, *line in session.exec(query):
            lines.setdefault(shop, Counter())[tuple(line)] += 1
    assert lines[source].total() > 100
    assert lines["files"] == lines[source]


def test_results_of_the_sample_shop_are_complete(sample: Installation) -> None:
    with scoped(sample.engine, sample.account_id) as session:
        states = Counter(session.exec(select(DueDate.state)).all())
        stages = session.exec(
            select(SegmentMember.person_id).where(col(SegmentMember.segment).like("stage:%"))
        ).all()
        reasons = session.exec(select(SegmentMember.reason)).all()
    assert states["now"] > 0
    assert states["soon"] > 0
    assert max(Counter(stages).values()) == 1
    assert all(reason.get("key") for reason in reasons)
