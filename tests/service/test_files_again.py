"""Files of one shop over time: what a later file says about people and goods known already."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlmodel import select

from connectors.records import ConsentState
from integration.consent import states
from integration.db import scoped
from integration.tables import Identity, Product, SourceProfile
from tests.connectors.files.writing import write
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
        shop.work()
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
    shop.work()
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
