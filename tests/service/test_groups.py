"""Groups and kinds of customers that a fit found: their page, their tags, and who keeps a name."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

import pytest
from click.testing import CliRunner
from sqlmodel import Session, select

from integration import frames
from integration.app import create_app
from integration.asked_groups import ask, asked, take_back
from integration.audience import names
from integration.audience.names import LEAST_PEOPLE, within_budget
from integration.audience.undo import make_undo
from integration.cli.main import main
from integration.context import Context
from integration.db import scoped
from integration.fits import live
from integration.reading import groups as reading
from integration.reading.names import words
from integration.sandbox.server import SandboxServer
from integration.settings import Settings
from integration.tables import FittedModel, SegmentMember
from tests.service.audience_shop import NOW, AudienceShop, make_shop
from tests.service.shop_rows import groups, merchant
from tests.service.visitor import Visitor

ADA = "ada@stipt-demo.shop"


def keep(session: Session, account: int, *told: tuple[str, str]) -> None:
    """Keep what a fit of another version found."""
    state = {"schema": 0, "accounts": {str(account): {"groups": groups(*told)}}}
    session.add(FittedModel(account_id=account, as_of=NOW.date(), state=state, counters={},
                            created_at=NOW))  # fmt: skip


@pytest.fixture
def shop(settings: Settings, sandbox: SandboxServer) -> Iterator[AudienceShop]:
    """Ada buys often."""
    made = make_shop(settings, sandbox, clock=lambda: NOW)
    sandbox.add_member(ADA)
    made.person(ADA, ["cluster:1"])
    with made.session() as session:
        keep(session, made.account_id, ("frequency", "high"))
    yield made
    made.context.engine.dispose()


def test_a_kind_of_customers_that_is_called_otherwise_keeps_its_tag(
    shop: AudienceShop, sandbox: SandboxServer
) -> None:
    shop.push()
    assert sandbox.tags(ADA) == {"Profile: Buys often"}
    with shop.session() as session:
        keep(session, shop.account_id, ("frequency", "high"), ("breadth", "high"))
    plan = shop.plan()
    names = [(change["before"], change["after"]) for change in plan.summary["names"]]
    assert names == [("Profile: Buys often", "Profile: Buys often, many things")]
    assert plan.summary["members"] == 0
    shop.publish(plan.id)
    assert sandbox.tags(ADA) == {"Profile: Buys often, many things"}


def test_the_next_fit_is_told_of_the_last_one_whatever_version_wrote_it(shop: AudienceShop) -> None:
    with shop.session() as session:
        told = live(session, NOW.date()).groups[shop.account_id]
        assert told["clusters"]["clusters"][0]["number"] == 1
        assert words(session, "nl").segment("cluster:1") is not None


def test_groups_become_tags_after_all_others_and_only_where_enough_can_get_one() -> None:
    many = {f"due:thing{number}:now": 100 for number in range(24)}
    many |= {f"own:{number}": 100 for number in range(12)}
    many |= {f"loves:thing{number}": 100 for number in range(10)}
    many |= {f"next:thing{number}": 100 for number in range(8)} | {"stage:new": 1}
    kept = within_budget(many | {f"group:men:thing{n}": 5_000 for n in range(9)}, [])
    assert set(many) <= set(kept)
    assert sum(key.startswith("group:") for key in kept) == 60 - len(many)
    few = {"group:men:hats": LEAST_PEOPLE["group"] - 1}
    assert within_budget(few, ["group:men:hats"]) == []


@pytest.mark.parametrize(
    ("language", "told"),
    [
        (
            "en",
            ["→ </span>", "Navy", "31%", "24%", "80 buyers", "those who buy rarely", "Menswear"],
        ),
        ("nl", ["Donkerblauw", "80 kopers", "wie zelden koopt", "Heren"]),
    ],
)
def test_the_page_shows_the_tree_and_the_kinds(
    context: Context, language: str, told: list[str]
) -> None:
    known = merchant(replace(context, clock=lambda: NOW))
    with scoped(context.engine, known.account_id) as session:
        tree = reading.groups(session, words(session, language))
    assert tree is not None
    assert [(n.segment, n.depth, n.people) for n in tree.nodes] == [
        ("", 0, 900), ("group:menswear:suits:colour-navy", 2, 0)
    ]  # fmt: skip
    visitor = Visitor(create_app(replace(context, clock=lambda: NOW)))
    visitor.log_in(known.email)
    visitor.post("/language", {"language": language})
    page = visitor.get("/groups").text
    assert [text for text in told if text not in page] == []


def test_the_page_says_how_many_customers_are_missing(context: Context) -> None:
    known = merchant(replace(context, clock=lambda: NOW))
    with scoped(context.engine, known.account_id) as session:
        keep(session, known.account_id)
    visitor = Visitor(create_app(replace(context, clock=lambda: NOW)))
    visitor.log_in(known.email)
    assert "57 customers bought more than once; 200 are needed" in visitor.get("/groups").text


# -- groups that a merchant asks for ---------------------------------------------------------------

GREEN = "menswear:suits:colour-green"


def test_a_group_is_asked_for_and_taken_back_on_the_page(context: Context) -> None:
    known = merchant(replace(context, clock=lambda: NOW))
    visitor = Visitor(create_app(replace(context, clock=lambda: NOW)))
    visitor.log_in(known.email)
    assert "Cuts that do not pay" in visitor.get("/groups").text
    visitor.post("/groups/publish", {"key": GREEN})
    assert "The group is a segment in a moment" in visitor.get("/groups").text
    with scoped(context.engine, known.account_id) as session:
        assert frames.choices(session).groups == {GREEN}
        segment = words(session, "nl").segment(f"group:{GREEN}")
        assert segment is not None
        assert segment.name_nl == "Groep: Heren, pakken, groen"
    for key in (GREEN, "menswear", "menswear:hats"):
        visitor.post("/groups/publish", {"key": key})
    page = visitor.get("/groups").text
    assert page.count("There is no such group any more.") == 2
    assert "This group is a segment already." in page
    visitor.post("/groups/withdraw", {"key": GREEN})
    with scoped(context.engine, known.account_id) as session:
        assert frames.choices(session).groups == frozenset()
        assert words(session, "nl").segment(f"group:{GREEN}") is None


def test_the_command_shows_what_it_would_do_and_keeps_nothing_in_a_dry_run(
    context: Context,
) -> None:
    known = merchant(replace(context, clock=lambda: NOW))
    env = str(context.settings.data_dir.parent / ".env")
    command = ["--env", env, "groups", "--publish", GREEN, "--dry-run", "--json"]
    told = json.loads(CliRunner().invoke(main, command).stdout)
    assert [node["asked"] for node in told["left_out"]] == [True]
    with scoped(context.engine, known.account_id) as session:
        assert asked(session) == frozenset()
    refused = CliRunner().invoke(main, ["--env", env, "groups", "--withdraw", GREEN])
    assert "no group has this key" in refused.output


def test_a_group_that_is_asked_for_comes_before_other_tags_but_not_for_a_handful() -> None:
    many = {f"group:men:thing{number}": 5_000 for number in range(9)}
    wished = "group:men:suits"
    kept = within_budget(many | {wished: 100}, list(many), [wished])
    assert wished in kept
    assert len(kept) == 8
    assert wished not in within_budget({wished: 99}, [], [wished])


def test_a_published_group_becomes_a_tag_and_is_undone_like_any_other(
    shop: AudienceShop, sandbox: SandboxServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(names, "LEAST_PEOPLE", {})
    tag = "Group: Menswear, suits, green"
    with shop.session() as session:
        ask(session, GREEN, NOW)
    with shop.session() as session:
        (ada,) = session.exec(select(SegmentMember.person_id)).all()
    shop.enter(ada, f"group:{GREEN}")
    pushed = shop.push()
    assert tag in sandbox.tags(ADA)
    shop.publish(make_undo(shop.context, shop.account_id, pushed.id or 0))
    assert tag not in sandbox.tags(ADA)
    shop.push()
    with shop.session() as session:
        take_back(session, GREEN)
    shop.leave(ada, f"group:{GREEN}")
    shop.push()
    assert sandbox.tags(ADA) == {"Profile: Buys often"}
