"""Groups and kinds of customers that a fit found: their page, their tags, and who keeps a name."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from integration.app import create_app
from integration.audience.names import LEAST_PEOPLE, within_budget
from integration.context import Context
from integration.db import scoped
from integration.fits import live
from integration.reading.groups import groups
from integration.reading.names import words
from integration.sandbox.server import SandboxServer
from integration.settings import Settings
from integration.tables import FittedModel
from segmentation.groups.tree import GroupTree
from tests.service.audience_shop import NOW, AudienceShop, make_shop
from tests.service.shop_rows import merchant
from tests.service.visitor import Visitor

ADA = "ada@stipt-demo.shop"
MEN = {"path": [["shops", "menswear"]], "people": 900, "buyers": 400, "precision": 0.2,
       "larger": 0.1}  # fmt: skip
NAVY = {"path": [["shops", "menswear"], ["need", "suits"], ["colour", "navy"]], "people": 130,
        "buyers": 80, "precision": 0.31, "larger": 0.24}  # fmt: skip


def found(*told: tuple[str, str], schema: int = 0) -> dict[str, Any]:
    """Return what a fit of another version left, with one kind of customers."""
    tree = {"params": GroupTree().get_params(), "window_days": 365, "until": 20_000, "seen": 9,
            "groups": [MEN, NAVY], "offered": ["menswear:suits:colour-navy"]}  # fmt: skip
    kind = {"number": 1, "told": [list(one) for one in told], "share": 0.4, "centre": [0.0] * 5}
    clusters: dict[str, Any] = {"params": {}, "clusters": [kind] if told else [], "refused": None}
    if not told:
        clusters["refused"] = {"what": "repeaters", "needed": 200, "there": 57}
    plain = {"schema": 1, "prices": {}, "tree": tree, "clusters": clusters, "texts": {}}
    return {"schema": schema, "groups": plain}


def keep(session: Any, account: int, state: dict[str, Any]) -> None:
    state = {"schema": state["schema"], "accounts": {str(account): {"groups": state["groups"]}}}
    session.add(FittedModel(account_id=account, as_of=NOW.date(), state=state, counters={},
                            created_at=NOW))  # fmt: skip


@pytest.fixture
def sandbox() -> Iterator[SandboxServer]:
    with SandboxServer() as server:
        yield server


@pytest.fixture
def shop(settings: Settings, sandbox: SandboxServer) -> Iterator[AudienceShop]:
    """Ada buys often."""
    made = make_shop(settings, sandbox, clock=lambda: NOW)
    sandbox.add_member(ADA)
    made.person(ADA, ["cluster:1"])
    with made.session() as session:
        keep(session, made.account_id, found(("frequency", "high")))
    yield made
    made.context.engine.dispose()


def test_a_kind_of_customers_that_is_called_otherwise_keeps_its_tag(
    shop: AudienceShop, sandbox: SandboxServer
) -> None:
    shop.push()
    assert sandbox.tags(ADA) == {"Profile: Buys often"}
    with shop.session() as session:
        keep(session, shop.account_id, found(("frequency", "high"), ("breadth", "high")))
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
        keep(session, known.account_id, found(("frequency", "low")))
        tree = groups(session, words(session, language))
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
        keep(session, known.account_id, found())
    visitor = Visitor(create_app(replace(context, clock=lambda: NOW)))
    visitor.log_in(known.email)
    assert "57 customers bought more than once; 200 are needed" in visitor.get("/groups").text
