"""Fetching the results of a batch, which lie at a storage service and not at Mailchimp's API.

Which service is not documented, and it has changed before (Amazon's, then Google's), so there is
no list of hosts to go by. Instead each address on the way, the first as well as those that it leads
to, must be one of HTTPS and not of a machine near us; no token goes along; and steps, size and time
have their bounds.
"""

from __future__ import annotations

import time
from urllib.parse import urljoin, urlsplit

import requests
import urllib3

from integration.hosts import is_near
from integration.mailchimp.errors import Failed, NotUnderstood, Unreachable

#: More than this is no result of ours.
_MOST_BYTES = 200_000_000
#: The first address, and those that it leads to.
_MOST_STEPS = 4
_CONNECT_TIMEOUT_S, _READ_TIMEOUT_S = 3.05, 30.0
#: For all of it together.
_LONGEST_S = 115.0
_CHUNK = 1 << 16


def fetch(url: str, *, origin: str) -> bytes:
    """Return what lies at an address that Mailchimp gave.

    Parameters
    ----------
    origin
        Scheme and host of the API: what lies there is trusted too, as a sandbox is near.

    Raises
    ------
    NotUnderstood
        The address, or one that it leads to, is not safe, or there is too much.
    Failed
        Such as for an expired address: the next look at the batch gives a fresh one.
    Unreachable
    """
    deadline = time.monotonic() + _LONGEST_S
    for _ in range(_MOST_STEPS):
        if not _is_safe(url, origin):
            raise NotUnderstood("batch results at an address that is not safe")
        try:
            with requests.get(
                url,
                auth=_nobody,
                timeout=(_CONNECT_TIMEOUT_S, _READ_TIMEOUT_S),
                stream=True,
                allow_redirects=False,
            ) as answer:
                if not answer.is_redirect:
                    return _content(answer, deadline)
                url = urljoin(url, answer.headers["Location"])
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            raise Unreachable("batch results cannot be downloaded") from error
    raise NotUnderstood("batch results lead from one address to another")


def _is_safe(url: str, origin: str) -> bool:
    parts = urlsplit(url)
    if url.startswith(f"{origin}/"):
        return True
    return parts.scheme == "https" and not is_near(parts.hostname or "")


def _nobody(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Say nothing of who we are, not even what the user's own files hold for that host."""
    return request


def _content(answer: requests.Response, deadline: float) -> bytes:
    if answer.status_code >= 400:
        raise Failed(f"batch results answered {answer.status_code}", status=answer.status_code)
    content = bytearray()
    # As it lies there: the archive itself is compressed, and must not be unpacked on the way.
    for chunk in answer.raw.stream(_CHUNK, decode_content=False):
        content += chunk
        if len(content) > _MOST_BYTES:
            raise NotUnderstood("batch results are larger than any of ours")
        if time.monotonic() > deadline:
            raise Unreachable("batch results do not come in time")
    return bytes(content)
