"""The sandbox as a running server: `serve` for the command line, `SandboxServer` for tests."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any

from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from integration.sandbox import admin, delivery, flows, snapshot
from integration.sandbox.app import create_sandbox
from integration.sandbox.faults import Fault
from integration.sandbox.flows import Event, Flow
from integration.sandbox.log import Entry
from integration.sandbox.shops.store import Store
from integration.sandbox.state import DEFAULT_KEY, Audience, MergeValue, SandboxState

HOST = "127.0.0.1"


class Quiet(WSGIRequestHandler):
    """No access log: addresses stand in the paths, and the sandbox has a log of its own."""

    disable_nagle_algorithm = True

    def log(self, type: str, message: str, *args: Any) -> None:
        """Nothing."""

    def connection_dropped(
        self,
        error: BaseException,  # noqa: ARG002  (inherited signature)
        environ: dict[str, Any] | None = None,  # noqa: ARG002
    ) -> None:
        """Hang up: the fault "reset" raises what a lost client would."""
        self.close_connection = True


def listen(state: SandboxState, port: int) -> BaseWSGIServer:
    """A server bound to loopback; port 0 takes a free one."""
    return make_server(HOST, port, create_sandbox(state), threaded=True, request_handler=Quiet)


def serve(port: int, data_dir: Path | None, *, ready: Callable[[str], None] | None = None) -> None:
    """Run until SIGINT or SIGTERM; with `data_dir` the audience survives a restart.

    `ready` is called with the address of the pages once requests are answered.
    """
    state = snapshot.load(data_dir) if data_dir else SandboxState()
    server = listen(state, port)
    keeper = snapshot.Keeper(state, data_dir) if data_dir else None
    if keeper is not None:
        keeper.start()

    def stop(_number: int, _frame: FrameType | None) -> None:
        # Not in this thread: shutdown waits for the loop that this handler interrupts.
        threading.Thread(target=server.shutdown).start()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    if ready is not None:
        ready(f"http://{HOST}:{server.server_port}/")
    try:
        server.serve_forever()
    finally:
        server.server_close()
        if keeper is not None:
            keeper.stop()


class SandboxServer:
    """A sandbox over real HTTP in a thread, for tests.

    >>> with SandboxServer() as sandbox:
    ...     sandbox.add_member("ada@stipt-demo.shop", tags=["at-risk"])
    ...     sorted(sandbox.tags("ada@stipt-demo.shop"))
    ['at-risk']
    """

    key = DEFAULT_KEY

    def __init__(self, state: SandboxState | None = None, *, data_dir: Path | None = None) -> None:
        if state is None:
            state = snapshot.load(data_dir) if data_dir else SandboxState()
        self.state = state
        self._keeper = snapshot.Keeper(state, data_dir) if data_dir else None
        self._server = listen(state, 0)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    def __enter__(self) -> SandboxServer:
        self._thread.start()
        if self._keeper is not None:
            self._keeper.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        if self._keeper is not None:
            self._keeper.stop()

    @property
    def root(self) -> str:
        """The address of the pages, without a slash at the end."""
        return f"http://{HOST}:{self._server.server_port}"

    @property
    def url(self) -> str:
        """The API's base address."""
        return f"{self.root}/3.0"

    @property
    def audience(self) -> Audience:
        """The first audience."""
        return next(iter(self.state.audiences.values()))

    @property
    def list_id(self) -> str:
        """The first audience's id."""
        return self.audience.id

    @property
    def requests(self) -> list[Entry]:
        """Every request received, operations inside batches included."""
        return self.state.log.since()

    @property
    def stores(self) -> dict[str, Store]:
        """The first audience's stores by id."""
        return self.audience.stores

    @property
    def fired(self) -> list[dict[str, str]]:
        """Automations that the stores would have started."""
        return list(self.state.fired)

    def canonical(self) -> str:
        """What the account holds, as text to compare."""
        return snapshot.canonical(self.state)

    def add_member(
        self,
        email: str,
        status: str = "subscribed",
        *,
        status_by: str = "admin",
        merge_fields: dict[str, MergeValue] | None = None,
        tags: Sequence[str] = (),
        language: str = "",
    ) -> None:
        """Put one member there, without a request."""
        row = {
            "email": email,
            "status": status,
            "status_by": status_by,
            "merge_fields": merge_fields or {},
            "tags": list(tags),
            "language": language,
        }
        self.seed([row])

    def seed(self, rows: Iterable[dict[str, Any]]) -> None:
        """Put many members there; rows as in `POST /sandbox/members`."""
        admin.seed(self.state, self.audience, rows)

    def act(self, act: str, email: str, **details: Any) -> None:
        """Let the person act; the names are those of `admin.ACTS`."""
        admin.act(self.state, self.audience, act, email, **details)

    def add_flow(self, name: str, start: str, on: str = "", **more: Any) -> Flow:
        """Build a flow as a marketer would; `more` are other fields of `flows.Flow`."""
        with self.state.lock:
            return flows.add(self.state, self.audience, name=name, start=start, on=on, **more)

    def flow_mails(self, email: str) -> list[str]:
        """Names of the flows whose mail a member got, by the moment it went out."""
        with self.state.lock:
            audience = self.audience
            member = audience.find(email)
            if member is None:
                raise LookupError("no such member")
            sent = [(e.mailed_at, f.name) for f, e in flows.ways(self.state, audience, member)]
            return [name for mailed_at, name in sorted(sent) if mailed_at]

    def events(self, email: str) -> list[Event]:
        """The member's events in the order in which they were told."""
        with self.state.lock:
            member = self.audience.find(email)
            if member is None:
                raise LookupError("no such member")
            return list(member.events)

    def unsubscribe(self, email: str) -> None:
        """The person clicks the link in a mail."""
        self.act("unsubscribe", email)

    def react(self, campaign_id: str, act: str, email: str, url: str = "") -> None:
        """Let a reader open, click or unsubscribe from a campaign that he was sent."""
        with self.state.lock:
            delivery.react(self.state, campaign_id, act, email, url)

    def fail(self, kind: str, **switches: Any) -> None:
        """Switch a fault on; `switches` are the other fields of `faults.Fault`."""
        self.state.faults.add(Fault(kind=kind, **switches))

    def settle(self) -> bool:
        """Wait until every webhook that is due was brought; False when that took too long."""
        return self.state.hooks.postman.settle()

    def tags(self, email: str) -> set[str]:
        """The member's tags by name; LookupError when there is no such member."""
        with self.state.lock:
            member = self.audience.find(email)
            if member is None:
                raise LookupError("no such member")
            return set(self.audience.tag_names(member))

    def merge_fields(self, email: str) -> dict[str, MergeValue]:
        """The member's values that are not blank; LookupError when there is no such member."""
        with self.state.lock:
            member = self.audience.find(email)
            if member is None:
                raise LookupError("no such member")
            return dict(member.merge)
