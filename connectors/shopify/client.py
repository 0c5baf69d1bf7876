"""Calls of the GraphQL Admin API: one document in, data with its errors out.

Data that came with errors is kept: one protected field must not cost a page. Waits and repeats
happen here; what another try cannot mend is a typed error of `connectors.shopify.errors`. The token
goes into the request's header and nowhere else.
"""

from __future__ import annotations

import logging
import random
import re
import time
from collections.abc import Callable, Collection, Mapping
from typing import Any, Protocol

from connectors.errors import ConnectorError, Unreachable
from connectors.http import Http, Response
from connectors.shopify import guard
from connectors.shopify.answers import Answer, read_answer
from connectors.shopify.cost import Bucket
from connectors.shopify.errors import Throttled, TokenRefused
from connectors.shopify.shops import SHOP, URL_TEMPLATE, checked_shop

log = logging.getLogger(__name__)

#: The version every request names. To move: change it here, and run the tests over the new schema.
API_VERSION = "2026-10"
#: Tries of one call, the first included.
TRIES = 6
#: A longer wait than this is the job's, which can be put off; seconds.
LONGEST_WAIT_S = 60.0
_jitter = random.SystemRandom().random
_MOVED = (301, 302, 303, 307, 308)


class Tokens(Protocol):
    """Where a client gets its token from: see `connectors.shopify.auth`."""

    def access_token(self, *, force: bool = False) -> str:
        """Return a token that is good now; with `force`, another one than before.

        Raises
        ------
        TokenRefused
            None can be had: the merchant has to connect again.
        Retryable
        """
        ...


class Client:
    """One shop's Admin API.

    Parameters
    ----------
    shop
        Its permanent host, such as "dressed.myshopify.com"; checked here.
    reserve
        Points of the bucket to leave for others: a few hundred for a nightly job.
    may
        Mutations that this client is opened for, beside those that every client may send.
    on_refused
        Called when no token is accepted (any more), before `TokenRefused` is raised.
    sleep, clock, jitter
        Seconds to wait, seconds now, and a number of 0 to 1; injected in tests.
    """

    def __init__(
        self,
        shop: str,
        tokens: Tokens,
        *,
        url_template: str = URL_TEMPLATE,
        http: Http | None = None,
        reserve: float = 0.0,
        may: Collection[str] = (),
        on_refused: Callable[[], None] | None = None,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
        jitter: Callable[[], float] = _jitter,
    ) -> None:
        #: Where the shop is found; another one than before after it was renamed.
        self.shop = checked_shop(shop)
        #: The version that Shopify answered in last; "" before the first answer.
        self.answered_version = ""
        #: Requests sent so far.
        self.requests = 0
        #: For files that an answer names: no token goes along.
        self.http = http or Http()
        self._tokens, self._template = tokens, url_template
        self._may = guard.allowed(may)
        self._on_refused = on_refused
        self._bucket = Bucket(reserve=reserve, clock=clock)
        self._sleep, self._jitter = sleep, jitter

    def run(self, document: str, variables: Mapping[str, Any] | None = None) -> Answer:
        """Send a document, and again where that helps.

        A mutation is not repeated when it may have been carried out.

        Raises
        ------
        NotAllowed
            It writes what this client was not opened for; nothing was sent.
        ConnectorError
            See `connectors.shopify.errors`.
        """
        writes = guard.check(document, self._may)
        try:
            return self._run(document, variables or {}, may_repeat=not writes)
        except TokenRefused:
            if self._on_refused is not None:
                self._on_refused()
            raise

    def _run(self, document: str, variables: Mapping[str, Any], *, may_repeat: bool) -> Answer:
        renewed = False
        for tried in range(1, TRIES + 1):
            self._wait(self._bucket.wait_s(document))
            try:
                return self._once(document, variables)
            except TokenRefused:
                if renewed:
                    raise
                renewed = True
                self._tokens.access_token(force=True)
            except (Throttled, Unreachable) as error:
                wait_s = self._until_next(error, tried)
                is_undone = may_repeat or isinstance(error, Throttled)
                if tried == TRIES or not is_undone or wait_s > LONGEST_WAIT_S:
                    raise
                self._wait(wait_s)
        raise TokenRefused("Shopify did not accept a new token either")

    def _once(self, document: str, variables: Mapping[str, Any]) -> Answer:
        response = self._post(document, variables)
        if response.status in _MOVED:
            self._follow(response)
            response = self._post(document, variables)
            if response.status in _MOVED:
                raise ConnectorError("Shopify leads from one address to another")
        self._note_version(response)
        try:
            answer = read_answer(response)
        except Throttled as error:
            self._bucket.note(document, error.cost)
            raise
        self._bucket.note(document, answer.cost)
        return answer

    def _post(self, document: str, variables: Mapping[str, Any]) -> Response:
        self.requests += 1
        return self.http.send(
            "POST",
            f"{self._template.format(shop=self.shop)}/admin/api/{API_VERSION}/graphql.json",
            headers={"X-Shopify-Access-Token": self._tokens.access_token()},
            body={"query": document, "variables": dict(variables)},
        )

    def _follow(self, response: Response) -> None:
        """Go to the host that a renamed store has now; the token goes to a store's host only."""
        before, after = (re.escape(part) for part in self._template.split("{shop}"))
        there = re.match(f"{before}({SHOP}){after}/", response.headers.get("location", ""))
        if there is None:
            raise ConnectorError("Shopify leads to an address that is no store's")
        self.shop = there[1]

    def _note_version(self, response: Response) -> None:
        version = response.headers.get("x-shopify-api-version", "")
        if version and version != self.answered_version and version != API_VERSION:
            log.warning("Shopify answered in version %s, not in %s", version, API_VERSION)
        self.answered_version = version or self.answered_version

    def _until_next(self, error: Throttled | Unreachable, tried: int) -> float:
        """Seconds until the next try: as told, else doubling, and never all at one moment."""
        if error.retry_after_s is not None:
            return error.retry_after_s + self._jitter()
        return float(2 ** (tried - 1)) * (0.5 + self._jitter() / 2)

    def _wait(self, seconds: float) -> None:
        if seconds > 0:
            self._sleep(seconds)
