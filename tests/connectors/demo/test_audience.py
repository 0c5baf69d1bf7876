"""The readers that the sample shop had already."""

from __future__ import annotations

from collections import Counter

import pytest

from connectors.demo import DemoConnector
from connectors.demo.audience import audience
from connectors.demo.truth import truth

PEOPLE = 3_000


def test_the_list_has_every_status_and_each_address_once() -> None:
    readers = audience(customers=PEOPLE)
    statuses = Counter(one.status for one in readers)
    assert set(statuses) == {
        "subscribed", "unsubscribed", "cleaned", "pending", "transactional", "archived",
    }  # fmt: skip
    assert statuses["subscribed"] > len(readers) / 2
    assert len({one.email for one in readers}) == len(readers)
    assert len(readers) / PEOPLE == pytest.approx(0.6, abs=0.06)
    assert {one.status_by for one in readers if one.status == "unsubscribed"} == {"member"}


def test_the_list_is_the_same_each_time() -> None:
    assert audience(customers=300) == audience(customers=300)
    assert audience(customers=300) != audience(customers=300, seed=8)


def test_most_readers_are_customers_and_some_are_unknown_to_the_shop() -> None:
    known = set(truth(customers=PEOPLE).people["email"])
    strangers = [one for one in audience(customers=PEOPLE) if one.email not in known]
    assert 0 < len(strangers) < 100


@pytest.mark.parametrize(
    ("language", "clash"),
    [
        pytest.param("en", "Style: Business", id="English"),
        pytest.param("nl", "Stijl: Zakelijk", id="Dutch"),
    ],
)
def test_the_merchant_has_tags_and_fields_with_names_we_would_use(
    language: str, clash: str
) -> None:
    readers = audience(customers=PEOPLE, language=language)
    tags = Counter(tag for one in readers for tag in one.tags)
    assert set(tags) == {"VIP", "Newsletter", clash}
    assert {"FNAME", "LNAME", "STAGE"} == {name for one in readers for name in one.merge_fields}


def test_who_withdrew_in_the_shop_is_seldom_still_subscribed() -> None:
    pages = DemoConnector("web", customers=PEOPLE).read("consent")
    denied = {
        str(one.email)  # type: ignore[union-attr]  # only consent events are in this stream
        for page in pages
        for one in page.records
        if one.state == "denied"  # type: ignore[union-attr]  # likewise
    }
    status = {one.email: one.status for one in audience(customers=PEOPLE)}
    theirs = Counter(status[email] for email in denied if email in status)
    assert theirs["unsubscribed"] > 5 * theirs["subscribed"] > 0
