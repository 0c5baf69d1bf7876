"""A push on its way stops where the merchant leaves: nothing more is written or added then."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from integration.audience import leave
from integration.audience.connect import open_mailchimp
from integration.mailchimp import push
from integration.mailchimp.errors import NoAudience, Paused
from integration.mailchimp.run import Run
from integration.sandbox.server import SandboxServer
from integration.settings import Settings
from integration.tables import Audience
from tests.service.adding_shop import choose, opt_in, status_of
from tests.service.audience_shop import NOW, AudienceShop, TestJob, make_shop

ADA = "ada@stipt-demo.shop"
MANY = [f"p{number}@stipt-demo.shop" for number in range(30)]
DUE = {"suits": ("now", NOW.date())}


@pytest.fixture
def shop(settings: Settings, sandbox: SandboxServer) -> Iterator[AudienceShop]:
    """A shop with a newcomer to add and people to push."""
    made = make_shop(settings, sandbox)
    choose(made, adds_contacts=True)
    for email in MANY:
        sandbox.add_member(email)
    made.people(MANY, ["stage:new", "due:suits:now"], DUE, stage="new")
    made.person(ADA, ["stage:new"])
    opt_in(made, ADA)
    yield made
    made.context.engine.dispose()


def writes(sandbox: SandboxServer, since: int) -> list[str]:
    return [f"{row.method} {row.path}" for row in sandbox.requests[since:] if row.method != "GET"]


@dataclass
class LeavingJob(TestJob):
    """The merchant disconnects on the way: at the first report after so many transactions."""

    shop: AudienceShop | None = None
    leaves_after: int = 0
    #: Requests that the sandbox had seen by then.
    seen: int = -1

    def report(self, progress: float | None, note: str | None = None) -> None:
        """Disconnect, once."""
        if self.calls >= self.leaves_after and self.seen < 0:
            assert self.shop is not None
            leave.disconnect(self.shop.context, self.account_id)
            self.seen = len(self.shop.sandbox.requests)


@pytest.mark.parametrize("leaves_after", [6, 10, 14])
def test_a_running_push_writes_nothing_after_the_merchant_left(
    shop: AudienceShop, sandbox: SandboxServer, leaves_after: int
) -> None:
    plan = shop.plan()
    job = LeavingJob(shop.account_id, shop=shop, leaves_after=leaves_after)
    with pytest.raises(NoAudience):
        shop.publish(plan.id, job)
    assert job.seen > 0
    assert writes(sandbox, job.seen) == []
    assert shop.stored(plan.id).status == "superseded"


def test_nobody_is_added_after_the_merchant_left(
    shop: AudienceShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan, leave_out = shop.plan(), push._leave_out

    def leave_meanwhile(run: Run) -> None:
        leave_out(run)
        leave.disconnect(shop.context, shop.account_id)

    monkeypatch.setattr(push, "_leave_out", leave_meanwhile)
    with pytest.raises(NoAudience):
        shop.publish(plan.id)
    assert status_of(shop, ADA) is None


def test_a_push_rests_when_the_audience_is_paused_on_its_way(
    shop: AudienceShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan, leave_out = shop.plan(), push._leave_out

    def pause_meanwhile(run: Run) -> None:
        leave_out(run)
        choose(shop, paused="cloned")

    with monkeypatch.context() as patch:
        patch.setattr(push, "_leave_out", pause_meanwhile)
        with pytest.raises(Paused):
            shop.publish(plan.id)
    assert status_of(shop, ADA) is None
    choose(shop, paused="")
    assert shop.publish(plan.id).status == "published"
    assert status_of(shop, ADA) == "subscribed"


def test_a_client_is_opened_with_what_is_stored_not_with_what_is_remembered(
    shop: AudienceShop,
) -> None:
    remembered: Audience = shop.audience
    leave.disconnect(shop.context, shop.account_id)
    assert remembered.token
    with pytest.raises(NoAudience):
        open_mailchimp(shop.context, remembered)
