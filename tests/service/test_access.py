"""Everything known of a person in one file, and nothing of anybody else."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from connectors.records import Customer
from integration.identity import separate
from integration.mailchimp.errors import MailchimpError
from integration.privacy import access
from integration.privacy.subject import of_address, only_person, people_of
from integration.sandbox.server import SandboxServer
from integration.settings import Settings
from tests.service.audience_shop import NOW, AudienceShop, make_shop
from tests.service.known_person import ADA, BOB, CARD, PHONE, fill, read
from tests.service.traces import texts

_ADDRESS = re.compile(r"[\w.+-]+@[\w-]+\.[\w.]+")


@pytest.fixture
def shop(settings: Settings, database_url: str, sandbox: SandboxServer) -> Iterator[AudienceShop]:
    made = make_shop(settings.model_copy(update={"database_url": database_url}), sandbox)
    yield made
    made.context.engine.dispose()


def known(shop: AudienceShop, address: str = ADA) -> dict[str, Any]:
    with shop.session() as session:
        subject = only_person(session, people_of(session, address)[0])
    told = access.document(shop.context, shop.account_id, subject)
    return dict(json.loads(access.text(told)))


def test_the_file_has_every_row_about_the_person_with_source_and_moment(
    shop: AudienceShop, sandbox: SandboxServer
) -> None:
    fill(shop, sandbox)
    told = known(shop)
    here = told["stipt"]
    assert {
        "source_profile", "identity", "shop_order", "order_line", "consent", "cart", "touchpoint",
        "segment_member", "segment_change", "person_profile", "member", "pushed_value",
        "plan_change", "reject",
    } <= here.keys()  # fmt: skip
    assert {row["external_id"] for row in here["shop_order"]} == {"1", "2", "3"}
    assert {row["told_by"] for row in here["shop_order"]} == {"Shop"}
    assert here["consent"][0]["at"].startswith("2026-03-01T12:00")
    assert here["consent"][0]["source"] == "checkout"
    assert here["plan_change"][0]["plan"]["published_at"]
    assert {CARD, PHONE, ADA} <= {row["value"] for row in here["identity"]}
    assert {row["last_name"] for row in here["source_profile"]} >= {"Vosmaer"}


def test_the_file_has_what_mailchimp_holds(shop: AudienceShop, sandbox: SandboxServer) -> None:
    fill(shop, sandbox)
    (held,) = known(shop)["mailchimp"]
    assert held["contact"]["email_address"] == ADA
    assert held["contact"]["merge_fields"]["FNAME"] == "Ada"
    assert {tag["name"] for tag in held["tags"]} == sandbox.tags(ADA) != set()
    assert {"events", "activity"} <= held.keys()


def test_the_file_says_nothing_of_other_people(shop: AudienceShop, sandbox: SandboxServer) -> None:
    fill(shop, sandbox)
    text = json.dumps(known(shop))
    assert set(_ADDRESS.findall(text.lower())) == {ADA}
    assert "Bob" not in text
    assert any(BOB in cell for _, cell in texts(shop.context.engine)), "he is here"


def test_two_people_with_one_address_are_handed_out_one_by_one(
    shop: AudienceShop, sandbox: SandboxServer
) -> None:
    read(shop, Customer(id="one", email=ADA, first_name="Ada"))
    read(shop, Customer(id="other", email=ADA, first_name="Adam"))
    with shop.session() as session:
        subject = of_address(session, ADA)
        first, second = subject.profiles
        separate(session, first, second, NOW)
        one, other = people_of(session, ADA)
    assert one != other
    (profile,) = known(shop)["stipt"]["source_profile"]
    assert profile["first_name"] == "Ada"


def test_there_is_no_file_when_mailchimp_does_not_answer(
    shop: AudienceShop, sandbox: SandboxServer
) -> None:
    fill(shop, sandbox)
    sandbox.fail("error_503", method="GET")
    with pytest.raises(MailchimpError):
        known(shop)


def test_the_file_leaves_out_our_own_numbers_and_other_accounts(
    shop: AudienceShop, sandbox: SandboxServer
) -> None:
    fill(shop, sandbox)
    other = make_shop(shop.context.settings, sandbox)
    other.person(ADA, ["stage:lost"])
    other.context.engine.dispose()
    here = known(shop)["stipt"]
    assert not any({"id", "account_id", "content_hash"} & row.keys() for row in here["identity"])
    assert "stage:lost" not in {row["segment"] for row in here["segment_member"]}
