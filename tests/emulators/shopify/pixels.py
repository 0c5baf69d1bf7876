"""The app's web pixel in a store: one, with settings of the form that the extension declares."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from graphql import GraphQLError

from tests.emulators.shopify.execution import Call, Root
from tests.emulators.shopify.gates import holds
from tests.emulators.shopify.tables import Row

#: The extension as it is deployed with the app.
EXTENSION = Path(__file__).parents[3] / "connectors/shopify/pixel"
_FIELDS = tomllib.loads((EXTENSION / "shopify.extension.toml").read_text("utf-8"))["settings"][
    "fields"
]


def _get(call: Call, args: Mapping[str, Any]) -> Row | None:
    pixel = call.shop.pixel
    if pixel is None or args.get("id") not in (None, pixel["id"]):
        text = "No web pixel was found for this app."
        raise GraphQLError(text, extensions={"code": "RESOURCE_NOT_FOUND"})
    return {"__typename": "WebPixel", **pixel}


def _create(call: Call, args: Mapping[str, Any]) -> Row:
    _check_rights(call, "webPixelCreate")
    if call.shop.pixel is not None:
        return _refused("Web pixel is taken.", "TAKEN")
    return _kept(call, call.shop.next_id("WebPixel"), args["webPixel"]["settings"])


def _update(call: Call, args: Mapping[str, Any]) -> Row:
    _check_rights(call, "webPixelUpdate")
    if call.shop.pixel is None or call.shop.pixel["id"] != args["id"]:
        return _refused("Pixel not found", "NOT_FOUND", "id")
    return _kept(call, args["id"], args["webPixel"]["settings"])


def _delete(call: Call, args: Mapping[str, Any]) -> Row:
    _check_rights(call, "webPixelDelete")
    if call.shop.pixel is None or call.shop.pixel["id"] != args["id"]:
        refused = _refused("Pixel not found", "NOT_FOUND", "id")
        return {"deletedWebPixelId": None, "userErrors": refused["userErrors"]}
    call.shop.pixel = None
    return {"deletedWebPixelId": args["id"], "userErrors": []}


def _check_rights(call: Call, name: str) -> None:
    """Both scopes are needed; what the schema says in words is one sentence."""
    if not all(holds(call.scopes, one) for one in ("write_pixels", "read_customer_events")):
        raise GraphQLError(f"Access denied for {name} field.", extensions={"code": "ACCESS_DENIED"})


def _kept(call: Call, key: str, given: Any) -> Row:
    try:
        settings = json.loads(given) if isinstance(given, str) else given
    except ValueError:
        return _refused("Settings is not valid JSON", "INVALID_CONFIGURATION_JSON", "settings")
    fits = isinstance(settings, dict) and settings.keys() == _FIELDS.keys()
    if not fits or not all(isinstance(one, str) and one for one in settings.values()):
        return _refused("Settings do not match the definition", "INVALID_SETTINGS", "settings")
    call.shop.pixel = {"id": key, "settings": json.dumps(settings)}
    return {"webPixel": {"__typename": "WebPixel", **call.shop.pixel}, "userErrors": []}


def _refused(message: str, code: str, field: str | None = None) -> Row:
    error = {"field": [field] if field else None, "message": message, "code": code}
    return {"webPixel": None, "userErrors": [error]}


ROOTS: Mapping[str, Root] = {
    "webPixel": _get,
    "webPixelCreate": _create,
    "webPixelUpdate": _update,
    "webPixelDelete": _delete,
}
