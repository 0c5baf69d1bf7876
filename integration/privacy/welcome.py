"""Erased people who sign up anew, by themselves: they are welcome, and it is written down.

Mailchimp lets nobody add an address that it erased, except the person on one of its own forms. So
an erased address that is subscribed in an audience which confirmed the erasure signed up again.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlmodel import Session

from integration.mailchimp.answers import MemberInfo
from integration.privacy.erased import WAITING, erased_among, let_back, receipt_of
from integration.tables import Audience

#: What Mailchimp answers where it had the address and erased it.
_ERASED = 204
#: The reason on the receipt.
SIGNED_UP = "signed up again on a form of Mailchimp's"


def welcome(
    session: Session, audience: Audience, found: Mapping[str, MemberInfo], now: datetime
) -> None:
    """Take the block off every erased person in `found` (by address) who signed up anew."""
    for email_key in sorted(erased_among(session, found)):
        receipt = receipt_of(session, email_key)
        if receipt is None or (receipt.pending is not None and receipt.status != WAITING):
            continue  # Mailchimp has not answered yet: this is what it is to erase
        # Where he was not (404) nothing was erased: a file of the merchant's can put him there.
        told = {
            answer["audience"]
            for answer in receipt.mailchimp["answers"]
            if answer["status"] == _ERASED and not answer["store"]
        }
        if found[email_key].status == "subscribed" and audience.id in told:
            let_back(session, email_key, now, SIGNED_UP)
