"""Files that a merchant sent: kept until they have been read, and no longer."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from integration.context import Context


def new_folder(context: Context, account_id: int) -> Path:
    """Make and return an empty folder for the files of one upload."""
    folder = _folder(context, account_id) / secrets.token_hex(8)
    folder.mkdir(parents=True)
    return folder


def remove(context: Context, account_id: int, source: Mapping[str, Any]) -> None:
    """Delete the uploaded files of a reading that is over; may be repeated.

    `source` is that of the reading (see `sources.open_source`). Files that lie elsewhere are the
    merchant's own, read on the command line: they stay.
    """
    own = _folder(context, account_id)
    for path in map(Path, source.get("paths", ())):
        if not path.resolve().is_relative_to(own):
            continue
        path.unlink(missing_ok=True)
        # Not empty: another file of the same upload is next; gone: removed before a kill.
        with suppress(OSError):
            path.parent.rmdir()


def _folder(context: Context, account_id: int) -> Path:
    return context.settings.data_dir.resolve() / "uploads" / str(account_id)
