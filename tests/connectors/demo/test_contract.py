"""The sample shop keeps the contract of every connector, in both sources."""

from __future__ import annotations

from functools import partial

import pytest

from connectors.demo import DemoConnector, connector
from connectors.demo.connector import Source
from tests.connectors.contract import ConnectorContract, MakeConnector


class _Demo(ConnectorContract):
    source: Source

    @pytest.fixture
    def make(self, monkeypatch: pytest.MonkeyPatch) -> MakeConnector:
        monkeypatch.setattr(connector, "PAGE", 300)
        return partial(DemoConnector, self.source, customers=300)


class TestWebShop(_Demo):
    source: Source = "web"


class TestLoyaltyCard(_Demo):
    source: Source = "card"
