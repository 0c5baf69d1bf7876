"""The error documents of the Marketing API (RFC 7807, `application/problem+json`)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

TYPE = "https://mailchimp.com/developer/marketing/docs/errors/"
SEE_ERRORS = (
    "The resource submitted could not be validated. "
    "For field-specific details, see the 'errors' array."
)


class Problem(Exception):
    """An answer that is not a success; `status` and `title` are what a client branches on."""

    def __init__(
        self, status: int, title: str, detail: str, errors: Sequence[tuple[str, str]] = ()
    ) -> None:
        super().__init__(f"{status} {title}")
        self.status, self.title, self.detail, self.errors = status, title, detail, errors

    def document(self, instance: str) -> dict[str, Any]:
        """The JSON body; `errors` is present for validation faults only."""
        body: dict[str, Any] = {
            "type": TYPE,
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "instance": instance,
        }
        if self.errors:
            body["errors"] = [{"field": f, "message": m} for f, m in self.errors]
        return body


def bad_request(detail: str) -> Problem:
    """400 without a field to blame."""
    return Problem(400, "Bad Request", detail)


def invalid(detail: str = SEE_ERRORS, *errors: tuple[str, str]) -> Problem:
    """400 for a body that failed validation; `errors` are (field, message)."""
    return Problem(400, "Invalid Resource", detail, errors)


def not_found() -> Problem:
    """404, for a wrong path and a wrong id alike."""
    return Problem(404, "Resource Not Found", "The requested resource could not be found.")


def not_allowed(detail: str) -> Problem:
    """405: the wrong method, or not in this state."""
    return Problem(405, "Method Not Allowed", detail)


def too_many() -> Problem:
    """429 of the concurrency gate."""
    detail = "You have exceeded the limit of 10 simultaneous connections."
    return Problem(429, "Too Many Requests", detail)


def not_emulated(what: str) -> Problem:
    """501: exists at Mailchimp, not yet here; no answer of Mailchimp looks like this."""
    detail = f"{what} belongs to a later step of Stipt and is not emulated by this sandbox yet."
    return Problem(501, "Not Emulated", detail)


#: What the header `X-Trigger-Error` may ask for.
TRIGGERED = {
    "BadRequest": bad_request("Triggered by X-Trigger-Error."),
    "InvalidAction": Problem(400, "Invalid Action", "Triggered by X-Trigger-Error."),
    "InvalidResource": invalid("Triggered by X-Trigger-Error."),
    "JSONParseException": Problem(400, "JSON Parse Exception", "Triggered by X-Trigger-Error."),
    "APIKeyMissing": Problem(401, "API Key Missing", "Your request did not include an API key."),
    "APIKeyInvalid": Problem(401, "API Key Invalid", "Your API key may be invalid."),
    "Forbidden": Problem(403, "Forbidden", "You are not permitted to access this resource."),
    "UserDisabled": Problem(403, "User Disabled", "This account has been deactivated."),
    "ResourceNotFound": not_found(),
    "MethodNotAllowed": not_allowed("Triggered by X-Trigger-Error."),
    "TooManyRequests": too_many(),
    "InternalServerError": Problem(500, "Internal Server Error", "An unexpected error occurred."),
}
