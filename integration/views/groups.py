"""Ever finer groups as a tree, and kinds of customers, each with its people."""

from __future__ import annotations

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from integration.reading import groups, names
from integration.views.base import language, own_rows

bp = Blueprint("groups", __name__, url_prefix="/groups")


@bp.get("")
def show() -> ResponseReturnValue:
    """Show the tree, larger groups before those that are part of them."""
    with own_rows() as session:
        found = groups.groups(session, names.words(session, language()))
        return render_template("groups.html", found=found)
