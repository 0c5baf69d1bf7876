"""Why work waits or was given up, in the reader's language where we said it ourselves.

Work keeps its cause in English, as the command line shows it; what Mailchimp or a shop said stays
in their words.
"""

from __future__ import annotations

from flask import Flask

from integration import history
from integration.audience import pause
from integration.shopify import stores
from integration.tables import Work
from integration.views.base import own_rows
from integration.views.connection import pause_texts
from integration.views.shopify import stop_texts
from integration.views.texts import gettext

#: Work that asks something of a shop, and nothing of Mailchimp.
_OF_SHOPS = (
    *("import", "apply_event", "browsed", "shop_check", "shop_hooks"),
    *("read_anew", "shopify_look", "shopify_pixel", "write_consent"),
)


def register(app: Flask) -> None:
    """Let templates say causes and states."""
    app.jinja_env.filters["cause"] = cause_text
    app.jinja_env.globals["work_state"] = work_state


def cause_text(error: str | None) -> str:
    """Return a cause of work; "" for none."""
    told = (error or "").strip()
    said = told.partition(": ")[2] if told.partition(": ")[0].isidentifier() else told
    known = {stores.TEXTS[why]: text for why, text in stop_texts().items()}
    known |= {pause.TEXTS[why]: text for why, text in pause_texts().items()}
    known[pause.TEXTS[history.READING]] = gettext(
        "The shop's history is still being read. All goes on by itself after that."
    )
    return known.get(said, told)


def work_state(row: Work) -> str:
    """Return in which state work is."""
    if row.status == "resting":
        return _rests(row.kind)
    return {
        "queued": gettext("waiting"),
        "running": gettext("running"),
        "done": gettext("done"),
        "dead": gettext("given up"),
    }.get(row.status, row.status)


def _rests(kind: str) -> str:
    if kind in _OF_SHOPS:
        return gettext("rests until the shop is connected again")
    with own_rows() as session:
        if history.is_partial(session):
            return gettext("rests until the shop's history is read")
    return gettext("rests until Mailchimp is connected again")
