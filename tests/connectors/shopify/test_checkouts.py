"""Left checkouts as carts, and which order a checkout became."""

from __future__ import annotations

from decimal import Decimal

import pytest

from connectors.records import Cart
from connectors.shopify import checkouts
from tests.connectors.contract import pages, records
from tests.connectors.shopify import shapes
from tests.connectors.shopify.conftest import Connect
from tests.connectors.validity import assert_valid
from tests.emulators.shopify.server import ShopifyEmulator
from tests.emulators.shopify.tables import Row, number_of

WAYS = pytest.mark.parametrize("few", [0, 10_000], ids=["by export", "by pages"])


@pytest.fixture(autouse=True)
def _tidy(shopify: ShopifyEmulator) -> None:
    """Leave no checkout to the next test."""
    for key in shopify.shop().checkouts:
        shopify.shop().checkouts.remove(key)


def begin(shopify: ShopifyEmulator, goods: int = 1) -> Row:
    """A checkout with so many products in it."""
    shop = shopify.shop()
    return shopify.acts().begin(next(iter(shop.customers)), *list(shop.products)[:goods])


def carts(connect: Connect, few: int) -> dict[str, Cart]:
    """All carts of the store."""
    read = records(pages(connect(few=few, page=8), "carts"))
    return {one.id: one for one in read if isinstance(one, Cart)}


def test_a_checkout_is_a_cart_until_it_is_completed() -> None:
    made = checkouts.cart(shapes.checkout())
    assert_valid(made)
    assert (made.customer_id, made.email, made.total) == (
        "7", "anna@example.com", Decimal("58.95"),
    )  # fmt: skip
    assert [(one.title, one.total) for one in made.lines] == [("Linen shirt", Decimal(54))]
    assert made.order_id is None


def test_a_completed_checkout_closes_the_cart_even_where_its_order_is_unknown() -> None:
    gone = shapes.checkout(completedAt="2026-11-01T10:06:00Z", abandonedCheckoutUrl=None)
    assert checkouts.completed([gone]) == {}
    assert checkouts.cart(gone).order_id == "checkout 30"


@WAYS
def test_a_completed_checkout_names_its_order(
    shopify: ShopifyEmulator, connect: Connect, few: int
) -> None:
    left, bought = begin(shopify), begin(shopify)
    order = shopify.acts().complete(bought["id"], next(iter(shopify.shop().orders)))
    found = carts(connect, few)
    assert found[str(number_of(left["id"]))].order_id is None
    assert found[str(number_of(bought["id"]))].order_id == str(number_of(order["id"]))
    shopify.acts().delete(order["id"])


@WAYS
def test_everything_in_a_long_checkout_is_there(
    shopify: ShopifyEmulator, connect: Connect, few: int
) -> None:
    row = begin(shopify, goods=60)
    (cart,) = carts(connect, few).values()
    assert len(cart.lines) == len(row["lineItems"]) == 60
    assert sum(line.total for line in cart.lines) == cart.total


@pytest.mark.parametrize(
    ("address", "token"),
    [
        pytest.param(
            "https://x.example/26371970/checkouts/ac/hWN2-TB7_Z/recover?key=1&locale=nl",
            "hWN2-TB7_Z",
            id="today",
        ),
        pytest.param(
            "https://x.example/2637/checkouts/exuw7apw/recover?key=1", "exuw7apw", id="old"
        ),
        pytest.param(
            "https://x.example/checkouts/cn/Z2NwLXVz/nl-nl/recover", "Z2NwLXVz", id="local"
        ),
        pytest.param("https://x.example/cart", None, id="no checkout"),
        pytest.param("https://x.example/checkouts/ac/a'b OR 1/recover", None, id="no token"),
        pytest.param(None, None, id="no address"),
    ],
)
def test_a_checkout_is_known_by_the_token_in_its_address(
    address: str | None, token: str | None
) -> None:
    assert checkouts.token_in(address) == token
