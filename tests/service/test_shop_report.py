"""What a night found in a shop is told on pages and by the command; causes in one's language."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlmodel import select

from integration.app import create_app
from integration.cli.main import main
from integration.db import scoped
from integration.shopify.stores import UNINSTALLED, Stopped
from integration.shops.leaving import leave
from integration.tables import Audience, FittedModel, ImportRun, Shop, Work
from integration.work.execute import cause
from tests.service.installation import Installation
from tests.service.shop_rows import NOW, Merchant, merchant
from tests.service.visitor import Visitor

REPORT = {
    "at": "2026-03-10T03:12:00+00:00", "compared": 50, "differed": 1, "added": 2, "deleted": 0,
    "streams": {"orders": {"compared": 25, "differed": 1, "added": 2}, "products": {}},
    "months": [{"month": "2025-11", "there": 120, "here": 118, "added": 2}],
}  # fmt: skip


@pytest.fixture
def installation(tmp_path: Path, sqlite_url: str) -> Iterator[Installation]:
    made = Installation(tmp_path, sqlite_url)
    object.__setattr__(made.context, "clock", lambda: NOW)
    yield made
    made.engine.dispose()


@pytest.fixture
def shop(installation: Installation) -> Merchant:
    """A merchant with everything, whose first source is a web shop."""
    known = merchant(installation.context)
    with scoped(installation.engine, known.account_id) as session:
        session.exec(select(Shop)).first().platform = "shopify"  # type: ignore[union-attr]
    return known


def browser(installation: Installation, known: Merchant, language: str = "en") -> Visitor:
    visitor = Visitor(create_app(installation.context))
    visitor.log_in(known.email)
    visitor.post("/language", {"language": language})
    return visitor


def test_status_and_the_check_tell_what_was_put_right_by_kind_and_by_month(
    installation: Installation, shop: Merchant, tmp_path: Path
) -> None:
    visitor = browser(installation, shop)
    for path in ("/status", "/mailchimp/check"):
        assert "Not compared yet; that is done in the night" in visitor.get(path).text
    with scoped(installation.engine, shop.account_id) as session:
        row = session.exec(select(Shop).where(Shop.platform == "shopify")).one()
        # At half past midnight, where the merchant is.
        silent = {"silent_since": "2026-03-09T23:30:00+00:00"}
        row.config = {**row.config, "check": {**REPORT, **silent}}
    for path in ("/status", "/mailchimp/check"):
        text = " ".join(visitor.get(path).text.split())
        assert "3 records were not as they are in the shop, and were put right." in text
        assert "2025-11: 120 there, 118 here; 2 read again" in text
        assert "10 Mar 2026 04:12" in text
        assert "tells us nothing any more since 10 Mar 2026;" in text
        assert '<th scope="row">Orders</th> <td class="text-end" data-label="compared">25' in text
    asked = ["--env", str(tmp_path / ".env"), "--account", str(shop.account_id), "check"]
    with scoped(installation.engine, shop.account_id) as session:
        for audience in session.exec(select(Audience)):
            audience.disconnected_at = NOW
    told = json.loads(CliRunner().invoke(main, [*asked, "--json"]).stdout)
    assert told["shops"][0]["report"]["streams"] == REPORT["streams"]
    said = CliRunner().invoke(main, asked).stdout
    assert ", 2026-03-10 04:12: 50 records compared, 1 differed, 2 added." in said
    assert "! 2025-11: 120 orders there, 118 here, 2 read again" in said


def test_without_a_shop_to_compare_it_says_so(installation: Installation) -> None:
    known = merchant(installation.context)
    assert (
        "No shop is connected that could be compared."
        in browser(installation, known).get("/status").text
    )


def test_since_when_nothing_arrives_of_a_shop_that_removed_stipt_is_told_wherever_it_is_named(
    installation: Installation, shop: Merchant, tmp_path: Path
) -> None:
    visitor = browser(installation, shop)
    said = "Stipt was removed from this shop on 10 Mar 2026"
    assert said not in visitor.get("/imports").text + visitor.get("/").text
    with scoped(installation.engine, shop.account_id) as session:
        row = session.exec(select(Shop).where(Shop.platform == "shopify")).one()
        # In Amsterdam it is the 10th by then.
        leave(session, row, datetime(2026, 3, 9, 23, 30, tzinfo=UTC))
        for audience in session.exec(select(Audience)):
            audience.disconnected_at = NOW
        name = row.name
    for path in ("/imports", "/status", "/mailchimp/check"):
        assert said in visitor.get(path).text
    assert said in visitor.get("/").text, "what was read of it still counts"
    assert "No shop is connected that could be compared." not in visitor.get("/status").text
    badge = '<span class="badge bg-secondary-lt">removed on 10 Mar 2026</span>'
    assert badge in visitor.get("/imports").text
    asked = ["--env", str(tmp_path / ".env"), "--account", str(shop.account_id)]
    status = json.loads(CliRunner().invoke(main, [*asked, "status", "--json"]).stdout)
    states = {source[0]: source[3] for source in status["sources"]}
    assert states[name] == "Stipt was removed on 2026-03-10: nothing arrives any more"
    checked = CliRunner().invoke(main, [*asked, "check"]).stdout
    assert f"{name}: not compared, as Stipt was removed on 2026-03-10." in checked
    told = json.loads(CliRunner().invoke(main, [*asked, "check", "--json"]).stdout)
    assert [one["not_compared"] for one in told["shops"]] == ["Stipt was removed on 2026-03-10"]


def test_that_the_shop_removed_stipt_is_told_in_dutch_and_its_work_waits_for_the_shop(
    installation: Installation, shop: Merchant
) -> None:
    why = Stopped(UNINSTALLED)
    with scoped(installation.engine, shop.account_id) as session:
        row = session.exec(select(Shop).where(Shop.platform == "shopify")).one()
        session.add(
            ImportRun(
                account_id=shop.account_id,
                shop_id=row.id or 0,
                name="Web",
                status="failed",
                error=str(why),
                started_at=NOW,
            )
        )
        for kind in ("apply_event", "push"):
            session.add(
                Work(
                    account_id=shop.account_id, kind=kind, lane=kind, status="resting", run_at=NOW,
                    error=cause(why), created_at=NOW,
                )
            )  # fmt: skip
    visitor = browser(installation, shop, "nl")
    imports, status = visitor.get("/imports").text, visitor.get("/status").text
    assert "Stipt is uit deze winkel verwijderd" in imports
    assert "the shop removed Stipt" not in imports + status
    assert "rust tot de winkel weer gekoppeld is" in status
    assert status.count("rust tot Mailchimp weer gekoppeld is") == 1
    with scoped(installation.engine, shop.account_id) as session:
        newest = session.exec(select(FittedModel)).one()
        newest.known_since, newest.unknown_why = NOW.date(), "reading"
    assert "rust tot de geschiedenis van de winkel gelezen is" in visitor.get("/status").text
