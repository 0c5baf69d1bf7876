"""Where a webhook lies while SQLite's one writer is at work: a file each, soon in the inbox.

Beside the database, and as lasting as a commit of it (``synchronous=NORMAL``): it outlives the end
of any process of ours, and is not forced onto the disk. On PostgreSQL nothing ever lies here.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import structlog

from integration.context import Context
from integration.db import scoped
from integration.tables import Audience
from integration.work.inbox import keep

_log = structlog.get_logger(__name__)


def put(context: Context, audience: Audience, topic: str, dedupe_key: str, body: bytes) -> None:
    """Keep a webhook about an audience; the same once more is the same file."""
    folder = _folder(context)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    letter = {
        "account_id": audience.account_id,
        "audience_id": audience.id,
        "topic": topic,
        "dedupe_key": dedupe_key,
        "body": base64.b64encode(body).decode(),
    }
    name = hashlib.sha256(f"{audience.id} {topic} {dedupe_key}".encode()).hexdigest()
    handle, written = tempfile.mkstemp(dir=folder)
    with os.fdopen(handle, "w", encoding="ascii") as file:
        json.dump(letter, file)
    # Whoever looks into the folder sees whole letters only.
    Path(written).replace(folder / f"{name}.json")


def take_in(context: Context) -> Iterator[int]:
    """Move what lies here into the inbox; yield the id of the work that each means.

    May run beside itself and be killed anywhere: a letter goes when it is in the inbox, and the
    inbox keeps the same only once.
    """
    for path in sorted(_folder(context).glob("*.json")):
        try:
            work_id = _take_in(context, json.loads(path.read_text("ascii")))
        except FileNotFoundError:
            continue  # another thread was quicker
        except (ValueError, KeyError):
            # Half a file, after a power cut. The nightly check finds what it would have told.
            _log.warning("A letter could not be read")
            work_id = None
        path.unlink(missing_ok=True)
        if work_id is not None:
            yield work_id


def _take_in(context: Context, letter: dict[str, str]) -> int | None:
    body = base64.b64decode(letter["body"])
    with scoped(context.engine, int(letter["account_id"])) as session:
        audience = session.get(Audience, int(letter["audience_id"]))
        if audience is None:
            return None
        return keep(session, audience, letter["topic"], letter["dedupe_key"], {}, body)


def _folder(context: Context) -> Path:
    return context.settings.data_dir / "letterbox"
