"""What a visitor's browser tells through the web pixel: one event, nothing of it proved.

Anybody can send one: it is unsigned, and the key in its address stands in the page. So it is read
strictly, and what it names counts only where the shop's own records have it.

Source: Shopify, "Web Pixels API, standard events". The sender is `pixel/src/index.js`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, StringConstraints, ValidationError

#: Bytes; the pixel's own events have less than 500.
LARGEST = 4096
#: Shopify's name of an event -> the kind of a moment of contact; other events are passed over.
#: That a checkout was completed only tells who it was: the order itself is the fact.
KINDS: Mapping[str, str] = {
    "product_viewed": "product_view",
    "search_submitted": "search",
    "product_added_to_cart": "cart_add",
    "product_removed_from_cart": "cart_remove",
    "checkout_started": "checkout_start",
    "checkout_completed": "checkout_complete",
}
_ABOUT_PRODUCTS = ("product_view", "cart_add", "cart_remove")

_Key = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
_Number = Annotated[str, StringConstraints(pattern=r"^(gid://shopify/\w+/)?[0-9]{1,20}$")]
#: Of a form that can stand in a search of Shopify's without being read as more than a word.
_Token = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_=-]{1,128}$")]


class NotAnEvent(ValueError):
    """The body is not what the pixel sends; the text says nothing of what was in it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Browsed:
    """One event, as it was told."""

    #: Shopify's id of the event: sent twice it is the same.
    id: str
    #: A value of `KINDS`.
    kind: str
    at: datetime
    #: Shopify's number of the browser.
    client: str
    #: Whether the visitor lets us analyse what he does, and use it for marketing.
    is_permitted: bool
    product_id: str | None = None
    search: str | None = None
    #: Who is logged in, as the browser says.
    customer_id: str | None = None
    #: Known to whoever checks out, and to the order that comes of it.
    checkout_token: str | None = None


class _Message(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)

    id: _Key
    event: Annotated[str, StringConstraints(max_length=64)]
    at: AwareDatetime
    client: _Key
    analytics: bool
    marketing: bool
    product: _Number | None = None
    search: Annotated[str, StringConstraints(max_length=100)] | None = None
    customer: _Number | None = None
    checkout: _Token | None = None


def read_browsed(body: bytes) -> Browsed | None:
    """Return an event; None for one that nobody here listens to.

    Raises
    ------
    NotAnEvent
    """
    try:
        message = _Message.model_validate_json(body)
    except ValidationError:
        raise NotAnEvent("not an event of the pixel's") from None
    kind = KINDS.get(message.event)
    if kind is None:
        return None
    if kind in _ABOUT_PRODUCTS and message.product is None:
        raise NotAnEvent("an event about a product names none")
    return Browsed(
        id=message.id,
        kind=kind,
        at=message.at,
        client=message.client,
        is_permitted=message.analytics and message.marketing,
        product_id=_number(message.product) if kind in _ABOUT_PRODUCTS else None,
        search=message.search if kind == "search" else None,
        customer_id=_number(message.customer),
        checkout_token=message.checkout,
    )


def _number(given: str | None) -> str | None:
    return given.rpartition("/")[2] if given else None
