"""What visitors of a shop do there: where it is told, and whose a browser is."""

from datetime import datetime

from sqlalchemy import UniqueConstraint
from sqlmodel import Field

from integration.db import BigKey, Owned
from integration.tables.columns import account_key, moment, primary_key, reference


class ShopifyPixel(Owned, table=True):
    """A store's web pixel, which the merchant switched on; without a row it is off."""

    __table_args__ = (UniqueConstraint("shop_id"), UniqueConstraint("key"))

    id: int | None = primary_key()
    account_id: int = account_key()
    shop_id: int = reference("shop.id", index=False)
    #: Names the store in the pixel's address. No secret: it stands in every page of the shop.
    key: str
    #: Shopify's id of it; "" while Shopify has none of ours.
    remote_id: str = ""
    switched_at: datetime = moment()
    #: The minute in which events were taken last, and how many.
    minute: datetime | None = moment(nullable=True)
    taken: int = 0
    #: Moments of contact up to this one were handed on to be computed with.
    read_until: int = Field(default=0, sa_type=BigKey)


class Visitor(Owned, table=True):
    """A browser that said who uses it, or by which checkout that will be known."""

    __table_args__ = (UniqueConstraint("shop_id", "visitor"),)

    id: int | None = primary_key()
    account_id: int = account_key()
    shop_id: int = reference("shop.id", index=False)
    #: As in `Touchpoint.visitor`.
    visitor: str
    #: None: nobody is known yet.
    profile_id: int | None = reference("source_profile.id", nullable=True)
    #: The token of the checkout to ask the shop about, encrypted; "" when there is none.
    checkout: str = ""
    #: When that checkout was told.
    checkout_at: datetime | None = moment(nullable=True)
    #: When the browser was seen last.
    seen_at: datetime = moment()
