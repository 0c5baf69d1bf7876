"""A large part of a shop by bulk operations: slices, newest first, several under way at a time."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from connectors.errors import Unreachable
from connectors.shopify.bulk import Bulk, Expired, Operation
from connectors.shopify.client import Client
from connectors.shopify.documents import CHILDREN, OLDEST, ROOTS, bulk
from connectors.shopify.errors import CutShort
from connectors.shopify.fields import number
from connectors.shopify.staging import Staging
from connectors.shopify.windows import LAG, Slice, State, cut, halves, slice_filter, window

#: Records a page.
PAGE = 500
#: Seconds between two looks at an operation, and which part of what was waited for already: no
#: export is noticed much too late, and none is asked after all the time.
_SOONEST_S, _LATEST_S, _PART = 1.0, 10.0, 0.05
#: Pages handed over between two looks whether another operation can begin.
_TOP_UP = 3
#: Ends of operations without a result, for one slice.
_TRIES = 4
#: Fetches of one file; what is cut short each time was made so.
_FETCHES = 2


class History:
    """The bulk reading of one shop.

    Parameters
    ----------
    folder
        Where exports lie until they are handed over; a reading goes on from what is there.
    """

    def __init__(
        self,
        client: Client,
        folder: Path,
        *,
        page: int = PAGE,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._client, self._folder, self._page, self._sleep = client, folder, page, sleep
        self._bulk = Bulk(client)
        #: What is read now and later, in this order.
        self._ahead: dict[str, State] = {}

    def prepare(self, states: Mapping[str, State], *, since: str | None) -> None:
        """Start the exports of several streams, those first that are read first.

        `since` is when a reading began that was stopped: what it started is taken over.

        Raises
        ------
        ConnectorError
        """
        if since is not None:
            self._bulk.take_over(datetime.fromisoformat(since))
        self._ahead = dict(states)
        self._start_ahead()

    def plan(self, stream: str, state: State, until: datetime) -> None:
        """Cut what is to be read into slices."""
        oldest = self._oldest(stream, state, until)
        state.slices = cut(stream, state.since, oldest, until, state.total)

    def read(self, stream: str, state: State) -> Iterator[list[dict[str, Any]]]:
        """Yield records with their children, and nothing from time to time while waiting.

        `state` is brought up to date before each.

        Raises
        ------
        ConnectorError
        """
        assert state.slices is not None
        # In the place of what was planned, which another look at the cursor made.
        self._ahead[stream] = state
        while state.slices:
            if self._start_ahead(state):
                yield []
            yield from self._slice(stream, state)
        del self._ahead[stream]
        self.clean(stream, None)

    def ids(self, body: str) -> Iterator[str]:
        """Yield the ids that an operation over `body` finds.

        Raises
        ------
        ConnectorError
        """
        part = Slice(start=None, end=None)
        while (operation := self._bulk.start([body]).get(body)) is None:
            self._sleep(_LATEST_S)
        part.operation = operation
        while (ended := self._ended(part)) is None:
            self._sleep(_LATEST_S)
        if ended.state != "completed":
            raise Unreachable(f"Shopify's export ended without result: {ended.error}")
        self._bulk.forget(ended.id)
        yield from (number(json.loads(line)["id"]) for line in self._bulk.lines(ended))

    def _start_ahead(self, read: State | None = None) -> bool:
        """Start operations for the next slices while there is a place.

        Their files lie at Shopify for a week: exporting never waits for us. Return whether one of
        `read` began, which is to be stored; the others are found again by what they ask for.
        """
        waiting = [
            (state, part, bulk(stream, slice_filter(stream, state, part)))
            for stream, state in self._ahead.items()
            for part in state.slices or ()
            if part.operation is None
        ]
        started = self._bulk.start([body for _, _, body in waiting])
        for _, part, body in waiting:
            part.operation = started.get(body)
        return any(state is read and part.operation for state, part, _ in waiting)

    def _slice(self, stream: str, state: State) -> Iterator[list[dict[str, Any]]]:
        """Hand over the first slice; left in its place when that did not succeed."""
        slices = state.slices or []
        part = slices[0]
        waited_s = told_s = 0.0
        while not (staged := self._staging(stream, part)) or not staged.is_loaded:
            ended = self._ended(part)
            if ended is None:
                wait_s = min(max(_SOONEST_S, _PART * waited_s), _LATEST_S)
                self._sleep(wait_s)
                waited_s += wait_s
                if self._start_ahead(state) or waited_s - told_s >= _LATEST_S:
                    told_s = waited_s
                    yield []
            elif not staged or not self._load(stream, state, part, ended, staged):
                yield []
                return
        left = staged.count - state.done
        for nth, rows in enumerate(staged.roots(state.done, self._page)):
            if nth % _TOP_UP == _TOP_UP - 1:
                self._start_ahead(state)
            left -= len(rows)
            state.done += len(rows)
            state.read += len(rows)
            if not left:
                self._next(state)
            yield rows
        if slices and slices[0] is part:  # nothing was in it
            self._next(state)
            yield []

    def _ended(self, part: Slice) -> Operation | None:
        if part.operation is None:
            return None
        found = self._bulk.look(part.operation)
        return None if found.state == "running" else found

    def _load(
        self, stream: str, state: State, part: Slice, ended: Operation, staged: Staging
    ) -> bool:
        """Fetch the file of an operation; False when the slice has to be run again."""
        for _ in range(_FETCHES if ended.state == "completed" else 0):
            try:
                self.clean(stream, staged)
                staged.load(self._bulk.lines(ended))
            except CutShort:
                continue  # on its way, or it was made so
            except Expired:
                break
            return True
        self._again(stream, state, part, ended)
        return False

    def _again(self, stream: str, state: State, part: Slice, ended: Operation) -> None:
        """Run a slice anew, in halves where it may have been too much."""
        self._bulk.forget(ended.id)
        part.operation = None
        part.tries += 1
        # What another file has in the first places may not have been handed over.
        state.read -= state.done
        state.done = 0
        if part.tries >= _TRIES:
            told = ended.error or ended.state
            raise Unreachable(f"Shopify's export ended {part.tries} times without result: {told}")
        if ended.state == "failed" and state.slices:
            until = datetime.fromisoformat(state.until)
            oldest = self._oldest(stream, state, until)
            state.slices[:1] = halves(stream, part, oldest, until)

    def _next(self, state: State) -> None:
        """Have the next slice be the first; its file, if any, stays until it is replaced."""
        assert state.slices
        self._bulk.forget(state.slices.pop(0).operation)
        state.done = 0

    def _staging(self, stream: str, part: Slice) -> Staging | None:
        if part.operation is None:
            return None
        return Staging(self._folder / f"{stream}-{number(part.operation)}.sqlite", CHILDREN[stream])

    def clean(self, stream: str, keep: Staging | None) -> None:
        """Remove the exports of a stream that have been handed over."""
        self._folder.mkdir(parents=True, exist_ok=True)
        for path in self._folder.glob(f"{stream}-*.sqlite*"):
            if keep is None or path != keep.path:
                path.unlink(missing_ok=True)

    def _oldest(self, stream: str, state: State, until: datetime) -> datetime:
        query = window(stream, state.since, until)
        found = self._client.run(OLDEST[stream], {"query": query or None}).need(ROOTS[stream])
        rows = found["nodes"] if found else ()
        if state.since is not None:
            return datetime.fromisoformat(state.since) - LAG
        if not rows:
            return until
        return datetime.fromisoformat(rows[0]["createdAt"])
