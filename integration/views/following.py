"""What is bought after what, and what others bought as well: figures, and for how many it holds."""

from __future__ import annotations

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from integration.reading import also, names, overview
from integration.views.base import language, own_rows
from segmentation.picks.also import PEOPLE_NEEDED

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
            also=fit.also if fit else None,
            coverage=also.coverage(session),
            pairs=also.pairs(session, fit.also) if fit else [],
            people_needed=PEOPLE_NEEDED,
        )
