"""What a segment is called in a mail: by name, and by the things it is about."""

from __future__ import annotations

from sqlmodel import Session

from integration.audience import names
from integration.reading.names import need_names, shop_segments
from segmentation.duedates.needs import name_of


def segment_name(session: Session, segment: str, language: str) -> str:
    """Return a segment's name; the key of one that there is no more."""
    needs = need_names(session)
    own = shop_segments(session, needs)
    return names.tag_names([segment], language, needs, own).get(segment, segment)


def things(session: Session, segment: str, language: str) -> str:
    """Return the plural of what a segment is about, "" for one about no thing."""
    group, _, rest = segment.partition(":")
    need = rest.partition(":")[0]
    if group not in ("due", "loves", "next", "interest") or need in ("", "anything"):
        return ""
    return (need_names(session).get(need) or name_of(need)).plural(language)
