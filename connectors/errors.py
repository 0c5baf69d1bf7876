"""What can go wrong between us and a source.

ConnectorError            permanent unless a subclass says otherwise
├── NotAuthorized         token revoked or scope missing: ask the merchant to reconnect
├── NotGenuine            webhook signature does not match: answer 401, keep nothing
├── NotReadable           the file or answer as a whole cannot be understood
├── NeedsAnswer           two readings are possible: ask the merchant, never guess
└── Retryable             another try may work; `retry_after_s` when the platform said so
    ├── RateLimited
    └── Unreachable
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


class ConnectorError(Exception):
    """Reading a source failed; the text tells the merchant what to do next."""


class NotAuthorized(ConnectorError):
    """The source refuses our credentials or lacks a right."""


class NotGenuine(ConnectorError):
    """A webhook whose signature does not match."""


class NotReadable(ConnectorError):
    """A file or an answer that cannot be understood as a whole."""


@dataclass(frozen=True)
class Question:
    """One thing only the merchant knows, with the option that answers it."""

    #: The option to answer with, for example ``date_order``.
    option: str
    #: The column in question, as written in the file.
    column: str
    #: What each possible answer would mean, answer first: ``("dmy", "3 April 2026")``.
    choices: tuple[tuple[str, str], ...]
    #: Up to five values from the file that show the doubt.
    examples: tuple[str, ...]


class NeedsAnswer(ConnectorError):
    """The content allows two readings; `questions` holds what has to be asked."""

    def __init__(self, questions: Sequence[Question]) -> None:
        self.questions = tuple(questions)
        super().__init__(
            "; ".join(
                f"column {q.column!r} can be read in more than one way "
                f"(for example {', '.join(q.examples)}): choose {q.option} = "
                + " or ".join(answer for answer, _ in q.choices)
                for q in self.questions
            )
        )


class Retryable(ConnectorError):
    """Another try may work."""

    def __init__(self, message: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class RateLimited(Retryable):
    """The source asks for fewer calls."""


class Unreachable(Retryable):
    """The source did not answer, or its network refused."""
