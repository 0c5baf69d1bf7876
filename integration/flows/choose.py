"""Who gets an event today: at most one of a kind for a person, and nobody who may not be mailed.

What was told once stands in the ledger and is never told again; who was in a state before a kind
was switched on is marked there as of the past. A day with far more people than usual waits for the
merchant, as a wrong file must not start a thousand flows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from statistics import median

from sqlmodel import Session, select

from integration.audience.restraint import left_out
from integration.audience.wanted import recipients
from integration.campaigns import mailed
from integration.flows.candidates import State, states
from integration.tables import Audience, EventSwitch, Member, ToldEvent

#: Below this many people a day nothing is far more than usual; ...
HANDFUL = 25
#: ... above it a day waits with this share of those in reach, or this many times the usual.
SHARE, TIMES_USUAL = 0.2, 3
#: Days of the past that say what is usual.
_REMEMBERED_DAYS = 30
#: Rows of the ledger that (may) have reached the person.
REACHED = ("sent", "done")

Key = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Recipient:
    """A person with the one address of his that is told."""

    person_id: int
    email_key: str


@dataclass(kw_only=True)
class Choice:
    """What a run would tell of one kind."""

    kind: str
    #: The first run after switching on: everybody in the state is marked, no flow starts.
    marks: bool
    told: list[tuple[Recipient, State]] = field(default_factory=list)
    #: Only written down, never told: persons who may not be mailed.
    silent: list[tuple[Recipient, State]] = field(default_factory=list)
    #: "denied", "ask_first", "holdout" (see restraint), "unreachable", "rests" (had an event of the
    #: kind lately), "had_mail" (had other mail of ours lately) -> persons.
    left_out: Counter[str] = field(default_factory=Counter)
    #: They are far more than usual and wait for the merchant.
    waits: bool = False


@dataclass(frozen=True)
class People:
    """Who may get an event, read once for all kinds."""

    #: Person -> the address that gets his tags too, where it is subscribed.
    reachable: Mapping[int, str]
    #: Person -> any address of his in the audience.
    known: Mapping[int, str]
    restrained: Mapping[int, str]


def people(session: Session, audience: Audience) -> People:
    """Read who is in the audience, and who is left out of mail."""
    known = {person_id: email_key for email_key, person_id in recipients(session, audience).items()}
    subscribed = set(
        session.exec(
            select(Member.email_key).where(
                Member.audience_id == audience.id, Member.status == "subscribed"
            )
        )
    )
    return People(
        reachable={pid: email_key for pid, email_key in known.items() if email_key in subscribed},
        known=known,
        restrained=left_out(session, audience),
    )


def choose(
    session: Session, audience: Audience, switch: EventSwitch, everybody: People, now: datetime
) -> Choice:
    """Work out who gets an event of a kind; nothing is written.

    Parameters
    ----------
    switch
        Its `marked_at`, `every_days` and `let_go` count, not whether it is on.
    """
    found = states(session, audience.language, switch.kind, now)
    # Of every audience of the account: another list makes nobody a stranger.
    ledger = session.exec(select(ToldEvent).where(ToldEvent.kind == switch.kind)).all()
    made = Choice(kind=switch.kind, marks=switch.marked_at is None)
    new = _not_in_ledger(found, ledger, everybody)
    if made.marks:
        _mark(made, new, everybody)
        return made
    resting = dict.fromkeys(mailed.resting(session, now, other_than=switch.kind), "had_mail")
    since = now - timedelta(days=switch.every_days)
    resting.update(dict.fromkeys(_resting(ledger, everybody, since), "rests"))
    _tell(made, [state for state in new if state.is_fresh], everybody, resting)
    reach = len(everybody.reachable)
    usual = _usual(ledger, now)
    made.waits = not switch.let_go and far_more(len(made.told), usual=usual, reach=reach)
    return made


def still_holding(
    session: Session, audience: Audience, rows: Sequence[ToldEvent], now: datetime
) -> set[int]:
    """Return the ids of told rows whose person may be mailed still, and is in the state still."""
    everybody = people(session, audience)
    owner = {email_key: person_id for person_id, email_key in everybody.reachable.items()}
    found = {
        kind: states(session, audience.language, kind, now, anew=False)
        for kind in {row.kind for row in rows}
    }
    inside = {
        (kind, state.person_id, state.subject, _cycle(kind, state.cycle))
        for kind, some in found.items()
        for state in some
    }
    resting = {kind: mailed.resting(session, now, other_than=kind) for kind in found}
    return {
        row.id or 0
        for row in rows
        if (person_id := owner.get(row.email_key)) is not None
        and person_id not in everybody.restrained
        and person_id not in resting[row.kind]
        and (row.kind, person_id, row.subject, _cycle(row.kind, row.cycle)) in inside
    }


def _cycle(kind: str, cycle: str) -> str:
    """An interest goes on whichever moment was its first."""
    return "" if kind == "interest" else cycle


def _not_in_ledger(
    found: Sequence[State], ledger: Sequence[ToldEvent], everybody: People
) -> list[State]:
    """States that no row has, neither by person nor by address: people are merged and renamed."""
    persons = {(row.person_id, row.subject, row.cycle) for row in ledger}
    addresses = {(row.email_key, row.subject, row.cycle) for row in ledger}
    return [
        state
        for state in found
        if (state.person_id, state.subject, state.cycle) not in persons
        and (everybody.known.get(state.person_id, ""), state.subject, state.cycle) not in addresses
    ]


def _mark(made: Choice, new: Sequence[State], everybody: People) -> None:
    for state in new:
        email_key = everybody.known.get(state.person_id)
        if email_key is None:
            made.left_out["unreachable"] += 1
            continue
        recipient = Recipient(state.person_id, email_key)
        reason = _why_not(state, everybody)
        (made.silent if reason else made.told).append((recipient, state))
        if reason:
            made.left_out[reason] += 1


def _tell(
    made: Choice, new: Sequence[State], everybody: People, resting: Mapping[int, str]
) -> None:
    first: dict[int, State] = {}
    for state in new:
        held = first.get(state.person_id)
        if held is None or state.rank < held.rank:
            first[state.person_id] = state
    for person_id, state in sorted(first.items()):
        reason = _why_not(state, everybody) or resting.get(person_id, "")
        if reason:
            made.left_out[reason] += 1
        else:
            made.told.append((Recipient(person_id, everybody.reachable[person_id]), state))


def _why_not(state: State, everybody: People) -> str:
    if state.person_id in everybody.restrained:
        return everybody.restrained[state.person_id]
    return "" if state.person_id in everybody.reachable else "unreachable"


def _resting(ledger: Sequence[ToldEvent], everybody: People, since: datetime) -> set[int]:
    """Persons who got an event of the kind lately, or may have got one; also by their address."""
    lately = [
        row
        for row in ledger
        if row.status in REACHED and not row.is_syncing and row.occurred_at > since
    ]
    owner = {email_key: person_id for person_id, email_key in everybody.known.items()}
    return {owner.get(row.email_key, row.person_id) for row in lately} | {
        row.person_id for row in lately
    }


def _usual(ledger: Sequence[ToldEvent], now: datetime) -> list[int]:
    since = now - timedelta(days=_REMEMBERED_DAYS)
    days = Counter(
        row.occurred_at.date()
        for row in ledger
        if row.status in REACHED and not row.is_syncing and row.occurred_at > since
    )
    return list(days.values())


def far_more(people: int, *, usual: Sequence[int], reach: int) -> bool:
    """Tell whether a day has far more people than usual.

    Parameters
    ----------
    usual
        People on earlier days that had any.
    reach
        People whom we may tell anything at all.

    Examples
    --------
    >>> far_more(25, usual=[1], reach=30), far_more(90, usual=[20, 30, 40], reach=1000)
    (False, False)
    >>> far_more(91, usual=[20, 30, 40], reach=1000), far_more(201, usual=[], reach=1000)
    (True, True)
    """
    if people <= HANDFUL:
        return False
    return people > SHARE * reach or (bool(usual) and people > TIMES_USUAL * median(usual))
