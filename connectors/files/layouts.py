"""Published layouts: exports whose header row names the programme that wrote them.

Header rows as in public importers and the programmes' own sources (see docs/import.md). A layout is
recognised when all its `signs` are there; then its own table is used, because the general words
would read some columns wrongly ("Name" of a Shopify order is the order's number).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from connectors.files.aliases import plain


@dataclass(frozen=True, slots=True)
class Layout:
    """One programme's export."""

    name: str
    kind: str
    #: Column names that together occur in no other export.
    signs: tuple[str, ...]
    #: Column name to field.
    columns: dict[str, str]
    #: "web" or "store", for orders without a channel column.
    channel: str = "web"
    #: Fields that are computed by adding or joining, or said by the layout itself.
    notes: frozenset[str] = field(default_factory=frozenset)


_PERSON = {
    "First Name": "first_name",
    "Last Name": "last_name",
    "Email": "email",
    "Phone": "phone",
    "Tags": "tags",
}

LAYOUTS = (
    Layout(
        "Shopify orders",
        "orders",
        ("Name", "Financial Status", "Lineitem quantity", "Lineitem name", "Lineitem price"),
        {
            "Name": "order_id",
            "Id": "order_uid",
            "Email": "email",
            "Financial Status": "financial_status",
            "Accepts Marketing": "accepts_email",
            "Currency": "currency",
            "Subtotal": "order_subtotal",
            "Shipping": "shipping",
            "Taxes": "order_tax",
            "Total": "order_total",
            "Discount Code": "discount_code",
            "Discount Amount": "order_discount",
            "Created at": "purchased_at",
            "Lineitem quantity": "quantity",
            "Lineitem name": "product_name",
            "Lineitem price": "unit_price",
            "Lineitem sku": "sku",
            "Lineitem discount": "discount",
            "Billing Name": "full_name",
            "Billing Company": "company",
            "Billing City": "city",
            "Billing Zip": "postcode",
            "Billing Country": "country",
            "Billing Phone": "phone",
            "Shipping Name": "ships_to",
            "Cancelled at": "cancelled_at",
            "Refunded Amount": "refunded_amount",
            "Vendor": "brand",
            "Location": "store",
            "Source": "channel",
        },
    ),
    Layout(
        "Shopify customers",
        "customers",
        ("First Name", "Last Name", "Email", "Accepts Email Marketing", "Total Spent"),
        {
            **_PERSON,
            "Customer ID": "customer_id",
            "Accepts Email Marketing": "accepts_email",
            "Accepts SMS Marketing": "accepts_sms",
            "Company": "company",
            "City": "city",
            "Zip": "postcode",
            "Country Code": "country",
            "Default Address Company": "company",
            "Default Address City": "city",
            "Default Address Country Code": "country",
            "Default Address Zip": "postcode",
        },
    ),
    Layout(
        "Shopify customers (older)",
        "customers",
        ("First Name", "Last Name", "Email", "Accepts Marketing", "Total Spent"),
        {
            **_PERSON,
            "Customer ID": "customer_id",
            "Accepts Marketing": "accepts_email",
            "Company": "company",
            "City": "city",
            "Zip": "postcode",
            "Country Code": "country",
        },
    ),
    Layout(
        "Shopify products",
        "products",
        ("Handle", "Title", "Vendor", "Variant SKU", "Variant Price"),
        {
            "Handle": "product_id",
            "Title": "product_name",
            "Vendor": "brand",
            "Product Category": "category_path",
            "Type": "category",
            "Tags": "tags",
            "Status": "status",
            "Option1 Name": "option1_name",
            "Option1 Value": "option1_value",
            "Option2 Name": "option2_name",
            "Option2 Value": "option2_value",
            "Option3 Name": "option3_name",
            "Option3 Value": "option3_value",
            "Variant SKU": "sku",
            "Variant Price": "price",
            "Variant Inventory Qty": "stock",
            "Image Src": "image_url",
            "Google Shopping / Gender": "gender_target",
        },
    ),
    Layout(
        "WooCommerce products",
        "products",
        ("ID", "Type", "SKU", "Name", "Regular price", "Categories"),
        {
            "ID": "product_id",
            "Type": "woo_type",
            "SKU": "sku",
            "Name": "product_name",
            "Published": "published",
            "Regular price": "price",
            "Categories": "category_path",
            "Tags": "tags",
            "Stock": "stock",
            "Images": "image_url",
            "Parent": "parent",
            "Brands": "brand",
            "Attribute 1 name": "option1_name",
            "Attribute 1 value(s)": "option1_value",
            "Attribute 2 name": "option2_name",
            "Attribute 2 value(s)": "option2_value",
        },
    ),
    Layout(
        "WooCommerce producten",
        "products",
        ("ID", "Type", "SKU", "Naam", "Reguliere prijs", "Categorieën"),
        {
            "ID": "product_id",
            "Type": "woo_type",
            "SKU": "sku",
            "Naam": "product_name",
            "Gepubliceerd": "published",
            "Reguliere prijs": "price",
            "Categorieën": "category_path",
            "Tags": "tags",
            "Voorraad": "stock",
            "Afbeeldingen": "image_url",
            "Hoofd": "parent",
        },
    ),
    Layout(
        "WooCommerce customers",
        "customers",
        ("Name", "Username", "Last Active", "Email", "Orders", "Total Spend"),
        {
            "Name": "full_name",
            "Sign Up": "created_at",
            "Email": "email",
            "Country / Region": "country",
            "City": "city",
            "Postal Code": "postcode",
            "Billing Phone": "phone",
        },
    ),
    Layout(
        "Mailchimp audience",
        "consent",
        ("Email Address", "MEMBER_RATING", "OPTIN_TIME"),
        {
            "Email Address": "email",
            "First Name": "first_name",
            "Last Name": "last_name",
            "OPTIN_TIME": "optin_at",
            "CONFIRM_TIME": "confirm_at",
            "UNSUB_TIME": "unsub_at",
            "CLEAN_TIME": "clean_at",
            "LAST_CHANGED": "updated_at",
            "TAGS": "tags",
        },
        # Mailchimp writes its times in UTC.
        notes=frozenset({"utc"}),
    ),
    Layout(
        "Square items",
        "transactions",
        ("Date", "Time", "Item", "Qty", "Net Sales", "Transaction ID", "Event Type"),
        {
            "Date": "purchased_at",
            "Time": "purchased_time",
            "Category": "category",
            "Item": "product_name",
            "Qty": "quantity",
            "SKU": "sku",
            "Discounts": "discount",
            "Net Sales": "net_amount",
            "Tax": "tax",
            "Transaction ID": "order_id",
            "Payment ID": "receipt_part",
            "Event Type": "document_type",
            "Location": "store",
            "Customer ID": "customer_id",
            "Customer Name": "full_name",
        },
        channel="store",
    ),
    Layout(
        "Square transactions",
        "transactions",
        ("Date", "Time", "Gross Sales", "Total Collected", "Transaction ID", "Payment ID"),
        {
            "Date": "purchased_at",
            "Time": "purchased_time",
            "Total Collected": "amount",
            "Transaction ID": "order_id",
            "Payment ID": "receipt_part",
            "Description": "product_name",
            "Event Type": "document_type",
            "Location": "store",
            "Customer ID": "customer_id",
            "Customer Name": "full_name",
        },
        channel="store",
    ),
    Layout(
        "Square customers",
        "customers",
        ("Reference ID", "First Name", "Last Name", "Email Address", "Email Subscription Status"),
        {
            "Reference ID": "reference",
            "Square Customer ID": "customer_id",
            "Customer ID": "customer_id",
            "First Name": "first_name",
            "Last Name": "last_name",
            "Email Address": "email",
            "Phone Number": "phone",
            "First Visit": "created_at",
            "Email Subscription Status": "consent_status",
            "Company Name": "company",
            "Birthday": "birth_date",
        },
    ),
    Layout(
        "Lightspeed X-Series customers",
        "customers",
        ("customer_code", "first_name", "last_name", "email", "do_not_email"),
        {
            "id": "customer_id",
            "customer_code": "card_no",
            "company_name": "company",
            "first_name": "first_name",
            "last_name": "last_name",
            "date_of_birth": "birth_date",
            "sex": "gender",
            "phone": "phone",
            "mobile": "mobile",
            "email": "email",
            "do_not_email": "opted_out",
            "physical_postcode": "postcode",
            "physical_city": "city",
            "physical_country_id": "country",
            "customer_group_name": "tags",
        },
    ),
    Layout(
        "HubSpot contacts",
        "customers",
        ("Record ID", "First Name", "Last Name", "Email", "Lifecycle Stage"),
        {
            "Record ID": "customer_id",
            "First Name": "first_name",
            "Last Name": "last_name",
            "Email": "email",
            "Phone Number": "phone",
            "Create Date": "created_at",
            "Last Modified Date": "updated_at",
            "Associated Company": "company",
            "Job Title": "role",
            # "Marketing contact status" is about HubSpot's bill, not about permission.
            "Unsubscribed from all email": "opted_out",
        },
    ),
    Layout(
        "HubSpot deals",
        "orders",
        ("Record ID", "Deal Name", "Deal Stage", "Close Date", "Amount"),
        {
            "Record ID": "order_id",
            "Deal Name": "product_name",
            "Deal Stage": "deal_stage",
            "Close Date": "purchased_at",
            "Amount": "amount",
            "Associated Contact IDs": "customer_id",
        },
        channel="wholesale",
    ),
)


def find_layout(header: tuple[str, ...]) -> tuple[Layout, dict[int, str]] | None:
    """The published layout a header row belongs to, with column positions to fields."""
    words = [plain(cell) for cell in header]
    for layout in LAYOUTS:
        if {plain(sign) for sign in layout.signs} <= set(words):
            fields = {plain(column): name for column, name in layout.columns.items()}
            positions = {i: fields[word] for i, word in enumerate(words) if word in fields}
            return layout, positions
    return None


#: Every field some layout knows; together with the general ones the choice for a typed mapping.
LAYOUT_FIELDS = frozenset(name for layout in LAYOUTS for name in layout.columns.values())
