"""From a source to results: repeated, asked, failed, and the same people over two sources."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from threading import Thread

import pytest
from sqlmodel import Session, select, text

from connectors.base import Page
from connectors.demo.connector import DemoConnector
from connectors.errors import Unreachable
from integration import pipeline
from integration.db import make_engine, scoped, unscoped
from integration.pipeline import import_source, refresh
from integration.tables import (
    DueDate,
    FittedModel,
    Person,
    SegmentMember,
    Shop,
    Work,
)
from integration.tables import Order as OrderRow
from integration.work.execute import perform, run_until_idle
from integration.work.queue import AT_ONCE, claim
from tests.connectors.files.writing import write
from tests.service.contents import differences, meant, stored
from tests.service.installation import CUSTOMERS, Installation, demo_orders
from tests.service.shop_files import write_receipts

RECEIPTS = "receipt_id,customer_id,email,purchased_at,product_name,quantity,gross_amount,currency"
PLAIN = f"{RECEIPTS}\nR1,1,ada@stipt-demo.shop,2024-04-13,Blue suit,1,100.50,EUR".splitlines()
DOUBTFUL = f"{RECEIPTS}\nR1,1,ada@stipt-demo.shop,03/04/2024,Blue suit,1,100.50,EUR".splitlines()


@pytest.fixture
def installation(tmp_path: Path, database_url: str) -> Iterator[Installation]:
    """An empty account, once on each engine."""
    made = Installation(tmp_path, database_url)
    yield made
    made.engine.dispose()


# -- repeating -------------------------------------------------------------------------------------


def _count_from_elsewhere(postgres_url: str) -> None:
    """Give each table other numbers, as rows that were rolled back leave them."""
    engine = make_engine(postgres_url)
    with engine.begin() as connection:
        names = connection.execute(text("SELECT sequencename FROM pg_sequences ORDER BY 1"))
        for place, (name,) in enumerate(names.all(), 1):
            connection.execute(text("SELECT setval(:name, :last)"), {"name": name, "last": place})
    engine.dispose()


def test_both_engines_come_to_the_same_results_whatever_numbers_their_rows_get(
    sqlite_url: str, postgres_url: str, tmp_path: Path
) -> None:
    _count_from_elsewhere(postgres_url)
    found = []
    for name, url in (("one", sqlite_url), ("two", postgres_url)):
        (tmp_path / name).mkdir()
        made = Installation(tmp_path / name, url)
        made.demo("web", "card")
        made.work()
        found.append(meant(made.engine))
        assert made.count(DueDate) > CUSTOMERS / 2
        assert made.count(SegmentMember) > CUSTOMERS
        made.engine.dispose()
    assert differences(*found) == {}


def test_reading_the_same_again_changes_no_row(installation: Installation) -> None:
    installation.demo("web", "card")
    installation.work()
    before = stored(installation.engine)
    installation.demo("web", "card")
    installation.work()
    assert differences(before, stored(installation.engine)) == {}
    installation.forget_cursors()
    installation.demo("web", "card")
    installation.work()
    assert differences(before, stored(installation.engine)) == {}


def test_the_same_file_again_changes_no_row(installation: Installation, tmp_path: Path) -> None:
    receipts = tmp_path / "receipts.csv"
    write_receipts(receipts, demo_orders("card", 100))
    installation.file(receipts)
    installation.work()
    before = stored(installation.engine)
    installation.file(receipts)
    installation.work()
    assert differences(before, stored(installation.engine)) == {}
    # Under another name nothing is remembered of it: every line is read and compared.
    copy = tmp_path / "copy.csv"
    copy.write_bytes(receipts.read_bytes())
    installation.forget_cursors()
    installation.file(copy)
    installation.work()
    assert differences(before, stored(installation.engine)) == {}


def test_a_burst_of_readings_is_computed_once(installation: Installation, tmp_path: Path) -> None:
    for number in range(4):
        line = f"R{number},{number},p{number}@stipt-demo.shop,2024-04-13,Blue suit,1,100.50,EUR"
        installation.file(write(tmp_path / f"{number}.csv", RECEIPTS, line))
    installation.work()
    assert installation.count(Person) == 4
    assert installation.count(FittedModel) == 1


def test_a_computation_that_waits_is_not_asked_for_twice(
    installation: Installation, tmp_path: Path
) -> None:
    files = [
        write(tmp_path / f"{n}.csv", RECEIPTS, PLAIN[1].replace("R1", f"R{n}")) for n in (1, 2)
    ]
    # Both readings end before any computation begins, as when the worker is busy elsewhere.
    for file in files:
        installation.file(file)
    for _ in files:
        job = claim(installation.context)
        assert job is not None
        perform(job)
    with unscoped(installation.engine) as session:
        waiting = session.exec(select(Work.kind).where(Work.status == "queued")).all()
    assert waiting == ["refresh"]


def test_a_worker_lost_after_the_end_of_a_reading_leaves_its_computation_to_be_done(
    installation: Installation, tmp_path: Path
) -> None:
    installation.file(write(tmp_path / "plain.csv", *PLAIN))
    reading = claim(installation.context)
    assert reading is not None
    import_source(installation.context, reading)
    # The worker dies here: the reading has ended, its job still looks alive.
    computing = claim(installation.context)
    assert computing is not None
    refresh(installation.context, computing)
    assert installation.count(FittedModel) == 1


def test_a_computation_leaves_it_to_the_reading_that_is_still_to_come(
    installation: Installation, tmp_path: Path
) -> None:
    installation.file(write(tmp_path / "plain.csv", *PLAIN))
    installation.work()
    installation.file(write(tmp_path / "more.csv", RECEIPTS, PLAIN[1].replace("R1", "R2")))
    with scoped(installation.engine, installation.account_id) as session:
        reading = session.exec(select(Work).where(Work.status == "queued")).one()
    job = claim(installation.context, work_id=reading.id)
    assert job is not None
    refresh(installation.context, job)
    assert installation.count(FittedModel) == 1


# -- asking and failing ----------------------------------------------------------------------------


def test_a_computation_put_off_while_the_reading_ends_is_started_by_that_end(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    installation.demo("web", "card")
    first = claim(installation.context)
    assert first is not None
    perform(first)
    second, asked = claim(installation.context), claim(installation.context)
    assert second is not None
    assert asked is not None
    assert (second.kind, asked.kind) == ("import", "refresh")
    ending = Thread(target=pipeline._end, args=(installation.context, second, "done", None))
    look = pipeline._is_reading

    def slowly(session: Session) -> bool:
        found = look(session)
        ending.start()
        ending.join(0.5)  # as much of it as does not wait for this transaction
        return found

    monkeypatch.setattr(pipeline, "_is_reading", slowly)
    refresh(installation.context, asked)
    ending.join()
    with unscoped(installation.engine) as session:
        waiting = session.exec(
            select(Work.run_at).where(Work.kind == "refresh", Work.status == "queued")
        ).all()
    assert waiting == [AT_ONCE]


def test_a_question_waits_and_nothing_is_written_until_it_is_answered(
    installation: Installation, tmp_path: Path
) -> None:
    file = write(tmp_path / "doubtful.csv", *DOUBTFUL)
    asked = installation.run(installation.file(file))
    installation.work()
    asked = installation.run(asked.id or 0)
    assert asked.status == "waiting"
    assert "date_order" in (asked.error or "")
    assert installation.count(OrderRow) == 0

    answered = installation.file(file, date_order="dmy")
    installation.work()
    assert installation.run(answered).status == "done"
    with scoped(installation.engine, installation.account_id) as session:
        (order,) = session.exec(select(OrderRow)).all()
        (shop,) = session.exec(select(Shop)).all()
    assert order.placed_at.date() == date(2024, 4, 2)  # midnight in Amsterdam is the evening before
    assert shop.config["mapping"]

    # The layout is known now, so the next file of it is not asked about.
    more = write(tmp_path / "more.csv", RECEIPTS, DOUBTFUL[1].replace("R1", "R2"))
    again = installation.file(more)
    installation.work()
    assert installation.run(again).status == "done"


@pytest.mark.parametrize(
    "content", [b"a,b\r\n1,2\r\n", b"", b"\x00\x01\x02\x03"], ids=["unknown", "empty", "binary"]
)
def test_a_file_that_cannot_be_read_fails_with_what_to_do(
    installation: Installation, tmp_path: Path, content: bytes
) -> None:
    file = tmp_path / "odd.csv"
    file.write_bytes(content)
    run_id = installation.file(file)
    installation.work()
    run = installation.run(run_id)
    assert run.status == "failed"
    assert run.error
    assert str(tmp_path) not in run.error


def test_a_file_that_is_gone_fails_and_the_next_is_read(
    installation: Installation, tmp_path: Path
) -> None:
    gone = installation.file(tmp_path / "gone.csv")
    fine = installation.file(write(tmp_path / "plain.csv", *PLAIN))
    installation.work()
    assert installation.run(gone).status == "failed"
    assert installation.run(fine).status == "done"
    assert installation.count(FittedModel) == 1


def test_what_others_brought_is_computed_while_a_source_cannot_be_reached(
    installation: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreachable(*_: object) -> Iterator[Page]:
        raise Unreachable("the shop does not answer", retry_after_s=3600)

    installation.file(write(tmp_path / "plain.csv", *PLAIN))
    installation.demo("card", customers=50)
    with monkeypatch.context() as away:
        away.setattr(DemoConnector, "read", unreachable)
        installation.work()
    with scoped(installation.engine, installation.account_id) as session:
        (late,) = session.exec(select(Work).where(Work.status == "queued")).all()
        run_id = late.payload["run_id"]
        # The hour is over.
        late.run_at = installation.context.clock()
    assert installation.count(FittedModel) == 1
    assert installation.run(run_id).status == "running"
    assert "does not answer" in (installation.run(run_id).error or "")

    installation.work()
    assert (installation.run(run_id).status, installation.run(run_id).error) == ("done", None)
    assert installation.count(FittedModel) == 2


def test_what_others_brought_is_computed_when_a_reading_is_given_up(
    installation: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> Iterator[Page]:
        raise RuntimeError("a mistake of ours")

    installation.file(write(tmp_path / "plain.csv", *PLAIN))
    installation.demo("card", customers=50)
    monkeypatch.setattr(DemoConnector, "read", broken)
    run_until_idle(installation.context)
    with unscoped(installation.engine) as session:
        states = Counter(session.exec(select(Work.kind, Work.status)).all())
    assert states["import", "dead"] == 1
    assert installation.count(FittedModel) == 1
