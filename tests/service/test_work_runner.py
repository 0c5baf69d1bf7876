"""Huey is chosen by a setting and trusted with nothing."""

from __future__ import annotations

import importlib.util
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from integration.context import Context, make_context
from integration.settings import SettingsError, fresh_env, load
from integration.work.runner import wake


def installed(folder: Path, queue: str) -> Context:
    """An installation with this setting of the queue."""
    env = folder / ".env"
    env.write_text(f"{fresh_env()}STIPT_DATA_DIR={folder / 'data'}\nSTIPT_QUEUE={queue}\n")
    return make_context(load(env))


def test_the_default_queue_is_a_file_of_its_own(tmp_path: Path) -> None:
    context = installed(tmp_path, "sqlite")
    wake(context, [1, 2])
    assert (tmp_path / "data" / "queue.db").exists()
    assert not (tmp_path / "data" / "stipt.db").exists()
    context.engine.dispose()


def test_waking_goes_on_after_the_engine_was_closed(tmp_path: Path) -> None:
    context = installed(tmp_path, "sqlite")
    wake(context, [1])
    context.engine.dispose()
    wake(context, [1])
    context.engine.dispose()


def test_a_queue_that_takes_no_message_fails_nobody(tmp_path: Path) -> None:
    context = installed(tmp_path, "sqlite")
    wake(context, [1])
    context.engine.dispose()
    for file in (tmp_path / "data").glob("queue.db*"):
        file.unlink()
    # A new file without tables: every message is refused, and the row is committed already.
    wake(context, [1])
    context.engine.dispose()


def test_a_queue_in_the_database_needs_postgresql(tmp_path: Path) -> None:
    context = installed(tmp_path, "postgres")
    with pytest.raises(SettingsError, match="STIPT_DATABASE_URL"):
        wake(context, [1])


def test_a_queue_nobody_knows_is_refused(tmp_path: Path) -> None:
    context = installed(tmp_path, "rabbit")
    with pytest.raises(SettingsError, match="STIPT_QUEUE has to be"):
        wake(context, [1])


@pytest.mark.skipif(importlib.util.find_spec("redis") is not None, reason="redis is installed")
def test_redis_without_its_library_is_a_clear_error(tmp_path: Path) -> None:
    context = installed(tmp_path, "redis://127.0.0.1:6379/0")
    with pytest.raises(SettingsError, match="pip install redis"):
        wake(context, [1])


def test_pages_and_worker_may_open_a_new_queue_at_the_same_moment(
    postgres_url: str, tmp_path: Path
) -> None:
    env = tmp_path / ".env"
    env.write_text(
        f"{fresh_env()}STIPT_DATA_DIR={tmp_path}\nSTIPT_QUEUE=postgres\n"
        f"STIPT_DATABASE_URL={postgres_url}\n"
    )
    contexts = [make_context(load(env)) for _ in range(8)]
    together = Barrier(len(contexts))

    def open_and_wake(context: Context) -> None:
        together.wait()
        wake(context, [1])
        context.engine.dispose()

    with ThreadPoolExecutor(len(contexts)) as pool:
        list(pool.map(open_and_wake, contexts))
