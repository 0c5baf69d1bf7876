"""Ever finer groups as a tree, and kinds of customers, each with its people."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from integration import asked_groups
from integration.pipeline import start_refresh
from integration.reading import groups, names
from integration.views.base import context, language, own_rows
from integration.views.texts import gettext
from integration.work.runner import wake_due

bp = Blueprint("groups", __name__, url_prefix="/groups")


@bp.get("")
def show() -> ResponseReturnValue:
    """Show the tree, larger groups before those that are part of them."""
    with own_rows() as session:
        found = groups.groups(session, names.words(session, language()))
        return render_template("groups.html", found=found)


@bp.post("/publish")
def publish() -> ResponseReturnValue:
    """Make a finer group a segment, though it gains too little to be offered."""
    try:
        with own_rows() as session:
            asked_groups.ask(session, request.form.get("key", ""), context().clock())
            start_refresh(session)
    except asked_groups.CannotAsk as error:
        flash(_refusals()[error.reason])
        return redirect(url_for("groups.show"))
    wake_due(context())
    flash(
        gettext(
            "Kept. The group is a segment in a moment; its tag stands in the next preview, "
            "where there is room for it."
        )
    )
    return redirect(url_for("groups.show"))


@bp.post("/withdraw")
def withdraw() -> ResponseReturnValue:
    """Take back a group that was asked for."""
    try:
        with own_rows() as session:
            asked_groups.take_back(session, request.form.get("key", ""))
            start_refresh(session)
    except asked_groups.CannotAsk as error:
        flash(_refusals()[error.reason])
        return redirect(url_for("groups.show"))
    wake_due(context())
    flash(gettext("Taken back. The next preview takes its tag away."))
    return redirect(url_for("groups.show"))


def _refusals() -> dict[str, str]:
    return {
        "unknown": gettext("There is no such group any more."),
        "offered": gettext("This group is a segment already."),
        "too_many": gettext("As many groups as fit are asked for already: take one back first."),
    }
