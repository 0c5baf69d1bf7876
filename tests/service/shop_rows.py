"""A small shop in the tables, as an import and a run would have left it; for tests of the pages."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
from sqlmodel import Session, select

from integration.accounts import create_account
from integration.campaigns.content import as_document, proposed
from integration.context import Context
from integration.db import scoped, unscoped
from integration.tables import (
    Audience,
    Campaign,
    CampaignRule,
    Consent,
    DueDate,
    Erasure,
    FittedModel,
    Identity,
    ImportRun,
    Member,
    Order,
    OrderLine,
    OwnSegment,
    Person,
    PersonProfile,
    Plan,
    PlanChange,
    PrivacyRequest,
    Product,
    Refund,
    Reject,
    SegmentChange,
    SegmentMember,
    Shop,
    ShopRecord,
    ShopStore,
    SourceProfile,
    Touchpoint,
    Work,
)
from segmentation.compute import fit
from segmentation.frames import LINES, PRODUCTS, Choices, Frames
from segmentation.groups.tree import GroupTree

PASSWORD = "punctual and exact"
NOW = datetime(2026, 3, 10, 9, 30, tzinfo=UTC)
TODAY = NOW.date()

SUIT_WHY = {
    "key": "due", "need": "suits", "title": "Navy suit", "last_on": "2024-03-14", "life": 700,
    "gaps": 312, "basis": "learned", "own_gaps": 0, "expected": 700,
}  # fmt: skip
BRAND_WHY = {"key": "likes", "what": "brand", "value": "Zilte", "items": 4, "of": 6, "share": 0.12}
STAGE_WHY = {
    "key": "stage", "stage": "regular", "last_on": "2026-01-20", "gap": 42, "frequency": 7,
    "f": 4, "m": 4,
}  # fmt: skip


@dataclass(frozen=True)
class Merchant:
    """Ids of what was stored."""

    account_id: int
    email: str
    shop_id: int
    person_id: int
    profile_ids: tuple[int, int]
    product_id: int
    run_id: int
    waiting_run_id: int
    plan_id: int
    published_plan_id: int
    dead_work_id: int
    store_id: int
    erasure_id: int
    request_id: int
    rule_id: int
    draft_id: int
    own_id: int
    #: A run of the rule that waits for a click.
    campaign_id: int
    #: Words that only this merchant's pages may hold.
    secrets: tuple[str, ...]


def login_of(context: Context, email: str, name: str = "Kleding & Co", language: str = "en") -> int:
    """Store an account without anything in it; return its id."""
    with unscoped(context.engine) as session:
        account, _ = create_account(session, name, email, PASSWORD, language, now=NOW)
        assert account.id is not None
        return account.id


def merchant(
    context: Context,
    email: str = "owner@kleding.example",
    *,
    first_name: str = "Ada",
    last_name: str = "Lovelace",
    language: str = "en",
    people: int = 3,
) -> Merchant:
    """Store a merchant with a few people, purchases, segments, due dates, plans and work."""
    account_id = login_of(context, email, f"{last_name} Mode", language)
    with scoped(context.engine, account_id) as session:
        shop = _add(session, Shop(account_id=account_id, platform="files", external_id="files",
                                  name=f"{last_name} webshop", created_at=NOW))  # fmt: skip
        till = _add(session, Shop(account_id=account_id, platform="files", external_id="till",
                                  name=f"{last_name} till", created_at=NOW))  # fmt: skip
        ids = [
            _person(session, shop, till, number, first_name, last_name) for number in range(people)
        ]
        product = _add(session, Product(account_id=account_id, shop_id=shop, external_id="p9",
                                        title=f"Mystery of {last_name}"))  # fmt: skip
        _insight(session, [person for person, _ in ids], product)
        plan, published = _audience(
            session, ids[0][0], f"{first_name}0@{last_name}.example".lower()
        )
        store = _store(session, shop)
        rule, draft, campaign = _mail(session)
        own = _own(session)
        run, waiting = _runs(session, shop)
        erasure = _add(session, Erasure(account_id=account_id, status="done", requested_at=NOW,
                                        finished_at=NOW, counts={"identity": 2},
                                        mailchimp={"answers": []}))  # fmt: skip
        request = _add(session, PrivacyRequest(account_id=account_id, shop_id=shop, kind="access",
                                               asked_at=NOW, due_at=NOW, done_at=NOW))  # fmt: skip
        dead = _add(
            session,
            Work(account_id=account_id, kind="push", lane=f"account:{account_id}:push",
                 status="dead", run_at=NOW, created_at=NOW, finished_at=NOW,
                 error=f"{last_name}: the audience is gone"),
        )  # fmt: skip
    return Merchant(
        account_id=account_id,
        email=email,
        shop_id=shop,
        person_id=ids[0][0],
        profile_ids=ids[0][1],
        product_id=product,
        run_id=run,
        waiting_run_id=waiting,
        plan_id=plan,
        published_plan_id=published,
        dead_work_id=dead,
        store_id=store,
        erasure_id=erasure,
        request_id=request,
        rule_id=rule,
        draft_id=draft,
        own_id=own,
        campaign_id=campaign,
        secrets=(last_name, f"{first_name}0@{last_name}.example".lower()),
    )


def _add(session: Session, row: object) -> int:
    session.add(row)
    session.flush()
    key: int = row.id  # type: ignore[attr-defined]  # every table of ours has one
    return key


def _person(
    session: Session, shop: int, till: int, number: int, first: str, last: str
) -> tuple[int, tuple[int, int]]:
    owner = session.info["account_id"]
    person = _add(session, Person(account_id=owner, created_at=NOW))
    email = f"{first}{number}@{last}.example".lower()
    web = _add(session, SourceProfile(
        account_id=owner, shop_id=shop, external_id=f"c{number}", person_id=person, email=email,
        first_name=f"{first}{number}", last_name=last, city="Utrecht", created_at=NOW))  # fmt: skip
    card = _add(session, SourceProfile(
        account_id=owner, shop_id=till, external_id=f"card:{number}", person_id=person,
        card_no=f"99{number}", email=email, phone="+31612345678"))  # fmt: skip
    for profile in (web, card):
        _add(session, Identity(account_id=owner, profile_id=profile, kind="email", value=email))
    order = _add(session, Order(
        account_id=owner, shop_id=shop, external_id=f"o{number}", number=f"#10{number}",
        profile_id=web, placed_at=NOW - timedelta(days=726), status="paid", channel="web",
        currency="EUR", total_minor=39_900, shipping_minor=0))  # fmt: skip
    _add(session, OrderLine(account_id=owner, order_id=order, external_id="1", title="Navy suit",
                            colour="navy", size="52", quantity=1, total_minor=39_900,
                            discount_minor=0))  # fmt: skip
    receipt = _add(session, Order(
        account_id=owner, shop_id=till, external_id=f"r{number}", profile_id=card,
        placed_at=NOW - timedelta(days=49), status="paid", channel="store", store="Utrecht",
        currency="EUR", total_minor=11_800, shipping_minor=0))  # fmt: skip
    _add(session, OrderLine(account_id=owner, order_id=receipt, external_id="1", quantity=2,
                            title="White shirt 41", total_minor=11_800, discount_minor=0,
                            is_gift=True))  # fmt: skip
    _add(session, Refund(account_id=owner, shop_id=till, external_id=f"f{number}",
                         order_external_id=f"r{number}", refunded_at=NOW - timedelta(days=40),
                         currency="EUR", detail="total", amount_minor=5_900))  # fmt: skip
    _add(session, Consent(
        account_id=owner, shop_id=shop, external_id=f"k{number}", profile_id=web, email_key=email,
        state="confirmed", at=NOW - timedelta(days=800), source="shop",
        evidence="double opt-in form", received_at=NOW))  # fmt: skip
    _add(session, Touchpoint(account_id=owner, shop_id=shop, external_id=f"t{number}", kind="visit",
                             profile_id=web, at=NOW - timedelta(days=3),
                             subject="Fitting room"))  # fmt: skip
    return person, (web, card)


def _insight(session: Session, people: list[int], product: int) -> None:
    owner = session.info["account_id"]
    for number, person in enumerate(people):
        for need, days, title, state in (
            ("suits", 4, "Navy suit", "now"),
            ("shirts", 120 + 9 * number, "White shirt 41", ""),
            ("shoes", -40, "Oxford", "late"),
        ):
            due = TODAY + timedelta(days=days)
            _add(session, DueDate(
                account_id=owner, person_id=person, need=need, last_on=date(2024, 3, 14),
                last_title=title, owned=1, own_gaps=0, expected_on=due,
                window_from=due - timedelta(days=60), window_to=due + timedelta(days=75),
                p_repeat=0.6, p_due=0.2, within_days=180, p_within=0.3, passed=0.5, state=state,
                waits_for="suits" if state == "late" else "", basis="learned",
                reason={**SUIT_WHY, "need": need, "title": title}))  # fmt: skip
        for segment, why in (("due:suits:now", SUIT_WHY), ("stage:regular", STAGE_WHY)):
            _add(session, SegmentMember(account_id=owner, person_id=person, segment=segment,
                                        reason=why, since=date(2026, 3, 1)))  # fmt: skip
            _add(session, SegmentChange(account_id=owner, person_id=person, segment=segment,
                                        entered=True, on=date(2026, 3, 1), reason=why))  # fmt: skip
        _add(session, SegmentChange(account_id=owner, person_id=person, segment="stage:new",
                                    entered=False, on=date(2026, 3, 1), reason=STAGE_WHY,
                                    cause={"key": "left-other",
                                           "segment": "stage:regular"}))  # fmt: skip
        _add(session, PersonProfile(
            account_id=owner, person_id=person, recency=49, frequency=7, monetary_value=9_900.0,
            revenue=69_300.0, tenure=726, r=4, f=4, m=4, expected_gap=42.0, stage="regular",
            is_wholesale=False, shops="menswear", style="business", favourite="shirts",
            second_favourite="suits", brand="Zilte", likes=[BRAND_WHY],
            computed_on=TODAY))  # fmt: skip
    session.add(
        FittedModel(
            account_id=owner,
            as_of=TODAY,
            state=json.loads(_fitted(owner, product)),
            created_at=NOW,
        )
    )


@lru_cache
def _fitted(account_id: int, product: int) -> str:
    """What a real fit leaves behind for twenty people who bought suits, shirts and shoes."""
    products = pd.DataFrame(
        {
            "account_id": account_id,
            "product_id": [product, *(10**9 + n for n in range(3))],
            "title": ["Zorblax", "Navy suit", "White shirt", "Oxford shoe"],
            "product_type": ["", "Suits", "Shirts", "Shoes"],
        }
    )
    for column, kind in PRODUCTS.items():
        if column not in products:
            products[column] = "" if kind == "str" else float("nan")
    rng = np.random.default_rng(7)
    rows = [
        (person, 10**9 + kind, TODAY - timedelta(days=int(days)))
        for person in range(1, 21)
        for kind in range(3)
        for days in rng.integers(30, 900, size=3)
    ]
    lines = pd.DataFrame(rows, columns=["person_id", "product_id", "ordered_on"])
    lines = lines.assign(
        account_id=account_id,
        line_id=np.arange(len(lines)),
        order_id=np.arange(len(lines)),
        status="paid",
        channel="web",
        title="",
        colour="",
        size="",
        quantity=1.0,
        net_amount=9_900.0,
        discount=0.0,
        refunded_quantity=0.0,
        refunded_amount=0.0,
        refunded_on=None,
        is_gift=False,
        is_subscription=False,
    ).astype({"person_id": "Int64", "product_id": "Int64", "status": "str", "channel": "str",
              "title": "str", "colour": "str", "size": "str"})  # fmt: skip
    for column in ("ordered_on", "refunded_on"):
        lines[column] = pd.to_datetime(lines[column]).astype("datetime64[us]")
    people = pd.DataFrame({"account_id": account_id, "person_id": range(1, 21),
                           "is_business": False, "declared_gender": "", "company": ""})  # fmt: skip
    people = people.astype({"declared_gender": "str", "company": "str"})
    frames = Frames(lines=lines[list(LINES)], products=products, people=people)
    state = fit(frames, as_of=TODAY, choices=Choices()).to_dict()
    # Twenty people make no groups: those of a larger shop stand in for them.
    state["accounts"][str(account_id)]["groups"] |= groups(("frequency", "low"))
    return json.dumps(state)


def groups(*told: tuple[str, str]) -> dict[str, Any]:
    """Return groups of menswear as a fit writes them, and a kind of customers where it is told."""
    path = [["shops", "menswear"]]
    men = {"path": path, "people": 900, "buyers": 400, "precision": 0.2,
           "larger": 0.1}  # fmt: skip
    navy = {"path": [*path, ["need", "suits"], ["colour", "navy"]], "people": 130,
            "buyers": 80, "precision": 0.31, "larger": 0.24}  # fmt: skip
    green = {**navy, "path": [*path, ["need", "suits"], ["colour", "green"]], "larger": 0.31}
    tree = {"params": GroupTree().get_params(), "window_days": 365, "until": 20_000, "seen": 9,
            "groups": [men, navy], "left_out": [green],
            "offered": ["menswear:suits:colour-navy"]}  # fmt: skip
    kind = {"number": 1, "told": [list(one) for one in told], "share": 0.4, "centre": [0.0] * 5}
    few = {"what": "repeaters", "needed": 200, "there": 57}
    clusters = {"params": {}, "clusters": [kind] if told else [], "refused": None if told else few,
                "mean": [0.0] * 5, "spread": [1.0] * 5, "stability": 0.9, "next": 2}  # fmt: skip
    return {"schema": 1, "prices": {}, "tree": tree, "clusters": clusters, "texts": {}}


def _audience(session: Session, person: int, email: str) -> tuple[int, int]:
    owner = session.info["account_id"]
    audience = _add(session, Audience(account_id=owner, list_id="a1b2", name="Klanten",
                                      server="us6",
                                      token="-", language="en", connected_at=NOW))  # fmt: skip
    _add(session, Member(account_id=owner, audience_id=audience, email_key=email,
                         status="subscribed"))  # fmt: skip
    summary = {
        "new_tags": ["Due: Suits – now"], "new_fields": ["DUEDATE"],
        "tags": [{"key": "due:suits:now", "name": "Due: Suits – now", "add": 1, "remove": 0,
                  "examples": [person]}],
        "fields": [{"key": "DUEDATE", "name": "DUEDATE", "set": 1, "clear": 0}],
        "members": 1, "contacts_added": 0, "subscriptions_changed": 0, "requests": 6,
        "seconds": 24, "left_out": {"no_person": 12},
        "warnings": [{"key": "tag_taken", "name": "VIP", "used": "VIP (auto)"}],
    }  # fmt: skip
    plans: list[int] = []
    for status, at in (("published", NOW - timedelta(days=2)), ("draft", NOW)):
        plan = _add(session, Plan(
            account_id=owner, audience_id=audience, status=status, summary=summary, created_at=at,
            outcome={"requests": 6, "writes": 3, "seconds": 4.2, "done": 1, "failed": 1}
            if status == "published" else {},
            published_at=at if status == "published" else None))  # fmt: skip
        _add(session, PlanChange(
            account_id=owner, plan_id=plan, email_key=email, person_id=person, kind="tag",
            key="due:suits:now", after="",
            status="failed" if plans == [] else "todo",
            error=None if plans else "the contact is in a compliance state"))  # fmt: skip
        plans.append(plan)
    return plans[1], plans[0]


def _store(session: Session, shop: int) -> int:
    """A store that is filled, beside another application's, with something refused."""
    owner = session.info["account_id"]
    audience = session.exec(select(Audience)).one().id or 0
    preview = {"products": 12, "customers": 3, "orders": 8, "carts": 1, "calls": 15, "left_out": 2,
               "others": [{"name": "Klanten Woo", "platform": "woocommerce"}]}  # fmt: skip
    store = _add(session, ShopStore(
        account_id=owner, audience_id=audience, shop_id=shop, store_id=f"stipt-{owner}",
        is_on=True, status="filled", preview=preview, looked_at=NOW, filled_at=NOW,
        outcome={"requests": 21, "writes": 9, "seconds": 3.4}))  # fmt: skip
    for kind, key, error in (("product", "p9", ""), ("customer", "c-1", ""), ("order", "o1", ""),
                             ("order", "o2", "Mailchimp answered 400")):  # fmt: skip
        _add(session, ShopRecord(
            account_id=owner, shop_store_id=store, kind=kind, key=key, there="" if error else "x",
            status="failed" if error else "done", error=error))  # fmt: skip
    return store


def _mail(session: Session) -> tuple[int, int, int]:
    """A rule that is on, a draft, and a run that waits; return their ids."""
    owner = session.info["account_id"]
    audience = session.exec(select(Audience)).one().id or 0
    content = as_document(proposed("due:suits:now", "en", "suits"))
    rule = _add(session, CampaignRule(
        account_id=owner, audience_id=audience, segment="due:suits:now", language="en",
        content=content, weekday=1, hour=10, most_people=500, is_on=True, entered_from=NOW,
        created_at=NOW))  # fmt: skip
    ids = [
        _add(session, Campaign(
            account_id=owner, audience_id=audience, kind=kind, key=f"{kind}:1", status=status,
            rule_id=rule if kind == "run" else None, segment="due:suits:now", people=40,
            title="Due: Suits", subject="Time for a new suit?", remote_id="c0ffee", web_id=7,
            send_at=NOW + timedelta(days=1) if kind == "run" else None, created_at=NOW))
        for kind, status in (("draft", "draft"), ("run", "waiting"))
    ]  # fmt: skip
    return rule, ids[0], ids[1]


def _own(session: Session) -> int:
    """A segment of the merchant's own that nobody was placed in yet."""
    often = {"version": 1, "who": {"all": [{"feature": "frequency", "is": "at_least", "value": 3}]}}
    return _add(session, OwnSegment(account_id=session.info["account_id"], name="Buys often",
                                    document=often, created_at=NOW))  # fmt: skip


def _runs(session: Session, shop: int) -> tuple[int, int]:
    owner = session.info["account_id"]
    done = _add(session, ImportRun(
        account_id=owner, shop_id=shop, name="orders.csv", status="done", started_at=NOW,
        finished_at=NOW, counters={"lines": 48_212, "orders": 20_100, "orders read": 20_100,
                                   "lines without a customer": 1_304}))  # fmt: skip
    _add(session, Reject(account_id=owner, run_id=done, stream="orders", row="17", column="Datum",
                         value="=31-02-2026", reason="no such day"))  # fmt: skip
    question = (
        '[{"option": "date_order", "column": "Datum", "choices": [["dmy", "3 April 2026"],'
        ' ["mdy", "4 March 2026"]], "examples": ["03-04-2026"]}]'
    )
    waiting = _add(session, ImportRun(account_id=owner, shop_id=shop, name="card.csv",
                                      error=question,
                                      status="waiting", started_at=NOW))  # fmt: skip
    _add(session, Work(
        account_id=owner, kind="import", lane=f"account:{owner}:import", status="done", run_at=NOW,
        payload={"run_id": waiting, "source": {"paths": ["card.csv"], "options": {}}},
        created_at=NOW, finished_at=NOW))  # fmt: skip
    return done, waiting
