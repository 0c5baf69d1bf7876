"""Batches that Mailchimp tells us are done, so that whoever waits for one looks at it at once."""

from __future__ import annotations

import time
from contextlib import AbstractContextManager
from urllib.parse import parse_qs

from sqlmodel import Session, col, func, select

from integration.context import Context
from integration.db import scoped
from integration.mailchimp.hooks import BATCHES
from integration.tables import Inbox

#: Most seconds that somebody waits without asking whether something came in.
NAP_S = 2.0
#: Asked more often than this, nothing is read.
_OFTEN_S = 1.0


class Told:
    """What came in from when this was made; a message is a hint to look and no more."""

    def __init__(self, context: Context, account_id: int) -> None:
        self._context, self._account_id = context, account_id
        with self._session() as session:
            self._seen = session.exec(select(func.max(Inbox.id))).one() or 0
        self._asked = time.monotonic()
        self._done: set[str] = set()

    def _session(self) -> AbstractContextManager[Session]:
        return scoped(self._context.engine, self._account_id)

    def __call__(self, batch_id: str) -> bool:
        """Tell whether a batch was said to be done since this was last answered with yes."""
        if time.monotonic() - self._asked >= _OFTEN_S:
            self._read()
        told = batch_id in self._done
        self._done.discard(batch_id)
        return told

    def _read(self) -> None:
        self._asked = time.monotonic()
        query = select(Inbox.id, Inbox.body).where(
            Inbox.topic == BATCHES, col(Inbox.id) > self._seen
        )
        with self._session() as session:
            for inbox_id, body in session.exec(query.order_by(col(Inbox.id))):
                self._seen = inbox_id or self._seen
                form = parse_qs(body.decode("utf-8", "replace"), max_num_fields=1000)
                self._done.update(form.get("data[id]", ()))
