"""Erasing a person for good, and only for a client that was opened to erase."""

from __future__ import annotations

from integration.mailchimp.guard.ecommerce import STORE
from integration.mailchimp.guard.members import MEMBER
from integration.mailchimp.guard.rules import ID, Permit, nothing, rule

RULES = (
    rule("POST", rf"{MEMBER}/actions/delete-permanent", nothing, permit=Permit.ERASE),
    rule("DELETE", rf"{STORE}/customers/{ID}", nothing, permit=Permit.ERASE),
)
