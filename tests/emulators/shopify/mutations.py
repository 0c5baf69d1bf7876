"""What an app may write: consent, tags, metafields, a subscription fee.

Source of the refusals: public recordings of development stores, as `userErrors` say them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Any

from graphql import GraphQLError

from tests.emulators.shopify import pixels
from tests.emulators.shopify.acts import Acts
from tests.emulators.shopify.clock import stamp
from tests.emulators.shopify.execution import Call, Root
from tests.emulators.shopify.gates import holds
from tests.emulators.shopify.tables import Row, kind_of, number_of

#: Finds the acts of a call's shop.
ActsOf = Callable[[Call], Acts]
_WRITABLE = ("SUBSCRIBED", "UNSUBSCRIBED", "PENDING")
_METAFIELDS = 25


def roots(acts_of: ActsOf) -> dict[str, Root]:
    """Return the mutations; they tell of themselves by webhooks through `acts_of`."""
    return {
        "customerEmailMarketingConsentUpdate": lambda call, args: _consent(
            acts_of(call), call, args
        ),
        "tagsAdd": lambda call, args: _tags(acts_of(call), call, args, remove=False),
        "tagsRemove": lambda call, args: _tags(acts_of(call), call, args, remove=True),
        "metafieldsSet": _metafields,
        **pixels.ROOTS,
        "appSubscriptionCreate": _subscription,
    }


def _error(field: list[str], message: str, code: str | None = None) -> dict[str, Any]:
    return {"field": field, "message": message, "code": code}


def _consent(acts: Acts, call: Call, args: Mapping[str, Any]) -> Row:
    given = args["input"]["emailMarketingConsent"]
    state = given["marketingState"]
    if state not in _WRITABLE:
        raise GraphQLError(
            f"Cannot specify {state} as a marketing state input", extensions={"code": "INVALID"}
        )
    key = args["input"]["customerId"]
    row = call.shop.customers.get(key)
    if row is None:
        field = ["input", "customerId"]
        return _consent_refused(None, field, "Customer not found", "INVALID")
    field = ["input", "emailMarketingConsent"]
    if row["defaultEmailAddress"] is None:
        text = "Customer must have an email address to update the marketing consent"
        return _consent_refused(row, field, text, "INVALID")
    level = given.get("marketingOptInLevel") or "SINGLE_OPT_IN"
    if state == "PENDING" and level != "CONFIRMED_OPT_IN":
        text = "Marketing opt in level must be confirmed opt-in for pending consent state"
        return _consent_refused(row, [*field, "marketingOptInLevel"], text, "INVALID")
    at = given.get("consentUpdatedAt") or stamp(call.now)
    if at > stamp(call.now):
        text = "Consent updated at must not be in the future"
        return _consent_refused(row, [*field, "consentUpdatedAt"], text, "INVALID")
    now = row["defaultEmailAddress"]
    # The statement made last wins, and one that changes nothing does not move its date.
    if at >= (now["marketingUpdatedAt"] or "") and state != now["marketingState"]:
        acts.consent(key, state, level, at)
    return {"customer": call.shop.customers[key], "userErrors": []}


def _consent_refused(row: Row | None, field: list[str], message: str, code: str) -> Row:
    return {"customer": row, "userErrors": [_error(field, message, code)]}


def _tags(acts: Acts, call: Call, args: Mapping[str, Any], *, remove: bool) -> Row:
    row = call.find(args["id"])
    if row is None:
        return {"node": None, "userErrors": [_error(["id"], f"{kind_of(args['id'])} not found")]}
    if kind_of(row["id"]) != "Customer" or not holds(call.scopes, "write_customers"):
        raise GraphQLError(
            f"Access denied for tags{'Remove' if remove else 'Add'} field.",
            extensions={"code": "ACCESS_DENIED"},
        )
    names = args["tags"]
    acts.tag(row["id"], remove=names) if remove else acts.tag(row["id"], add=names)
    return {"node": call.find(row["id"]), "userErrors": []}


def _metafields(call: Call, args: Mapping[str, Any]) -> Row:
    given = args["metafields"]
    wrong = [error for place, one in enumerate(given) for error in _unfit(call, one, place)]
    if len(given) > _METAFIELDS:
        wrong = [_error(["metafields"], "Exceeded the maximum metafields input limit of 25.")]
    if wrong:
        return {"metafields": [], "userErrors": wrong}
    return {"metafields": [_set(call, one) for one in given], "userErrors": []}


def _key(one: Mapping[str, Any]) -> str:
    return f"{one['ownerId']} {one.get('namespace')} {one['key']}"


def _unfit(call: Call, one: Mapping[str, Any], place: int) -> list[dict[str, Any]]:
    field = ["metafields", str(place)]
    if call.shop.find(one["ownerId"]) is None:
        found = _error([*field, "ownerId"], "Owner does not exist.", "INVALID")
        return [{**found, "elementIndex": None}]
    known = call.shop.metafields.get(_key(one))
    stale = known["compareDigest"] if known else None
    if "compareDigest" in one and one["compareDigest"] != stale:
        text = "The resource has been updated since it was loaded."
        return [{**_error([*field, "compareDigest"], text, "STALE_OBJECT"), "elementIndex": None}]
    return []


def _set(call: Call, one: Mapping[str, Any]) -> Row:
    key, now = _key(one), stamp(call.now)
    known = call.shop.metafields.get(key)
    made = {
        "__typename": "Metafield",
        "id": known["id"] if known else call.shop.next_id("Metafield"),
        "ownerId": one["ownerId"],
        "namespace": one.get("namespace"),
        "key": one["key"],
        "type": one.get("type") or "single_line_text_field",
        "value": one["value"],
        "compareDigest": hashlib.sha256(one["value"].encode()).hexdigest(),
        "createdAt": known["createdAt"] if known else now,
        "updatedAt": now,
    }
    made["legacyResourceId"] = str(number_of(made["id"]))
    call.shop.metafields[key] = made
    return made


def _subscription(call: Call, args: Mapping[str, Any]) -> Row:
    key = call.shop.next_id("AppSubscription")
    made = {
        "__typename": "AppSubscription",
        "id": key,
        "name": args["name"],
        "status": "PENDING",
        "test": bool(args.get("test")),
        "trialDays": args.get("trialDays") or 0,
        "createdAt": stamp(call.now),
        "currentPeriodEnd": None,
        "returnUrl": args["returnUrl"],
    }
    url = f"https://{call.shop.domain}/admin/charges/{number_of(key)}/confirm"
    return {"appSubscription": made, "confirmationUrl": url, "userErrors": []}
