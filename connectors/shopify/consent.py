"""Telling a store what a person decided about mail elsewhere: one customer's permission by e-mail.

Shopify takes SUBSCRIBED, UNSUBSCRIBED and PENDING only, and no moment in the future; of two
statements the later one counts, but one that changes nothing does not move the date. Source:
Shopify, "customerEmailMarketingConsentUpdate", 2026-10, and recorded answers of development stores.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from connectors.base import Standing
from connectors.errors import ConnectorError, NotReadable, Retryable
from connectors.records import ConsentEvent, ConsentState
from connectors.shopify import records
from connectors.shopify.answers import Answer
from connectors.shopify.client import Client
from connectors.shopify.errors import UserErrors
from connectors.shopify.fields import Raw, Unreadable, moment_or_none, text
from connectors.shopify.guard import CONSENT

_FIELDS = """
    id
    defaultEmailAddress { emailAddress marketingState marketingOptInLevel marketingUpdatedAt }
"""

CONSENT_STANDING = f"query ConsentStanding($id: ID!) {{ customer(id: $id) {{ {_FIELDS} }} }}"

CONSENT_WRITE = f"""
mutation ConsentWrite($input: CustomerEmailMarketingConsentUpdateInput!) {{
  {CONSENT}(input: $input) {{
    customer {{ {_FIELDS} }}
    userErrors {{ field message code }}
  }}
}}
"""

#: What we write, in Shopify's words.
_WORDS: Mapping[ConsentState, str] = {
    ConsentState.DENIED: "UNSUBSCRIBED",
    ConsentState.CONFIRMED: "SUBSCRIBED",
}
#: Seconds until a statement is tried again that is too new for Shopify's clock.
_EARLY_S = 60.0


class ShopifyConsent:
    """One store's permissions; see `connectors.base.ConsentWriter`.

    Parameters
    ----------
    connect
        Opens a client that may send `guard.CONSENT`, once something is asked of the store.
    """

    def __init__(self, connect: Callable[[], Client]) -> None:
        self._connect = connect

    @cached_property
    def _client(self) -> Client:
        return self._connect()

    def standing(self, key: str) -> Standing | None:
        """Return what stands there now; None for a customer who is not there.

        Raises
        ------
        ConnectorError
        """
        raw = self._client.run(CONSENT_STANDING, {"id": _gid(key)}).need("customer")
        if raw is None:
            return None
        said = raw.get("defaultEmailAddress") or {}
        told = str(said.get("marketingState") or "")
        try:
            at = moment_or_none(said, "marketingUpdatedAt")
        except Unreadable as error:
            raise NotReadable(f"Shopify's date of a permission cannot be read: {error}") from error
        address = records.email(text(said, "emailAddress"))
        event = _about_mail(raw) if told else None
        return Standing(email=address, state=records.state(told), at=at, told=told, event=event)

    def write(
        self, key: str, state: ConsentState, at: datetime, *, confirmed: bool
    ) -> ConsentEvent:
        """State that a customer withdrew or opted in at a moment; return what stands there then.

        Raises
        ------
        ConnectorError
        """
        said: dict[str, Any] = {
            "marketingState": _WORDS[state],
            "consentUpdatedAt": f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
        }
        if state is ConsentState.CONFIRMED:
            said["marketingOptInLevel"] = "CONFIRMED_OPT_IN" if confirmed else "SINGLE_OPT_IN"
        given = {"input": {"customerId": _gid(key), "emailMarketingConsent": said}}
        return _stands(self._client.run(CONSENT_WRITE, given))


def _gid(key: str) -> str:
    return f"gid://shopify/Customer/{key}"


def _stands(answer: Answer) -> ConsentEvent:
    """Return what a customer's record says after a mutation."""
    try:
        customer = answer.mutated(CONSENT).get("customer")
    except UserErrors as error:
        if any("consentUpdatedAt" in one.field for one in error.errors):
            raise Retryable(str(error), retry_after_s=_EARLY_S) from error
        raise
    about_mail = _about_mail(customer) if customer else None
    if about_mail is None:
        raise ConnectorError("Shopify did not say what it holds now")
    return about_mail


def _about_mail(customer: Raw) -> ConsentEvent | None:
    found = records.consent(customer)
    return next((event for event in found if event.channel == "email"), None)
