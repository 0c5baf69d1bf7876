"""Nothing is ever written back without being asked: told by a model of its own."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from connectors.base import Standing
from connectors.records import ConsentState
from integration.context import Context
from integration.mailchimp.answers import MemberInfo
from tests.conftest import on_both
from tests.service.writeback_shop import (
    ADA,
    BY_ADMIN,
    BY_PERSON,
    NO,
    YES,
    Between,
    Killed,
    between,
)

#: What happens to a contact at Mailchimp: its state then, and who did it.
MAILCHIMP = {
    "leaves": ("unsubscribed", BY_PERSON),
    "is taken out": ("unsubscribed", BY_ADMIN),
    "is taken out without a word": ("unsubscribed", ""),
    "comes back": ("subscribed", ""),
    "bounces": ("cleaned", ""),
    "is archived": ("archived", ""),
}
ELSEWHERE = ("shop yes", "shop no", "file yes", "file no")
SWITCH = ("on", "off", "read")
TIME = {"soon": timedelta(seconds=20), "hours": timedelta(hours=5), "days": timedelta(hours=26)}
TROUBLE = ("lost", "killed", "down")
STEPS = st.sampled_from(
    [*MAILCHIMP, *ELSEWHERE, *SWITCH, *TIME, *TROUBLE, "work", "look", "work", "leaves", "on",
     "comes back", "imported as unsubscribed"]
)  # fmt: skip


@dataclass
class Story:
    """What happened, as a model tells it that knows nothing of the code."""

    ada: Between
    files: int
    status: str = "subscribed"
    #: The last leaving was the person's own.
    left_alone: bool = False
    on_since: datetime | None = None
    read_at: datetime | None = None
    #: Explicit changes at Mailchimp: state, and when.
    explicit: list[tuple[ConsentState, datetime]] = field(default_factory=list)
    #: Everything anybody said anywhere about not being mailed.
    denials: list[datetime] = field(default_factory=list)
    #: When something was changed in the shop by us.
    times: list[datetime] = field(default_factory=list)

    def take(self, step: str) -> None:
        """Let one thing happen, and look at what was written by it."""
        self.ada.wait(seconds=40)
        if step in MAILCHIMP:
            self.at_mailchimp(*MAILCHIMP[step])
        elif step == "imported as unsubscribed":
            self.met()
        elif step in ELSEWHERE:
            where, what = step.split()
            self.ada.shop_says(
                YES if what == "yes" else NO, self.files if where == "file" else None
            )
            self.denials += [self.ada.now] if what == "no" else []
        elif step in TIME:
            self.ada.now += TIME[step]
        elif step in TROUBLE:
            self.ada.there.trouble = step
        elif step in SWITCH:
            self.switch(step)
        else:
            self.ours(step)

    def at_mailchimp(self, status: str, reason: str) -> None:
        was_reachable = self.status in ("subscribed", "pending")
        if status == "unsubscribed" and was_reachable:
            self.explicit.append((NO, self.ada.now))
        if status == "unsubscribed":
            self.denials.append(self.ada.now)
            # Of who had left before, a second leaving changes nothing.
            self.left_alone = reason == BY_PERSON or (self.status == status and self.left_alone)
        if status == "subscribed" and self.status == "unsubscribed" and self.left_alone:
            self.explicit.append((YES, self.ada.now))
        self.status = status
        self.ada.mailchimp(status, reason=reason)

    def met(self) -> None:
        """Somebody archives the contact, and an import brings it back as unsubscribed."""
        self.at_mailchimp("archived", "")
        self.ada.wait(seconds=5)
        self.status, self.left_alone = "unsubscribed", False
        self.denials.append(self.ada.now)
        info = MemberInfo(email_key=ADA, status="unsubscribed", changed_at=self.ada.now)
        self.ada.mailchimp_tells(info)

    def switch(self, step: str) -> None:
        if step == "read":
            self.read_at = self.read_at or self.ada.now
            self.ada.read_for_the_first_time(self.read_at)
        else:
            self.on_since = (self.on_since or self.ada.now) if step == "on" else None
            self.ada.turn(on=step == "on")

    def ours(self, step: str) -> None:
        before = len(self.ada.there.changes)
        with suppress(Killed):
            self.ada.look() if step == "look" else self.ada.work()
        for change in self.ada.there.changes[before:]:
            self.check(*change)

    def check(self, state: ConsentState, at: datetime, before: Standing) -> None:
        assert self.on_since is not None, "nobody asked for it"
        assert self.read_at is not None, "the shop was not read yet"
        assert at > max(self.on_since, self.read_at), "it happened before"
        assert (state, at) in self.explicit, "nobody did that at Mailchimp"
        assert before.state is not state, "it stood there already"
        assert before.at is None or before.at < at, "the shop had something newer"
        if state is YES:
            assert all(no < at for no in self.denials), "he withdrew since"
        assert all(self.ada.now - time >= timedelta(hours=24) for time in self.times), "twice a day"
        self.times.append(self.ada.now)


def tell(context: Context, monkeypatch: pytest.MonkeyPatch, steps: list[str]) -> Story:
    ada = between(context, monkeypatch)
    story = Story(ada, ada.files())
    for step in steps:
        story.take(step)
    return story


@example(steps=["read", "on", "leaves", "work", "comes back", "work", "days", "work"])
@example(steps=["on", "leaves", "read", "look", "work"])
@example(steps=["read", "leaves", "on", "look", "work"])
@example(steps=["read", "on", "leaves", "off", "on", "look", "work"])
@example(steps=["read", "on", "lost", "leaves", "work", "shop yes", "leaves", "hours", "work"])
@example(steps=["read", "on", "killed", "leaves", "work", "comes back", "hours", "work"])
@example(steps=["read", "on", "imported as unsubscribed", "comes back", "look", "work"])
@example(steps=["read", "on", "leaves", "work", "days", "comes back", "file no", "work"])
@example(steps=["read", "on", "leaves", "bounces", "comes back", "work"])
@example(steps=["read", "on", "leaves", "is archived", "comes back", "work"])
@given(steps=st.lists(STEPS, min_size=4, max_size=16))
@hypothesis_settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_nothing_is_written_without_being_asked(
    steps: list[str], context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    tell(context, monkeypatch, steps)


@on_both
@pytest.mark.parametrize(
    ("steps", "written"),
    [
        pytest.param(["read", "on", "leaves", "work", "look", "work"], [NO], id="told once"),
        pytest.param(
            ["read", "on", "leaves", "work", "days", "comes back", "work"], [NO, YES], id="and back"
        ),
        pytest.param(["leaves", "read", "on", "look", "work"], [], id="before it was on"),
        pytest.param(["on", "leaves", "read", "look", "work"], [], id="before it was read"),
        pytest.param(
            ["read", "on", "killed", "leaves", "work", "hours", "work"], [NO], id="after a kill"
        ),
    ],
)
def test_what_is_written_is_the_same_on_both_databases(
    steps: list[str],
    written: list[ConsentState],
    context: Context,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert tell(context, monkeypatch, steps).ada.written() == written
