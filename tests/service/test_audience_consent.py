"""No way through our code touches a subscription, whatever the members and the ledger say."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sqlmodel import select

from integration.audience.undo import CannotUndo, make_undo
from integration.mailchimp import guard
from integration.mailchimp.errors import ConsentGuard
from integration.sandbox.log import Entry
from integration.sandbox.server import SandboxServer
from integration.settings import Settings
from integration.tables import Consent
from tests.service.audience_shop import NOW, AudienceShop, make_shop
from tests.service.consent_scan import forbidden_writes

SUIT = {"suits": ("now", date(2026, 3, 14))}
STATUSES = ("subscribed", "unsubscribed", "cleaned", "pending", "transactional", "archived")
EARLIER, LATER = NOW - timedelta(days=30), NOW + timedelta(days=30)
#: What the shop's ledger says of somebody.
LEDGERS: dict[str, list[tuple[str, datetime | None]]] = {
    "silence": [],
    "opt-in": [("confirmed", NOW)],
    "denial": [("denied", NOW)],
    "denial without a date": [("confirmed", NOW), ("denied", None)],
    "opt-in after a denial": [("denied", EARLIER), ("confirmed", LATER)],
    "denial after an opt-in": [("confirmed", EARLIER), ("denied", LATER)],
}
DENIED = ("denial", "denial without a date", "denial after an opt-in")
#: What the person does between the plan and the push.
ACTS = ("nothing", "unsubscribe", "bounce", "archive", "erase", "resubscribe")


@dataclass(frozen=True)
class Case:
    status: str
    ledger: str
    act: str

    @property
    def email(self) -> str:
        parts = (self.status, self.ledger.replace(" ", "-"), self.act)
        return f"{'.'.join(parts)}@stipt-demo.shop"


CASES = [Case(*case) for case in product(STATUSES, LEDGERS, ACTS)]


def statuses(sandbox: SandboxServer) -> dict[str, str]:
    with sandbox.state.lock:
        return {m.email: m.status for m in sandbox.audience.members.values()}


def fill(shop: AudienceShop) -> None:
    shop.sandbox.seed(
        [
            {
                "email": case.email,
                "status": case.status,
                "status_by": "person" if case.status in ("unsubscribed", "cleaned") else "admin",
            }
            for case in CASES
        ]
    )
    shop.people([case.email for case in CASES], ["stage:new"], SUIT, "new")
    for case in CASES:
        for state, at in LEDGERS[case.ledger]:
            shop.deny(case.email, state, at)


def act(shop: AudienceShop, name: str, email: str) -> None:
    if name != "nothing":
        try:
            shop.sandbox.act(name, email)
        except (LookupError, ValueError):
            return  # this member cannot do that


def has_ours(shop: AudienceShop, email: str) -> bool:
    try:
        return bool(shop.sandbox.tags(email) or shop.sandbox.merge_fields(email))
    except LookupError:
        return False


def came_back(case: Case) -> bool:
    """Whether somebody who had left signed up again after everything that was said before."""
    dated = all(at is not None for state, at in LEDGERS[case.ledger] if state == "denied")
    return case.status == "unsubscribed" and case.act == "resubscribe" and dated


def test_every_state_and_statement_and_act_leaves_every_status_alone(shop: AudienceShop) -> None:
    fill(shop)
    plan = shop.plan()
    for case in CASES:
        act(shop, case.act, case.email)
    before = statuses(shop.sandbox)
    shop.publish(plan.id)
    assert statuses(shop.sandbox) == before

    reachable = ("subscribed", "pending", "transactional")
    for case in CASES:
        if case.act == "nothing":
            wanted = case.status in reachable and case.ledger not in DENIED
            assert has_ours(shop, case.email) is wanted, case

    shop.push()
    assert statuses(shop.sandbox) == before
    for case in CASES:
        denied = case.ledger in DENIED and not came_back(case)
        if before.get(case.email) == "unsubscribed" or denied:
            assert not has_ours(shop, case.email) or before[case.email] in ("cleaned", "archived")

    with pytest.raises(CannotUndo):
        make_undo(shop.context, shop.account_id, plan.id or 0)
    assert forbidden_writes(shop.sandbox.requests) == []
    assert len([r for r in shop.sandbox.requests if r.method == "PATCH"]) > 50


def test_a_person_who_denies_later_loses_what_we_gave(shop: AudienceShop) -> None:
    email = "ada@stipt-demo.shop"
    shop.sandbox.add_member(email, tags=["VIP"])
    shop.person(email, ["stage:new"], due=SUIT)
    shop.push()
    shop.deny(email)
    plan = shop.push()
    assert plan.summary["left_out"] == {"denied": 1}
    assert shop.sandbox.tags(email) == {"VIP"}
    assert shop.sandbox.merge_fields(email) == {}


def test_a_denial_on_one_address_counts_for_the_other_one(shop: AudienceShop) -> None:
    shop.sandbox.add_member("home@stipt-demo.shop")
    shop.person("home@stipt-demo.shop", ["stage:new"], other_emails=["work@stipt-demo.shop"])
    shop.deny("work@stipt-demo.shop")
    assert shop.plan().summary["members"] == 0


def test_an_unsubscribe_in_mailchimp_becomes_one_row_of_the_ledger(shop: AudienceShop) -> None:
    email = "ada@stipt-demo.shop"
    shop.sandbox.add_member(email)
    shop.person(email, ["stage:new"], due=SUIT)
    shop.push()
    shop.sandbox.unsubscribe(email)
    for _ in range(3):  # taking our tags away changes the contact, and is no new statement
        shop.push()
    with shop.session() as session:
        ledger = session.exec(select(Consent)).all()
    assert [(row.state, row.email_key, row.source) for row in ledger] == [
        ("denied", email, "mailchimp: unsubscribed")
    ]
    assert ledger[0].at is not None
    assert shop.sandbox.tags(email) == set()


def test_a_bounce_is_no_denial_and_a_subscription_no_opt_in(shop: AudienceShop) -> None:
    shop.sandbox.add_member("ada@stipt-demo.shop", "cleaned")
    shop.sandbox.add_member("bob@stipt-demo.shop", "subscribed")
    shop.plan()
    with shop.session() as session:
        ledger = session.exec(select(Consent)).all()
    assert [(row.email_key, row.state) for row in ledger] == [("ada@stipt-demo.shop", "unknown")]


STEPS = st.sampled_from(
    ["plan", "push", "undo", "deny", "confirm", *(name for name in ACTS if name != "nothing")]
)


@given(status=st.sampled_from(STATUSES), steps=st.lists(STEPS, min_size=2, max_size=7))
@hypothesis_settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    derandomize=True,
)
def test_no_order_of_events_writes_a_status(
    status: str, steps: list[str], shop_folder: Iterator[AudienceShop]
) -> None:
    shop = next(shop_folder)
    email = "ada@stipt-demo.shop"
    shop.sandbox.add_member(email, status)
    shop.person(email, ["stage:new"], due=SUIT, stage="new")
    last: int | None = None
    for number, step in enumerate(steps):
        before = statuses(shop.sandbox)
        moment = datetime(2026, 4, 1 + number, tzinfo=UTC)
        if step == "plan":
            shop.plan()
        elif step == "push":
            last = shop.push().id
        elif step == "undo" and last is not None:
            try:
                shop.publish(make_undo(shop.context, shop.account_id, last))
            except CannotUndo:
                continue
        elif step in ("deny", "confirm"):
            shop.deny(email, "denied" if step == "deny" else "confirmed", moment)
        elif step in ACTS:
            act(shop, step, email)
            continue
        assert statuses(shop.sandbox) == before, step
    assert forbidden_writes(shop.sandbox.requests) == []


@pytest.fixture
def shop_folder(tmp_path: Path, settings: Settings) -> Iterator[Iterator[AudienceShop]]:
    """A fresh sandbox and a fresh account for each example."""

    def shops() -> Iterator[AudienceShop]:
        while True:
            with SandboxServer() as sandbox:
                shop = make_shop(settings, sandbox)
                yield shop
                shop.context.engine.dispose()

    endless = shops()
    yield endless
    endless.close()  # type: ignore[attr-defined]  # a generator


def entry(method: str, path: str, body: Any = None) -> Entry:
    return Entry(
        seq=1, at="", method=method, path=path, query={}, body=body, status=200, batch=None
    )


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PUT", "/lists/a1/members/" + "0" * 32, {"merge_fields": {}}),
        ("POST", "/lists/a1/members", {"email_address": "x"}),
        ("POST", "/lists/a1", {"members": [], "update_existing": True}),
        ("DELETE", "/lists/a1/members/" + "0" * 32, None),
        ("POST", "/lists/a1/members/" + "0" * 32 + "/actions/delete-permanent", None),
        ("POST", "/lists/a1/members/" + "0" * 32 + "/tags", {"tags": []}),
        ("PATCH", "/lists/a1/members/" + "0" * 32, {"status": "subscribed"}),
        ("PATCH", "/lists/a1/members/" + "0" * 32, {"merge_fields": {}, "status": "pending"}),
        ("PATCH", "/lists/a1/members/" + "0" * 32, {"interests": {"x": True}}),
        ("PATCH", "/lists/a1", {"name": "x"}),
        ("PUT", "/ecommerce/stores/s/customers/1", {"opt_in_status": False}),
        (
            "PUT",
            "/lists/a1/members/" + "0" * 32,
            {"email_address": "x", "status_if_new": "subscribed"},
        ),
        ("PATCH", "/lists/a1/members/" + "0" * 32, {"email_address": "x"}),
        ("PATCH", "/lists/a1/segments/7", {"name": "x", "static_segment": []}),
        (
            "POST",
            "/batches",
            {
                "operations": [
                    {
                        "method": "PATCH",
                        "path": "/lists/a1/members/" + "0" * 32,
                        "operation_id": "1",
                        "body": '{"status": "subscribed"}',
                    }
                ]
            },
        ),
        (
            "POST",
            "/batches",
            {
                "operations": [
                    {
                        "method": "PUT",
                        "path": "/lists/a1/members/" + "0" * 32,
                        "operation_id": "1",
                        "body": '{"merge_fields": {}}',
                    }
                ]
            },
        ),
    ],
)
def test_the_guard_stops_it_and_the_scan_would_see_it(
    method: str, path: str, body: dict[str, Any] | None
) -> None:
    with pytest.raises(ConsentGuard):
        guard.check(method, path, {}, body)
    inner = body["operations"] if body and "operations" in body else []
    seen = [entry(method, path, body), *(entry(r["method"], r["path"], r["body"]) for r in inner)]
    assert forbidden_writes(seen) != []


TAGS_OF_A_MEMBER = "/lists/a1/members/" + "0" * 32 + "/tags"
QUIETLY = {"tags": [{"name": "Due: Suits – now", "status": "active"}], "is_syncing": True}


def in_a_batch(body: dict[str, Any]) -> dict[str, Any]:
    row = {"method": "POST", "path": TAGS_OF_A_MEMBER, "operation_id": "1"}
    return {"operations": [{**row, "body": json.dumps(body)}]}


def test_a_tag_is_given_by_name_only_in_a_batch_of_a_client_opened_for_it() -> None:
    ours = ["Due: Suits – now"]
    guard.check("POST", "/batches", {}, in_a_batch(QUIETLY), tags=ours)
    assert forbidden_writes([entry("POST", "/batches", in_a_batch(QUIETLY))]) == []
    for others in ([], ["VIP"]):
        with pytest.raises(ConsentGuard):
            guard.check("POST", "/batches", {}, in_a_batch(QUIETLY), list(guard.Permit), others)
    with pytest.raises(ConsentGuard):
        guard.check("POST", TAGS_OF_A_MEMBER, {}, QUIETLY, list(guard.Permit), ours)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"is_syncing": False}, id="a flow would start"),
        pytest.param({"is_syncing": 1}, id="no flag"),
        pytest.param({"tags": []}, id="no tag"),
        pytest.param(
            {"tags": [{"name": "Due: Suits – now", "status": "inactive"}]}, id="takes one away"
        ),
        pytest.param(
            {"tags": [*QUIETLY["tags"], {"name": ["VIP"], "status": "active"}]},  # type: ignore[misc]
            id="no name",
        ),
        pytest.param({"status": "subscribed"}, id="a status"),
        pytest.param({"email_address": "x"}, id="an address"),
    ],
)
def test_a_call_about_tags_does_nothing_else(change: dict[str, Any]) -> None:
    body = in_a_batch({**QUIETLY, **change})
    with pytest.raises(ConsentGuard):
        guard.check("POST", "/batches", {}, body, list(guard.Permit), ["Due: Suits – now"])
    if change != {"is_syncing": 1} and "name" not in str(change):
        assert forbidden_writes([entry("POST", "/batches", body)]) != []
