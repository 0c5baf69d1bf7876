"""Connected sources: which connector reads a shop, and how a shop is added."""

from __future__ import annotations

import shutil
from datetime import date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from sqlmodel import Session, col, select

from connectors.base import Connector
from connectors.demo.connector import DemoConnector
from connectors.errors import ConnectorError
from connectors.files.connector import FilesConnector
from connectors.files.options import Options, SavedMapping
from connectors.files.sources import file_hash
from connectors.shopify.connector import ShopifyConnector
from integration.context import Context
from integration.shopify import shown, subscribed
from integration.shopify.application import signing_secrets
from integration.shopify.stores import PLATFORM, access_of, forget, open_client
from integration.tables import Account, ImportRun, Shop

#: The source of files whose system is unknown and that nobody named.
FILES = "files"
_LONGEST_NAME = 60


#: Of a store's points, left for single reads after webhooks while much is read.
_RESERVE = 300.0
#: An order of tomorrow may be one of today, east of here.
TOMORROW = timedelta(days=1)


def open_source(
    session: Session, shop: Shop, payload: dict[str, Any], *, context: Context
) -> Connector:
    """Return the connector that reads `shop`; `payload` is that of the import (paths, options).

    Orders in files that are of a day after tomorrow are rejected.

    Raises
    ------
    ConnectorError
    """
    if shop.platform == "demo":
        config = shop.config
        return DemoConnector(
            config["source"],
            seed=config["seed"],
            customers=config["customers"],
            as_of=date.fromisoformat(config["as_of"]),
            language=config["language"],
        )
    if shop.platform == "files":
        return FilesConnector(
            [Path(path) for path in payload["paths"]],
            options=Options(**payload["options"], not_after=(context.clock() + TOMORROW).date()),
            mapping=known_mapping(session, shop),
            names=payload.get("names"),
        )
    if shop.platform == PLATFORM:
        return ShopifyConnector(
            partial(open_client, context, shop, reserve=_RESERVE),
            folder=_exports(context, shop),
            secrets=signing_secrets(context.settings),
            language=session.get_one(Account, shop.account_id).language,
            now=context.clock,
        )
    raise ConnectorError(f"no connector reads {shop.platform!r}")


def look_after_hooks(context: Context, shop: Shop) -> dict[str, str]:
    """Have a shop tell us of what happens in it; return what we cannot be told, and why.

    Raises
    ------
    ConnectorError
    """
    return subscribed.look_after(context, shop) if shop.platform == PLATFORM else {}


def _exports(context: Context, shop: Shop) -> Path:
    return context.settings.data_dir / PLATFORM / str(shop.id)


def forget_files(context: Context, shop: Shop) -> None:
    """Delete what was fetched of a shop and not stored yet: nothing would ever read or renew it."""
    if shop.platform == PLATFORM:
        shutil.rmtree(_exports(context, shop), ignore_errors=True)


def access(session: Session, shop: Shop) -> object:
    """Return what is another one once a shop has let us in anew."""
    return access_of(session, shop.id or 0) if shop.platform == PLATFORM else None


def hidden_before(session: Session, shop: Shop, now: datetime) -> datetime | None:
    """Return before which moment a shop may show no order at present; None: it shows all."""
    return shown.hidden_before(session, shop.id or 0, now) if shop.platform == PLATFORM else None


def forget_access(session: Session, shop: Shop) -> None:
    """Forget what opens a shop that removed us."""
    if shop.platform == PLATFORM:
        forget(session, shop.id or 0)


def source_key(shop: Shop, payload: dict[str, Any]) -> str:
    """Return what a cursor belongs to: "" for a platform, the content's hash for files.

    Raises
    ------
    NotReadable
        When a file is not there.
    """
    if shop.platform != "files":
        return ""
    options = Options(**payload["options"])
    paths = [Path(path) for path in payload["paths"]]
    return file_hash(paths, options.language, payload.get("names"))


def remember(connector: Connector, shop: Shop) -> None:
    """Keep with the shop what reading it taught: how its files are read, and notes on the last."""
    if isinstance(connector, FilesConnector):
        known = shop.config.get("mapping", {})
        learned = {"mapping": {**known, **connector.mapping().to_json()}}
        shop.config = {**shop.config, **learned, "notes": list(connector.notes)}


def known_mapping(session: Session, shop: Shop | None = None) -> SavedMapping:
    """Return how the layouts of all files are read; what `shop` itself taught comes first."""
    layouts: dict[str, Any] = {}
    for other in session.exec(select(Shop).where(Shop.platform == "files").order_by(col(Shop.id))):
        layouts |= other.config.get("mapping", {})
    own = shop.config.get("mapping", {}) if shop else {}
    return SavedMapping.from_json(layouts | own)


def files_shop(session: Session, now: datetime, system: str = FILES) -> Shop:
    """Return the account's source for files of one system: numbers mean the same within it.

    `system` is a recognised one, or what the merchant calls his till or programme.
    """
    shown = "".join(filter(str.isprintable, " ".join(system.split())))[:_LONGEST_NAME] or FILES
    key = shown.casefold()
    return add_shop(
        session,
        platform="files",
        external_id=key,
        name="Files" if key == FILES else f"Files: {shown}",
        config={},
        now=now,
    )


def system_of(shop: Shop, connector: Connector) -> str:
    """Return whose numbers a source of files holds that nobody named; reads the files.

    Raises
    ------
    NotReadable
        The files are of several systems.
    NeedsAnswer
    """
    if isinstance(connector, FilesConnector) and shop.external_id == FILES:
        return connector.system
    return shop.external_id


def place(session: Session, run: ImportRun, system: str, now: datetime) -> None:
    """Give a reading of files that nobody named to the source of the system they are of."""
    shop = session.get_one(Shop, run.shop_id)
    if shop.external_id == system:
        return
    run.shop_id = files_shop(session, now, system).id or 0
    session.flush()
    is_used = select(ImportRun.id).where(ImportRun.shop_id == shop.id).limit(1)
    if session.exec(is_used).first() is None:
        session.delete(shop)  # made for this reading only


def add_shop(
    session: Session,
    *,
    platform: str,
    external_id: str,
    name: str,
    config: dict[str, Any],
    now: datetime,
) -> Shop:
    """Return the account's shop of that id, made when it is new."""
    known = session.exec(
        select(Shop).where(Shop.platform == platform, Shop.external_id == external_id)
    ).first()
    if known is not None:
        return known
    shop = Shop(
        account_id=session.info["account_id"],
        platform=platform,
        external_id=external_id,
        name=name,
        config=config,
        created_at=now,
    )
    session.add(shop)
    session.flush()
    return shop
