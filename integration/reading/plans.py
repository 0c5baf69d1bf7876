"""Plans: what a push will change, what one did, and what can still be taken back."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlmodel import Session, col, select

from integration.audience.names import FIELD_BY_KEY, LANGUAGE
from integration.reading.names import Words
from integration.reading.segments import Who, who
from integration.tables import Audience, Plan, PlanChange, Work

_ERRORS, _PLANS = 100, 20
KINDS = ("plan", "push", "undo", "keep_in_step", "take_out")


@dataclass(frozen=True)
class Line:
    """What happens to one tag or field."""

    kind: str
    key: str
    name: str
    #: Members who get it, and who lose it.
    put: int
    taken: int
    examples: Sequence[Who]
    #: Far more people than usual get this tag at once: see `audience.floods`.
    is_flood: bool = False


def audience(session: Session) -> Audience | None:
    """Return the connected audience."""
    connected = select(Audience).where(col(Audience.disconnected_at).is_(None))
    return session.exec(connected.order_by(col(Audience.id).desc()).limit(1)).first()


def plans(session: Session) -> list[Plan]:
    """Return the latest plans, newest first."""
    return list(session.exec(select(Plan).order_by(col(Plan.id).desc()).limit(_PLANS)))


def was_published(session: Session) -> bool:
    """Whether something was published to the connected audience."""
    known = audience(session)
    if known is None:
        return False
    published = select(Plan.id).where(Plan.audience_id == known.id, Plan.status == "published")
    return session.exec(published.limit(1)).first() is not None


def is_empty(plan: Plan) -> bool:
    """Whether a plan changes nothing: for nobody, and no name of ours."""
    return not plan.summary.get("members", 0) and not plan.summary.get("names")


def lines(session: Session, words: Words, plan: Plan) -> list[Line]:
    """Return what a plan does, a line for each tag and then each field."""
    tags, fields = plan.summary.get("tags", []), plan.summary.get("fields", [])
    shown = who(session, {person_id for tag in tags for person_id in tag["examples"]})
    place = {key: number for number, key in enumerate(words.catalogue())}
    tags = sorted(tags, key=lambda tag: place.get(tag["key"], len(place)))
    many = plan.summary.get("floods", []) if plan.kind == "push" else []
    return [
        Line("tag", tag["key"], tag["name"], tag["add"], tag["remove"],
             [shown[person_id] for person_id in tag["examples"]], tag["key"] in many)
        for tag in tags
    ] + [
        Line("field", field["key"], _field(words, field["key"], field["name"]), field["set"],
             field["clear"], [])
        for field in fields
    ]  # fmt: skip


def name(words: Words, change: PlanChange) -> str:
    """Return what a change's tag or field is called for people."""
    if change.kind == "contact":
        return "Contact toevoegen" if words.language == "nl" else "Add the contact"
    if change.kind == "field":
        return _field(words, change.key, change.key)
    segment = words.segment(change.key)
    return segment.name(words.language) if segment else change.key


def _field(words: Words, key: str, merge_tag: str) -> str:
    if key == LANGUAGE:
        return "Taal van het contact" if words.language == "nl" else "Language of the contact"
    known = FIELD_BY_KEY.get(key)
    return f"{known.label(words.language)} ({merge_tag})" if known else merge_tag


def failed(session: Session, plan_id: int) -> list[PlanChange]:
    """Return the rows that Mailchimp refused, with its answer."""
    refused = select(PlanChange).where(PlanChange.plan_id == plan_id, PlanChange.status == "failed")
    return list(session.exec(refused.order_by(col(PlanChange.id)).limit(_ERRORS)))


def current_work(session: Session) -> Work | None:
    """Return planning or pushing that is under way, waits its turn or rests."""
    busy = select(Work).where(
        col(Work.kind).in_(KINDS), col(Work.status).in_(("queued", "running", "resting"))
    )
    return session.exec(busy.order_by(col(Work.id)).limit(1)).first()


def stuck_work(session: Session, kinds: Collection[str] = KINDS) -> Work | None:
    """Return the newest work of some kinds, planning and pushing, if it was given up."""
    latest = select(Work).where(col(Work.kind).in_(kinds)).order_by(col(Work.id).desc()).limit(1)
    work = session.exec(latest).first()
    return work if work is not None and work.status == "dead" else None
