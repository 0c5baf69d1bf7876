"""The way to Mailchimp: one session, time limits, the consent guard, places, and repeats.

The only module that imports the official client (3.0.80). That opens a connection for every call,
returns error answers without a body as if they had succeeded, and rewrites the word "server" in
addresses. So its transport is replaced by ours, which raises an exception for every answer that is
not a success. Bodies and addresses are never logged.
"""

from __future__ import annotations

import json
import logging
import random
import re
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import nullcontext
from typing import Any
from urllib.parse import urlsplit

import mailchimp_marketing
import requests
import requests.adapters
from mailchimp_marketing.api_client import ApiClientError

from integration.mailchimp import guard
from integration.mailchimp.answers import checked_id, read_document
from integration.mailchimp.download import fetch
from integration.mailchimp.errors import (
    AudienceGone,
    MailchimpError,
    NotAuthorized,
    NotFound,
    NotUnderstood,
    Throttled,
    Unreachable,
    from_answer,
)
from integration.mailchimp.guard import Permit
from integration.mailchimp.slots import LONGEST_CALL_S, Slots

log = logging.getLogger(__name__)

#: Rows a page of a collection: the most Mailchimp gives.
PAGE = 1000
CONNECT_TIMEOUT_S = 3.05
#: In place of an audience's id: an account as a whole.
NO_LIST = "none"
#: Mailchimp itself ends a call after 120 s.
BULK_TIMEOUT_S = 115.0
#: After a time-out the request may still be running there: do not repeat it at once.
_AFTER_TIMEOUT_S = 60.0
#: Longest waits before a throttled call is repeated, in seconds; then it is the job's turn.
WAITS_S = (0.2, 0.4, 0.8)
#: Connections that are kept open: all that Mailchimp serves at once.
_AT_MOST = 10
_random = random.SystemRandom()
_SERVER = re.compile(r"[a-z]{2,4}\d{1,3}")


def server_of(token: str) -> str:
    """Return the data centre that an API key names: the part after its dash.

    Raises
    ------
    ValueError
    """
    server = token.rpartition("-")[2] if "-" in token else ""
    if not _SERVER.fullmatch(server):
        raise ValueError("a Mailchimp API key ends in a dash and a data centre, such as -us6")
    return server


class Transport:
    """One account, and one audience in it; several threads may call it at once.

    With `slots` each request holds one of the account's places, and a throttled one, which did
    nothing there, is repeated a few times after short waits.
    """

    def __init__(
        self,
        *,
        token: str,
        server: str,
        list_id: str = NO_LIST,
        url: str | None = None,
        timeout_s: float = 30.0,
        is_oauth: bool = False,
        permits: Collection[Permit] = (),
        tags: Collection[str] = (),
        on_lost: Callable[[str], None] | None = None,
        slots: Slots | None = None,
    ) -> None:
        if not _SERVER.fullmatch(server):
            raise ValueError("not a data centre")
        self.list_id = checked_id(list_id)
        #: Requests sent so far, and those of them that write.
        self.requests = 0
        self.writes = 0
        self._timeout_s = timeout_s
        self._base = _base(url, server)
        self._slots, self._counting = slots, threading.Lock()
        self._session = requests.Session()
        pool = requests.adapters.HTTPAdapter(pool_connections=1, pool_maxsize=_AT_MOST)
        self._session.mount(self._base, pool)
        # A sandbox is on this machine: no proxy, no stored credentials of the user's.
        self._session.trust_env = url is None
        if is_oauth:
            self._session.headers["Authorization"] = f"Bearer {token}"
        else:
            self._session.auth = ("stipt", token)
        self._permits, self._tags = frozenset(permits), frozenset(tags)
        #: Told "revoked" or "audience_deleted": no further call can work.
        self._on_lost = on_lost
        #: The official client, for `call`; its transport is ours.
        self.official = mailchimp_marketing.Client()
        api = self.official.api_client
        # An empty server switches the rewriting of "server" in addresses off.
        api.host, api.server = self._base, ""
        api.default_headers["User-Agent"] = "Stipt"
        api.request = self._request

    def pages(
        self,
        read: Callable[..., Any],
        name: str,
        fields: Sequence[str] | None,
        **query: Any,
    ) -> Iterator[dict[str, Any]]:
        """Yield the rows of a collection, however many pages it has.

        Parameters
        ----------
        read
            A method of the official client that takes `count` and `offset`.
        name
            Under which the rows stand in the answer.
        fields
            What to ask for; None for everything but links.
        """
        shape = {"fields": fields} if fields else {"exclude_fields": ["_links"]}
        offset = 0
        while True:
            rows = self.call(read, count=PAGE, offset=offset, **shape, **query).get(name) or []
            yield from rows
            if len(rows) < PAGE:
                return
            offset += PAGE

    def call(self, method: Callable[..., Any], *args: Any, **query: Any) -> dict[str, Any]:
        """Call a method of the official client; {} where the answer has no content.

        Raises
        ------
        MailchimpError
            `AudienceGone` when it is not only the thing that is missing but the audience.
        """
        try:
            return self._answer(method, *args, **query)
        except NotFound:
            if self.list_id != NO_LIST:
                self.check_audience()
            raise
        except NotAuthorized:
            self._lose("revoked")
            raise

    def check_audience(self) -> None:
        """Look whether the audience is still there.

        Raises
        ------
        AudienceGone
        MailchimpError
        """
        try:
            self._answer(self.official.lists.get_list, self.list_id, fields=["id"])
        except NotFound as error:
            self._lose("audience_deleted")
            text = "the audience was deleted in Mailchimp"
            raise AudienceGone(text, status=error.status, title=error.title) from None

    def download(self, url: str) -> bytes:
        """Fetch the results of a batch; they lie elsewhere, and no token goes there."""
        with self._counting:
            self.requests += 1
        parts = urlsplit(self._base)
        return fetch(url, origin=f"{parts.scheme}://{parts.netloc}")

    def _lose(self, reason: str) -> None:
        if self._on_lost is not None:
            self._on_lost(reason)

    def _answer(self, method: Callable[..., Any], *args: Any, **query: Any) -> dict[str, Any]:
        try:
            answer = method(*args, **query)
        except ApiClientError as error:
            # The official client wraps what our transport raised.
            cause = error.text
            raise (cause if isinstance(cause, Exception) else error) from None
        if isinstance(answer, dict):
            return answer
        if isinstance(answer, requests.Response) and answer.content in (b"", b"{}"):
            return {}
        raise NotUnderstood("Mailchimp's answer is not a JSON object")

    def _request(
        self,
        method: str,
        url: str,
        query_params: list[tuple[str, Any]] | None = None,
        headers: dict[str, str] | None = None,
        body: Any = None,
    ) -> requests.Response:
        """Stand in for the official client's transport."""
        parts = urlsplit(url)
        path = parts.path.removeprefix(urlsplit(self._base).path)
        query = {name: _query_value(value) for name, value in query_params or []}
        guard.check(method, path, query, body, self._permits, self._tags)
        is_bulk = method == "POST" or path.endswith("/members")
        sent: dict[str, Any] = {
            "params": query,
            "headers": headers,
            "data": None if body is None else as_json(body).encode(),
            "timeout": (CONNECT_TIMEOUT_S, BULK_TIMEOUT_S if is_bulk else self._timeout_s),
            "allow_redirects": False,
        }
        for most_s in WAITS_S if self._slots is not None else ():
            try:
                return self._send(method, url, sent)
            except Throttled as error:
                # The place is free meanwhile. A longer wait that Mailchimp asks for is the job's.
                if (error.retry_after_s or 0) > most_s:
                    raise
                time.sleep(max(error.retry_after_s or 0, _random.uniform(0, most_s)))
        return self._send(method, url, sent)

    def _send(self, method: str, url: str, sent: Mapping[str, Any]) -> requests.Response:
        """Make one request, in a place of its own."""
        with nullcontext() if self._slots is None else self._slots.held() as slot:
            with self._counting:
                self.requests += 1
                self.writes += method != "GET"
            began = time.monotonic()
            try:
                answer = self._session.request(method, url, **sent)
            except requests.ReadTimeout as error:
                if slot is not None:
                    slot.keep_for(LONGEST_CALL_S - (time.monotonic() - began))
                raise Unreachable("no answer in time", retry_after_s=_AFTER_TIMEOUT_S) from error
            except requests.RequestException as error:
                raise Unreachable("Mailchimp cannot be reached") from error
        if not 200 <= answer.status_code < 300:
            raise _logged(method, answer)
        return answer


def _logged(method: str, answer: requests.Response) -> MailchimpError:
    error = from_answer(answer.status_code, read_document(answer.content))
    if isinstance(error, Throttled):
        error.retry_after_s = _seconds(answer.headers.get("Retry-After"))
    log.warning("Mailchimp answered %d %s to a %s", answer.status_code, error.title, method)
    return error


def _seconds(text: str | None) -> float | None:
    return float(text) if text and text.isdecimal() else None


def _base(url: str | None, server: str) -> str:
    """The address that paths are added to, ``/3.0`` included."""
    if url is None:
        return f"https://{server}.api.mailchimp.com/3.0"
    return f"{url.rstrip('/').removesuffix('/3.0')}/3.0"


def as_json(body: Any) -> str:
    """UTF-8 JSON; `ValueError` for NaN, which Mailchimp does not take."""
    return json.dumps(body, allow_nan=False, ensure_ascii=False, separators=(",", ":"))


def _query_value(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
