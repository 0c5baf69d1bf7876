"""Logs: who and how many, never whom. Lines of libraries take the same way as our own."""

from __future__ import annotations

import logging
import logging.config
import re
from typing import Any, Literal

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

#: Anything that looks like an address, percent-encoded ones of URLs too. Wider than RFC 5322 on
#: purpose: a word too many hidden is nothing, an address shown is a leak.
_ADDRESS = re.compile(r"[^\s@<>\"'(),;:=/?&\[\]{}|\\]+(?:@|%40)[^\s@<>\"'(),;:=/?&\[\]{}|\\]+")

HIDDEN = "[address]"


def redact(text: str) -> str:
    """Return the text without e-mail addresses.

    Examples
    --------
    >>> redact("member Ada.L+x@example.com refused (see /lists?email=ada%40example.com)")
    'member [address] refused (see /lists?email=[address])'
    """
    return _ADDRESS.sub(HIDDEN, text)


def redact_event(_logger: WrappedLogger, _name: str, event: EventDict) -> EventDict:
    """Hide addresses anywhere in a log line: message, values, keys, tracebacks."""
    return {redact(key): _redacted(value) for key, value in event.items()}


def _redacted(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, dict):
        return {redact(str(key)): _redacted(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_redacted(inner) for inner in value]
    # Objects are written as their repr, which may hold anything.
    return redact(value if isinstance(value, str) else repr(value))


def set_up(level: str, style: Literal["console", "json"] = "console") -> None:
    """Send every log line, ours and the libraries', through the redactor to standard error."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    renderer: Processor = (
        structlog.processors.JSONRenderer()
        if style == "json"
        else structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    )
    formatter = {
        "()": structlog.stdlib.ProcessorFormatter,
        "foreign_pre_chain": [structlog.stdlib.PositionalArgumentsFormatter(), *shared],
        "processors": [
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            # Before the redactor: a traceback ends with the exception's text.
            structlog.processors.format_exc_info,
            redact_event,
            renderer,
        ],
    }
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {"redacted": formatter},
            "handlers": {"out": {"class": "logging.StreamHandler", "formatter": "redacted"}},
            "root": {"handlers": ["out"], "level": level},
            # Tables that are up to date and messages that were passed on are no news; addresses of
            # requests may hold what lets somebody in.
            "loggers": {name: {"level": "WARNING"} for name in ("alembic", "huey", "urllib3")},
        }
    )
    structlog.configure(
        processors=[
            *shared,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
