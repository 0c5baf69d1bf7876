"""What a push of a large audience costs in calls, and that nothing is left of it after an undo.

A stand-in for the reference shop: 20,000 people, 12,000 of them in the audience, a realistic mix
of tags and fields, against the sandbox over HTTP. The bars are counts of requests that the sandbox
logged; seconds are told and not judged, as a real Mailchimp is much slower than the sandbox.
"""

from __future__ import annotations

import math
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path

from sqlmodel import SQLModel

from integration.audience.connect import open_mailchimp
from integration.audience.members import read_members
from integration.audience.plan import make_plan
from integration.audience.undo import make_undo
from integration.audience.wanted import wanted
from integration.db import make_engine
from integration.sandbox.log import Entry
from integration.sandbox.server import SandboxServer
from integration.settings import fresh_env, load
from tests.benchmarks.result import Result
from tests.service.audience_shop import AudienceShop, make_shop
from tests.service.consent_scan import forbidden_writes

SET = "12,000 members of 20,000 people"
MEMBERS, PEOPLE = 12_000, 20_000
STAGES = ("new", "second-order-due", "regular", "best", "at-risk", "lost")
NEEDS = ("suits", "shirts", "shoes", "coats", "jeans", "dresses", "knitwear", "belts")
STATES = ("soon", "now", "late", "")


def run(data: Path) -> list[Result]:  # every benchmark is called alike
    """Measure plan, push, second push and undo."""
    with (
        tempfile.TemporaryDirectory() as folder,
        SandboxServer() as sandbox,
        _filled(Path(folder), sandbox) as shop,
    ):
        return list(_measured(shop, sandbox))


def _measured(shop: AudienceShop, sandbox: SandboxServer) -> Iterator[Result]:
    before = sandbox.canonical()
    read_members(shop.context, shop.audience)
    planning = time.perf_counter()
    with shop.session() as session:
        wanted(session, shop.audience)
    compared = time.perf_counter()
    plan = make_plan(shop.context, shop.audience)
    planned = time.perf_counter()
    yield _count("seconds to work out the wanted state", compared - planning, None)
    yield _count("seconds to make the plan", planned - compared, None)

    first = len(sandbox.requests)
    started = time.perf_counter()
    done = shop.publish(plan.id)
    took = time.perf_counter() - started
    calls = sandbox.requests[first:]
    yield from _costs(shop, plan.id or 0, calls)
    yield _count("rows that failed", done.outcome["failed"], 0)
    yield _count("seconds to push", took, None)
    yield _count("time of a push / time of its calls alone", took / _bare(shop, calls), None)

    second = len(sandbox.requests)
    shop.push()
    writing = [entry for entry in sandbox.requests[second:] if entry.method != "GET"]
    yield _count("writing calls of a second push", len(writing), 0)

    started = time.perf_counter()
    shop.publish(make_undo(shop.context, shop.account_id, plan.id or 0))
    yield _count("seconds to undo", time.perf_counter() - started, None)
    differs = int(sandbox.canonical() != before)
    yield _count("differences after the undo", differs, 0)
    yield _count("writes of a subscription", len(forbidden_writes(sandbox.requests)), 0)


def _costs(shop: AudienceShop, plan_id: int, calls: list[Entry]) -> Iterator[Result]:
    changes = shop.changes(plan_id)
    tags = Counter(change.key for change in changes if change.kind == "tag")
    members = {change.email_key for change in changes if change.kind == "field"}
    tag_calls = [c for c in calls if c.method == "POST" and "/segments/" in c.path]
    batches = [c for c in calls if (c.method, c.path) == ("POST", "/batches")]
    operations = [c for c in calls if c.batch is not None]
    yield _count("tag calls", len(tag_calls), sum(math.ceil(n / 500) for n in tags.values()))
    yield _count("field operations", len(operations), len(members))
    yield _count("batches", len(batches), math.ceil(len(members) / 500))


def _bare(shop: AudienceShop, calls: list[Entry]) -> float:
    """Seconds that the same writing calls take without plan, rows and mirror."""
    mailchimp = open_mailchimp(shop.context, shop.audience)
    started = time.perf_counter()
    for call in calls:
        if call.method == "POST" and "/segments/" in call.path:
            tag = int(call.path.rpartition("/")[2])
            mailchimp.change_tag(tag, add=call.body["members_to_add"], remove=[])
        elif (call.method, call.path) == ("POST", "/batches"):
            batch = mailchimp.start_batch(call.body["operations"])
            while not batch.is_finished:
                time.sleep(0.02)
                batch = mailchimp.batch(batch.id)
            mailchimp.batch_results(batch.results_url)
    return time.perf_counter() - started


def _count(metric: str, ours: float, bar: float | None) -> Result:
    return Result(set=SET, metric=metric, ours=round(ours, 2), bar=bar, better="lower")


@contextmanager
def _filled(folder: Path, sandbox: SandboxServer) -> Iterator[AudienceShop]:
    env = folder / ".env"
    env.write_text(f"{fresh_env()}STIPT_DATA_DIR={folder}\nSTIPT_BATCH_POLL_S=0.05\n")
    settings = load(env)
    engine = make_engine(settings.database)
    SQLModel.metadata.create_all(engine)
    engine.dispose()
    shop = make_shop(settings, sandbox)
    emails = [f"p{number}@stipt-demo.shop" for number in range(PEOPLE)]
    sandbox.seed([{"email": email, "status": "subscribed"} for email in emails[:MEMBERS]])
    for number in range(48):
        need, other = NEEDS[number % 8], NEEDS[(number + 3) % 8]
        stage, state = STAGES[number % 6], STATES[number % 4]
        segments = [f"stage:{stage}", f"loves:{other}"]
        segments += [f"due:{need}:{state}"] if state else []
        due = {need: (state, date(2026, 3, 1) + timedelta(days=number))}
        shop.people(emails[number::48], segments, due, stage)
    yield shop
    shop.context.engine.dispose()
