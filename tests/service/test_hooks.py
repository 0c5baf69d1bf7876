"""Mailchimp tells us something over real HTTP: who may, what is kept, and what follows from it."""

from __future__ import annotations

import hmac
import random
import time
from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import permutations
from threading import Barrier, BrokenBarrierError
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from sqlmodel import Session, col, select

from integration import consent
from integration.app import create_app
from integration.audience import hooks, leave, signin, states
from integration.audience import told as audience_told
from integration.audience.connect import connect, open_mailchimp
from integration.audience.members import read_members
from integration.audience.missing import HANDFUL
from integration.audience.undo import make_undo
from integration.context import Context
from integration.mailchimp import fields
from integration.mailchimp.answers import MemberInfo
from integration.mailchimp.client import Mailchimp
from integration.sandbox.postman import form
from integration.sandbox.server import SandboxServer
from integration.settings import Settings
from integration.tables import (
    Audience,
    Consent,
    Identity,
    Inbox,
    MailchimpHook,
    Member,
    PersonProfile,
    Plan,
    PushedValue,
    SourceProfile,
    Work,
)
from integration.work import inbox
from integration.work.execute import run_until_idle
from tests.conftest import on_both
from tests.service.audience_shop import AudienceShop, make_shop
from tests.service.consent_scan import forbidden_writes
from tests.service.page_server import served

ADA, BOB = "ada@stipt-demo.shop", "bob@stipt-demo.shop"
AUGUSTA = "augusta@stipt-demo.shop"


@dataclass
class Installation:
    """Pages that Mailchimp can reach, and the shop behind them."""

    shop: AudienceShop
    sandbox: SandboxServer
    url: str

    def settle(self) -> None:
        """Everything that is on its way arrives, and is worked off."""
        assert self.sandbox.settle()
        run_until_idle(self.shop.context)

    def states(self) -> dict[str, str]:
        """What the ledger amounts to, by address."""
        with self.shop.session() as session:
            found = consent.states(session)
        return {
            email: found[person].value for email, person in self.people().items() if person in found
        }

    def people(self) -> dict[str, int]:
        """The person of each address."""
        with self.shop.session() as session:
            rows = session.exec(
                select(Identity.value, SourceProfile.person_id).join(
                    SourceProfile, col(SourceProfile.id) == col(Identity.profile_id)
                )
            )
            return dict(rows.all())

    def members(self) -> dict[str, str]:
        """Our rows of the audience."""
        with self.shop.session() as session:
            return dict(session.exec(select(Member.email_key, Member.status)).all())

    def mirror(self) -> set[tuple[str, str]]:
        """Address and key of everything we hold to be there."""
        with self.shop.session() as session:
            return set(session.exec(select(PushedValue.email_key, PushedValue.key)).all())

    def hook(self, kind: str = "audience") -> MailchimpHook:
        """Our row."""
        with self.shop.session() as session:
            return session.exec(select(MailchimpHook).where(MailchimpHook.kind == kind)).one()

    @property
    def address(self) -> str:
        """Where Mailchimp sends to; we keep no more than its hash."""
        return next(h.url for h in self.sandbox.state.hooks.by_id.values() if h.list_id)


@pytest.fixture
def sandbox() -> Iterator[SandboxServer]:
    with SandboxServer() as server:
        server.add_member(ADA)
        server.add_member(BOB)
        yield server
        assert forbidden_writes(server.requests) == []


@pytest.fixture
def here(settings: Settings, sandbox: SandboxServer) -> Iterator[Installation]:
    shop = make_shop(settings, sandbox)
    with served(create_app(shop.context)) as url:
        known = shop.context.settings.model_copy(update={"public_url": url})
        object.__setattr__(shop.context, "settings", known)
        shop.person(ADA, ["stage:new"])
        shop.person(BOB, ["stage:new"])
        shop.push()
        start(shop)
        run_until_idle(shop.context)
        yield Installation(shop, sandbox, url)
    shop.context.engine.dispose()


def start(shop: AudienceShop) -> None:
    with shop.session() as session:
        hooks.start(shop.context, session)


def signed(here: Installation, body: bytes, moment: datetime | None = None) -> dict[str, str]:
    """The header Mailchimp would send."""
    key = here.shop.context.vault.decrypt(here.hook().signing_secret)
    at = int((moment or datetime.now(UTC)).timestamp())
    digest = hmac.new(key.encode(), f"{at}.".encode() + body, "sha256").hexdigest()
    return {
        "X-Mailchimp-Signature": f"t={at},v1={digest}",
        "Content-Type": "application/x-www-form-urlencoded",
    }


def kept(here: Installation) -> int:
    with here.shop.session() as session:
        return len(session.exec(select(Inbox)).all())


BODY = f"type=unsubscribe&data%5Bemail%5D={ADA}".encode()


# -- who may ---------------------------------------------------------------------------------------


def test_what_mailchimp_signed_is_kept_once_with_its_work(here: Installation) -> None:
    for _ in range(2):
        answer = requests.post(here.address, data=BODY, headers=signed(here, BODY))
        assert (answer.status_code, answer.content) == (204, b"")
    with here.shop.session() as session:
        row = session.exec(select(Inbox)).one()
        work = session.exec(select(Work).where(Work.kind == "mailchimp_event")).one()
    assert (row.body, row.audience_id, row.shop_id) == (BODY, here.shop.audience.id, None)
    assert work.payload == {"inbox_id": row.id}
    assert work.lane == f"account:{here.shop.account_id}:incoming"


@pytest.mark.parametrize(
    ("late", "expected"), [(-301, (401, 0)), (-300, (204, 1)), (301, (401, 0))]
)
def test_an_old_or_early_signature_is_refused(
    here: Installation, late: int, expected: tuple[int, int]
) -> None:
    # A clock that stands: a busy machine takes longer than the second that makes the difference.
    now = datetime.now(UTC).replace(microsecond=0)
    object.__setattr__(here.shop.context, "clock", lambda: now)
    headers = signed(here, BODY, now + timedelta(seconds=late))
    answer = requests.post(here.address, data=BODY, headers=headers)
    assert (answer.status_code, kept(here)) == expected


@pytest.mark.parametrize("header", [None, "", "t=,v1=", "t=²,v1=ab", "v1=00", "t=1e9,v1=00"])
def test_without_a_right_signature_nothing_is_kept(here: Installation, header: str | None) -> None:
    headers = {} if header is None else {"X-Mailchimp-Signature": header.encode()}
    assert requests.post(here.address, data=BODY, headers=headers).status_code == 401
    other = signed(here, BODY + b"&x=1")
    assert requests.post(here.address, data=BODY, headers=other).status_code == 401
    assert kept(here) == 0


def test_an_address_that_nobody_made_is_not_found(here: Installation) -> None:
    wrong = f"{here.url}/hooks/mailchimp/guessed"
    assert requests.post(wrong, data=BODY, headers=signed(here, BODY)).status_code == 404
    # The secret of one kind opens no other.
    secret = urlsplit(here.address).path.rpartition("/")[2]
    other = f"{here.url}/hooks/mailchimp/batches/{secret}"
    assert requests.post(other, data=BODY, headers=signed(here, BODY)).status_code == 404


def test_guessing_is_slowed_down_and_genuine_ones_are_not(here: Installation) -> None:
    wrong = f"{here.url}/hooks/mailchimp/guessed"
    for _ in range(70):
        genuine = requests.post(here.address, data=BODY, headers=signed(here, BODY))
        assert genuine.status_code == 204
    answers = [requests.post(wrong, data=BODY).status_code for _ in range(70)]
    assert answers.count(404) <= 60
    assert answers[-1] == 429


def test_a_disconnected_audience_ends_its_webhook(here: Installation) -> None:
    headers = signed(here, BODY)
    with here.shop.session() as session:
        session.get_one(Audience, here.shop.audience.id).disconnected_at = datetime.now(UTC)
    assert requests.post(here.address, data=BODY, headers=headers).status_code == 410


def test_an_endless_body_is_refused(here: Installation) -> None:
    body = b"type=profile&x=" + b"a" * 300_000
    assert requests.post(here.address, data=body, headers=signed(here, body)).status_code == 413
    assert kept(here) == 0


# -- making them -----------------------------------------------------------------------------------


def test_webhooks_are_made_after_the_first_publication_and_never_about_our_own_writes(
    here: Installation, sandbox: SandboxServer
) -> None:
    made = {hook.list_id: hook for hook in sandbox.state.hooks.by_id.values()}
    assert set(made) == {sandbox.list_id, ""}
    assert made[sandbox.list_id].sources == {"user": True, "admin": True, "api": False}
    assert made[""].url.startswith(f"{here.url}/hooks/mailchimp/batches/")
    assert here.hook().signing_secret not in ("", made[sandbox.list_id].secret)


def test_nothing_is_made_before_something_was_published(
    settings: Settings, sandbox: SandboxServer
) -> None:
    shop = make_shop(settings, sandbox)
    start(shop)
    with shop.session() as session:
        assert session.exec(select(Work)).all() == []


def test_nothing_is_made_in_another_audience_before_something_was_published_there(
    here: Installation, sandbox: SandboxServer
) -> None:
    shop, other = here.shop, sandbox.state.add_audience("Other")
    connect(shop.context, shop.account_id, token=sandbox.key, list_id=other.id, language="en")
    start(shop)
    run_until_idle(shop.context)
    assert other.id not in {hook.list_id for hook in sandbox.state.hooks.by_id.values()}


def test_a_look_changes_nothing_where_all_is_right(
    here: Installation, sandbox: SandboxServer
) -> None:
    before = len([r for r in sandbox.requests if r.method != "GET"])
    start(here.shop)
    run_until_idle(here.shop.context)
    assert len([r for r in sandbox.requests if r.method != "GET"]) == before


@pytest.mark.parametrize("how", ["deleted", "changed", "key lost", "moved"])
def test_a_webhook_that_is_missing_or_wrong_is_made_again(
    here: Installation, sandbox: SandboxServer, how: str
) -> None:
    before = here.hook()
    stored = sandbox.state.hooks
    if how == "deleted":
        stored.drop(before.remote_id)
    elif how == "changed":
        stored.by_id[before.remote_id].sources["api"] = True
    elif how == "moved":
        stored.by_id[before.remote_id].url = "http://127.0.0.1:1/elsewhere"
    else:
        with here.shop.session() as session:
            session.get_one(MailchimpHook, before.id).signing_secret = "lost"
    start(here.shop)
    run_until_idle(here.shop.context)
    after = here.hook()
    assert after.remote_id != before.remote_id
    assert after.address_hash != before.address_hash
    ours = [hook for hook in stored.of(sandbox.list_id) if hook.url.startswith(here.url)]
    assert [hook.id for hook in ours] == [after.remote_id]


def test_webhooks_are_removed_at_the_end(here: Installation, sandbox: SandboxServer) -> None:
    hooks.remove(here.shop.context, here.shop.audience)
    assert sandbox.state.hooks.by_id == {}
    hooks.remove(here.shop.context, here.shop.audience)


def test_the_webhooks_of_an_audience_that_is_left_for_another_are_removed(
    here: Installation, sandbox: SandboxServer
) -> None:
    other = sandbox.state.add_audience("Wholesale").id
    context, account_id = here.shop.context, here.shop.account_id
    signin.begin_with_key(context, account_id, sandbox.key)
    with here.shop.session() as session:
        row = signin.current(context, session)
        assert row is not None
        row.list_id, row.language = other, "en"
    assert leave.move(context, account_id).list_id == other
    assert sandbox.state.hooks.by_id == {}


# -- what follows ----------------------------------------------------------------------------------


def test_an_unsubscribe_is_in_the_ledger_and_takes_our_tags_by_the_next_plan(
    here: Installation, sandbox: SandboxServer
) -> None:
    sandbox.unsubscribe(ADA)
    here.settle()
    assert here.states() == {ADA: "denied"}
    here.shop.push()
    assert sandbox.tags(ADA) == set()
    assert sandbox.tags(BOB) != set()


def test_who_comes_back_through_mailchimps_form_is_told_apart_from_who_was_put_back(
    here: Installation, sandbox: SandboxServer
) -> None:
    for email in (ADA, BOB):
        sandbox.unsubscribe(email)
    here.settle()
    sandbox.state.clock.advance(5)
    sandbox.act("resubscribe", ADA)
    bob = sandbox.audience.find(BOB)
    assert bob is not None
    bob.status, bob.last_changed = "subscribed", sandbox.state.clock.text()
    read_members(here.shop.context, here.shop.audience)
    assert here.states() == {ADA: "confirmed", BOB: "denied"}
    with here.shop.session() as session:
        row = session.exec(select(Consent).where(Consent.state == "confirmed")).one()
    assert row.source == "mailchimp: subscribed"
    assert row.at is not None


def test_a_bounce_is_known_at_once_and_is_no_denial(
    here: Installation, sandbox: SandboxServer
) -> None:
    sandbox.act("bounce", ADA)
    here.settle()
    assert here.members()[ADA] == "cleaned"
    assert here.states() == {ADA: "unknown"}


@pytest.mark.parametrize("then", ["archive", "erase"])
def test_who_left_has_left_though_he_was_taken_out_before_we_looked(
    here: Installation, sandbox: SandboxServer, then: str
) -> None:
    sandbox.state.hooks.hold()
    sandbox.unsubscribe(ADA)
    fired_at = datetime.now(UTC)
    sandbox.act(then, ADA)
    sandbox.act(then, BOB)
    sandbox.state.hooks.copies = 2
    sandbox.state.hooks.release("reversed")
    here.settle()
    assert here.states() == {ADA: "denied"}, "being taken out is no word of the person's"
    with here.shop.session() as session:
        row = session.exec(select(Consent)).one()
    assert row.at is not None
    assert abs(row.at - fired_at) < timedelta(minutes=1)


def test_who_is_removed_is_gone_and_has_denied_nothing(
    here: Installation, sandbox: SandboxServer
) -> None:
    sandbox.act("erase", ADA)
    here.settle()
    assert here.members()[ADA] == "gone"
    assert here.states() == {}
    assert {email for email, _ in here.mirror()} == {BOB}


@pytest.mark.parametrize("by", ["webhook", "pull"])
def test_a_new_address_is_the_same_person_and_takes_everything_along(
    here: Installation, sandbox: SandboxServer, by: str
) -> None:
    person = here.people()[ADA]
    before = {key for email, key in here.mirror() if email == ADA}
    if by == "pull":
        sandbox.state.hooks.hold()
    sandbox.act("change_address", ADA, to=AUGUSTA)
    here.settle()
    if by == "pull":
        read_members(here.shop.context, here.shop.audience)
    assert here.people()[AUGUSTA] == person
    assert ADA not in here.members()
    assert {key for email, key in here.mirror() if email == AUGUSTA} == before
    assert here.shop.plan().summary["members"] == 0
    here.shop.leave(person, "stage:new")
    here.shop.push()
    assert sandbox.tags(AUGUSTA) == set()


def test_a_plan_made_before_a_change_of_address_is_undone_after_it(
    here: Installation, sandbox: SandboxServer
) -> None:
    with here.shop.session() as session:
        plan = session.exec(select(Plan)).one()
    sandbox.act("change_address", ADA, to=AUGUSTA)
    here.settle()
    here.shop.publish(make_undo(here.shop.context, here.shop.account_id, plan.id or 0))
    assert sandbox.tags(AUGUSTA) == set()


def test_a_denial_counts_after_the_address_changed(
    here: Installation, sandbox: SandboxServer
) -> None:
    sandbox.act("change_address", ADA, to=AUGUSTA)
    sandbox.unsubscribe(AUGUSTA)
    here.settle()
    assert here.states() == {ADA: "denied", AUGUSTA: "denied"}


STORIES: dict[str, list[tuple[str, str, dict[str, str]]]] = {
    "leaves": [("unsubscribe", ADA, {})],
    "leaves and comes back": [("unsubscribe", ADA, {}), ("resubscribe", ADA, {})],
    "comes back and leaves": [
        ("unsubscribe", ADA, {}),
        ("resubscribe", ADA, {}),
        ("unsubscribe", ADA, {}),
    ],
    "moves and leaves": [("change_address", ADA, {"to": AUGUSTA}), ("unsubscribe", AUGUSTA, {})],
    "leaves and moves": [("unsubscribe", ADA, {}), ("change_address", ADA, {"to": AUGUSTA})],
    "leaves and is archived": [("unsubscribe", ADA, {}), ("archive", ADA, {})],
    "leaves and is removed": [("unsubscribe", ADA, {}), ("erase", ADA, {})],
    "is archived": [("archive", ADA, {})],
    "edits, bounces": [("edit", ADA, {"language": "nl"}), ("bounce", ADA, {})],
}


@pytest.mark.parametrize("story", STORIES)
def test_the_order_of_messages_and_copies_of_them_change_nothing(
    here: Installation, sandbox: SandboxServer, story: str
) -> None:
    sandbox.state.hooks.hold()
    for act, email, details in STORIES[story]:
        sandbox.act(act, email, **details)
        sandbox.state.clock.advance(2)
    messages = list(sandbox.state.hooks.waiting)
    bodies = [form(message.values) for message in messages]
    ends = set[tuple[object, ...]]()
    orders = list(permutations(bodies))
    for number, order in enumerate(orders):
        copies = [*order, *order[:1]]
        for body in copies:
            body = body + f"&copy={number}".encode()  # else it would be known already
            headers = signed(here, body)
            assert requests.post(here.address, data=body, headers=headers).status_code == 204
            if random.Random(number).random() < 0.5:
                run_until_idle(here.shop.context)
        run_until_idle(here.shop.context)
        ends.add(
            (
                tuple(sorted(here.members().items())),
                tuple(sorted(here.states().items())),
                tuple(sorted(here.mirror())),
            )
        )
    assert len(orders) >= 1
    assert len(ends) == 1


def test_work_that_waits_for_a_batch_looks_again_when_it_is_told(
    here: Installation, sandbox: SandboxServer
) -> None:
    later = datetime.now(UTC) + timedelta(hours=1)
    with here.shop.session() as session:
        for error in ("StillRunning: a batch is not finished", "Throttled: too many"):
            session.add(
                Work(
                    account_id=here.shop.account_id,
                    kind="waits",
                    lane=error,
                    run_at=later,
                    error=error,
                    created_at=later,
                )
            )
    sandbox.state.hooks.batch_done({"id": "b1", "status": "finished"})
    here.settle()
    with here.shop.session() as session:
        rows = session.exec(select(Work).where(Work.kind == "waits").order_by(col(Work.id))).all()
    assert rows[0].run_at < later or rows[0].status == "dead"
    assert rows[1].run_at == later


def test_a_push_that_waits_for_a_batch_looks_at_once_when_it_is_told(
    here: Installation, sandbox: SandboxServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fields, "FEW", 0)
    patient = here.shop.context.settings.model_copy(update={"batch_poll_s": 300.0})
    object.__setattr__(here.shop.context, "settings", patient)
    with here.shop.session() as session:
        for profile in session.exec(select(PersonProfile)):
            profile.stage = "best"
    began = time.monotonic()
    published = here.shop.push()
    assert published.outcome["failed"] == 0
    assert [r.path for r in sandbox.requests].count("/batches") == 1
    assert time.monotonic() - began < 150


def test_a_message_about_a_batch_counts_once_and_for_that_batch_only(
    here: Installation, sandbox: SandboxServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audience_told, "_OFTEN_S", 0.0)
    sandbox.state.hooks.batch_done({"id": "earlier", "status": "finished"})
    assert sandbox.settle()
    told = audience_told.Told(here.shop.context, here.shop.account_id)
    sandbox.state.hooks.batch_done({"id": "b1", "status": "finished"})
    assert sandbox.settle()
    assert [told(batch) for batch in ("earlier", "b2", "b1", "b1")] == [False, False, True, False]


def test_reachable_is_https_elsewhere_or_this_computer_beside_the_sandbox(
    context: Context,
) -> None:
    def reached(url: str, mailchimp: str | None) -> bool:
        given = {"public_url": url, "mailchimp_url": mailchimp}
        return hooks.can_be_reached(context.settings.model_copy(update=given))

    assert reached("https://stipt.my-shop.nl", None)
    assert not reached("http://stipt.my-shop.nl", None)
    assert not reached("https://192.168.1.4", None)
    assert not reached("https://localhost", None)
    assert reached("http://127.0.0.1:8000", "http://127.0.0.1:8090")
    assert not reached("https://stipt.my-shop.nl", "http://127.0.0.1:8090")


@pytest.mark.parametrize("way", ["chain", "swap"])
def test_contacts_that_get_each_others_addresses_are_told_apart(
    here: Installation, sandbox: SandboxServer, way: str
) -> None:
    here.shop.enter(here.people()[BOB], "stage:lost")
    here.shop.push()
    people, before = here.people(), here.mirror()
    sandbox.state.hooks.hold()
    last = AUGUSTA if way == "chain" else ADA
    sandbox.act("change_address", BOB, to=AUGUSTA)
    sandbox.act("change_address", ADA, to=BOB)
    if way == "swap":
        sandbox.act("change_address", AUGUSTA, to=ADA)
    read_members(here.shop.context, here.shop.audience)
    assert (BOB, "stage:lost") in before
    assert here.mirror() == {({ADA: BOB, BOB: last}[email], key) for email, key in before}
    assert here.people()[ADA] != here.people()[BOB], "nobody is taken for the other"
    assert here.people() == {**people, **({AUGUSTA: people[BOB]} if way == "chain" else {})}


@pytest.mark.parametrize("told", ["each at once", "the first only", "the last only"])
def test_a_swap_of_which_we_hear_only_half_loses_nothing_of_either(
    here: Installation, sandbox: SandboxServer, told: str
) -> None:
    here.shop.enter(here.people()[BOB], "stage:lost")
    here.shop.push()
    people, before = here.people(), here.mirror()
    if told != "each at once":
        sandbox.state.hooks.hold()
    for old, new in ((BOB, AUGUSTA), (ADA, BOB), (AUGUSTA, ADA)):
        sandbox.state.clock.advance(2)
        sandbox.act("change_address", old, to=new)
        if told == "each at once":
            here.settle()
    messages = [form(message.values) for message in sandbox.state.hooks.waiting]
    if told != "each at once":
        body = messages[0 if told == "the first only" else -1]
        requests.post(here.address, data=body, headers=signed(here, body))
        run_until_idle(here.shop.context)
    assert here.mirror() == {({ADA: BOB, BOB: ADA}[email], key) for email, key in before}
    now = here.people()
    assert now[ADA] != now[BOB], "nobody is taken for the other"
    assert {email: now[email] for email in people} == people


def test_a_contact_of_before_ids_keeps_everything_at_a_new_address_that_was_another_s(
    here: Installation, sandbox: SandboxServer
) -> None:
    here.shop.enter(here.people()[BOB], "stage:lost")
    here.shop.push()
    before = here.mirror()
    with here.shop.session() as session:
        row = session.exec(select(Member).where(Member.email_key == ADA)).one()
        row.contact_id = ""
    sandbox.state.hooks.hold()
    sandbox.act("change_address", BOB, to=AUGUSTA)
    sandbox.act("change_address", ADA, to=BOB)
    body = form(sandbox.state.hooks.waiting[-1].values)
    requests.post(here.address, data=body, headers=signed(here, body))
    run_until_idle(here.shop.context)
    assert here.mirror() == {({ADA: BOB, BOB: AUGUSTA}[email], key) for email, key in before}


@pytest.mark.parametrize("skipped", [1, HANDFUL + 1])
def test_who_is_skipped_while_others_change_is_not_taken_for_gone(
    here: Installation, sandbox: SandboxServer, monkeypatch: pytest.MonkeyPatch, skipped: int
) -> None:
    for number in range(skipped - 1):
        sandbox.add_member(f"{number}@stipt-demo.shop")
    read_members(here.shop.context, here.shop.audience, whole=True)
    before, real = here.mirror(), Mailchimp.members
    all_of_them = here.members()

    def skips(self: Mailchimp, since: datetime | None = None) -> Iterator[MemberInfo]:
        monkeypatch.setattr(Mailchimp, "members", real)
        return iter([info for info in real(self, since) if info.email_key == ADA])

    monkeypatch.setattr(Mailchimp, "members", skips)
    asked = len(sandbox.requests)
    read_members(here.shop.context, here.shop.audience, whole=True)
    assert (here.members(), here.mirror()) == (all_of_them, before)
    assert len(sandbox.requests) - asked <= 2 + 2, "never one call for each of many"


def test_a_contact_whose_address_another_one_got_while_we_paged_is_looked_for(
    here: Installation, sandbox: SandboxServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    here.shop.enter(here.people()[BOB], "stage:lost")
    here.shop.push()
    before, real = here.mirror(), Mailchimp.members

    def changing(self: Mailchimp, since: datetime | None = None) -> Iterator[MemberInfo]:
        monkeypatch.setattr(Mailchimp, "members", real)
        yield from [info for info in real(self, since) if info.email_key == ADA]
        sandbox.state.hooks.hold()
        sandbox.act("change_address", ADA, to=AUGUSTA)
        sandbox.act("change_address", BOB, to=ADA)
        yield from [info for info in real(self, since) if info.email_key == ADA]

    monkeypatch.setattr(Mailchimp, "members", changing)
    read_members(here.shop.context, here.shop.audience, whole=True)
    assert here.mirror() == {({ADA: AUGUSTA, BOB: ADA}[email], key) for email, key in before}


def test_who_changes_his_address_during_a_push_takes_along_what_is_given_to_him(
    here: Installation, sandbox: SandboxServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    person, real = here.people()[ADA], Mailchimp.change_tag
    here.shop.enter(person, "stage:lost")

    def moves(self: Mailchimp, *args: Any, **rows: Any) -> dict[str, str]:
        answer = real(self, *args, **rows)
        monkeypatch.setattr(Mailchimp, "change_tag", real)
        sandbox.act("change_address", ADA, to=AUGUSTA)
        read_members(here.shop.context, here.shop.audience)
        return answer

    monkeypatch.setattr(Mailchimp, "change_tag", moves)
    here.shop.push()
    assert {email for email, _ in here.mirror()} == {AUGUSTA, BOB}
    assert here.shop.plan().summary["members"] == 0
    here.shop.leave(person, "stage:new", "stage:lost")
    here.shop.push()
    assert sandbox.tags(AUGUSTA) == set()


def test_a_look_at_everybody_does_not_overwrite_what_came_while_it_lasted(
    here: Installation, sandbox: SandboxServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, late = Mailchimp.members, "late@stipt-demo.shop"

    def slow(self: Mailchimp, since: datetime | None = None) -> Iterator[MemberInfo]:
        found = list(real(self, since))
        monkeypatch.setattr(Mailchimp, "members", real)
        sandbox.state.clock.advance(5)
        sandbox.unsubscribe(ADA)
        sandbox.add_member(late)
        with here.shop.session() as session:
            for email in (ADA, late):
                body = f"type=profile&data%5Bemail%5D={email}".encode()
                inbox.keep(session, here.shop.audience, "audience", email, {}, body)
        run_until_idle(here.shop.context)
        yield from found

    monkeypatch.setattr(Mailchimp, "members", slow)
    read_members(here.shop.context, here.shop.audience, whole=True)
    assert here.members()[ADA] == "unsubscribed"
    assert here.members()[late] == "subscribed"


@on_both
def test_a_message_and_a_reading_of_one_moment_tell_of_a_withdrawal_once(
    here: Installation, sandbox: SandboxServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    sandbox.unsubscribe(ADA)
    left = open_mailchimp(here.shop.context, here.shop.audience).member(ADA)
    assert left is not None
    real, both = states._said, Barrier(2)

    def together(session: Session, email_keys: Collection[str]) -> dict[str, list[Consent]]:
        """Each looks into the ledger before the other writes."""
        found = real(session, email_keys)
        if ADA in email_keys:
            with suppress(BrokenBarrierError):
                both.wait(5)
        return found

    def tell(_: int) -> None:
        with here.shop.session() as session:
            states.apply(session, here.shop.audience, [left], datetime.now(UTC))

    monkeypatch.setattr(states, "_said", together)
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(tell, range(2)))
    with here.shop.session() as session:
        denied = session.exec(select(Consent).where(Consent.email_key == ADA)).all()
    assert [row.state for row in denied] == ["denied"]


def test_an_answer_that_was_overtaken_by_a_newer_one_changes_nothing(
    here: Installation, sandbox: SandboxServer
) -> None:
    mailchimp = open_mailchimp(here.shop.context, here.shop.audience)
    old = mailchimp.member(ADA)
    assert old is not None
    sandbox.state.clock.advance(5)
    sandbox.act("change_address", ADA, to=AUGUSTA)
    sandbox.unsubscribe(AUGUSTA)
    here.settle()
    before = (here.members(), here.states(), here.mirror())
    with here.shop.session() as session:
        states.apply(session, here.shop.audience, [old], datetime.now(UTC))
    assert (here.members(), here.states(), here.mirror()) == before
