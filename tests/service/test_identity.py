"""People are merged over sources by address, card and phone, and can be un-merged."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine
from sqlmodel import select

from connectors.records import Customer
from integration import tables
from integration.db import scoped
from integration.identity import MOST_ON_A_PHONE, group, keys_of, rejoin, separate
from tests.conftest import add_account
from tests.service.records import NOON, add_shop, order, store

PHONE = "+31612345678"


def persons(engine: Engine, account: int) -> dict[str, int]:
    """Person by profile."""
    with scoped(engine, account) as session:
        rows = session.exec(select(tables.SourceProfile)).all()
        return {row.external_id: row.person_id for row in rows}


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        pytest.param(
            {"email": "Ada@x.nl"}, {"email": "ada@X.NL"}, True, id="spelling of an address"
        ),
        pytest.param(
            {"card_no": "00 42-a"}, {"card_no": "0042A"}, True, id="spaces in a card number"
        ),
        pytest.param({"phone": PHONE}, {"phone": PHONE}, True, id="a phone, nothing against it"),
        pytest.param(
            {"phone": PHONE, "email": "ada@x.nl"},
            {"phone": PHONE, "email": "ben@x.nl"},
            False,
            id="a household's phone, two addresses",
        ),
        pytest.param(
            {"phone": PHONE, "first_name": "Ada"},
            {"phone": PHONE, "first_name": "Ben"},
            False,
            id="a household's phone, two first names",
        ),
        pytest.param({"last_name": "Smit"}, {"last_name": "Smit"}, False, id="a name is no key"),
    ],
)
def test_profiles_become_one_person(
    engine: Engine, one: dict[str, str], other: dict[str, str], same: bool
) -> None:
    account = add_account(engine)
    web, till = add_shop(engine, account, "web"), add_shop(engine, account, "till")
    store(engine, account, web, Customer(id="w", **one))  # type: ignore[arg-type]  # text columns
    store(engine, account, till, Customer(id="t", **other))  # type: ignore[arg-type]  # text columns
    found = persons(engine, account)
    assert (found["w"] == found["t"]) is same


def test_a_third_profile_can_join_two_persons(engine: Engine) -> None:
    account = add_account(engine)
    shop = add_shop(engine, account)
    store(engine, account, shop, Customer(id="a", email="a@x.nl"), Customer(id="b", card_no="7"))
    assert len(set(persons(engine, account).values())) == 2
    store(engine, account, shop, Customer(id="c", email="a@x.nl", card_no="7"))
    assert len(set(persons(engine, account).values())) == 1
    with scoped(engine, account) as session:
        assert len(session.exec(select(tables.Person)).all()) == 1


def test_a_changed_address_lets_go_of_the_person(engine: Engine) -> None:
    account = add_account(engine)
    shop = add_shop(engine, account)
    store(engine, account, shop, Customer(id="a", email="a@x.nl"), Customer(id="b", email="a@x.nl"))
    store(engine, account, shop, Customer(id="b", email="b@x.nl"))
    found = persons(engine, account)
    assert found["a"] != found["b"]


def test_un_merged_profiles_stay_apart_and_keep_their_facts(engine: Engine) -> None:
    account = add_account(engine)
    web, till = add_shop(engine, account, "web"), add_shop(engine, account, "till")
    store(engine, account, web, Customer(id="w", email="a@x.nl"), order("1", customer_id="w"))
    store(engine, account, till, Customer(id="t", email="a@x.nl"), order("2", customer_id="t"))
    with scoped(engine, account) as session:
        ids = {row.external_id: row.id for row in session.exec(select(tables.SourceProfile))}
        assert ids["w"] is not None
        assert ids["t"] is not None
        changed = separate(session, ids["w"], ids["t"], NOON)
    found = persons(engine, account)
    assert found["w"] != found["t"]
    assert changed == set(found.values())
    store(engine, account, till, Customer(id="t", email="a@x.nl", first_name="Ada"))
    assert persons(engine, account) == found, "a later sync merges them again"
    with scoped(engine, account) as session:
        rejoin(session, ids["w"], ids["t"], NOON)
    assert len(set(persons(engine, account).values())) == 1


def test_history_goes_on_with_the_person_who_remains(engine: Engine) -> None:
    account = add_account(engine)
    shop = add_shop(engine, account)
    store(engine, account, shop, Customer(id="a", email="a@x.nl"), Customer(id="b", email="b@x.nl"))
    leaver = persons(engine, account)["b"]
    with scoped(engine, account) as session:
        session.add(
            tables.SegmentChange(
                account_id=account,
                person_id=leaver,
                segment="stage:new",
                entered=True,
                on=NOON.date(),
            )
        )
    store(engine, account, shop, Customer(id="b", email="a@x.nl"))
    with scoped(engine, account) as session:
        kept = session.exec(select(tables.SegmentChange.person_id)).all()
    assert kept == [persons(engine, account)["a"]]


def test_other_accounts_are_never_joined(engine: Engine) -> None:
    for name in ("one", "two"):
        account = add_account(engine, name)
        shop = add_shop(engine, account)
        store(engine, account, shop, Customer(id="a", email="a@x.nl"))
        assert len(persons(engine, account)) == 1


profiles = st.builds(
    lambda **keys: tables.SourceProfile(**keys),
    email=st.sampled_from([None, "a@x.nl", "b@x.nl", "c@x.nl"]),
    card_no=st.sampled_from([None, "1", "2"]),
    phone=st.sampled_from([None, PHONE, "+31687654321"]),
    first_name=st.sampled_from([None, "Ada", "Ben"]),
)


@given(st.lists(profiles, min_size=1, max_size=6), st.data())
def test_grouping_does_not_depend_on_the_order_of_anything(
    rows: list[tables.SourceProfile], data: st.DataObject
) -> None:
    by_id = dict(enumerate(rows, start=1))
    keys = [(key, kind, value) for key, row in by_id.items() for kind, value in keys_of(row)]
    pairs = list(itertools.combinations(by_id, 2))
    apart = data.draw(st.lists(st.sampled_from(pairs), max_size=2)) if pairs else []
    shuffled = data.draw(st.permutations(keys))
    found = group(by_id, keys, apart)
    assert found == group(by_id, shuffled, apart)
    assert sorted(key for members in found for key in members) == sorted(by_id)
    for one, other in apart:
        assert not any({one, other} <= members for members in found)
    if not apart:
        for one, other in pairs:
            if by_id[one].email and by_id[one].email == by_id[other].email:
                assert any({one, other} <= members for members in found)


def test_the_same_person_is_found_among_a_household_on_one_number(engine: Engine) -> None:
    account = add_account(engine)
    web, till = add_shop(engine, account, "web"), add_shop(engine, account, "till")
    store(engine, account, web, Customer(id="ada", phone=PHONE, first_name="Ada", email="a@x.nl"))
    store(engine, account, till, Customer(id="bob card", phone=PHONE, first_name="Bob"))
    store(engine, account, web, Customer(id="bob web", phone=PHONE, first_name="B."))
    found = persons(engine, account)
    assert found["bob card"] == found["bob web"] != found["ada"]


def test_a_name_that_only_begins_alike_is_another_name(engine: Engine) -> None:
    account = add_account(engine)
    shop = add_shop(engine, account)
    store(engine, account, shop, Customer(id="a", phone=PHONE, first_name="Jan", email="j@x.nl"))
    store(engine, account, shop, Customer(id="b", phone=PHONE, first_name="Johanna"))
    assert len(set(persons(engine, account).values())) == 2


def test_those_who_are_kept_apart_from_one_still_find_each_other(engine: Engine) -> None:
    account = add_account(engine)
    shop = add_shop(engine, account)
    store(engine, account, shop, *(Customer(id=name, email="a@x.nl") for name in "abc"))
    with scoped(engine, account) as session:
        ids = {row.external_id: row.id for row in session.exec(select(tables.SourceProfile))}
        for other in "bc":
            separate(session, ids["a"] or 0, ids[other] or 0, NOON)
    found = persons(engine, account)
    assert found["b"] == found["c"] != found["a"]


@pytest.mark.parametrize("pages", [1, 6])
def test_a_number_that_a_till_writes_for_everybody_is_nobodys(engine: Engine, pages: int) -> None:
    account = add_account(engine)
    shop = add_shop(engine, account)
    customers = [Customer(id=str(number), phone=PHONE) for number in range(MOST_ON_A_PHONE + 2)]
    for page in range(pages):
        store(engine, account, shop, *customers[page::pages])
    assert len(set(persons(engine, account).values())) == len(customers)
