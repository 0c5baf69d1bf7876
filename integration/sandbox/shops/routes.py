"""Which handler answers which call under `/ecommerce`."""

from __future__ import annotations

from collections.abc import Callable

from integration.sandbox.call import Answer
from integration.sandbox.shops import carts, customers, lines, orders, products, promos, stores

STORE = "/ecommerce/stores/{}"
CUSTOMER = f"{STORE}/customers/{{}}"
PRODUCT = f"{STORE}/products/{{}}"
VARIANT = f"{PRODUCT}/variants/{{}}"
ORDER = f"{STORE}/orders/{{}}"
CART = f"{STORE}/carts/{{}}"
RULE = f"{STORE}/promo-rules/{{}}"
CODE = f"{RULE}/promo-codes/{{}}"

_ORDER_LINES, _CART_LINES = lines.LineCalls("orders"), lines.LineCalls("carts")

ROUTES: dict[tuple[str, str], Callable[..., Answer]] = {
    ("GET", "/ecommerce/orders"): orders.get_all_orders,
    ("GET", "/ecommerce/stores"): stores.get_stores,
    ("POST", "/ecommerce/stores"): stores.post_store,
    ("GET", STORE): stores.get_store,
    ("PATCH", STORE): stores.patch_store,
    ("DELETE", STORE): stores.delete_store,
    ("GET", f"{STORE}/customers"): customers.get_customers,
    ("POST", f"{STORE}/customers"): customers.post_customer,
    ("GET", CUSTOMER): customers.get_customer,
    ("PUT", CUSTOMER): customers.put_customer,
    ("PATCH", CUSTOMER): customers.patch_customer,
    ("DELETE", CUSTOMER): customers.delete_customer,
    ("GET", f"{STORE}/products"): products.get_products,
    ("POST", f"{STORE}/products"): products.post_product,
    ("GET", PRODUCT): products.get_product,
    ("PUT", PRODUCT): products.put_product,
    ("PATCH", PRODUCT): products.patch_product,
    ("DELETE", PRODUCT): products.delete_product,
    ("GET", f"{PRODUCT}/variants"): products.get_variants,
    ("POST", f"{PRODUCT}/variants"): products.post_variant,
    ("GET", VARIANT): products.get_variant,
    ("PUT", VARIANT): products.put_variant,
    ("PATCH", VARIANT): products.patch_variant,
    ("DELETE", VARIANT): products.delete_variant,
    ("GET", f"{STORE}/orders"): orders.get_orders,
    ("POST", f"{STORE}/orders"): orders.post_order,
    ("GET", ORDER): orders.get_order,
    ("PUT", ORDER): orders.put_order,
    ("PATCH", ORDER): orders.patch_order,
    ("DELETE", ORDER): orders.delete_order,
    ("GET", f"{STORE}/carts"): carts.get_carts,
    ("POST", f"{STORE}/carts"): carts.post_cart,
    ("GET", CART): carts.get_cart,
    ("PATCH", CART): carts.patch_cart,
    ("DELETE", CART): carts.delete_cart,
    ("GET", f"{STORE}/promo-rules"): promos.get_rules,
    ("POST", f"{STORE}/promo-rules"): promos.post_rule,
    ("GET", RULE): promos.get_rule,
    ("PATCH", RULE): promos.patch_rule,
    ("DELETE", RULE): promos.delete_rule,
    ("GET", f"{RULE}/promo-codes"): promos.get_codes,
    ("POST", f"{RULE}/promo-codes"): promos.post_code,
    ("GET", CODE): promos.get_code,
    ("PATCH", CODE): promos.patch_code,
    ("DELETE", CODE): promos.delete_code,
}
for _owner, _calls in ((ORDER, _ORDER_LINES), (CART, _CART_LINES)):
    ROUTES |= {
        ("GET", f"{_owner}/lines"): _calls.get_all,
        ("POST", f"{_owner}/lines"): _calls.post,
        ("GET", f"{_owner}/lines/{{}}"): _calls.get,
        ("PATCH", f"{_owner}/lines/{{}}"): _calls.patch,
        ("DELETE", f"{_owner}/lines/{{}}"): _calls.delete,
    }
