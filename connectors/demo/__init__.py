"""A generated clothing shop with known truth, to show the whole of Stipt without an account."""

from connectors.demo.connector import DemoConnector

__all__ = ["DemoConnector"]
