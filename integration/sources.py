"""Connected sources: which connector reads a shop, and how a shop is added."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Any

from sqlmodel import Session, select

from connectors.base import Connector
from connectors.demo.connector import DemoConnector
from connectors.errors import ConnectorError
from connectors.files.connector import FilesConnector
from connectors.files.options import Options, SavedMapping
from connectors.files.sources import file_hash
from integration.tables import Shop


def open_source(shop: Shop, payload: dict[str, Any]) -> Connector:
    """Return the connector that reads `shop`; `payload` is that of the import (paths, options).

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
            options=Options(**payload["options"]),
            mapping=SavedMapping.from_json(shop.config.get("mapping", {})),
        )
    raise ConnectorError(f"no connector reads {shop.platform!r}")


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
    return file_hash([Path(path) for path in payload["paths"]], options.language)


def remember(connector: Connector, shop: Shop) -> None:
    """Keep with the shop what reading it taught: how the layouts of its files are read."""
    if isinstance(connector, FilesConnector):
        known = shop.config.get("mapping", {})
        shop.config = {**shop.config, "mapping": {**known, **connector.mapping().to_json()}}


def files_shop(session: Session, now: datetime) -> Shop:
    """Return the account's source for files."""
    return add_shop(
        session, platform="files", external_id="files", name="Files", config={}, now=now
    )


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
