"""Where features are computed: DuckDB by default, Spark where a shop's machines have it.

An engine is given rows, keeps one table of its own, and answers statements. Both run what Ibis
makes of the same expressions, so no feature is written twice.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import duckdb
import ibis
import pandas as pd
import pyarrow as pa
from pyarrow import parquet

DUCKDB, SPARK = ENGINES = ("duckdb", "pyspark")
#: Memory DuckDB may take before it writes to disk.
_MEMORY = "1200MB"


class EngineMissing(ImportError):
    """An engine that is asked for and not installed; the text says what to install."""


class Engine(Protocol):
    """What `features` asks of an engine."""

    def compiled(self, expressions: Mapping[str, Any]) -> Mapping[str, str]:
        """Return the statements of expressions."""

    def give(self, name: str, rows: pd.DataFrame | Path, schema: Any) -> None:
        """Let statements read a frame, or all Parquet files below a folder, by a name."""

    def view(self, name: str, statement: str) -> None:
        """Let others read what a statement finds by a name, computed with them."""

    def keep(self, name: str, statement: str) -> None:
        """Compute a statement once, and let others read what it found by a name."""

    def rows(self, statement: str) -> pd.DataFrame:
        """Return what a statement finds."""


@contextmanager
def opened(name: str) -> Iterator[Engine]:
    """Yield an engine; what it was given and what it keeps is gone afterwards.

    Raises
    ------
    ValueError
        For a name that is not in `ENGINES`.
    EngineMissing
        Where Spark is asked for and not installed.
    """
    if name not in ENGINES:
        raise ValueError(f"{name!r} is no engine: name one of {', '.join(ENGINES)}")
    with tempfile.TemporaryDirectory(prefix="stipt-") as folder:
        if name == SPARK:
            yield _Spark(Path(folder))
            return
        # Every statement states its own order: to keep that of the rows would take memory.
        settings: dict[str, Any] = {"memory_limit": _MEMORY, "temp_directory": folder}
        with duckdb.connect(config=settings | {"preserve_insertion_order": False}) as connection:
            yield _DuckDB(connection)


def duckdb_statements(expressions: Mapping[str, Any]) -> dict[str, str]:
    """Return what DuckDB is asked for each expression."""
    return {name: str(ibis.to_sql(one, dialect=DUCKDB)) for name, one in expressions.items()}


def arrow(frame: pd.DataFrame, schema: Any) -> pa.Table:
    """Return a frame's columns of an Ibis schema."""
    return pa.Table.from_pandas(
        frame[list(schema.names)], schema=schema.to_pyarrow(), preserve_index=False
    )


class _DuckDB:
    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection
        self._connection.execute("SET enable_progress_bar = false")

    def compiled(self, expressions: Mapping[str, Any]) -> Mapping[str, str]:
        return duckdb_statements(expressions)

    def give(self, name: str, rows: pd.DataFrame | Path, schema: Any) -> None:
        if isinstance(rows, Path):
            self._connection.read_parquet(f"{rows}/**/*.parquet").create_view(name)
        else:
            self._connection.register(name, arrow(rows, schema))

    def view(self, name: str, statement: str) -> None:
        self._connection.sql(statement).create_view(name)

    def keep(self, name: str, statement: str) -> None:
        self._connection.sql(statement).create(name)

    def rows(self, statement: str) -> pd.DataFrame:
        found: pd.DataFrame = self._connection.sql(statement).to_arrow_table().to_pandas()
        return found


class _Spark:
    def __init__(self, folder: Path) -> None:
        try:
            from pyspark.sql import SparkSession
        except ImportError as error:
            raise EngineMissing('Spark needs: pip install "stipt[spark]", and Java 17') from error
        # One session a process: starting it takes longer than most answers.
        builder = SparkSession.builder.appName("stipt")
        for key, value in _SPARK.items():
            builder = builder.config(key, value)
        self._session = builder.getOrCreate()
        self._ibis = ibis.pyspark.connect(self._session)
        self._folder = folder

    def compiled(self, expressions: Mapping[str, Any]) -> Mapping[str, str]:
        return {name: str(self._ibis.compile(one)) for name, one in expressions.items()}

    def give(self, name: str, rows: pd.DataFrame | Path, schema: Any) -> None:
        folder = self._folder / name if isinstance(rows, pd.DataFrame) else rows
        if isinstance(rows, pd.DataFrame):
            folder.mkdir()
            parquet.write_table(arrow(rows, schema), folder / "rows.parquet")
        found = self._session.read.option("recursiveFileLookup", "true").parquet(str(folder))
        found.createOrReplaceTempView(name)

    def view(self, name: str, statement: str) -> None:
        self._session.sql(statement).createOrReplaceTempView(name)

    def keep(self, name: str, statement: str) -> None:
        folder = self._folder / name
        self._session.sql(statement).write.parquet(str(folder))
        self.give(name, folder, None)

    def rows(self, statement: str) -> pd.DataFrame:
        found: pd.DataFrame = self._session.sql(statement).toArrow().to_pandas()
        return found


#: A cluster's own settings outrank these; they are what a single machine needs.
_SPARK = {
    "spark.master": "local[2]",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.host": "127.0.0.1",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.execution.arrow.pyspark.enabled": "true",
    "spark.ui.enabled": "false",
}
