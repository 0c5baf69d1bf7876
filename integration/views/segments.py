"""A segment: who is in it and why."""

from __future__ import annotations

from flask import Blueprint, abort, render_template, request
from flask.typing import ResponseReturnValue

from integration.reading import names, overview, segments
from integration.views.base import form_text, language, own_rows, page_number
from integration.views.csvs import download
from integration.views.formats import day
from integration.views.texts import gettext

bp = Blueprint("segments", __name__, url_prefix="/segments")


@bp.route("/<path:key>", methods=["GET", "POST"])
def show(key: str) -> ResponseReturnValue:
    """Show a page of people; a search is posted, as an address has no place in a URL."""
    text = form_text("q") if request.method == "POST" else ""
    number = request.form.get("page", 1, type=int) if text else page_number()
    with own_rows() as session:
        words = names.words(session, language())
        segment = words.segment(key)
        if segment is None:
            abort(404)
        return render_template(
            "segment.html",
            segment=segment,
            size=overview.size(session, segment),
            found=segments.size(session, key, text),
            rows=segments.page(session, words, key, text, number),
            text=text,
            page=number,
            per_page=segments.PAGE,
        )


@bp.get("/<path:key>.csv")
def export(key: str) -> ResponseReturnValue:
    """Download everybody in a segment with the reasons."""
    with own_rows() as session:
        words = names.words(session, language())
        segment = words.segment(key)
        if segment is None:
            abort(404)
        # Read before the answer starts: the session ends with this view.
        rows = [
            (row.who.person_id, row.who.name, row.who.email, row.why, day(row.since))
            for row in segments.everyone(session, words, key)
        ]
    header = (
        gettext("Number"),
        gettext("Name"),
        gettext("E-mail"),
        gettext("Why"),
        gettext("Since"),
    )
    return download(f"{key.replace(':', '-')}.csv", header, rows)
