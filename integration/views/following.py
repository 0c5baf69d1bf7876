"""What is bought after what: each arrow with its figures, and the people it holds for now."""

from __future__ import annotations

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from integration.reading import names, overview
from integration.views.base import language, own_rows

bp = Blueprint("following", __name__, url_prefix="/next")


@bp.get("")
def show() -> ResponseReturnValue:
    """Show every arrow, the one with the highest lift first."""
    with own_rows() as session:
        fit = names.fitted(session)
        words = names.words(session, language(), fit)
        sizes = overview.sizes(session, words).get("next", [])
        return render_template(
            "following.html",
            following=fit.following if fit else None,
            need_name=words.need,
            people={size.segment.key: size.people for size in sizes},
        )
