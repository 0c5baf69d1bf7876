"""What a reading counted, in words."""

from __future__ import annotations

from integration.views.texts import gettext


def counter_name(name: str) -> str:
    """Return a counter's name in the reader's language; one we do not know stays as it is."""
    known = {
        "lines": gettext("lines"),
        "orders": gettext("orders and receipts"),
        "orders read": gettext("orders and receipts stored"),
        "customers read": gettext("customers stored"),
        "products read": gettext("products stored"),
        "refunds read": gettext("refunds stored"),
        "carts read": gettext("carts stored"),
        "consent read": gettext("statements of consent stored"),
        "touchpoints read": gettext("moments of contact stored"),
        "refunds": gettext("refunds"),
        "customers": gettext("customers"),
        "customers without a usable address": gettext("customers without a usable address"),
        "products": gettext("products"),
        "consent statements": gettext("statements of consent"),
        "guest lines": gettext("lines without a customer"),
        "lines without a customer": gettext("lines without a customer"),
        "lines without a description": gettext("lines without a description"),
        "exact duplicate lines": gettext("lines that stand there twice"),
        "cancelled invoices": gettext("cancelled invoices"),
        "lines of cancelled invoices": gettext("lines of cancelled invoices"),
        "lines with negative quantity": gettext("lines with a quantity below zero"),
        "lines with price 0 or less": gettext("lines with a price of zero or less"),
        "adjustments": gettext("adjustments"),
        "deals not won": gettext("deals that were not won"),
        "records of erased people": gettext("records of erased people, stored without them"),
        "rejected rows": gettext("rows that could not be read"),
        "rejected columns": gettext("columns that could not be read"),
        "rejected cells": gettext("cells that could not be read"),
        "orders whose total differs from their lines": gettext(
            "orders whose total differs from their lines"
        ),
    }
    return known.get(name, name)
