"""Shopify keeps every promise of a connector, by pages and by bulk operations."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import ClassVar

import pytest

from tests.connectors.contract import ConnectorContract, MakeConnector
from tests.connectors.shopify.conftest import Connect


class TestByPages(ConnectorContract):
    """A small shop."""

    together: ClassVar[Mapping[str, str]] = {"customers": "consent", "orders": "refunds"}

    @pytest.fixture
    def make(self, connect: Connect) -> MakeConnector:
        return connect


class TestByBulk(TestByPages):
    """The same shop, as if it were too large for pages."""

    @pytest.fixture
    def make(self, connect: Connect) -> MakeConnector:
        return partial(connect, few=0, page=8)
