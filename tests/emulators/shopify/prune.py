"""Cut Shopify's schema down to the types we use: names, types and who may read them.

    python -m tests.emulators.shopify.prune shopify-admin.graphql > schema.graphql

Kept are all fields of the types below whose own type is kept too, without descriptions and without
what Shopify calls deprecated. What the descriptions say on access becomes two directives.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import graphql
from graphql import Undefined

_TYPES = """
AbandonedCheckout AbandonedCheckoutLineItem AccessScope ApiVersion App AppInstallation
AppSubscription AppSubscriptionCreatePayload Attribute AutomaticDiscountApplication
BulkOperation BulkOperationCancelPayload BulkOperationRunQueryPayload BulkOperationUserError
Collection Company Count Customer CustomerEmailAddress
CustomerEmailMarketingConsentUpdatePayload CustomerEmailMarketingConsentUpdateUserError
CustomerPhoneNumber CustomerSmsMarketingConsent CustomerStatistics DiscountAllocation
DiscountApplication DiscountCodeApplication Domain ErrorsWebPixelUserError Image LineItem
LineItemSellingPlan Location MailingAddress ManualDiscountApplication Media MediaImage
MediaPreviewImage Metafield MetafieldsSetPayload MetafieldsSetUserError MoneyBag MoneyV2 Node
Order OrderApp PageInfo PricingPercentageValue PricingValue Product ProductOption
ProductOptionValue ProductPriceRangeV2 ProductVariant PurchasingCompany PurchasingEntity Refund
RefundLineItem ScriptDiscountApplication SelectedOption ShippingLine Shop ShopPlan
TagsAddPayload TagsRemovePayload TaxLine TaxonomyCategory UserError WebPixel
WebPixelCreatePayload WebPixelDeletePayload WebPixelUpdatePayload WebhookSubscription
WebhookSubscriptionCreatePayload WebhookSubscriptionDeletePayload
WebhookSubscriptionUpdatePayload
"""
_QUERIES = """
abandonedCheckouts abandonedCheckoutsCount bulkOperation bulkOperations currentAppInstallation
customer customers customersCount node nodes order orders ordersCount product products
productsCount publicApiVersions refund shop webPixel webhookSubscription webhookSubscriptions
"""
_MUTATIONS = """
appSubscriptionCreate bulkOperationCancel bulkOperationRunQuery
customerEmailMarketingConsentUpdate metafieldsSet tagsAdd tagsRemove webPixelCreate
webPixelDelete webPixelUpdate webhookSubscriptionCreate webhookSubscriptionDelete
webhookSubscriptionUpdate
"""
#: Interfaces, objects and payloads kept as types; scalars, enums and inputs follow from them.
TYPES = frozenset(_TYPES.split())
#: Root fields kept.
ROOTS = {"QueryRoot": frozenset(_QUERIES.split()), "Mutation": frozenset(_MUTATIONS.split())}
_BUILT_IN = {"ID", "Int", "Float", "String", "Boolean"}
_ACCESS = re.compile(r"Requires access: (.*)")
_PROTECTED = re.compile(r"Protected customer data field: (\S+)")
_HEAD = """\
# Made by prune.py from Shopify's Admin API 2026-10; not to be
# edited. @requires and @protected say what Shopify's documentation says in words.
directive @requires(access: String!) on FIELD_DEFINITION | OBJECT
directive @protected(data: String!) on FIELD_DEFINITION
schema { query: QueryRoot mutation: Mutation }
"""


def prune(official: str) -> str:
    """Return the pruned schema as text, types in the order of their names."""
    built: Any = graphql.build_ast_schema(
        graphql.parse(official, no_location=True), assume_valid=True
    )
    return _Pruned(built.type_map).text()


class _Pruned:
    """The types still to be written; fields that are kept bring scalars, enums and inputs."""

    def __init__(self, types: dict[str, Any]) -> None:
        self._types = types
        self._written: dict[str, str] = {}

    def text(self) -> str:
        for name in sorted({*TYPES, *ROOTS}):
            self._write(name)
        return _HEAD + "".join(self._written[name] for name in sorted(self._written))

    def _write(self, name: str) -> None:
        if name in self._written or name in _BUILT_IN:
            return
        kind = self._types[name]
        self._written[name] = ""
        if graphql.is_scalar_type(kind):
            self._written[name] = f"scalar {name}\n"
        elif graphql.is_enum_type(kind):
            self._written[name] = f"enum {name} {{ {' '.join(kind.values)} }}\n"
        elif graphql.is_union_type(kind):
            members = " | ".join(one.name for one in kind.types if self._kept(one.name))
            self._written[name] = f"union {name} = {members}\n"
        elif graphql.is_input_object_type(kind):
            self._written[name] = self._input(name, kind)
        else:
            self._written[name] = self._object(name, kind)

    def _kept(self, name: str) -> bool:
        """Whether an output type stays; a connection or edge does when its node does."""
        kind = self._types[name]
        if graphql.is_leaf_type(kind):
            return True
        return name.removesuffix("Connection").removesuffix("Edge") in TYPES

    def _object(self, name: str, kind: Any) -> str:
        interface = graphql.is_interface_type(kind)
        head = f"{'interface' if interface else 'type'} {name}"
        parents = [one.name for one in kind.interfaces if one.name in TYPES]
        if parents:
            head += " implements " + " & ".join(parents)
        # A payload's access is its mutation's.
        if not interface and name not in ROOTS:
            head += _requires(kind.description)
        fields = [
            self._field(field_name, field)
            for field_name, field in kind.fields.items()
            if (name not in ROOTS or field_name in ROOTS[name])
            and field.deprecation_reason is None
            and self._kept(graphql.get_named_type(field.type).name)
        ]
        return f"{head} {{\n" + "".join(f"  {field}\n" for field in fields) + "}\n"

    def _field(self, name: str, field: Any) -> str:
        self._write(graphql.get_named_type(field.type).name)
        given = ""
        if field.args:
            given = f"({', '.join(self._argument(key, one) for key, one in field.args.items())})"
        protected = _PROTECTED.search(field.description or "")
        mark = f' @protected(data: "{protected[1]}")' if protected else ""
        return f"{name}{given}: {field.type}{mark}{_requires(field.description)}"

    def _argument(self, name: str, argument: Any) -> str:
        self._write(graphql.get_named_type(argument.type).name)
        default = ""
        if argument.default_value is not Undefined:
            printed = graphql.print_ast(
                graphql.ast_from_value(argument.default_value, argument.type)  # type: ignore[arg-type,unused-ignore]
            )
            default = f" = {printed}"
        return f"{name}: {argument.type}{default}"

    def _input(self, name: str, kind: Any) -> str:
        fields = [
            self._argument(key, field)
            for key, field in kind.fields.items()
            if field.deprecation_reason is None or graphql.is_required_input_field(field)
        ]
        return f"input {name}{' @oneOf' if kind.is_one_of else ''} {{ {', '.join(fields)} }}\n"


def _requires(description: str | None) -> str:
    found = _ACCESS.search(description or "")
    if not found:
        return ""
    said = found[1].replace('"', "'")
    return f' @requires(access: "{said}")'


def main() -> None:
    """Print the pruned schema of the file named."""
    sys.stdout.write(prune(Path(sys.argv[1]).read_text("utf-8")))


if __name__ == "__main__":
    main()
