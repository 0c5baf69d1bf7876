"""The least that a route which keeps something can do: one row a request, into a table of its own.

gunicorn --workers 2 'tests.benchmarks._bare:from_environment()'
"""

from __future__ import annotations

import os

from flask import Flask, Response, request
from sqlalchemy import Column, Integer, LargeBinary, MetaData, Table, insert

from integration.db import make_engine

_TABLE = Table(
    "bare", MetaData(), Column("id", Integer, primary_key=True), Column("body", LargeBinary)
)
#: Where the table lies.
DATABASE = "STIPT_BARE_DATABASE"


def make_table(address: str) -> None:
    """Make the table; before the servers start, as two at once would both make it."""
    engine = make_engine(address)
    _TABLE.metadata.create_all(engine)
    engine.dispose()


def from_environment() -> Flask:
    """Return the application; its database is named by `STIPT_BARE_DATABASE`."""
    engine = make_engine(os.environ[DATABASE])
    app = Flask(__name__)

    @app.post("/")
    def receive() -> Response:
        with engine.begin() as connection:
            connection.execute(insert(_TABLE).values(body=request.get_data()))
        return Response(status=200)

    return app
