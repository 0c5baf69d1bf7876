"""What the page and the command about flows show: kinds with a preview, recipes with real names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, col, func, select

from integration.audience.difference import FIELD, LIST, TAG
from integration.audience.names import FIELD_BY_KEY, label, tag_names
from integration.audience.wanted import need_names
from integration.flows.choose import choose, people
from integration.flows.kinds import KIND_BY_KEY, KINDS
from integration.flows.live import looks
from integration.flows.recipes import NOT_FOR, RECIPES, Recipe, starts
from integration.flows.switches import WORK, switches
from integration.tables import Audience, EventSwitch, FlowLook, OwnedName, ToldEvent, Work

#: Names of tags shown with one recipe.
_TAGS = 6


@dataclass(frozen=True, kw_only=True)
class KindView:
    """One kind of event as it stands."""

    key: str
    event: str
    switch: EventSwitch
    #: People who would get one now, and why others in the same state would not.
    people: int
    left_out: Mapping[str, int]
    #: The next run only marks: no flow starts.
    marks: bool
    waits: bool
    #: Told so far: started flows, marked, refused, of unknown fate.
    told: int
    marked: int
    failed: int
    unknown: int


@dataclass(frozen=True, kw_only=True)
class TagName:
    """A tag as it is called in the audience, or will be."""

    name: str
    is_there: bool


@dataclass(frozen=True, kw_only=True)
class RecipeView:
    """One recipe with the audience's own names."""

    recipe: Recipe
    #: "" for recipes that start by a tag.
    event: str
    tags: Sequence[TagName]
    not_for: Sequence[TagName]
    #: Merge tag and label of the field it can start by; None where it has none.
    date: tuple[str, str] | None
    look: FlowLook
    #: Its event is switched on; True for tags, which publishing gives.
    is_told: bool


def kinds(session: Session, audience: Audience, now: datetime) -> list[KindView]:
    """Return every kind with what a run would do now; nothing is written."""
    everybody = people(session, audience)
    told = _told(session, audience)
    found = []
    for key, switch in switches(session, audience).items():
        made = choose(session, audience, switch, everybody, now)
        counts = told.get(key, {})
        found.append(
            KindView(
                key=key,
                event=KIND_BY_KEY[key].event,
                switch=switch,
                people=len({recipient.person_id for recipient, _ in made.told}),
                left_out=dict(made.left_out),
                marks=made.marks,
                waits=made.waits,
                told=counts.get(("done", False), 0),
                marked=counts.get(("done", True), 0),
                failed=sum(n for (status, _), n in counts.items() if status == "failed"),
                unknown=sum(n for (status, _), n in counts.items() if status == "sent"),
            )
        )
    return found


def _told(session: Session, audience: Audience) -> dict[str, dict[tuple[str, bool], int]]:
    query = (
        select(ToldEvent.kind, ToldEvent.status, ToldEvent.is_syncing, func.count())
        .where(ToldEvent.audience_id == audience.id)
        .group_by(col(ToldEvent.kind), col(ToldEvent.status), col(ToldEvent.is_syncing))
    )
    found: dict[str, dict[tuple[str, bool], int]] = {kind.key: {} for kind in KINDS}
    for kind, status, is_syncing, number in session.exec(query):
        found.setdefault(kind, {})[status, is_syncing] = number
    return found


def recipes(session: Session, audience: Audience) -> list[RecipeView]:
    """Return every recipe with the names of tags and events in this audience and language."""
    owned = _owned(session, audience, TAG, LIST)
    fields = _owned(session, audience, FIELD)
    stored = switches(session, audience)
    seen = looks(session, audience)
    return [
        RecipeView(
            recipe=recipe,
            event=KIND_BY_KEY[recipe.kind].event if recipe.kind else "",
            tags=_tags(session, audience, recipe, owned),
            not_for=[
                TagName(
                    name=owned.get(key) or names[audience.language == "nl"], is_there=key in owned
                )
                for key, names in NOT_FOR.items()
            ],
            date=_date(audience, recipe, fields),
            look=seen[recipe.key],
            is_told=not recipe.kind or stored[recipe.kind].is_on,
        )
        for recipe in RECIPES
    ]


def _owned(session: Session, audience: Audience, *kinds: str) -> dict[str, str]:
    query = select(OwnedName.key, OwnedName.name).where(
        OwnedName.audience_id == audience.id, col(OwnedName.kind).in_(kinds)
    )
    return dict(session.exec(query.order_by(col(OwnedName.key))).all())


def _date(audience: Audience, recipe: Recipe, fields: Mapping[str, str]) -> tuple[str, str] | None:
    if not recipe.date:
        return None
    merge_tag = fields.get(recipe.date, recipe.date)
    return merge_tag, label(FIELD_BY_KEY[recipe.date], merge_tag, audience.language)


def _tags(
    session: Session, audience: Audience, recipe: Recipe, owned: Mapping[str, str]
) -> list[TagName]:
    there = [
        TagName(name=name, is_there=True) for key, name in owned.items() if starts(recipe, key)
    ]
    if there or not recipe.tags:
        return there[:_TAGS]
    needs = need_names(session)
    keys = [f"due:{need}:now" for need in needs] + [
        "stage:second-order-due",
        "stage:at-risk",
        "shops:menswear",
        "shops:womenswear",
    ]
    names = tag_names([key for key in keys if starts(recipe, key)], audience.language, needs, {})
    return [TagName(name=name, is_there=False) for name in list(names.values())[:_TAGS]]


def current_work(session: Session) -> Work | None:
    """Return a run on its way, or due; one that comes back later is none."""
    busy = select(Work).where(Work.kind == WORK, col(Work.status).in_(("queued", "running")))
    for work in session.exec(busy.order_by(col(Work.id).desc())):
        if work.status == "running" or work.run_at.year < 2000:  # at once: see `queue.AT_ONCE`
            return work
    return None
