"""What is changed for a token, and what each refusal means."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from connectors.errors import ConnectorError, NotAuthorized, Retryable
from connectors.http import Http, Response
from connectors.shopify import auth
from connectors.shopify.errors import TokenRefused
from connectors.shopify.shops import NoShop
from connectors.shopify.tokens import FixedToken, OwnCredentials
from tests.connectors.shopify.scripted import SHOP, Script, answer

APP = auth.App(
    client_id="id-1", secrets=("secret-1", "secret-0"), redirect="https://stipt.example/back"
)
NOW = datetime(2026, 11, 20, tzinfo=UTC)
GIVEN = {
    "access_token": "shpat_1",
    "scope": "read_customers,write_orders",
    "expires_in": 3600,
    "refresh_token": "shprt_1",
    "refresh_token_expires_in": 7776000,
}


class Recorder(Http):
    """Answers always the same, and keeps what was sent."""

    def __init__(self, said: Response) -> None:
        super().__init__()
        self.said = said
        self.bodies: list[dict[str, str]] = []

    def send(self, method: str, url: str, **more: Any) -> Response:
        """Stand in for the network."""
        assert url == f"https://{SHOP}/admin/oauth/access_token"
        self.bodies.append(more["body"])
        return self.said


WAYS: dict[str, Callable[[Http], auth.Grant]] = {
    "code": lambda http: auth.exchange_code(http, APP, SHOP, "code-1", now=NOW),
    "refresh": lambda http: auth.refresh(http, APP, SHOP, "shprt_0", now=NOW),
    "session": lambda http: auth.exchange_session(http, APP, SHOP, "jwt", now=NOW),
    "own": lambda http: auth.own_credentials(http, APP, SHOP, now=NOW),
}


def test_the_merchant_is_sent_to_his_own_store_with_what_is_asked() -> None:
    address = auth.authorize_url(APP, SHOP, ["read_orders", "read_products"], "state-1")
    parts = urlsplit(address)
    assert (parts.scheme, parts.netloc, parts.path) == ("https", SHOP, "/admin/oauth/authorize")
    assert parse_qs(parts.query) == {
        "client_id": ["id-1"],
        "scope": ["read_orders,read_products"],
        "redirect_uri": ["https://stipt.example/back"],
        "state": ["state-1"],
    }
    with pytest.raises(NoShop):
        auth.authorize_url(APP, "evil.example/x", [], "state-1")


def test_each_way_says_what_it_is_and_asks_for_a_token_that_expires() -> None:
    sent = {}
    for name, way in WAYS.items():
        http = Recorder(answer(GIVEN))
        grant = way(http)
        assert grant.access_token == "shpat_1"
        assert grant.expires_at == NOW + timedelta(hours=1)
        sent[name] = {k: v for k, v in http.bodies[0].items() if not k.startswith("client_")}
        assert http.bodies[0]["client_secret"] == "secret-1", "the one in use"
    assert sent["code"] == {"code": "code-1", "expiring": "1"}
    assert sent["refresh"] == {"grant_type": "refresh_token", "refresh_token": "shprt_0"}
    assert sent["session"]["subject_token"] == "jwt"
    assert sent["session"]["expiring"] == "1"
    assert sent["own"] == {"grant_type": "client_credentials"}


def test_both_tokens_and_both_ends_are_kept() -> None:
    grant = WAYS["code"](Recorder(answer(GIVEN)))
    assert grant.refresh_token == "shprt_1"
    assert grant.refresh_expires_at == NOW + timedelta(days=90)
    assert grant.scopes == {"read_customers", "write_orders"}
    assert "shpat_1" not in repr(grant)
    assert "shprt_1" not in repr(grant)
    assert "secret-1" not in repr(APP)


@pytest.mark.parametrize("lost", ["access_token", "expires_in", "refresh_token"])
def test_a_token_without_an_end_or_a_renewal_is_not_taken(lost: str) -> None:
    said = {name: value for name, value in GIVEN.items() if name != lost}
    with pytest.raises(Retryable):
        WAYS["code"](Recorder(answer(said)))


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        (
            answer({"error": "invalid_grant", "error_description": "shprt_0"}, status=400),
            auth.GrantEnded,
        ),
        (answer({"error": "invalid_request"}, status=400), auth.NotLetIn),
        (answer({"error": "invalid_subject_token"}, status=400), auth.StaleSession),
        (answer({"error": "invalid_client"}, status=401), auth.WrongApplication),
        (answer("<html>", status=403), Retryable),
        (answer("", status=502), Retryable),
    ],
)
def test_each_refusal_says_who_can_mend_it(said: Response, kind: type[ConnectorError]) -> None:
    with pytest.raises(kind) as caught:
        WAYS["refresh"](Recorder(said))
    assert "shprt_0" not in str(caught.value)
    assert isinstance(caught.value, NotAuthorized) == issubclass(kind, NotAuthorized)


def test_a_fixed_token_has_no_other_one() -> None:
    tokens = FixedToken("shpat_own")
    assert tokens.access_token() == "shpat_own"
    with pytest.raises(TokenRefused):
        tokens.access_token(force=True)


def test_own_credentials_are_asked_for_once_a_day() -> None:
    moment = [NOW]
    day = {"access_token": "a", "scope": "read_orders", "expires_in": 86399}
    script = Script(*(answer({**day, "access_token": t}) for t in "abc"))
    tokens = OwnCredentials(APP, SHOP, http=script, clock=lambda: moment[0])
    assert [tokens.access_token(), tokens.access_token()] == ["a", "a"]
    moment[0] += timedelta(hours=23, minutes=56)
    assert tokens.access_token() == "b"
    assert tokens.access_token(force=True) == "c"
