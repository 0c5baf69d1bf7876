"""A shop's own words reach Mailchimp: what it calls a product type is what the tag says."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

from sqlmodel import select

from integration.accounts import create_account
from integration.audience.connect import connect
from integration.context import make_context
from integration.db import scoped, unscoped
from integration.pipeline import start_import
from integration.sandbox.server import SandboxServer
from integration.settings import Settings
from integration.sources import files_shop
from integration.tables import Plan
from integration.work.execute import run_until_idle
from integration.work.queue import defer


def test_a_product_type_of_the_merchants_own_names_the_tag(
    settings: Settings, tmp_path: Path
) -> None:
    with SandboxServer() as sandbox:
        context = make_context(settings.model_copy(update={"mailchimp_url": sandbox.url}))
        with unscoped(context.engine) as session:
            account, _ = create_account(session, "Tuin", "t@stipt-demo.shop", "long enough", "nl")
        assert account.id is not None
        for number in range(40):
            sandbox.add_member(f"c{number}@stipt-demo.shop")
        receipts = _write_receipts(tmp_path / "receipts.csv")
        with scoped(context.engine, account.id) as session:
            start_import(
                session,
                context,
                files_shop(session, context.clock()),
                name="receipts",
                source={"paths": [str(receipts)], "options": {"date_order": "ymd"}},
                as_of=date(2026, 3, 1),
            )
        run_until_idle(context)
        connect(context, account.id, token=sandbox.key, language="nl")
        with scoped(context.engine, account.id) as session:
            defer(session, account_id=account.id, kind="plan", lane="p", payload={})
        run_until_idle(context)
        with scoped(context.engine, account.id) as session:
            summary = session.exec(select(Plan)).one().summary
        context.engine.dispose()
    assert "Gek op: Kabouters & Co" in summary["new_tags"]


def _write_receipts(path: Path) -> Path:
    """Ten people who buy gnomes every month, thirty who buy all kinds of things."""
    rows = [
        "receipt_id,customer_id,email,purchased_at,product_id,product_name,category,quantity,"
        "gross_amount,currency"
    ]
    kinds = ["Kabouters & Co", "Gieters", "Schoffels", "Bloempotten", "Zaden"]
    for person in range(40):
        for visit in range(10):
            kind = kinds[0] if person < 10 else kinds[1 + (person + visit) % 4]
            day = date(2025, 1, 1) + timedelta(days=40 * visit + person % 7)
            rows.append(
                f"{person}-{visit},{person},c{person}@stipt-demo.shop,{day},{kind[:3]},{kind},"
                f"{kind},1,10.50,EUR"
            )
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path
