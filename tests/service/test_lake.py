"""Lines kept in files are those of the tables, whatever happened to the orders."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from pyarrow import parquet
from sqlalchemy import Engine
from sqlmodel import select

from connectors.records import (
    Customer,
    Order,
    OrderLine,
    OrderStatus,
    Product,
    Refund,
    RefundDetail,
)
from integration import frames, lake
from integration.db import scoped, unscoped
from integration.privacy.removal import remove
from integration.privacy.subject import of_address
from integration.tables import Account, SourceProfile
from segmentation.frames import Frames
from tests.conftest import add_account
from tests.service.records import add_shop, order, store

LATER = date(2026, 12, 31)


class Shop:
    """An account whose lines are kept in files."""

    def __init__(self, engine: Engine, folder: Path) -> None:
        self.engine, self.folder = engine, folder
        self.account_id = add_account(engine)
        self.shop_id = add_shop(engine, self.account_id)

    def add(self, *records: Any) -> None:
        """Store records."""
        store(self.engine, self.account_id, self.shop_id, *records)

    def read(self, files: Path | None, as_of: date = LATER) -> Frames:
        """Read the frames, from files where a folder is named."""
        with scoped(self.engine, self.account_id) as session:
            account = session.get_one(Account, self.account_id)
            return frames.load(session, account, as_of=as_of, files=files)

    def agrees(self, as_of: date = LATER) -> None:
        """Check that the files tell what the tables tell."""
        kept, told = self.read(self.folder, as_of), self.read(None, as_of)
        pd.testing.assert_frame_equal(kept.lines, told.lines)
        pd.testing.assert_frame_equal(kept.products, told.products)
        assert kept.currency == told.currency

    def forget(self, address: str) -> None:
        """Take a person out of the tables."""
        with scoped(self.engine, self.account_id) as session:
            remove(session, of_address(session, address))

    def written(self) -> dict[str, int]:
        """Return the files with the moment each was written."""
        return {path.name: path.stat().st_mtime_ns for path in self.folder.iterdir()}


@pytest.fixture
def shop(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    monkeypatch.setattr(lake, "LARGE", 1)
    return Shop(engine, tmp_path / "lines")


def on(month: int, day: int = 5, hour: int = 12) -> datetime:
    return datetime(2026, month, day, hour, tzinfo=UTC)


def sold(count: int, month: int, **changed: Any) -> Order:
    """An order of two suits."""
    person = f"c{count % 4}"
    told = {
        "customer_id": person,
        "email": f"{person}@example.com",
        "lines": (suit("1"), suit("2")),
    }
    return replace(order(str(count), placed_at=on(month)), **(told | changed))


def test_only_the_month_of_a_changed_order_is_written_again(shop: Shop) -> None:
    shop.add(*(sold(n, 1 + n % 3) for n in range(6)))
    shop.agrees()
    before = shop.written()
    assert sorted(name[:7] for name in before) == ["2026-01", "2026-02", "2026-03"]
    shop.add(sold(1, 2, lines=(suit("9"),)))
    shop.agrees()
    after = shop.written()
    assert {name[:7] for name, _ in after.items() - before.items()} == {"2026-02"}
    assert len(after) == 3


def suit(line_id: str, **changed: Any) -> OrderLine:
    told: dict[str, Any] = {"title": "Navy suit", "quantity": Decimal(1), "total": Decimal(90)}
    return OrderLine(id=line_id, **(told | changed))


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda shop: shop.add(sold(1, 3)), id="an order moves to another month"),
        pytest.param(
            lambda shop: shop.add(sold(1, 2, status=OrderStatus.CANCELLED)), id="cancelled"
        ),
        pytest.param(lambda shop: shop.add(sold(1, 2, lines=())), id="an order loses its lines"),
        pytest.param(lambda shop: back_and_forth(shop), id="an order changes and changes back"),
        pytest.param(
            lambda shop: shop.add(Product(id="p1", title="Navy suit", product_type="Suits")),
            id="the catalogue comes later",
        ),
        pytest.param(lambda shop: shop.forget("c1@example.com"), id="a person is erased"),
        pytest.param(
            lambda shop: shop.add(Customer(id="c2", email="c1@example.com")), id="two are merged"
        ),
        pytest.param(lambda shop: moved(shop), id="the shop's time zone is put right"),
    ],
)
def test_a_change_is_seen(shop: Shop, change: Callable[[Shop], Any]) -> None:
    shop.add(*(sold(n, 1 + n % 3, lines=both()) for n in range(6)))
    shop.agrees()
    change(shop)
    shop.agrees()


def both() -> tuple[OrderLine, ...]:
    return suit("1", product_id="p1", colour="navy"), suit("2", is_gift=True)


def back_and_forth(shop: Shop) -> None:
    for lines in ((), both()):
        shop.add(sold(1, 2, lines=lines), sold(len(lines) + 7, 3))


def moved(shop: Shop) -> None:
    with unscoped(shop.engine) as session:
        session.get_one(Account, shop.account_id).time_zone = "America/New_York"


def test_files_name_nobody(shop: Shop) -> None:
    shop.add(*(sold(n, 1, number=f"NL-{n}") for n in range(4)))
    shop.read(shop.folder)
    (file,) = shop.folder.iterdir()
    assert not {"person_id", "profile_id", "email", "order_external_id"} & set(
        parquet.read_schema(file).names
    )
    texts = str(parquet.read_table(file).to_pylist())
    assert "example.com" not in texts
    assert "NL-" not in texts
    with scoped(shop.engine, shop.account_id) as session:
        assert session.exec(select(SourceProfile)).first() is not None


@pytest.mark.parametrize("left", [b"", b"PAR1 and then the power went"])
def test_a_file_that_is_not_whole_is_written_again(shop: Shop, left: bytes) -> None:
    shop.add(*(sold(n, 1 + n % 3) for n in range(6)))
    shop.agrees()
    names = set(shop.written())
    for path in shop.folder.iterdir():
        path.write_bytes(left)
    (shop.folder / "2026-01-0.part").write_bytes(left)
    shop.agrees()
    assert set(shop.written()) == names


def test_a_kill_while_a_month_is_written_leaves_what_the_next_run_mends(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.add(*(sold(n, 1 + n % 3) for n in range(6)))
    done = Path.replace
    calls = iter([True, False])

    def killed(one: Path, other: Path) -> Path:
        if not next(calls):
            raise KeyboardInterrupt
        return done(one, other)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", killed)
        with pytest.raises(KeyboardInterrupt):
            shop.read(shop.folder)
    assert sorted(path.suffix for path in shop.folder.iterdir()) == [".parquet", ".part"]
    shop.agrees()
    assert {path.suffix for path in shop.folder.iterdir()} == {".parquet"}


def test_a_small_account_has_no_files(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lake, "LARGE", 7)
    shop.add(*(sold(n, 1) for n in range(6)))
    shop.agrees()
    assert not shop.folder.exists()


def test_an_account_that_is_no_longer_large_keeps_no_files(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.add(*(sold(n, 1) for n in range(6)))
    shop.agrees()
    assert shop.written()
    monkeypatch.setattr(lake, "LARGE", 7)
    shop.agrees()
    assert not shop.folder.exists()


def test_after_any_changes_files_are_as_if_written_from_scratch(shop: Shop, tmp_path: Path) -> None:
    rng = random.Random(1)
    shop.add(*(sold(n, 1 + n % 6) for n in range(12)))
    for step in range(5):
        for _ in range(rng.randrange(1, 5)):
            _random_change(shop, rng)
        shop.agrees(as_of=date(2026, 1, 1) + timedelta(days=rng.randrange(365)))
        shop.read(tmp_path / f"{step}")
        assert _contents(shop.folder) == _contents(tmp_path / f"{step}")


def _contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def _random_change(shop: Shop, rng: random.Random) -> None:
    number, month = rng.randrange(16), rng.randrange(1, 7)
    few = tuple(
        suit(str(i), product_id=rng.choice([None, "p1", "p2"]), total=Decimal(rng.randrange(1, 99)))
        for i in range(rng.randrange(4))
    )
    match rng.randrange(7):
        case 0:
            shop.add(sold(number, month))
        case 1:
            shop.add(sold(number, month, lines=few, currency=rng.choice(["EUR", "USD"])))
        case 2:
            shop.add(sold(number, month, status=rng.choice(list(OrderStatus)), lines=few))
        case 3:
            detail = RefundDetail.STATE_ONLY
            back = Refund(
                id=str(rng.random()),
                order_id=str(number),
                refunded_at=on(month, 20),
                currency="EUR",
                detail=detail,
            )
            shop.add(back)
        case 4:
            shop.add(Product(id=rng.choice(["p1", "p2"]), title="Suit", product_type="Suits"))
        case 5:
            shop.forget(f"c{rng.randrange(4)}@example.com")
        case _:
            shop.add(Customer(id="c2", email=f"c{rng.randrange(4)}@example.com"))
