"""What the pages of drafts and of rules read of a request alike, and where both lead."""

from __future__ import annotations

from typing import Any

from flask import abort, redirect, url_for
from flask.typing import ResponseReturnValue
from sqlmodel import Session

from integration.campaigns.content import LONGEST, Content
from integration.reading import campaigns as reading
from integration.reading import plans
from integration.tables import Audience
from integration.views.base import (
    context,
    form_text,
    language,
)
from integration.work.runner import wake_due


def audience_or_409(session: Session) -> Audience:
    audience = plans.audience(session)
    if audience is None:
        abort(409)
    return audience


def segment_or_404(session: Session, key: str) -> str:
    if key not in {row[0] for row in reading.segments(session, language())}:
        abort(404)
    return key


def told_content() -> Content:
    values: dict[str, Any] = {
        name: form_text(name, longest=longest * 2).replace("\r\n", "\n")
        for name, longest in LONGEST.items()
    }
    return Content(**values)


def woken() -> ResponseReturnValue:
    wake_due(context())
    return redirect(url_for("campaigns.show"))
