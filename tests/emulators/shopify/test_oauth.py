"""OAuth as Shopify plays it: consent, signed way back, and the life of tokens."""

from __future__ import annotations

import hashlib
import hmac
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import requests

from tests.emulators.shopify.server import GOLDEN, ShopifyEmulator
from tests.emulators.shopify.signing import session_token

_BACK = "http://127.0.0.1:9/back"


def _post(shopify: ShopifyEmulator, **given: Any) -> Any:
    address = f"{shopify.url_template.format(shop=GOLDEN)}/admin/oauth/access_token"
    known = {"client_id": shopify.client_id, "client_secret": shopify.client_secret}
    return requests.post(address, json={**known, **given}, timeout=10)


def _approve(shopify: ShopifyEmulator, scope: str = "read_orders,write_customers") -> Any:
    address = f"{shopify.url_template.format(shop=GOLDEN)}/admin/oauth/authorize"
    asked = {
        "client_id": shopify.client_id,
        "scope": scope,
        "redirect_uri": _BACK,
        "state": "state-1",
    }
    page = requests.get(address, params=asked, timeout=10)
    assert "write_customers" in page.text
    return requests.post(
        address, params=asked, data={"answer": "install"}, timeout=10, allow_redirects=False
    )


def _code(shopify: ShopifyEmulator) -> str:
    given = parse_qsl(urlsplit(_approve(shopify).headers["Location"]).query)
    return str(dict(given)["code"])


def test_the_way_back_is_signed_and_brings_our_state(shopify: ShopifyEmulator) -> None:
    given = dict(parse_qsl(urlsplit(_approve(shopify).headers["Location"]).query))
    sign = given.pop("hmac")
    text = "&".join(f"{name}={value}" for name, value in sorted(given.items()))
    assert hmac.new(shopify.client_secret.encode(), text.encode(), hashlib.sha256).hexdigest() == (
        sign
    )
    assert (given["state"], given["shop"]) == ("state-1", GOLDEN)


def test_a_code_is_good_once_and_brings_an_expiring_pair(shopify: ShopifyEmulator) -> None:
    code = _code(shopify)
    first = _post(shopify, code=code, expiring="1").json()
    assert (first["expires_in"], first["refresh_token_expires_in"]) == (3600, 7776000)
    assert first["scope"] == "read_orders,write_customers"
    assert _post(shopify, code=code, expiring="1").status_code == 400


def test_without_expiring_there_is_nothing_to_refresh(shopify: ShopifyEmulator) -> None:
    assert set(_post(shopify, code=_code(shopify)).json()) == {"access_token", "scope"}


def test_a_refresh_can_be_repeated_until_its_successor_is_used(shopify: ShopifyEmulator) -> None:
    old = shopify.install()["refresh_token"]

    def refresh(token: str) -> Any:
        return _post(shopify, grant_type="refresh_token", refresh_token=token)

    lost, second = refresh(old).json(), refresh(old).json()
    assert refresh(lost["refresh_token"]).json()["error"] == "invalid_grant"
    assert refresh(second["refresh_token"]).status_code == 200
    assert refresh(old).json()["error"] == "invalid_grant"


def test_a_used_refresh_token_dies_after_thirty_days_and_an_unused_one_after_ninety(
    shopify: ShopifyEmulator,
) -> None:
    used, unused = shopify.install()["refresh_token"], shopify.install()["refresh_token"]
    assert _post(shopify, grant_type="refresh_token", refresh_token=used).status_code == 200
    shopify.clock.advance(days=31)
    assert _post(shopify, grant_type="refresh_token", refresh_token=used).status_code == 400
    shopify.clock.advance(days=60)
    assert _post(shopify, grant_type="refresh_token", refresh_token=unused).status_code == 400


def test_a_token_ends_with_the_secret_it_was_asked_for_with(shopify: ShopifyEmulator) -> None:
    old = shopify.client_secret
    first = shopify.install()["refresh_token"]
    shopify.app.client_secrets = ["shpss_new", old]
    given = {"grant_type": "refresh_token", "refresh_token": first}
    by_new = _post(shopify, **given).json()["access_token"]
    by_old = _post(shopify, **given, client_secret=old).json()
    shopify.app.client_secrets = ["shpss_new"]
    assert _post(shopify, **{**given, "refresh_token": by_old["refresh_token"]}).status_code == 400
    assert _post(shopify, **given).status_code == 400
    now = shopify.clock()
    assert shopify.tokens.check(by_new, GOLDEN, now) is not None
    assert shopify.tokens.check(by_old["access_token"], GOLDEN, now) is None


def test_a_session_token_is_exchanged_while_it_is_fresh(shopify: ShopifyEmulator) -> None:
    shopify.install()
    token = session_token(GOLDEN, shopify.client_id, shopify.client_secret, shopify.clock())
    given = {
        "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
        "subject_token": token,
        "subject_token_type": "urn:ietf:params:oauth:token-type:id_token",
        "requested_token_type": "urn:shopify:params:oauth:token-type:offline-access-token",
        "expiring": "1",
    }
    assert "refresh_token" in _post(shopify, **given).json()
    shopify.clock.advance(minutes=2)
    assert _post(shopify, **given).json()["error"] == "invalid_subject_token"


def test_client_credentials_are_for_shops_of_our_own_organisation(
    shopify: ShopifyEmulator,
) -> None:
    shopify.install()
    assert _post(shopify, grant_type="client_credentials").status_code == 400
    shopify.app.distribution = "organisation"
    assert _post(shopify, grant_type="client_credentials").json()["expires_in"] == 86_399


def test_a_wrong_secret_and_a_foreign_address_are_refused(shopify: ShopifyEmulator) -> None:
    assert _post(shopify, client_secret="guess").json()["error"] == "invalid_client"
    shopify.app.redirect_urls = ["https://app.example/back"]
    address = f"{shopify.url_template.format(shop=GOLDEN)}/admin/oauth/authorize"
    asked = {"client_id": shopify.client_id, "scope": "read_orders", "redirect_uri": _BACK}
    assert "whitelisted" in requests.get(address, params=asked, timeout=10).text
