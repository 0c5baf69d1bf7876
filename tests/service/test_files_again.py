"""Files of one shop over time: what a later file says about people and goods known already."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from connectors.records import ConsentState
from integration.consent import states
from integration.db import scoped
from tests.connectors.files.writing import write
from tests.service.installation import Installation


@pytest.fixture
def shop(tmp_path: Path, database_url: str) -> Iterator[Installation]:
    """An empty account, once on each engine."""
    made = Installation(tmp_path, database_url)
    yield made
    made.engine.dispose()


STATEMENTS = (
    "7,ada@voorbeeld.nl,unsubscribed,2023-03-01",
    "7,ada@voorbeeld.nl,subscribed,2024-03-01",
    "7,ada@voorbeeld.nl,unsubscribed,2025-03-01",
)


@pytest.mark.parametrize("files", [1, 3])
def test_who_leaves_comes_back_and_leaves_again_is_denied(
    shop: Installation, tmp_path: Path, files: int
) -> None:
    rows = [STATEMENTS] if files == 1 else [(said,) for said in STATEMENTS]
    for number, said in enumerate(rows):
        path = tmp_path / f"klanten{number}.csv"
        shop.file(write(path, "customer_id,email,consent_email,consent_at", *said))
        shop.work()
    with scoped(shop.engine, shop.account_id) as session:
        assert list(states(session).values()) == [ConsentState.DENIED]
