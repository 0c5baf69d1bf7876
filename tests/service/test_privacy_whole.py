"""Everything that is kept of a person is told on request and goes on request, table by table."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from sqlalchemy import text
from sqlmodel import SQLModel, select

from integration.mailchimp.client import subscriber_hash
from integration.privacy import access, erase
from integration.privacy.subject import Subject, of_address, only_person
from integration.sandbox.server import SandboxServer
from integration.settings import Settings
from integration.tables import Erasure, SourceProfile
from integration.work.execute import run_until_idle
from tests.service.traces import found, in_files
from tests.service.whole_life import ADA, BOB, CUSTOMERS, RECEIPTS, TELLING, WholeLife

#: Tables whose rows are in the access file, as each says something of a person.
TOLD = {
    *("source_profile", "identity", "separation", "choice"),
    *(
        "shop_order",
        "order_line",
        "refund",
        "refund_line",
        "cart",
        "consent",
        "touchpoint",
        "visitor",
    ),
    *("person_profile", "segment_member", "segment_change", "due_date"),
    *("member", "pushed_value", "plan_change", "addition", "told_event", "campaign_person"),
    *("shop_record", "reject", "inbox", "import_run", "audience_check", "consent_write"),
}
#: Every other table, and why nothing of it is in the file.
NOT_TOLD = {
    "person": "a number of ours and a day; all that is known stands with the profiles",
    "erased_key": "hashes of people who are gone: of nobody who can ask",
    "erasure": "receipts that name nobody; what Mailchimp is still to be told is encrypted",
    "salt": "a secret of the account's, about nobody",
    "account": "the merchant",
    "app_user": "the merchant's own people: their log-ins",
    "shop": "a source",
    "sync_state": "how far a source was read",
    "product": "the catalogue",
    "variant": "the catalogue",
    "fitted_model": "numbers about all customers together",
    "audience": "the audience as a whole",
    "connecting": "the merchant's way into Mailchimp",
    "owned_name": "names of tags and fields",
    "plan": "counts of a whole publication",
    "plan_name": "names of tags and fields",
    "mailchimp_hook": "an address of ours, as a hash",
    "own_segment": "conditions of the merchant's; who fits stands in segment_member",
    "campaign_rule": "a text for many",
    "campaign": "a text for many; who got it stands in campaign_person",
    "event_switch": "a switch of the merchant's",
    "flow_look": "whether a flow runs",
    "shop_store": "a store as a whole",
    "shopify_store": "the merchant's way into a shop",
    "shopify_pixel": "a switch of the merchant's, and how often a store tells something",
    "shopify_switch": "a switch of the merchant's",
    "shopify_visit": "somebody of the merchant's on his way to connect a shop",
    "privacy_request": "that somebody asked, by numbers; whom it is about is encrypted until done",
    "work": "what is to be done, by numbers of ours",
}
#: How a column is called that names a person, or holds what may.
PERSONAL = ("email", "person", "profile_id", "phone", "card_no", "contact_id", "hashed", "body")


@pytest.fixture
def life(settings: Settings, database_url: str, sandbox: SandboxServer) -> Iterator[WholeLife]:
    made = WholeLife(settings.model_copy(update={"database_url": database_url}), sandbox)
    yield made
    made.context.engine.dispose()


def test_every_table_is_told_or_there_is_a_reason_why_not() -> None:
    tables = SQLModel.metadata.tables
    assert TOLD | NOT_TOLD.keys() == tables.keys(), "say of each table whether it is told"
    assert not TOLD & NOT_TOLD.keys()
    naming = {
        name
        for name, table in tables.items()
        if any(word in column.name for column in table.c for word in PERSONAL)
    }
    assert naming - TOLD == {"app_user", "erased_key", "segment"} & tables.keys()


def naming(life: WholeLife) -> tuple[str, ...]:
    """Return every text that tells who she is, and every number by which others know her."""
    with life.sandbox.state.lock:
        member = life.sandbox.audience.find(ADA)
        assert member is not None
        customers = [
            key
            for store in life.sandbox.stores.values()
            for key, row in store.customers.items()
            if row["email_address"] == ADA
        ]
    assert customers
    hashes = (subscriber_hash(ADA), hashlib.sha256(ADA.encode()).hexdigest())
    return (*TELLING, *hashes, *customers, member.contact_id)


def pointers(life: WholeLife, subject: Subject) -> set[str]:
    """Return the columns in which a number of ours points to her."""
    numbers = {"person_id": subject.people, "profile_id": subject.profiles}
    numbers |= {"one_id": subject.profiles, "other_id": subject.profiles}
    places = set()
    with life.context.engine.connect() as connection:
        for table in SQLModel.metadata.sorted_tables:
            for name, values in numbers.items():
                if (
                    name in table.c
                    and connection.execute(
                        sa.select(table.c[name]).where(table.c[name].in_(values)).limit(1)
                    ).first()
                ):
                    places.add(f"{table.name}.{name}")
        rows = connection.execute(text("SELECT result FROM audience_check")).scalars()
        results = [row if isinstance(row, dict) else json.loads(row) for row in rows]
    if any(set(subject.people) & set(d["people"]) for r in results for d in r["differences"]):
        places.add("audience_check.result")
    return places


def test_all_of_a_person_is_told_and_then_all_of_it_goes_and_does_not_come_back(
    life: WholeLife, sandbox: SandboxServer, capfd: pytest.CaptureFixture[str]
) -> None:
    life.live()
    engine, folder = life.context.engine, life.context.settings.data_dir.parent
    with life.shop.session() as session:
        subject = of_address(session, ADA)
        known = only_person(session, subject.people[0])
    needles = naming(life)
    told = json.loads(access.text(access.document(life.context, life.account_id, known)))
    assert TOLD - told["stipt"].keys() == set()
    assert BOB not in json.dumps({**told["stipt"], "reject": [], "import_run": []})
    contact, store = told["mailchimp"]
    assert {"contact", "tags", "events", "activity", "notes"} <= contact.keys()
    assert contact["notes"][0]["note"] == "Mrs Vosmaer called"
    assert contact["events"]
    assert {row["email_address"] for row in store["customers"]} == {ADA}
    assert {row["id"] for row in store["orders"]} >= {"R1", "R2"}
    assert [row["id"] for row in store["carts"]] == ["K1"]
    places = found(engine, *needles)
    assert len(places) > 15
    assert pointers(life, subject)

    with life.shop.session() as session:
        done = erase.start(session, life.context, subject)
    run_until_idle(life.context)
    with life.shop.session() as session:
        assert session.get_one(Erasure, done).status == "done"
    assert found(engine, *needles) == set()
    assert pointers(life, subject) == set()
    assert sandbox.audience.find(ADA) is None
    left = list(sandbox.stores.values())
    assert {"R1", "R2"} <= {number for store in left for number in store.orders}
    assert [store.carts for store in left] == [{}] * len(left)
    assert ADA not in str([(store.orders, store.customers) for store in left])

    life.read("customers.csv", CUSTOMERS)
    life.read("transactions.csv", RECEIPTS)
    life.work()
    life.shop.push()
    assert found(engine, *needles) == set()
    assert sandbox.audience.find(ADA) is None
    with life.shop.session() as session:
        assert {row.email for row in session.exec(select(SourceProfile))} >= {BOB}
    if engine.dialect.name == "sqlite":
        with engine.connect() as connection:
            connection.execute(text("PRAGMA wal_checkpoint(TRUNCATE)"))
    engine.dispose()
    assert in_files(folder, *needles) == set()
    said = capfd.readouterr()
    assert not [needle for needle in needles if needle.lower() in (said.out + said.err).lower()]
