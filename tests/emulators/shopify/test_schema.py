"""The emulator speaks the official schema."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.emulators.shopify.prune import prune
from tests.emulators.shopify.schema import FILE


@pytest.mark.shared
def test_the_kept_part_of_the_schema_is_the_official_one(shared_specs: Path) -> None:
    official = (shared_specs / "shopify-admin.graphql").read_text("utf-8")
    assert prune(official) == FILE.read_text("utf-8")
