"""Reading what the GraphQL Admin API answers: data with its errors, or one typed error."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from connectors.errors import Unreachable
from connectors.http import Response
from connectors.shopify import errors as problems
from connectors.shopify.cost import Cost, read_cost
from connectors.shopify.errors import GraphError, UserError

#: When to look at a store again that is frozen, locked or gone; seconds.
UNAVAILABLE_S = 4 * 3600.0
#: What a call asks for in vain, however often; any other reason may pass.
_LASTING = frozenset(("BAD_REQUEST", "INVALID", "NOT_FOUND", "RESOURCE_NOT_FOUND"))
_UNAVAILABLE = {402: "unpaid or frozen", 404: "gone", 423: "locked", 430: "closed to us"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What a document brought."""

    data: Mapping[str, Any] = field(repr=False)
    #: Why parts of the data are null.
    errors: tuple[GraphError, ...] = ()
    #: None where Shopify did not say.
    cost: Cost | None = None

    def need(self, name: str) -> Any:
        """Return a top-level field that must have been readable; None if there is no such thing.

        Raises
        ------
        AccessDenied
            `ProtectedData` where it is Shopify's approval that lacks.
        """
        found = self.data.get(name)
        refused = [e for e in self.errors if e.is_refusal and e.path[:1] in ((name,), ())]
        if found is None and refused:
            raise problems.refusal(refused)
        return found

    def mutated(self, name: str) -> Mapping[str, Any]:
        """Return what a mutation did.

        Raises
        ------
        UserErrors, AccessDenied
        """
        payload = self.need(name) or {}
        if payload.get("userErrors"):
            raise problems.UserErrors(name, [_user_error(raw) for raw in payload["userErrors"]])
        return payload


def check_status(response: Response) -> None:
    """Raise what an answer's status says; nothing for 200.

    Raises
    ------
    ConnectorError
    """
    status = response.status
    if status == 200:
        return
    if status == 429:
        raise problems.Throttled(
            "Shopify asks for fewer calls",
            retry_after_s=_seconds(response.headers.get("retry-after")),
        )
    if status in _UNAVAILABLE:
        text = f"Shopify says that the store is {_UNAVAILABLE[status]} ({status})"
        raise problems.ShopUnavailable(text, retry_after_s=UNAVAILABLE_S)
    told = _told(response)
    if status == 401 and told is not None:
        raise problems.TokenRefused("Shopify does not accept the token any more")
    if status == 403 and told is not None:
        if "non-expiring" in told.lower():
            raise problems.TokenOutdated("Shopify no longer accepts tokens without an end")
        raise problems.AccessDenied(told or "Shopify refuses access (403)")
    if status < 500 and told is None:
        # A page of HTML in place of a document, which passes.
        raise problems.Overloaded(f"A firewall answered in Shopify's place ({status})")
    if status >= 500:
        raise problems.Overloaded(f"Shopify answered {status}")
    raise problems.BadQuery(f"Shopify answered {status}")


def read_answer(response: Response) -> Answer:
    """Return what a document brought.

    Raises
    ------
    ConnectorError
    """
    check_status(response)
    try:
        document = response.json()
    except ValueError:
        raise Unreachable("Shopify's answer was cut short") from None
    if not isinstance(document, dict):
        raise Unreachable("Shopify's answer is no object")
    raw = document.get("errors") or []
    errors = tuple(problems.read_error(e) for e in (raw if isinstance(raw, list) else [raw]))
    cost = read_cost(document.get("extensions"))
    data = document.get("data")
    if any(error.code == "INTERNAL_SERVER_ERROR" for error in errors):
        raise problems.Overloaded("Shopify had an inner error")
    if not isinstance(data, dict) or any(error.code == "THROTTLED" for error in errors):
        raise _no_data(document, errors, cost)
    _check_whole(errors)
    return Answer(data=data, errors=errors, cost=cost)


def _check_whole(errors: tuple[GraphError, ...]) -> None:
    """Raise where a part of the data is null for another reason than that a right is lacking.

    Taken as it is, an order would have no customer, and one that is there would not be.
    """
    left = [error for error in errors if not error.is_refusal]
    if any(error.code in _LASTING for error in left):
        raise problems.BadQuery(_in_words(left))
    if left:
        raise problems.Overloaded(f"Shopify could not make the whole answer: {left[0].code}")


def _in_words(errors: Sequence[GraphError]) -> str:
    return "; ".join(f"{error.code} {error.message}".strip() for error in errors)


def _no_data(
    document: Mapping[str, Any], errors: tuple[GraphError, ...], cost: Cost | None
) -> Exception:
    codes = {error.code for error in errors}
    if "THROTTLED" in codes:
        wait_s = _refill_s(cost)
        return problems.Throttled("Shopify asks for fewer calls", retry_after_s=wait_s, cost=cost)
    if "MAX_COST_EXCEEDED" in codes:
        more = document["errors"][0].get("extensions") or {}
        return problems.TooCostly(float(more.get("cost") or 0), float(more.get("maxCost") or 1000))
    if any(error.is_refusal for error in errors):
        return problems.refusal(errors)
    if not errors:
        return Unreachable("Shopify answered neither data nor errors")
    return problems.BadQuery(_in_words(errors))


def _refill_s(cost: Cost | None) -> float | None:
    """Seconds until the bucket holds the query, by Shopify's own rule."""
    if cost is None or cost.restore_rate <= 0:
        return None
    return max(0.0, (cost.requested - cost.available) / cost.restore_rate)


def _told(response: Response) -> str | None:
    """Return the sentence of an error answer, "" where it has none; None for no JSON."""
    try:
        document = response.json()
    except ValueError:
        return None
    errors = document.get("errors") if isinstance(document, dict) else None
    return errors if isinstance(errors, str) else ""


def _seconds(text: str | None) -> float | None:
    try:
        return max(0.0, float(text)) if text else None
    except ValueError:
        return None


def _user_error(raw: Mapping[str, Any]) -> UserError:
    return UserError(
        message=str(raw.get("message") or ""),
        code=str(raw.get("code") or ""),
        field=tuple(str(part) for part in raw.get("field") or ()),
    )
