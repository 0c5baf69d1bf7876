"""Connected sources: which connector reads a shop, and how a shop is added."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Any

from connectors.demo.connector import DemoConnector
from connectors.files.connector import FilesConnector
from sqlmodel import Session, select

from connectors.base import Connector
from connectors.errors import ConnectorError
from connectors.files.options import Options
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
            [Path(path) for path in payload["paths"]], options=Options(**payload["options"])
        )
    raise ConnectorError(f"no connector reads {shop.platform!r}")


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
