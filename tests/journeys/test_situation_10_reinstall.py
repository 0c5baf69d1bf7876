"""Situation 10: uninstall and re-install: the same store, and no revenue twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from integration.sandbox.server import SandboxServer
from integration.settings import Settings
from tests import fresh_tables
from tests.service.store_shop import TODAY, StoreShop

ADA, BOB = "ada@stipt-demo.shop", "bob@stipt-demo.shop"


def installed(settings: Settings, sandbox: SandboxServer, folder: Path, name: str) -> StoreShop:
    """A new installation: a database of its own, the same shop and audience."""
    url = f"sqlite:///{folder / name}.db"
    fresh_tables.lay(url)
    return StoreShop(settings.model_copy(update={"database_url": url}), sandbox)


def fill(shop: StoreShop, *emails: str) -> None:
    """What the shop's platform tells."""
    shop.product("suit", variants=["blue"])
    for email in emails:
        shop.people.person(email)
        profile = shop.people.profiles[email]
        shop.order(f"o-{email[:3]}", profile, ("suit", "blue"), ("gone", None))
        shop.cart(f"k-{email[:3]}", profile, "suit", at=TODAY)


@pytest.mark.parametrize("people", [1, 40], ids=["few", "many"])
def test_the_same_store_is_found_and_nothing_is_sent_twice(
    settings: Settings, tmp_path: Path, people: int
) -> None:
    emails = [ADA, *(f"p{number:02}@stipt-demo.shop" for number in range(people - 1))]
    with SandboxServer() as sandbox:
        for email in emails:
            sandbox.add_member(email)
        first = installed(settings, sandbox, tmp_path, "first")
        fill(first, *emails)
        first.on()
        first.send()
        before, store_id = sandbox.canonical(), first.row.store_id
        first.close()

        # Other people were read first this time, so all our own numbers differ.
        second = installed(settings, sandbox, tmp_path, "second")
        second.people.person(BOB)
        fill(second, *reversed(emails))
        second.on()
        assert second.row.store_id == store_id
        writes = second.send()
        assert writes <= 2, "only quiet and loud again"
        assert sandbox.canonical() == before
        assert len(sandbox.stores) == 1
        assert second.revenue(ADA) == (1, 200)
        assert sandbox.fired == []
        second.order("o-new", second.people.profiles[ADA], ("suit", "blue"), at=TODAY)
        second.send()
        assert second.revenue(ADA) == (2, 300)
        second.close()


def test_what_changed_in_between_is_caught_up_with(settings: Settings, tmp_path: Path) -> None:
    with SandboxServer() as sandbox:
        sandbox.add_member(ADA)
        first = installed(settings, sandbox, tmp_path, "first")
        fill(first, ADA)
        first.on()
        first.send()
        first.close()
        second = installed(settings, sandbox, tmp_path, "second")
        fill(second, ADA)
        second.refund("r1", "o-ada", 10_000)
        second.product("suit", variants=["blue"], title="Blue suit")
        second.on()
        second.send()
        assert second.revenue(ADA) == (1, 100)
        assert second.store.products["suit"]["title"] == "Blue suit"
        second.close()
