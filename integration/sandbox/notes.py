"""Notes that people write about a member: the last ten can be read."""

from __future__ import annotations

from integration.sandbox import members
from integration.sandbox.call import Answer, Call, check
from integration.sandbox.shape import Document, page
from integration.sandbox.state import subscriber_hash

#: Documented: "the last 10 notes for a specific list member".
SHOWN = 10


def get_notes(call: Call, list_id: str, who: str) -> Answer:
    """GET: the last notes, newest first."""
    member = members.present(call.state.audience(list_id), who)
    numbered = list(enumerate(member.notes, 1))[::-1][:SHOWN]
    around = {"list_id": list_id, "email_id": subscriber_hash(member.email)}
    return 200, page("notes", numbered, call.query, lambda one: _document(*one, around), **around)


def post_note(call: Call, list_id: str, who: str) -> Answer:
    """POST: one more note."""
    member, body = members.present(call.state.audience(list_id), who), call.object()
    check(body, {"note": "text"}, required=("note",))
    member.notes.append((call.state.clock.text(), body["note"]))
    around = {"list_id": list_id, "email_id": subscriber_hash(member.email)}
    return 200, _document(len(member.notes), member.notes[-1], around)


def _document(number: int, note: tuple[str, str], around: Document) -> Document:
    at, text = note
    return {
        "id": number,
        "created_at": at,
        "updated_at": at,
        "created_by": "",
        "note": text,
    } | around
