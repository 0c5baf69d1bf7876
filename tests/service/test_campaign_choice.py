"""The choice of a run's people, tried over years of weeks; and that one module alone can send."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from integration.audience.connect import open_mailchimp
from integration.campaigns import rules
from integration.campaigns.choose import Candidate, choose
from integration.campaigns.content import stored
from integration.campaigns.moments import AHEAD, LEAST, due_slot, next_slot
from integration.mailchimp import campaigns, dispatch
from integration.mailchimp.client import Mailchimp
from integration.mailchimp.errors import ConsentGuard, Retryable
from integration.mailchimp.guard import Permit, check
from integration.mailchimp.rule_runs.carry import carry_on
from integration.mailchimp.rule_runs.trial import send_test
from integration.sandbox.server import SandboxServer
from integration.settings import Settings
from integration.tables import Campaign, CampaignRule
from tests.service.audience_shop import TestJob
from tests.service.mail_shop import MONDAY, SEGMENT, MailShop, make_mail_shop

PACKAGE = Path(__file__).resolve().parents[2] / "integration"
REST_DAYS, ROOM = 10, 7


# -- a thousand weeks ------------------------------------------------------------------------------


@settings(max_examples=2, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_in_a_thousand_weeks_nobody_is_written_to_too_often_or_twice_for_a_need(seed: int) -> None:
    random = Random(seed)
    reached: set[tuple[str, str]] = set()
    mailed: dict[int, list[datetime]] = defaultdict(list)
    start = datetime(2026, 1, 5, 9, tzinfo=UTC)
    for week in range(1000):
        held = dict.fromkeys(range(0, 40, 9), "holdout")
        for rule in range(3):
            at = start + timedelta(days=7 * week + rule)
            people = [_candidate(random, person, week, rule) for person in range(40)]
            chosen = choose(
                people,
                held_back=held,
                reached=reached,
                mailed=mailed,
                send_at=at,
                rest_days=REST_DAYS,
                most_people=ROOM,
            )
            assert len(chosen.people) <= ROOM
            assert len(chosen.people) + chosen.left_out.total() == len(people)
            for one in chosen.people:
                assert one.person_id not in held
                assert one.is_subscribed
                assert (one.email_key, one.need) not in reached
                # The last time is enough to compare with: those before were compared with theirs.
                assert all(at - last >= timedelta(days=REST_DAYS) for last in mailed[one.person_id])
                reached.add((one.email_key, one.need))
                mailed[one.person_id] = [at]
    assert mailed


def _candidate(random: Random, person: int, week: int, rule: int) -> Candidate:
    return Candidate(
        person_id=person,
        email_key=f"{person}@x",
        need=f"need{rule}:{(week + person) // random.choice([8, 9])}",
        since=date(2026, 1, 1) + timedelta(days=random.randrange(300)),
        is_subscribed=random.random() > 0.1,
    )


@given(
    now=st.integers(0, 3 * 365 * 24 * 60).map(
        lambda minutes: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
    ),
    weekday=st.integers(0, 6),
    hour=st.integers(0, 23),
    zone=st.sampled_from(
        ["Europe/Amsterdam", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe", "UTC"]
    ),
)
def test_a_moment_is_the_weekday_and_hour_of_the_shop_and_a_quarter_for_mailchimp(
    now: datetime, weekday: int, hour: int, zone: str
) -> None:
    from zoneinfo import ZoneInfo

    slot = next_slot(now, weekday, hour, zone)
    assert now < slot <= now + timedelta(days=8)
    assert (slot.minute % 15, slot.second) == (0, 0)
    local = slot.astimezone(ZoneInfo(zone))
    assert local.weekday() == weekday or local.hour == 0
    # An hour that the clocks skip is the next one.
    assert local.hour in (hour, (hour + 1) % 24)
    due = due_slot(now, weekday, hour, zone)
    assert due is None or LEAST <= due - now <= AHEAD


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ("2026-03-22T12:00+00:00", "2026-03-23T08:00+00:00"),
        ("2026-03-28T12:00+00:00", "2026-03-30T07:00+00:00"),
        ("2026-10-24T12:00+00:00", "2026-10-26T08:00+00:00"),
    ],
)
def test_nine_in_amsterdam_stays_nine_when_the_clocks_change(now: str, expected: str) -> None:
    slot = next_slot(datetime.fromisoformat(now), 0, 9, "Europe/Amsterdam")
    assert slot == datetime.fromisoformat(expected)


# -- one module ------------------------------------------------------------------------------------


#: The official client's calls that send, or take back what would be sent.
SENDING_CALLS = {"schedule", "unschedule", "send_test_email", "send", "cancel_send", "resume"}
HOLDER = "mailchimp/dispatch.py"


def code_of(path: Path) -> list[ast.AST]:
    return list(ast.walk(ast.parse(path.read_text())))


def asks_for_the_permit(code: list[ast.AST]) -> bool:
    """Tell whether code names the permit: `Permit.SEND`, `Permit["SEND"]`, `Permit("send")`."""
    return any(
        (isinstance(node, ast.Attribute) and node.attr == "SEND")
        or (isinstance(node, ast.Subscript) and _is_permit(node.value))
        or (isinstance(node, ast.Call) and _is_permit(node.func))
        for node in code
    )


def _is_permit(node: ast.AST) -> bool:
    return isinstance(node, ast.Name) and node.id == "Permit"


def calls_what_sends(code: list[ast.AST]) -> bool:
    """Tell whether code takes a sending call from the official client, or hides which it takes."""
    attributes = [node for node in code if isinstance(node, ast.Attribute)]
    owners = {id(node.value): node.attr for node in attributes}
    for node in attributes:
        if node.attr != "campaigns" or not isinstance(node.value, ast.Attribute):
            continue
        # Under another name, or handed to `getattr`, anything may be called.
        if owners.get(id(node), "send") in SENDING_CALLS:
            return True
    return False


def test_one_module_alone_asks_for_the_permit_and_calls_what_sends() -> None:
    asking, calling = set(), set()
    for path in PACKAGE.rglob("*.py"):
        place = path.relative_to(PACKAGE).as_posix()
        if place.startswith("sandbox/"):
            continue
        code = code_of(path)
        if asks_for_the_permit(code):
            asking.add(place)
        if calls_what_sends(code):
            calling.add(place)
    assert asking == {HOLDER, "mailchimp/guard/campaigns.py"}
    assert calling == {HOLDER}


@pytest.mark.parametrize(
    "hidden",
    [
        "mailchimp.call(mailchimp.official.campaigns.schedule, 'a')",
        "calls = self._mailchimp.official.campaigns\ncalls.schedule('a')",
        "getattr(mailchimp.official.campaigns, name)('a')",
    ],
)
def test_a_call_that_sends_is_seen_however_it_is_written(hidden: str) -> None:
    assert calls_what_sends(list(ast.walk(ast.parse(hidden))))


def test_only_the_way_of_a_run_and_its_test_lead_to_what_sends() -> None:
    leading = {
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*.py")
        for node in code_of(path)
        if isinstance(node, ast.ImportFrom)
        and (node.module == "integration.mailchimp.dispatch" or "dispatch" in names_of(node))
    }
    assert leading == {f"mailchimp/rule_runs/{name}.py" for name in ("prepare", "ends", "trial")}


def names_of(node: ast.ImportFrom) -> set[str]:
    return {alias.name for alias in node.names}


SENDING: list[tuple[str, Any]] = [
    ("schedule", {"schedule_time": "2026-03-16T08:00:00+00:00"}),
    ("unschedule", None),
    ("test", {"test_emails": ["a@stipt-demo.shop"], "send_type": "html"}),
]


@pytest.mark.parametrize(("action", "body"), SENDING)
def test_without_the_permit_nothing_that_sends_leaves_the_house(action: str, body: Any) -> None:
    path = f"/campaigns/abc/actions/{action}"
    for permits in ((), [p for p in Permit if p is not Permit.SEND]):
        with pytest.raises(ConsentGuard):
            check("POST", path, {}, body, permits)
    check("POST", path, {}, body, [Permit.SEND])
    operation = {"method": "POST", "path": path, "operation_id": "1"}
    with pytest.raises(ConsentGuard):
        check("POST", "/batches", {}, {"operations": [operation]}, list(Permit))


@pytest.mark.parametrize("action", ["send", "cancel-send", "pause", "resume", "create-resend"])
def test_sending_at_once_is_refused_even_with_every_permit(action: str) -> None:
    with pytest.raises(ConsentGuard):
        check("POST", f"/campaigns/abc/actions/{action}", {}, None, list(Permit))


@pytest.mark.parametrize(
    "recipients",
    [
        {"list_id": "abc"},
        {"list_id": "abc", "segment_opts": {}},
        {"list_id": "abc", "segment_opts": {"match": "any", "conditions": []}},
        {"list_id": "abc", "segment_opts": {"match": "all", "conditions": []}},
    ],
)
def test_a_campaign_to_everybody_cannot_be_made(recipients: dict[str, Any]) -> None:
    settings_ = dict.fromkeys(
        ("subject_line", "preview_text", "title", "from_name", "reply_to", "to_name"), "x"
    )
    body = {"type": "regular", "recipients": recipients, "settings": settings_, "tracking": {}}
    with pytest.raises(ConsentGuard):
        check("POST", "/campaigns", {}, body, list(Permit))


def test_a_client_without_the_permit_cannot_schedule(mail: MailShop) -> None:
    client: Mailchimp = open_mailchimp(mail.shop.context, mail.shop.audience)
    with pytest.raises(ConsentGuard):
        client.call(client.official.campaigns.schedule, "abc", SENDING[0][1])
    assert mail.calls("schedule") == 0


# -- states of a rule ------------------------------------------------------------------------------


@pytest.fixture
def mail(settings: Settings, sandbox: SandboxServer) -> Iterator[MailShop]:
    made = make_mail_shop(settings, sandbox)
    yield made
    made.shop.context.engine.dispose()


@pytest.mark.parametrize("status", ["planned", "scheduling", "waiting", "stopping", "refused"])
@pytest.mark.parametrize("removed", [False, True])
def test_whatever_state_a_run_is_in_a_rule_that_is_off_schedules_nothing(
    mail: MailShop, status: str, removed: bool
) -> None:
    rule_id = mail.add_rule(on=False)
    with mail.shop.session() as session:
        session.add(
            Campaign(
                account_id=mail.shop.account_id,
                audience_id=mail.shop.audience.id or 0,
                kind="run",
                key="run:1",
                rule_id=rule_id,
                segment=SEGMENT,
                title="[Stipt 1]",
                status=status,
                send_at=MONDAY + timedelta(hours=3),
                people=1,
                created_at=MONDAY,
            )
        )
        if removed:
            rules.remove(session, mail.shop.context, session.get_one(CampaignRule, rule_id))
    carry_on(mail.shop.context, TestJob(mail.shop.account_id), mail.shop.audience)
    mail.work()
    assert mail.calls("schedule") == mail.calls("test") == 0
    assert mail.run().status in ("stopped", "refused")
    assert mail.remote == []


def test_a_rule_is_switched_on_only_after_a_preview_and_a_test_of_this_very_text(
    mail: MailShop,
) -> None:
    context = mail.shop.context
    rule_id = mail.add_rule(on=False)
    with mail.shop.session() as session:
        rule = session.get_one(CampaignRule, rule_id)
        rule.previewed = ""
        with pytest.raises(rules.CannotSwitchOn, match="preview"):
            rules.switch_on(session, context, rule)
        rules.was_previewed(rule)
        with pytest.raises(rules.CannotSwitchOn, match="test"):
            rules.switch_on(session, context, rule)
    send_test(context, mail.shop.audience, rule_id, "owner@kleding.example")
    assert mail.calls("test") == 1
    assert mail.remote == []
    with mail.shop.session() as session:
        rule = session.get_one(CampaignRule, rule_id)
        rules.switch_on(session, context, rule)
        changed = rules.Wish(
            segment=SEGMENT,
            language="en",
            content=stored({**rule.content, "subject": "Another"}),
            template_id=None,
            weekday=0,
            hour=9,
            most_people=5,
        )
        rules.keep(session, context, mail.shop.audience.id or 0, changed, rule)
        assert not rule.is_on


def test_a_rule_switched_off_while_its_run_was_prepared_schedules_nothing(
    mail: MailShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    mail.due(["ada"])
    rule_id = mail.add_rule()

    def meanwhile(*_: object) -> list[str]:
        with mail.shop.session() as session:
            session.get_one(CampaignRule, rule_id).is_on = False
        return []

    monkeypatch.setattr(campaigns, "problems", meanwhile)
    mail.work()
    mail.work()
    assert mail.calls("schedule") == 0
    assert (mail.run().status, mail.remote) == ("stopped", [])


def test_a_test_goes_to_nobody_but_who_logs_in_here(mail: MailShop) -> None:
    rule_id = mail.add_rule(on=False)
    context, audience = mail.shop.context, mail.shop.audience
    with pytest.raises(dispatch.NotYours):
        send_test(context, audience, rule_id, "x@stipt-demo.shop")
    assert [r for r in mail.sandbox.requests if r.method != "GET"] == []
    with pytest.raises(dispatch.NotYours):
        dispatch.send_test(context, audience, "abc", "x@stipt-demo.shop")
    assert mail.calls("test") == 0


def test_what_an_interrupted_test_left_is_removed_by_the_next(mail: MailShop) -> None:
    rule_id = mail.add_rule(on=False)
    context, audience = mail.shop.context, mail.shop.audience
    before = mail.sandbox.canonical()
    mail.sandbox.fail("error_500", method="DELETE", prefix="/campaigns")
    with pytest.raises(Retryable):
        send_test(context, audience, rule_id, "owner@kleding.example")
    assert len(mail.remote) == 1
    send_test(context, audience, rule_id, "owner@kleding.example")
    assert mail.sandbox.canonical() == before
