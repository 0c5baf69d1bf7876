"""The same sentence of every kind of assignment on the page, in JSON, in the export, in history."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from datetime import date
from html import unescape

import pytest
from click.testing import CliRunner
from sqlmodel import col, delete, select

from integration.app import create_app
from integration.cli.main import main
from integration.context import Context
from integration.db import scoped
from integration.tables import Identity, SegmentChange, SegmentMember, SourceProfile
from segmentation.leaving import CAUSES
from segmentation.reasons import render
from tests.segmentation import explained
from tests.service.shop_rows import NOW, Merchant, merchant
from tests.service.visitor import Visitor

MARCH = date(2026, 3, 1)


@pytest.fixture
def known(context: Context) -> Merchant:
    """A merchant whose first person is in everything there is, and has left it for every cause."""
    found = merchant(replace(context, clock=lambda: NOW))
    with scoped(context.engine, found.account_id) as session:
        session.exec(delete(SegmentMember).where(col(SegmentMember.person_id) == found.person_id))
        session.exec(delete(SegmentChange).where(col(SegmentChange.person_id) == found.person_id))
        for segment, reason in explained.REASONS.items():
            session.add(SegmentMember(
                account_id=found.account_id, person_id=found.person_id, segment=segment,
                reason=reason, since=MARCH))  # fmt: skip
            causes = [explained.cause(key) for key in CAUSES[segment.partition(":")[0]]]
            for cause in [{}, *causes]:
                session.add(SegmentChange(
                    account_id=found.account_id, person_id=found.person_id, segment=segment,
                    entered=not cause, on=MARCH, reason=reason, cause=cause))  # fmt: skip
    return found


@pytest.mark.parametrize("language", ["en", "nl"])
def test_every_reason_and_cause_has_the_same_words_everywhere(
    context: Context, known: Merchant, language: str
) -> None:
    held = {key: render(why, language, {}) for key, why in explained.REASONS.items()}
    visitor = Visitor(create_app(replace(context, clock=lambda: NOW)))
    visitor.log_in(known.email)
    visitor.post("/language", {"language": language})
    page = unescape(visitor.get(f"/people/{known.person_id}").text)
    assert [text for text in held.values() if text not in page] == []
    for segment, text in held.items():
        if visitor.get(f"/segments/{segment}").status_code == 404:
            continue  # this shop has no such segment of its own
        rows = csv.reader(io.StringIO(visitor.get(f"/segments/{segment}.csv").text))
        assert text in [row[3] for row in rows if len(row) > 3], segment
    env = str(context.settings.data_dir.parent / ".env")
    with scoped(context.engine, known.account_id) as session:
        mine = select(Identity.value).join(
            SourceProfile, col(SourceProfile.id) == col(Identity.profile_id)
        )
        mine = mine.where(SourceProfile.person_id == known.person_id, Identity.kind == "email")
        email = session.exec(mine).first() or ""
    asked = ["--env", env, "explain", email, "--language", language, "--json"]
    answer = CliRunner().invoke(main, asked)
    assert answer.exit_code == 0, answer.output
    told = json.loads(answer.stdout)
    assert {tag["segment"]: tag["why"] for tag in told["tags"]} == held
    assert all(change["why"] for change in told["history"])
    left = {render(explained.cause(key), language, {}) for key in explained.CAUSES}
    assert left >= {change["why"] for change in told["history"] if not change["entered"]}
