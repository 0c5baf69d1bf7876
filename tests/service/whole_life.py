"""Ada by every way there is: each part of the product works with her, so each may keep something.

Only a rejected cell and a question that name her are written by hand: the product asks about days
and amounts, and may one day ask about more.
"""

from __future__ import annotations

import json
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from sqlmodel import select

from connectors.records import (
    Cart,
    ConsentEvent,
    ConsentState,
    OrderLine,
    Refund,
    RefundDetail,
    RefundLine,
    Touchpoint,
)
from connectors.shopify.browsing import Browsed
from integration import uploads
from integration.audience import restraint
from integration.audience.check import check
from integration.audience.undo import make_undo
from integration.campaigns import mailed
from integration.flows.send import send_events
from integration.flows.switches import turn
from integration.identity import separate
from integration.pipeline import start_import
from integration.privacy.subject import people_of
from integration.sandbox.server import SandboxServer
from integration.settings import Settings
from integration.shopdata.look import shop_look
from integration.shopdata.stores import stores, switch_on
from integration.shopify import browsed
from integration.tables import (
    Consent,
    ConsentWrite,
    DueDate,
    ImportRun,
    Reject,
    SegmentMember,
    Shop,
    ShopStore,
    SourceProfile,
    Work,
)
from integration.work.execute import run_until_idle
from integration.work.inbox import keep
from tests.service.adding_shop import choose
from tests.service.audience_shop import DUE, TestJob
from tests.service.mail_shop import SEGMENT, MailShop, make_mail_shop
from tests.service.records import add_shop, store

ADA, BOB = "ada.vos@stipt-demo.shop", "bob@stipt-demo.shop"
PHONE, CARD = "+31612345678", "CARD0042777"
#: Everything that tells who she is, as she and her files write it.
TELLING = (
    *(ADA, "ada%2evos", "ada.vos%40", PHONE, "0612345678", CARD, "card 0042-777"),
    *("Vosmaer", "Kerkstraat", "3512ZZ", "1987-06-05", "CUST-ADA-1", "call her in the evening"),
)
CUSTOMERS = "\n".join(
    (
        "customer_id,email,first_name,last_name,phone,birth_date,postcode,city,address,"
        "consent_email,consent_at,consent_source,notes",
        f"CUST-ADA-1,{ADA},Ada,Vosmaer,06-12345678,1987-06-05,3512ZZ,Utrecht,Kerkstraat 7b,"
        "subscribed,2024-01-02,checkout,call her in the evening",
        f"CUST-BOB-2,{BOB},Bob,Bakker,,,3511AA,Utrecht,Steenweg 1,subscribed,2024-01-02,checkout,",
    )
)
RECEIPTS = "\n".join(
    (
        "receipt_id,line_no,customer_id,card_no,email,purchased_at,store,product_id,product_name,"
        "category,quantity,gross_amount,currency,discount_code,order_note",
        f"R1,1,CUST-ADA-1,,{ADA},2024-03-14T10:00:00,,P1,Navy suit,Suits,1,300.00,EUR,"
        "Vosmaer10,call her in the evening",
        f"R2,1,,card 0042-777,{ADA},2025-03-14T10:00:00,,P1,Navy suit,Suits,1,300.00,EUR,,",
        f"R4,1,CUST-BOB-2,,{BOB},2025-03-14T10:00:00,,P1,Navy suit,Suits,1,300.00,EUR,,",
        f"R5,1,CUST-ADA-1,,{ADA},soon,,P1,Navy suit,Suits,1,300.00,EUR,,",
    )
)


class WholeLife:
    """A shop where everything is on, and what it did with Ada."""

    def __init__(self, settings: Settings, sandbox: SandboxServer) -> None:
        self.mail: MailShop = make_mail_shop(settings, sandbox)
        self.sandbox, self.shop = sandbox, self.mail.shop
        self.context, self.account_id = self.shop.context, self.shop.account_id
        self.source = add_shop(self.context.engine, self.account_id)

    def work(self) -> None:
        """Do everything that waits; nothing may be given up."""
        run_until_idle(self.context)
        with self.shop.session() as session:
            lost = session.exec(select(Work.kind, Work.error).where(Work.status == "dead")).all()
        assert lost == []

    def read(self, name: str, text: str) -> None:
        """Upload a file and read it."""
        folder = uploads.new_folder(self.context, self.account_id)
        path: Path = folder / name
        path.write_text(text, "utf-8")
        with self.shop.session() as session:
            shop = session.get_one(Shop, self.source)
            start_import(
                session, self.context, shop, name=name, source={"paths": [str(path)], "options": {}}
            )

    def files(self) -> None:
        """Read her files."""
        self.read("customers.csv", CUSTOMERS)
        self.read("transactions.csv", RECEIPTS)
        self.work()

    def ada(self) -> int:
        """Her person."""
        with self.shop.session() as session:
            return people_of(session, ADA)[0]

    def live(self) -> None:
        """Let everything happen."""
        self.files()
        self._told()
        self._publish()
        self._rule_and_events()
        self._shop_data()
        self._mailchimp_tells()
        self._merchant_decides()

    def _told(self) -> None:
        now = self.mail.clock.now
        store(
            self.context.engine, self.account_id, self.source,
            Cart(id="K1", email=ADA, currency="EUR", total=Decimal(300), updated_at=now,
                 checkout_url=f"https://shop.example/?mail={ADA}",
                 lines=(OrderLine(id="1", product_id="P1", title="Navy suit", quantity=Decimal(1),
                                  total=Decimal(300)),)),
            ConsentEvent(id="yes", email=ADA, state=ConsentState.CONFIRMED,
                         at=now - timedelta(days=9), source="checkout",
                         evidence=f"ticked by {ADA}"),
            Refund(id="F1", order_id="R1", refunded_at=now - timedelta(days=300), currency="EUR",
                   detail=RefundDetail.PER_LINE,
                   lines=(RefundLine(order_line_id="1", quantity=Decimal(1),
                                     amount=Decimal(300)),)),
            Touchpoint(id="t", customer_id="CUST-ADA-1", kind="visit", at=now,
                       subject="Mrs Vosmaer came in"),
        )  # fmt: skip
        with self.shop.session() as session:
            looked = Browsed(
                id="e1",
                kind="checkout_start",
                at=now,
                client="browser-1",
                is_permitted=True,
                customer_id="CUST-ADA-1",
                checkout_token="t0",
            )
            browsed.keep(session, self.context, self.source, looked)
            said = session.exec(select(Consent).where(Consent.external_id == "yes")).one()
            session.add(
                ConsentWrite(account_id=self.account_id, shop_id=self.source, state=said.state,
                             profile_id=said.profile_id or 0, consent_id=said.id or 0, at=now,
                             noted_at=now)
            )  # fmt: skip
            run = ImportRun(
                account_id=self.account_id, shop_id=self.source, name="more.csv", started_at=now,
                status="waiting",
                error=json.dumps([{"column": "who", "examples": [f"Mrs Vosmaer <{ADA}>", BOB]}]),
            )  # fmt: skip
            run_id = self.shop.add(session, run)
            session.add(
                Reject(account_id=self.account_id, run_id=run_id, stream="orders", row="7",
                       column="email", value=f"Vosmaer <{ADA}>", reason="no address")
            )  # fmt: skip

    def _publish(self) -> None:
        """She is added, and gets her tags."""
        choose(self.shop, adds_contacts=True, sets_language=True)
        self.sandbox.add_member(BOB)
        self.shop.push()
        self.sandbox.audience.find(ADA).notes.append(  # type: ignore[union-attr]  # she was added
            ("2026-03-16T05:00:00+00:00", "Mrs Vosmaer called")
        )

    def _rule_and_events(self) -> None:
        """She becomes due: a campaign is written to her, and after her rest an event is told."""
        self.mail.add_rule()
        self._becomes_due()
        self.shop.push()
        self.mail.work()
        self.mail.go_to(self.mail.clock.now + timedelta(hours=5))
        self.mail.work()
        self.mail.go_to(self.mail.clock.now + timedelta(days=mailed.REST_DAYS + 1))
        with self.shop.session() as session:
            turn(session, self.shop.audience, "due", self.mail.clock.now, on=True)
        send_events(self.context, TestJob(self.account_id))
        self._becomes_due()
        send_events(self.context, TestJob(self.account_id))

    def _becomes_due(self) -> None:
        today: date = self.mail.clock.now.date()
        with self.shop.session() as session:
            person = people_of(session, ADA)[0]
            for model in (DueDate, SegmentMember):
                for row in session.exec(select(model).where(model.person_id == person)):
                    session.delete(row)
        self.shop.will_need(person, {"suits": ("now", today)})
        with self.shop.session() as session:
            session.add(
                SegmentMember(account_id=self.account_id, person_id=person, segment=SEGMENT,
                              reason=dict(DUE), since=today)
            )  # fmt: skip

    def _shop_data(self) -> None:
        shop_look(self.context, TestJob(self.account_id))
        with self.shop.session() as session:
            for _, row in stores(session, self.shop.audience, keep=True):
                switch_on(session, session.get_one(ShopStore, row.id))
        self.work()

    def _mailchimp_tells(self) -> None:
        """A webhook, and a check that finds somebody changed her."""
        told = {"type": "profile", "data[email]": ADA, "data[merges][LNAME]": "Vosmaer"}
        body = urlencode(told).encode()
        with self.shop.session() as session:
            keep(session, self.shop.audience, "audience", "d1", {}, body)
        self.work()
        with self.sandbox.state.lock:
            audience = self.sandbox.audience
            member = audience.find(ADA)
            for tag in sorted(member.tags):  # type: ignore[union-attr]  # she was added
                audience.detach(member, tag)  # type: ignore[arg-type]
        check(self.context, TestJob(self.account_id))  # type: ignore[arg-type]

    def _merchant_decides(self) -> None:
        """The merchant takes a plan back, keeps her apart from Bob, and leaves her in peace."""
        now: Any = self.mail.clock.now
        self.shop.publish(make_undo(self.context, self.account_id, self.shop.push().id or 0))
        with self.shop.session() as session:
            one, other = (
                session.exec(select(SourceProfile.id).where(SourceProfile.email == address)).first()
                for address in (ADA, BOB)
            )
            separate(session, one or 0, other or 0, now)
            restraint.leave_in_peace(session, people_of(session, ADA)[0], now, now.date(), 30)
