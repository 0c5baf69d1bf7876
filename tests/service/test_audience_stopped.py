"""Plans that stop on the way, and what may still be done with them when others follow."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import requests
from click.testing import CliRunner, Result
from sqlmodel import select

from integration.audience.connect import connect, open_mailchimp
from integration.audience.members import read_members
from integration.audience.names import FIELD_LIMIT
from integration.audience.plan import CannotPublish
from integration.audience.undo import CannotUndo, make_undo, undoable
from integration.cli.main import main
from integration.mailchimp import batching, fields
from integration.mailchimp.answers import BatchInfo
from integration.mailchimp.client import Mailchimp
from integration.mailchimp.errors import NotAuthorized, Retryable, StillRunning
from integration.sandbox.server import SandboxServer
from integration.tables import DueDate, PersonProfile, Plan, PlanChange
from tests.service.audience_shop import AudienceShop, Killed
from tests.service.consent_scan import forbidden_writes

ADA, BOB, EVE = "ada@stipt-demo.shop", "bob@stipt-demo.shop", "eve@stipt-demo.shop"
SUIT = {"suits": ("now", date(2026, 3, 14))}
WITHDRAWN = "permission withdrawn since the plan was made"


@pytest.fixture
def sandbox() -> Iterator[SandboxServer]:
    with SandboxServer() as server:
        yield server
        assert forbidden_writes(server.requests) == []


@pytest.fixture
def in_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hand in even the fields of one member as a batch."""
    monkeypatch.setattr(fields, "FEW", 0)


def undo(shop: AudienceShop, plan_id: int | None) -> Plan:
    """Take a plan back and return the undo."""
    assert plan_id is not None
    return shop.publish(make_undo(shop.context, shop.account_id, plan_id))


def stop(
    shop: AudienceShop, plan_id: int | None, kind: str, prefix: str, method: str = "POST"
) -> None:
    """Publish, and lose the line at the writing calls that begin with `prefix`."""
    shop.sandbox.fail(kind, method=method, prefix=prefix, times=None)
    with pytest.raises(Retryable):
        shop.publish(plan_id)
    shop.sandbox.state.faults.clear()


def segments_of(shop: AudienceShop) -> str:
    """Where tags are given and taken: the calls that end in an id."""
    return f"/lists/{shop.sandbox.list_id}/segments/"


# -- older plans -----------------------------------------------------------------------------------


def test_a_plan_that_failed_is_not_published_over_a_newer_one(
    shop: AudienceShop, sandbox: SandboxServer
) -> None:
    sandbox.add_member(ADA)
    person = shop.person(ADA, ["stage:new"])
    old = shop.plan()
    sandbox.state.tokens[sandbox.key] = False
    with pytest.raises(NotAuthorized):
        shop.publish(old.id)
    sandbox.state.tokens[sandbox.key] = True
    connect(shop.context, shop.account_id, token=sandbox.key, language="en")
    shop.leave(person, "stage:new")
    shop.enter(person, "stage:best")
    newer = shop.plan()
    assert shop.stored(old.id).status == "superseded"
    with pytest.raises(CannotPublish, match="newer plan"):
        shop.publish(old.id)
    shop.publish(newer.id)
    with pytest.raises(CannotPublish, match="newer plan"):
        shop.publish(old.id)
    assert sandbox.tags(ADA) == {"Stage: Best"}


@pytest.mark.parametrize("status", ["draft", "publishing", "failed"])
def test_a_plan_that_an_older_version_left_open_is_not_published_over_a_newer_one(
    shop: AudienceShop, sandbox: SandboxServer, status: str
) -> None:
    sandbox.add_member(ADA)
    person = shop.person(ADA, ["stage:new"])
    old = shop.plan()
    shop.leave(person, "stage:new")
    newer = shop.push()
    with shop.session() as session:
        session.get_one(Plan, old.id).status = status
    with pytest.raises(CannotPublish, match="newer plan"):
        shop.publish(old.id)
    assert shop.stored(newer.id).status == "published"
    assert sandbox.tags(ADA) == set()


@pytest.mark.usefixtures("in_batches")
def test_a_batch_of_a_superseded_plan_does_not_overtake_the_newer_one(
    shop: AudienceShop, sandbox: SandboxServer
) -> None:
    sandbox.add_member(ADA)
    person = shop.person(ADA, ["stage:new"], stage="new")
    old = shop.plan()
    sandbox.fail("empty_429", method="GET", prefix="/batches/", times=None)
    with pytest.raises(Retryable):
        shop.publish(old.id)
    sandbox.state.faults.clear()
    assert shop.stored(old.id).outcome["batches"]
    shop.leave(person, "stage:new")
    shop.push()
    assert shop.stored(old.id).outcome["batches"] == []
    assert {change.status for change in shop.changes(old.id)} == {"done"}


@pytest.mark.parametrize("how", ["killed", "lost"])
def test_a_batch_whose_id_was_lost_does_not_overtake_the_newer_plan(
    shop: AudienceShop, sandbox: SandboxServer, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    sandbox.add_member(ADA)
    shop.person(ADA, ["stage:new"], stage="new")
    shop.push()
    with shop.session() as session:
        session.exec(select(PersonProfile)).one().stage = "best"
    run_batches(sandbox, on=False)
    with monkeypatch.context() as patch:
        patch.setattr(fields, "FEW", 0)
        old = shop.plan()
        if how == "lost":
            sandbox.fail("reset", method="POST", prefix="/batches")
            with pytest.raises(Retryable):
                shop.publish(old.id)
        else:
            patch.setattr(Mailchimp, "start_batch", killed_after(Mailchimp.start_batch))
            with pytest.raises(Killed):
                shop.publish(old.id)
    assert "batches" not in shop.stored(old.id).outcome
    with shop.session() as session:
        session.exec(select(PersonProfile)).one().stage = "new"
    newer = shop.plan()
    with monkeypatch.context() as patch:
        patch.setattr(batching, "_WAIT_MOST_S", 0.0)
        with pytest.raises(StillRunning):
            shop.publish(newer.id)
    run_batches(sandbox, on=True)
    shop.publish(newer.id)
    assert sandbox.merge_fields(ADA)["STAGE"] == "New"


def run_batches(sandbox: SandboxServer, *, on: bool) -> None:
    """Have the sandbox carry batches out, or let them wait."""
    answer = requests.post(f"{sandbox.root}/sandbox/batches", json={"running": on}, timeout=10)
    assert answer.ok, answer.text


def killed_after(start: Callable[..., BatchInfo]) -> Callable[..., BatchInfo]:
    """The worker is killed between the call and the note of its answer."""

    def start_and_die(*given: Any) -> BatchInfo:
        start(*given)
        raise Killed

    return start_and_die


def test_another_audience_puts_the_plans_of_the_first_one_to_rest(
    shop: AudienceShop, sandbox: SandboxServer
) -> None:
    sandbox.add_member(ADA)
    shop.person(ADA, ["stage:new"])
    first = shop.audience
    draft = shop.plan()
    other = sandbox.state.add_audience("Other")
    connect(shop.context, shop.account_id, token=sandbox.key, list_id=other.id, language="en")
    assert shop.stored(draft.id).status == "discarded"
    with shop.session() as session:  # as an older version left it
        session.get_one(Plan, draft.id).status = "draft"
    before = len(sandbox.requests)
    with pytest.raises(CannotPublish, match="no longer connected"):
        shop.publish(draft.id)
    assert len(sandbox.requests) == before

    connect(shop.context, shop.account_id, token=sandbox.key, list_id=first.list_id, language="en")
    assert shop.push().status == "published"


# -- permission ------------------------------------------------------------------------------------


def test_whoever_withdraws_between_plan_and_push_gets_nothing_and_still_loses(
    shop: AudienceShop, sandbox: SandboxServer
) -> None:
    for email in (ADA, BOB, EVE):
        sandbox.add_member(email)
    people = shop.people([ADA, BOB, EVE], ["style:casual"], SUIT, "new")
    shop.push()
    shop.leave_all(people, "style:casual")
    for person in people:
        shop.enter(person, "style:business")
    plan = shop.plan()
    shop.deny(ADA)
    sandbox.unsubscribe(BOB)
    read_members(shop.context, shop.audience)

    published = shop.publish(plan.id)
    assert (sandbox.tags(ADA), sandbox.tags(BOB)) == (set(), set())
    assert sandbox.tags(EVE) == {"Style: Business"}
    failed = {(c.email_key, c.key, c.error) for c in shop.changes(plan.id) if c.status == "failed"}
    assert failed == {(ADA, "style:business", WITHDRAWN), (BOB, "style:business", WITHDRAWN)}
    assert published.outcome["failed"] == 2
    shop.push()
    assert sandbox.merge_fields(ADA) == sandbox.merge_fields(BOB) == {}


def test_what_a_stopped_push_gave_to_somebody_who_withdrew_then_is_taken_away(
    shop: AudienceShop, sandbox: SandboxServer
) -> None:
    sandbox.add_member(ADA)
    shop.person(ADA, ["stage:new"])
    plan = shop.plan()
    stop(shop, plan.id, "reset", segments_of(shop))
    assert sandbox.tags(ADA) == {"Stage: New"}
    shop.deny(ADA)
    published = shop.publish(plan.id)
    # The fields were there before the line was lost.
    assert {c.kind: c.error for c in shop.changes(published.id)} == {
        "tag": WITHDRAWN,
        "field": None,
    }
    shop.push()
    assert sandbox.merge_fields(ADA) == {}
    assert sandbox.tags(ADA) == set()


def test_an_undo_gives_nothing_back_to_somebody_who_withdrew(
    shop: AudienceShop, sandbox: SandboxServer
) -> None:
    sandbox.add_member(ADA)
    person = shop.person(ADA, ["stage:new"])
    shop.push()
    shop.leave(person, "stage:new")
    shop.enter(person, "stage:best")
    second = shop.push()
    shop.deny(ADA)
    undo(shop, second.id)
    assert sandbox.tags(ADA) == set()
    assert shop.stored(second.id).status == "undone"


# -- rows without an answer ------------------------------------------------------------------------


def test_what_a_stopped_push_sent_is_taken_off_when_it_is_no_longer_wanted(
    shop: AudienceShop, sandbox: SandboxServer
) -> None:
    sandbox.add_member(ADA)
    before = sandbox.canonical()
    person = shop.person(ADA, ["stage:new"])
    first = shop.plan()
    stop(shop, first.id, "reset", segments_of(shop))
    assert sandbox.tags(ADA) == {"Stage: New"}, "it arrived; only the answer was lost"
    shop.leave(person, "stage:new")
    second = shop.plan()
    assert [(row["name"], row["remove"]) for row in second.summary["tags"]] == [("Stage: New", 1)]
    shop.publish(second.id)
    assert sandbox.tags(ADA) == set()
    assert shop.push().outcome["writes"] == 0, "the answer is known now"
    undo(shop, second.id)
    undo(shop, first.id)
    assert sandbox.canonical() == before


@pytest.mark.parametrize(
    ("few", "method", "prefix"),
    [
        pytest.param(0, "POST", "/batches", id="in a batch"),
        pytest.param(10, "PATCH", "/lists", id="directly"),
    ],
)
def test_a_value_that_a_stopped_push_sent_gives_way_to_the_one_that_is_wanted(
    shop: AudienceShop,
    sandbox: SandboxServer,
    monkeypatch: pytest.MonkeyPatch,
    few: int,
    method: str,
    prefix: str,
) -> None:
    monkeypatch.setattr(fields, "FEW", few)
    sandbox.add_member(ADA)
    shop.person(ADA, ["stage:new"], due=SUIT)
    shop.push()
    with shop.session() as session:
        session.exec(select(DueDate)).one().expected_on = date(2026, 4, 1)
    second = shop.plan()
    stop(shop, second.id, "reset", prefix, method)
    assert sandbox.merge_fields(ADA)["DUEDATE"] == "2026-04-01"
    with shop.session() as session:  # wanted again: what the mirror says is there
        session.exec(select(DueDate)).one().expected_on = SUIT["suits"][1]
    assert shop.push().summary["members"] == 1
    assert sandbox.merge_fields(ADA)["DUEDATE"] == "2026-03-14"
    assert shop.push().outcome["writes"] == 0


def test_doubt_survives_a_second_stop(shop: AudienceShop, sandbox: SandboxServer) -> None:
    sandbox.add_member(ADA)
    person = shop.person(ADA, ["stage:new"])
    for kind in ("reset", "empty_429"):
        stop(shop, shop.plan().id, kind, segments_of(shop))
        shop.leave(person, "stage:new")
    assert sandbox.tags(ADA) == {"Stage: New"}
    shop.push()
    assert sandbox.tags(ADA) == set()
    with shop.session() as session:
        assert session.exec(select(PlanChange).where(PlanChange.status == "sent")).all() == []


# -- what can be taken back ------------------------------------------------------------------------


def offered(shop: AudienceShop) -> int | None:
    """The plan that the page and the command line offer to take back."""
    with shop.session() as session:
        return undoable(session, shop.context.clock())


def test_the_plan_that_is_offered_is_the_last_that_wrote_and_can_be_taken_back(
    shop: AudienceShop, sandbox: SandboxServer
) -> None:
    sandbox.add_member(ADA)
    assert offered(shop) is None
    person = shop.person(ADA, ["stage:new"])
    first = shop.push()
    assert offered(shop) == first.id
    empty = shop.push()
    assert empty.summary["members"] == 0
    assert offered(shop) == first.id, "taking back nothing helps nobody"

    shop.leave(person, "stage:new")
    shop.enter(person, "stage:best")
    second = shop.plan()
    stop(shop, second.id, "reset", segments_of(shop))
    assert shop.stored(second.id).status == "publishing"
    assert offered(shop) == second.id, "a push that died has written too"
    assert first.id is not None
    with pytest.raises(CannotUndo, match="later plan"):
        make_undo(shop.context, shop.account_id, first.id)
    undo(shop, second.id)
    assert sandbox.tags(ADA) == {"Stage: New"}
    assert offered(shop) == first.id
    undo(shop, first.id)
    assert sandbox.tags(ADA) == set()


def test_a_superseded_push_is_taken_back_after_the_newer_one(
    shop: AudienceShop, sandbox: SandboxServer
) -> None:
    sandbox.add_member(ADA)
    before = sandbox.canonical()
    person = shop.person(ADA, ["loves:suits", "stage:new"])
    old = shop.plan()
    sandbox.fail("empty_429", method="POST", prefix=segments_of(shop), first=2, times=None)
    with pytest.raises(Retryable):
        shop.publish(old.id)
    sandbox.state.faults.clear()
    assert {c.status for c in shop.changes(old.id)} >= {"done", "sent"}
    shop.enter(person, "style:casual")
    newer = shop.push()
    assert offered(shop) == newer.id
    undo(shop, newer.id)
    assert offered(shop) == old.id
    undo(shop, old.id)
    assert sandbox.canonical() == before


def test_an_undo_whose_worker_was_lost_before_its_first_write_is_gone_on_with(
    shop: AudienceShop, sandbox: SandboxServer
) -> None:
    sandbox.add_member(ADA)
    before = sandbox.canonical()
    shop.person(ADA, ["stage:new"])
    pushed = shop.push()
    assert pushed.id is not None
    stored = make_undo(shop.context, shop.account_id, pushed.id)
    assert undo(shop, pushed.id).id == stored, "a second one would leave the first behind"
    assert sandbox.canonical() == before


def test_nothing_of_an_audience_that_is_no_longer_connected_is_offered(
    shop: AudienceShop, sandbox: SandboxServer
) -> None:
    sandbox.add_member(ADA)
    shop.person(ADA, ["stage:new"])
    plan = shop.push()
    other = sandbox.state.add_audience("Other")
    connect(shop.context, shop.account_id, token=sandbox.key, list_id=other.id, language="en")
    assert offered(shop) is None
    assert plan.id is not None
    with pytest.raises(CannotUndo, match="no longer connected"):
        make_undo(shop.context, shop.account_id, plan.id)


def test_an_undo_that_mailchimp_refused_in_part_can_be_tried_again(
    shop: AudienceShop, sandbox: SandboxServer
) -> None:
    for email in (ADA, BOB):
        sandbox.add_member(email)
        shop.person(email, ["stage:new"], stage="new")
    shop.push()
    with shop.session() as session:
        for profile in session.exec(select(PersonProfile)):
            profile.stage = ""
    second = shop.push()
    assert "STAGE" not in sandbox.merge_fields(ADA)
    client = open_mailchimp(shop.context, shop.audience)
    client.delete_field(next(f.id for f in client.fields() if f.tag == "STAGE"))
    for number in range(FIELD_LIMIT - len(client.fields())):  # no room for the field any more
        client.create_field(tag=f"OWN{number}", label=f"Own {number}", kind="text")
    shop.plan()  # sees that the field is gone
    sandbox.act("erase", BOB)
    read_members(shop.context, shop.audience, whole=True)

    part = undo(shop, second.id)
    assert part.status == "failed"
    assert part.outcome["error"] == "not everything is taken back (1 refused): try again"
    assert shop.stored(second.id).status == "published"
    assert offered(shop) == second.id

    client.delete_field(next(f.id for f in client.fields() if f.tag == "OWN0"))
    whole = undo(shop, second.id)
    assert whole.id == part.id
    assert (whole.status, whole.outcome["failed"]) == ("published", 0)
    assert "error" not in whole.outcome
    assert sandbox.merge_fields(ADA)["STAGE"] == "New"
    assert shop.stored(second.id).status == "undone"
    assert offered(shop) != second.id


def test_the_command_line_takes_back_what_the_page_would_offer(
    sandbox: SandboxServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("STIPT_MAILCHIMP_URL", sandbox.root)
    monkeypatch.setenv("STIPT_MAILCHIMP_TOKEN", sandbox.key)

    def stipt(*arguments: str) -> Result:
        return CliRunner().invoke(main, arguments)

    assert stipt("init", "--name", "Shop", "--email", "mia@stipt-demo.shop").exit_code == 0
    assert stipt("connect").exit_code == 0
    refused = stipt("undo")
    assert refused.exit_code != 0
    assert "there is nothing to take back" in refused.output
    for command in ("plan", "push"):
        assert stipt(command).exit_code == 0
    told = json.loads(stipt("undo", "--json").stdout)
    assert (told["plan"], told["status"]) == (1, "undone")
    assert (told["outcome"]["done"], told["outcome"]["failed"]) == (0, 0)
