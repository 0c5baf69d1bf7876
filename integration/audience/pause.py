"""When nothing may be sent for an audience, and how everything goes on afterwards.

Four things stop it: Mailchimp refuses the token, the audience was deleted there, this installation
is not the one that was connected, or a shop is not. Then `Audience.paused` says which, work rests
without counting tries, and the merchant is told on every page. Nothing is given up meanwhile.

In the same way what would send figures rests while these are of a history that is still being read:
who seems new or gone may be neither. It goes on with the first figures of all of it. What only
hears what people did, or does what they ask for, goes on meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from sqlmodel import Session, col, select, update

from integration import history
from integration.context import Context
from integration.db import scoped
from integration.installation import is_copy, settle
from integration.mailchimp.errors import NoAudience, Paused
from integration.shopify.question import waits
from integration.tables import Audience
from integration.work.queue import Lease, wake_resting

REVOKED, DELETED, CLONED = "revoked", "audience_deleted", "cloned"
#: A shop may be another one than was connected: see `integration.shopify.clone`.
STORE = "store_changed"

#: For work that rests and for the command line; the pages have their own sentences.
TEXTS = {
    REVOKED: "Mailchimp no longer lets us in: connect Mailchimp again",
    DELETED: "the audience was deleted in Mailchimp: choose another one",
    CLONED: (
        "this installation is not the one that was connected: say on the page Connection whether "
        "it was moved or copied"
    ),
    history.READING: "the shop's history is still being read: all goes on by itself after that",
    STORE: "a shop may be another one than before: say on the page Shopify whether it was moved",
}


def pause(context: Context, audience: Audience, reason: str) -> None:
    """Stop everything for an audience, unless it was connected anew in the meantime."""
    with scoped(context.engine, audience.account_id) as session:
        session.exec(
            update(Audience)
            .where(
                col(Audience.id) == audience.id,
                col(Audience.token) == audience.token,
                col(Audience.paused) == "",
                col(Audience.disconnected_at).is_(None),
            )
            .values(paused=reason, paused_at=context.clock())
            .execution_options(synchronize_session=False)
        )


def pause_all(session: Session, reason: str, now: datetime) -> None:
    """Stop everything for whatever audience of the account is connected, in a transaction."""
    session.exec(
        update(Audience)
        .where(col(Audience.paused) == "", col(Audience.disconnected_at).is_(None))
        .values(paused=reason, paused_at=now)
        .execution_options(synchronize_session=False)
    )


def check(context: Context, audience: Audience, *, listens: bool = False) -> Audience:
    """Let work begin, or stop it; return the audience as it is stored now.

    `listens`: see `integration.audience.connect.open_mailchimp`.

    Raises
    ------
    NoAudience, Paused
    """
    with scoped(context.engine, audience.account_id) as session:
        stored = session.get_one(Audience, audience.id)
        if not stored.paused and is_copy(context.settings, stored):
            stored.paused, stored.paused_at = CLONED, context.clock()
        elif not stored.paused and waits(session):  # the audience may have been connected since
            stored.paused, stored.paused_at = STORE, context.clock()
        elif not stored.paused and _is_unsettled(context, stored):
            settle_in(context, stored)
        is_partial = not listens and history.is_partial(session)
    _stop_if_unwanted(stored.disconnected_at, stored.paused)
    if is_partial:
        raise Paused(TEXTS[history.READING], reason=history.READING)
    return stored


@contextmanager
def step(context: Context, job: Lease, audience_id: int) -> Iterator[Session]:
    """Open a session for one step of a run that writes to an audience.

    Who lost the job to another worker commits nothing of it. Where the merchant left, or everything
    is paused, what was done is kept and the run ends here: each call has a step before it.

    Raises
    ------
    NoAudience, Paused, LeaseLost
    """
    # The two columns only: the whole row, with its key to decrypt, took as long as the step's work.
    query = select(Audience.disconnected_at, Audience.paused).where(Audience.id == audience_id)
    with scoped(context.engine, job.account_id) as session:
        disconnected_at, paused = session.exec(query).one()
        yield session
        session.flush()
        job.extend(session)
    _stop_if_unwanted(disconnected_at, paused)


def _stop_if_unwanted(disconnected_at: datetime | None, paused: str) -> None:
    if disconnected_at is not None:
        raise NoAudience("this audience is no longer connected")
    if paused:
        raise Paused(TEXTS[paused], reason=paused)


def _is_unsettled(context: Context, audience: Audience) -> bool:
    """Connected before installations were told apart, or before the pages had a real address."""
    return not audience.installation or audience.public_url != context.settings.public_url


def settle_in(context: Context, audience: Audience) -> None:
    """Note that this installation is the one that writes to the audience."""
    settle(context.settings, audience)


def resume(session: Session, audience: Audience) -> None:
    """Let everything go on where it was; wake the workers after the commit."""
    audience.paused, audience.paused_at = "", None
    wake_resting(session)


def moved(context: Context, account_id: int) -> None:
    """Go on here: the merchant says that the installation was moved, not copied."""
    with scoped(context.engine, account_id) as session:
        cloned = select(Audience).where(
            Audience.paused == CLONED, col(Audience.disconnected_at).is_(None)
        )
        for audience in session.exec(cloned):
            settle_in(context, audience)
            resume(session, audience)
