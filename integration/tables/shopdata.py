"""The shop as Mailchimp has it: a store per source, and the mirror of what is there."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index, UniqueConstraint

from integration.db import Owned
from integration.tables.columns import account_key, json_column, moment, primary_key, reference


class ShopStore(Owned, table=True):
    """One source's store in one audience; off until the merchant switches it on."""

    __table_args__ = (UniqueConstraint("audience_id", "shop_id"),)

    id: int | None = primary_key()
    account_id: int = account_key()
    audience_id: int = reference("audience.id", index=False)
    shop_id: int = reference("shop.id")
    #: Our id of the store at Mailchimp: the same after a re-installation.
    store_id: str
    is_on: bool = False
    #: new (never written), filling, filled, lost (deleted in Mailchimp), removed (by us).
    status: str = "new"
    #: Whether Mailchimp may be starting no automation on our word: from before we tell it to until
    #: after we take that back.
    is_quiet: bool = False
    #: What switching on would send, and other stores of the audience: see `shopdata.look`.
    preview: dict[str, Any] = json_column()
    looked_at: datetime | None = moment(nullable=True)
    #: Requests, writes, seconds of the last run.
    outcome: dict[str, Any] = json_column()
    filled_at: datetime | None = moment(nullable=True)
    #: Why the last run stopped; "" when it did not.
    error: str = ""


class ShopRecord(Owned, table=True):
    """The mirror: one product, variant, customer, order or cart as we last sent it."""

    __table_args__ = (
        UniqueConstraint("shop_store_id", "kind", "key"),
        Index("ix_shop_record_state", "shop_store_id", "status"),
    )

    id: int | None = primary_key()
    account_id: int = account_key()
    shop_store_id: int = reference("shop_store.id", index=False, cascade=True)
    kind: str
    #: Our id at Mailchimp; "product/variant" for a variant.
    key: str
    #: Fingerprint of what is there: "" nothing, "?" something that is not known.
    there: str = ""
    #: Of an order: fingerprint by line.
    lines: dict[str, Any] = json_column()
    #: Fingerprint of what was sent last.
    sent: str = ""
    #: sent (the answer is not known), done, failed.
    status: str = "done"
    #: Mailchimp's answer to a failed row, without addresses; of one that is done the name of why
    #: it is not quite right (`wanted.REFUND_CURRENCY`).
    error: str = ""
