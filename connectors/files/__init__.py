"""Files: exports of shops, loyalty cards, points of sale and CRMs, as CSV or spreadsheet."""

from connectors.files.connector import FilesConnector
from connectors.files.options import LayoutMapping, Options, SavedMapping
from connectors.files.rejects import write_rejects

__all__ = ["FilesConnector", "LayoutMapping", "Options", "SavedMapping", "write_rejects"]
