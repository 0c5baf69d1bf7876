"""The emulated Shopify of the project's checkout, for a demo that Stipt is installed on.

It is a tool of the tests and no part of what is installed, so it is looked for only when asked for.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from connectors.shopify.subscriptions import WANTED

_MODULE = "tests.emulators.shopify.server"
_CHECKOUT = Path(__file__).resolve().parent.parent


class NoEmulator(RuntimeError):
    """The emulated Shopify is not here; the text says how to get it."""


@dataclass(frozen=True)
class Emulated:
    """An emulated Shopify at work."""

    #: The page of its shop's apps, where Stipt is installed and removed.
    install_from: str
    #: Lines for a file of settings.
    settings: str


@contextmanager
def emulated_shopify(
    pages: str, *, customers: int, as_of: date, language: str, port: int
) -> Iterator[Emulated]:
    """Serve the sample shop as a Shopify store whose app has its pages at the address `pages`.

    Raises
    ------
    NoEmulator
    """
    server = _server()
    with server.ShopifyEmulator.serve(
        customers=customers,
        as_of=as_of,
        language=language,
        only_sold=True,
        port=port,
        posting=True,
    ) as shopify:
        shopify.app.app_url = f"{pages}/shopify"
        shopify.app.redirect_urls = [f"{pages}/shopify/callback"]
        shopify.app.compliance_url = f"{pages}/hooks/shopify"
        shopify.app.declared_topics = set(WANTED)
        yield Emulated(
            install_from=f"{shopify.url_template.format(shop=server.GOLDEN)}/admin/apps",
            settings=(
                f"STIPT_SHOPIFY_CLIENT_ID={shopify.client_id}\n"
                f"STIPT_SHOPIFY_CLIENT_SECRETS={shopify.client_secret}\n"
                f"STIPT_SHOPIFY_URL_TEMPLATE={shopify.url_template}\n"
            ),
        )


def _server() -> Any:
    place = _CHECKOUT.joinpath(*_MODULE.split(".")).with_suffix(".py")
    if not place.is_file():
        raise NoEmulator("The emulated Shopify is part of the project's checkout: run this there.")
    if str(_CHECKOUT) not in sys.path:
        sys.path.append(str(_CHECKOUT))
    try:
        return importlib.import_module(_MODULE)
    except ModuleNotFoundError as error:
        if error.name != "graphql":
            raise
        raise NoEmulator(
            "The emulated Shopify needs graphql-core: pip install --editable '.[emulators]'"
        ) from error
