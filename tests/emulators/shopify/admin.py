"""The Admin API's endpoint: token, version, cost, execution, and the form of every answer."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import graphql
from flask import Blueprint, Response, request
from flask.typing import ResponseReturnValue

from tests.emulators.shopify import cost
from tests.emulators.shopify.execution import VERSIONS, Call, refusal, run
from tests.emulators.shopify.log import Entry
from tests.emulators.shopify.schema import schema
from tests.emulators.shopify.search import NotEmulated

if TYPE_CHECKING:
    from tests.emulators.shopify.server import ShopifyEmulator

BAD_TOKEN = "[API] Invalid API key or access token (unrecognized login or wrong password)"
NON_EXPIRING = (
    "[API] Non-expiring access tokens are no longer accepted for the Admin API. "
    "Use expiring offline access tokens."
)
_LIMITS = "https://shopify.dev/api/usage/rate-limits"


def blueprint(shopify: ShopifyEmulator) -> Blueprint:
    """Return the GraphQL route of every shop."""
    routes = Blueprint("admin", __name__)

    @routes.post("/<domain>/admin/api/<version>/graphql.json")
    def call(domain: str, version: str) -> ResponseReturnValue:
        text = request.get_data(as_text=True)
        entry = Entry(request.method, request.path, domain, at=shopify.clock())
        shopify.requests.append(entry)
        answer = partial(_answer, shopify, domain, served(version), text, entry)
        response = shopify.faults.around(request.path, text, answer, partial(answer, breaks=True))
        response.headers["X-Shopify-API-Version"] = served(version)
        response.headers["X-Request-Id"] = f"request-{len(shopify.requests)}"
        entry.status = response.status_code
        return response

    return routes


def served(version: str) -> str:
    """Return the version that answers: one that is no longer supported falls forward."""
    return version if version in VERSIONS else VERSIONS[0]


def _answer(
    shopify: ShopifyEmulator,
    domain: str,
    version: str,
    text: str,
    entry: Entry,
    *,
    breaks: bool = False,
) -> Response:
    shop = shopify.shops.get(domain)
    if shop is None:
        return _json({"errors": "Not Found"}, 404)
    token = shopify.tokens.check(
        request.headers.get("X-Shopify-Access-Token", ""), domain, shopify.clock()
    )
    if token is None or shop.scopes is None:
        return _json({"errors": BAD_TOKEN}, 401)
    if token.expires_at is None and shopify.app.distribution == "public":
        return _json({"errors": NON_EXPIRING}, 403)
    try:
        asked = json.loads(text)
    except ValueError:
        return _json({"errors": "Bad Request"}, 400)
    entry.query, entry.variables = asked.get("query") or "", asked.get("variables") or {}
    call = Call(shop, shop.scopes, shopify.clock(), shopify.roots, version, breaks)
    try:
        with shopify.lock:
            return _json(_execute(shopify, call, entry))
    except NotEmulated as error:
        # A test may not pass because the emulator ignored what it does not know.
        shopify.problems.append(f"not emulated: {error}")
        return Response(f"The emulator does not know this: {error}", 501)


def _execute(shopify: ShopifyEmulator, call: Call, entry: Entry) -> dict[str, Any]:
    try:
        document = graphql.parse(entry.query)
    except graphql.GraphQLError as error:
        return {"errors": [{"message": error.message, "extensions": {"code": "BAD_REQUEST"}}]}
    faults = graphql.validate(schema(), document)
    if faults:
        return {"errors": [refusal(one) for one in faults]}
    (operation,) = (
        one for one in document.definitions if isinstance(one, graphql.OperationDefinitionNode)
    )
    entry.operation = operation.name.value if operation.name else ""
    wanted = shopify.dearness * cost.requested(document, operation, entry.variables)
    bucket = shopify.bucket(call.shop)
    refused = _too_dear(wanted, bucket, call)
    if refused:
        entry.refusal = refused["errors"][0]["extensions"]["code"]
        return refused
    result = run(call, document, operation, entry.variables)
    _raise_own_faults(result)
    spent = min(cost.actual(document, operation, result.data), wanted)
    bucket.take(spent, call.now)
    entry.cost = spent
    answer: dict[str, Any] = {"data": result.data}
    if result.errors:
        answer["errors"] = [dict(one.formatted) for one in result.errors]
    if result.errors and result.errors[0].path is None:
        # Variables that do not fit: nothing was executed.
        del answer["data"]
    answer["extensions"] = {"cost": _cost(wanted, spent, bucket, call)}
    return answer


def _raise_own_faults(result: Any) -> None:
    for error in result.errors or ():
        if error.original_error is None or isinstance(error.original_error, graphql.GraphQLError):
            continue
        raise NotEmulated(str(error.original_error)) from error.original_error


def _too_dear(wanted: int, bucket: cost.Bucket, call: Call) -> dict[str, Any] | None:
    if wanted > cost.MOST:
        text = f"Query cost is {wanted}, which exceeds the single query max cost limit (1000)."
        extensions = {
            "code": "MAX_COST_EXCEEDED",
            "cost": wanted,
            "maxCost": cost.MOST,
            "documentation": _LIMITS,
        }
        return {"errors": [{"message": text, "extensions": extensions}]}
    if wanted > bucket.available(call.now):
        extensions = {"code": "THROTTLED", "documentation": _LIMITS}
        return {
            "errors": [{"message": "Throttled", "extensions": extensions}],
            "extensions": {"cost": _cost(wanted, None, bucket, call)},
        }
    return None


def _cost(wanted: int, spent: int | None, bucket: cost.Bucket, call: Call) -> Mapping[str, Any]:
    return {
        "requestedQueryCost": wanted,
        "actualQueryCost": spent,
        "throttleStatus": bucket.status(call.now),
    }


def _json(document: Mapping[str, Any], status: int = 200) -> Response:
    text = json.dumps(document, separators=(",", ":"))
    return Response(text, status, {"Content-Type": "application/json; charset=utf-8"})
