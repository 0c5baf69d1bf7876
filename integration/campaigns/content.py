"""What a mail of ours says, as HTML for Mailchimp and as one person reads it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from html import escape
from typing import Any
from urllib.parse import urlsplit

from integration.campaigns.proposals import proposal
from integration.merge_tags import fill

#: Most characters of each part.
LONGEST: Mapping[str, int] = {
    "subject": 300,
    "preview": 300,
    "heading": 200,
    "text": 5000,
    "button": 60,
    "url": 500,
}
_UNSUBSCRIBE = {"en": "Unsubscribe", "nl": "Afmelden"}
_BUTTON = (
    "display:inline-block;padding:12px 20px;background:#0b5d57;color:#ffffff;"
    "text-decoration:none;border-radius:4px"
)


class BadContent(ValueError):
    """A part is missing, too long or no address; the text names it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Content:
    """The parts of a mail that the merchant can change; texts may hold merge tags."""

    subject: str
    preview: str
    heading: str
    #: Paragraphs, with an empty line between.
    text: str
    button: str = ""
    #: Where the button leads; without one there is no button.
    url: str = ""

    def checked(self) -> Content:
        """Return this content; raises `BadContent` where it cannot be sent."""
        for name, longest in LONGEST.items():
            if len(getattr(self, name)) > longest:
                raise BadContent(f"{name} is longer than {longest} characters")
        for name in ("subject", "text"):
            if not getattr(self, name).strip():
                raise BadContent(f"{name} is empty")
        if self.url and not _is_web_address(self.url):
            raise BadContent("url is not a web address (https://...)")
        return self


def _is_web_address(text: str) -> bool:
    parts = urlsplit(text)
    return parts.scheme in ("http", "https") and bool(parts.hostname) and '"' not in text


def proposed(segment: str, language: str, things: str, url: str = "") -> Content:
    """Return the content proposed for a segment."""
    return Content(**proposal(segment, language, things)._asdict(), url=url)


def stored(document: Mapping[str, Any]) -> Content:
    """Read a content back from a row."""
    return Content(**{name: str(document.get(name, "")) for name in LONGEST})


def as_document(content: Content) -> dict[str, str]:
    """Return a content as a row keeps it."""
    return {name: str(value) for name, value in asdict(content).items()}


def fingerprint(document: Mapping[str, Any], template: object = None) -> str:
    """Return what tells one content from another: a test of an older one counts no more."""
    text = json.dumps([dict(document), template], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def renamed(content: Content, merge_tags: Mapping[str, str], there: Collection[str]) -> Content:
    """Return a content with the merge tags that the audience really has.

    Parameters
    ----------
    merge_tags
        Key of a field of ours to what it is called there (DUEWHAT may be ST_DUEWHAT).
    there
        Merge tags of the audience; blocks about others say what they say without.

    Examples
    --------
    >>> one = Content(subject="*|IF:DUEWHAT|**|DUEWHAT|**|ELSE:|*Hi*|END:IF|*", preview="",
    ...               heading="", text="x")
    >>> renamed(one, {"DUEWHAT": "ST_DUEWHAT"}, {"ST_DUEWHAT"}).subject
    '*|IF:ST_DUEWHAT|**|ST_DUEWHAT|**|ELSE:|*Hi*|END:IF|*'
    """

    def text(value: str) -> str:
        for key, name in merge_tags.items():
            if name in there:
                value = value.replace(f"|{key}|", f"|{name}|").replace(f"IF:{key}|", f"IF:{name}|")
        return value

    return Content(**{name: text(value) for name, value in as_document(content).items()})


def html(content: Content, language: str) -> str:
    """Return a mail as HTML, merge tags included; no scripts, no pictures, no tracking of ours."""
    paragraphs = "".join(
        f'<p style="margin:0 0 16px">{"<br>".join(escape(line) for line in part.splitlines())}</p>'
        for part in content.text.split("\n\n")
        if part.strip()
    )
    heading = (
        f'<h1 style="font-size:24px;margin:0 0 16px">{escape(content.heading)}</h1>'
        if content.heading
        else ""
    )
    button = (
        f'<p style="margin:24px 0"><a href="{escape(content.url)}" style="{_BUTTON}">'
        f"{escape(content.button or content.url)}</a></p>"
        if content.url
        else ""
    )
    return (
        f'<!doctype html><html lang="{language}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(content.subject)}</title></head>"
        '<body style="margin:0;background:#f4f4f2;color:#1d1d1b;font-family:Arial,sans-serif;'
        'font-size:16px;line-height:1.5">'
        '<table role="presentation" width="100%" cellpadding="0" cellspacing="0"><tr>'
        '<td align="center" style="padding:24px 12px"><table role="presentation" '
        'cellpadding="0" cellspacing="0" style="max-width:600px;width:100%;background:#ffffff">'
        f'<tr><td style="padding:32px">{heading}{paragraphs}{button}</td></tr></table>'
        '<p style="font-size:12px;color:#5b5b57">*|LIST:COMPANY|* · '
        f'<a href="*|UNSUB|*" style="color:#5b5b57">{_UNSUBSCRIBE[language]}</a></p>'
        "</td></tr></table></body></html>"
    )


def seen_by(text: str, values: Mapping[str, str], shop: str, *, is_html: bool = True) -> str:
    """Return a text as a person with these field values reads it."""
    return fill(text, {"LIST:COMPANY": shop, "UNSUB": "#", **values}, is_html=is_html)
