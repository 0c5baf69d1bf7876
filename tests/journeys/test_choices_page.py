"""The choices about an audience in a real browser: what they say, and what a click keeps."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from playwright.sync_api import Browser
from sqlmodel import Session, SQLModel, select

from integration.app import create_app
from integration.context import Context
from integration.db import scoped
from integration.tables import (
    Audience,
    Consent,
    Identity,
    Member,
    OwnedName,
    Person,
    Plan,
    Shop,
    SourceProfile,
)
from tests.journeys.visit import choose_dutch, faults, log_in, open_window
from tests.service.page_server import served
from tests.service.shop_rows import NOW, Merchant, merchant

pytestmark = [pytest.mark.browser, pytest.mark.slow]

VIEWS = [
    pytest.param(1280, "light", "en", id="desk by day in English"),
    pytest.param(1280, "dark", "nl", id="desk by night in Dutch"),
    pytest.param(360, "light", "nl", id="phone by day in Dutch"),
    pytest.param(360, "dark", "en", id="phone by night in English"),
]
NAMES = [
    {"kind": "segment", "key": "send:suits", "before": None, "after": "▶ Send this week: Suits"},
    {"kind": "tag", "key": "stage:new", "before": "Fase: Nieuw", "after": "Stage: New"},
]


@pytest.fixture
def opened(browser: Browser, context: Context) -> Iterator[tuple[str, Context, Merchant]]:
    still = replace(context, clock=lambda: NOW)
    known = merchant(still, people=3)
    with scoped(still.engine, known.account_id) as session:
        audience = session.exec(select(Audience)).one()
        for email in ("new@stipt-demo.shop", "left@stipt-demo.shop"):
            opted_in(session, known.account_id, email)
        keep(session, Member(account_id=known.account_id, audience_id=audience.id or 0,
                             email_key="left@stipt-demo.shop", status="archived"))  # fmt: skip
        keep(session, OwnedName(account_id=known.account_id, audience_id=audience.id or 0,
                                kind="tag", key="stage:new", name="Stage: New", label="Stage: New",
                                language="en", remote_id=4711))  # fmt: skip
        plan = session.exec(select(Plan).where(Plan.status == "draft")).first()
        assert plan is not None
        plan.summary = {**plan.summary, "contacts_added": 412, "contacts_pending": 12,
                        "names": NAMES, "not_added": {"taken_out": 3},
                        "fields_left": 7}  # fmt: skip
    with served(create_app(still)) as address:
        yield address, still, known
        for window in browser.contexts:
            window.close()


def keep(session: Session, row: SQLModel) -> int:
    session.add(row)
    session.flush()
    return int(row.id)  # type: ignore[attr-defined]  # every table has one


def opted_in(session: Session, account_id: int, email: str) -> None:
    shop = session.exec(select(Shop)).first()
    assert shop is not None
    assert shop.id is not None
    person = keep(session, Person(account_id=account_id, created_at=NOW))
    profile = keep(session, SourceProfile(account_id=account_id, shop_id=shop.id, external_id=email,
                                          person_id=person, email=email))  # fmt: skip
    keep(session, Identity(account_id=account_id, profile_id=profile, kind="email", value=email))
    keep(session, Consent(account_id=account_id, shop_id=shop.id, external_id=email,
                          profile_id=profile, email_key=email, state="confirmed", at=NOW,
                          source="checkout", received_at=NOW))  # fmt: skip


@pytest.mark.parametrize(("width", "scheme", "language"), VIEWS)
def test_the_bill_is_named_before_anybody_is_added(
    browser: Browser,
    opened: tuple[str, Context, Merchant],
    width: int,
    scheme: str,
    language: str,
) -> None:
    address, context, known = opened
    page = open_window(browser, address, width, scheme, language)
    log_in(page, known.email)
    if language == "nl":
        choose_dutch(page)
    page.goto("/mailchimp/choices")
    assert faults(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    text = page.locator("main").inner_text()
    # Two whom the shop knows and one more; who is archived in the audience does not count.
    bill = "contacten op je Mailchimp-rekening" if language == "nl" else "contacts on your Mail"
    assert f"+3 {bill}" in text
    page.locator('input[name="adds"][value="yes"]').check()
    page.locator('form:has(input[value="adding"]) button').click()
    page.wait_for_selector(".alert")
    with scoped(context.engine, known.account_id) as session:
        assert session.exec(select(Audience.adds_contacts)).one() is True

    page.goto("/plan")
    assert faults(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    text = page.locator("main").inner_text()
    assert "+412 cont" in text
    assert "▶ Send this week: Suits" in text
