"""A push by the queue, on a clock that product and sandbox share, through whatever weather."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from pathlib import Path

from sqlmodel import col, select

from integration.sandbox.server import SandboxServer
from integration.settings import fresh_env, load
from integration.tables import Plan, Work
from integration.work.execute import run_one
from integration.work.queue import defer
from tests import fresh_tables
from tests.service.audience_shop import AudienceShop, make_shop
from tests.service.consent_scan import forbidden_writes

STAGES = ("new", "regular", "best", "at-risk")
#: Jobs that a push may start over; `retry.MAX_ATTEMPTS` ends it long before.
_MOST_TRIES = 40


@contextmanager
def shop_in(folder: Path, people: int = 24) -> Iterator[AudienceShop]:
    """An installation whose people have tags and fields to come, half of them tagged otherwise."""
    folder.mkdir(parents=True, exist_ok=True)
    env = folder / ".env"
    env.write_text(
        f"{fresh_env()}STIPT_DATA_DIR={folder}\nSTIPT_BATCH_POLL_S=0.01\n"
        "STIPT_REQUEST_TIMEOUT_S=5\nSTIPT_LOG_LEVEL=ERROR\n"
    )
    settings = load(env)
    fresh_tables.lay(settings.database)
    with SandboxServer() as sandbox:
        shop = make_shop(settings, sandbox, clock=lambda: sandbox.state.clock.now())
        for number in range(people):
            email = f"p{number}@stipt-demo.shop"
            sandbox.add_member(email, tags=["VIP"], merge_fields={"FNAME": f"P{number}"})
            stage = STAGES[number % len(STAGES)]
            due = {"suits": ("now", date(2026, 3, 14))} if number % 2 else None
            segments = [f"stage:{stage}", *(["due:suits:now"] if due else ["loves:shoes"])]
            shop.person(email, segments, due=due, stage=stage)
        yield shop
        assert forbidden_writes(sandbox.requests) == []
        shop.context.engine.dispose()


def click(shop: AudienceShop) -> int:
    """Plan, and write the push down as the button does; return the plan's id."""
    plan = shop.plan()
    assert plan.id is not None
    with shop.session() as session:
        lane = f"account:{shop.account_id}:push"
        payload = {"plan_id": plan.id}
        defer(session, account_id=shop.account_id, kind="push", lane=lane, payload=payload)
    return plan.id


def work_off(
    shop: AudienceShop, *, before_each: Callable[[int], None] = lambda _attempt: None
) -> list[datetime]:
    """Do the push whenever it is due, letting the clock run between; return when it was tried."""
    tried: list[datetime] = []
    for attempt in range(_MOST_TRIES):
        job = push_job(shop)
        if job.status != "queued":
            break
        clock = shop.sandbox.state.clock
        if job.run_at > clock.now():
            clock.set(job.run_at + timedelta(seconds=1))
        before_each(attempt)
        tried.append(clock.now())
        assert job.id is not None
        if not run_one(shop.context, job.id):
            break  # it rests until the merchant has done something
    return tried


def push_job(shop: AudienceShop) -> Work:
    """The latest push as it stands in the queue."""
    with shop.session() as session:
        query = select(Work).where(Work.kind == "push").order_by(col(Work.id).desc())
        found = session.exec(query).first()
    assert found is not None
    return found


def status(shop: AudienceShop, plan_id: int) -> str:
    """A plan's state."""
    with shop.session() as session:
        return session.get_one(Plan, plan_id).status


def held(shop: AudienceShop) -> str:
    """What the audience holds; ids may differ after a repeat."""
    audience = shop.sandbox.audience
    with shop.sandbox.state.lock:
        members = [
            (m.email, m.status, audience.tag_names(m), sorted(m.merge.items()))
            for m in audience.members.values()
        ]
        names = sorted(s.name for s in audience.segments.values())
        fields = sorted((f.tag, f.name, f.type, f.public) for f in audience.fields.values())
    return repr((members, names, fields))


def made_twice(shop: AudienceShop) -> list[str]:
    """Tags, fields and segments that were created more than once, as the sandbox carried it out."""
    created = re.compile(r"POST /lists/\w+/(segments|merge-fields)")
    names = Counter(
        f"{entry.path.rpartition('/')[2]} {entry.body['name']}"
        for entry in shop.sandbox.requests
        if created.fullmatch(f"{entry.method} {entry.path}") and entry.status == 200
    )
    return [name for name, times in names.items() if times > 1]


def written_again(shop: AudienceShop) -> int:
    """How many contacts' fields were written a second time, as the sandbox carried it out."""
    patched = Counter(
        entry.path
        for entry in shop.sandbox.requests
        if entry.method == "PATCH" and "/members/" in entry.path and entry.status == 200
    )
    return sum(times - 1 for times in patched.values())
