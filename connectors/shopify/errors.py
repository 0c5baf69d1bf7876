"""What can go wrong between us and a Shopify store, beside `connectors.errors`.

Throttled           RateLimited      the bucket stays empty; `retry_after_s`
Overloaded          Unreachable      an inner error of Shopify's, or no readable answer
CutShort            Unreachable      the file of an export is not whole
ShopUnavailable     Retryable        frozen, locked or gone: again in some hours, not disconnected
TooCostly           ConnectorError   over the cost of one query: halve the page
UserErrors          ConnectorError   a mutation's input was refused
BadQuery            NotReadable      the document does not fit the schema
AccessDenied        NotAuthorized    a scope is lacking
└── ProtectedData   NotAuthorized    not approved for customers' data, or for one field of it
TokenRefused        NotAuthorized    revoked, expired or uninstalled: connect again
└── TokenOutdated   NotAuthorized    a token without an end, which a public app may not use
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from connectors.errors import (
    ConnectorError,
    NotAuthorized,
    NotReadable,
    RateLimited,
    Retryable,
    Unreachable,
)
from connectors.shopify.cost import Cost

#: How the message of a refused object or field begins.
_NOT_APPROVED = "This app is not approved to"


@dataclass(frozen=True, kw_only=True, slots=True)
class GraphError:
    """One entry of `errors`, which may stand beside data."""

    message: str
    #: Such as "ACCESS_DENIED"; "" where Shopify gives none.
    code: str = ""
    #: Where in the data: ("customers", "nodes", 0, "email").
    path: tuple[str | int, ...] = ()
    #: What a refused field needs, in Shopify's words.
    required: str = ""

    @property
    def is_protected(self) -> bool:
        """Tell whether the approval for protected customer data is lacking."""
        return self.message.startswith(_NOT_APPROVED)

    @property
    def is_refusal(self) -> bool:
        """Tell whether a right is lacking, of whichever kind."""
        return self.is_protected or self.code == "ACCESS_DENIED"


@dataclass(frozen=True, kw_only=True, slots=True)
class UserError:
    """One entry of a mutation's `userErrors`."""

    message: str
    code: str = ""
    field: tuple[str, ...] = ()


class Throttled(RateLimited):
    """The bucket of points is empty; `cost` says what is known of it."""

    def __init__(
        self, message: str, *, retry_after_s: float | None = None, cost: Cost | None = None
    ) -> None:
        super().__init__(message, retry_after_s=retry_after_s)
        self.cost = cost


class Overloaded(Unreachable):
    """Shopify could not answer."""


class CutShort(Unreachable):
    """The file of an export is not whole: fetch it again, and have it made anew."""


class ShopUnavailable(Retryable):
    """The store is frozen, locked or gone; look again in some hours."""


class TooCostly(ConnectorError):
    """The query may cost more points than one query can: ask for half as many rows."""

    def __init__(self, cost: float, most: float) -> None:
        self.cost, self.most = cost, most
        super().__init__(f"the query would cost {cost:g} points, and one may cost {most:g}")


class UserErrors(ConnectorError):
    """A mutation did nothing, because its input was refused."""

    def __init__(self, mutation: str, errors: Sequence[UserError]) -> None:
        self.errors = tuple(errors)
        super().__init__(f"{mutation}: " + "; ".join(error.message for error in errors))


class BadQuery(NotReadable):
    """Shopify does not understand the document in this version."""


class AccessDenied(NotAuthorized):
    """The merchant or Shopify has not granted what this needs."""

    def __init__(self, message: str, errors: Sequence[GraphError] = ()) -> None:
        self.errors = tuple(errors)
        super().__init__(message)


class ProtectedData(AccessDenied):
    """Shopify has not approved the app for customers' data."""


class TokenRefused(NotAuthorized):
    """The token is not valid (any more): the merchant has to connect again."""


class TokenOutdated(TokenRefused):
    """A token that never expires, which Shopify refuses from public apps."""


def refusal(errors: Sequence[GraphError]) -> AccessDenied:
    """Return the exception for lacking rights."""
    denied = [error for error in errors if error.is_refusal]
    text = denied[0].message
    if denied[0].required:
        text = f"{text} (needs: {denied[0].required})"
    return (ProtectedData if denied[0].is_protected else AccessDenied)(text, denied)


def read_error(raw: Any) -> GraphError:
    """Return an entry of `errors`, of whatever shape it has."""
    if not isinstance(raw, dict):
        return GraphError(message=str(raw))
    extensions = raw.get("extensions")
    more = extensions if isinstance(extensions, dict) else {}
    path = raw.get("path")
    return GraphError(
        message=str(raw.get("message") or ""),
        code=str(more.get("code") or ""),
        path=tuple(path) if isinstance(path, list) else (),
        required=str(more.get("requiredAccess") or ""),
    )
