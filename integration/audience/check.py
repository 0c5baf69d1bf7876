"""Is the audience as we think it is? Counts, and a sample of people value by value.

What differs is put right in the mirror, so that the next plan writes again what is wanted: what
somebody changed in tags and fields of ours is overwritten then. A store that holds more or less
than we sent is brought in step by a run of its own, as the merchant switched that on. What is not
ours is never looked at.
"""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import timedelta
from typing import Any

from sqlmodel import Session, col, delete, func, or_, select

from integration.audience import keep
from integration.audience.checked import Difference, Result
from integration.audience.connect import current_audience, open_mailchimp
from integration.audience.difference import FIELD, TAG
from integration.audience.members import LIVE, read_members
from integration.audience.plan import unsure
from integration.context import Context
from integration.db import scoped, upsert
from integration.mailchimp import compare
from integration.mailchimp.client import Mailchimp
from integration.shopdata import stores as shop_stores
from integration.store.common import parts
from integration.tables import (
    Audience,
    AudienceCheck,
    Identity,
    Member,
    OwnedName,
    PushedValue,
    Shop,
    ShopRecord,
    ShopStore,
    SourceProfile,
)
from integration.work.queue import Job

#: People compared value by value in one night.
SAMPLE = 200
#: Results are kept so long.
KEPT = timedelta(days=90)
#: People named with a difference.
_EXAMPLES = 3
#: Statuses that tags are counted for; archived contacts are not.
_COUNTED = (*LIVE, "cleaned")

#: ("tag" or "field", key)
Name = tuple[str, str]
#: What the mirror should say instead: (address, kind, key) -> value, None for nothing.
Corrections = dict[tuple[str, str, str], str | None]


def check(context: Context, job: Job) -> None:
    """Compare, put the mirror right, and keep the result; what was wrong is written again.

    Raises
    ------
    MailchimpError
    """
    audience = current_audience(context, job.account_id)
    began = context.clock()
    found = _look(context, audience, job, repair=True)
    # What was put right looks right to who compares again: it is told, and written again, with it.
    with scoped(context.engine, job.account_id) as session:
        found.correct(session)
        result = found.result()
        assert audience.id is not None
        session.add(
            AudienceCheck(
                account_id=job.account_id,
                audience_id=audience.id,
                result=dict(result),
                began_at=began,
                finished_at=context.clock(),
            )
        )
        session.exec(delete(AudienceCheck).where(col(AudienceCheck.began_at) < began - KEPT))
        if result["differences"]:
            keep.start(session)
        session.flush()
        job.end(session)


def compared(
    context: Context, audience: Audience, *, job: Job | None = None, repair: bool = True
) -> Result:
    """Compare an audience with what we hold of it; with `repair` the mirror is put right.

    Parameters
    ----------
    job
        Is told how far we are; who lost it to another worker puts nothing right.

    Raises
    ------
    MailchimpError, LeaseLost
    """
    found = _look(context, audience, job, repair=repair)
    if repair:
        with scoped(context.engine, audience.account_id) as session:
            found.correct(session)
            if job is not None:
                job.extend(session)
    return found.result()


def _look(context: Context, audience: Audience, job: Job | None, *, repair: bool) -> _Check:
    beat = job.report if job is not None else (lambda _share: None)
    mailchimp = open_mailchimp(context, audience, listens=True)
    if repair:
        read_members(context, audience, lease=job)
    found = _Check(context, audience, mailchimp, job)
    beat(0.1)
    found.count_members(repair=repair)
    beat(0.2)
    found.count_names()
    found.count_stores()
    found.compare_sample(beat)
    if found.fields_differ:
        found.compare_everybody()
    return found


class _Check:
    """One comparison on its way."""

    def __init__(
        self, context: Context, audience: Audience, mailchimp: Mailchimp, job: Job | None
    ) -> None:
        assert audience.id is not None
        self._job = job
        self._context, self._audience, self._id = context, audience, audience.id
        self._mailchimp = mailchimp
        with self._session() as session:
            owned = session.exec(select(OwnedName).where(OwnedName.audience_id == self._id)).all()
            self._owned = {(o.kind, o.key): o for o in owned if o.remote_id is not None}
            self._members = self._statuses(session)
            #: What was sent and not answered: nobody knows, and the next plan writes it again.
            self._unsure = unsure(session, audience)
        self._sampled: list[str] = []
        self._differences: list[Difference] = []
        #: Stores of ours that do not hold what the mirror says.
        self._stores: list[int] = []
        self._corrections: Corrections = {}
        self._repaired = False

    def _session(self) -> Any:
        return scoped(self._context.engine, self._audience.account_id)

    def _statuses(self, session: Session) -> Counter[str]:
        query = (
            select(Member.status, func.count())
            .where(Member.audience_id == self._id)
            .group_by(col(Member.status))
        )
        return Counter(dict(session.exec(query).all()))

    @property
    def fields_differ(self) -> bool:
        """Whether some value of a field was not as we hold it."""
        return any(kind == FIELD for _, kind, _ in self._corrections)

    def count_members(self, *, repair: bool) -> None:
        """Compare members by status; where they differ everybody is read again."""
        there = compare.counts(self._mailchimp)
        wrong = [s for s, number in there.items() if number != self._members[s]]
        for status in wrong:
            self._differ("members", status, self._members[status], there[status])
        if wrong and repair:
            read_members(self._context, self._audience, whole=True, lease=self._job)
            self._repaired = True

    def count_names(self) -> None:
        """Compare which tags and fields of ours are there, and how many have each tag."""
        tags = {segment.id: segment for segment in self._mailchimp.segments()}
        fields = {field.id for field in self._mailchimp.fields()}
        here = self._tag_counts()
        for (kind, key), owned in sorted(self._owned.items()):
            if kind == FIELD and owned.remote_id not in fields:
                self._differ("field_missing", owned.name, 1, 0)
            elif kind == TAG and owned.remote_id not in tags:
                self._differ("tag_missing", owned.name, here[key], 0)
            elif kind == TAG and owned.remote_id is not None:
                there = tags[owned.remote_id].member_count
                if there != here[key]:
                    self._differ("tag", owned.name, here[key], there)
                    self._compare_tag(key, owned.remote_id)

    def count_stores(self) -> None:
        """Compare how much each store of ours holds; the shop's next run looks after the rest."""
        with self._session() as session:
            query = select(ShopStore).where(
                ShopStore.audience_id == self._id, ShopStore.is_on, ShopStore.status == "filled"
            )
            stores = [(store, *_held_of(session, store)) for store in session.exec(query).all()]
        for store, name, here, is_sure in stores:
            there = compare.store_counts(self._mailchimp, store.store_id)
            if there is None:
                self._differ("store_missing", name, sum(here.values()), 0)
                continue
            wrong = [kind for kind, number in there.items() if is_sure and number != here[kind]]
            for kind in wrong:
                self._differ(f"store_{kind}", name, here[kind], there[kind])
            if wrong:
                self._stores.append(store.id or 0)

    def _tag_counts(self) -> Counter[str]:
        query = (
            select(PushedValue.key, func.count())
            .join(
                Member,
                (col(Member.audience_id) == col(PushedValue.audience_id))
                & (col(Member.email_key) == col(PushedValue.email_key)),
            )
            .where(
                PushedValue.audience_id == self._id,
                PushedValue.kind == TAG,
                col(Member.status).in_(_COUNTED),
            )
            .group_by(col(PushedValue.key))
        )
        with self._session() as session:
            return Counter(dict(session.exec(query).all()))

    def _compare_tag(self, key: str, tag_id: int) -> None:
        """Compare who has a tag whose count is wrong."""
        there = compare.holders(self._mailchimp, tag_id)
        members = select(Member.email_key).where(
            Member.audience_id == self._id, col(Member.status).in_(_COUNTED)
        )
        query = select(PushedValue.email_key).where(
            PushedValue.audience_id == self._id, PushedValue.kind == TAG, PushedValue.key == key
        )
        with self._session() as session:
            known = set(session.exec(members))
            here = set(session.exec(query)) & known
        for email_key in (here ^ there) & known:
            self._correct(email_key, (TAG, key), "" if email_key in there else None)

    def compare_sample(self, beat: Any) -> None:
        """Compare some people, others every day, value by value."""
        query = select(Member.email_key).where(
            Member.audience_id == self._id, col(Member.status).in_(LIVE)
        )
        with self._session() as session:
            live = sorted(session.exec(query))
        seed = f"{self._context.clock().date()}:{self._id}"
        chosen = random.Random(seed)  # noqa: S311  # a sample, no secret
        self._sampled = chosen.sample(live, min(SAMPLE, len(live)))
        here = self._mirror(self._sampled)
        tags = {o.remote_id: key for (kind, key), o in self._owned.items() if kind == TAG}
        for number, email_key in enumerate(self._sampled):
            beat(0.3 + 0.6 * number / len(self._sampled))
            held = compare.held(self._mailchimp, email_key)
            if held is None:
                continue  # left meanwhile: the next pull knows
            there = {(TAG, tags[tag]): "" for tag in held.tags if tag in tags}
            self._compare(email_key, here[email_key], there | self._fields(held.values))

    def compare_everybody(self) -> None:
        """Compare the fields of all members: where the sample differs, others do too."""
        for page in parts(compare.everybodys_values(self._mailchimp)):
            here = self._mirror([email_key for email_key, _ in page])
            for email_key, values in page:
                mine = {n: v for n, v in here[email_key].items() if n[0] == FIELD}
                self._compare(email_key, mine, self._fields(values))

    def _fields(self, values: Mapping[str, str]) -> dict[Name, str]:
        ours = {o.name: key for (kind, key), o in self._owned.items() if kind == FIELD}
        return {(FIELD, ours[tag]): text for tag, text in values.items() if tag in ours}

    def _mirror(self, email_keys: Collection[str]) -> dict[str, dict[Name, str]]:
        found: dict[str, dict[Name, str]] = defaultdict(dict)
        with self._session() as session:
            for part in parts(email_keys):
                rows = session.exec(
                    select(PushedValue).where(
                        PushedValue.audience_id == self._id,
                        col(PushedValue.email_key).in_(part),
                    )
                )
                for row in rows:
                    found[row.email_key][row.kind, row.key] = row.value
        return found

    def _compare(self, email_key: str, here: Mapping[Name, str], there: Mapping[Name, str]) -> None:
        for name in here.keys() | there.keys():
            if name in self._owned and here.get(name) != there.get(name):
                self._correct(email_key, name, there.get(name))

    def _correct(self, email_key: str, name: Name, value: str | None) -> None:
        if name not in self._unsure.get(email_key, ()):
            self._corrections[email_key, *name] = value

    def _differ(self, what: str, name: str, here: int, there: int) -> None:
        self._differences.append(
            Difference(what=what, name=name, here=here, there=there, people=[])
        )

    def correct(self, session: Session) -> None:
        """Let the mirror say what is there; a store's run does so for the store."""
        self._repaired |= bool(self._stores or self._corrections)
        for store in self._stores:
            shop_stores.ask(session, shop_stores.PUSH, store)
        there = [
            {
                "audience_id": self._id,
                "email_key": email_key,
                "kind": kind,
                "key": key,
                "value": value,
            }
            for (email_key, kind, key), value in self._corrections.items()
            if value is not None
        ]
        upsert(session, PushedValue, there, key=("audience_id", "email_key", "kind", "key"))
        for name, emails in self._gone().items():
            for part in parts(emails):
                session.exec(
                    delete(PushedValue).where(
                        col(PushedValue.audience_id) == self._id,
                        col(PushedValue.kind) == name[0],
                        col(PushedValue.key) == name[1],
                        col(PushedValue.email_key).in_(part),
                    )
                )

    def _gone(self) -> dict[Name, list[str]]:
        gone: dict[Name, list[str]] = defaultdict(list)
        for (email_key, kind, key), value in self._corrections.items():
            if value is None:
                gone[kind, key].append(email_key)
        return gone

    def result(self) -> Result:
        """Return what was found, with a few of the people concerned."""
        concerned: dict[Name, list[str]] = defaultdict(list)
        for email_key, kind, key in self._corrections:
            concerned[kind, key].append(email_key)
        for name, emails in sorted(concerned.items()):
            self._add_people(name, emails)
        return Result(
            members={status: self._members[status] for status in sorted(self._members)},
            tags=sum(kind == TAG for kind, _ in self._owned),
            fields=sum(kind == FIELD for kind, _ in self._owned),
            sample=len(self._sampled),
            differences=self._differences,
            repaired=self._repaired,
            requests=self._mailchimp.requests,
        )

    def _add_people(self, name: Name, emails: Collection[str]) -> None:
        """Name a few people with a difference that was counted, or with one of their own."""
        label = self._owned[name].name
        known = [d for d in self._differences if d["what"] == "tag" and d["name"] == label]
        if not known:
            self._differ("values", label, 0, len(emails))
            known = self._differences[-1:]
        with self._session() as session:
            known[0]["people"] = _people(session, sorted(emails)[:_EXAMPLES])


def _held_of(session: Session, store: ShopStore) -> tuple[str, Counter[str], bool]:
    """Return a store's name, what its mirror holds by kind, and whether all answers came."""
    query = (
        select(ShopRecord.kind, func.count())
        .where(ShopRecord.shop_store_id == store.id, col(ShopRecord.there).not_in(("", "?")))
        .group_by(col(ShopRecord.kind))
    )
    unsure = select(ShopRecord.id).where(
        ShopRecord.shop_store_id == store.id,
        or_(ShopRecord.status == "sent", ShopRecord.there == "?"),
    )
    name = session.get_one(Shop, store.shop_id).name
    is_sure = session.exec(unsure.limit(1)).first() is None
    return name, Counter(dict(session.exec(query).all())), is_sure


def _people(session: Session, email_keys: Iterable[str]) -> list[int]:
    query = (
        select(SourceProfile.person_id)
        .join(Identity, col(Identity.profile_id) == col(SourceProfile.id))
        .where(Identity.kind == "email", col(Identity.value).in_(list(email_keys)))
        .distinct()
    )
    return sorted(session.exec(query))
