"""How long things last: what we learned, and what the merchant knows better."""

from __future__ import annotations

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlmodel import Session, delete

from integration.db import upsert
from integration.pipeline import start_refresh
from integration.reading import lives, names
from integration.tables import Choice, Product
from integration.views.base import context, language, own_or_404, own_rows
from integration.views.texts import gettext
from integration.work.runner import wake_due
from segmentation.duedates.needs import name_of
from segmentation.duedates.starting import NEEDS

bp = Blueprint("lives", __name__, url_prefix="/lives")

#: "" is neither of both.
STYLES = ("business", "casual", "")
_LONGEST_MONTHS = 600


@bp.get("")
def show() -> ResponseReturnValue:
    """Show every need's life and its basis, and the products that nothing places."""
    with own_rows() as session:
        fit = names.fitted(session)
        words = names.words(session, language(), fit)
        return render_template(
            "lives.html",
            fit=fit,
            lives=lives.lives(session, words, fit),
            unplaced=lives.unplaced(session, fit),
            styles={choice.subject: choice.value for choice in lives.choices(session, "style")},
            needs=_known_needs(words),
        )


@bp.post("/<need>/life")
def state_life(need: str) -> ResponseReturnValue:
    """Keep the merchant's own figure in months; an empty field goes back to ours."""
    typed = request.form.get("months", "").strip()
    months = request.form.get("months", type=int)
    if typed and (months is None or not 1 <= months <= _LONGEST_MONTHS):
        flash(gettext("A life is a whole number of months, 1 to 600."))
        return redirect(url_for("lives.show"))
    with own_rows() as session:
        _known(session, need)
        _decide(session, "life", need, str(round(months * lives.MONTH_DAYS)) if months else None)
    return _computing()


@bp.post("/<need>/style")
def state_style(need: str) -> ResponseReturnValue:
    """Keep the style of a need."""
    style = request.form.get("style", "")
    if style not in STYLES:
        abort(400)
    with own_rows() as session:
        _known(session, need)
        _decide(session, "style", need, style)
    return _computing()


@bp.post("/product/<int:product_id>")
def place(product_id: int) -> ResponseReturnValue:
    """Say what kind of thing a product is; it sticks."""
    need = request.form.get("need", "")
    with own_rows() as session:
        own_or_404(session, Product, product_id)
        if need not in _known_needs(names.words(session, language())):
            abort(400)
        _decide(session, "need", str(product_id), need)
    return _computing()


def _known(session: Session, need: str) -> None:
    fit = names.fitted(session)
    if fit is None or need not in fit.needs:
        abort(404)


def _known_needs(words: names.Words) -> dict[str, str]:
    """Return the needs a product may be placed under, by name."""
    keys = {need.key for need in NEEDS} | set(words.needs)
    named = {key: (words.needs.get(key) or name_of(key)).plural(words.language) for key in keys}
    return dict(sorted(named.items(), key=lambda item: item[1]))


def _decide(session: Session, kind: str, subject: str, value: str | None) -> None:
    """Keep a decision, or forget it; segments follow."""
    if value is None:
        session.exec(delete(Choice).where(Choice.kind == kind, Choice.subject == subject))  # type: ignore[arg-type]  # mapped columns
    else:
        row = {"kind": kind, "subject": subject, "value": value, "created_at": context().clock()}
        upsert(session, Choice, [row], key=("account_id", "kind", "subject"))
    start_refresh(session)


def _computing() -> ResponseReturnValue:
    wake_due(context())
    flash(gettext("Kept. Segments and due dates follow in a moment."))
    return redirect(url_for("lives.show"))
