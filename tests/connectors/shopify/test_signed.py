"""Who sent the browser: signatures of addresses and session tokens."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest
from joserfc import jwt
from joserfc.jwk import OctKey

from connectors.errors import NotGenuine
from connectors.shopify.session_token import verify_session
from connectors.shopify.shops import NoShop, shop_of_host
from connectors.shopify.signed import sign, verify_query

SECRET, OTHER = "hush", "the-secret-from-before"
#: Shopify's own test vector.
QUERY = (
    "code=0907a61c0c8d55e99db179b68161bc00&shop=some-shop.myshopify.com"
    "&state=0.6784241404160823&timestamp=1337178173"
)
MAC = "700e2dadb827fcc8609e9d5ce208b2e9cdaab9df07390d2cbca10d7c328fc4bf"
NOW = datetime.fromtimestamp(1337178173, UTC)


def test_the_published_example_is_genuine_under_the_old_secret_too() -> None:
    for secrets in ([SECRET], [OTHER, SECRET]):
        found = verify_query(f"hmac={MAC}&{QUERY}", secrets, now=NOW)
        assert found["state"] == "0.6784241404160823"
        assert "hmac" not in found


@pytest.mark.parametrize(
    "query",
    [
        pytest.param(f"{QUERY}&hmac={MAC[:-1]}0", id="another signature"),
        pytest.param(f"{QUERY}&hmac=\u20ac", id="no hexadecimal digits"),
        pytest.param(QUERY, id="no signature"),
        pytest.param(f"{QUERY}&hmac={MAC}&a=1", id="something added"),
        pytest.param(f"{QUERY}&hmac={MAC}&shop=evil.myshopify.com", id="a parameter twice"),
        pytest.param(QUERY.replace("some", "same") + f"&hmac={MAC}", id="another shop"),
    ],
)
def test_what_shopify_did_not_sign_is_refused(query: str) -> None:
    with pytest.raises(NotGenuine):
        verify_query(query, [SECRET], now=NOW)


def test_the_wrong_secret_opens_nothing() -> None:
    with pytest.raises(NotGenuine):
        verify_query(f"{QUERY}&hmac={MAC}", [OTHER], now=NOW)


@pytest.mark.parametrize("minutes", [-11, 11])
def test_a_signed_address_is_good_for_ten_minutes(minutes: int) -> None:
    signed = f"{QUERY}&hmac={MAC}"
    with pytest.raises(NotGenuine, match="too old"):
        verify_query(signed, [SECRET], now=NOW + timedelta(minutes=minutes))
    verify_query(signed, [SECRET], now=NOW + timedelta(minutes=9))


def test_both_readings_of_a_value_count() -> None:
    host = base64.b64encode(b"admin.shopify.com/store/ab").decode()
    assert host.endswith("=")
    stamp = "timestamp=1337178173"
    for signed in (f"host={host}&{stamp}", f"host={quote(host, safe='')}&{stamp}"):
        query = f"host={quote(host, safe='')}&{stamp}&hmac={sign(signed, SECRET)}"
        assert verify_query(query, [SECRET], now=NOW)["host"] == host


def test_several_values_of_one_name_are_signed_as_a_list() -> None:
    mac = sign('ids=["1", "2"]&timestamp=1337178173', SECRET)
    verify_query(f"ids[]=1&ids[]=2&timestamp=1337178173&hmac={mac}", [SECRET], now=NOW)


def test_a_value_cannot_pose_as_two_parameters() -> None:
    mac = sign("a=1&shop=some-shop.myshopify.com&timestamp=1337178173", SECRET)
    moved = f"a=1%26shop%3Dsome-shop.myshopify.com&timestamp=1337178173&hmac={mac}"
    with pytest.raises(NotGenuine):
        verify_query(moved, [SECRET], now=NOW)


@pytest.mark.parametrize(
    ("address", "shop"),
    [
        (b"admin.shopify.com/store/dressed", "dressed.myshopify.com"),
        (b"dressed.myshopify.com/admin", "dressed.myshopify.com"),
        (b"evil.example/store/dressed", None),
        (b"admin.shopify.com.evil.example/store/dressed", None),
        (b"dressed.myshopify.com/admin/../../x", None),
        ("\u20ac".encode(), None),
    ],
)
def test_host_names_a_store_or_nothing(address: bytes, shop: str | None) -> None:
    host = base64.b64encode(address).decode()
    if shop is None:
        with pytest.raises(NoShop):
            shop_of_host(host)
    else:
        assert shop_of_host(host) == shop


CLIENT, KEY = "client-id", "a-client-secret-of-some-length-01"


def token(key: str = KEY, **changes: Any) -> str:
    """A session token as App Bridge gives it, with changes; None leaves a claim out."""
    now = int(NOW.timestamp())
    claims: dict[str, Any] = {
        "iss": "https://some-shop.myshopify.com/admin",
        "dest": "https://some-shop.myshopify.com",
        "aud": CLIENT,
        "sub": "42",
        "exp": now + 60,
        "nbf": now,
        "iat": now,
        **changes,
    }
    kept = {name: value for name, value in claims.items() if value is not None}
    return str(jwt.encode({"alg": "HS256"}, kept, OctKey.import_key(key)))


def verified(text: str) -> str:
    """The shop of a session token."""
    old = "another-client-secret-of-some-length"
    return verify_session(text, client_id=CLIENT, secrets=[old, KEY], now=NOW).shop


def test_a_session_token_names_shop_and_person() -> None:
    assert verified(token()) == "some-shop.myshopify.com"
    assert verify_session(token(), client_id=CLIENT, secrets=[KEY], now=NOW).user == "42"


@pytest.mark.parametrize("seconds", [-8, 8])
def test_clocks_may_differ_by_ten_seconds(seconds: int) -> None:
    moment = int(NOW.timestamp()) + seconds
    verified(token(nbf=moment, iat=moment) if seconds > 0 else token(exp=moment))


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"aud": "another app"}, id="for another app"),
        pytest.param({"exp": int(NOW.timestamp()) - 11}, id="over"),
        pytest.param({"nbf": int(NOW.timestamp()) + 11}, id="not yet"),
        pytest.param({"exp": None}, id="without an end"),
        pytest.param({"dest": "https://other-shop.myshopify.com"}, id="two shops"),
        pytest.param({"dest": "https://evil.example", "iss": "https://evil.example"}, id="no shop"),
        pytest.param({"dest": "http://some-shop.myshopify.com"}, id="no https"),
        pytest.param({"key": "a-secret-that-is-not-shared-with-us"}, id="signed by another"),
    ],
)
def test_a_session_token_that_is_not_for_us_now_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(NotGenuine):
        verified(token(**changes))


def test_an_unsigned_session_token_is_refused() -> None:
    head = base64.urlsafe_b64encode(b'{"alg":"none"}').decode().rstrip("=")
    for text in (f"{head}.{token().split('.')[1]}.", "", "a.b.c"):
        with pytest.raises(NotGenuine):
            verified(text)
