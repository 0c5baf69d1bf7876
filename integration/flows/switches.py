"""Switching kinds of events on and off, tying a flow's step to one, and starting a run."""

from __future__ import annotations

import re
from datetime import datetime
from urllib.parse import urlsplit

from sqlmodel import Session, col, delete, select

from integration.flows.kinds import KIND_BY_KEY, KINDS
from integration.tables import Audience, EventSwitch, ToldEvent, Work
from integration.work.queue import AT_ONCE, defer

WORK = "events"
#: Days that a merchant may have between two events of a kind for one person.
LEAST_DAYS, MOST_DAYS = 1, 365
_TRIGGER = re.compile(r"/customer-journeys/journeys/(\d{1,15})/steps/(\d{1,15})(/actions/trigger)?")
_EDITOR = re.compile(r"/customer-journey/builder")


class NotAnAddress(ValueError):
    """What was pasted is not the address of a flow's step; `why` is "editor" or "other"."""

    def __init__(self, why: str) -> None:
        self.why = why
        super().__init__(
            "this is the address of the flow's page: open its starting point "
            "“Customer Journeys API” and copy the address shown there"
            if why == "editor"
            else "paste the whole address that Mailchimp shows at the starting point; it ends in "
            "/customer-journeys/journeys/…/steps/…/actions/trigger"
        )


def read_address(text: str) -> tuple[int, int]:
    """Return journey and step out of an address as Mailchimp shows it.

    It may stand within a line of code, with or without host, query or the end of its path.

    Raises
    ------
    NotAnAddress

    Examples
    --------
    >>> read_address("https://us6.api.mailchimp.com/3.0/customer-journeys/journeys/12/steps/345"
    ...              "/actions/trigger")
    (12, 345)
    >>> read_address("POST /customer-journeys/journeys/12/steps/345/actions/trigger?x=1")
    (12, 345)
    >>> read_address("https://us6.admin.mailchimp.com/customer-journey/builder?id=12")
    Traceback (most recent call last):
    integration.flows.switches.NotAnAddress: this is the address of the flow's page: open its \
starting point “Customer Journeys API” and copy the address shown there
    """
    found = {match.group(1, 2) for match in _TRIGGER.finditer(text)}
    if len(found) != 1:
        raise NotAnAddress("editor" if _EDITOR.search(urlsplit(text.strip()).path) else "other")
    journey, step = found.pop()
    return int(journey), int(step)


def connected(session: Session) -> Audience | None:
    """Return the connected audience; None without one."""
    query = select(Audience).where(col(Audience.disconnected_at).is_(None))
    return session.exec(query.order_by(col(Audience.id).desc()).limit(1)).first()


def switches(session: Session, audience: Audience) -> dict[str, EventSwitch]:
    """Return the switch of every kind; those never touched are off and not stored."""
    query = select(EventSwitch).where(EventSwitch.audience_id == audience.id)
    stored = {row.kind: row for row in session.exec(query)}
    return {kind.key: stored.get(kind.key) or _new(audience, kind.key) for kind in KINDS}


def _new(audience: Audience, kind: str) -> EventSwitch:
    return EventSwitch(account_id=audience.account_id, audience_id=audience.id or 0, kind=kind)


def turn(session: Session, audience: Audience, kind: str, now: datetime, *, on: bool) -> None:
    """Switch a kind on or off.

    On: the next run marks everybody who is in the state by then, and starts no flow for them. Off:
    what was not told yet is forgotten.

    Raises
    ------
    KeyError
        There is no such kind.
    """
    switch = switches(session, audience)[KIND_BY_KEY[kind].key]
    if switch.is_on == on:
        return
    switch.is_on, switch.switched_at = on, now
    switch.marked_at, switch.waiting, switch.let_go = None, 0, False
    session.add(switch)
    session.exec(
        delete(ToldEvent).where(
            col(ToldEvent.audience_id) == audience.id,
            col(ToldEvent.kind) == kind,
            col(ToldEvent.status) == "todo",
        )
    )


def turn_all_off(session: Session, audience: Audience, now: datetime) -> None:
    """Switch every kind off, as an audience is left."""
    for kind in KINDS:
        turn(session, audience, kind.key, now, on=False)


def every(session: Session, audience: Audience, kind: str, days: int) -> None:
    """Set the days without another event of a kind for one person.

    Raises
    ------
    ValueError
    """
    if not LEAST_DAYS <= days <= MOST_DAYS:
        raise ValueError(f"{LEAST_DAYS} to {MOST_DAYS} days")
    switch = switches(session, audience)[kind]
    switch.every_days = days
    session.add(switch)


def tie(session: Session, audience: Audience, kind: str, address: str) -> None:
    """Tie a flow's step to a kind, or untie it with an empty address.

    Raises
    ------
    NotAnAddress
    """
    switch = switches(session, audience)[kind]
    switch.journey, switch.step = read_address(address) if address.strip() else (None, None)
    switch.step_error = ""
    session.add(switch)


def answer(session: Session, audience: Audience, kind: str, *, tell: bool) -> None:
    """Decide about people who wait because they are many: tell them, or mark them as known."""
    switch = switches(session, audience)[kind]
    if not switch.waiting:
        return
    switch.waiting, switch.let_go = 0, tell
    if not tell:
        switch.marked_at = None
    session.add(switch)


def start(session: Session, *, run_at: datetime | None = None) -> bool:
    """Write down that events are to be told, if any kind is on; False when none is.

    A run that waits already for that moment or an earlier one will see the same rows.
    """
    audience = connected(session)
    if audience is None or audience.paused:
        return False
    if not any(switch.is_on for switch in switches(session, audience).values()):
        return False
    waiting = select(Work.run_at).where(Work.kind == WORK, Work.status == "queued")
    if any(moment <= (run_at or AT_ONCE) for moment in session.exec(waiting)):
        return True
    account_id = session.info["account_id"]
    lane = f"account:{account_id}:flows"
    defer(session, account_id=account_id, kind=WORK, lane=lane, payload={}, run_at=run_at)
    return True
