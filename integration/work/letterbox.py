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
import time
from collections import defaultdict
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

import structlog
from sqlmodel import Session

from integration.context import Context
from integration.db import scoped
from integration.tables import Audience, Shop
from integration.work.inbox import Message, ask, keep, keep_of_shop

_log = structlog.get_logger(__name__)


#: Letters a transaction: while an import runs, each has to wait for its turn to write.
_A_TIME = 100
#: Names of letters that are being written begin so, and seconds after which none is any more.
_HALF, _WRITING_S = "half-", 600.0


@dataclass(frozen=True, slots=True)
class Letter:
    """A webhook as it came, about an audience or from a shop."""

    account_id: int
    audience_id: int | None
    topic: str
    dedupe_key: str
    #: In base64: it may be anything.
    body: str
    shop_id: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


def put(context: Context, audience: Audience, topic: str, dedupe_key: str, body: bytes) -> None:
    """Keep a webhook about an audience; the same once more is the same file."""
    assert audience.id is not None
    _put(context, Letter(audience.account_id, audience.id, topic, dedupe_key, _text(body)))


def put_of_shop(context: Context, account_id: int, shop_id: int, message: Message) -> None:
    """Keep a shop's webhook; the same once more is the same file."""
    _put(
        context,
        Letter(
            account_id,
            None,
            message.topic,
            message.dedupe_key,
            _text(message.body),
            shop_id,
            dict(message.headers),
        ),
    )


def _text(body: bytes) -> str:
    return base64.b64encode(body).decode()


def _put(context: Context, letter: Letter) -> None:
    folder = _folder(context)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    owner = letter.audience_id if letter.shop_id is None else f"shop {letter.shop_id}"
    name = hashlib.sha256(f"{owner} {letter.topic} {letter.dedupe_key}".encode()).hexdigest()
    handle, written = tempfile.mkstemp(dir=folder, prefix=_HALF)
    with os.fdopen(handle, "w", encoding="ascii") as file:
        json.dump(asdict(letter), file)
    # Whoever looks into the folder sees whole letters only.
    Path(written).replace(folder / f"{name}.json")


def take_in(context: Context) -> int:
    """Move what lies here into the inbox, with the work that it means; return how much was new.

    May run beside itself and be killed anywhere: a letter goes when it is in the inbox, and the
    inbox keeps the same only once.
    """
    new, waiting = 0, sorted(_folder(context).glob("*.json"))
    for start in range(0, len(waiting), _A_TIME):
        paths = waiting[start : start + _A_TIME]
        letters = defaultdict(list)
        for letter in filter(None, map(_read, paths)):
            letters[letter.account_id].append(letter)
        for account_id, some in letters.items():
            with scoped(context.engine, account_id) as session:
                new += sum(_keep(session, letter) for letter in some)
            shops = {letter.shop_id for letter in some if letter.shop_id is not None}
            with scoped(context.engine, account_id) as session:
                for shop_id in shops:
                    ask(session, account_id, shop_id, context.clock())
        for path in paths:
            path.unlink(missing_ok=True)
    _throw_halves_away(_folder(context))
    return new


def _throw_halves_away(folder: Path) -> None:
    """Delete what a process that was killed had begun to write: it may name somebody."""
    for path in folder.glob(f"{_HALF}*"):
        with suppress(FileNotFoundError):  # it is whole by now
            if path.stat().st_mtime < time.time() - _WRITING_S:
                path.unlink()


def _read(path: Path) -> Letter | None:
    try:
        return Letter(**json.loads(path.read_text("ascii")))
    except FileNotFoundError:
        return None  # another thread was quicker
    except (ValueError, TypeError):
        # Half a file, after a power cut. The nightly check finds what it would have told.
        _log.warning("A letter could not be read")
        return None


def _keep(session: Session, letter: Letter) -> bool:
    body = base64.b64decode(letter.body)
    if letter.shop_id is not None:
        there = session.get(Shop, letter.shop_id) is not None
        message = Message(letter.topic, letter.dedupe_key, letter.headers, body)
        return there and keep_of_shop(session, letter.account_id, letter.shop_id, message)
    audience = session.get(Audience, letter.audience_id)
    told = (letter.topic, letter.dedupe_key, letter.headers, body)
    return audience is not None and keep(session, audience, *told) is not None


def _folder(context: Context) -> Path:
    return context.settings.data_dir / "letterbox"
