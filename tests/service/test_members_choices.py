"""Choices are kept, shown and undone without a word to Mailchimp."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from integration.audience import choices
from integration.audience.choices import BadChoice
from integration.cli.main import main
from integration.sandbox.server import SandboxServer
from integration.sandbox.state import MergeField
from integration.settings import Settings
from integration.tables import Audience
from tests.service.adding_shop import choose
from tests.service.audience_shop import AudienceShop, make_shop


@pytest.fixture
def shop(settings: Settings) -> Iterator[AudienceShop]:
    with SandboxServer() as sandbox:
        sandbox.add_member("ada@stipt-demo.shop")
        made = make_shop(settings, sandbox)
        made.person("ada@stipt-demo.shop", ["stage:new"], stage="new")
        yield made
        made.context.engine.dispose()


def test_everything_is_off_until_the_merchant_chooses(shop: AudienceShop) -> None:
    audience = shop.audience
    assert (audience.adds_contacts, audience.sets_language) == (False, False)
    assert audience.field_sets == {}


def test_a_choice_is_kept_and_the_others_stay(shop: AudienceShop) -> None:
    seen = len(shop.sandbox.requests)
    with shop.session() as session:
        audience = session.get_one(Audience, shop.audience.id)
        choices.keep(audience, adds_contacts=True)
        choices.keep(audience, field_sets=["history", "shops"], makes_segments=False)
    found = shop.audience
    assert (found.adds_contacts, found.skips_segments, found.language) == (True, True, "en")
    assert found.field_sets == {"on": ["shops", "history"]}
    assert len(shop.sandbox.requests) == seen


@pytest.mark.parametrize("wrong", [{"language": "fr"}, {"field_sets": ["secrets"]}])
def test_there_are_no_other_choices(shop: AudienceShop, wrong: dict[str, object]) -> None:
    with pytest.raises(BadChoice):
        choices.keep(shop.audience, **wrong)  # type: ignore[arg-type]


def test_the_preview_of_another_language_is_what_the_plan_renames(shop: AudienceShop) -> None:
    # The merchant has a field of that name, so ours is called "Stage (auto)".
    with shop.sandbox.state.lock:
        taken = MergeField(id=90, tag="STAGE", name="Stage", type="text", display_order=90)
        shop.sandbox.audience.fields[90] = taken
    shop.push()
    with shop.session() as session:
        shown = choices.named(session, shop.audience, "nl")
        assert choices.named(session, shop.audience, "en") == []
    choose(shop, language="nl")
    planned = shop.plan().summary["names"]
    assert sorted(shown) == sorted((one["kind"], one["before"], one["after"]) for one in planned)
    assert ("tag", "Stage: New", "Fase: Nieuw") in shown


def test_the_command_shows_and_keeps_choices_and_a_dry_run_keeps_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with SandboxServer() as sandbox:

        def stipt(*arguments: str) -> str:
            called = CliRunner().invoke(main, list(arguments))
            assert called.exit_code == 0, called.output
            return called.stdout

        stipt("init", "--name", "Kleding & Co", "--email", "mia@stipt-demo.shop")
        monkeypatch.setenv("STIPT_MAILCHIMP_URL", sandbox.root)
        stipt("connect", "--token", sandbox.key, "--language", "en")
        changed = ("--add-contacts", "--language", "nl", "--fields", "shops", "--no-segments")
        tried = json.loads(stipt("choices", *changed, "--dry-run", "--json"))
        assert (tried["adds_contacts"], tried["language"]) == (True, "nl")
        before = json.loads(stipt("choices", "--json"))
        assert (before["adds_contacts"], before["language"]) == (False, "en")
        stipt("choices", *changed)
        after = json.loads(stipt("choices", "--json"))
        assert after == tried
        assert (after["fields"], after["makes_segments"]) == (["shops"], False)
        assert [r.method for r in sandbox.requests if r.method != "GET"] == []
