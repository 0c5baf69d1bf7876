"""Words in the reader's language: flask-babel's `gettext`, with types."""

from __future__ import annotations

import flask_babel


def gettext(text: str, **values: object) -> str:
    """Return `text` in the reader's language, with `values` filled in."""
    return str(flask_babel.gettext(text, **values))
