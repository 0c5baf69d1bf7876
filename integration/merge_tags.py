"""Mailchimp's merge tags in a text, filled for one reader; shown in previews only.

Source: Mailchimp help, "Use conditional merge tag blocks" and "All the merge tags cheat sheet".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from html import escape

#: The innermost block first, so that blocks may stand in blocks.
_BLOCK = re.compile(
    r"\*\|IF:(?P<test>[^|]*)\|\*(?P<body>(?:(?!\*\|IF:).)*?)\*\|END:IF\|\*", re.DOTALL
)
_BRANCH = re.compile(r"\*\|(?:ELSEIF:(?P<test>[^|]*)|ELSE:)\|\*")
_TAG = re.compile(r"\*\|([A-Z0-9_:]+)\|\*")
_TEST = re.compile(r"\s*(\w+)\s*(?:(=|!=)\s*(.*?)\s*)?")


def fill(text: str, values: Mapping[str, str], *, is_html: bool = True) -> str:
    """Return `text` as a reader with these values sees it; unknown tags become nothing.

    Examples
    --------
    >>> mail = "*|IF:DUEWHAT|*Time for *|DUEWHAT|*?*|ELSE:|*Hello!*|END:IF|*"
    >>> fill(mail, {"DUEWHAT": "a suit"}), fill(mail, {})
    ('Time for a suit?', 'Hello!')
    >>> fill("Dear *|FNAME|*", {"FNAME": "<b>"})
    'Dear &lt;b&gt;'
    >>> fill("*|IF:A=x|*1*|ELSEIF:A=y|*2*|END:IF|*", {"A": "y"})
    '2'
    """
    last = None
    while last != text:
        last = text
        text = _BLOCK.sub(lambda found: _chosen(found, values), text)

    def value(found: re.Match[str]) -> str:
        held = values.get(found.group(1), "")
        return escape(held) if is_html else held

    return _TAG.sub(value, text)


def _chosen(block: re.Match[str], values: Mapping[str, str]) -> str:
    """The branch of a block whose test comes out true; "" when none does."""
    test: str | None = block["test"]
    start, body = 0, block["body"]
    for branch in _BRANCH.finditer(body):
        if test is None or _holds(test, values):
            return body[start : branch.start()]
        test, start = branch["test"], branch.end()
    return body[start:] if test is None or _holds(test, values) else ""


def _holds(test: str, values: Mapping[str, str]) -> bool:
    found = _TEST.fullmatch(test)
    if found is None:
        return False
    held = values.get(found[1], "")
    if found[2] is None:
        return held != ""
    return (held == found[3]) is (found[2] == "=")


def tags_of(text: str) -> set[str]:
    """Return the merge tags that a text mentions, those in tests of blocks too.

    Examples
    --------
    >>> sorted(tags_of("*|IF:DUEWHAT|**|FNAME|**|END:IF|*"))
    ['DUEWHAT', 'FNAME']
    """
    tests = re.findall(r"\*\|(?:ELSE)?IF:\s*(\w+)", text)
    named = [tag for tag in _TAG.findall(text) if ":" not in tag]
    return {*tests, *named}
