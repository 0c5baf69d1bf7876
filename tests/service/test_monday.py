"""The Monday list: whom of the business customers to call, on the page, as a table, typed."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from sqlmodel import Session, select

from integration.app import create_app
from integration.cli.main import main
from integration.context import Context
from integration.db import scoped
from integration.tables import Person, PersonProfile, SegmentMember, SourceProfile
from segmentation.trade.roles import role_of
from tests.service.shop_rows import NOW, TODAY, Merchant, merchant
from tests.service.visitor import Visitor

TILES = {
    "key": "overdue", "need": "tiles", "last_on": "2025-12-19", "expected_on": "2026-01-23",
    "every": 35, "spread": 6, "orders": 7, "units": 24, "contacts": 2, "state": "overdue",
    "p_overdue": 0.97, "units_low": 18.2, "units_high": 31.0, "amount": 12_000.0,
}  # fmt: skip
GROUT = {**TILES, "need": "grout", "amount": 50_000.0}
WHOLE = {**TILES, "need": "anything", "units": None, "amount": 90_000.0}
ONCE = {**TILES, "last_on": "2026-01-10"}
LACKS = {"key": "lacks-missing", "need": "trims", "with": "", "orders": 9, "of": 10,
         "last_on": "2026-03-01"}  # fmt: skip


def contact(
    session: Session, known: Merchant, company: str, *alarms: dict[str, Any], **of: Any
) -> int:
    """Store a contact of a company who carries alarms; return his number."""
    owner = known.account_id
    person = Person(account_id=owner, created_at=NOW)
    session.add(person)
    session.flush()
    number = person.id or 0
    session.add(SourceProfile(account_id=owner, shop_id=known.shop_id, external_id=f"b{number}",
                              person_id=number, company=company, **of))  # fmt: skip
    rhythms = [{**alarm, "carries": True} for alarm in alarms]
    session.add(PersonProfile(
        account_id=owner, person_id=number, recency=70, frequency=7, monetary_value=1.0,
        revenue=7.0, tenure=300, r=0, f=0, m=0, stage="", is_wholesale=True, shops="", style="",
        favourite="", second_favourite="", computed_on=TODAY,
        trade={"rhythms": rhythms, "lacks": [LACKS]}))  # fmt: skip
    session.add_all(
        SegmentMember(account_id=owner, person_id=number, segment=f"b2b:{alarm['need']}:overdue",
                      reason=alarm, since=TODAY)
        for alarm in alarms
    )  # fmt: skip
    return number


@pytest.fixture
def known(context: Context) -> Merchant:
    """A merchant with three companies, of which one has two contacts with alarms."""
    found = merchant(replace(context, clock=lambda: NOW))
    with scoped(context.engine, found.account_id) as session:
        contact(session, found, "De Vries B.V.", TILES, WHOLE, first_name="Vera",
                email="vera@vries.example", phone="+31201234567")  # fmt: skip
        contact(session, found, "de vries", GROUT, first_name="=Gert")
        contact(session, found, "Alleen & Zn", WHOLE, first_name="Al")
        contact(session, found, "Zonder prijs", {**TILES, "amount": None}, first_name="Zoë")
    return found


@pytest.fixture
def visitor(context: Context, known: Merchant) -> Visitor:
    found = Visitor(create_app(replace(context, clock=lambda: NOW)))
    found.log_in(known.email)
    return found


def test_companies_stand_once_where_most_is_at_risk_first(visitor: Visitor) -> None:
    text = visitor.get("/monday").text
    assert "3 companies, €1,520.00 at risk" in text
    order = [text.index(name) for name in ("Alleen &amp; Zn", "De Vries B.V.", "Zonder prijs")]
    assert order == sorted(order)
    assert "de vries" not in text
    assert "Tiles: usually every 5 weeks ± 6 days (7 orders), the last 19 Dec 2025;" in text
    assert "this one ordered last" not in text
    assert "Trims: in 9 of 10 orders, and not in the last, of 1 Mar 2026." in text


@pytest.mark.parametrize(
    ("alarm", "words"),
    [
        pytest.param(TILES, ("Speak with Dirk.", "Directeur, who decides"), id="one missed"),
        pytest.param(ONCE, ("Speak with Ina.", "Inkoper, who buys"), id="late for once"),
    ],
)  # fmt: skip
def test_who_buys_is_asked_and_who_decides_after_a_missed_order(
    visitor: Visitor, context: Context, known: Merchant, alarm: dict[str, Any], words: Sequence[str]
) -> None:
    with scoped(context.engine, known.account_id) as session:
        contact(session, known, "Met rollen B.V.", alarm, first_name="Oscar")
        # Neither ever ordered; the sources write the company in other ways.
        contact(session, known, "met rollen", first_name="Ina", role="Inkoper")
        contact(session, known, "Met Rollen", first_name="Dirk", role="Directeur")
        contact(session, known, "Elders", first_name="Eva", role="Directeur")
    text = visitor.get("/monday").text
    for word in words:
        assert word in text
    assert "Eva" not in text


@pytest.mark.parametrize(
    ("text", "role"),
    [
        ("Hoofd Inkoop", "buys"), ("Purchasing manager", "buys"), ("aankoper", "buys"),
        ("Directeur-eigenaar", "decides"), ("Director of procurement", "decides"),
        ("Decision maker", "decides"), ("Zaakvoerder", "decides"), ("Directiesecretaresse", ""),
        ("Mevrouw", ""), ("", ""),
    ],
)  # fmt: skip
def test_roles_are_read_in_english_and_dutch(text: str, role: str) -> None:
    assert role_of(text) == role


def test_orders_as_a_whole_are_told_where_no_group_is_late_by_itself(visitor: Visitor) -> None:
    text = visitor.get("/monday").text
    assert text.count("An order of anything:") == 1
    assert "€900.00 at risk" in text
    assert "€620.00 at risk" in text


def test_an_order_ends_the_entry_as_it_ends_the_alarm(
    visitor: Visitor, context: Context, known: Merchant
) -> None:
    with scoped(context.engine, known.account_id) as session:
        for member in session.exec(select(SegmentMember)):
            if member.segment.startswith("b2b:"):
                session.delete(member)
    assert "No business customer is overdue." in visitor.get("/monday").text


def test_a_company_opens_into_what_it_orders(visitor: Visitor, known: Merchant) -> None:
    text = visitor.get("/monday").text
    for part in text.split('href="/people/')[1:]:
        shown = visitor.get(f"/people/{part.partition(chr(34))[0]}").text
        assert "What this company orders, and when" in shown


def test_the_table_has_a_row_an_alarm_and_runs_no_formula(visitor: Visitor) -> None:
    visitor.post("/language", {"language": "nl"})
    answer = visitor.get("/monday.csv")
    assert answer.headers["Content-Disposition"] == "attachment; filename=monday.csv"
    rows = list(csv.reader(io.StringIO(answer.text.removeprefix("\ufeff"))))
    assert rows[0][:7] == ["Bedrijf", "Artikelgroep", "Verwacht op", "Stuks", "Dagen te laat",
                           "Kans over tijd", "Waarde op het spel (EUR)"]  # fmt: skip
    assert [row[1:8] for row in rows[1:]] == [
        ["Elke bestelling", "23 jan 2026", "", "46", "97%", "900", "Al"],
        ["Grout", "23 jan 2026", "24", "46", "97%", "500", "'=Gert"],
        ["Tiles", "23 jan 2026", "24", "46", "97%", "120", "'=Gert"],
        ["Tiles", "23 jan 2026", "24", "46", "97%", "", "Zoë"],
    ]


def test_a_file_of_orders_becomes_a_list_of_whom_to_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    today = datetime.now(UTC).date()
    rows = ["Bestelnummer;Datum;Klantnummer;Bedrijf;Zakelijk;E-mail;Artikelgroep;Omschrijving;"
            "Aantal;Bedrag"]  # fmt: skip
    for company, last in (("Laat BV", 70), ("Op tijd BV", 20)):
        for number in range(9):
            on = today - timedelta(days=last + 35 * number)
            rows.append(f"{company[0]}{number};{on};{company};{company};ja;{company[0]}@b2b.example;"
                        f"Tegels;Tegel wit;24;240,00")  # fmt: skip
    Path("orders.csv").write_text("\n".join(rows))

    def call(*arguments: str) -> str:
        done = CliRunner().invoke(main, list(arguments))
        assert done.exit_code == 0, done.output
        return done.stdout

    call("init", "--name", "Tegelhandel", "--email", "mia@stipt-demo.shop", "--language", "nl")
    assert call("monday") == "No business customer is overdue.\n"
    Path("relaties.csv").write_text(
        "Klantnummer;Bedrijf;Naam;E-mail;Functie\n77;Laat;Dirk Baas;dirk@b2b.example;Eigenaar\n"
    )
    call("import", "orders.csv", "relaties.csv")
    (company,) = json.loads(call("monday", "--json"))["companies"]
    (late,) = company["late"]
    contact = company["contact"]
    assert (company["name"], contact["name"], contact["role"], contact["because"]) == (
        "Laat BV", "Dirk Baas", "Eigenaar", "decides",
    )  # fmt: skip
    assert (late["name"], late["units"], late["value"]) == ("Tegels", 24, 24_000)
    assert late["days_late"] >= 30
    assert "Laat BV" in call("monday")
