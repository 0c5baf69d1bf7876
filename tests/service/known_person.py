"""Ada, who left a trace wherever one can be left, and Bob, who is somebody else."""

from __future__ import annotations

import json
import pickle
from decimal import Decimal
from functools import lru_cache
from typing import Any, cast
from unittest.mock import patch

from connectors.records import Cart, ConsentEvent, ConsentState, Customer, Record, Touchpoint
from integration.audience import restraint
from integration.mailchimp.client import subscriber_hash
from integration.pipeline import refresh
from integration.privacy.subject import of_address
from integration.sandbox.server import SandboxServer
from integration.tables import ImportRun, Inbox, Reject
from segmentation import compute
from segmentation.fitted import Fitted
from segmentation.frames import Assigned, Frames
from tests.service.audience_shop import NOW, AudienceShop, TestJob
from tests.service.records import order, store

ADA, BOB = "ada.vos@stipt-demo.shop", "bob@stipt-demo.shop"
CARD, PHONE = "CARD0042777", "+31612345678"
NEEDLES = (ADA, "ada%2evos", "ada.vos%40", CARD, PHONE, "Vosmaer", subscriber_hash(ADA))


def records() -> list[Record]:
    """What a source tells of Ada, by every way it has, and of Bob."""
    ada = Customer(
        id="c1",
        email=ADA.upper(),
        phone=PHONE,
        card_no="card 0042-777",
        first_name="Ada",
        last_name="Vosmaer",
        city="Utrecht",
    )
    return [
        ada,
        Customer(id="c2", email=BOB, first_name="Bob"),
        order("1", customer_id="c1"),
        order("2", email=ADA),
        order("3", card_no="CARD-0042777"),
        order("4", customer_id="c2"),
        Cart(id="k", email=ADA, currency="EUR", total=Decimal(1), updated_at=NOW,
             checkout_url=f"https://shop.example/?mail={ADA}"),
        ConsentEvent(id="yes", email=ADA, state=ConsentState.CONSENTED, at=NOW, source="checkout",
                     evidence=f"ticked by {ADA}"),
        Touchpoint(id="t", customer_id="c1", kind="visit", at=NOW, subject="Mrs Vosmaer came in"),
    ]  # fmt: skip


def read(shop: AudienceShop, *told: Record) -> int:
    return store(shop.context.engine, shop.account_id, shop.shop_id, *told).erased


def _run(frames: Frames, **more: Any) -> tuple[Fitted, Assigned]:
    """Compute what was not computed in this process yet: the rows of `records` are always alike."""
    known: tuple[Fitted, Assigned] = pickle.loads(_kept(pickle.dumps((frames, more))))
    return known


@lru_cache(maxsize=8)
def _kept(asked: bytes) -> bytes:
    frames, more = pickle.loads(asked)
    return pickle.dumps(_COMPUTE(frames, **more))


_COMPUTE = compute.run


def fill(shop: AudienceShop, sandbox: SandboxServer) -> int:
    """Let Ada leave a trace wherever one can be left; return her person."""
    sandbox.add_member(ADA, merge_fields={"FNAME": "Ada"})
    sandbox.add_member(BOB)
    read(shop, *records())
    with shop.session() as session:
        run = ImportRun(
            account_id=shop.account_id, shop_id=shop.shop_id, name="orders.csv", started_at=NOW,
            status="waiting", error=json.dumps([{"question": "dates", "example": f"{ADA};1-2-26"}]),
        )  # fmt: skip
        session.add(run)
        session.flush()
        session.add(
            Reject(account_id=shop.account_id, run_id=run.id or 0, stream="orders", row="7",
                   column="email", value=f"<{ADA}>", reason="no address")
        )  # fmt: skip
        session.add(
            Inbox(account_id=shop.account_id, audience_id=shop.audience.id, topic="profile",
                  dedupe_key="d1", headers={}, received_at=NOW,
                  body=b"type=profile&data%5Bemail%5D=ada.vos%40stipt-demo.shop")
        )  # fmt: skip
    job = TestJob(shop.account_id, payload={"as_of": "2026-03-01"})
    with patch.object(compute, "run", _run):
        refresh(shop.context, cast(Any, job))
    with shop.session() as session:
        restraint.set_share(session, shop.audience.id or 0, 20, NOW.date())
    shop.push()
    with shop.session() as session:
        person = of_address(session, ADA).people[0]
        restraint.leave_in_peace(session, person, NOW, NOW.date(), None)
    return person
