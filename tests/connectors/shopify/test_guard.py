"""A client sends only what it was opened for, however a document is written."""

from __future__ import annotations

import pytest

from connectors.shopify import guard
from connectors.shopify.client import Client
from connectors.shopify.guard import CONSENT, NotAllowed
from tests.connectors.shopify.scripted import SHOP, OneToken, Script, good
from tests.connectors.shopify.test_documents import QUERIES

graphql = pytest.importorskip("graphql", reason="graphql-core is a tool of the tests")


def sent(document: str, *may: str) -> int:
    """How many requests a client that was opened for something sends for a document."""
    script = Script(good())
    client = Client(SHOP, OneToken(), http=script, may=may)
    try:
        client.run(document)
    except NotAllowed:
        assert script.sent == []
    return len(script.sent)


@pytest.mark.parametrize(
    "document",
    [
        pytest.param("mutation { tagsAdd { node { id } } }", id="plainly"),
        pytest.param("mutation { bulkOperationCancel: tagsAdd(id: 1) { n } }", id="as another"),
        pytest.param("query { shop { id } } mutation { tagsAdd { n } }", id="beside a query"),
        pytest.param('# query\n\n mutation query($a: S = "{}") { tagsAdd { n } }', id="dressed up"),
        pytest.param("mutation($a: T = {b: 1}) @a { bulkOperationCancel tagsAdd }", id="second"),
        pytest.param("mutation { ...M } fragment M on Mutation { tagsAdd }", id="by a fragment"),
        pytest.param("mutation { ... on Mutation { tagsAdd { n } } }", id="in a fragment"),
        pytest.param('mutation { bulkOperationCancel(id: "}") tagsAdd }', id="after a text"),
        pytest.param('mutation { bulkOperationCancel(id: """}"}""") tagsAdd }', id="a block"),
        pytest.param("mutation { tagsAdd @include(if: true) { n } }", id="with a directive"),
    ],
)
def test_what_is_on_no_list_is_never_sent(document: str) -> None:
    assert sent(document) == 0
    assert sent(document, CONSENT) == 0


def test_permission_is_written_only_by_a_client_that_was_opened_for_it() -> None:
    document = f"mutation W {{ {CONSENT}(input: {{}}) {{ userErrors {{ message }} }} }}"
    assert sent(document) == 0
    assert sent(document, CONSENT) == 1


def test_nobody_can_open_a_client_for_what_is_on_no_list() -> None:
    with pytest.raises(NotAllowed, match="tagsAdd"):
        Client(SHOP, OneToken(), may=("tagsAdd",))


@pytest.mark.parametrize("name", sorted(QUERIES))
def test_what_a_document_writes_is_read_as_graphql_reads_it(name: str) -> None:
    (operation,) = graphql.parse(QUERIES[name]).definitions
    is_mutation = operation.operation is graphql.OperationType.MUTATION
    fields = [node.name.value for node in operation.selection_set.selections]
    written = list(guard.mutations(QUERIES[name]))
    assert written == (fields if is_mutation else [])
    assert sent(QUERIES[name]) == (0 if guard.ON_WISH.intersection(written) else 1)
