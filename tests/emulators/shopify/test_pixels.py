"""A store has one pixel of an app's, with settings of the form that the extension declares."""

from __future__ import annotations

import json
from typing import Any

from tests.emulators.shopify.conftest import Ask
from tests.emulators.shopify.server import ShopifyEmulator

_SCOPES = frozenset({"write_pixels", "read_customer_events"})
_CREATE = "mutation($p: WebPixelInput!) { webPixelCreate(webPixel: $p) { \
webPixel { id settings } userErrors { code } } }"
_UPDATE = "mutation($id: ID!, $p: WebPixelInput!) { webPixelUpdate(id: $id, webPixel: $p) { \
webPixel { settings } userErrors { code } } }"
_DELETE = "mutation($id: ID!) { webPixelDelete(id: $id) { deletedWebPixelId userErrors { code } } }"
_SETTINGS = {"settings": json.dumps({"endpoint": "https://stipt.example/pixel", "key": "k"})}


def code(answer: Any) -> str:
    """The first refusal of a mutation, or of the whole query."""
    document = answer.json()
    if document.get("errors"):
        return str(document["errors"][0]["extensions"]["code"])
    (payload,) = document["data"].values()
    return str(payload["userErrors"][0]["code"]) if payload["userErrors"] else ""


def test_a_pixel_is_made_once_changed_and_taken_away(shopify: ShopifyEmulator, ask: Ask) -> None:
    shopify.shop().scopes = _SCOPES
    assert code(ask("query { webPixel { id } }")) == "RESOURCE_NOT_FOUND"
    made = ask(_CREATE, p=_SETTINGS).json()["data"]["webPixelCreate"]["webPixel"]
    assert code(ask(_CREATE, p=_SETTINGS)) == "TAKEN"
    assert ask("query { webPixel { id } }").json()["data"]["webPixel"] == {"id": made["id"]}
    assert code(ask(_UPDATE, id=made["id"], p=_SETTINGS)) == ""
    assert code(ask(_DELETE, id=made["id"])) == ""
    for again in (ask(_UPDATE, id=made["id"], p=_SETTINGS), ask(_DELETE, id=made["id"])):
        assert code(again) == "NOT_FOUND"


def test_settings_have_the_declared_form_and_both_rights_are_needed(
    shopify: ShopifyEmulator, ask: Ask
) -> None:
    shopify.shop().scopes = _SCOPES
    for settings, wrong in (
        ("no json", "INVALID_CONFIGURATION_JSON"),
        ({"endpoint": "https://stipt.example"}, "INVALID_SETTINGS"),
        ({"endpoint": "https://stipt.example", "key": ""}, "INVALID_SETTINGS"),
    ):
        assert code(ask(_CREATE, p={"settings": settings})) == wrong
    for scope in _SCOPES:
        shopify.shop().scopes = _SCOPES - {scope}
        assert code(ask(_CREATE, p=_SETTINGS)) == "ACCESS_DENIED"
    assert shopify.shop().pixel is None
