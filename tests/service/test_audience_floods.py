"""Many people who get a tag that is there: said before, and given so that no flow starts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from click.testing import CliRunner, Result
from sqlmodel import select

from integration.audience import floods
from integration.audience.undo import make_undo
from integration.cli.main import main
from integration.mailchimp import batching
from integration.mailchimp.client import Mailchimp
from integration.mailchimp.errors import Retryable, StillRunning
from integration.sandbox.flows import Flow
from integration.sandbox.server import SandboxServer
from integration.settings import Settings
from integration.tables import Plan, SourceProfile
from tests.service.audience_shop import AudienceShop, Killed, make_shop
from tests.service.consent_scan import forbidden_writes

ADA = "ada@stipt-demo.shop"
CROWD = [f"p{number}@stipt-demo.shop" for number in range(4)]
SUIT = "Due: Suits – now"


@pytest.fixture(autouse=True)
def few_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three people are a flood already; the real numbers stand in the rule's own examples."""
    monkeypatch.setattr(floods, "PEOPLE", 2)


@pytest.fixture
def sandbox() -> Iterator[SandboxServer]:
    with SandboxServer() as server:
        yield server
        assert forbidden_writes(server.requests) == []


@pytest.fixture
def shop(settings: Settings, sandbox: SandboxServer) -> Iterator[AudienceShop]:
    """Ada has both tags; everybody else is in the audience and in no segment yet."""
    made = make_shop(settings, sandbox)
    for email in (ADA, *CROWD):
        sandbox.add_member(email)
    made.people([ADA], ["due:suits:now", "stage:new"])
    made.push()
    yield made
    made.context.engine.dispose()


@pytest.fixture
def flow(shop: AudienceShop, sandbox: SandboxServer) -> Flow:
    """What the marketer built on the tag after the first push."""
    return sandbox.add_flow("Suit due", "tag", SUIT)


def held(sandbox: SandboxServer) -> list[set[str]]:
    return [sandbox.tags(email) for email in CROWD]


BOTH = {SUIT, "Stage: New"}


def test_a_flood_starts_no_flow_and_is_one_operation_a_member(
    shop: AudienceShop, sandbox: SandboxServer, flow: Flow
) -> None:
    shop.people(CROWD, ["due:suits:now", "stage:new"])
    plan = shop.plan()
    assert plan.summary["floods"] == ["due:suits:now", "stage:new"]
    assert plan.summary["quiet"]
    before = len(sandbox.requests)
    published = shop.publish(plan.id)
    assert held(sandbox) == [BOTH] * 4
    assert flow.entries == {}
    operations = [e for e in sandbox.requests[before:] if e.path.endswith("/tags")]
    assert len(operations) == 4
    assert all(entry.batch is not None for entry in operations)
    assert not any("/segments/" in e.path for e in sandbox.requests[before:] if e.method != "GET")
    assert published.outcome["failed"] == 0
    assert "tagging" not in published.outcome
    assert shop.push().outcome["writes"] == 0


def test_without_the_tick_the_flow_starts_for_everybody(
    shop: AudienceShop, sandbox: SandboxServer, flow: Flow
) -> None:
    shop.people(CROWD, ["due:suits:now"])
    plan = shop.plan()
    with shop.session() as session:
        floods.choose(session.get_one(Plan, plan.id), quietly=False)
    shop.publish(plan.id)
    assert len(flow.entries) == 4
    assert [sandbox.flow_mails(email) for email in CROWD] == [["Suit due"]] * 4


def test_a_few_people_enter_the_flow_as_ever(
    shop: AudienceShop, sandbox: SandboxServer, flow: Flow
) -> None:
    shop.people(CROWD[:2], ["due:suits:now"])
    assert shop.push().summary["floods"] == []
    assert len(flow.entries) == 2


def test_a_tag_that_is_new_in_the_audience_goes_by_its_segment(
    shop: AudienceShop, sandbox: SandboxServer
) -> None:
    shop.people(CROWD, ["stage:best"])
    before = len(sandbox.requests)
    assert shop.push().summary["floods"] == []
    assert not any(entry.path.endswith("/tags") for entry in sandbox.requests[before:])
    assert held(sandbox) == [{"Stage: Best"}] * 4


def test_what_a_flood_takes_away_goes_by_the_segment_as_ever(
    shop: AudienceShop, sandbox: SandboxServer, flow: Flow
) -> None:
    shop.people(CROWD, ["due:suits:now"])
    with shop.session() as session:
        ada = session.exec(select(SourceProfile.person_id).where(SourceProfile.email == ADA)).one()
    shop.leave(ada, "due:suits:now")
    shop.push()
    assert sandbox.tags(ADA) == {"Stage: New"}
    assert held(sandbox) == [{SUIT}] * 4
    assert flow.entries == {}


def test_whoever_is_gone_by_then_fails_alone(
    shop: AudienceShop, sandbox: SandboxServer, flow: Flow
) -> None:
    shop.people(CROWD, ["due:suits:now", "stage:new"])
    plan = shop.plan()
    sandbox.act("erase", CROWD[0])
    published = shop.publish(plan.id)
    failed = [change for change in shop.changes(plan.id) if change.status == "failed"]
    assert {change.email_key for change in failed} == {CROWD[0]}
    assert {change.error for change in failed} == {"no longer in the audience"}
    assert published.outcome["failed"] == len(failed)
    assert sandbox.tags(CROWD[1]) == BOTH
    assert shop.push().outcome["writes"] == 0


def test_an_operation_that_mailchimp_fails_is_handed_in_again_and_stays_quiet(
    shop: AudienceShop, sandbox: SandboxServer, flow: Flow
) -> None:
    shop.people(CROWD, ["due:suits:now"])
    sandbox.fail("error_500", method="POST", prefix=f"/lists/{sandbox.list_id}/members/")
    assert shop.push().outcome["failed"] == 0
    assert held(sandbox) == [{SUIT}] * 4
    assert flow.entries == {}


def test_a_push_that_was_killed_goes_on_quietly(
    shop: AudienceShop, sandbox: SandboxServer, flow: Flow, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.people(CROWD, ["due:suits:now"])
    plan = shop.plan()
    with monkeypatch.context() as patch:
        patch.setattr(Mailchimp, "start_batch", _killed)
        with pytest.raises(Killed):
            shop.publish(plan.id)
    assert held(sandbox) == [set()] * 4
    assert shop.publish(plan.id).status == "published"
    assert held(sandbox) == [{SUIT}] * 4
    assert flow.entries == {}


def _killed(*_given: object) -> None:
    raise Killed


def test_the_rest_of_a_flood_that_stopped_is_quiet_however_small(
    shop: AudienceShop, sandbox: SandboxServer, flow: Flow
) -> None:
    people = shop.people(CROWD, ["due:suits:now"])
    stopped = shop.plan()
    sandbox.fail("empty_429", method="POST", prefix="/batches", times=None)
    with pytest.raises(Retryable):
        shop.publish(stopped.id)
    sandbox.state.faults.clear()
    shop.leave_all(people[1:], "due:suits:now")
    shop.plan()
    assert shop.push().summary["floods"] == ["due:suits:now"]
    assert sandbox.tags(CROWD[0]) == {SUIT}
    assert flow.entries == {}


def test_a_batch_of_tags_does_not_overtake_the_newer_plan(
    shop: AudienceShop, sandbox: SandboxServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = shop.people(CROWD, ["due:suits:now"])
    old = shop.plan()
    run_batches(sandbox, on=False)
    sandbox.fail("reset", method="POST", prefix="/batches")
    with pytest.raises(Retryable):
        shop.publish(old.id)
    shop.leave_all(people, "due:suits:now")
    newer = shop.plan()
    with monkeypatch.context() as patch:
        patch.setattr(batching, "_WAIT_MOST_S", 0.0)
        with pytest.raises(StillRunning):
            shop.publish(newer.id)
    run_batches(sandbox, on=True)
    shop.publish(newer.id)
    assert held(sandbox) == [set()] * 4


def run_batches(sandbox: SandboxServer, *, on: bool) -> None:
    answer = requests.post(f"{sandbox.root}/sandbox/batches", json={"running": on}, timeout=10)
    assert answer.ok, answer.text


def test_a_tag_is_named_as_the_merchant_calls_it_by_now_and_never_made_anew(
    shop: AudienceShop, sandbox: SandboxServer
) -> None:
    shop.people(CROWD, ["due:suits:now", "stage:new"])
    plan = shop.plan()
    with sandbox.state.lock:
        by_name = {segment.name: segment for segment in sandbox.audience.segments.values()}
        sandbox.audience.drop_segment(by_name["Stage: New"])
        del sandbox.audience.tag_ids[SUIT.casefold()]
        by_name[SUIT].name = "Suits!"
        sandbox.audience.tag_ids["suits!"] = by_name[SUIT].id
    shop.publish(plan.id)
    assert held(sandbox) == [{"Suits!"}] * 4
    errors = {change.error for change in shop.changes(plan.id) if change.status == "failed"}
    assert errors == {"the tag was deleted in Mailchimp"}
    assert {s.name for s in sandbox.audience.segments.values() if s.is_static} == {"Suits!"}


def test_an_undo_takes_a_flood_back_and_what_it_gives_back_starts_no_flow(
    shop: AudienceShop, sandbox: SandboxServer, flow: Flow
) -> None:
    before = sandbox.canonical()
    people = shop.people(CROWD, ["due:suits:now"])
    flooded = shop.push()
    shop.leave_all(people, "due:suits:now")
    emptied = shop.push()
    for plan in (emptied, flooded):
        shop.publish(make_undo(shop.context, shop.account_id, plan.id or 0))
        if plan is emptied:
            assert held(sandbox) == [{SUIT}] * 4
    assert sandbox.canonical() == before
    assert flow.entries == {}


def test_the_command_line_says_so_and_can_let_flows_start(
    shop: AudienceShop, sandbox: SandboxServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # where the settings lie
    monkeypatch.setenv("STIPT_MAILCHIMP_URL", sandbox.root)

    def stipt(*words: str) -> Result:
        return CliRunner().invoke(main, words)

    flow = sandbox.add_flow("Suit due", "tag", SUIT)
    shop.people(CROWD, ["due:suits:now"])
    assert f"4 people get “{SUIT}” at once" in stipt("plan").output
    told = json.loads(stipt("plan", "--json").stdout)
    assert (told["summary"]["floods"], told["summary"]["quiet"]) == (["due:suits:now"], True)
    assert stipt("push", "--start-flows").exit_code == 0
    assert len(flow.entries) == 4
