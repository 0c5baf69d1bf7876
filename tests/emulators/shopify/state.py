"""What Shopify holds: the shops with their records, and the app that is installed on them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count

from tests.emulators.shopify.tables import Row, Table, gid, kind_of

#: Points restored per second, by plan.
RESTORE = {"basic": 100, "advanced": 200, "plus": 1_000, "enterprise": 2_000}
#: How many times the restore rate a bucket holds.
BUCKET_S = 20
#: The protected fields that level 2 opens one by one.
LEVEL_2 = frozenset({"customer/name", "customer/email", "customer/phone", "customer/address"})


@dataclass
class Approvals:
    """What Shopify allowed the app to read of customers, on one shop."""

    #: Level 1: customers and orders at all.
    customer_data: bool = True
    #: Level 2: personal fields.
    fields: frozenset[str] = LEVEL_2
    #: Whether `read_all_orders` may be granted.
    all_orders: bool = True


@dataclass
class App:
    """Our app as Shopify knows it."""

    client_id: str = "stipt-client-id"
    #: The newest first; webhooks are signed with the newest, the others are still accepted.
    client_secrets: list[str] = field(default_factory=lambda: ["shpss_stipt-client-secret"])
    #: "public": only expiring tokens; "custom": both; "organisation": client credentials as well.
    distribution: str = "public"
    title: str = "Stipt"
    app_url: str = ""
    #: Exact addresses; empty: any.
    redirect_urls: list[str] = field(default_factory=list)
    #: Where the privacy webhooks (and all declared in the app's own configuration) go.
    compliance_url: str = ""
    #: Topics beyond the privacy ones that the configuration declares for all shops.
    declared_topics: set[str] = field(default_factory=set)

    @property
    def client_secret(self) -> str:
        """The secret that signs."""
        return self.client_secrets[0]


@dataclass
class Shop:
    """One merchant's shop."""

    domain: str
    number: int = 1
    name: str = "Sample shop"
    email: str = "owner@stipt-demo.shop"
    currency: str = "EUR"
    time_zone: str = "Europe/Amsterdam"
    plan: str = "basic"
    approvals: Approvals = field(default_factory=Approvals)
    #: Scopes that the merchant (or Shopify) does not grant.
    refused_scopes: set[str] = field(default_factory=set)
    #: None while the app is not installed; else the granted scopes.
    scopes: frozenset[str] | None = None
    #: Whether authorizing redirects at once, as it does when nothing new is asked.
    approves_itself: bool = False
    customers: Table = field(default_factory=Table)
    orders: Table = field(default_factory=Table)
    products: Table = field(default_factory=Table)
    checkouts: Table = field(default_factory=Table)
    subscriptions: dict[str, Row] = field(default_factory=dict)
    metafields: dict[str, Row] = field(default_factory=dict)
    #: The web pixel, once it is made.
    pixel: Row | None = None
    #: Objects of one connection that can be paged through.
    paging_limit: int = 25_000
    #: How far it counts exactly where no limit is asked for.
    counts_to: int = 25_000
    #: How long a new record is found by its id only: what is searched through is behind.
    search_lag: timedelta = timedelta()
    _numbers: count[int] = field(default_factory=lambda: count(9_000_000_001))

    @property
    def host(self) -> str:
        """Where the merchant's own customers find the shop: not the permanent name of it."""
        return f"www.{self.domain.removesuffix('.myshopify.com')}.stipt-demo.shop"

    @property
    def id(self) -> str:
        return gid("Shop", self.number)

    def next_id(self, kind: str) -> str:
        """Return an id that nothing has yet."""
        return gid(kind, next(self._numbers))

    def table(self, kind: str) -> Table | None:
        """Return the records of a type; None when the type has no table of its own."""
        tables = {
            "Customer": self.customers,
            "Order": self.orders,
            "Product": self.products,
            "AbandonedCheckout": self.checkouts,
        }
        return tables.get(kind)

    def find(self, global_id: str) -> Row | None:
        """Return a record by its id; None when it is not (any more) there."""
        kind = kind_of(global_id)
        if kind == "ProductVariant":
            found = self.products.part(global_id)
            return {**found[1], "product": {"id": found[0]["id"]}} if found else None
        if kind == "Refund":
            found = self.orders.part(global_id)
            return found[1] if found else None
        if kind == "Shop":
            return self.profile() if global_id == self.id else None
        if kind == "WebhookSubscription":
            return self.subscriptions.get(global_id)
        table = self.table(kind)
        return table.get(global_id) if table is not None else None

    def profile(self) -> Row:
        """Return the shop as `shop` tells it."""
        plus = self.plan in ("plus", "enterprise")
        return {
            "__typename": "Shop",
            "id": self.id,
            "name": self.name,
            "myshopifyDomain": self.domain,
            "email": self.email,
            "contactEmail": self.email,
            "currencyCode": self.currency,
            "ianaTimezone": self.time_zone,
            "plan": {
                "publicDisplayName": self.plan.title(),
                "partnerDevelopment": False,
                "shopifyPlus": plus,
            },
            "primaryDomain": {
                "id": gid("Domain", self.number),
                "host": self.host,
                "url": f"https://{self.host}",
                "sslEnabled": True,
            },
            "taxesIncluded": True,
            "enabledPresentmentCurrencies": [self.currency],
            "setupRequired": False,
            "url": f"https://{self.host}",
        }
