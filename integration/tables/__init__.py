"""Tables: thin, each row owned by an account, validated before it gets here."""

from integration.tables.account import Account, Shop, SyncState, User
from integration.tables.audience import (
    Audience,
    Member,
    OwnedName,
    Plan,
    PlanChange,
    PushedValue,
)
from integration.tables.back import AudienceCheck, MailchimpHook
from integration.tables.browsing import ShopifyPixel, Visitor
from integration.tables.campaigns import Campaign, CampaignPerson, CampaignRule
from integration.tables.connecting import Connecting
from integration.tables.facts import (
    Cart,
    Consent,
    Order,
    OrderLine,
    Product,
    Refund,
    RefundLine,
    Touchpoint,
    Variant,
)
from integration.tables.flows import EventSwitch, FlowLook, ToldEvent
from integration.tables.insight import (
    Choice,
    DueDate,
    FittedModel,
    OwnSegment,
    PersonProfile,
    SegmentChange,
    SegmentMember,
)
from integration.tables.members import Addition, PlanName
from integration.tables.people import Identity, Person, Separation, SourceProfile
from integration.tables.privacy import ErasedKey, Erasure, PrivacyRequest, Salt
from integration.tables.shopdata import ShopRecord, ShopStore
from integration.tables.shopify import ShopifyStore, ShopifySwitch, ShopifyVisit
from integration.tables.work import ImportRun, Inbox, Reject, Work
from integration.tables.writeback import ConsentWrite

__all__ = [
    "Account",
    "Addition",
    "Audience",
    "AudienceCheck",
    "Campaign",
    "CampaignPerson",
    "CampaignRule",
    "Cart",
    "Choice",
    "Connecting",
    "Consent",
    "ConsentWrite",
    "DueDate",
    "ErasedKey",
    "Erasure",
    "EventSwitch",
    "FittedModel",
    "FlowLook",
    "Identity",
    "ImportRun",
    "Inbox",
    "MailchimpHook",
    "Member",
    "Order",
    "OrderLine",
    "OwnSegment",
    "OwnedName",
    "Person",
    "PersonProfile",
    "Plan",
    "PlanChange",
    "PlanName",
    "PrivacyRequest",
    "Product",
    "PushedValue",
    "Refund",
    "RefundLine",
    "Reject",
    "Salt",
    "SegmentChange",
    "SegmentMember",
    "Separation",
    "Shop",
    "ShopRecord",
    "ShopStore",
    "ShopifyPixel",
    "ShopifyStore",
    "ShopifySwitch",
    "ShopifyVisit",
    "SourceProfile",
    "SyncState",
    "ToldEvent",
    "Touchpoint",
    "User",
    "Variant",
    "Visitor",
    "Work",
]
