"""Mail of ours to a merchant, by the SMTP server of the settings; without one none is sent.

It tells what no page can, as nobody is looking: never to a merchant's customers, who hear of him by
Mailchimp only.
"""

from __future__ import annotations

import smtplib
import ssl
from email.message import EmailMessage
from urllib.parse import unquote, urlsplit

from integration.hosts import is_near
from integration.settings import Settings

#: Seconds for one answer of the server.
_TIMEOUT_S = 20.0
_PORTS = {"smtp": 587, "smtps": 465}


class NotSent(Exception):
    """The server could not be reached or took nothing; another try may work."""

    retryable = True


def is_set_up(settings: Settings) -> bool:
    """Tell whether mail can be sent at all."""
    return settings.smtp_url is not None and settings.mail_from is not None


def send(settings: Settings, to: str, *, subject: str, text: str, key: str) -> None:
    """Send a plain text.

    Parameters
    ----------
    key
        The same for the same message: a second copy has the same `Message-ID`, by which whoever
        gets it twice knows them for one.

    Raises
    ------
    NotSent
    """
    assert settings.smtp_url is not None
    assert settings.mail_from is not None
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = settings.mail_from, to, subject
    message["Message-ID"] = f"<{key}@{settings.mail_from.rpartition('@')[2].rstrip('>')}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(text)
    try:
        with _opened(settings.smtp_url.get_secret_value()) as server:
            server.send_message(message)
    except (smtplib.SMTPException, OSError) as error:
        # The class only: what a server answers may name the address.
        raise NotSent(f"the mail server took nothing: {type(error).__name__}") from error


def _opened(address: str) -> smtplib.SMTP:
    """Connect and log in; a password goes over an encrypted line, or to a machine of ours."""
    parts = urlsplit(address)
    host, port = parts.hostname or "", parts.port or _PORTS[parts.scheme]
    safe = ssl.create_default_context()
    if parts.scheme == "smtps":
        server: smtplib.SMTP = smtplib.SMTP_SSL(host, port, timeout=_TIMEOUT_S, context=safe)
    else:
        server = smtplib.SMTP(host, port, timeout=_TIMEOUT_S)
    try:
        server.ehlo()
        is_safe = parts.scheme == "smtps" or is_near(host)
        if parts.scheme == "smtp" and server.has_extn("starttls"):
            server.starttls(context=safe)
            server.ehlo()
            is_safe = True
        if parts.username:
            if not is_safe:
                raise smtplib.SMTPNotSupportedError("no encryption for the password")
            server.login(unquote(parts.username), unquote(parts.password or ""))
    except BaseException:
        server.close()
        raise
    return server
