"""Which installation this is: a random id in a file beside the database, not in it.

A database that is restored elsewhere does not bring the file with it. A folder that is copied
does, so the file also holds its own number on the disk (inode), which no copy keeps. Together with
the pages' address this tells a moved or copied installation from the one that was connected.
"""

from __future__ import annotations

import json
import os
import secrets
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

from integration.settings import Settings

FILE_NAME = "installation.json"
_LOCAL = ("127.0.0.1", "localhost", "::1", None)


def installation_id(settings: Settings) -> str:
    """Return this installation's id, made when first asked for; "" in a copied folder."""
    path = settings.data_dir / FILE_NAME
    if not path.exists():
        with suppress(FileExistsError):  # another process was quicker: its id counts
            _write(path, os.link)
    kept = json.loads(path.read_text(encoding="utf-8"))
    return str(kept["id"]) if kept["inode"] == path.stat().st_ino else ""


def become_new(settings: Settings) -> None:
    """Give this installation an id of its own, whatever folder it was copied from."""
    _write(settings.data_dir / FILE_NAME, os.replace)


def _write(path: Path, put: Callable[[str, Path], None]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".installation-")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            inode = os.fstat(file.fileno()).st_ino
            json.dump({"id": secrets.token_hex(16), "inode": inode}, file)
        put(name, path)
    finally:
        Path(name).unlink(missing_ok=True)


class Settled(Protocol):
    """A row that says which installation connected it, and where its pages were then."""

    installation: str
    public_url: str


def is_copy(settings: Settings, row: Settled) -> bool:
    """Tell whether another installation than this one connected what the row is about."""
    if row.installation in ("", installation_id(settings)):
        return is_elsewhere(row.public_url, settings.public_url)
    return True


def settle(settings: Settings, row: Settled) -> None:
    """Note in a row that it is this installation's."""
    if not installation_id(settings):
        become_new(settings)  # the folder is a copy; from here on it is its own
    row.installation = installation_id(settings)
    row.public_url = settings.public_url


def is_elsewhere(recorded: str, now: str) -> bool:
    """Tell whether pages that had one address now have another host's.

    An address of this computer only is no address yet: whoever gives it a real one did not move.

    Examples
    --------
    >>> is_elsewhere("https://stipt.shop.example", "https://staging.shop.example")
    True
    >>> is_elsewhere("http://stipt.shop.example", "https://stipt.shop.example/")
    False
    >>> is_elsewhere("http://127.0.0.1:8000", "https://stipt.shop.example")
    False
    """
    before = urlsplit(recorded).hostname
    return before not in _LOCAL and before != urlsplit(now).hostname
