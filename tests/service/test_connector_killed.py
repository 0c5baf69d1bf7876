"""A reading of a store that is killed at each of its pages ends with the same tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("graphql", reason="graphql-core is a tool of the tests")

from connectors.shopify.connector import FEW, ShopifyConnector
from integration import pipeline, sources
from integration.pipeline import import_source
from integration.work.queue import Job, claim
from tests import fresh_tables
from tests.emulators.shopify.server import GOLDEN, ShopifyEmulator
from tests.service.contents import Contents, differences, meant
from tests.service.installation import Installation


class PowerCut(BaseException):
    """What no code can catch and tidy up after."""


@pytest.fixture(scope="module")
def shopify() -> Iterator[ShopifyEmulator]:
    """A small store."""
    with ShopifyEmulator.serve(customers=6, only_sold=True) as served:
        served.app.distribution = "custom"
        served.shop().plan = "enterprise"
        shop = served.shop()
        for table in (shop.products, shop.orders):
            for key in list(table)[40:]:
                table.remove(key)
        yield served


@pytest.fixture(params=["by pages", "by exports"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """How the store is read."""
    few = dict(FEW) if request.param == "by pages" else dict.fromkeys(FEW, 0)
    made = partial(ShopifyConnector, few=few, page=5, sleep=lambda _seconds: None)
    monkeypatch.setattr(sources, "ShopifyConnector", made)
    return str(request.param)


@pytest.fixture
def reading(
    tmp_path: Path, database_url: str, shopify: ShopifyEmulator, way: str
) -> Iterator[Installation]:
    """An account that is to read the store."""
    template = f"STIPT_SHOPIFY_URL_TEMPLATE={shopify.url_template}"
    made = Installation(tmp_path, database_url, template)
    made.shopify(GOLDEN, shopify.install(expiring=False)["access_token"])
    yield made
    made.engine.dispose()


def read(installation: Installation, kills: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Read the store, killed once at each page."""
    job = claim(installation.context)
    assert job is not None
    died: set[tuple[str, int]] = set()
    saved: Counter[str] = Counter()
    finished: set[str] = set()
    whole: set[str] = set()
    save = pipeline._save

    def die(stream: str, when: str) -> None:
        # What is whole is looked at again after each restart, which brings nothing.
        place = (stream, saved[stream])
        if kills == when and stream not in whole and place not in died:
            died.add(place)
            raise PowerCut

    def keep(*args: Any) -> bool:
        stream, page = args[3:5]
        computes = save(*args)
        die(stream, "before it is kept")
        saved[stream] += 1
        finished.update([stream] if page.complete else [])
        return computes

    def report(_job: Job, _progress: float | None, stream: str) -> None:
        try:
            die(stream, "after it is kept")
        finally:
            whole.update(finished & {stream})

    monkeypatch.setattr(pipeline, "_save", keep)
    monkeypatch.setattr(Job, "report", report)
    for _restart in range(60):
        try:
            import_source(installation.context, job)
        except PowerCut:
            continue
        assert kills == "never" or len(died) > 8
        return
    raise AssertionError("it never ends")


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, shopify: ShopifyEmulator) -> Contents:
    """What is there after a reading that nothing kills."""
    template = f"STIPT_SHOPIFY_URL_TEMPLATE={shopify.url_template}"
    folder = tmp_path_factory.mktemp("undisturbed")
    url = f"sqlite:///{folder / 'stipt.db'}"
    fresh_tables.lay(url)
    made = Installation(folder, url, template)
    made.shopify(GOLDEN, shopify.install(expiring=False)["access_token"])
    with pytest.MonkeyPatch.context() as patch:
        read(made, "never", patch)
    found = facts(made)
    made.engine.dispose()
    return found


def facts(installation: Installation) -> Contents:
    """What is held of the store."""
    left = ("work", "import_run", "sync_state", "account", "app_user", "shopify_store")
    return {name: rows for name, rows in meant(installation.engine).items() if name not in left}


@pytest.mark.parametrize("kills", ["before it is kept", "after it is kept"])
def test_killed_at_each_page_it_ends_with_the_same_tables(
    reading: Installation, undisturbed: Contents, kills: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    read(reading, kills, monkeypatch)
    assert differences(undisturbed, facts(reading)) == {}
