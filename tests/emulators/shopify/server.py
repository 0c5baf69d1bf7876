"""The emulator as a running server, and the handle by which tests hold it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from flask import Flask
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from tests.emulators.shopify import admin, golden, merchant, mutations, oauth, subscriptions
from tests.emulators.shopify.acts import Acts
from tests.emulators.shopify.bulk import Bulk
from tests.emulators.shopify.clock import Clock
from tests.emulators.shopify.cost import Bucket
from tests.emulators.shopify.execution import Root
from tests.emulators.shopify.faults import Faults
from tests.emulators.shopify.hooks import Hooks
from tests.emulators.shopify.log import Entry
from tests.emulators.shopify.state import App, Shop
from tests.emulators.shopify.tokens import Tokens

HOST = "127.0.0.1"
#: The shop that is there from the start.
GOLDEN = "golden.myshopify.com"
SCOPES = (
    "read_all_orders",
    "read_customer_merge",
    "read_customers",
    "read_orders",
    "read_products",
)


class ShopifyEmulator:
    """All of Shopify that our app meets.

    Examples
    --------
    >>> with ShopifyEmulator.serve(customers=5) as shopify:
    ...     shopify.url_template.endswith("/{shop}"), len(shopify.shop().customers) > 0
    (True, True)
    """

    oauth: oauth.OAuth

    def __init__(self, clock: Callable[[], datetime] | None = None) -> None:
        self.clock: Any = clock or Clock()
        self.app = App()
        self.shops: dict[str, Shop] = {}
        self.tokens = Tokens(lambda: self.app.client_secrets)
        self.faults = Faults()
        self.requests: list[Entry] = []
        #: How many times what the rule says a query costs: nobody knows Shopify's own whole rule.
        self.dearness = 1
        #: What the emulator was asked and does not know; leaving `serve` raises them.
        self.problems: list[str] = []
        #: Held while a query is executed; a test that changes a shop meanwhile takes it too.
        self.lock = threading.RLock()
        self.hooks = Hooks(self)
        self.bulk = Bulk(self)
        self.roots: dict[str, Root] = {
            **self.bulk.roots(),
            **subscriptions.ROOTS,
            **mutations.roots(lambda call: self.acts(call.shop.domain)),
        }
        self._buckets: dict[str, Bucket] = {}
        self.port = 0

    @classmethod
    @contextmanager
    def serve(
        cls,
        clock: Callable[[], datetime] | None = None,
        *,
        customers: int = 30,
        port: int = 0,
        posting: bool = False,
        **world: Any,
    ) -> Iterator[ShopifyEmulator]:
        """Run with the golden shop until the block ends; `world` are arguments of `golden.fill`.

        With `posting` webhooks are brought as they become due; else only `hooks.deliver` does.

        Raises
        ------
        AssertionError
            At the end, when something was asked that the emulator does not know.
        """
        shopify = cls(clock)
        golden.fill(shopify.add_shop(GOLDEN), customers=customers, **world)
        server, stop = shopify.listen(port), threading.Event()
        threads = [threading.Thread(target=server.serve_forever, args=(0.01,))]
        if posting:
            threads.append(threading.Thread(target=shopify.hooks.work, args=(stop,)))
        for thread in threads:
            thread.start()
        try:
            yield shopify
        finally:
            stop.set()
            server.shutdown()
            for thread in threads:
                thread.join()
            server.server_close()
            shopify.bulk.close()
        assert not shopify.problems, shopify.problems

    def listen(self, port: int) -> BaseWSGIServer:
        """Return a server bound to loopback; port 0 takes a free one."""
        made = make_server(HOST, port, self.wsgi(), threaded=True, request_handler=_Quiet)
        self.port = made.server_port
        return made

    def wsgi(self) -> Flask:
        """Return the application."""
        app = Flask(__name__)
        app.register_blueprint(admin.blueprint(self))
        app.register_blueprint(oauth.blueprint(self))
        app.register_blueprint(merchant.blueprint(self))
        return app

    @property
    def root(self) -> str:
        """The address of the list of shops."""
        return f"http://{HOST}:{self.port}"

    @property
    def url_template(self) -> str:
        """What stands for `https://{shop}`."""
        return f"{self.root}/{{shop}}"

    @property
    def client_id(self) -> str:
        return self.app.client_id

    @property
    def client_secret(self) -> str:
        return self.app.client_secret

    def shop(self, domain: str = GOLDEN) -> Shop:
        """Return a shop; KeyError when there is none."""
        return self.shops[domain]

    def add_shop(self, domain: str, **more: Any) -> Shop:
        """Open an empty shop."""
        self.shops[domain] = Shop(domain, number=len(self.shops) + 1, **more)
        return self.shops[domain]

    def acts(self, domain: str = GOLDEN) -> Acts:
        """Return what can happen in a shop."""
        return Acts(self, self.shop(domain))

    def bucket(self, shop: Shop) -> Bucket:
        """Return the points of our app on a shop."""
        return self._buckets.setdefault(shop.domain, Bucket(shop.plan))

    def grant(self, shop: Shop, scopes: frozenset[str]) -> None:
        """Install the app, or give it more."""
        shop.scopes = scopes

    def install(self, domain: str = GOLDEN, *scopes: str, expiring: bool = True) -> dict[str, Any]:
        """Install without a browser: return what the token endpoint would have answered."""
        shop = self.shop(domain)
        self.grant(shop, frozenset(scopes or SCOPES))
        return self.tokens.mint(shop, self.clock(), expiring=expiring)


class _Quiet(WSGIRequestHandler):
    """No access log: the emulator has its own."""

    disable_nagle_algorithm = True
    protocol_version = "HTTP/1.1"

    def log(self, type: str, message: str, *args: Any) -> None:
        """Nothing."""
