"""What is asked of Shopify, in GraphQL: only fields that `records.py` reads.

Every query costs less than Shopify's limit of 1,000 points, counted as an object 1, a connection 2
and its `first` times a node; page sizes follow from that. The bodies of bulk operations take a
search filter as text, as they know no variables; they select `edges { node }`, `__typename` and the
id on every level, as their lines come back in any order.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

MONEY = "{ shopMoney { amount } }"

#: Of customers: Shopify's standard field for the birthday, and the merchant's own for a card.
CUSTOMER = """
    id createdAt updatedAt firstName lastName locale tags dataSaleOptOut
    defaultEmailAddress { emailAddress marketingState marketingOptInLevel marketingUpdatedAt }
    defaultPhoneNumber { phoneNumber smsMarketingConsent { state optInLevel updatedAt } }
    defaultAddress { countryCodeV2 zip city company }
    statistics { rfmGroup predictedSpendTier }
    birthDate: metafield(namespace: "facts", key: "birth_date") { value }
    cardNumber: metafield(namespace: "custom", key: "card_number") { value }
"""

#: Whom a product is for, as merchants tell Google of it.
GENDER = 'gender: metafield(namespace: "mm-google-shopping", key: "gender") { value }'

VARIANT = """
    id title sku price inventoryQuantity availableForSale selectedOptions { name value }
"""

PRODUCT = f"""
    id title status vendor productType tags createdAt updatedAt onlineStoreUrl isGiftCard
    category {{ fullName }}
    {GENDER}
    featuredMedia {{ preview {{ image {{ url }} }} }}
    priceRangeV2 {{ minVariantPrice {{ amount currencyCode }} }}
"""

LINE = f"""
    id title variantTitle sku vendor quantity currentQuantity isGiftCard
    product {{ id productType category {{ fullName }} {GENDER} }}
    variant {{ id selectedOptions {{ name value }} }}
    sellingPlan {{ name }}
    customAttributes {{ key value }}
    originalTotalSet {MONEY}
    discountAllocations {{
      allocatedAmountSet {MONEY}
      discountApplication {{
        __typename
        ... on DiscountCodeApplication {{ code }}
        value {{ __typename }}
      }}
    }}
    taxLines {{ priceSet {MONEY} }}
"""

ORDER = f"""
    id name createdAt processedAt updatedAt cancelledAt test edited sourceName email phone
    displayFinancialStatus taxesIncluded discountCodes billingAddressMatchesShippingAddress
    customer {{ id }}
    purchasingEntity {{ __typename }}
    billingAddress {{ countryCodeV2 }}
    shippingAddress {{ countryCodeV2 }}
    totalPriceSet {{
      shopMoney {{ amount currencyCode }}
      presentmentMoney {{ amount currencyCode }}
    }}
    totalTaxSet {MONEY}
"""

#: What a list inside an order may hold of a refund; its lines are asked for apart.
REFUND = f"id createdAt processedAt updatedAt totalRefundedSet {MONEY}"

REFUND_LINE = f"quantity lineItem {{ id }} subtotalSet {MONEY} totalTaxSet {MONEY}"

CHECKOUT = """
    id abandonedCheckoutUrl createdAt updatedAt completedAt
    customer { id defaultEmailAddress { emailAddress } }
    totalPriceSet { shopMoney { amount currencyCode } }
"""

CHECKOUT_LINE = f"""
    id title variantTitle sku quantity
    product {{ id productType category {{ fullName }} {GENDER} }}
    variant {{ id selectedOptions {{ name value }} }}
    discountedTotalPriceWithCodeDiscount {MONEY}
"""

_MORE = "pageInfo { hasNextPage endCursor }"
_LINES = f"lineItems(first: 6) {{ nodes {{ {LINE} }} {_MORE} }}"
_VARIANTS = f"variants(first: 20) {{ nodes {{ {VARIANT} }} {_MORE} }}"
#: A full list may be cut off: see `REFUND_HEADERS`.
REFUNDS_LISTED = 10
_REFUNDS = f"refunds(first: {REFUNDS_LISTED}) {{ {REFUND} }}"
_CHECKOUT_LINES = f"lineItems(first: 6) {{ nodes {{ {CHECKOUT_LINE} }} {_MORE} }}"

#: Stream to Shopify's name of the connection.
ROOTS: Mapping[str, str] = {
    "customers": "customers",
    "products": "products",
    "orders": "orders",
    "carts": "abandonedCheckouts",
}
#: Stream to the type of its records, which is part of their ids.
TYPES: Mapping[str, str] = {
    "customers": "Customer",
    "products": "Product",
    "orders": "Order",
    "carts": "AbandonedCheckout",
}
_FIELDS = {
    "customers": CUSTOMER,
    "products": PRODUCT + _VARIANTS,
    "orders": f"{ORDER} {_LINES} {_REFUNDS}",
    "carts": CHECKOUT + _CHECKOUT_LINES,
}
#: Checkouts cannot be sorted by their last change.
_SORTED = {"carts": "CREATED_AT"}
_PAGE_SIZES = {"customers": 100, "products": 15, "orders": 6, "carts": 12}


def _page(stream: str, name: str, size: int, fields: str, sort: str) -> str:
    return f"""
query {name}($after: String, $query: String) {{
  {ROOTS[stream]}(first: {size}, after: $after, query: $query, sortKey: {sort}) {{
    nodes {{ {fields} }}
    {_MORE}
  }}
}}
"""


#: A page of a stream in the order of the last change.
PAGES: Mapping[str, str] = {
    stream: _page(
        stream,
        f"{TYPES[stream]}Page",
        size,
        _FIELDS[stream],
        _SORTED.get(stream, "UPDATED_AT"),
    )
    for stream, size in _PAGE_SIZES.items()
}

#: A page of a stream's ids.
IDS: Mapping[str, str] = {
    stream: _page(stream, f"{TYPES[stream]}Ids", 250, "id", "ID") for stream in ROOTS
}

#: One record, with what travels with it. A checkout cannot be asked for by its id.
ONE: Mapping[str, str] = {
    "customers": f"query CustomerOne($id: ID!) {{ customer(id: $id) {{ {CUSTOMER} }} }}",
    "products": f"""
query ProductOne($id: ID!) {{ product(id: $id) {{ {PRODUCT} {_VARIANTS} }} }}
""",
    "orders": f"""
query OrderOne($id: ID!) {{
  order(id: $id) {{
    lineItems(first: 40) {{ nodes {{ {LINE} }} {_MORE} }}
    {ORDER}
    {_REFUNDS}
  }}
}}
""",
}

#: The name under which a document of `ONE` answers.
ONE_OF: Mapping[str, str] = {"customers": "customer", "products": "product", "orders": "order"}

COUNTS: Mapping[str, str] = {
    stream: f"""
query {TYPES[stream]}Count($query: String) {{
  {root}Count(query: $query, limit: null) {{ count precision }}
}}
"""
    for stream, root in ROOTS.items()
}

OLDEST: Mapping[str, str] = {
    stream: f"""
query {TYPES[stream]}Oldest($query: String) {{
  {root}(first: 1, query: $query, sortKey: CREATED_AT) {{ nodes {{ createdAt }} }}
}}
"""
    for stream, root in ROOTS.items()
}

#: What is left of a long order, product or checkout.
LINES_MORE = f"""
query OrderLinesMore($id: ID!, $after: String) {{
  order(id: $id) {{
    lineItems(first: 50, after: $after) {{ nodes {{ {LINE} }} {_MORE} }}
  }}
}}
"""

VARIANTS_MORE = f"""
query VariantsMore($id: ID!, $after: String) {{
  product(id: $id) {{
    variants(first: 250, after: $after) {{ nodes {{ {VARIANT} }} {_MORE} }}
  }}
}}
"""

CHECKOUT_LINES_MORE = f"""
query CheckoutLinesMore($id: ID!, $after: String) {{
  node(id: $id) {{
    ... on AbandonedCheckout {{
      lineItems(first: 50, after: $after) {{ nodes {{ {CHECKOUT_LINE} }} {_MORE} }}
    }}
  }}
}}
"""

#: Checkouts that were touched lately by their addresses, the newest first.
CHECKOUT_ADDRESSES = f"""
query CheckoutAddresses($after: String, $query: String) {{
  abandonedCheckouts(
    first: 250, after: $after, query: $query, sortKey: CREATED_AT, reverse: true
  ) {{
    nodes {{ id abandonedCheckoutUrl }}
    {_MORE}
  }}
}}
"""

#: Checkouts whose orders a call of `ORDERS_OF` may ask for.
ORDERS_AT_ONCE = 10

#: Which orders some checkouts became; one cart may have led to several.
ORDERS_OF = """
query OrdersOf($query: String) {
  orders(first: 50, query: $query, sortKey: CREATED_AT) { nodes { id checkoutToken cartToken } }
}
"""

#: Every refund of an order that has more of them than a page lists.
REFUND_HEADERS = f"""
query RefundHeaders($id: ID!) {{ order(id: $id) {{ refunds(first: 250) {{ {REFUND} }} }} }}
"""

#: Refunds a call of `REFUND_LINES` may name.
REFUNDS_AT_ONCE = 12

REFUND_LINES = f"""
query RefundLines($ids: [ID!]!) {{
  nodes(ids: $ids) {{
    ... on Refund {{ id refundLineItems(first: 10) {{ nodes {{ {REFUND_LINE} }} {_MORE} }} }}
  }}
}}
"""

REFUND_LINES_MORE = f"""
query RefundLinesMore($id: ID!, $after: String) {{
  refund(id: $id) {{
    refundLineItems(first: 100, after: $after) {{ nodes {{ {REFUND_LINE} }} {_MORE} }}
  }}
}}
"""

SHOP = """
query ShopProfile {
  shop { id name myshopifyDomain currencyCode ianaTimezone contactEmail }
  currentAppInstallation { accessScopes { handle } }
}
"""

#: One record of each kind: what is refused is refused here already.
PROBES: Mapping[str, str] = {
    stream: f"query {TYPES[stream]}Probe {{ {root}(first: 1) {{ nodes {{ id }} }} }}"
    for stream, root in ROOTS.items()
}

BULK_RUN = """
mutation BulkRun($query: String!) {
  bulkOperationRunQuery(query: $query, groupObjects: false) {
    bulkOperation { id status }
    userErrors { field message code }
  }
}
"""

BULK_POLL = """
query BulkPoll($id: ID!) {
  bulkOperation(id: $id) {
    id status errorCode createdAt completedAt objectCount rootObjectCount url partialDataUrl
  }
}
"""

BULK_RUNNING = """
query BulkRunning {
  bulkOperations(first: 10, query: "status:running OR status:created", sortKey: CREATED_AT) {
    nodes { id status type query }
  }
}
"""

#: What a reading started that was stopped, or the newest of it.
BULK_STARTED = """
query BulkStarted($query: String) {
  bulkOperations(first: 250, query: $query, sortKey: CREATED_AT) {
    nodes { id status type query }
  }
}
"""

BULK_CANCEL = """
mutation BulkCancel($id: ID!) {
  bulkOperationCancel(id: $id) { bulkOperation { id status } userErrors { field message } }
}
"""


#: The connection inside a bulk operation's records.
CHILDREN: Mapping[str, str | None] = {
    "customers": None,
    "products": "variants",
    "orders": "lineItems",
    "carts": "lineItems",
}


def _nested(name: str, fields: str) -> str:
    return f"{name} {{ edges {{ node {{ __typename {fields} }} }} }}"


_BULK_FIELDS = {
    "customers": CUSTOMER,
    "products": PRODUCT + _nested("variants", VARIANT),
    "orders": f"{ORDER} refunds {{ {REFUND} }} {_nested('lineItems', LINE)}",
    "carts": CHECKOUT + _nested("lineItems", CHECKOUT_LINE),
}


def bulk(stream: str, query: str) -> str:
    """Return the body of a bulk operation over a stream; `query` is Shopify's search filter."""
    return _bulk(stream, query, _BULK_FIELDS[stream])


def bulk_ids(stream: str, query: str) -> str:
    """Return the body of a bulk operation that lists a stream's ids."""
    return _bulk(stream, query, "id")


def _bulk(stream: str, query: str, fields: str) -> str:
    # Filters are made here, of dates and statuses: nothing in them needs escaping.
    return f"{{ {_nested(f'{ROOTS[stream]}(query: {chr(34)}{query}{chr(34)})', fields)} }}"


_FIRST = re.compile(r"first: (\d+)")


def halved(document: str) -> str | None:
    """Return a document that asks for half as many of its first connection; None below one.

    Examples
    --------
    >>> halved("{ orders(first: 5) { nodes { lineItems(first: 40) { nodes { id } } } } }")
    '{ orders(first: 2) { nodes { lineItems(first: 40) { nodes { id } } } } }'
    """
    found = _FIRST.search(document)
    if found is None or int(found[1]) < 2:
        return None
    return f"{document[: found.start(1)]}{int(found[1]) // 2}{document[found.end(1) :]}"
