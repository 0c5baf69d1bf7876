"""Products and carts in Shopify's dialect."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from connectors.records import Cart, OrderLine, Product, Variant
from tests.emulators.shopify.clock import stamp
from tests.emulators.shopify.dialect import (
    bag,
    cents,
    metafield,
    money,
    number,
    variant_number,
)
from tests.emulators.shopify.tables import Row, gid

#: Whom goods are for, in the words that Google's feed takes.
_GOOGLE = {"men": "male", "women": "female", "unisex": "unisex"}


def product(record: Product) -> Row:
    """Return a `Product` with its variants."""
    at = stamp(record.created_at) if record.created_at else "2020-01-01T00:00:00Z"
    updated = stamp(record.source_updated_at) if record.source_updated_at else at
    currency = record.currency or "EUR"
    prices = [one.price for one in record.variants if one.price is not None]
    prices = prices or [record.price or Decimal(0)]
    options = _options(record)
    key = number(record.id)
    bare = Variant(id=f"{record.id}-000", sku=record.sku, title="Default Title", price=prices[0])
    return {
        "__typename": "Product",
        "id": gid("Product", key),
        "legacyResourceId": str(key),
        "title": record.title,
        "handle": f"product-{key}",
        "status": record.status.upper(),
        "vendor": record.brand or "",
        "productType": record.product_type or "",
        "tags": list(record.tags),
        "createdAt": at,
        "updatedAt": updated,
        "publishedAt": at if record.status == "active" else None,
        "onlineStoreUrl": record.url,
        "isGiftCard": record.product_type in ("Gift cards", "Cadeaubonnen"),
        "description": record.title,
        "category": _category(record.category_path),
        "options": options,
        "featuredMedia": _media(key, record),
        "priceRangeV2": {
            "minVariantPrice": money(min(prices), currency),
            "maxVariantPrice": money(max(prices), currency),
        },
        "totalInventory": sum(one.inventory_quantity or 0 for one in record.variants),
        "tracksInventory": any(one.inventory_quantity is not None for one in record.variants),
        "hasOnlyDefaultVariant": not record.variants,
        "variants": [
            _variant(place, one, at, updated) for place, one in enumerate(record.variants or [bare])
        ],
        "collections": [_collection(name) for name in record.category_path[:1]],
        "metafields": metafield(
            gid("Product", key),
            "mm-google-shopping",
            "gender",
            _GOOGLE.get(record.gender_target or ""),
        ),
    }


def _options(record: Product) -> list[Row]:
    found = {
        "Colour": list(dict.fromkeys(one.colour for one in record.variants if one.colour)),
        "Size": list(dict.fromkeys(one.size for one in record.variants if one.size)),
    }
    named = {name: values for name, values in found.items() if values}
    return [
        {
            "__typename": "ProductOption",
            "id": gid("ProductOption", number(f"{record.id}-{place}")),
            "name": name,
            "position": place,
            "values": values,
            "optionValues": [],
        }
        for place, (name, values) in enumerate((named or {"Title": ["Default Title"]}).items(), 1)
    ]


def _variant(place: int, record: Variant, created: str, updated: str) -> Row:
    chosen = {"Colour": record.colour, "Size": record.size}
    options = [{"name": name, "value": value} for name, value in chosen.items() if value]
    return {
        "__typename": "ProductVariant",
        "id": gid("ProductVariant", number(record.id)),
        "legacyResourceId": str(number(record.id)),
        "title": record.title or " / ".join(one["value"] for one in options),
        "displayName": record.title or record.id,
        "sku": record.sku,
        "barcode": None,
        "price": str(record.price or Decimal(0)),
        "compareAtPrice": None,
        "position": place + 1,
        "inventoryQuantity": record.inventory_quantity,
        "availableForSale": record.inventory_quantity != 0,
        "createdAt": created,
        "updatedAt": updated,
        "taxable": True,
        "selectedOptions": options or [{"name": "Title", "value": "Default Title"}],
    }


def _category(path: Sequence[str]) -> Row | None:
    if not path:
        return None
    slugs = [name.lower().replace(" ", "")[:6] for name in path]
    return {
        "__typename": "TaxonomyCategory",
        "id": gid("TaxonomyCategory", "-".join(slugs)),
        "name": path[-1],
        "fullName": " > ".join(path),
        "level": len(path),
        "isLeaf": True,
        "isRoot": len(path) == 1,
        "isArchived": False,
        "ancestorIds": [
            gid("TaxonomyCategory", "-".join(slugs[:depth])) for depth in range(1, len(path))
        ],
    }


def _media(key: int, record: Product) -> Row | None:
    if not record.image_url:
        return None
    image = {"url": record.image_url, "altText": record.title, "width": 1200, "height": 1600}
    return {
        "__typename": "MediaImage",
        "id": gid("MediaImage", key),
        "alt": record.title,
        "mediaContentType": "IMAGE",
        "status": "READY",
        "preview": {"image": image, "status": "READY"},
        "image": image,
    }


def _collection(name: str) -> Row:
    key = sum(ord(letter) for letter in name)
    return {
        "__typename": "Collection",
        "id": gid("Collection", key),
        "title": name,
        "handle": name.lower(),
    }


def checkout_tokens(name: object) -> Row:
    """Return what tells a checkout from others: an order made of it carries the same tokens.

    Only the address is a field of `AbandonedCheckout`; the tokens are what webhooks tell.
    """
    return {
        "token": f"checkout{name}",
        "cartToken": f"cart{name}",
        "abandonedCheckoutUrl": f"https://stipt-demo.shop/1/checkouts/ac/cart{name}/recover?key=x",
    }


def checkout(record: Cart) -> Row:
    """Return an `AbandonedCheckout`; one that became an order is completed."""
    key, currency = number(record.id), record.currency
    at = stamp(record.updated_at)
    became = number(record.order_id) if record.order_id else None
    return {
        "__typename": "AbandonedCheckout",
        "id": gid("AbandonedCheckout", key),
        "name": f"#C{key}",
        **checkout_tokens(became or f"-token-{key}"),
        "createdAt": at,
        "updatedAt": at,
        "completedAt": at if record.order_id else None,
        "discountCodes": [],
        "note": "",
        "customAttributes": [],
        "taxesIncluded": True,
        "taxLines": [],
        "customer": {"id": gid("Customer", number(record.customer_id))}
        if record.customer_id
        else None,
        "subtotalPriceSet": bag(record.total, currency),
        "totalPriceSet": bag(record.total, currency),
        "totalLineItemsPriceSet": bag(record.total, currency),
        "totalDiscountSet": bag(Decimal(0), currency),
        "lineItems": [_checkout_line(key, line, currency) for line in record.lines],
    }


def _checkout_line(key: int, line: OrderLine, currency: str) -> Row:
    return {
        "__typename": "AbandonedCheckoutLineItem",
        "id": gid("AbandonedCheckoutLineItem", number(f"{key}-{line.id}")),
        "title": line.title,
        "variantTitle": " / ".join(filter(None, (line.colour, line.size))) or None,
        "sku": line.sku,
        "quantity": int(line.quantity),
        "customAttributes": [],
        "product": {"id": gid("Product", number(line.product_id))} if line.product_id else None,
        "variant": {"id": gid("ProductVariant", variant_number(line.product_id, line.variant_id))}
        if line.product_id
        else None,
        "discountedTotalPriceWithCodeDiscount": bag(line.total, currency),
        "discountedTotalPriceSet": bag(line.total, currency),
        "originalTotalPriceSet": bag(line.total + line.discount, currency),
        "originalUnitPriceSet": bag(cents((line.total + line.discount) / line.quantity), currency),
    }
