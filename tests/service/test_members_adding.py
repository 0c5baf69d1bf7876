"""Contacts are added only where the merchant chose it and the person said so, and never changed."""

from __future__ import annotations

import ast
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import col, select

import integration
from integration.audience.connect import connect
from integration.audience.plan import make_plan
from integration.audience.undo import make_undo
from integration.mailchimp import guard
from integration.mailchimp.answers import BatchInfo
from integration.mailchimp.client import Mailchimp
from integration.mailchimp.errors import AudienceGone, ConsentGuard, NotAuthorized, Retryable
from integration.mailchimp.guard import Permit
from integration.sandbox.server import SandboxServer
from integration.settings import Settings
from integration.tables import Consent, Identity, Plan, SourceProfile
from tests.service.adding_shop import (
    additions,
    choose,
    member_row,
    name_person,
    opt_in,
    status_of,
)
from tests.service.audience_shop import NOW, AudienceShop, TestJob, make_shop
from tests.service.consent_scan import forbidden_writes

ADA, BOB, EVE = "ada@stipt-demo.shop", "bob@stipt-demo.shop", "eve@stipt-demo.shop"
SUIT = {"suits": ("now", date(2026, 3, 14))}


@pytest.fixture
def shop(settings: Settings, sandbox: SandboxServer) -> Iterator[AudienceShop]:
    made = make_shop(settings, sandbox)
    choose(made, adds_contacts=True)
    yield made
    made.context.engine.dispose()


def take_back(shop: AudienceShop, plan: Plan) -> Plan:
    return shop.publish(make_undo(shop.context, shop.account_id, plan.id or 0))


def newcomer(shop: AudienceShop, email: str = ADA, state: str = "confirmed") -> int:
    person = shop.person(email, ["stage:new"], due=SUIT, stage="new")
    opt_in(shop, email, state)
    return person


def test_nobody_is_added_unless_the_merchant_chose_it(shop: AudienceShop) -> None:
    newcomer(shop)
    choose(shop, adds_contacts=False)
    plan = shop.push()
    assert plan.summary["contacts_added"] == 0
    assert status_of(shop, ADA) is None


def test_who_opted_in_comes_with_name_tags_fields_and_proof_in_one_push(
    shop: AudienceShop, sandbox: SandboxServer
) -> None:
    newcomer(shop)
    name_person(shop, ADA, first_name="Ada", last_name="Löf", language="nl_NL")
    plan = shop.plan()
    assert (plan.summary["contacts_added"], plan.summary["contacts_pending"]) == (1, 0)
    assert status_of(shop, ADA) is None, "a plan writes nothing"
    shop.publish(plan.id)
    assert status_of(shop, ADA) == "subscribed"
    assert sandbox.tags(ADA) == {"Stage: New"}
    fields = sandbox.merge_fields(ADA)
    assert (fields["FNAME"], fields["LNAME"], fields["DUEDATE"]) == ("Ada", "Löf", "2026-03-14")
    found = sandbox.audience.find(ADA)
    assert found is not None
    assert found.language == "nl"
    proof = additions(shop, plan.id)[ADA]
    assert (proof.source, proof.at, proof.evidence) == ("checkout", NOW, "box ticked")
    assert proof.added_at is not None
    assert forbidden_writes(sandbox.requests, may_add=[ADA]) == []


def test_a_plan_that_is_published_by_itself_adds_nobody_and_gives_no_name(
    shop: AudienceShop, sandbox: SandboxServer
) -> None:
    sandbox.add_member(BOB)
    shop.person(BOB, ["due:suits:now"], due=SUIT)
    newcomer(shop)
    shop.plan()
    made = make_plan(shop.context, shop.audience, by_itself=True)
    assert (made.summary["contacts_added"], made.summary["names"]) == (0, [])
    shop.publish(made.id)
    assert status_of(shop, ADA) is None
    assert sandbox.tags(BOB) == {"Due: Suits – now"}
    assert shop.plan().summary["contacts_added"] == 1


def test_a_second_push_adds_and_writes_nothing(shop: AudienceShop, sandbox: SandboxServer) -> None:
    newcomer(shop)
    shop.push()
    seen = len(sandbox.requests)
    plan = shop.push()
    assert plan.summary["contacts_added"] == 0
    assert [r for r in sandbox.requests[seen:] if r.method != "GET"] == []


@pytest.mark.parametrize(
    ("double_optin", "state", "status"),
    [
        (False, "confirmed", "subscribed"),
        (True, "confirmed", "pending"),
        pytest.param(False, "consented", "pending", id="asked for at the shop, not confirmed yet"),
        (True, "consented", "pending"),
    ],
)
def test_an_audience_that_asks_to_confirm_asks_everybody(
    shop: AudienceShop, sandbox: SandboxServer, double_optin: bool, state: str, status: str
) -> None:
    sandbox.audience.double_optin = double_optin
    newcomer(shop, state=state)
    plan = shop.push()
    assert status_of(shop, ADA) == status
    assert plan.summary["contacts_pending"] == (status == "pending")


def test_double_opt_in_switched_on_after_the_plan_counts(
    shop: AudienceShop, sandbox: SandboxServer
) -> None:
    newcomer(shop)
    plan = shop.plan()
    sandbox.audience.double_optin = True
    shop.publish(plan.id)
    assert status_of(shop, ADA) == "pending"


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param({"at": None}, id="no moment"),
        pytest.param({"at": NOW + timedelta(days=2), "received_at": NOW}, id="a moment to come"),
        pytest.param({"source": " "}, id="no source"),
        pytest.param({"about": "old@stipt-demo.shop"}, id="given for another address"),
        pytest.param({"state": "unknown"}, id="no opt-in"),
    ],
)
def test_an_opt_in_without_proof_for_this_address_adds_nobody(
    shop: AudienceShop, wrong: dict[str, Any]
) -> None:
    shop.person(ADA, ["stage:new"])
    state = wrong.get("state", "confirmed")
    opt_in(shop, ADA, **wrong)
    plan = shop.push()
    assert plan.summary["contacts_added"] == 0
    assert status_of(shop, ADA) is None
    assert plan.summary["not_added"] == ({} if state == "unknown" else {"no_proof": 1})


STATES = ("absent", "subscribed", "unsubscribed", "cleaned", "pending", "transactional", "archived",
          "forgotten")  # fmt: skip
LEDGERS: dict[str, list[tuple[str, datetime | None]]] = {
    "silence": [],
    "opt-in": [("confirmed", NOW)],
    "not confirmed": [("consented", NOW)],
    "denial": [("denied", NOW)],
    "denial later": [("confirmed", NOW), ("denied", NOW + timedelta(days=1))],
    "opt-in later": [("denied", NOW), ("confirmed", NOW + timedelta(days=1))],
    "denial without a date": [("confirmed", NOW), ("denied", None)],
}
OPTED_IN = ("opt-in", "not confirmed", "opt-in later")


@pytest.mark.parametrize("adds", [True, False])
@pytest.mark.parametrize("double_optin", [True, False])
def test_over_every_state_statement_and_choice_no_status_changes_and_only_who_opted_in_is_added(
    shop: AudienceShop, sandbox: SandboxServer, adds: bool, double_optin: bool
) -> None:
    sandbox.audience.double_optin = double_optin
    choose(shop, adds_contacts=adds)
    cases = {
        f"{state}.{ledger.replace(' ', '-')}@stipt-demo.shop": (state, ledger)
        for state, ledger in product(STATES, LEDGERS)
    }
    for email, (state, ledger) in cases.items():
        shop.person(email, ["stage:new"])
        for said, at in LEDGERS[ledger]:
            opt_in(shop, email, said, at=at)
        if state not in ("absent", "forgotten"):
            by = "person" if state == "unsubscribed" else "admin"
            sandbox.add_member(email, state, status_by=by)
        elif state == "forgotten":
            sandbox.add_member(email)
            sandbox.act("erase", email)
    before = {email: status_of(shop, email) for email in cases}
    shop.push()
    shop.push()
    added = set()
    for email, (state, ledger) in cases.items():
        now = status_of(shop, email)
        if before[email] is not None or now is None:
            assert now == before[email], email
            continue
        added.add(email)
        assert (state, ledger in OPTED_IN, adds) == ("absent", True, True), email
        asked = double_optin or ledger == "not confirmed"
        assert now == ("pending" if asked else "subscribed")
    assert len(added) == (len(OPTED_IN) if adds else 0)
    tried = {email for email, (state, _) in cases.items() if state == "forgotten"}
    assert forbidden_writes(sandbox.requests, may_add=added | tried if adds else ()) == []


def test_an_opt_in_from_before_a_denial_proves_nothing(shop: AudienceShop) -> None:
    shop.person(ADA, ["stage:new"])
    opt_in(shop, ADA, at=NOW - timedelta(days=9))
    shop.deny(ADA, at=NOW)
    opt_in(shop, ADA, "consented", at=NOW + timedelta(days=9))
    plan = shop.push()
    assert status_of(shop, ADA) == "pending"
    assert additions(shop, plan.id)[ADA].at == NOW + timedelta(days=9)


def test_somebody_who_comes_by_himself_meanwhile_is_not_touched(
    shop: AudienceShop, sandbox: SandboxServer
) -> None:
    for email in (ADA, BOB, EVE):
        newcomer(shop, email)
    plan = shop.plan()
    sandbox.add_member(ADA, "unsubscribed", status_by="person", merge_fields={"FNAME": "A."})
    sandbox.add_member(BOB, "archived")
    plan = shop.publish(plan.id)
    assert (status_of(shop, ADA), status_of(shop, BOB)) == ("unsubscribed", "archived")
    assert sandbox.merge_fields(ADA) == {"FNAME": "A."}
    assert (sandbox.tags(ADA), sandbox.tags(BOB)) == (set(), set())
    assert status_of(shop, EVE) == "subscribed"
    assert plan.outcome["failed"] > 0


def test_whom_mailchimp_forgot_is_recorded_and_never_tried_again(
    shop: AudienceShop, sandbox: SandboxServer
) -> None:
    sandbox.add_member(ADA)
    sandbox.act("erase", ADA)
    newcomer(shop)
    newcomer(shop, BOB)
    shop.push()
    assert (status_of(shop, ADA), status_of(shop, BOB)) == (None, "subscribed")
    assert member_row(shop, ADA) == "forgotten"
    seen = len(sandbox.requests)
    choose(shop, read_until=None)
    plan = shop.push()
    assert plan.summary["not_added"] == {"taken_out": 1}
    assert member_row(shop, ADA) == "forgotten"
    assert [r for r in sandbox.requests[seen:] if r.method != "GET"] == []


def test_an_address_that_mailchimp_does_not_take_is_not_tried_again(
    shop: AudienceShop, sandbox: SandboxServer
) -> None:
    newcomer(shop, "ada@example.com")
    shop.push()
    seen = len(sandbox.requests)
    plan = shop.push()
    assert plan.summary["not_added"] == {"refused": 1}
    assert [r for r in sandbox.requests[seen:] if r.method != "GET"] == []


def test_who_withdraws_between_plan_and_push_is_not_added(shop: AudienceShop) -> None:
    newcomer(shop)
    plan = shop.plan()
    shop.deny(ADA, at=NOW + timedelta(days=1))
    shop.publish(plan.id)
    assert status_of(shop, ADA) is None


def test_a_permission_does_not_move_to_a_new_address_of_somebody_who_left_on_the_old_one(
    shop: AudienceShop, sandbox: SandboxServer
) -> None:
    person = newcomer(shop, "old@stipt-demo.shop")
    sandbox.add_member("old@stipt-demo.shop")
    shop.push()
    sandbox.unsubscribe("old@stipt-demo.shop")
    change_address(shop, "old@stipt-demo.shop", "new@stipt-demo.shop")
    opt_in(shop, "new@stipt-demo.shop", at=NOW - timedelta(days=1))
    plan = shop.push()
    assert person
    assert status_of(shop, "new@stipt-demo.shop") is None
    assert plan.summary["not_added"] == {"address_changed": 1}


def change_address(shop: AudienceShop, old: str, new: str) -> None:
    shop.profiles[new] = shop.profiles.pop(old)
    with shop.session() as session:
        session.get_one(SourceProfile, shop.profiles[new]).email = new
        session.exec(select(Identity).where(Identity.value == old)).one().value = new


def test_a_denial_under_an_address_that_the_person_no_longer_has_still_counts(
    shop: AudienceShop,
) -> None:
    old, new = "old@stipt-demo.shop", "new@stipt-demo.shop"
    newcomer(shop, old)
    shop.deny(old, at=NOW + timedelta(days=2))
    change_address(shop, old, new)
    opt_in(shop, new, at=NOW + timedelta(days=1))
    plan = shop.push()
    assert status_of(shop, new) is None
    assert plan.summary["not_added"] == {"withdrawn": 1}
    opt_in(shop, new, at=NOW + timedelta(days=3))
    shop.push()
    assert status_of(shop, new) == "subscribed"


def ledger(shop: AudienceShop) -> list[tuple[str | None, str, str]]:
    """Address, state and source of what Mailchimp said."""
    with shop.session() as session:
        rows = session.exec(select(Consent).where(col(Consent.shop_id).is_(None))).all()
        return [(row.email_key, row.state, row.source) for row in rows]


@dataclass
class Meanwhile(TestJob):
    """Something happens once the first batch is on its way."""

    happens: Callable[[], object] = lambda: None

    def report(self, progress: float | None, note: str | None = None) -> None:
        """Let it happen, once."""
        super().report(progress, note)
        if len(self.reports) == 1:
            self.happens()


def test_who_withdraws_between_two_rounds_of_one_job_is_not_added(
    shop: AudienceShop, sandbox: SandboxServer
) -> None:
    newcomer(shop, ADA)
    newcomer(shop, BOB)
    plan = shop.plan()
    sandbox.fail("error_500", in_batches=True, method="PUT", times=2)
    withdraw = partial(shop.deny, ADA, at=NOW + timedelta(days=1))
    shop.publish(plan.id, Meanwhile(shop.account_id, happens=withdraw))
    assert (status_of(shop, ADA), status_of(shop, BOB)) == (None, "subscribed")


def test_who_has_to_confirm_by_now_is_asked_in_the_next_round(
    shop: AudienceShop, sandbox: SandboxServer
) -> None:
    newcomer(shop, ADA)
    plan = shop.plan()
    sandbox.fail("error_500", in_batches=True, method="PUT", times=1)

    def say_again() -> None:
        shop.deny(ADA, at=NOW + timedelta(days=1))
        opt_in(shop, ADA, "consented", at=NOW + timedelta(days=2))

    shop.publish(plan.id, Meanwhile(shop.account_id, happens=say_again))
    assert status_of(shop, ADA) == "pending"


@pytest.mark.parametrize("archived", [False, True], ids=["is there", "can only come back himself"])
def test_what_mailchimp_tells_of_somebody_who_left_meanwhile_is_in_the_ledger(
    shop: AudienceShop, sandbox: SandboxServer, monkeypatch: pytest.MonkeyPatch, archived: bool
) -> None:
    newcomer(shop)
    plan = shop.plan()
    real = Mailchimp.start_batch

    def late(self: Mailchimp, operations: Sequence[Mapping[str, str]]) -> BatchInfo:
        monkeypatch.setattr(Mailchimp, "start_batch", real)
        sandbox.add_member(ADA)
        sandbox.unsubscribe(ADA)
        if archived:
            sandbox.act("archive", ADA)
        return real(self, operations)

    monkeypatch.setattr(Mailchimp, "start_batch", late)
    shop.publish(plan.id)
    assert member_row(shop, ADA) == ("archived" if archived else "unsubscribed")
    assert ledger(shop) == [(ADA, "denied", "mailchimp: unsubscribed")]


def test_our_own_call_is_no_opt_in_of_somebody_who_once_left(
    shop: AudienceShop, sandbox: SandboxServer
) -> None:
    newcomer(shop)
    with shop.session() as session:
        session.add(
            Consent(
                account_id=shop.account_id,
                external_id="mailchimp:before",
                email_key=ADA,
                state="denied",
                at=NOW - timedelta(days=1),
                source="mailchimp: unsubscribed",
                received_at=NOW,
            )
        )
    plan = shop.plan()
    sandbox.fail("reset", method="POST", prefix="/batches")
    with suppress(Retryable):
        shop.publish(plan.id)
    shop.publish(plan.id)
    shop.push()
    assert status_of(shop, ADA) == "subscribed"
    assert [state for _, state, _ in ledger(shop)] == ["denied"]


def test_a_token_that_is_revoked_while_contacts_are_added_lets_their_rows_rest(
    shop: AudienceShop, sandbox: SandboxServer
) -> None:
    newcomer(shop)
    plan = shop.plan()
    sandbox.fail("revoked", method="PUT", in_batches=True)
    with suppress(NotAuthorized):
        shop.publish(plan.id)
    assert "failed" not in {row.status for row in shop.changes(plan.id)}
    sandbox.state.tokens["sandbox-new-us1"] = True
    connect(shop.context, shop.account_id, token="sandbox-new-us1", language="en")
    shop.publish(plan.id)
    assert status_of(shop, ADA) == "subscribed"


def test_undo_archives_exactly_whom_the_plan_added_and_nobody_touched(
    shop: AudienceShop, sandbox: SandboxServer
) -> None:
    people = [f"{name}@stipt-demo.shop" for name in ("a", "b", "c", "d", "e")]
    sandbox.add_member("merchant@stipt-demo.shop")
    for email in people:
        newcomer(shop, email)
    plan = shop.push()
    untouched, left, named, tagged, important = people
    sandbox.unsubscribe(left)
    client = sandbox.audience
    with sandbox.state.lock:
        for email in (named, tagged, important):
            member = client.find(email)
            assert member is not None
            member.last_changed = sandbox.state.clock.text()
            if email == named:
                member.merge["FNAME"] = "Ada"
            if email == important:
                member.vip = True
            if email == tagged:
                client.attach(member, sandbox.state.tag(client, "VIP").id)
    undone = take_back(shop, plan)
    assert undone.status == "published"
    assert status_of(shop, untouched) == "archived"
    assert status_of(shop, left) == "unsubscribed"
    for email in (named, tagged, important, "merchant@stipt-demo.shop"):
        assert status_of(shop, email) == "subscribed"
    assert sandbox.tags(tagged) == {"VIP"}
    assert forbidden_writes(sandbox.requests, may_add=people, may_archive=people) == []
    assert shop.plan().summary["contacts_added"] == 0, "who was archived stays so"


def test_undo_leaves_who_confirmed_since(shop: AudienceShop, sandbox: SandboxServer) -> None:
    sandbox.audience.double_optin = True
    newcomer(shop, ADA)
    newcomer(shop, BOB)
    plan = shop.push()
    sandbox.act("confirm", ADA)
    take_back(shop, plan)
    assert (status_of(shop, ADA), status_of(shop, BOB)) == ("subscribed", "archived")


def test_undo_leaves_who_signed_up_himself_since_and_says_so(
    shop: AudienceShop, sandbox: SandboxServer
) -> None:
    newcomer(shop, ADA)
    newcomer(shop, BOB)
    plan = shop.push()
    sandbox.state.clock.advance(86_400)
    sandbox.act("resubscribe", ADA)
    undone = take_back(shop, plan)
    assert (status_of(shop, ADA), status_of(shop, BOB)) == ("subscribed", "archived")
    told = {c.email_key: c.error for c in shop.changes(undone.id) if c.kind == "contact"}
    assert told == {ADA: "signed up himself since: left in the audience", BOB: None}
    assert undone.status == "published", "there is nothing to try again"


def test_archiving_that_only_the_token_stood_in_the_way_of_is_handed_in_again(
    shop: AudienceShop, sandbox: SandboxServer
) -> None:
    newcomer(shop)
    plan = shop.push()
    sandbox.fail("revoked", method="DELETE", in_batches=True)
    assert take_back(shop, plan).outcome["failed"] == 0
    assert status_of(shop, ADA) == "archived"


def test_adding_that_only_the_token_stood_in_the_way_of_is_handed_in_again(
    shop: AudienceShop, sandbox: SandboxServer
) -> None:
    newcomer(shop)
    sandbox.fail("revoked", method="PUT", in_batches=True)
    assert shop.push().outcome["failed"] == 0
    assert status_of(shop, ADA) == "subscribed"


def test_an_audience_that_is_deleted_under_a_batch_of_contacts_is_told_and_the_batch_kept(
    shop: AudienceShop, sandbox: SandboxServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    newcomer(shop)
    plan = shop.plan()
    real = Mailchimp.start_batch

    def start_batch(mailchimp: Mailchimp, operations: Sequence[Mapping[str, str]]) -> BatchInfo:
        sandbox.state.audiences.clear()
        return real(mailchimp, operations)

    monkeypatch.setattr(Mailchimp, "start_batch", start_batch)
    with pytest.raises(AudienceGone):
        shop.publish(plan.id)
    assert shop.audience.paused == "audience_deleted"
    assert shop.stored(plan.id).outcome["adding"] != []


def test_adding_that_is_cut_off_anywhere_ends_in_the_same_state(
    settings: Settings, sqlite_template: Path, tmp_path: Path
) -> None:
    requests, ends = 1, set()
    while True:
        with SandboxServer() as sandbox:
            folder = tmp_path / str(requests)
            folder.mkdir()
            url = f"sqlite:///{shutil.copyfile(sqlite_template, folder / 'stipt.db')}"
            shop = make_shop(settings.model_copy(update={"database_url": url}), sandbox)
            choose(shop, adds_contacts=True)
            for email in (ADA, BOB):
                newcomer(shop, email)
            plan = shop.plan()
            sandbox.fail("reset", first=requests)
            with suppress(Retryable):
                shop.publish(plan.id)
            cut_off = shop.stored(plan.id).status != "published"
            sandbox.state.faults.clear()
            shop.publish(plan.id)
            with sandbox.state.lock:
                ends.add(str({m.email: (m.status, sandbox.audience.tag_names(m), m.merge)
                              for m in sandbox.audience.members.values()}))  # fmt: skip
            puts = [r for r in sandbox.requests if r.method == "PUT"]
            assert len({r.path for r in puts}) == 2
            take_back(shop, plan)
            assert {status_of(shop, ADA), status_of(shop, BOB)} == {"archived"}
            shop.context.engine.dispose()
        if not cut_off:
            break
        requests += 1
    assert len(ends) == 1
    assert requests > 10


BODY = {"email_address": ADA, "status_if_new": "subscribed"}
MEMBER = "/lists/a1/members/" + "0" * 32


@pytest.mark.parametrize(
    "body",
    [
        {**BODY, "status": "subscribed"},
        {**BODY, "status_if_new": "transactional"},
        {**BODY, "ip_opt": "127.0.0.1"},
        {**BODY, "tags": ["x"]},
        {**BODY, "interests": {"x": True}},
        {**BODY, "merge_fields": {"FNAME": None}},
        {"email_address": ADA},
        {"merge_fields": {}},
    ],
)
def test_a_newcomer_is_all_that_may_be_added(body: dict[str, object]) -> None:
    guard.check("PUT", MEMBER, {}, BODY, [Permit.ADD])
    with pytest.raises(ConsentGuard):
        guard.check("PUT", MEMBER, {}, body, [Permit.ADD])


@pytest.mark.parametrize("permit", [permit for permit in Permit if permit is not Permit.ADD])
def test_no_other_permit_adds_anybody(permit: Permit) -> None:
    with pytest.raises(ConsentGuard):
        guard.check("PUT", MEMBER, {}, BODY, [permit])


@pytest.mark.parametrize("permit", [permit for permit in Permit if permit is not Permit.ARCHIVE])
def test_no_other_permit_archives_anybody(permit: Permit) -> None:
    guard.check("DELETE", MEMBER, {}, None, [Permit.ARCHIVE])
    with pytest.raises(ConsentGuard):
        guard.check("DELETE", MEMBER, {}, None, [permit])


@pytest.mark.parametrize(
    ("permit", "module"),
    [("ADD", "mailchimp/adding.py"), ("ARCHIVE", "mailchimp/archiving.py")],
)
def test_one_module_asks_for_the_permit(permit: str, module: str) -> None:
    root = Path(integration.__file__).parent
    asking = {
        str(path.relative_to(root))
        for path in root.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute)
        and node.attr == permit
        and isinstance(node.value, ast.Name)
        and node.value.id == "Permit"
    }
    assert asking == {module, "mailchimp/guard/members.py"}
