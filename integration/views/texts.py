"""Words in the reader's language: flask-babel's `gettext`, with types."""

from __future__ import annotations

import flask_babel


def gettext(text: str, **values: object) -> str:
    """Return `text` in the reader's language, with `values` filled in."""
    return str(flask_babel.gettext(text, **values))


def ngettext(one: str, many: str, num: int) -> str:
    """Return the text for so many, with `num` filled in."""
    return str(flask_babel.ngettext(one, many, num))
