"""What a merchant clicks on, and the files that bulk operations leave."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint, Response, abort, redirect, request, send_file
from flask.typing import ResponseReturnValue

from tests.emulators.shopify import pages
from tests.emulators.shopify.log import Entry

if TYPE_CHECKING:
    from tests.emulators.shopify.server import ShopifyEmulator


def blueprint(shopify: ShopifyEmulator) -> Blueprint:
    """Return the routes of the shops' pages and of the bulk files."""
    routes = Blueprint("merchant", __name__)

    @routes.get("/")
    def shops() -> ResponseReturnValue:
        return pages.shops(shopify.shops.values())

    @routes.get("/<domain>/admin")
    def home(domain: str) -> ResponseReturnValue:
        return redirect(f"/{domain}/admin/apps")

    @routes.get("/<domain>/admin/apps")
    def apps(domain: str) -> ResponseReturnValue:
        shop = shopify.shops.get(domain) or abort(404)
        return pages.apps(shop, shopify.app, shopify.oauth.entry_url(shop))

    @routes.post("/<domain>/admin/uninstall")
    def uninstall(domain: str) -> ResponseReturnValue:
        if domain not in shopify.shops:
            abort(404)
        shopify.acts(domain).uninstall()
        return redirect(f"/{domain}/admin/apps")

    @routes.post("/<domain>/admin/order")
    def order(domain: str) -> ResponseReturnValue:
        shop = shopify.shops.get(domain) or abort(404)
        like = next((key for key in shop.orders if shop.orders[key]["customer"]), None) or abort(
            409
        )
        shopify.acts(domain).order_again(like)
        return redirect(f"/{domain}/admin/apps")

    @routes.get("/bulk/<int:key>.jsonl")
    def bulk_file(key: int) -> ResponseReturnValue:
        if request.headers.get("X-Shopify-Access-Token"):
            shopify.problems.append("a token was sent along to a bulk file's address")
        shopify.requests.append(Entry(request.method, request.path, "", at=shopify.clock()))
        return shopify.faults.around(request.path, "", lambda: _file(key))

    def _file(key: int) -> Response:
        found = shopify.bulk.file_of(key, request.args.get("Expires"))
        if found is None:
            return Response("<Error><Code>ExpiredToken</Code></Error>", 403)
        return send_file(found, mimetype="application/jsonl")

    return routes
