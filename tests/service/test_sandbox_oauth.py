"""The sandbox's OAuth: who is asked, who is sent where, what a code and a token are good for."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from integration.sandbox.grants import DEFAULT_CLIENT, DEFAULT_SECRET
from integration.sandbox.server import SandboxServer

BACK = "http://127.0.0.1:8000/mailchimp/callback"
ASKED = {"response_type": "code", "client_id": DEFAULT_CLIENT, "redirect_uri": BACK, "state": "s 1"}


@pytest.fixture
def sandbox() -> Iterator[SandboxServer]:
    with SandboxServer() as running:
        yield running


def decide(sandbox: SandboxServer, answer: str, **changed: str) -> dict[str, list[str]]:
    """Press a button on the page; return what the browser is sent back with."""
    page = requests.get(f"{sandbox.root}/oauth2/authorize", params={**ASKED, **changed})
    assert page.status_code == 200
    form = dict(re.findall(r'name="(\w+)" value="([^"]*)"', page.text)) | {"answer": answer}
    sent = requests.post(f"{sandbox.root}/oauth2/authorize", data=form, allow_redirects=False)
    assert sent.status_code == 302
    target = urlsplit(sent.headers["Location"])
    assert f"{target.scheme}://{target.netloc}" in sent.headers["Content-Security-Policy"]
    return parse_qs(target.query)


def exchange(sandbox: SandboxServer, a_code: str, **changed: str) -> requests.Response:
    """Ask for a token."""
    form = {
        "grant_type": "authorization_code",
        "client_id": DEFAULT_CLIENT,
        "client_secret": DEFAULT_SECRET,
        "redirect_uri": BACK,
        "code": a_code,
    }
    return requests.post(f"{sandbox.root}/oauth2/token", data={**form, **changed})


def metadata(sandbox: SandboxServer, token: str, scheme: str = "OAuth") -> requests.Response:
    """Ask where the account lives."""
    headers = {"Authorization": f"{scheme} {token}"}
    return requests.get(f"{sandbox.root}/oauth2/metadata", headers=headers)


def connected(sandbox: SandboxServer) -> str:
    """Approve, and return the token."""
    answer = exchange(sandbox, decide(sandbox, "approve")["code"][0])
    assert answer.status_code == 200
    token: str = answer.json()["access_token"]
    return token


def test_an_approved_application_gets_a_token_that_works_everywhere(sandbox: SandboxServer) -> None:
    sent = decide(sandbox, "approve")
    assert sent["state"] == ["s 1"]
    answer = exchange(sandbox, sent["code"][0])
    assert answer.json() | {"access_token": ""} == {
        "access_token": "", "expires_in": 0, "scope": None
    }  # fmt: skip
    token = answer.json()["access_token"]
    assert token.startswith("sandbox")
    told = metadata(sandbox, token).json()
    assert (told["dc"], told["api_endpoint"]) == ("us1", sandbox.root)
    ping = requests.get(f"{sandbox.url}/ping", headers={"Authorization": f"Bearer {token}"})
    assert ping.status_code == 200


def test_a_refusal_is_sent_back_as_one(sandbox: SandboxServer) -> None:
    assert decide(sandbox, "refuse") == {"error": ["access_denied"], "state": ["s 1"]}


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({"client_id": "somebody"}, id="nobody registered it"),
        pytest.param({"redirect_uri": "https://evil.example/"}, id="another computer"),
        pytest.param({"redirect_uri": "http://127.0.0.1.evil.example/"}, id="a name like ours"),
        pytest.param({"response_type": "token"}, id="another kind of answer"),
    ],
)
def test_who_is_not_registered_gets_a_page_and_no_redirect(
    sandbox: SandboxServer, changed: dict[str, str]
) -> None:
    asked = {**ASKED, **changed}
    page = requests.get(f"{sandbox.root}/oauth2/authorize", params=asked, allow_redirects=False)
    assert page.status_code == 400
    assert 'value="approve"' not in page.text
    if "response_type" not in changed:
        form = asked | {"answer": "approve"}
        sent = requests.post(f"{sandbox.root}/oauth2/authorize", data=form, allow_redirects=False)
        assert sent.status_code == 400


def test_a_registered_address_is_held_letter_for_letter(sandbox: SandboxServer) -> None:
    body: dict[str, Any] = {
        "client_id": "shop", "client_secret": "s", "name": "Shop", "redirect_uris": [BACK]
    }  # fmt: skip
    requests.post(f"{sandbox.root}/sandbox/applications", json=body).raise_for_status()
    assert "code" in decide(sandbox, "approve", client_id="shop")
    for other in (f"{BACK}/", f"{BACK}?a=1", BACK.replace("127.0.0.1", "localhost")):
        asked = {**ASKED, "client_id": "shop", "redirect_uri": other}
        page = requests.get(f"{sandbox.root}/oauth2/authorize", params=asked)
        assert page.status_code == 400, other


@pytest.mark.parametrize(
    ("changed", "status", "error"),
    [
        ({"client_secret": "wrong"}, 401, "invalid_client"),
        ({"client_id": "somebody"}, 401, "invalid_client"),
        ({"redirect_uri": f"{BACK}/"}, 400, "invalid_grant"),
        ({"code": "made-up"}, 400, "invalid_grant"),
        ({"grant_type": "refresh_token"}, 400, "unsupported_grant_type"),
    ],
)
def test_a_code_is_good_for_its_application_and_address_only(
    sandbox: SandboxServer, changed: dict[str, str], status: int, error: str
) -> None:
    code = decide(sandbox, "approve")["code"][0]
    answer = exchange(sandbox, code, **changed)
    assert (answer.status_code, answer.json()) == (status, {"error": error})


def test_a_code_works_once_and_not_for_long(sandbox: SandboxServer) -> None:
    code = decide(sandbox, "approve")["code"][0]
    assert exchange(sandbox, code).status_code == 200
    assert exchange(sandbox, code).json() == {"error": "invalid_grant"}
    late = decide(sandbox, "approve")["code"][0]
    sandbox.state.clock.advance(61)
    assert exchange(sandbox, late).json() == {"error": "invalid_grant"}


def test_json_is_no_token_request(sandbox: SandboxServer) -> None:
    answer = requests.post(f"{sandbox.root}/oauth2/token", json={"grant_type": "x"})
    assert answer.status_code == 400


def test_the_account_is_told_to_tokens_of_oauth_alone(sandbox: SandboxServer) -> None:
    token = connected(sandbox)
    assert metadata(sandbox, token, "Bearer").status_code == 401
    assert metadata(sandbox, sandbox.key).status_code == 401


def test_disconnecting_the_application_ends_its_tokens(sandbox: SandboxServer) -> None:
    token = connected(sandbox)
    assert "Disconnect Stipt" in requests.get(f"{sandbox.root}/applications").text
    requests.post(f"{sandbox.root}/applications/disconnect", data={"client_id": DEFAULT_CLIENT})
    ping = requests.get(f"{sandbox.url}/ping", headers={"Authorization": f"Bearer {token}"})
    assert ping.status_code == 401
    assert metadata(sandbox, token).status_code == 401
    assert "It is not connected." in requests.get(f"{sandbox.root}/applications").text


def test_another_sites_page_cannot_press_the_buttons(sandbox: SandboxServer) -> None:
    for path in ("/oauth2/authorize", "/applications/disconnect"):
        answer = requests.post(
            f"{sandbox.root}{path}", data=ASKED, headers={"Sec-Fetch-Site": "cross-site"}
        )
        assert answer.status_code == 403


def test_the_page_speaks_dutch(sandbox: SandboxServer) -> None:
    page = requests.get(f"{sandbox.root}/oauth2/authorize", params={**ASKED, "lang": "nl"})
    assert "Stipt toelaten tot dit account?" in page.text


def test_tokens_survive_a_restart(tmp_path: Any) -> None:
    with SandboxServer(data_dir=tmp_path) as before:
        token = connected(before)
    with SandboxServer(data_dir=tmp_path) as after:
        assert metadata(after, token).status_code == 200
