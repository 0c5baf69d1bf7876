"""What is kept for a while only is deleted by itself, and what is still needed is not."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from sqlmodel import Session, col, select

from integration.audience.plan import make_plan
from integration.context import Context
from integration.night import start_night
from integration.sandbox.server import SandboxServer
from integration.tables import Addition, Connecting, Plan, PlanChange, Work
from tests.service.adding_shop import choose, opt_in
from tests.service.audience_shop import AudienceShop

ADA, BOB, EVE = "ada@stipt-demo.shop", "bob@stipt-demo.shop", "eve@stipt-demo.shop"


@pytest.fixture
def sandbox() -> Iterator[SandboxServer]:
    with SandboxServer() as server:
        server.add_member(ADA)
        server.add_member(BOB)
        yield server


def night(shop: AudienceShop, *, after: timedelta) -> None:
    """What happens by itself some time from now."""
    given, moment = shop.context, shop.context.clock() + after
    start_night(Context(given.settings, given.engine, given.vault, clock=lambda: moment))


def work(session: Session, status: str, kind: str, finished_at: datetime | None) -> None:
    session.add(
        Work(
            account_id=session.info["account_id"],
            kind=kind,
            lane="any",
            status=status,
            run_at=finished_at or datetime.now().astimezone(),
            created_at=finished_at or datetime.now().astimezone(),
            finished_at=finished_at,
        )
    )


@pytest.mark.parametrize(
    ("status", "kind", "days", "stays"),
    [
        ("done", "plan", 29, True),
        ("done", "plan", 31, False),
        pytest.param("dead", "plan", 31, True, id="given up: it can be tried again"),
        ("dead", "plan", 91, False),
        pytest.param("dead", "erase", 91, True, id="somebody was promised to be forgotten"),
        pytest.param("resting", "push", None, True, id="waits for the merchant"),
        pytest.param("queued", "push", None, True, id="waits for its turn"),
    ],
)
def test_work_is_kept_for_a_month_and_what_was_given_up_for_three(
    shop: AudienceShop, status: str, kind: str, days: int | None, *, stays: bool
) -> None:
    with shop.session() as session:
        work(session, status, kind, shop.context.clock() if days is not None else None)
        work(session, "resting", kind, None)  # the last of its kind stays in any case
    night(shop, after=timedelta(days=days or 365))
    with shop.session() as session:
        kept = [row.status for row in session.exec(select(Work).order_by(col(Work.id)))]
    assert kept == [status] * stays + ["resting"]


@pytest.mark.parametrize(
    ("list_id", "minutes", "stays"),
    [("", 59, True), ("", 61, False), pytest.param("a1", 61, True, id="an audience was chosen")],
)
def test_a_token_that_no_audience_was_chosen_with_is_deleted_after_an_hour(
    shop: AudienceShop, list_id: str, minutes: int, *, stays: bool
) -> None:
    with shop.session() as session:
        session.add(
            Connecting(
                account_id=shop.account_id,
                started_at=shop.context.clock(),
                token="secret",
                list_id=list_id,
            )
        )
    night(shop, after=timedelta(minutes=minutes))
    with shop.session() as session:
        assert [row.token for row in session.exec(select(Connecting))] == ["secret"] * stays


def test_the_changes_of_a_plan_go_with_the_possibility_to_take_it_back(shop: AudienceShop) -> None:
    people = shop.people([ADA, BOB], ["stage:new"])
    first = shop.push()
    shop.leave_all(people, "stage:new")
    shop.enter(people[0], "stage:best")
    second = shop.push()
    before = [*shop.changes(first.id), *shop.changes(second.id)]
    night(shop, after=timedelta(days=29))
    assert [*shop.changes(first.id), *shop.changes(second.id)] == before
    night(shop, after=timedelta(days=31))
    left = [*shop.changes(first.id), *shop.changes(second.id)]
    assert {(row.person_id, row.email_key) for row in left} == {(people[0], ADA), (people[1], BOB)}
    assert len(left) == 2, "one each, which tells that we wrote to that address"
    assert shop.stored(first.id).summary == first.summary
    assert shop.push().outcome["writes"] == 0, "what is there is known as before"


def test_what_may_still_be_needed_of_an_old_plan_stays(
    shop: AudienceShop, sandbox: SandboxServer
) -> None:
    choose(shop, adds_contacts=True)
    for email in (ADA, EVE, "taken@example.com"):  # Mailchimp refuses the last one
        shop.person(email, ["stage:new"])
        opt_in(shop, email)
    plan = shop.push()
    with shop.session() as session:
        of_ada = select(PlanChange).where(PlanChange.email_key == ADA, PlanChange.kind == "tag")
        session.exec(of_ada).one().status = "sent"
    night(shop, after=timedelta(days=31))
    kinds = sorted((row.email_key, row.kind) for row in shop.changes(plan.id))
    assert "sent" in [row.status for row in shop.changes(plan.id)]
    assert [key for key, kind in kinds if kind == "contact"] == [EVE, "taken@example.com"]
    with shop.session() as session:
        assert len(session.exec(select(Addition)).all()) == 2
    again = make_plan(shop.context, shop.audience)
    assert (again.summary["contacts_added"], again.summary["not_added"]) == (0, {"refused": 1})


def test_a_plan_that_can_be_gone_on_with_keeps_its_changes(shop: AudienceShop) -> None:
    shop.people([ADA, BOB], ["stage:new"])
    plan = shop.plan()
    for status in ("draft", "publishing", "failed"):
        with shop.session() as session:
            session.get_one(Plan, plan.id).status = status
        night(shop, after=timedelta(days=365))
        assert len(shop.changes(plan.id)) == 4
