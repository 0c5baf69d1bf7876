"""The nightly look whether Mailchimp is as we think it is, and what follows where it is not."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlmodel import select

from integration.audience import check as audience_check
from integration.audience import checked, keep
from integration.audience.check import compared
from integration.context import Context
from integration.night import start_night
from integration.reading import plans
from integration.sandbox.server import SandboxServer
from integration.settings import Settings
from integration.tables import Inbox, PushedValue, Work
from integration.work.execute import run_until_idle
from tests.service.audience_shop import AudienceShop, make_shop
from tests.service.consent_scan import forbidden_writes
from tests.service.test_audience_push import SUIT

PEOPLE = [f"p{number}@stipt-demo.shop" for number in range(12)]
ADA = PEOPLE[0]


@pytest.fixture
def sandbox() -> Iterator[SandboxServer]:
    with SandboxServer() as server:
        for email in PEOPLE:
            server.add_member(email, tags=["VIP"], merge_fields={"FNAME": "Ada"})
        server.add_member("stranger@stipt-demo.shop")
        yield server
        assert forbidden_writes(server.requests) == []


@pytest.fixture
def shop(settings: Settings, sandbox: SandboxServer) -> Iterator[AudienceShop]:
    shop = make_shop(settings, sandbox)
    shop.people(PEOPLE, ["stage:new", "due:suits:now"], SUIT, "new")
    shop.push()
    yield shop
    shop.context.engine.dispose()


def looked(shop: AudienceShop) -> dict[str, Any]:
    """Check as the night does and return what was found."""
    with shop.session() as session:
        checked.start(session)
    run_until_idle(shop.context)
    with shop.session() as session:
        return checked.newest(session)[0].result


def sentences(result: dict[str, Any]) -> list[str]:
    return [checked.text(one, "en") for one in result["differences"]]


def by_hand(sandbox: SandboxServer, email: str, *, untag: str = "", **fields: str) -> None:
    """Somebody works in Mailchimp itself."""
    member = sandbox.audience.find(email)
    assert member is not None
    member.merge.update(fields)
    if untag:
        sandbox.audience.detach(member, sandbox.state.tag(sandbox.audience, untag).id)


def test_a_quiet_night_finds_all_in_step_and_writes_nothing(
    shop: AudienceShop, sandbox: SandboxServer
) -> None:
    before = [r for r in sandbox.requests if r.method != "GET"]
    result = looked(shop)
    assert (result["differences"], result["repaired"]) == ([], False)
    assert (result["tags"], result["sample"]) == (2, 13)
    assert [r for r in sandbox.requests if r.method != "GET"] == before


def test_what_the_merchant_changed_of_ours_is_found_noted_and_overwritten(
    shop: AudienceShop, sandbox: SandboxServer
) -> None:
    by_hand(sandbox, ADA, untag="Stage: New", STAGE="Bestie", FNAME="Augusta")
    result = looked(shop)
    assert sentences(result) == [
        "Tag “Stage: New”: we held 12, Mailchimp has 11.",
        "“STAGE” was changed for 1 of those compared.",
    ]
    assert result["repaired"]
    with shop.session() as session:
        row = session.exec(
            select(PushedValue).where(PushedValue.email_key == ADA, PushedValue.key == "STAGE")
        ).one()
    assert row.value == "Bestie"
    shop.push()
    assert "Stage: New" in sandbox.tags(ADA)
    assert sandbox.merge_fields(ADA)["STAGE"] == "New"
    assert sandbox.merge_fields(ADA)["FNAME"] == "Augusta"
    assert looked(shop)["differences"] == []


def test_what_is_not_ours_is_never_a_difference(shop: AudienceShop, sandbox: SandboxServer) -> None:
    by_hand(sandbox, ADA, untag="VIP", FNAME="Augusta")
    assert looked(shop)["differences"] == []
    shop.push()
    assert "VIP" not in sandbox.tags(ADA)


def test_one_wrong_field_in_the_sample_has_everybody_compared(
    shop: AudienceShop, sandbox: SandboxServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audience_check, "SAMPLE", 2)  # one of them at least is ours
    for email in PEOPLE:
        by_hand(sandbox, email, STAGE="wrong")
    assert sentences(looked(shop)) == ["“STAGE” was changed for 12 of those compared."]
    shop.push()
    assert {sandbox.merge_fields(email)["STAGE"] for email in PEOPLE} == {"New"}


def test_members_that_a_pull_missed_are_read_again(
    shop: AudienceShop, sandbox: SandboxServer
) -> None:
    member = sandbox.audience.find(ADA)
    assert member is not None
    member.status, member.left = "unsubscribed", "unsubscribed"
    member.last_changed = "2020-01-01T00:00:00+00:00"  # no pull by moment brings that
    assert sentences(looked(shop)) == [
        "Subscribed: we held 13, Mailchimp has 12.",
        "Unsubscribed: we held 0, Mailchimp has 1.",
    ]
    shop.push()
    assert sandbox.tags(ADA) == {"VIP"}
    assert looked(shop)["differences"] == []


def test_a_tag_and_a_field_that_somebody_deleted_are_told(
    shop: AudienceShop, sandbox: SandboxServer
) -> None:
    audience = sandbox.audience
    audience.drop_segment(sandbox.state.tag(audience, "Stage: New"))
    field = audience.field_by_tag("STAGE")
    assert field is not None
    del audience.fields[field.id]
    found = sentences(looked(shop))
    assert "Tag “Stage: New” was deleted in Mailchimp." in found
    assert "Field “STAGE” was deleted in Mailchimp." in found


def test_a_look_without_repair_leaves_the_mirror(
    shop: AudienceShop, sandbox: SandboxServer
) -> None:
    by_hand(sandbox, ADA, untag="Stage: New")
    for _ in range(2):
        result = compared(shop.context, shop.audience, repair=False)
        assert sentences(dict(result)) == ["Tag “Stage: New”: we held 12, Mailchimp has 11."]
        assert not result["repaired"]


def test_drift_is_written_again_by_itself_where_that_is_switched_on(
    shop: AudienceShop, sandbox: SandboxServer
) -> None:
    with shop.session() as session:
        keep.switch(session, on=True)
    by_hand(sandbox, ADA, untag="Stage: New")
    looked(shop)
    assert "Stage: New" in sandbox.tags(ADA)


def test_the_night_checks_once_and_forgets_old_messages(
    shop: AudienceShop, sandbox: SandboxServer
) -> None:
    with shop.session() as session:
        long_ago = datetime(2020, 1, 1, tzinfo=UTC)
        audience_id = shop.audience.id
        session.add(
            Inbox(
                account_id=shop.account_id,
                audience_id=audience_id,
                topic="audience",
                dedupe_key="1",
                body=b"",
                received_at=long_ago,
            )
        )
    moment = datetime.now(UTC).replace(hour=12)
    night = Context(
        shop.context.settings, shop.context.engine, shop.context.vault, clock=lambda: moment
    )
    for _ in range(2):
        start_night(night)
    with shop.session() as session:
        assert [w.kind for w in session.exec(select(Work)) if w.kind == "check"] == ["check"]
    run_until_idle(night)
    start_night(night)
    with shop.session() as session:
        assert [w.kind for w in session.exec(select(Work)) if w.kind == "check"] == ["check"]
        assert session.exec(select(Inbox)).all() == []


def test_a_check_that_was_given_up_is_tried_again_next_night_and_told(
    shop: AudienceShop, sandbox: SandboxServer
) -> None:
    moment = datetime.now(UTC).replace(hour=4)

    def night(later: timedelta) -> list[str]:
        given = shop.context
        at = Context(given.settings, given.engine, given.vault, clock=lambda: moment + later)
        start_night(at)
        run_until_idle(at)
        with shop.session() as session:
            return [w.status for w in session.exec(select(Work)) if w.kind == "check"]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(audience_check, "_look", _broken)
        assert [night(timedelta(hours=hour)) for hour in range(4)] == [["dead"]] * 4
        with shop.session() as session:
            stuck = plans.stuck_work(session, ("check",))
        assert stuck is not None
        assert "ValueError" in (stuck.error or "")
    assert night(timedelta(days=1)) == ["dead", "done"]
    with shop.session() as session:
        assert plans.stuck_work(session, ("check",)) is None


def _broken(*_given: Any, **_more: Any) -> Any:
    raise ValueError("something that another try does not mend")


def test_an_address_that_was_refused_does_not_stop_the_nights(
    shop: AudienceShop, sandbox: SandboxServer
) -> None:
    shop.person("stranger@stipt-demo.shop", ["stage:new"])
    plan = shop.plan()
    with sandbox.state.lock:
        member = sandbox.audience.find("stranger@stipt-demo.shop")
        assert member is not None
        sandbox.audience.drop(member)
    shop.publish(plan.id)
    assert shop.audience.read_until is None, "everybody is read before the next plan"
    moment = datetime.now(UTC).replace(hour=12)
    start_night(
        Context(shop.context.settings, shop.context.engine, shop.context.vault, lambda: moment)
    )
    with shop.session() as session:
        assert "check" in [work.kind for work in session.exec(select(Work))]
