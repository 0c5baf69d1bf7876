"""Files of one shop over time: what a later file says about people and goods known already."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from sqlmodel import select

from connectors.records import ConsentState
from integration.consent import states
from integration.db import scoped
from integration.tables import Identity, Order, Product, Reject, Shop, SourceProfile
from tests.connectors.files.writing import SHOPIFY_HEADER, shopify_row, write
from tests.service.installation import Installation


@pytest.fixture
def shop(tmp_path: Path, database_url: str) -> Iterator[Installation]:
    """An empty account, once on each engine."""
    made = Installation(tmp_path, database_url)
    yield made
    made.engine.dispose()


STATEMENTS = (
    "7,ada@voorbeeld.nl,unsubscribed,2023-03-01",
    "7,ada@voorbeeld.nl,subscribed,2024-03-01",
    "7,ada@voorbeeld.nl,unsubscribed,2025-03-01",
)


@pytest.mark.parametrize("files", [1, 3])
def test_who_leaves_comes_back_and_leaves_again_is_denied(
    shop: Installation, tmp_path: Path, files: int
) -> None:
    rows = [STATEMENTS] if files == 1 else [(said,) for said in STATEMENTS]
    for number, said in enumerate(rows):
        path = tmp_path / f"klanten{number}.csv"
        shop.file(write(path, "customer_id,email,consent_email,consent_at", *said))
        shop.work(computes=False)
    with scoped(shop.engine, shop.account_id) as session:
        assert list(states(session).values()) == [ConsentState.DENIED]


CUSTOMERS = (
    "customer_id,email,phone,card_no,first_name,last_name,gender,company,is_business",
    "7,ada@voorbeeld.nl,+31612345678,8700012,Ada,de Vries,f,Lof BV,ja",
)
PRODUCTS = (
    "product_id,name,category_path,brand,price,replacement_days",
    "P1,Blauw pak,Men > Suits,Lof,349.95,700",
)
ORDERS = (
    "order_id,customer_id,full_name,city,purchased_at,product_id,product_name,quantity,"
    "gross_amount",
    "1001,7,Ada de Vries,Utrecht,2026-03-28,P1,Pak,1,349.95",
    "1002,8,Bo Smit,Zwolle,2026-03-29,P2,Riem,1,24.95",
)


def read(shop: Installation, folder: Path, name: str, lines: tuple[str, ...]) -> None:
    """Have a file read to its end."""
    run = shop.file(write(folder / f"{name}.csv", *lines))
    shop.work(computes=False)
    assert shop.run(run).status == "done", shop.run(run).error


def held(shop: Installation) -> tuple[dict[str, SourceProfile], dict[str, Product]]:
    """Profiles and products by their ids at the source."""
    with scoped(shop.engine, shop.account_id) as session:
        return (
            {row.external_id: row for row in session.exec(select(SourceProfile))},
            {row.external_id: row for row in session.exec(select(Product))},
        )


@pytest.mark.parametrize("first", ["own records", "orders"])
def test_orders_never_take_away_what_customers_and_products_say(
    shop: Installation, tmp_path: Path, first: str
) -> None:
    files = {"customers": CUSTOMERS, "products": PRODUCTS, "orders": ORDERS}
    for name in files if first == "own records" else reversed(files):
        read(shop, tmp_path, name, files[name])
    profiles, products = held(shop)
    ada, suit = profiles["7"], products["P1"]
    assert (ada.phone, ada.card_no, ada.gender) == ("+31612345678", "8700012", "f")
    assert (ada.first_name, ada.last_name) == ("Ada", "de Vries")
    assert (ada.company, ada.is_business) == ("Lof BV", True)
    assert (suit.title, suit.category_path, suit.brand) == ("Blauw pak", "Men > Suits", "Lof")
    assert (suit.price_minor, suit.replacement_days) == (34_995, 700)
    # Who and what only the orders know is there too.
    assert (profiles["8"].first_name, products["P2"].title) == ("Bo", "Riem")
    with scoped(shop.engine, shop.account_id) as session:
        keys = select(Identity.kind).where(Identity.profile_id == ada.id)
        assert set(session.exec(keys)) == {"email", "phone", "card"}


def shops(shop: Installation) -> dict[str, str]:
    """The sources by id, and what they are called."""
    with scoped(shop.engine, shop.account_id) as session:
        return {row.external_id: row.name for row in session.exec(select(Shop))}


def web_order(number: str, email: str, day: str) -> str:
    """A Shopify order of one belt."""
    return shopify_row(
        Name=number, Id=number, Email=email, Financial_Status="paid", Currency="EUR",
        Subtotal="24.95", Total="24.95", Created_at=f"{day} 12:00:00 +0200",
        Lineitem_quantity="1", Lineitem_name="Riem", Lineitem_price="24.95",
    )  # fmt: skip


def test_a_web_order_and_a_receipt_of_one_number_are_two(
    shop: Installation, tmp_path: Path
) -> None:
    read(
        shop, tmp_path, "web", (SHOPIFY_HEADER, web_order("1001", "bo@voorbeeld.nl", "2026-01-04"))
    )
    assert shops(shop) == {"shopify": "Files: shopify"}
    read(shop, tmp_path, "till", ORDERS)
    assert shops(shop) == {"shopify": "Files: shopify", "files": "Files"}
    with scoped(shop.engine, shop.account_id) as session:
        numbers = session.exec(select(Order.external_id)).all()
    assert sorted(numbers) == ["1001", "1001", "1002"]


def test_files_of_two_systems_are_refused_unless_they_share_a_name(
    shop: Installation, tmp_path: Path
) -> None:
    web = write(
        tmp_path / "w.csv", SHOPIFY_HEADER, web_order("#1", "bo@voorbeeld.nl", "2026-01-04")
    )
    till = write(tmp_path / "t.csv", *ORDERS)
    run = shop.file(web, till)
    shop.work(computes=False)
    assert shop.run(run).status == "failed"
    assert "w.csv (shopify)" in (shop.run(run).error or "")
    assert "--source NAME" in (shop.run(run).error or "")
    run = shop.file(web, till, source="Winkel")
    shop.work(computes=False)
    assert shop.run(run).status == "done"
    assert shops(shop)["winkel"] == "Files: Winkel"
    assert shop.count(Order) == 3


@pytest.mark.parametrize("together", [True, False])
def test_an_order_of_another_till_is_listed_and_replaces_nothing(
    shop: Installation, tmp_path: Path, together: bool
) -> None:
    known = write(tmp_path / "a.csv", *ORDERS)
    other = write(
        tmp_path / "b.csv",
        ORDERS[0],
        "1001,9,Cas Bos,Assen,2026-02-01,P9,Trui,1,59.95",
        # The same order, booked a day later and to the card of the same person.
        "1002,80,Bo Smit,Zwolle,2026-03-30,P2,Riem,1,29.95",
        "1003,9,Cas Bos,Assen,2026-02-02,P9,Trui,1,59.95",
    )
    runs = [shop.file(known, other)] if together else [shop.file(known), shop.file(other)]
    shop.work(computes=False)
    with scoped(shop.engine, shop.account_id) as session:
        days = {row.external_id: row.placed_at.date() for row in session.exec(select(Order))}
        rejects = session.exec(select(Reject)).all()
    assert days["1001"] == date(2026, 3, 27)  # midnight in Amsterdam
    assert days.keys() == {"1001", "1002", "1003"}
    (reject,) = rejects
    assert (reject.run_id, reject.stream, reject.value) == (runs[-1], "orders", "1001")
    assert "--source NAME" in reject.reason
    assert shop.run(runs[-1]).counters["rejected rows"] == 1
    # Under a name of its own the other till's order is there too.
    shop.file(other, source="till 2")
    shop.work(computes=False)
    with scoped(shop.engine, shop.account_id) as session:
        assert session.exec(select(Order.external_id)).all().count("1001") == 2


def test_the_same_place_in_two_files_is_listed_twice(shop: Installation, tmp_path: Path) -> None:
    broken = "7,Ada Lof,Assen,gisteren,P1,Pak,1,9.95"
    run = shop.file(
        write(tmp_path / "januari.csv", ORDERS[0], ORDERS[1], f"2001,{broken}"),
        write(tmp_path / "februari.csv", ORDERS[0], ORDERS[2], f"2002,{broken}"),
    )
    shop.work(computes=False)
    with scoped(shop.engine, shop.account_id) as session:
        places = session.exec(select(Reject.file, Reject.row).where(Reject.run_id == run)).all()
    assert sorted(places) == [("februari.csv", "3"), ("januari.csv", "3")]
