"""What a push costs beside what Mailchimp itself takes: time, calls, memory, and what is left.

A stand-in for the reference shop: members with a realistic mix of tags and fields, people who are
not in the audience beside them. The sandbox runs in a process of its own, with its connection limit
and with a latency for every call and for every operation of a batch, ten of which run at a time and
one batch after another. So it sets a limit itself: tag calls side by side on our connections, or
the operations, whichever takes longer. The push runs as a worker's job in a third process.
"""

from __future__ import annotations

import math
import tempfile
import time
from collections import Counter
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import cast

from sqlmodel import SQLModel, col, select

from integration.audience.members import read_members
from integration.audience.plan import make_plan
from integration.audience.undo import make_undo
from integration.audience.wanted import wanted
from integration.db import make_engine
from integration.sandbox.log import Entry
from integration.sandbox.server import SandboxServer
from integration.settings import fresh_env, load
from integration.tables import PersonProfile, Plan, SegmentMember
from tests.benchmarks._pushing import push_alone
from tests.benchmarks._sandbox import SandboxProcess, sandbox_process
from tests.benchmarks.result import Result
from tests.service.audience_shop import AudienceShop, make_shop
from tests.service.consent_scan import forbidden_writes

#: What bar 2 of the push asks for.
MEMBERS, LATENCY_MS = 20_000, 30.0
TIME_BAR, MEMORY_BAR_MB, CHANGED_SHARE = 1.15, 300.0, 0.02
#: Of ten members there are two more people who are not in the audience.
OUTSIDE = 0.2
STAGES = ("new", "second-order-due", "regular", "best", "at-risk", "lost")
NEEDS = ("suits", "shirts", "shoes", "coats", "jeans", "dresses", "knitwear", "belts")
STATES = ("soon", "now", "late", "")


def run(
    data: Path,  # every benchmark is called alike
    *,
    members: int = MEMBERS,
    latency_ms: float = LATENCY_MS,
) -> list[Result]:
    """Measure plan, push, a push of few changes, one of none, and undo."""
    with (
        tempfile.TemporaryDirectory() as name,
        sandbox_process(Path(name)) as sandbox,
        _filled(Path(name), sandbox, members) as (shop, people),
    ):
        return list(Measured(shop, sandbox, people[:members], latency_ms).all())


class Measured:
    """The figures, in the order in which things happen."""

    def __init__(
        self, shop: AudienceShop, sandbox: SandboxProcess, people: Sequence[int], latency_ms: float
    ) -> None:
        self.shop, self.sandbox = shop, sandbox
        #: The persons who are in the audience.
        self.people, self.latency_s = people, latency_ms / 1000
        self.connections = shop.context.settings.mailchimp_connections
        self._set = f"{len(people):,} members, {latency_ms:g} ms a call and an operation"
        self.calls: list[Entry] = []

    def all(self) -> Iterator[Result]:
        """Measure everything."""
        before = self.sandbox.canonical()
        yield from self._planning()
        first = yield from self._push("first push", judged=True)
        self._change_some()
        few = yield from self._push("2% changed", judged=False)
        none = yield from self._push("nothing changed", judged=False)
        writing = [call for call in self.calls if call.method != "GET"]
        yield self._count("nothing changed: writing calls", len(writing), 0)
        self.sandbox.take_time(0)
        start = self.sandbox.last()
        for plan in (none, few, first):
            if plan.outcome["writes"]:
                undone = make_undo(self.shop.context, self.shop.account_id, plan.id or 0)
                self.shop.publish(undone)
        differs = int(self.sandbox.canonical() != before)
        yield self._count("differences after taking both back", differs, 0)
        wrong = forbidden_writes(self.sandbox.since(start))
        yield self._count("undo: writes of a subscription", len(wrong), 0)

    def _planning(self) -> Iterator[Result]:
        read_members(self.shop.context, self.shop.audience)
        started = time.perf_counter()
        with self.shop.session() as session:
            wanted(session, self.shop.audience)
        compared = time.perf_counter()
        make_plan(self.shop.context, self.shop.audience)
        planned = time.perf_counter()
        yield self._count("seconds to work out the wanted state", compared - started)
        yield self._count("seconds to make the plan", planned - compared)

    def _push(self, name: str, *, judged: bool) -> Generator[Result, None, Plan]:
        self.sandbox.take_time(0)
        plan = self.shop.plan()
        start = self.sandbox.last()
        self.sandbox.count_anew()
        self.sandbox.take_time(self.latency_s * 1000)
        settings = self.shop.context.settings
        took = push_alone(settings, self.shop.account_id, plan.id or 0)
        limits, self.calls = self.sandbox.limits(), self.sandbox.since(start)
        limit_s = self._limit_s()
        yield self._count(f"{name}: seconds", took["seconds"])
        yield self._count(f"{name}: seconds that the sandbox's limits take", limit_s)
        if judged:
            yield self._count(f"{name}: time / that limit", took["seconds"] / limit_s, TIME_BAR)
        yield self._count(f"{name}: peak memory, MB", took["peak_mb"], MEMORY_BAR_MB)
        yield self._count(f"{name}: processor seconds", took["cpu_s"])
        busy = limits["refused"] + sum(call.status == 429 for call in self.calls)
        yield self._count(f"{name}: answers of 429", busy, 0)
        yield self._count(f"{name}: most requests at once", limits["highest"], self.connections)
        yield from self._costs(name, plan)
        return self.shop.stored(plan.id)

    def _limit_s(self) -> float:
        """What these calls take at least: tags on our connections beside ten operations at once."""
        tags, operations = len(self._tag_calls()), len(self._operations())
        return max(tags * self.latency_s / self.connections, operations * self.latency_s / 10)

    def _tag_calls(self) -> Sequence[Entry]:
        return [c for c in self.calls if c.method == "POST" and "/segments/" in c.path]

    def _operations(self) -> Sequence[Entry]:
        return [c for c in self.calls if c.batch is not None]

    def _costs(self, name: str, plan: Plan) -> Iterator[Result]:
        changes = self.shop.changes(plan.id)
        failed = sum(change.status != "done" for change in changes)
        yield self._count(f"{name}: rows that failed", failed, 0)
        if not changes:
            return
        tags = Counter((c.key, c.after is None) for c in changes if c.kind == "tag")
        # Addresses to add and to remove travel in one call, 500 of each.
        calls = {key: 0 for key, _ in tags}
        for (key, _), number in tags.items():
            calls[key] = max(calls[key], math.ceil(number / 500))
        changed = {change.email_key for change in changes if change.kind == "field"}
        operations = len(self._operations())
        yield self._count(f"{name}: tag calls", len(self._tag_calls()), sum(calls.values()))
        yield self._count(f"{name}: field operations", operations, len(changed))
        batches = [c for c in self.calls if (c.method, c.path) == ("POST", "/batches")]
        yield self._count(f"{name}: batches", len(batches), math.ceil(len(changed) / 500))
        wrong = forbidden_writes(self.calls)
        yield self._count(f"{name}: writes of a subscription", len(wrong), 0)

    def _change_some(self) -> None:
        """Let 2% of the members go on to another stage."""
        chosen = self.people[:: round(1 / CHANGED_SHARE)]
        with self.shop.session() as session:
            query = select(PersonProfile).where(col(PersonProfile.person_id).in_(chosen))
            for profile in session.exec(query):
                after = STAGES[(STAGES.index(profile.stage) + 1) % len(STAGES)]
                row = session.exec(
                    select(SegmentMember).where(
                        SegmentMember.person_id == profile.person_id,
                        SegmentMember.segment == f"stage:{profile.stage}",
                    )
                ).one()
                row.segment, profile.stage = f"stage:{after}", after

    def _count(self, metric: str, ours: float, bar: float | None = None) -> Result:
        return Result(set=self._set, metric=metric, ours=round(ours, 2), bar=bar, better="lower")


@contextmanager
def _filled(
    folder: Path, sandbox: SandboxProcess, members: int
) -> Iterator[tuple[AudienceShop, list[int]]]:
    """The shop, and everybody's person: the members first."""
    env = folder / ".env"
    env.write_text(f"{fresh_env()}STIPT_DATA_DIR={folder}\n")
    settings = load(env)
    engine = make_engine(settings.database)
    SQLModel.metadata.create_all(engine)
    engine.dispose()
    # It asks the sandbox for its address and key only.
    shop = make_shop(settings, cast("SandboxServer", sandbox))
    emails = [f"p{number}@stipt-demo.shop" for number in range(round(members * (1 + OUTSIDE)))]
    sandbox.seed([{"email": email, "status": "subscribed"} for email in emails[:members]])
    people = [0] * len(emails)
    for number in range(48):
        need, other = NEEDS[number % 8], NEEDS[(number + 3) % 8]
        stage, state = STAGES[number % 6], STATES[number % 4]
        segments = [f"stage:{stage}", f"loves:{other}"]
        segments += [f"due:{need}:{state}"] if state else []
        due = {need: (state, date(2026, 3, 1) + timedelta(days=number))}
        people[number::48] = shop.people(emails[number::48], segments, due, stage)
    yield shop, people
    shop.context.engine.dispose()
