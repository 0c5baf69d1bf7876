"""Permission, folded from a ledger of statements.

A withdrawal always wins: over everything said before it, over everything said at the same moment,
over everything whose moment is unknown, and over silence. Only an explicit opt-in that is known to
be newer outdates it. Absence never opts in. A person's withdrawal on one address counts for all of
his addresses.

A moment in the future is no moment: such a statement counts as one without a date. An opt-in of
"2062" would else outlast every withdrawal to come. To take it as said when we received it would not
do either: a file that is read again after a withdrawal would then undo it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy
from sqlalchemy import Select
from sqlmodel import Session, col, select

from connectors.records import ConsentState
from integration.store.common import parts
from integration.tables import Consent, Identity, SourceProfile

_OPT_INS = (ConsentState.CONFIRMED, ConsentState.CONSENTED)
#: How far a shop's clock may be ahead of ours, its time zone left out or mistaken included.
_AHEAD = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Statement:
    """What the fold needs of one row of the ledger."""

    state: ConsentState
    at: datetime | None


def moment(at: datetime | None, received_at: datetime) -> datetime | None:
    """Return when a statement was made; None where the source does not say or cannot be right."""
    return None if at is None or at > received_at + _AHEAD else at


def statement(row: Consent) -> Statement:
    """Return what the fold needs of a row."""
    return Statement(ConsentState(row.state), moment(row.at, row.received_at))


def fold(statements: Iterable[Statement]) -> ConsentState:
    """Return the state that all statements together amount to.

    Examples
    --------
    >>> from datetime import UTC
    >>> yes = Statement(ConsentState.CONFIRMED, datetime(2026, 1, 1, tzinfo=UTC))
    >>> no = Statement(ConsentState.DENIED, datetime(2026, 2, 1, tzinfo=UTC))
    >>> fold([no, yes]).value, fold([yes]).value, fold([]).value
    ('denied', 'confirmed', 'unknown')
    >>> fold([yes, Statement(ConsentState.DENIED, None)]).value
    'denied'
    """
    said = list(statements)
    denials = [s.at for s in said if s.state is ConsentState.DENIED]
    opt_ins = [s for s in said if s.state in _OPT_INS]
    if denials:
        dated = [at for at in denials if at is not None]
        if len(dated) < len(denials):
            return ConsentState.DENIED
        last = max(dated)
        opt_ins = [s for s in opt_ins if s.at is not None and s.at > last]
        if not opt_ins:
            return ConsentState.DENIED
    if any(s.state is ConsentState.CONFIRMED for s in opt_ins):
        return ConsentState.CONFIRMED
    return ConsentState.CONSENTED if opt_ins else ConsentState.UNKNOWN


def states(
    session: Session, person_ids: Collection[int] | None = None, *, channel: str = "email"
) -> dict[int, ConsentState]:
    """Return the state of every person somebody said something about (None: of all people)."""
    said: dict[int, dict[int, Statement]] = defaultdict(dict)
    # Plain columns: as objects of the table a large shop's ledger takes seconds.
    columns = (SourceProfile.person_id, Consent.id, Consent.state)
    moments = (Consent.at, Consent.received_at)
    for query in _queries(*columns, *moments, person_ids=person_ids, channel=channel):
        for person_id, row_id, state, at, received_at in session.execute(query):
            if row_id not in said[person_id]:
                said[person_id][row_id] = Statement(ConsentState(state), moment(at, received_at))
    return {person_id: fold(rows.values()) for person_id, rows in said.items()}


def denied(session: Session, among: Collection[int] | None = None) -> set[int]:
    """Return who withdrew (of `among`, or of all); only those with a denial in the ledger need
    folding."""
    withdrawn = (Consent.channel == "email", Consent.state == ConsentState.DENIED.value)
    by_address = select(Identity.profile_id).where(
        Identity.kind == "email",
        col(Identity.value).in_(select(Consent.email_key).where(*withdrawn)),
    )
    by_profile = select(Consent.profile_id).where(*withdrawn)
    people: set[int] = set()
    for profiles in (by_address, by_profile):
        named = select(SourceProfile.person_id).where(col(SourceProfile.id).in_(profiles))
        people.update(session.exec(named))
    folded = states(session, people if among is None else people.intersection(among))
    return {person_id for person_id, state in folded.items() if state is ConsentState.DENIED}


def ledger(
    session: Session, person_ids: Collection[int] | None = None, *, channel: str = "email"
) -> Iterable[tuple[int, Consent]]:
    """Yield (person id, row) for each statement, by profile and by address."""
    seen: set[tuple[int, int | None]] = set()
    columns = (SourceProfile.person_id, Consent)
    for query in _queries(*columns, person_ids=person_ids, channel=channel):
        for person_id, row in session.execute(query):
            if (person_id, row.id) not in seen:
                seen.add((person_id, row.id))
                yield person_id, row


def _queries(
    *columns: Any, person_ids: Collection[int] | None, channel: str
) -> Iterator[Select[Any]]:
    """Yield what reads statements, by profile and by address; one found both ways comes twice."""
    by_profile = sqlalchemy.select(*columns).join(
        SourceProfile, col(SourceProfile.id) == col(Consent.profile_id)
    )
    by_address = (
        sqlalchemy.select(*columns)
        .select_from(Consent)
        .join(
            Identity,
            (col(Identity.account_id) == col(Consent.account_id))
            & (col(Identity.kind) == "email")
            & (col(Identity.value) == col(Consent.email_key)),
        )
        .join(SourceProfile, col(SourceProfile.id) == col(Identity.profile_id))
    )
    for query in (by_profile, by_address):
        wanted = query.where(col(Consent.channel) == channel)
        groups = [None] if person_ids is None else list(parts(sorted(person_ids)))
        for part in groups:
            yield wanted if part is None else wanted.where(col(SourceProfile.person_id).in_(part))
