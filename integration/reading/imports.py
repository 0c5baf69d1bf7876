"""Readings of sources: how far, what was counted, what was rejected, what is asked."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import func
from sqlmodel import Session, col, select

from integration.pace import Progress, left_s, progress
from integration.reading.stalled import Stalled, stalled
from integration.tables import ImportRun, Reject, Shop, Work

_RUNS = 30
_CHUNK = 5_000


@dataclass(frozen=True)
class Question:
    """One thing only the merchant knows; see `connectors.errors.Question`."""

    option: str
    columns: list[str]
    choices: list[tuple[str, str]]
    examples: list[str]


@dataclass(frozen=True)
class Run:
    """A reading as the page shows it."""

    row: ImportRun
    shop: str
    rejects: int
    work: Work | None
    questions: list[Question] = field(default_factory=list)
    #: Since when nothing arrives from the shop any more, as it removed us.
    left_at: datetime | None = None
    #: How far it is by stream, while it is under way and where the source tells how much there is.
    streams: Sequence[Progress] = ()

    @property
    def left_s(self) -> float | None:
        """Seconds until its end; None while that is not known."""
        return left_s(self.streams)

    #: Where the shop's history waits for a click.
    stalled: Stalled | None = None

    @property
    def is_given_up(self) -> bool:
        """Whether nobody reads it any more, and it has not come to its end."""
        is_dead = self.work is not None and self.work.status == "dead"
        return self.stalled is not None or (self.row.status == "running" and is_dead)

    @property
    def moves(self) -> bool:
        """Whether it is worth looking again soon."""
        return self.row.status == "running" and not self.is_given_up and self.left_at is None


def runs(session: Session, now: datetime) -> list[Run]:
    """Return the latest readings, newest first."""
    rows = session.exec(select(ImportRun).order_by(col(ImportRun.id).desc()).limit(_RUNS)).all()
    return _complete(session, rows, now)


def run(session: Session, row: ImportRun, now: datetime) -> Run:
    """Return one reading."""
    return _complete(session, [row], now)[0]


def _complete(session: Session, rows: Any, now: datetime) -> list[Run]:
    shops = {shop.id: shop for shop in session.exec(select(Shop)).all()}
    ids = [row.id for row in rows]
    counted = select(Reject.run_id, func.count()).where(col(Reject.run_id).in_(ids))
    rejects = defaultdict(int, session.exec(counted.group_by(col(Reject.run_id))).all())
    jobs = select(Work).where(Work.kind == "import").order_by(col(Work.id).desc()).limit(_RUNS * 2)
    work: dict[int, Work] = {}
    for job in session.exec(jobs):
        work.setdefault(job.payload.get("run_id", 0), job)
    held_up = {one.run.id: one for one in stalled(session)}
    return [
        Run(
            row,
            shops[row.shop_id].name,
            rejects[row.id],
            work.get(row.id),
            _questions(row),
            shops[row.shop_id].disconnected_at,
            progress(session, row, now) if row.status == "running" else (),
            held_up.get(row.id or 0),
        )
        for row in rows
    ]


def _questions(row: ImportRun) -> list[Question]:
    """Return what is asked, once an option: one answer holds for all columns in doubt."""
    if row.status != "waiting" or not row.error:
        return []
    asked: dict[str, Question] = {}
    for q in json.loads(row.error):
        choices = [(value, meaning) for value, meaning in q["choices"]]
        known = asked.setdefault(q["option"], Question(q["option"], [], choices, []))
        known.columns.append(q["column"])
        known.examples.extend(q["examples"])
    return list(asked.values())


def rejects(session: Session, run_id: int) -> Iterator[Reject]:
    """Yield everything that could not be read, in the order of the file."""
    last = 0
    while True:
        query = select(Reject).where(Reject.run_id == run_id, col(Reject.id) > last)
        found = session.exec(query.order_by(col(Reject.id)).limit(_CHUNK)).all()
        if not found:
            return
        yield from found
        last = found[-1].id or 0
