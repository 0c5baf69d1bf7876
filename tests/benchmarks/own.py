"""What segments of a merchant's own cost: with a run over everybody, and before one is kept.

The demo shop of 20,000 people in SQLite. A run asks twelve documents that share no condition, as
many as there can be, at once; the baseline asks one after another. The count before keeping is all
that the page does: reading the stored figures, asking, finding examples. Processor seconds, the
median of five, after one that nobody counts.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import insert
from sqlmodel import Session, SQLModel

from integration import fits, results
from integration.db import make_engine, scoped
from integration.reading import own as reading
from integration.reading.names import words
from integration.tables import (
    Audience,
    Consent,
    Identity,
    Member,
    Person,
    Shop,
    SourceProfile,
)
from segmentation.builder.document import Node, read
from segmentation.builder.people import people, people_of
from segmentation.frames import PREVIOUS_DUE, empty
from tests.benchmarks.result import Result
from tests.conftest import add_account
from tests.segmentation.reference import ACCOUNT, Reference, reference

_NOW = datetime(2026, 11, 1, 9, tzinfo=UTC)
_DOCUMENTS, _TIMES, _BAR_S = 12, 5, 1.0


def run(data: Path) -> list[Result]:  # every benchmark is called alike
    """Measure; the demo shop is generated."""
    shop = reference()
    return [*_with_a_run(shop), *_before_keeping(shop)]


def _with_a_run(shop: Reference) -> Iterator[Result]:
    profiles, due = shop.assigned.profiles, shop.assigned.due
    nodes = [_node(number) for number in range(_DOCUMENTS)]
    together = _seconds(lambda: people_of(nodes, profiles, due, as_of=shop.as_of))
    alone = _seconds(lambda: [people(node, profiles, due, as_of=shop.as_of) for node in nodes])
    yield _result(f"processor seconds for {_DOCUMENTS} documents", together, baseline=alone)


def _before_keeping(shop: Reference) -> Iterator[Result]:
    person = {"feature": "recency", "is": "at_least", "value": 90}
    asked = {
        "figures of people": read({"version": 1, "who": person}),
        "figures of people and needs": _node(0),
    }
    with tempfile.TemporaryDirectory() as folder, _stored(Path(folder), shop) as session:
        spoken = words(session, "en")
        for name, node in asked.items():

            def count(node: Node = node) -> None:
                reading.preview(session, spoken, node)

            yield _result(f"processor seconds of a count, {name}", _seconds(count), bar=_BAR_S)


def _node(number: int) -> Node:
    """Three conditions like no other's: of people, of a need, and somebody left out."""
    who = {"all": [
        {"any": [
            {"feature": "recency", "is": "at_least", "value": 60 + number},
            {"feature": "days_until_due", "need": "suits", "is": "at_most", "value": 30 + number},
        ]},
        {"not": {"any": [
            {"feature": "due_chance", "need": "any", "is": "at_least", "value": 0.5 + number / 100},
        ]}},
    ]}  # fmt: skip
    return read({"version": 1, "who": who})


@contextmanager
def _stored(folder: Path, shop: Reference) -> Iterator[Session]:
    """The shop as a run leaves it in the tables; three of four people are in the audience, and one
    of eight withdrew."""
    engine = make_engine(f"sqlite:///{folder / 'stipt.db'}")
    SQLModel.metadata.create_all(engine)
    assert add_account(engine) == ACCOUNT
    with scoped(engine, ACCOUNT) as session:
        session.add(Shop(id=1, account_id=ACCOUNT, platform="demo", external_id="web", name="Demo",
                         created_at=_NOW))  # fmt: skip
        session.add(Audience(id=1, account_id=ACCOUNT, list_id="a1", name="Demo", server="us6",
                             token="-", language="en", connected_at=_NOW))  # fmt: skip
        session.flush()
        people = shop.assigned.profiles["person_id"].tolist()
        for table in (Person, SourceProfile, Identity, Member, Consent):
            rows = [row.model_dump() for key in people for row in _rows(key) if type(row) is table]
            session.execute(insert(table), rows)
        fits.store(session, shop.fitted, {}, as_of=shop.as_of, now=_NOW)
        results.store_assigned(
            session, shop.assigned, as_of=shop.as_of, previous_due=empty(PREVIOUS_DUE)
        )
    with scoped(engine, ACCOUNT) as session:
        yield session
    engine.dispose()


def _rows(key: int) -> Iterator[SQLModel]:
    email = f"p{key}@stipt-demo.shop"
    yield Person(id=key, account_id=ACCOUNT, created_at=_NOW)
    yield SourceProfile(id=key, account_id=ACCOUNT, shop_id=1, external_id=f"c{key}",
                        person_id=key, email=email, first_name=f"Person {key}",
                        created_at=_NOW)  # fmt: skip
    yield Identity(id=key, account_id=ACCOUNT, profile_id=key, kind="email", value=email)
    if key % 4:
        yield Member(id=key, account_id=ACCOUNT, audience_id=1, email_key=email,
                     status="subscribed")  # fmt: skip
    state = "confirmed" if key % 8 else "denied"
    yield Consent(id=key, account_id=ACCOUNT, shop_id=1, external_id=f"k{key}", profile_id=key,
                  email_key=email, state=state, at=_NOW, source="shop", evidence="form",
                  received_at=_NOW)  # fmt: skip


def _seconds(act: Callable[[], Any]) -> float:
    act()
    measured = []
    for _ in range(_TIMES):
        begun = time.process_time()
        act()
        measured.append(time.process_time() - begun)
    return statistics.median(measured)


def _result(metric: str, seconds: float, *, bar: float | None = None, **more: float) -> Result:
    told = {name: round(value, 3) for name, value in more.items()}
    return Result(
        set="demo shop", metric=metric, ours=round(seconds, 3), bar=bar, better="lower", **told
    )
