"""Giving and taking tags: static segments, 500 addresses a call, several calls side by side.

What is to start no flow is given in another way: see `integration.mailchimp.quiet`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial

from integration.audience.difference import TAG
from integration.audience.naming import forget
from integration.audience.settled import NOT_THERE
from integration.mailchimp.calls import Calls
from integration.mailchimp.client import ROWS_A_CALL
from integration.mailchimp.errors import AudienceGone, NotFound
from integration.mailchimp.run import Row, Run
from integration.tables import Audience

_LOST = "the tag was deleted in Mailchimp"


class Tags:
    """The tag rows of a plan on their way."""

    def __init__(self, run: Run, calls: Calls) -> None:
        self._run, self._calls = run, calls
        #: Tags that turned out to be gone.
        self._lost: set[str] = set()

    def push(self) -> Iterator[None]:
        """Start call after call; pauses before each, so that other answers can be looked at."""
        with self._run.transaction() as session:
            keys = self._run.open_keys(session, TAG)
        for key in keys:
            for add, remove, tag_id in self._parts(key):
                yield
                if key not in self._lost:
                    self._start(key, tag_id, add, remove)

    def _parts(self, key: str) -> Iterator[tuple[list[Row], list[Row], int]]:
        run = self._run
        with run.transaction() as session:
            owned = run.owned(session, TAG).get(key)
            rows = run.open_rows(session, TAG, key)
            if owned is None or owned.remote_id is None:
                run.settle(session, TAG, rows)  # only removals are left of a tag that is not there
                return
            tag_id = owned.remote_id
        add = [row for row in rows if row.after is not None and key not in run.quiet]
        remove = [row for row in rows if row.after is None]
        for start in range(0, max(len(add), len(remove)), ROWS_A_CALL):
            part = slice(start, start + ROWS_A_CALL)
            yield add[part], remove[part], tag_id

    def _start(self, key: str, tag_id: int, add: Sequence[Row], remove: Sequence[Row]) -> None:
        rows = [*add, *remove]
        with self._run.transaction() as session:
            self._run.mark(session, [row.id for row in rows], "sent")
        call = partial(
            self._run.mailchimp.change_tag,
            tag_id,
            add=[row.email_key for row in add],
            remove=[row.email_key for row in remove],
        )
        self._calls.start(call, partial(self._settle, key, rows))

    def _settle(self, key: str, rows: Sequence[Row], answer: Callable[[], dict[str, str]]) -> None:
        run = self._run
        try:
            refused = answer()
        except AudienceGone:
            raise
        except NotFound:
            self._lost.add(key)
            lose(run, key)
            return
        with run.transaction() as session:
            run.settle(session, TAG, [row for row in rows if row.email_key not in refused])
            run.fail(session, {row.id: NOT_THERE for row in rows if row.email_key in refused})
            if refused:
                # Somebody is not where we thought: read everybody before the next plan.
                session.get_one(Audience, run.audience_id).read_until = None
        run.step()


def lose(run: Run, key: str) -> None:
    """Forget a tag that somebody deleted in Mailchimp; the next plan makes it again."""
    with run.transaction() as session:
        owned = run.owned(session, TAG).get(key)
        if owned is None:
            return  # another call of this tag was told so before
        forget(session, owned)
        rows = run.open_rows(session, TAG, key)
        run.settle(session, TAG, [row for row in rows if row.after is None])
        run.fail(session, {row.id: _LOST for row in rows if row.after is not None})
