"""What can go wrong between us and Mailchimp.

MailchimpError            permanent unless a subclass says otherwise
├── ConsentGuard          we were about to send what we never send: a defect of ours, nothing left
├── NotAuthorized         token revoked, user removed or disabled: ask the merchant to reconnect
├── NoAudience            no audience is connected (any more): the work has nothing left to do
├── NoAccess              the stored token cannot be used here: the text says why
├── Paused                nothing is sent until the merchant answers; `reason` says what
├── Forbidden             the user's role or the plan does not include it
├── NotFound              wrong id, or an address that is not in the audience
│   └── AudienceGone      the audience itself was deleted in Mailchimp
├── Invalid               Mailchimp refuses the content; `title` says how
│   └── Compliance        the person left, bounced or was erased: only the person can return
├── WrongState            the resource does not take this action now
├── NotUnderstood         a success whose content cannot be read
└── Retryable             another try may work
    ├── Throttled         too many calls at once (429, or 403 without a document)
    ├── Failed            5xx, with or without a document
    ├── Unreachable       no answer; the request may have been carried out
    └── StillRunning      a batch is not finished after a long wait

Texts never hold an address: Mailchimp puts some into its details, `redacted` takes them out.
Source of statuses and titles: Mailchimp developer documentation, "Errors" and "Rate limits".
"""

from __future__ import annotations

import re

_ADDRESS = re.compile(r"[^\s\"'<>(),;]+@[^\s\"'<>(),;]+")


def redacted(text: str) -> str:
    """Return `text` without e-mail addresses.

    Examples
    --------
    >>> redacted("ada@example.com is already a list member.")
    '(address) is already a list member.'
    """
    return _ADDRESS.sub("(address)", text)


class MailchimpError(Exception):
    """A call to Mailchimp failed; `status` and `title` as in its answer, when there was one."""

    retryable = False
    #: Work that met it waits, without counting tries, until the merchant has done something.
    rests = False
    #: Work that met it has nothing left to do: it ends, and nothing is given up.
    ends = False

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        title: str = "",
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(redacted(message))
        self.status = status
        self.title = title
        self.retry_after_s = retry_after_s


class ConsentGuard(MailchimpError):
    """A request that could touch a subscription was stopped before it was sent."""


class NotAuthorized(MailchimpError):
    """Mailchimp does not accept the token any more: connect again."""

    rests = True


class NoAudience(MailchimpError):
    """No audience is connected, or the merchant left it meanwhile."""

    ends = True


class NoAccess(MailchimpError):
    """The stored token cannot be used: no key opens it, or it is of a sandbox and we are not."""


class Paused(MailchimpError):
    """Nothing is sent for this audience at present; `reason` is `Audience.paused`."""

    rests = True

    def __init__(self, message: str, *, reason: str) -> None:
        super().__init__(message)
        self.reason = reason


class Forbidden(MailchimpError):
    """The Mailchimp user or plan may not do this."""


class NotFound(MailchimpError):
    """There is no such thing in this Mailchimp account."""


class AudienceGone(NotFound):
    """The audience was deleted in Mailchimp."""

    rests = True


class Invalid(MailchimpError):
    """Mailchimp refuses the content."""


class Compliance(Invalid):
    """The person left, bounced or was erased."""


class WrongState(MailchimpError):
    """The action is not possible now."""


class NotUnderstood(MailchimpError):
    """Mailchimp's answer cannot be read."""


class Retryable(MailchimpError):
    """Another try may work."""

    retryable = True


class Throttled(Retryable):
    """Too many calls at once."""


class Failed(Retryable):
    """Mailchimp failed."""


class Unreachable(Retryable):
    """No answer came."""


class StillRunning(Retryable):
    """A batch takes longer than we wait in one go."""


_COMPLIANCE = ("Member In Compliance State", "Forgotten Email Not Subscribed")


def from_answer(status: int, document: dict[str, object] | None) -> MailchimpError:
    """Return the error that an answer means.

    Parameters
    ----------
    status
        HTTP status, 400 or above.
    document
        The problem document, None when the body was empty, HTML or broken: Mailchimp throttles
        with such answers.

    Examples
    --------
    >>> type(from_answer(403, None)).__name__, type(from_answer(403, {"title": "x"})).__name__
    ('Throttled', 'Forbidden')
    """
    title = str((document or {}).get("title") or "")
    detail = str((document or {}).get("detail") or "")
    text = f"Mailchimp answered {status}" + "".join(f": {part}" for part in (title, detail) if part)
    kind = _kind(status, title, has_document=document is not None)
    return kind(text, status=status, title=title)


def _kind(status: int, title: str, *, has_document: bool) -> type[MailchimpError]:
    if status == 401 or title == "User Disabled":
        return NotAuthorized
    if status in (408, 429) or (status == 403 and not has_document):
        return Throttled
    if status >= 500:
        return Failed
    if title in _COMPLIANCE:
        return Compliance
    return {403: Forbidden, 404: NotFound, 405: WrongState}.get(status, Invalid)
