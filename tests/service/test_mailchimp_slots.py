"""No more requests at once than we allow ourselves, whoever makes them and however they end."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import pytest

from integration.audience.connect import access_by_key, look
from integration.context import make_context
from integration.mailchimp import slots as of_slots
from integration.mailchimp import transport
from integration.mailchimp.client import Mailchimp
from integration.mailchimp.errors import MailchimpError, Throttled, Unreachable
from integration.mailchimp.slots import LONGEST_CALL_S, Slots
from integration.sandbox.server import SandboxServer
from integration.settings import Settings

#: Holds a place of account "a" in the folder argv[1], says so, and waits to be killed.
HOLDER = """
import sys, pathlib
from integration.mailchimp.slots import Slots
with Slots(pathlib.Path(sys.argv[1]), "a", 1).held():
    print("held", flush=True)
    sys.stdin.read()
"""


def opened(sandbox: SandboxServer, slots: Slots, timeout_s: float = 20) -> Mailchimp:
    return Mailchimp(
        token=sandbox.key,
        server="us1",
        list_id=sandbox.list_id,
        url=sandbox.url,
        timeout_s=timeout_s,
        slots=slots,
    )


def is_free(slots: Slots) -> bool:
    """Whether somebody else finds a place without waiting."""
    try:
        with slots.held(patience_s=0):
            return True
    except Throttled:
        return False


def test_many_threads_of_several_clients_never_have_more_in_flight_than_allowed(
    sandbox: SandboxServer, tmp_path: Path
) -> None:
    sandbox.state.latency.set(call_s=0.01, operation_s=0)
    clients = [opened(sandbox, Slots(tmp_path, "a", 3)) for _ in range(3)]
    with ThreadPoolExecutor(15) as pool:
        for answer in [pool.submit(clients[n % 3].ping) for n in range(60)]:
            answer.result()
    assert sandbox.state.gate.highest <= 3
    assert sandbox.state.gate.refused == 0
    assert sum(one.requests for one in clients) == 60


def test_without_places_the_same_threads_are_refused(sandbox: SandboxServer) -> None:
    """The counter-proof: what the places are for."""
    sandbox.state.latency.set(call_s=1.0, operation_s=0)
    free = Mailchimp(token=sandbox.key, server="us1", url=sandbox.url)
    with ThreadPoolExecutor(15) as pool:
        calls = [pool.submit(free.ping) for _ in range(15)]
    assert any(isinstance(call.exception(), Throttled) for call in calls)
    assert sandbox.state.gate.refused >= 1


def test_accounts_do_not_wait_for_each_other(tmp_path: Path) -> None:
    with Slots(tmp_path, "a", 1).held():
        assert not is_free(Slots(tmp_path, "a", 1))
        assert is_free(Slots(tmp_path, "b", 1))


def test_no_token_stands_in_the_name_of_a_file(tmp_path: Path) -> None:
    with Slots(tmp_path, "secret-us1", 2).held():
        names = [str(path) for path in tmp_path.rglob("*")]
    assert names
    assert not any("secret" in name for name in names)


def test_a_place_is_waited_for(tmp_path: Path) -> None:
    slots = Slots(tmp_path, "a", 1)
    entered = threading.Event()

    def other() -> None:
        with slots.held():
            entered.set()

    with slots.held():
        thread = threading.Thread(target=other)
        thread.start()
        assert not entered.wait(0.05)
    thread.join()
    assert entered.is_set()


def test_a_killed_process_gives_its_place_back(tmp_path: Path) -> None:
    slots = Slots(tmp_path, "a", 1)
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        assert not is_free(slots)
        os.kill(holder.pid, signal.SIGKILL)
    assert is_free(slots)


def test_a_request_that_timed_out_may_still_be_running_and_keeps_its_place(
    sandbox: SandboxServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sandbox.fail("stall", seconds=0.5)
    slots = Slots(tmp_path, "a", 1)
    with pytest.raises(Unreachable, match="in time"):
        opened(sandbox, slots, timeout_s=0.05).ping()
    assert not is_free(slots)
    ended = time.time() + LONGEST_CALL_S  # by then Mailchimp has ended it
    clock = SimpleNamespace(time=lambda: ended, monotonic=time.monotonic, sleep=time.sleep)
    monkeypatch.setattr(of_slots, "time", clock)
    assert is_free(slots)


def test_a_clock_that_is_set_back_does_not_keep_a_place_for_ever(tmp_path: Path) -> None:
    slots = Slots(tmp_path, "a", 1)
    with slots.held() as slot:
        slot.keep_for(10 * LONGEST_CALL_S)
    assert is_free(slots)


@pytest.mark.parametrize("kind", ["empty_429", "empty_403", "too_many"])
def test_a_throttled_call_is_repeated_a_few_times_and_then_is_the_jobs(
    sandbox: SandboxServer, tmp_path: Path, kind: str
) -> None:
    mailchimp = opened(sandbox, Slots(tmp_path, "a", 2))
    sandbox.fail(kind, times=len(transport.WAITS_S))
    mailchimp.ping()
    assert len(sandbox.requests) == 1 + len(transport.WAITS_S)
    sandbox.fail(kind, times=None)
    with pytest.raises(Throttled):
        mailchimp.ping()
    assert len(sandbox.requests) == 2 * (1 + len(transport.WAITS_S))


@pytest.mark.parametrize("kind", ["reset", "html_502", "error_500", "error_503", "stall"])
def test_what_may_have_been_carried_out_is_not_repeated_blindly(
    sandbox: SandboxServer, tmp_path: Path, kind: str
) -> None:
    sandbox.fail(kind, seconds=0.3)
    mailchimp = opened(sandbox, Slots(tmp_path, "a", 2), timeout_s=0.1)
    with pytest.raises(MailchimpError):
        mailchimp.ping()
    while not sandbox.requests:
        threading.Event().wait(0.01)
    assert len(sandbox.requests) == 1


def test_who_connects_takes_places_too_by_the_token_until_the_account_is_known(
    settings: Settings, sandbox: SandboxServer
) -> None:
    context = make_context(settings.model_copy(update={"mailchimp_url": sandbox.root}))
    account = look(context, access_by_key(context, sandbox.key))
    taken = {path.parent.name for path in settings.data_dir.glob("connections/*/*.lock")}
    assert taken == {
        hashlib.sha256(name.encode()).hexdigest()[:20] for name in (sandbox.key, account.id)
    }
    context.engine.dispose()
