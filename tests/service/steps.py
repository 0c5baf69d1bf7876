"""Handlers for tests of the worker: a job of many small, repeatable steps."""

from __future__ import annotations

import time

from sqlalchemy import update
from sqlmodel import select

from integration.context import Context
from integration.db import scoped
from integration.tables import Choice, SyncState
from integration.work.handlers import Handlers
from integration.work.queue import Job, defer

#: Steps of one job, and the pause in each in which a kill may fall.
STEPS = 60
PAUSE_S = 0.01


def count_steps(context: Context, job: Job) -> None:
    """Write one row a step and go on from the saved cursor, as an import does."""
    state_id = job.payload["state_id"]
    while True:
        with scoped(context.engine, job.account_id) as session:
            # First: from here on only the owner of the lease can commit.
            job.extend(session)
            state = session.exec(select(SyncState).where(SyncState.id == state_id)).one()
            if state.records == STEPS:
                return
            session.add(
                Choice(
                    account_id=job.account_id,
                    kind="step",
                    subject=f"{state_id}:{state.records}",
                    value="done",
                    created_at=context.clock(),
                )
            )
            session.flush()
            time.sleep(PAUSE_S)
            session.execute(
                update(SyncState).where(SyncState.id == state_id).values(records=state.records + 1)
            )


def follow_up(context: Context, job: Job) -> None:
    """Defer another job in the same lane, and wake nobody."""
    with scoped(context.engine, job.account_id) as session:
        defer(
            session,
            account_id=job.account_id,
            kind="count_steps",
            lane=job.lane,
            payload=job.payload,
        )


HANDLERS: Handlers = {"count_steps": count_steps, "follow_up": follow_up}
