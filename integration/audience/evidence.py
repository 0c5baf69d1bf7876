"""What we know of how a contact's state at Mailchimp came about, kept with its statement.

Whom we meet as unsubscribed has left at some time, by somebody's act: the moment that Mailchimp
tells is that of the contact's last change of any kind. Only where we saw the change, or Mailchimp
told of it, is it that of the leaving. And only the person can undo his own leaving: Mailchimp
refuses to subscribe him by a call or an import, whereas it lets others undo what others did.
"""

from __future__ import annotations

from collections.abc import Collection

from connectors.records import ConsentState
from integration.mailchimp.answers import MemberInfo
from integration.tables import Audience, Consent

#: The change itself was seen, or told by Mailchimp.
SEEN = "seen"
#: The person did it himself.
PERSON = "person"
#: An opt-in that was confirmed by a mail.
CONFIRMED = "confirmed"

#: What Mailchimp gives as reason where somebody in the account, or an application, did it.
_TAKEN_OUT = "n/a (unsubscribed by an admin)"
_REACHABLE = ("subscribed", "pending", "transactional")
#: In which Mailchimp keeps others from subscribing who left; archived, he can be brought in anew.
_HELD_BACK = ("unsubscribed", "pending")


def of_leaving(info: MemberInfo, before: str, *, is_told: bool) -> str | None:
    """Return the evidence of a denial; `before` is the state that we held until now."""
    words = [SEEN] if is_told or before in _REACHABLE else []
    reason = info.reason.strip().casefold()
    if reason and reason != _TAKEN_OUT:
        words.append(PERSON)
    return _text(words)


def of_return(audience: Audience, before: str, said: Collection[Consent]) -> str | None:
    """Return the evidence of an opt-in of somebody of whom `said` is what Mailchimp told before."""
    left = [row for row in said if row.state == ConsentState.DENIED and row.at is not None]
    last = max(left, key=lambda row: (row.at, row.id), default=None)
    is_own = before in _HELD_BACK and last is not None and has(last, PERSON)
    words = [PERSON] if is_own else []
    if before == "pending" or audience.double_optin:
        words.append(CONFIRMED)
    return _text(words)


def has(row: Consent, word: str) -> bool:
    """Tell whether a statement of Mailchimp's has this evidence."""
    return word in (row.evidence or "").split(", ")


def _text(words: list[str]) -> str | None:
    return ", ".join(words) or None
