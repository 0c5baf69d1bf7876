"""A merchant's browser between Shopify's pages and ours, without the browser."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

import requests
from pydantic import SecretStr
from sqlmodel import Session, select
from werkzeug.test import TestResponse

from integration.app import create_app
from integration.context import Context
from integration.db import unscoped
from integration.settings import Settings
from integration.tables import ShopifyStore
from tests.emulators.shopify.server import GOLDEN, ShopifyEmulator
from tests.service.visitor import Visitor

ENTRY, BACK = "/shopify", "/shopify/callback"


def with_shopify(context: Context, shopify: ShopifyEmulator) -> Context:
    """The installation, registered at the emulated Shopify and on its clock."""
    settings: Settings = context.settings.model_copy(
        update={
            "shopify_client_id": shopify.client_id,
            "shopify_client_secrets": (SecretStr(shopify.client_secret),),
            "shopify_url_template": shopify.url_template,
        }
    )
    shopify.app.app_url = f"{settings.public_url}{ENTRY}"
    shopify.app.redirect_urls = [f"{settings.public_url}{BACK}"]
    return replace(context, settings=settings, clock=lambda: shopify.clock())


@dataclass
class Merchant:
    """Clicks at Shopify and follows where that leads."""

    context: Context
    shopify: ShopifyEmulator
    domain: str = GOLDEN

    def __post_init__(self) -> None:
        self.shopify.shop(self.domain).approves_itself = True
        self.visitor = Visitor(create_app(self.context))

    def entry(self, **more: str) -> str:
        """The signed address under which Shopify opens us, without our host."""
        return ours(self.shopify.oauth.entry_url(self.shopify.shop(self.domain), **more))

    def click(self, **more: str) -> TestResponse:
        """Open Stipt from Shopify's list of apps."""
        return self.visitor.get(self.entry(**more))

    def approve(self, sent: TestResponse) -> str:
        """Let Stipt in at the address that our answer leads to; the way back."""
        assert sent.status_code == 302, sent.text
        at_shopify = requests.get(sent.location, allow_redirects=False, timeout=10)
        assert at_shopify.status_code == 302, at_shopify.text
        return ours(at_shopify.headers["Location"])

    def install(self) -> TestResponse:
        """Click, approve and come back; the answer to that."""
        return self.visitor.get(self.approve(self.click()))

    def store(self) -> ShopifyStore:
        """Our side of the store."""
        with unscoped(self.context.engine) as session:
            return one_store(session, self.domain)


def one_store(session: Session, domain: str) -> ShopifyStore:
    """The only store of that host."""
    return session.exec(select(ShopifyStore).where(ShopifyStore.domain == domain)).one()


def ours(address: str) -> str:
    """The address without our host."""
    parts = urlsplit(address)
    return f"{parts.path}?{parts.query}"


def database_bytes(folder: Path) -> bytes:
    """All that the database has on disk."""
    return b"".join(path.read_bytes() for path in folder.rglob("*.db*"))
