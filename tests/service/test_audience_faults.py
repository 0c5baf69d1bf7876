"""Whatever happens on the way, going on ends where an undisturbed push ends."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import pytest
from sqlmodel import SQLModel, select

from integration.audience.connect import connect, current_audience, open_mailchimp
from integration.audience.pause import moved
from integration.audience.plan import CannotPublish
from integration.audience.undo import make_undo
from integration.context import make_context
from integration.mailchimp import fields
from integration.mailchimp.errors import Failed, NotAuthorized, Paused, Retryable, Throttled
from integration.mailchimp.transport import WAITS_S
from integration.sandbox.log import Entry
from integration.sandbox.server import SandboxServer
from integration.settings import Settings, fresh_env, load
from integration.tables import Member, OwnedName, PlanChange, PushedValue
from tests import fresh_tables
from tests.service.audience_shop import AudienceShop, Killed, TestJob, make_shop
from tests.service.consent_scan import forbidden_writes

ADA, BOB = "ada@stipt-demo.shop", "bob@stipt-demo.shop"
SUIT = {"suits": ("now", date(2026, 3, 14))}


@dataclass(frozen=True)
class Prepared:
    """A folder with database and sandbox as they stand before the push, and their plan."""

    folder: Path
    settings: Settings
    account_id: int
    plan_id: int

    @contextmanager
    def copy(self, to: Path) -> Iterator[AudienceShop]:
        """Open a copy of all of it in an empty folder."""
        shutil.copytree(self.folder, to, dirs_exist_ok=True)
        with SandboxServer(data_dir=to) as sandbox:
            settings = self.settings.model_copy(
                update={"data_dir": to, "mailchimp_url": sandbox.root}
            )
            context = make_context(settings)
            # The folder is a copy, as a restored backup is.
            with suppress(Paused):
                open_mailchimp(context, current_audience(context, self.account_id))
            moved(context, self.account_id)
            yield AudienceShop(context, sandbox, self.account_id, shop_id=1)
            assert forbidden_writes(sandbox.requests) == []
            context.engine.dispose()


@pytest.fixture(scope="module", params=[0, 10], ids=["in batches", "directly"])
def few(request: pytest.FixtureRequest) -> Iterator[int]:
    """Below how many members fields are set by calls of their own, and not by a batch."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fields, "FEW", request.param)
        yield request.param


@pytest.fixture
def in_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hand in even the fields of one member as a batch."""
    monkeypatch.setattr(fields, "FEW", 0)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    """A shop that owns tags and a field already, with a plan that adds, removes and sets."""
    folder = tmp_path_factory.mktemp("prepared")
    settings = fresh_settings(folder)
    with SandboxServer(data_dir=folder) as sandbox:
        shop = make_shop(settings, sandbox)
        for email in (ADA, BOB):
            sandbox.add_member(email, tags=["VIP"])
        ada = shop.person(ADA, ["style:casual"], stage="new")
        bob = shop.person(BOB, ["style:casual", "loves:suits"])
        assert shop.push().outcome["failed"] == 0
        shop.leave(ada, "style:casual")
        shop.enter(ada, "style:business", "shops:menswear")
        shop.will_need(ada, {"shoes": ("soon", date(2026, 5, 1))})
        shop.will_need(bob, SUIT)
        plan = shop.plan()
        shop.context.engine.dispose()
    assert plan.id is not None
    return Prepared(folder, settings, shop.account_id, plan.id)


@pytest.fixture(scope="module")
def published(few: int, prepared: Prepared, tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    """The same after the push, as it stands before an undo."""
    folder = tmp_path_factory.mktemp("published")
    with prepared.copy(folder) as shop:
        shop.publish(prepared.plan_id)
    return replace(prepared, folder=folder)


def fresh_settings(folder: Path) -> Settings:
    """Settings of an installation in `folder`, with its tables."""
    env = folder / ".env"
    env.write_text(f"{fresh_env()}STIPT_DATA_DIR={folder}\nSTIPT_BATCH_POLL_S=0.01\n")
    settings = load(env)
    fresh_tables.lay(settings.database)
    return settings


def tables(shop: AudienceShop) -> list[list[str]]:
    """Everything the push keeps, without the counts of calls."""
    kept: list[tuple[type[SQLModel], set[str]]] = [
        (OwnedName, {"id", "remote_id"}),
        (PushedValue, {"id"}),
        (Member, {"changed_at"}),
        (PlanChange, {"id"}),
    ]
    with shop.session() as session:
        return [
            sorted(row.model_dump_json(exclude=left_out) for row in session.exec(select(table)))
            for table, left_out in kept
        ]


def account(shop: AudienceShop) -> str:
    """What the audience holds; ids of tags and fields may differ after a repeat."""
    audience = shop.sandbox.audience
    with shop.sandbox.state.lock:
        members = [
            (m.email, m.status, audience.tag_names(m), sorted(m.merge.items()))
            for m in audience.members.values()
        ]
        names = sorted(s.name for s in audience.segments.values())
        fields = sorted((f.tag, f.name, f.type, f.public) for f in audience.fields.values())
    return repr((members, names, fields))


@dataclass(frozen=True)
class Undisturbed:
    """How a push and its undo go when nothing disturbs them."""

    before: str
    account: str
    tables: list[list[str]]
    #: Requests of the push, and commits of the push and of the undo.
    requests: int
    steps: int
    undo_steps: int


@pytest.fixture(scope="module")
def undisturbed(
    few: int, prepared: Prepared, tmp_path_factory: pytest.TempPathFactory
) -> Undisturbed:
    with prepared.copy(tmp_path_factory.mktemp("undisturbed")) as shop:
        before = account(shop)
        push, undo = TestJob(shop.account_id), TestJob(shop.account_id)
        done = shop.publish(prepared.plan_id, push)
        after, kept = account(shop), tables(shop)
        batches = [entry for entry in shop.sandbox.requests if entry.path == "/batches"]
        assert len(batches) == (0 if few else 1)
        take_back(shop, prepared.plan_id, undo)
        assert after != before
        assert account(shop) == before
        requests: int = done.outcome["requests"]
        assert requests > 10
        return Undisturbed(before, after, kept, requests, push.calls, undo.calls)


# Each request for the fault that leaves open what was done, every third one for the others.
@pytest.mark.parametrize(
    ("kind", "first", "step"), [("reset", 1, 1), ("empty_429", 2, 3), ("html_502", 3, 3)]
)
def test_any_lost_answer_is_made_good_by_going_on(
    kind: str, first: int, step: int, prepared: Prepared, undisturbed: Undisturbed, tmp_path: Path
) -> None:
    for nth in range(first, undisturbed.requests + 1, step):
        with prepared.copy(tmp_path / str(nth)) as shop:
            times = 1 + len(WAITS_S) if kind == "empty_429" else 1
            shop.sandbox.fail(kind, first=nth, times=times)
            with suppress(Retryable):  # a quick batch saves a look at it, and then none is left
                shop.publish(prepared.plan_id)
            shop.sandbox.state.faults.clear()
            shop.publish(prepared.plan_id)
            assert account(shop) == undisturbed.account, f"request {nth}"
            assert tables(shop) == undisturbed.tables, f"request {nth}"


def test_a_kill_at_any_commit_is_made_good_by_going_on(
    few: int, prepared: Prepared, undisturbed: Undisturbed, tmp_path: Path
) -> None:
    # The two ways differ in a few commits only: every second one of each is all of them once.
    for nth in range(2 if few else 1, undisturbed.steps + 1, 2):
        with prepared.copy(tmp_path / str(nth)) as shop:
            with suppress(Killed):
                shop.publish(prepared.plan_id, TestJob(shop.account_id, dies_at=nth))
            shop.publish(prepared.plan_id)
            assert account(shop) == undisturbed.account, f"step {nth}"
            assert tables(shop) == undisturbed.tables, f"step {nth}"


def test_a_push_that_died_anywhere_can_be_taken_back(
    few: int, prepared: Prepared, undisturbed: Undisturbed, tmp_path: Path
) -> None:
    for nth in range(2 if few else 1, undisturbed.requests + 1, 2):
        with prepared.copy(tmp_path / str(nth)) as shop:
            shop.sandbox.fail("reset", first=nth)
            with suppress(Retryable):
                shop.publish(prepared.plan_id)
            shop.sandbox.state.faults.clear()
            take_back(shop, prepared.plan_id, TestJob(shop.account_id))
            assert account(shop) == undisturbed.before, f"request {nth}"


def test_an_undo_that_is_killed_anywhere_goes_on_where_it_was(
    few: int, published: Prepared, undisturbed: Undisturbed, tmp_path: Path
) -> None:
    for nth in range(2 if few else 1, undisturbed.undo_steps + 1, 2):
        with published.copy(tmp_path / str(nth)) as shop:
            with suppress(Killed):
                take_back(shop, published.plan_id, TestJob(shop.account_id, dies_at=nth))
            take_back(shop, published.plan_id, TestJob(shop.account_id))
            assert account(shop) == undisturbed.before, f"step {nth}"
            assert shop.stored(published.plan_id).status == "undone"


def test_a_push_that_is_being_taken_back_does_not_go_on(prepared: Prepared, tmp_path: Path) -> None:
    with prepared.copy(tmp_path) as shop:
        shop.sandbox.fail("empty_429", method="POST", times=None)
        with pytest.raises(Throttled):
            shop.publish(prepared.plan_id)
        make_undo(shop.context, shop.account_id, prepared.plan_id)
        with pytest.raises(CannotPublish, match="taken back"):
            shop.publish(prepared.plan_id)


def take_back(shop: AudienceShop, plan_id: int, job: TestJob) -> None:
    """What the handler of an undo does, from its start."""
    shop.publish(make_undo(shop.context, shop.account_id, plan_id), job)


@pytest.mark.usefixtures("in_batches")
def test_operations_that_mailchimp_fails_are_handed_in_again(
    prepared: Prepared, tmp_path: Path
) -> None:
    with prepared.copy(tmp_path) as shop:
        shop.sandbox.fail("error_500", in_batches=True, times=2)
        assert shop.publish(prepared.plan_id).outcome["failed"] == 0
        assert shop.sandbox.merge_fields(ADA)["DUEDATE"] == "2026-05-01"


@pytest.mark.usefixtures("in_batches")
def test_operations_that_mailchimp_always_fails_are_left_for_a_later_try(
    prepared: Prepared, undisturbed: Undisturbed, tmp_path: Path
) -> None:
    with prepared.copy(tmp_path) as shop:
        shop.sandbox.fail("error_500", in_batches=True, times=None)
        with pytest.raises(Failed):
            shop.publish(prepared.plan_id)
        shop.sandbox.state.faults.clear()
        shop.publish(prepared.plan_id)
        assert account(shop) == undisturbed.account


def test_an_empty_429_is_understood_as_too_many_calls(prepared: Prepared, tmp_path: Path) -> None:
    with prepared.copy(tmp_path) as shop:
        shop.sandbox.fail("empty_429", method="POST", times=None)
        with pytest.raises(Throttled):
            shop.publish(prepared.plan_id)
        shop.sandbox.state.faults.clear()
        stored = shop.stored(prepared.plan_id)
        assert stored.status == "publishing"
        assert "429" in stored.outcome["error"]
        done = shop.publish(prepared.plan_id)
        assert done.status == "published"
        assert "error" not in done.outcome


def test_a_call_that_is_throttled_now_and_then_is_repeated_on_the_spot(
    prepared: Prepared, tmp_path: Path
) -> None:
    with prepared.copy(tmp_path) as shop:
        for kind in ("empty_429", "empty_403", "too_many"):
            shop.sandbox.fail(kind, method="POST")
        assert shop.publish(prepared.plan_id).outcome["failed"] == 0


def test_rows_that_are_done_are_not_sent_again(prepared: Prepared, tmp_path: Path) -> None:
    with prepared.copy(tmp_path) as shop:
        segments = f"/lists/{shop.sandbox.list_id}/segments/"
        shop.sandbox.fail("error_500", method="POST", prefix=segments, first=2)
        with pytest.raises(Failed):
            shop.publish(prepared.plan_id)
        before = len(shop.sandbox.requests)
        done = worked(shop.sandbox.requests)
        assert done
        shop.publish(prepared.plan_id)
        assert done & worked(shop.sandbox.requests[before:]) == set()
        assert {change.status for change in shop.changes(prepared.plan_id)} == {"done"}


def worked(entries: Sequence[Entry]) -> set[str]:
    """The writing calls that Mailchimp carried out."""
    return {f"{e.path} {e.body}" for e in entries if e.method != "GET" and e.status == 200}


def test_a_revoked_token_stops_the_plan_which_goes_on_after_connecting_again(
    prepared: Prepared, tmp_path: Path
) -> None:
    with prepared.copy(tmp_path) as shop:
        shop.sandbox.state.tokens[shop.sandbox.key] = False
        with pytest.raises(NotAuthorized):
            shop.publish(prepared.plan_id)
        assert shop.audience.paused == "revoked"
        assert shop.stored(prepared.plan_id).status == "publishing"
        shop.sandbox.state.tokens[shop.sandbox.key] = True
        with pytest.raises(Paused):
            shop.publish(prepared.plan_id)
        connect(shop.context, shop.account_id, token=shop.sandbox.key, language="en")
        assert shop.publish(prepared.plan_id).status == "published"
