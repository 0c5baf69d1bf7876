"""A customer's changes, told to the shop: asked what stands there, written, noted.

What is about to be sent is kept before it is sent, and what came of it after: whoever is killed in
between asks the shop again, and finds its own writing there or sends it once more. A change that
stands there already moves nothing at the shop, so nothing is doubled.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from sqlmodel import Session, col, select

from connectors.base import ConsentWriter, Standing
from connectors.errors import ConnectorError, NotAuthorized, Retryable
from connectors.records import ConsentEvent, ConsentState
from integration import consent
from integration.audience import evidence
from integration.context import Context
from integration.db import scoped
from integration.store.common import alone
from integration.store.moments import write_consent
from integration.tables import Consent, ConsentWrite, Shop, SourceProfile
from integration.work.execute import cause
from integration.work.queue import Job, NotYet
from integration.writeback.decide import (
    KEPT,
    PAUSE,
    REFUSED,
    SENDING,
    WAITING,
    WRITTEN,
    Change,
    Reason,
    after_asking,
    before_asking,
    is_ours,
)
from integration.writeback.switch import open_writer, since

#: What the ledger calls our own writing, when the shop tells of it.
SOURCE = "Stipt, from Mailchimp"


class ShutOut(Exception):
    """The shop does not let us write: this waits until the merchant has done something."""

    rests = True


def write(context: Context, job: Job) -> None:
    """Tell a shop what one customer changed; of several changes the newest.

    Raises
    ------
    NotYet
        The day's one writing was done.
    ShutOut, Retryable
    """
    telling = Telling(context, job)
    # Twice where the answer to one was lost and a newer one came since.
    while (row := telling.choose()) is not None:
        try:
            telling.tell(row)
        except NotAuthorized as error:
            telling.note(row, WAITING, Reason.ACCESS)
            raise ShutOut(str(error)) from error
        except Retryable:
            raise
        except ConnectorError as error:
            telling.note(row, REFUSED, cause(error))


class Telling:
    """One customer's turn."""

    def __init__(self, context: Context, job: Job) -> None:
        self._context, self._job = context, job
        self._profile_id: int = job.payload["profile_id"]
        with scoped(context.engine, job.account_id) as session:
            self._shop = session.get_one(Shop, job.payload["shop_id"])

    def choose(self) -> ConsentWrite | None:
        """Return the change to ask the shop about, after noting which need no asking.

        Raises
        ------
        NotYet
        """
        with scoped(self._context.engine, self._job.account_id) as session:
            self._job.extend(session)
            rows = self._open(session)
            sent = [row for row in rows if row.status == SENDING]
            if sent:
                return sent[0]
            chosen = self._newest(session, rows)
            if chosen is None:
                return None
            until = self._pause(session, chosen)
            if until is not None:
                chosen.reason = Reason.PAUSE
            for row in rows[: rows.index(chosen)]:
                # Behind an opt-in that waits he may withdraw elsewhere: then this one is told.
                if until is None or chosen.state == ConsentState.DENIED:
                    row.status, row.reason = KEPT, Reason.REPLACED
        if until is not None:
            wait_s = (until - self._context.clock()).total_seconds()
            raise NotYet("one writing a day and customer", wait_s=wait_s)
        return chosen

    def _newest(self, session: Session, rows: Sequence[ConsentWrite]) -> ConsentWrite | None:
        """Return the newest change that may be told, after noting why those behind it are not."""
        on = since(session, self._shop)
        for row in reversed(rows):
            reason = before_asking(self._change(session, row), on)
            if reason is None:
                return row
            row.status, row.reason = KEPT, reason
        return None

    def tell(self, row: ConsentWrite) -> None:
        """Write a change where the shop has something older and different.

        Raises
        ------
        ConnectorError
        """
        with scoped(self._context.engine, self._job.account_id) as session:
            profile = session.get(SourceProfile, row.profile_id)
            if profile is None or session.get(ConsentWrite, row.id) is None:
                return  # forgotten since he was chosen
            change = self._change(session, row)
        writer = open_writer(self._context, self._shop)
        standing = writer.standing(profile.external_id)
        if standing is not None and is_ours(change, standing):
            self._keep(row, standing.event)
            return
        reason = after_asking(change, standing)
        if reason is None and standing is not None:
            reason = self._send(writer, profile.external_id, row, standing)
        if reason is not None:
            self.note(row, KEPT, reason)

    def _send(
        self, writer: ConsentWriter, key: str, row: ConsentWrite, standing: Standing
    ) -> Reason | None:
        with scoped(self._context.engine, self._job.account_id) as session:
            self._job.extend(session)
            mine, proof = session.get(ConsentWrite, row.id), session.get(Consent, row.consent_id)
            if mine is None or proof is None:
                return None  # forgotten while we asked, and the row with him
            change = self._change(session, mine)
            # Once more: it may have been switched off, or somebody withdrew, while we asked.
            reason = before_asking(change, since(session, self._shop))
            if reason is not None:
                return reason
            mine.status, mine.reason, mine.sent_at = SENDING, "", self._context.clock()
            mine.before = {"told": standing.told, "at": _text(standing.at)}
            confirmed = evidence.has(proof, evidence.CONFIRMED)
        event = writer.write(key, change.state, change.at, confirmed=confirmed)
        if event.state is not change.state:
            return Reason.NEWER  # stated between our question and our answer
        self._keep(row, event)
        return None

    def _keep(self, row: ConsentWrite, event: ConsentEvent | None) -> None:
        """Note that it was written, and hold it in the ledger as ours before the shop tells it."""
        with scoped(self._context.engine, self._job.account_id) as session:
            self._job.extend(session)
            alone(session)
            mine = session.get(ConsentWrite, row.id)
            if mine is None:
                return
            mine.status, mine.reason = WRITTEN, ""
            ours = [] if event is None else [replace(event, source=SOURCE)]
            write_consent(session, self._shop.id or 0, ours, self._context.clock())

    def note(self, row: ConsentWrite, status: str, reason: str) -> None:
        """Keep what came of a change."""
        with scoped(self._context.engine, self._job.account_id) as session:
            self._job.extend(session)
            mine = session.get(ConsentWrite, row.id)
            if mine is not None:
                mine.status, mine.reason = status, reason
                if reason == Reason.ACCESS:
                    mine.sent_at = None  # nothing was written

    def _open(self, session: Session) -> list[ConsentWrite]:
        query = select(ConsentWrite).where(
            ConsentWrite.shop_id == self._shop.id,
            ConsentWrite.profile_id == self._profile_id,
            col(ConsentWrite.status).in_((WAITING, SENDING)),
        )
        return list(session.exec(query.order_by(col(ConsentWrite.at), col(ConsentWrite.id))))

    def _pause(self, session: Session, row: ConsentWrite) -> datetime | None:
        """Return until when nothing more is written of this customer; None: it may be now."""
        query = select(ConsentWrite.sent_at).where(
            ConsentWrite.shop_id == self._shop.id,
            ConsentWrite.profile_id == self._profile_id,
            ConsentWrite.status != REFUSED,
            ConsentWrite.id != row.id,
            col(ConsentWrite.sent_at) > self._context.clock() - PAUSE,
        )
        sent = session.exec(query.order_by(col(ConsentWrite.sent_at).desc())).first()
        return None if sent is None else sent + PAUSE

    def _change(self, session: Session, row: ConsentWrite) -> Change:
        proof = session.get_one(Consent, row.consent_id)
        profile = session.get_one(SourceProfile, row.profile_id)
        folded = consent.states(session, [profile.person_id])
        return Change(
            state=ConsentState(row.state),
            at=row.at,
            email_key=proof.email_key or "",
            is_own=evidence.has(proof, evidence.PERSON),
            folded=folded.get(profile.person_id, ConsentState.UNKNOWN),
            was_sent=row.status == SENDING,
        )


def _text(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()
