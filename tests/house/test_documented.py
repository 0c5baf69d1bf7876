"""Nothing that a user can set, call or open is left out of docs/."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from flask import Flask

from integration.app import create_app
from integration.audience.names import FIELDS
from integration.context import Context
from integration.sandbox.app import create_sandbox
from integration.sandbox.state import SandboxState
from integration.settings import Settings
from integration.views import shopify_hooks
from segmentation.segments import MOST_PER_GROUP
from tests.conftest import ROOT

DOCS = ROOT / "docs"


def page(name: str) -> str:
    """The text of a page of docs/."""
    return (DOCS / name).read_text("utf-8")


def table(text: str) -> list[list[str]]:
    """Cells of all rows whose first cell names something in backquotes."""
    rows = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("|")]
    return [row for row in rows if "`" in row[0]]


def test_every_setting_is_documented_with_its_default() -> None:
    told = {row[0].strip("`"): row for row in table(page("settings.md"))}
    assert set(told) == {f"STIPT_{name.upper()}" for name in Settings.model_fields}
    for name, field in Settings.model_fields.items():
        _, meaning, default = told[f"STIPT_{name.upper()}"]
        assert meaning
        if not field.is_required() and field.default is not None:
            assert default.strip("`") == shown(field.default), name


def shown(default: object) -> str:
    """Return a default as it is written in a .env."""
    if isinstance(default, bool):
        return str(default).lower()
    return f"{default:g}" if isinstance(default, float) else str(default)


def test_every_setting_that_the_code_reads_is_on_the_page() -> None:
    read = {
        name
        for file in (ROOT / "integration").rglob("*.py")
        for name in re.findall(r"STIPT_[A-Z_]*[A-Z]", file.read_text("utf-8"))
    }
    assert read <= set(re.findall(r"STIPT_[A-Z_]*[A-Z]", page("settings.md")))


@pytest.mark.parametrize("kind", ["pages", "sandbox"])
def test_every_route_is_documented(kind: str, context: Context) -> None:
    apps = [create_sandbox(SandboxState())]
    if kind == "pages":
        apps = [create_app(context), shopify_hooks.application(context)]
    pages, _, sandbox = page("pages.md").partition("## The sandbox")
    told = [row[0] for row in table(pages if kind == "pages" else sandbox)]
    there = {route for app in apps for route in routes(app)}
    assert set(told) == there
    assert len(told) == len(there), "one line a route"


def routes(app: Flask) -> Iterator[str]:
    """Every method and address; a GET and a POST of one address are two lines."""
    for rule in app.url_map.iter_rules():
        methods = sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})
        alone = [methods] if len(methods) > 2 else [[method] for method in methods]
        yield from (f"{' '.join(named)} `{rule.rule}`" for named in alone)


def test_every_group_of_segments_is_documented() -> None:
    text = page("segments.md")
    assert [group for group in MOST_PER_GROUP if f"| `{group}:" not in text] == []


def test_every_field_of_ours_in_an_audience_is_documented() -> None:
    text = page("mailchimp.md")
    assert [field.key for field in FIELDS if f"| {field.key} |" not in text] == []


def test_every_page_of_docs_is_reached_from_the_readme() -> None:
    pages = {path.name for path in DOCS.glob("*.md")}
    reached: set[str] = set()
    texts = [(ROOT / "README.md").read_text("utf-8")]
    while texts:
        named = set(re.findall(r"\((?:docs/)?([a-z-]+\.md)\)", texts.pop())) & pages
        texts += [page(name) for name in named - reached]
        reached |= named
    assert reached == pages


def test_links_between_pages_lead_somewhere() -> None:
    for path in [ROOT / "README.md", *DOCS.glob("*.md")]:
        for link in re.findall(r"\]\(([^)#]+)", path.read_text("utf-8")):
            assert "://" in link or (path.parent / link).exists(), f"{path.name}: {link}"
