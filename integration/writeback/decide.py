"""Whether a change of permission is written in the shop: pure rules, each with its reason."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from connectors.base import Standing
from connectors.records import ConsentState
from integration.identity import email_key

#: States of a change: see `integration.tables.writeback.ConsentWrite`.
WAITING, SENDING, WRITTEN, KEPT, REFUSED = "waiting", "sending", "written", "kept", "refused"
#: One writing a customer in this time: other applications may fight over the same field.
PAUSE = timedelta(hours=24)


class Reason(StrEnum):
    """Why nothing was written, or not yet."""

    #: It was switched off, or had not been switched on yet.
    OFF = "off"
    #: Something newer of the same person was written instead.
    REPLACED = "replaced"
    #: Nothing says that the person subscribed himself.
    UNPROVEN = "unproven"
    #: He withdrew elsewhere since.
    WITHDRAWN = "withdrawn"
    #: The shop has another address for him by now.
    ADDRESS = "address"
    #: The shop has no such customer any more.
    GONE = "gone"
    #: It stood there already.
    SAME = "same"
    #: The shop has something newer.
    NEWER = "newer"
    #: The day's one writing was done: this one waits.
    PAUSE = "pause"
    #: The shop does not let us write.
    ACCESS = "access"


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """What a person decided in Mailchimp, and what the ledger says of it."""

    state: ConsentState
    at: datetime
    #: The address that it is about; lower case.
    email_key: str
    #: The person did it himself, as far as Mailchimp tells.
    is_own: bool
    #: All statements about him together, wherever they were made.
    folded: ConsentState
    #: The change of this state was sent before, and the answer was lost.
    was_sent: bool = False


def before_asking(change: Change, since: datetime | None) -> Reason | None:
    """Return why a change is not written, by what we know ourselves; None: ask the shop."""
    if since is None or change.at <= since:
        return Reason.OFF
    if change.state is not ConsentState.CONFIRMED:
        return None  # a withdrawal is anybody's to make
    if not change.is_own:
        return Reason.UNPROVEN
    return Reason.WITHDRAWN if change.folded is ConsentState.DENIED else None


def after_asking(change: Change, standing: Standing | None) -> Reason | None:
    """Return why a change is not written, by what the shop has now; None: write it."""
    if standing is None:
        return Reason.GONE
    if email_key(standing.email) != change.email_key:
        return Reason.ADDRESS
    if standing.state is change.state:
        return Reason.SAME
    return Reason.NEWER if standing.at is not None and standing.at >= change.at else None


def is_ours(change: Change, standing: Standing) -> bool:
    """Tell whether what stands there is what we sent before the answer was lost."""
    if not change.was_sent:
        return False
    # Shopify keeps whole seconds.
    sent = change.at.replace(microsecond=0)
    return (standing.state, standing.at) == (change.state, sent)
