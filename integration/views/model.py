"""The card of the shop's model: how it did, what is offered, and how much is missing."""

from __future__ import annotations

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from integration.audience.names import thing
from integration.reading.model import card
from integration.views.base import language, own_rows
from integration.views.texts import gettext
from segmentation.segments import catalogue

bp = Blueprint("model", __name__, url_prefix="/model")


@bp.get("")
def show() -> ResponseReturnValue:
    """Show the card of the numbers that are live."""
    with own_rows() as session:
        return render_template(
            "model.html",
            card=card(session),
            language=language(),
            parts=part_names(),
            outcomes=outcome_names(),
            reasons=reason_names(),
            units=unit_names(),
            their_words=their_words(),
            our_words=our_words(),
        )


def part_names() -> dict[str, str]:
    """Return what the parts of a fit are called."""
    return {
        "dates": gettext("Due dates"),
        "value": gettext("Expected orders"),
        "picks": gettext("Products to pick"),
        "groups": gettext("Ever finer groups"),
        "kinds": gettext("Kinds of customers"),
        "business": gettext("Rhythms of business customers"),
    }


def outcome_names() -> dict[str, str]:
    """Return what the outcomes of a trial are called."""
    return {
        "accepted": gettext("live"),
        "rejected": gettext("rejected: the ones before stay"),
        "untested": gettext("live, not compared"),
    }


def reason_names() -> dict[str, str]:
    """Return why numbers were not compared."""
    return {
        "few": gettext("too few purchases"),
        "first": gettext("nothing to compare with yet"),
        "same": gettext("nothing has changed"),
        "refused": gettext("nothing is told yet"),
        "stated": gettext("you stated another life: your word goes"),
    }


def unit_names() -> dict[str, str]:
    """Return what the thresholds count."""
    return {
        "repurchases": gettext("repeat purchases"),
        "years": gettext("whole years"),
        "purchases": gettext("purchases in 60 days"),
        "repeaters": gettext("customers with a second purchase"),
        "days": gettext("days of history"),
        "customers": gettext("customers"),
        "people": gettext("people who bought both"),
        "orders": gettext("orders of one customer"),
        "share": "",
    }


def their_words() -> dict[str, str]:
    """Return what Shopify's groups and tiers are called."""
    return {
        "champions": gettext("Champions"),
        "loyal": gettext("Loyal"),
        "active": gettext("Active"),
        "new": gettext("New"),
        "promising": gettext("Promising"),
        "needs_attention": gettext("Needs attention"),
        "previously_loyal": gettext("Previously loyal"),
        "at_risk": gettext("At risk"),
        "almost_lost": gettext("Almost lost"),
        "dormant": gettext("Dormant"),
        "prospects": gettext("Prospects"),
        "high": gettext("High"),
        "medium": gettext("Medium"),
        "low": gettext("Low"),
    }


def our_words() -> dict[str, str]:
    """Return what our stages and levels are called, as in the tags."""
    fixed = {segment.key: segment for segment in catalogue({})}
    named = {
        key.partition(":")[2]: thing(segment.name(language()))
        for key, segment in fixed.items()
        if segment.group in ("stage", "value")
    }
    return {**named, "": gettext("not told")}
