"""What is asked of Shopify is valid in the version we pin, and never too dear."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from connectors.shopify import consent, documents, subscriptions, web_pixel

graphql = pytest.importorskip("graphql", reason="graphql-core is a tool of the tests")

SCHEMA = Path(__file__).resolve().parents[4] / "shared" / "specs" / "shopify-admin.graphql"
#: Shopify refuses a query that may cost more, whatever the plan.
DEAREST = 1_000


MODULES = (documents, subscriptions, consent, web_pixel)


def queries() -> Iterator[tuple[str, str]]:
    """Yield the name and text of every query and mutation."""
    for value in [value for module in MODULES for value in vars(module).values()]:
        texts = value.values() if isinstance(value, Mapping) else [value]
        for text in texts:
            if isinstance(text, str) and text.split(maxsplit=1)[:1] in (["query"], ["mutation"]):
                yield text.split("(")[0].split("{")[0].split()[1], text


QUERIES = dict(queries())
#: Fields of records that are lists, in which a connection is refused.
LISTS = ("refunds", "discountAllocations", "taxLines", "selectedOptions")
BULK = {
    f"{make.__name__} {stream}": make(stream, "created_at:>='2026-01-01T00:00:00Z'")
    for make in (documents.bulk, documents.bulk_ids)
    for stream in documents.ROOTS
}


def cost(selections: Any) -> int:
    """Return points: a scalar nothing, an object 1, a connection 2 and `first` times its node."""
    total = 0
    for node in selections.selections if selections else ():
        inside = cost(node.selection_set)
        if isinstance(node, graphql.InlineFragmentNode):
            total += inside
            continue
        if node.selection_set is None:
            continue
        arguments = {argument.name.value: argument.value for argument in node.arguments or ()}
        if "first" not in arguments:
            # `ids` of `nodes` are counted one by one.
            times = documents.REFUNDS_AT_ONCE if "ids" in arguments else 1
            total += times * (1 + inside)
            continue
        first = int(arguments["first"].value)
        children = {child.name.value: child for child in node.selection_set.selections}
        if "nodes" in children:
            total += 2 + first * (1 + cost(children["nodes"].selection_set))
        else:
            total += first * (1 + inside)
    return total


@pytest.fixture(scope="module")
def schema() -> Any:
    """The published schema, which takes seconds to load."""
    if not SCHEMA.exists():
        if os.environ.get("CI") == "true":
            pytest.fail(f"no schema at {SCHEMA}")
        pytest.skip("the published schema is not here")
    return graphql.build_schema(SCHEMA.read_text("utf-8"), assume_valid=True)


def test_every_document_is_valid_in_the_published_schema(schema: Any) -> None:
    assert len(QUERIES) > 20
    wrong = {
        name: [error.message for error in found]
        for name, text in {**QUERIES, **BULK}.items()
        if (found := graphql.validate(schema, graphql.parse(text)))
    }
    assert not wrong


@pytest.mark.parametrize("name", sorted(QUERIES))
def test_no_query_may_cost_more_than_shopify_allows(name: str) -> None:
    (operation,) = graphql.parse(QUERIES[name]).definitions
    assert 0 < cost(operation.selection_set) < DEAREST


@pytest.mark.parametrize("name", sorted(BULK))
def test_bulk_bodies_stay_within_what_a_bulk_operation_may_ask(name: str) -> None:
    def depth(selections: Any, *, listed: bool = False) -> int:
        deepest = 0
        for node in selections.selections if selections else ():
            if isinstance(node, graphql.InlineFragmentNode) or node.selection_set is None:
                continue
            children = {
                getattr(child, "name", None) and child.name.value: child
                for child in node.selection_set.selections
            }
            assert "nodes" not in children
            if "edges" in children:
                assert not listed, "a connection in a list is refused"
                (inner,) = children["edges"].selection_set.selections
                names = {
                    getattr(field, "name", None) and field.name.value
                    for field in inner.selection_set.selections
                }
                assert {"id", "__typename"} <= names
                deepest = max(deepest, 1 + depth(inner.selection_set))
            else:
                deepest = max(deepest, depth(node.selection_set, listed=node.name.value in LISTS))
        return deepest

    (operation,) = graphql.parse(BULK[name]).definitions
    assert 1 <= depth(operation.selection_set) <= 2
