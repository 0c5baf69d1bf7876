"""Every text of the pages exists in English and Dutch, and what is compiled is what is written."""

from __future__ import annotations

import re

from babel.messages.pofile import read_po

from integration.translations.__main__ import (
    MO,
    PO,
    brought_in_step,
    compiled,
    extracted,
    missing,
    stored,
)

_VALUES = re.compile(r"%\((\w+)\)s")


def test_every_text_has_dutch() -> None:
    catalogue = brought_in_step()
    assert len(catalogue) > 200
    assert missing(catalogue) == []


def test_the_catalogue_holds_exactly_the_texts_of_the_sources() -> None:
    keys = [
        {m.id if isinstance(m.id, str) else tuple(m.id) for m in catalogue if m.id}
        for catalogue in (extracted(), stored())
    ]
    assert keys[0] == keys[1], "run python -m integration.translations"


def test_the_compiled_catalogue_is_up_to_date() -> None:
    with PO.open("rb") as file:
        assert MO.read_bytes() == compiled(read_po(file, locale="nl", domain="messages"))


def test_dutch_texts_carry_the_same_values_as_the_english() -> None:
    for message in stored():
        if not message.id:
            continue
        english = {value for text in _each(message.id) for value in _VALUES.findall(text)}
        for text in _each(message.string or ""):
            # A singular may spell the number out: "one thing", "één ding".
            assert set(_VALUES.findall(text)) | {"num"} == english | {"num"}, message.id


def _each(texts: str | tuple[str, ...] | list[str]) -> list[str]:
    return [texts] if isinstance(texts, str) else list(texts)
