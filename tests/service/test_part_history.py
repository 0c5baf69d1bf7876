"""Segments are useful minutes after a store was connected, and claim no more than is known."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, time, timedelta
from functools import partial
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlmodel import col, select

from connectors.base import Connector, Page
from connectors.demo.connector import DemoConnector
from connectors.errors import NotAuthorized
from connectors.records import Order
from integration import pipeline
from integration.app import create_app
from integration.audience.pause import check
from integration.cli.main import main
from integration.db import scoped
from integration.history import READING, Window, is_partial, is_worth_computing, told
from integration.mailchimp.errors import Paused
from integration.security import hash_password
from integration.tables import (
    Audience,
    DueDate,
    FittedModel,
    ImportRun,
    PersonProfile,
    SegmentChange,
    SegmentMember,
    Shop,
    ShopifyStore,
    User,
    Work,
)
from integration.work.execute import perform
from integration.work.queue import claim
from tests.service.contents import differences, meant
from tests.service.installation import AS_OF, CUSTOMERS, Installation
from tests.service.shop_rows import PASSWORD
from tests.service.visitor import Visitor

END = datetime.combine(AS_OF, time(12), UTC)
#: Days before the end at which the slices of orders begin, newest first.
SLICES = (30, 40, 90, 500)


class NewestFirst:
    """The sample shop, whose orders come in slices, newest first; between two something happens."""

    def __init__(self, meanwhile: Callable[[int], object]) -> None:
        self._source = DemoConnector("web", seed=7, customers=CUSTOMERS, as_of=AS_OF)
        self.platform, self.install = self._source.platform, self._source.install
        self.streams, self.prepare = self._source.streams, self._source.prepare
        self._meanwhile = meanwhile

    def read(self, stream: str, cursor: object = None) -> Iterator[Page]:
        """Yield every page."""
        pages = list(self._source.read(stream))
        if stream != "orders":
            yield from pages
            return
        orders = [one for page in pages for one in page.records if isinstance(one, Order)]
        marks = [END - timedelta(days=days) for days in SLICES]
        for nth, (since, until) in enumerate(zip(marks, [None, *marks], strict=False)):
            some = [
                o for o in orders if since <= o.placed_at and (not until or o.placed_at < until)
            ]
            yield Page(records=some, cursor_after={"to": nth}, known_since=since)
            self._meanwhile(nth)
        rest = [order for order in orders if order.placed_at < marks[-1]]
        yield Page(records=rest, cursor_after={}, complete=True, progress=1.0)


@pytest.fixture
def installation(tmp_path: Path, database_url: str) -> Iterator[Installation]:
    """An empty account, once on each engine, at the end of the sample shop's history."""
    made = Installation(tmp_path, database_url)
    object.__setattr__(made.context, "clock", lambda: END)
    yield made
    made.engine.dispose()


def computed(installation: Installation) -> list[str]:
    """Do the computations that are due, beside the reading; their kinds."""
    done = []
    while job := claim(installation.context):
        perform(job)
        done.append(job.kind)
    return done


def read(
    installation: Installation,
    monkeypatch: pytest.MonkeyPatch,
    meanwhile: Callable[[int], object],
) -> None:
    """Read the sample shop newest first, then compute what is left."""
    has_newest_first(installation, monkeypatch, meanwhile)
    installation.work()


def has_newest_first(
    installation: Installation,
    monkeypatch: pytest.MonkeyPatch,
    meanwhile: Callable[[int], object],
) -> None:
    """Write down that the sample shop is to be read newest first."""
    made: Connector = NewestFirst(meanwhile)  # type: ignore[assignment]  # as much as is asked of it
    monkeypatch.setattr(pipeline, "open_source", lambda *_, **__: made)
    installation.demo("web")


def groups(installation: Installation) -> set[str]:
    """The groups of the segments that somebody is in."""
    with scoped(installation.engine, installation.account_id) as session:
        return {key.partition(":")[0] for key in session.exec(select(SegmentMember.segment))}


def logged_in(installation: Installation) -> Visitor:
    """Somebody of the account at a browser."""
    with scoped(installation.engine, installation.account_id) as session:
        session.add(
            User(
                account_id=installation.account_id, email="ada@stipt-demo.shop",
                password_hash=hash_password(PASSWORD), language="en", created_at=END,
            )
        )  # fmt: skip
    visitor = Visitor(create_app(installation.context))
    visitor.log_in("ada@stipt-demo.shop")
    return visitor


def test_segments_are_there_once_the_newest_orders_are_and_again_each_time_the_history_doubled(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[Sequence[str], Window | None, set[str]]] = []
    woken: list[object] = []
    monkeypatch.setattr("integration.pipeline.wake_due", woken.append)

    def meanwhile(_: int) -> None:
        done = computed(installation)
        with scoped(installation.engine, installation.account_id) as session:
            seen.append((done, told(session), groups(installation)))

    read(installation, monkeypatch, meanwhile)
    days = [(AS_OF - known.since).days for _, known, _ in seen if known]
    assert [done for done, _, _ in seen] == [["refresh"], [], ["refresh"], ["refresh"]]
    assert len(woken) == 3, "it does not wait for the look of the next minute"
    assert days == [30, 30, 90, 500]
    assert {known.why for _, known, _ in seen if known} == {READING}
    assert "loves" in seen[0][2]
    for _, known, found in seen:
        assert known
        is_long = known.days(AS_OF) >= 365
        assert ("stage" in found) == is_long, "nobody is lost, or new, by 30 days of orders"
        assert is_long or not found & {"value", "group", "cluster"}


def test_a_date_is_told_early_only_where_its_way_was_seen_twice(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    def meanwhile(nth: int) -> None:
        computed(installation)
        with scoped(installation.engine, installation.account_id) as session:
            rows = session.exec(select(DueDate)).all()
        assert rows
        for row in rows:
            if row.state and SLICES[nth] < 365:
                assert 2 * (row.expected_on - row.last_on).days <= SLICES[nth]

    read(installation, monkeypatch, meanwhile)


def test_the_end_is_that_of_a_reading_that_was_computed_once(
    sqlite_url: str, postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = []
    ways: Sequence[tuple[str, str, Callable[[Installation, int], object]]] = (
        ("early", postgres_url, lambda made, _: computed(made)),
        ("once", sqlite_url, lambda *_: None),
    )
    for name, url, meanwhile in ways:
        (tmp_path / name).mkdir()
        made = Installation(tmp_path / name, url)
        object.__setattr__(made.context, "clock", lambda: END)
        with monkeypatch.context() as patch:
            read(made, patch, partial(meanwhile, made))
        assert "stage" in groups(made)
        assert made.count(FittedModel) == 1, "what was of a part is let go"
        assert made.count(SegmentChange) == made.count(SegmentMember), "nobody left anything yet"
        found.append(meant(made.engine))
        made.engine.dispose()
    assert differences(*found) == {}


def test_nothing_goes_to_mailchimp_before_all_is_read_and_then_it_does_by_itself(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    with scoped(installation.engine, installation.account_id) as session:
        audience = Audience(
            account_id=installation.account_id, list_id="a", name="A", server="us1", token="",
            language="en", connected_at=END, read_until=END,
        )  # fmt: skip
        session.add(audience)
    check(installation.context, audience)

    def meanwhile(nth: int) -> None:
        computed(installation)
        with pytest.raises(Paused, match="still being read"):
            check(installation.context, audience)
        if nth == 0:
            with scoped(installation.engine, installation.account_id) as session:
                session.add(
                    Work(
                        account_id=installation.account_id, kind="plan", lane="p", status="resting",
                        run_at=END + timedelta(days=1), created_at=END,
                    )
                )  # fmt: skip

    monkeypatch.setattr("integration.pipeline.plan", lambda *_: planned.append(1))
    planned: list[int] = []
    read(installation, monkeypatch, meanwhile)
    check(installation.context, audience)
    assert planned == [1], "what rested goes on with the figures of everything"


def test_the_pages_say_what_the_figures_are_based_on(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    visitor = logged_in(installation)
    texts = []

    def meanwhile(_: int) -> None:
        computed(installation)
        texts.append(visitor.get("/").text)

    read(installation, monkeypatch, meanwhile)
    assert "Based on orders since 2 Oct 2026; the rest is still to be read." in texts[0]
    due = '<p class="st-figure">{}</p><p class="st-figure-label">people become due within 30 days'
    assert due.format("–") in texts[0], "who is due of a month of orders is not known: 0 is a claim"
    assert due.format("–") not in visitor.get("/").text
    assert "Based on orders since" not in visitor.get("/").text


@pytest.mark.parametrize(
    ("error", "state"),
    [
        pytest.param(RuntimeError("a field that nobody foresaw"), "dead", id="given up"),
        pytest.param(NotAuthorized("Shopify refuses a field"), "done", id="refused by the shop"),
    ],
)
def test_a_history_that_was_not_read_to_its_end_says_so_and_a_click_reads_on(
    installation: Installation,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    state: str,
) -> None:
    visitor = logged_in(installation)
    broken = [error]

    def meanwhile(nth: int) -> None:
        computed(installation)
        if nth == 1 and broken:
            raise broken.pop()

    has_newest_first(installation, monkeypatch, meanwhile)
    computed(installation)
    with scoped(installation.engine, installation.account_id) as session:
        assert session.exec(select(Work.status).where(Work.kind == "import")).all() == [state]
        assert is_partial(session)
        run_id = session.exec(select(ImportRun.id)).one()
    button = f'action="/imports/{run_id}/on"'
    for path in ("/", "/status", "/imports"):
        text = visitor.get(path).text
        assert "Nothing goes to Mailchimp before the rest is read." in text
        assert str(error) in text
        assert text.count(button) == 1
        assert "Run again" not in text.partition('id="work"')[0], "one button for one thing"
    assert "Given up" in visitor.get("/").text.partition('id="read-title"')[2]
    asked = ["--env", str(tmp_path / ".env"), "--account", str(installation.account_id), "status"]
    (reading,) = json.loads(CliRunner().invoke(main, [*asked, "--json"]).stdout)["readings"]
    assert "Nothing goes to Mailchimp before the rest is read" in reading["told"]
    assert str(error) in reading["told"]
    listed = CliRunner().invoke(main, [*asked[:-1], "segments"])
    assert "reading the rest was given up" in listed.output
    assert "every 2s" not in visitor.get("/imports").text, "nothing moves there"
    assert "reading the rest was given up" in visitor.get("/people").text

    assert visitor.post(f"/imports/{run_id}/on", {}).status_code == 302
    installation.work()
    with scoped(installation.engine, installation.account_id) as session:
        assert not is_partial(session)
        newest = select(ImportRun.status).order_by(col(ImportRun.id).desc())
        assert session.exec(newest).first() == "done"
    assert button not in visitor.get("/").text + visitor.get("/status").text
    assert visitor.post(f"/imports/{run_id}/on", {}).status_code == 409


def test_figures_of_everything_stay_while_another_source_is_read(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    installation.demo("card")
    installation.work()
    done: list[str] = []
    read(installation, monkeypatch, lambda _: done.extend(computed(installation)))
    assert done == []
    with scoped(installation.engine, installation.account_id) as session:
        assert not is_worth_computing(session, END, None, END)


def test_a_store_that_shows_60_days_only_is_computed_and_published_from_those(
    installation: Installation,
) -> None:
    installation.demo("web")
    with scoped(installation.engine, installation.account_id) as session:
        shop = session.exec(select(Shop)).one()
        session.add(
            ShopifyStore(
                account_id=installation.account_id, shop_id=shop.id or 0, store_id="1",
                domain="a.myshopify.com", way="fixed", installed_at=END,
                seen={"rights": {"orders": "", "all_orders": "scope"}},
            )
        )  # fmt: skip
    installation.work()
    visitor = logged_in(installation)
    assert "Shopify lets Stipt read the last 60 days only" in visitor.get("/").text
    assert not groups(installation) & {"stage", "value"}
    with scoped(installation.engine, installation.account_id) as session:
        figures = session.exec(select(PersonProfile)).all()
    assert {(one.stage, one.f, one.expected_gap) for one in figures if not one.is_wholesale} == {
        ("", 0, None)
    }


def test_a_shopify_store_is_computed_on_the_way(sqlite_url: str, tmp_path: Path) -> None:
    pytest.importorskip("graphql", reason="graphql-core is a tool of the tests")
    from tests.emulators.shopify.server import GOLDEN, ShopifyEmulator

    with ShopifyEmulator.serve(customers=40, only_sold=True) as shopify:
        shopify.app.distribution, shopify.shop().plan = "custom", "enterprise"
        template = f"STIPT_SHOPIFY_URL_TEMPLATE={shopify.url_template}"
        made = Installation(tmp_path, sqlite_url, template)
        made.shopify(GOLDEN, shopify.install(expiring=False)["access_token"])
        made.work()
    with scoped(made.engine, made.account_id) as session:
        reading = session.exec(select(Work).where(Work.kind == "import")).one()
        fit = session.exec(select(FittedModel)).one()
    made.engine.dispose()
    assert reading.payload["computed_since"] is not None, "asked for before the end"
    assert (fit.known_since, fit.unknown_why) == (None, "")
