"""Exports of many programmes are recognised without typing a mapping."""

from __future__ import annotations

import gzip
import zipfile
from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import openpyxl
import pytest

from connectors.errors import NotReadable
from connectors.files import FilesConnector, Options
from connectors.records import ConsentState, OrderStatus, RefundDetail
from tests.connectors.files.writing import (
    LOYALTY_HEADER,
    LOYALTY_ROWS,
    SHOPIFY_HEADER,
    Import,
    loyalty,
    shopify_row,
    write,
)

# Name of the file, its lines, and how many records of each stream it brings.
LAYOUTS = [
    pytest.param(
        "customers_export.csv",
        [
            "Customer ID,First Name,Last Name,Email,Accepts Email Marketing,Default Address City,"
            "Default Address Country Code,Default Address Zip,Phone,Accepts SMS Marketing,"
            "Total Spent,Total Orders,Tags",
            "'7001,Ada,Lof,ada@voorbeeld.nl,yes,Breda,NL,'4811AB,'+31612345678,no,10.00,1,\"a, b\"",
            "'7002,Bo,Mol,bo@voorbeeld.nl,no,Breda,NL,4811AC,,,0.00,0,",
        ],
        {"customers": 2, "consent": 3},
        id="Shopify customers",
    ),
    pytest.param(
        "products_export.csv",
        [
            "Handle,Title,Vendor,Type,Tags,Option1 Name,Option1 Value,Variant SKU,Variant Price,"
            "Variant Inventory Qty,Image Src,Status",
            "blauw-pak,Blauw pak,Stof,Pakken,heren,Maat,50,P-50,349.95,3,https://cdn/1.jpg,active",
            "blauw-pak,,,,,,52,P-52,359.95,0,,",
            "riem,Riem,Stof,Riemen,,Title,Default Title,R-1,24.95,,,draft",
        ],
        {"products": 2},
        id="Shopify products",
    ),
    pytest.param(
        "wc-product-export.csv",
        [
            "ID,Type,SKU,Naam,Gepubliceerd,Reguliere prijs,Categorieën,Voorraad,Hoofd",
            '11,variable,PAK,Blauw pak,1,,"Heren > Pakken, Nieuw",,',
            '12,variation,PAK-52,Blauw pak - 52,1,"349,95",,4,id:11',
            '13,simple,RIEM,Riem,1,"24,95",Heren > Riemen,2,',
            '14,variation,PAK-54,Blauw pak - 54,1,"349,95",,4,PAK',
        ],
        {"products": 2},
        id="WooCommerce products in Dutch",
    ),
    pytest.param(
        "wc-customers.csv",
        [
            "Name,Username,Last Active,Sign Up,Email,Orders,Total Spend,AOV,Country / Region,City,"
            "Region,Postal Code",
            "Ada Lof,ada,2026-01-02,2025-03-04 05:06:07,ada@voorbeeld.nl,2,59.90,29.95,NL,Breda,NB,"
            "4811AB",
        ],
        {"customers": 1},
        id="WooCommerce customers",
    ),
    pytest.param(
        "subscribed_members_export_1.csv",
        [
            "Email Address,First Name,Last Name,MEMBER_RATING,OPTIN_TIME,CONFIRM_TIME,TAGS",
            'ada@voorbeeld.nl,Ada,Lof,3,2024-01-02 03:04:05,2024-01-02 03:05:05,"""vip"",""oud"""',
        ],
        {"customers": 1, "consent": 1},
        id="Mailchimp audience",
    ),
    pytest.param(
        "items.csv",
        [
            "Date,Time,Time Zone,Category,Item,Qty,Price Point Name,SKU,Gross Sales,Discounts,"
            "Net Sales,Tax,Transaction ID,Payment ID,Device Name,Event Type,Location,Customer ID,"
            "Customer Name",
            "2026-05-13,14:05:00,Amsterdam,Riemen,Riem,1,Regular,R-1,$30.00,-$3.00,$27.00,$5.67,"
            "T1,P1,Kassa,Payment,Breda,C1,Ada Lof",
            "2026-05-20,10:00:00,Amsterdam,Riemen,Riem,-1,Regular,R-1,-$30.00,$3.00,-$27.00,-$5.67,"
            "T1,P2,Kassa,Refund,Breda,C1,Ada Lof",
        ],
        {"customers": 1, "products": 1, "orders": 2},
        id="Square items",
    ),
    pytest.param(
        "transactions-2026.csv",
        [
            "Date,Time,Time Zone,Gross Sales,Net Sales,Tax,Total Collected,Transaction ID,"
            "Payment ID,Description,Event Type,Location,Customer ID,Customer Name",
            '2026-05-13,14:05:00,Amsterdam,"$1,030.00","$1,030.00",$0.00,"$1,030.00",T1,P1,Riem,'
            "Payment,Breda,,",
        ],
        {"orders": 1, "products": 1},
        id="Square transactions",
    ),
    pytest.param(
        "square-customers.csv",
        [
            "Reference ID,First Name,Last Name,Email Address,Phone Number,First Visit,"
            "Email Subscription Status,Square Customer ID",
            ",Ada,Lof,ada@voorbeeld.nl,0612345678,2025-03-14,unsubscribed,C1",
        ],
        {"customers": 1, "consent": 1},
        id="Square customers",
    ),
    pytest.param(
        "lightspeed.csv",
        [
            "id,customer_code,company_name,first_name,last_name,date_of_birth,sex,phone,mobile,"
            "email,do_not_email,physical_city,customer_group_name,enable_loyalty",
            "a1,LOF-1,,Ada,Lof,1971-04-03,F,,0612345678,ada@voorbeeld.nl,1,Breda,VIP,1",
        ],
        {"customers": 1, "consent": 1},
        id="Lightspeed X-Series customers",
    ),
    pytest.param(
        "hubspot-contacts.csv",
        [
            "Record ID,First Name,Last Name,Email,Phone Number,Contact owner,Lifecycle Stage,"
            "Create Date,Marketing contact status,Unsubscribed from all email",
            "51,Ada,Lof,ada@voorbeeld.nl,,,customer,2025-03-14 09:00,Marketing contact,true",
        ],
        {"customers": 1, "consent": 1},
        id="HubSpot contacts",
    ),
    pytest.param(
        "hubspot-deals.csv",
        [
            "Record ID,Deal Name,Deal Stage,Pipeline,Close Date,Amount,Associated Contact IDs",
            "91,Vloer hal 3,Closed Won,Sales,2026-03-14 00:00,12500.00,51",
            "92,Vloer hal 4,Negotiation,Sales,2026-04-14 00:00,9000.00,51",
        ],
        {"customers": 1, "orders": 1, "products": 2},
        id="HubSpot deals",
    ),
    pytest.param(
        "customers.csv",
        [
            "customer_id,email,first_name,middle_name,last_name,phone,birth_date,gender,postcode,"
            "city,country,language,created_at,consent_email,consent_at,consent_source,tags",
            "1,ada@voorbeeld.nl,Ada,,Lof,,1971-04-03,f,4811AB,Breda,NL,nl,2025-01-01,subscribed,"
            "2025-01-02,newsletter form,vip",
            "2,bo@voorbeeld.nl,Bo,,Mol,,,m,,,,,,unsubscribed,,,",
            "3,cy@voorbeeld.nl,Cy,,Pot,,,,,,,,,,,,",
        ],
        {"customers": 3, "consent": 2},
        id="our own customers",
    ),
    pytest.param(
        "transactions.csv",
        [
            "receipt_id,line_no,card_no,purchased_at,store,channel,product_id,sku,product_name,"
            "category,brand,quantity,gross_amount,tax_amount,currency,is_return",
            "R1,1,0042,2026-03-14T10:15:00+01:00,Breda,store,77,P-52,Blauw pak,Men > Suits,Stof,1,"
            "349.95,60.73,EUR,false",
            "R2,1,0042,2026-03-20T10:15:00+01:00,Breda,store,77,P-52,Blauw pak,Men > Suits,Stof,1,"
            "349.95,60.73,EUR,true",
        ],
        {"customers": 1, "orders": 2, "products": 1},
        id="our own transactions",
    ),
    pytest.param(
        "products.csv",
        [
            "product_id,sku,name,category_path,brand,colour,size,price,replacement_days",
            "77,P-50,Blauw pak,Men > Suits,Stof,blauw,50,349.95,730",
            "77,P-52,Blauw pak,Men > Suits,Stof,blauw,52,349.95,730",
        ],
        {"products": 1},
        id="our own products",
    ),
    pytest.param(
        "retail.csv",
        [
            "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country",
            "536365,85123A,HOLDER,6,2010-12-01 08:26:00,2.55,17850.0,United Kingdom",
            "536366,71053,,6,2010-12-01 08:28:00,3.39,,United Kingdom",
            "C536379,D,Discount,-1,2010-12-01 09:41:00,27.5,14527.0,United Kingdom",
        ],
        {"customers": 2, "orders": 3, "products": 3},
        id="UCI Online Retail",
    ),
    pytest.param(
        "relaties.csv",
        [
            "Relatienummer;Aanhef;Naam;Mobiel;E-mail adres;Woonplaats;Klant sinds",
            "K001;Mevr;Ada Lof;06-12345678;ada@voorbeeld.nl;Breda;14-3-2019",
        ],
        {"customers": 1},
        id="a Dutch list of relations",
    ),
    pytest.param(
        "verkopen.csv",
        [
            "Factuurnr;Factuurdatum;Debiteurnr;Artikelcode;Artikelomschrijving;Artikelgroep;"
            "Aantal stuks;Prijs;BTW;Korting;Omzet",
            "F1;14-03-2026;D7;T-1;Tegel grijs;Tegels;1.200;0,50;126,00;;726,00",
            "F1;14-03-2026;D7;T-2;Voegmiddel;Lijm;2,5;8,00;4,20;;24,20",
        ],
        {"customers": 1, "orders": 1, "products": 2},
        id="Dutch bookkeeping lines",
    ),
]


@pytest.mark.parametrize(("name", "lines", "expected"), LAYOUTS)
def test_a_published_layout_needs_no_mapping(
    name: str, lines: Sequence[str], expected: dict[str, int], tmp_path: Path
) -> None:
    found = Import(write(tmp_path / name, *lines))
    assert {stream: len(kept) for stream, kept in found.records.items() if kept} == expected
    assert found.rejects == []


def test_a_dutch_loyalty_export_brings_customers_receipts_products_and_consent(
    tmp_path: Path,
) -> None:
    found = Import(loyalty(tmp_path / "kaart.csv"))
    renee = found.customers["0012"]
    assert (renee.first_name, renee.middle_name, renee.last_name) == ("Renée", "van", "Dijk")
    assert renee.birth_date == date(1971, 4, 3)
    assert renee.card_no == "8700012"
    assert found.customers["0013"].email is None
    suit, shirts = found.orders["B1"].lines
    assert (suit.sku, suit.total, suit.discount) == ("A-10", Decimal("349.95"), Decimal("50.00"))
    assert (shirts.quantity, shirts.total) == (Decimal(2), Decimal("119.90"))
    assert found.orders["B1"].placed_at == datetime(2026, 3, 27, 23, tzinfo=UTC)
    assert found.orders["B1"].channel == "store"
    assert found.orders["B1"].store == "Utrecht"
    assert found.orders["B2"].lines[0].quantity == -1
    assert found.orders["B2"].total == Decimal("-59.95")
    assert found.orders["B3"].total == Decimal("1234.50")
    assert found.orders["B4"].customer_id is None
    assert {p.id for p in found.products.values()} == {"A-10", "A-20", "A-30"}
    states = {event.customer_id: event.state for event in found.consent.values()}
    assert states == {"0012": ConsentState.CONFIRMED, "0013": ConsentState.UNKNOWN}
    assert found.counters["lines without a customer"] == 1
    assert found.counters["lines with negative quantity"] == 1
    assert found.rejected == [("4", "E-mailadres", "geen@winkel.nl")]


def test_broken_rows_of_a_loyalty_export_are_listed_and_the_rest_goes_on(tmp_path: Path) -> None:
    rows = (
        "0012;;Ada;;Lof;31-2-1971;ada@;misschien;28-03-2026;B1;A-10;Pak;1;349,95;;Breda",
        "0012;;;;;;;;28-03-2026;B1;A-20;Hemd;twee;119,90;;Breda",
        "0012;;;;;;;;29-13-2026;B2;A-20;Hemd;1;59,95;;Breda",
        "0012;;;;;;;;28-03-2026;;A-20;Hemd;1;59,95;;Breda",
        "0012;;;;;;;;28-03-2026;B3;A-20;Hemd;1;;;Breda",
        "0012;;;;;;;;28-03-2026;B4;A-20;Hemd;met;een;te;veel;1;59,95;;Breda",
    )
    found = Import(write(tmp_path / "kaart.csv", LOYALTY_HEADER, *rows))
    assert [line.sku for line in found.orders["B1"].lines] == ["A-10"]
    assert set(found.orders) == {"B1"}
    assert set(found.rejected) == {
        ("2", "Geboortedatum", "31-2-1971"),
        ("2", "E-mailadres", "ada@"),
        ("2", "Nieuwsbrief", "misschien"),
        ("3", "Aantal", "twee"),
        ("4", "Datum", "29-13-2026"),
        ("5", "Bonnummer", ""),
        ("6", "Bedrag", ""),
        ("7", "", "B4"),
    }
    assert found.counters["rejected rows"] == 5
    assert found.counters["lines"] == 6


def _shopify(tmp_path: Path, *rows: str) -> Import:
    return Import(write(tmp_path / "orders_export_1.csv", SHOPIFY_HEADER, *rows))


def test_a_shopify_order_export_brings_orders_refunds_customers_and_consent(
    tmp_path: Path,
) -> None:
    found = _shopify(
        tmp_path,
        shopify_row(
            Name="#1001", Id="'5001", Email="Ada@Voorbeeld.NL",
            Financial_Status="partially_refunded",
            Accepts_Marketing="yes", Currency="EUR", Subtotal="50.00", Shipping="4.95",
            Total="54.95", Created_at="2026-09-03 10:15:00 -0400", Lineitem_quantity="2",
            Lineitem_name="Sok", Lineitem_price="10.00", Lineitem_sku="S-1",
            Billing_Name="Ada Lof", Billing_Country="NL", Billing_Phone="06 12345678",
            Shipping_Name="Bo Mol", Refunded_Amount="10.00",
        ),
        shopify_row(
            Name="#1001", Email="Ada@Voorbeeld.NL", Lineitem_quantity="1", Lineitem_name="Riem",
            Lineitem_price="35.00", Lineitem_sku="R-1", Lineitem_discount="5.00",
        ),
        shopify_row(
            Name="#1002", Id="5002", Financial_Status="voided", Currency="EUR", Subtotal="10.00",
            Shipping="0.00", Total="10.00", Created_at="2026-09-04 10:15:00 +0200",
            Lineitem_quantity="1", Lineitem_name="Sok", Lineitem_price="10.00",
            Refunded_Amount="0.00",
        ),
        shopify_row(
            Name="#1003", Id="5003", Email="Ada@Voorbeeld.NL", Financial_Status="paid",
            Accepts_Marketing="no", Currency="EUR", Subtotal="ten", Total="10.00",
            Created_at="yesterday", Lineitem_quantity="1", Lineitem_name="Sok",
            Lineitem_price="10.00",
        ),
    )  # fmt: skip
    order = found.orders["5001"]
    assert order.number == "#1001"
    assert order.customer_id == "ada@voorbeeld.nl"
    assert order.email == "Ada@voorbeeld.nl"
    assert order.placed_at == datetime(2026, 9, 3, 14, 15, tzinfo=UTC)
    assert [line.total for line in order.lines] == [Decimal("20.00"), Decimal("30.00")]
    assert (order.total, order.shipping) == (Decimal("54.95"), Decimal("4.95"))
    assert order.ships_to_other
    assert order.phone == "+31612345678"
    assert found.orders["5002"].status is OrderStatus.CANCELLED
    assert found.orders["5002"].customer_id is None
    assert "5003" not in found.orders
    (refund,) = found.refunds.values()
    assert (refund.order_id, refund.amount, refund.detail) == (
        "5001",
        Decimal("10.00"),
        RefundDetail.TOTAL,
    )
    ada = found.customers["ada@voorbeeld.nl"]
    assert (ada.first_name, ada.last_name, ada.phone) == ("Ada", "Lof", "+31612345678")
    events = {event.id: event for event in found.consent.values()}
    assert [event.state for event in events.values()] == [
        ConsentState.CONFIRMED,
        ConsentState.UNKNOWN,
    ]
    assert next(iter(events.values())).at == datetime(2026, 9, 3, 14, 15, tzinfo=UTC)
    assert ("5", "Created at", "yesterday") in found.rejected


@pytest.mark.parametrize(
    ("subtotal", "discount", "tax", "total"),
    [
        pytest.param("27.00", "3.00", "0.00", "27.00", id="a discount code on the whole order"),
        pytest.param("30.00", "0.00", "6.30", "36.30", id="tax on top"),
        pytest.param("27.00", "3.00", "5.67", "32.67", id="both"),
        pytest.param("27.00", "3.00", "4.69", "27.00", id="a discount, tax in the prices"),
    ],
)
def test_what_a_whole_order_is_discounted_or_taxed_goes_into_its_lines(
    subtotal: str, discount: str, tax: str, total: str, tmp_path: Path
) -> None:
    more = {"Name": "#1", "Lineitem_quantity": "1", "Lineitem_price": "10.00"}
    found = _shopify(
        tmp_path,
        shopify_row(
            Id="1", Subtotal=subtotal, Discount_Amount=discount, Taxes=tax, Total=total,
            Currency="EUR", Created_at="2026-09-03 10:15:00 +0200", Lineitem_name="A", **more,
        ),
        shopify_row(Lineitem_name="B", **more),
        shopify_row(Lineitem_name="C", **more),
    )  # fmt: skip
    order = found.orders["1"]
    assert order.total == Decimal(total) == sum(line.total for line in order.lines)
    assert sum(line.discount for line in order.lines) == Decimal(discount)
    assert found.counters["orders whose total differs from their lines"] == 0


@pytest.mark.parametrize(
    ("code", "found"),
    [
        pytest.param("", [], id="none"),
        pytest.param("LENTE10", [("LENTE10", Decimal("3.00"))], id="one, with what it took off"),
        pytest.param("LENTE10, gratis", [("LENTE10", None), ("gratis", None)], id="several"),
    ],
)
def test_a_shopify_order_has_the_codes_that_were_given(
    code: str, found: list[tuple[str, Decimal | None]], tmp_path: Path
) -> None:
    read = _shopify(
        tmp_path,
        shopify_row(
            Name="#1", Id="1", Subtotal="27.00", Discount_Code=code, Discount_Amount="3.00",
            Total="27.00", Currency="EUR", Created_at="2026-09-03 10:15:00 +0200",
            Lineitem_quantity="3", Lineitem_name="A", Lineitem_price="10.00",
        ),
    )  # fmt: skip
    order = read.orders["1"]
    assert [(one.code, one.amount) for one in order.discounts] == found
    assert {one.kind for one in order.discounts} <= {None}
    assert order.total == Decimal("27.00")


def test_a_code_on_the_lines_took_off_what_their_discounts_say(tmp_path: Path) -> None:
    read = Import(
        write(
            tmp_path / "bonnen.csv",
            "Bonnummer;Datum;Omschrijving;Aantal;Bedrag;Korting;Kortingscode",
            "B1;28-03-2026;Blauw pak;1;349,95;50,00;LENTE",
            "B1;28-03-2026;Wit overhemd;2;119,90;10,00;LENTE",
            "B1;28-03-2026;Riem;-1;-24,95;5,00;",
            "B2;29-03-2026;Riem;1;24,95;;",
        )
    )
    (one,) = read.orders["B1"].discounts
    assert (one.code, one.amount) == ("LENTE", Decimal("60.00"))
    assert read.orders["B2"].discounts == ()


def test_the_total_of_the_file_is_kept_where_the_lines_do_not_explain_it(tmp_path: Path) -> None:
    found = _shopify(
        tmp_path,
        shopify_row(
            Name="#1", Id="1", Subtotal="9.00", Total="9.00", Currency="EUR",
            Created_at="2026-09-03 10:15:00 +0200", Lineitem_quantity="1", Lineitem_name="A",
            Lineitem_price="10.00",
        ),
    )  # fmt: skip
    assert found.orders["1"].total == Decimal("9.00")
    assert found.counters["orders whose total differs from their lines"] == 1


def test_a_mailchimp_zip_says_who_may_not_be_mailed(tmp_path: Path) -> None:
    header = "Email Address,First Name,Last Name,MEMBER_RATING,OPTIN_TIME,CONFIRM_TIME"
    times = "2024-01-02 03:04:05,2024-01-02 03:05:05"
    path = tmp_path / "audience_export.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("subscribed_members_export_1.csv", f"{header}\nin@v.nl,A,,3,{times}\n")
        archive.writestr(
            "unsubscribed_members_export_1.csv",
            f"{header},UNSUB_TIME\nout@v.nl,B,,3,{times},2025-05-06 07:08:09\n",
        )
        archive.writestr(
            "cleaned_members_export_1.csv",
            f"{header},CLEAN_TIME\nbounce@v.nl,C,,3,{times},2025-05-06 07:08:09\n",
        )
        archive.writestr("nonsubscribed_members_export_1.csv", f"{header}\nnon@v.nl,D,,3,,\n")
    found = Import(path)
    said = {event.email: (event.state, event.at) for event in found.consent.values()}
    assert said == {
        "in@v.nl": (ConsentState.CONFIRMED, datetime(2024, 1, 2, 3, 5, 5, tzinfo=UTC)),
        "out@v.nl": (ConsentState.DENIED, datetime(2025, 5, 6, 7, 8, 9, tzinfo=UTC)),
        "bounce@v.nl": (ConsentState.DENIED, datetime(2025, 5, 6, 7, 8, 9, tzinfo=UTC)),
        "non@v.nl": (ConsentState.UNKNOWN, None),
    }
    assert len(found.customers) == 4


def test_square_refunds_are_receipts_of_their_own_below_zero(tmp_path: Path) -> None:
    lines = next(p.values[1] for p in LAYOUTS if p.id == "Square items")
    assert isinstance(lines, list)
    found = Import(write(tmp_path / "items.csv", *lines))
    sale, back = found.orders["T1"], found.orders["T1/P2"]
    assert (sale.total, back.total) == (Decimal("32.67"), Decimal("-32.67"))
    assert sale.placed_at == datetime(2026, 5, 13, 12, 5, tzinfo=UTC)
    assert back.lines[0].quantity == -1


def test_variants_stand_with_their_product(tmp_path: Path) -> None:
    lines = next(p.values[1] for p in LAYOUTS if p.id == "WooCommerce products in Dutch")
    assert isinstance(lines, list)
    suit = Import(write(tmp_path / "p.csv", *lines)).products["11"]
    assert suit.category_path == ("Heren", "Pakken")
    assert [variant.sku for variant in suit.variants] == ["PAK", "PAK-52", "PAK-54"]
    assert suit.price == Decimal("349.95")


def test_order_lines_point_at_the_product_of_the_catalogue_beside_them(tmp_path: Path) -> None:
    products = write(
        tmp_path / "products.csv",
        "product_id,sku,name,category_path",
        "77,A-10,Blauw pak,Men > Suits",
    )
    found = Import(products, loyalty(tmp_path / "kaart.csv"))
    assert set(found.products) == {"77", "A-20", "A-30"}
    assert found.orders["B1"].lines[0].product_id == "77"


def test_a_customer_in_two_files_is_one_customer(tmp_path: Path) -> None:
    people = write(
        tmp_path / "customers.csv", "customer_id,email,last_name", "0012,r@voorbeeld.nl,Van Dijk"
    )
    found = Import(loyalty(tmp_path / "kaart.csv"), people)
    assert found.customers["0012"].last_name == "Van Dijk"
    assert set(found.customers) == {"0012", "0013", "0014"}


def test_a_spreadsheet_reads_like_the_csv_of_it(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["Verkopen maart"])
    sheet.append(["Bonnummer", "Datum", "Tijd", "Klantnummer", "Omschrijving", "Aantal", "Bedrag"])
    sheet.append(["B1", date(2026, 3, 4), "10:15", "0012", "Pak", 1, 1.234])
    sheet.append(["B2", date(2026, 3, 5), None, "0013", "Riem", 2, 24.95])
    sheet.append(["Totaal", None, None, None, None, 3, 26.184])
    book.create_sheet("Notities").append(["Niets", "hier"])
    path = tmp_path / "kassa.xlsx"
    book.save(path)
    found = Import(path)
    assert found.orders["B1"].placed_at == datetime(2026, 3, 4, 9, 15, tzinfo=UTC)
    assert found.orders["B1"].total == Decimal("1.23")
    assert found.orders["B2"].total == Decimal("24.95")
    assert len(found.orders) == 2


def test_a_gzipped_file_reads_like_the_file(tmp_path: Path) -> None:
    plain = loyalty(tmp_path / "kaart.csv")
    packed = tmp_path / "kaart.csv.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    assert Import(packed).orders == Import(plain).orders


def test_what_stands_below_many_empty_rows_is_read(tmp_path: Path) -> None:
    empty = [";" * LOYALTY_HEADER.count(";")] * 25_000
    lines = (LOYALTY_HEADER, LOYALTY_ROWS[0], *empty, LOYALTY_ROWS[3])
    found = Import(write(tmp_path / "kassa.csv", *lines), options=Options(date_order="dmy"))
    assert list(found.orders) == ["B1", "B3"]
    assert found.rejects == []


def test_rows_of_a_receipt_may_lie_scattered(tmp_path: Path) -> None:
    rows = [f"R{i % 3};0{i};2026-03-14;Riem;1;{i},95" for i in range(9)]
    header = "Bonnummer;Klantnummer;Datum;Omschrijving;Aantal;Bedrag"
    found = Import(write(tmp_path / "bon.csv", header, *rows))
    assert [str(line.total) for line in found.orders["R1"].lines] == ["1.95", "4.95", "7.95"]
    assert [line.id for line in found.orders["R1"].lines] == ["1", "2", "3"]


@pytest.mark.parametrize(
    ("cells", "quantity", "total"),
    [
        pytest.param("-2;20,00;;", "-2", "-20.00", id="quantity below zero"),
        pytest.param("2;-20,00;;", "-2", "-20.00", id="amount below zero"),
        pytest.param("2;20,00;ja;", "-2", "-20.00", id="a flag"),
        pytest.param("2;20,00;;Creditnota", "-2", "-20.00", id="a type of document"),
        pytest.param("2;20,00;nee;Factuur", "2", "20.00", id="a sale"),
    ],
)
def test_returns_are_below_zero_however_the_file_says_it(
    cells: str, quantity: str, total: str, tmp_path: Path
) -> None:
    header = "Bonnummer;Datum;Omschrijving;Aantal;Bedrag;Retour;Documentsoort"
    found = Import(write(tmp_path / "b.csv", header, f"R1;2026-03-14;Riem;{cells}"))
    (line,) = found.orders["R1"].lines
    assert (line.quantity, line.total) == (Decimal(quantity), Decimal(total))


def test_a_file_tells_which_lines_a_subscription_sent(tmp_path: Path) -> None:
    path = write(
        tmp_path / "bon.csv",
        "Bonnummer;Datum;Artikel;Aantal;Bedrag;Is abonnement",
        "1;14-03-2026;Koffie;1;12,50;ja",
        "2;15-03-2026;Koffie;1;12,50;nee",
        "3;16-03-2026;Koffie;1;12,50;",
    )
    found = Import(path)
    sent = {key: one.lines[0].is_subscription for key, one in found.orders.items()}
    assert sent == {"1": True, "2": False, "3": False}


def test_an_unknown_layout_names_what_is_missing_and_what_was_found(tmp_path: Path) -> None:
    path = write(tmp_path / "x.csv", "Bonnummer;Bedrag;Wanneer", "1;12,50;2026-03-14")
    with pytest.raises(NotReadable, match=r"purchased_at.*Bonnummer, Bedrag, Wanneer"):
        FilesConnector([path], options=Options(kind="orders")).check()
    typed = Options(columns={"Wanneer": "purchased_at"})
    assert len(Import(path, options=typed).orders) == 1


def test_a_file_without_a_header_does_not_put_its_people_in_the_message(tmp_path: Path) -> None:
    path = write(tmp_path / "x.csv", "Ada Lof,ada@voorbeeld.nl,0612345678", "Bo,b@voorbeeld.nl,06")
    with pytest.raises(NotReadable) as refused:
        FilesConnector([path]).check()
    assert "ada@" not in str(refused.value)
    assert "0612345678" not in str(refused.value)


def test_customers_that_cannot_be_told_apart_are_listed(tmp_path: Path) -> None:
    path = write(
        tmp_path / "customers.csv",
        "customer_id,email,last_name",
        "1,ada@voorbeeld.nl,Lof",
        ",,Mol",
        ",geen@voorbeeld.nl,Pot",
        "4,cy@voorbeeld.nl,Vos,too,many",
        ",Dee@Voorbeeld.nl,Rus",
    )
    found = Import(path)
    assert set(found.customers) == {"1", "dee@voorbeeld.nl"}
    assert set(found.rejected) == {
        ("3", "email", ""),
        ("4", "email", "geen@voorbeeld.nl"),
        ("5", "", ""),
    }


@pytest.mark.parametrize(
    ("columns", "text"),
    [
        ({"Wanneer": "moment"}, "moment is not a field"),
        ({"When": "purchased_at"}, "No column When"),
    ],
)
def test_a_typed_mapping_is_checked(columns: dict[str, str], text: str, tmp_path: Path) -> None:
    path = write(tmp_path / "x.csv", "Bonnummer;Bedrag;Wanneer;Datum", "1;12,50;x;2026-03-14")
    with pytest.raises(NotReadable, match=text):
        FilesConnector([path], options=Options(columns=columns)).check()


@pytest.mark.parametrize(
    ("header", "row", "missing"),
    [
        (
            "receipt_id,customer_id,quantity,gross_amount,currency",
            "R1,1,2,12.50,EUR",
            "purchased_at",
        ),
        ("receipt_id,email,purchased_at", "R1,ada@voorbeeld.nl,2026-03-14", "amount"),
        ("customer_id,purchased_at,quantity", "1,2026-03-14,2", "amount"),
    ],
)
def test_orders_that_lack_a_column_are_not_taken_for_customers(
    header: str, row: str, missing: str, tmp_path: Path
) -> None:
    path = write(tmp_path / "0.csv", header, row)
    with pytest.raises(NotReadable, match=rf"bon\.csv .*we need {missing}"):
        FilesConnector([path], names=["bon.csv"]).check()


def test_a_mapping_takes_the_column_names_of_our_own_formats(tmp_path: Path) -> None:
    path = write(tmp_path / "x.csv", "A;B;C;D", "R1;2026-03-14;Riem;12,50")
    columns = {"A": "receipt_id", "B": "purchased_at", "C": "product_name", "D": "gross_amount"}
    (line,) = Import(path, options=Options(columns=columns)).orders["R1"].lines
    assert (line.title, line.total) == ("Riem", Decimal("12.50"))
