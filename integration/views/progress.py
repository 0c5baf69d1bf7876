"""The part of a page that tells how far its work is, asked for again and again while that runs."""

from __future__ import annotations

from flask import render_template
from flask.typing import ResponseReturnValue

from integration.tables import Work
from integration.views.status import kind_names


def progress_part(work: Work | None, url: str) -> ResponseReturnValue:
    """Return the part for the page at `url`; without work the page is loaded anew as a whole."""
    answer = render_template("_progress.html", work=work, kinds=kind_names(), url=url)
    return answer if work is not None else (answer, 200, {"HX-Refresh": "true"})
