"""The one way to a platform: time limits, no redirects, a limit on size, secrets in no text.

The only module of the connectors that calls `requests`. Its errors name the host and what went
wrong, never an address with its query, a header or a body: those hold tokens and people.
"""

from __future__ import annotations

import ipaddress
import json
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import requests
import requests.adapters
from urllib3.connection import HTTPSConnection
from urllib3.connectionpool import HTTPSConnectionPool

from connectors.errors import ConnectorError, NotReadable, Unreachable

CONNECT_TIMEOUT_S = 3.05
#: The largest answer that is held in memory, in bytes.
MOST_BYTES = 64 * 2**20
_CHUNK = 64 * 2**10


@dataclass(frozen=True, kw_only=True, slots=True)
class Response:
    """What a platform answered, of whatever status."""

    status: int
    #: By lower-case name.
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)

    def json(self) -> Any:
        """Return the document.

        Raises
        ------
        ValueError
        """
        return json.loads(self.body)


class Http:
    """One session with its connections; a token goes into a request, never into the session.

    Parameters
    ----------
    timeout_s
        Between two bytes of an answer.
    only_public
        For addresses that somebody typed: https only, and no host of a private network. It is
        judged on the connected address, so a name that changes its meaning gains nothing.
    """

    def __init__(
        self, *, timeout_s: float = 30.0, most_bytes: int = MOST_BYTES, only_public: bool = False
    ) -> None:
        self._timeout = (CONNECT_TIMEOUT_S, timeout_s)
        self._most_bytes, self._only_public = most_bytes, only_public
        self._session = requests.Session()
        # A proxy would connect in our place, and see where to only by name.
        self._session.trust_env = not only_public
        self._session.auth = _nobody
        self._session.headers["User-Agent"] = "Stipt"
        if only_public:
            self._session.mount("https://", _PublicAdapter())

    def send(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        body: Any = None,
        form: Mapping[str, str] | None = None,
    ) -> Response:
        """Make one request and read its answer; `body` is sent as JSON, `form` as a form.

        Raises
        ------
        Unreachable
            No answer, or not all of it, in time.
        NotReadable
            The answer is larger than `most_bytes`.
        ConnectorError
            The address may not be called.
        """
        sent: dict[str, Any] = {"headers": headers, "params": params}
        sent |= {"data": form} if form is not None else {"json": body}
        with self._open(method, url, sent) as answer:
            parts, size = [], 0
            for part in self._chunks(answer, url):
                parts.append(part)
                size += len(part)
                if size > self._most_bytes:
                    raise NotReadable(f"the answer of {_host(url)} is too large")
            return Response(
                status=answer.status_code,
                headers={name.lower(): value for name, value in answer.headers.items()},
                body=b"".join(parts),
            )

    def download(self, url: str) -> Iterator[bytes]:
        """Yield a file in chunks, however large; no token goes there.

        Raises
        ------
        Unreachable
        NotReadable
            The address gives no file (any more).
        """
        with self._open("GET", url, {}) as answer:
            if answer.status_code >= 500:
                raise Unreachable(f"{_host(url)} answered {answer.status_code}")
            if answer.status_code != 200:
                raise NotReadable(f"{_host(url)} answered {answer.status_code} for a file")
            yield from self._chunks(answer, url)

    def _open(self, method: str, url: str, sent: dict[str, Any]) -> requests.Response:
        if self._only_public and urlsplit(url).scheme != "https":
            raise ConnectorError("the address has to begin with https://")
        try:
            return self._session.request(
                method, url, timeout=self._timeout, allow_redirects=False, stream=True, **sent
            )
        except _NotPublic:
            raise ConnectorError(f"{_host(url)} is in a private network") from None
        except requests.RequestException as error:
            # Not `from error`: its text has the whole address.
            raise _unreachable(url, error) from None

    def _chunks(self, answer: requests.Response, url: str) -> Iterator[bytes]:
        try:
            yield from answer.iter_content(_CHUNK)
        except requests.RequestException as error:
            raise _unreachable(url, error) from None


def _nobody(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Say no more of who we are than the headers do, whatever the user's own files hold."""
    return request


def _unreachable(url: str, error: requests.RequestException) -> Unreachable:
    return Unreachable(f"{_host(url)} cannot be reached ({type(error).__name__})")


def _host(url: str) -> str:
    return urlsplit(url).hostname or "the address"


class _NotPublic(Exception):
    """The connection leads into a private network."""


class _PublicConnection(HTTPSConnection):
    """Refuses a host of a private network after connecting, before a byte is sent."""

    def _new_conn(self) -> socket.socket:
        connected = super()._new_conn()
        if not ipaddress.ip_address(connected.getpeername()[0]).is_global:
            connected.close()
            raise _NotPublic
        return connected


class _PublicPool(HTTPSConnectionPool):
    ConnectionCls = _PublicConnection


class _PublicAdapter(requests.adapters.HTTPAdapter):
    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"https": _PublicPool}
