"""What a store is told of a permission, what it answers, and what it refuses."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from connectors.base import ConsentWriter, Standing
from connectors.errors import ConnectorError, NotAuthorized, RateLimited, Retryable
from connectors.records import ConsentState
from connectors.shopify.client import Client
from connectors.shopify.consent import ShopifyConsent
from connectors.shopify.errors import AccessDenied, ProtectedData, UserErrors
from connectors.shopify.guard import CONSENT, NotAllowed
from connectors.shopify.records import consent
from connectors.shopify.tokens import FixedToken
from tests.emulators.shopify.clock import stamp
from tests.emulators.shopify.server import GOLDEN, ShopifyEmulator
from tests.emulators.shopify.tables import Row, number_of

YES, NO = ConsentState.CONFIRMED, ConsentState.DENIED


@pytest.fixture
def shop(shopify: ShopifyEmulator) -> Iterator[ShopifyEmulator]:
    """The golden shop, with the right to write, at a time after everything in it."""
    shopify.install(GOLDEN, "write_customers", expiring=False)
    shopify.clock.advance(hours=1)
    yield shopify
    shopify.shop().approvals.customer_data = True
    shopify.faults.clear()


@pytest.fixture
def someone(shop: ShopifyEmulator) -> Row:
    """A customer with an address who said yes a day ago; his row as it is then."""
    row = next(row for row in shop.shop().customers.values() if row["defaultEmailAddress"])
    before = shop.clock() - timedelta(days=1)
    shop.acts().consent(row["id"], "SUBSCRIBED", at=stamp(before))
    return shop.shop().customers[row["id"]]


@pytest.fixture
def writer(shop: ShopifyEmulator) -> ConsentWriter:
    """What writes permission there."""
    return opened(shop)


def opened(shop: ShopifyEmulator, may: tuple[str, ...] = (CONSENT,)) -> ShopifyConsent:
    token = shop.tokens.mint(shop.shop(), shop.clock(), expiring=False)["access_token"]
    client = Client(
        GOLDEN,
        FixedToken(token),
        url_template=shop.url_template,
        may=may,
        sleep=lambda seconds: shop.clock.advance(seconds=seconds),
        clock=lambda: shop.clock().timestamp(),
        jitter=lambda: 0.0,
    )
    return ShopifyConsent(lambda: client)


def key_of(row: Row) -> str:
    return str(number_of(row["id"]))


def there(shop: ShopifyEmulator, row: Row) -> Row:
    found: Row = shop.shop().customers[row["id"]]["defaultEmailAddress"]
    return found


def test_what_stands_there_is_read_with_its_moment_and_address(
    shop: ShopifyEmulator, writer: ConsentWriter, someone: Row
) -> None:
    found = writer.standing(key_of(someone))
    address = there(shop, someone)["emailAddress"]
    at = shop.clock() - timedelta(days=1)
    assert found is not None
    said = Standing(email=address, state=YES, at=at, told="SUBSCRIBED", event=found.event)
    assert found == said
    assert found.event is not None
    assert (found.event.state, found.event.at, found.event.customer_id) == (
        YES,
        at,
        key_of(someone),
    )
    assert writer.standing("1") is None


def test_a_withdrawal_is_written_and_told_as_reading_the_customer_will_tell_it(
    shop: ShopifyEmulator, writer: ConsentWriter, someone: Row
) -> None:
    at = shop.clock() - timedelta(hours=3)
    event = writer.write(key_of(someone), NO, at, confirmed=False)
    assert (event.state, event.at, event.customer_id) == (NO, at, key_of(someone))
    assert event in consent(shop.shop().customers[someone["id"]])
    assert there(shop, someone)["marketingState"] == "UNSUBSCRIBED"


@pytest.mark.parametrize(
    ("confirmed", "level"), [(True, "CONFIRMED_OPT_IN"), (False, "SINGLE_OPT_IN")]
)
def test_an_opt_in_says_whether_it_was_confirmed(
    shop: ShopifyEmulator, writer: ConsentWriter, someone: Row, confirmed: bool, level: str
) -> None:
    writer.write(key_of(someone), NO, shop.clock() - timedelta(hours=3), confirmed=False)
    writer.write(key_of(someone), YES, shop.clock() - timedelta(hours=2), confirmed=confirmed)
    assert there(shop, someone)["marketingState"] == "SUBSCRIBED"
    assert there(shop, someone)["marketingOptInLevel"] == level


def test_an_older_statement_changes_nothing_and_the_answer_says_what_stands(
    shop: ShopifyEmulator, writer: ConsentWriter, someone: Row
) -> None:
    event = writer.write(key_of(someone), NO, shop.clock() - timedelta(days=2), confirmed=False)
    assert event.state is YES


def test_a_moment_that_is_to_come_at_shopify_is_tried_again(
    shop: ShopifyEmulator, writer: ConsentWriter, someone: Row
) -> None:
    with pytest.raises(Retryable, match="future"):
        writer.write(key_of(someone), NO, shop.clock() + timedelta(minutes=1), confirmed=False)
    assert there(shop, someone)["marketingState"] == "SUBSCRIBED"


def test_a_customer_who_is_not_there_is_refused(
    shop: ShopifyEmulator, writer: ConsentWriter
) -> None:
    with pytest.raises(UserErrors, match="not found") as caught:
        writer.write("1", NO, shop.clock(), confirmed=False)
    assert not isinstance(caught.value, Retryable | NotAuthorized)


def test_a_state_that_shopify_does_not_take_is_no_success(
    shop: ShopifyEmulator, someone: Row, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = {NO: "NOT_SUBSCRIBED"}
    monkeypatch.setattr("connectors.shopify.consent._WORDS", words)
    with pytest.raises(ConnectorError, match="NOT_SUBSCRIBED") as caught:
        opened(shop).write(key_of(someone), NO, shop.clock(), confirmed=False)
    assert not isinstance(caught.value, Retryable | NotAuthorized)


def test_only_a_yes_or_a_no_can_be_written(
    shop: ShopifyEmulator, writer: ConsentWriter, someone: Row
) -> None:
    for state in (ConsentState.UNKNOWN, ConsentState.CONSENTED):
        with pytest.raises(KeyError):
            writer.write(key_of(someone), state, shop.clock(), confirmed=False)
    assert there(shop, someone)["marketingState"] == "SUBSCRIBED"


def test_without_the_scope_shopify_refuses(shop: ShopifyEmulator, someone: Row) -> None:
    shop.install(GOLDEN, "read_customers", expiring=False)
    with pytest.raises(AccessDenied, match="write_customers"):
        opened(shop).write(key_of(someone), NO, shop.clock(), confirmed=False)
    assert there(shop, someone)["marketingState"] == "SUBSCRIBED"


def test_without_approval_for_customers_data_nothing_is_read(
    shop: ShopifyEmulator, writer: ConsentWriter, someone: Row
) -> None:
    shop.shop().approvals.customer_data = False
    with pytest.raises(ProtectedData):
        writer.standing(key_of(someone))


def test_a_client_for_reading_cannot_write(shop: ShopifyEmulator, someone: Row) -> None:
    reading = opened(shop, may=())
    assert reading.standing(key_of(someone)) is not None
    with pytest.raises(NotAllowed):
        reading.write(key_of(someone), NO, shop.clock(), confirmed=False)


@pytest.mark.parametrize(
    ("fault", "kind", "is_written"),
    [
        pytest.param("throttled", None, True, id="throttled, then taken"),
        pytest.param("too_many", None, True, id="too many calls, then taken"),
        pytest.param("error_503", Retryable, False, id="not taken"),
        pytest.param("internal", Retryable, False, id="an inner error"),
        pytest.param("lost", Retryable, True, id="taken, and the answer lost"),
        pytest.param("truncated", Retryable, True, id="taken, and the answer cut short"),
        pytest.param("unauthorized", NotAuthorized, False, id="shut out"),
    ],
)
def test_what_may_have_been_written_is_not_sent_again_here(
    shop: ShopifyEmulator,
    writer: ConsentWriter,
    someone: Row,
    fault: str,
    kind: type[Exception] | None,
    is_written: bool,
) -> None:
    shop.faults.add(fault, word="ConsentWrite")
    sent = len(shop.requests)
    if kind is None:
        writer.write(key_of(someone), NO, shop.clock(), confirmed=False)
    else:
        with pytest.raises(kind):
            writer.write(key_of(someone), NO, shop.clock(), confirmed=False)
        assert len(shop.requests) == sent + 1
    written = there(shop, someone)["marketingState"] == "UNSUBSCRIBED"
    assert written == is_written


def test_throttled_for_ever_is_put_off(
    shop: ShopifyEmulator, writer: ConsentWriter, someone: Row
) -> None:
    shop.faults.add("throttled", word="ConsentWrite", times=None)
    with pytest.raises(RateLimited):
        writer.write(key_of(someone), NO, datetime(2026, 1, 1, tzinfo=UTC), confirmed=False)
