"""Templates `/templates`: classic ones, whose places to edit are marked with `mc:edit`."""

from __future__ import annotations

import html
import re
from html.parser import HTMLParser

from integration.sandbox.call import Answer, Call, check
from integration.sandbox.mailing import Template
from integration.sandbox.problems import not_found
from integration.sandbox.shape import Document, page
from integration.sandbox.state import SandboxState

_KINDS = {"name": "text", "html": "text", "folder_id": "text"}
#: Elements without an end tag.
_VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "wbr"}


def document(template: Template) -> Document:
    """A template as the API shows it."""
    return {
        "id": template.id,
        "type": "user",
        "name": template.name,
        "drag_and_drop": False,
        "responsive": False,
        "category": "",
        "date_created": template.created_at,
        "date_edited": template.edited_at,
        "created_by": "Stipt sandbox",
        "edited_by": "Stipt sandbox",
        "active": True,
        "folder_id": "",
        "thumbnail": "",
        "share_url": "",
        "content_type": "html",
    }


def find(state: SandboxState, template_id: str | int) -> Template:
    """A template by id; Problem 404 when there is none."""
    number = str(template_id)
    found = state.mail.templates.get(int(number)) if number.isdecimal() else None
    if found is None:
        raise not_found()
    return found


def get_all(call: Call) -> Answer:
    """GET: all, newest first."""
    rows = list(reversed(call.state.mail.templates.values()))
    return 200, page("templates", rows, call.query, document)


def get_one(call: Call, template_id: str) -> Answer:
    """GET: one."""
    return 200, document(find(call.state, template_id))


def post(call: Call) -> Answer:
    """POST: a new one."""
    body = call.object()
    check(body, _KINDS, required=("name", "html"))
    now = call.state.clock.text()
    number = call.state.next_id("template")
    made = Template(id=number, name=body["name"], html=body["html"], created_at=now, edited_at=now)
    call.state.mail.templates[number] = made
    return 200, document(made)


def patch(call: Call, template_id: str) -> Answer:
    """PATCH: name and HTML."""
    template, body = find(call.state, template_id), call.object()
    check(body, _KINDS)
    template.name = body.get("name", template.name)
    template.html = body.get("html", template.html)
    template.edited_at = call.state.clock.text()
    return 200, document(template)


def delete(call: Call, template_id: str) -> Answer:
    """DELETE: campaigns made from it keep their content."""
    del call.state.mail.templates[find(call.state, template_id).id]
    return 204, None


def default_content(call: Call, template_id: str) -> Answer:
    """GET: the places to edit with what stands there."""
    return 200, {"sections": sections(find(call.state, template_id).html)}


def sections(text: str) -> dict[str, str]:
    """What stands in each place to edit.

    >>> sections('<h1 mc:edit="head">Hi</h1><p>x</p>')
    {'head': 'Hi'}
    """
    return {name: text[start:end] for name, (start, end) in _Places.of(text).items()}


def filled(text: str, given: dict[str, str]) -> str:
    """The HTML with the places named filled anew; unknown names change nothing.

    >>> filled('<h1 mc:edit="head">Hi</h1><p>x</p>', {"head": "<b>Due</b>", "other": "y"})
    '<h1 mc:edit="head"><b>Due</b></h1><p>x</p>'
    """
    places = _Places.of(text)
    for name, (start, end) in sorted(places.items(), key=lambda row: -row[1][0]):
        if name in given:
            text = text[:start] + given[name] + text[end:]
    return text


def plain(text: str) -> str:
    """The words of an HTML mail.

    >>> plain("<style>p{}</style><p>Hello<br>Ada</p>")
    'Hello Ada'
    """
    bare = re.sub(r"(?is)<(style|script|title)\b.*?</\1>", " ", text)
    return " ".join(html.unescape(re.sub(r"(?s)<[^>]*>", " ", bare)).split())


class _Places(HTMLParser):
    """Finds where the content of each marked element begins and ends."""

    @classmethod
    def of(cls, text: str) -> dict[str, tuple[int, int]]:
        parser = cls()
        parser.lines = [0]
        for line in text.splitlines(keepends=True):
            parser.lines.append(parser.lines[-1] + len(line))
        parser.feed(text)
        return parser.found

    def __init__(self) -> None:
        super().__init__(convert_charrefs=False)
        self.lines: list[int] = []
        self.found: dict[str, tuple[int, int]] = {}
        #: Open elements: tag, name of the place or "", start of the content.
        self._open: list[tuple[str, str, int]] = []

    def _at(self) -> int:
        line, column = self.getpos()
        return self.lines[line - 1] + column

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element that is opened."""
        if tag not in _VOID:
            start = self._at() + len(self.get_starttag_text() or "")
            self._open.append((tag, dict(attrs).get("mc:edit") or "", start))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Pass over an element without content."""

    def handle_endtag(self, tag: str) -> None:
        """Close the innermost element of that name, and what was left open in it."""
        if not any(held[0] == tag for held in self._open):
            return
        while self._open:
            held, name, start = self._open.pop()
            if name:
                self.found[name] = (start, self._at())
            if held == tag:
                return
