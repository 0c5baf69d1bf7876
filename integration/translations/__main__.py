"""Bring the Dutch catalogue in step with the sources and compile it.

Uses Babel's own extraction, reading and writing of gettext catalogues.
"""

from __future__ import annotations

import io
import sys
from datetime import UTC, datetime
from pathlib import Path

from babel.messages import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

PACKAGE = Path(__file__).parent.parent
PO = Path(__file__).parent / "nl" / "LC_MESSAGES" / "messages.po"
MO = PO.with_suffix(".mo")
_METHODS = [
    ("app.py", "python"),
    ("views/**.py", "python"),
    ("templates/**.html", "jinja2.ext:babel_extract"),
]
_OPTIONS = {"templates/**.html": {"trimmed": "true", "silent": "false"}}
#: Fixed, so that compiling twice gives the same bytes.
_WRITTEN = datetime(2026, 1, 1, tzinfo=UTC)


def extracted() -> Catalog:
    """Return every text of the pages, without its Dutch."""
    found = Catalog(project="stipt")
    for name, _line, text, comments, context in extract_from_dir(
        str(PACKAGE), method_map=_METHODS, options_map=_OPTIONS
    ):
        # Without line numbers: they change with every edit and say nothing.
        found.add(text, None, [(name, 0)], auto_comments=comments, context=context)
    return found


def stored() -> Catalog:
    """Return the catalogue as it lies in the repository."""
    if not PO.exists():
        return Catalog(locale="nl", domain="messages")
    with PO.open("rb") as file:
        return read_po(file, locale="nl", domain="messages")


def brought_in_step() -> Catalog:
    """Return the stored catalogue with exactly the texts of the sources."""
    catalogue = stored()
    catalogue.update(extracted(), no_fuzzy_matching=True)
    catalogue.obsolete.clear()
    catalogue.project, catalogue.version = "stipt", "1"
    catalogue.creation_date = catalogue.revision_date = _WRITTEN
    catalogue.header_comment = "# Dutch texts of the pages; see integration/translations."
    catalogue.last_translator = catalogue.language_team = catalogue.msgid_bugs_address = "Stipt"
    catalogue.fuzzy = False
    return catalogue


def missing(catalogue: Catalog) -> list[str]:
    """Return the texts without Dutch, in every number."""
    return [
        str(message.id)
        for message in catalogue
        if message.id
        and not all(message.string if isinstance(message.string, tuple) else [message.string])
    ]


def text_of(catalogue: Catalog) -> bytes:
    """Return the catalogue as a .po file."""
    out = io.BytesIO()
    write_po(out, catalogue, sort_output=True, omit_header=False, include_lineno=False, width=100)
    return out.getvalue()


def compiled(catalogue: Catalog) -> bytes:
    """Return the catalogue as a .mo file."""
    out = io.BytesIO()
    write_mo(out, catalogue)
    return out.getvalue()


def main() -> int:
    """Write both files; 1 when a text has no Dutch yet."""
    catalogue = brought_in_step()
    PO.parent.mkdir(parents=True, exist_ok=True)
    PO.write_bytes(text_of(catalogue))
    MO.write_bytes(compiled(catalogue))
    without = missing(catalogue)
    for text in without:
        sys.stderr.write(f"no Dutch for: {text}\n")
    return 1 if without else 0


if __name__ == "__main__":
    sys.exit(main())
