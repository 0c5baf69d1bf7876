"""Who may be added to the audience: people whose opt-in is recorded, and whom nobody took out.

Only with the merchant's choice, and only on a statement about the very address, with its source and
moment. A permission does not move from one address of a person to another, and whoever has any
address in the audience, in whatever state, is there already or was taken out: he is left alone.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlmodel import Session, col, select

from connectors.records import ConsentState
from integration import consent
from integration.audience import languages, names
from integration.audience.difference import CONTACT
from integration.audience.settled import WITHDRAWN
from integration.audience.wanted import people_by_address
from integration.mailchimp.answers import FieldInfo
from integration.privacy.erased import erased_among
from integration.store.common import parts
from integration.tables import Audience, Consent, Member, Plan, PlanChange, SourceProfile

_OPT_INS = (ConsentState.CONFIRMED.value, ConsentState.CONSENTED.value)
#: Merge tags of every audience that hold a name, and the column that fills them.
_NAMES = {"FNAME": "first_name", "LNAME": "last_name"}
_LONG_AGO = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Newcomer:
    """Somebody who may be added, and the statement it rests on."""

    email_key: str
    person_id: int
    #: "subscribed", or "pending" where he still has to confirm.
    status: str
    state: str
    source: str
    at: datetime
    evidence: str | None
    merge_fields: Mapping[str, str]
    language: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Apart:
    """Somebody with an opt-in who is not added."""

    #: "no_proof", "several_people", "taken_out", "address_changed", "withdrawn", "refused" or
    #: "erased".
    reason: str
    person_id: int
    #: The address that the opt-in is about, "" without one.
    email_key: str
    #: The address that stands in the way, and its status in the audience.
    there: str = ""
    status: str = ""
    #: Of the newest opt-in.
    at: datetime | None = None


@dataclass(kw_only=True)
class Newcomers:
    """Who may be added, and who with an opt-in may not."""

    found: list[Newcomer] = field(default_factory=list)
    apart: list[Apart] = field(default_factory=list)

    @property
    def left_out(self) -> dict[str, int]:
        """Reason -> people."""
        return dict(Counter(one.reason for one in self.apart))

    @property
    def people(self) -> dict[str, int]:
        """Address -> person."""
        return {one.email_key: one.person_id for one in self.found}


def newcomers(session: Session, audience: Audience, there: Collection[FieldInfo] = ()) -> Newcomers:
    """Return who may be added.

    Parameters
    ----------
    there
        The audience's fields: names are given where it has those that every audience starts with.
    """
    result = Newcomers()
    known = _Known(session, audience)
    chosen: dict[int, Consent] = {}
    for person_id, rows in _said(session, _outside(session, known)).items():
        best = _proof(rows, known.addresses[person_id])
        apart = known.why_not(person_id, best)
        if apart is not None:
            result.apart.append(apart)
        elif best is not None:
            chosen[person_id] = best
    erased = erased_among(session, {row.email_key or "" for row in chosen.values()})
    gone = [person_id for person_id, row in chosen.items() if row.email_key in erased]
    for person_id in gone:
        del chosen[person_id]
        result.apart.append(Apart(reason="erased", person_id=person_id, email_key=""))
    result.found = _described(session, audience, chosen, there)
    return result


def _outside(session: Session, known: _Known) -> list[int]:
    """Who opted in and has no address in use in the audience."""
    states = consent.states(session)
    opted_in = (person_id for person_id, state in states.items() if state.value in _OPT_INS)
    return [person_id for person_id in opted_in if not known.is_member(person_id)]


def _said(session: Session, person_ids: Collection[int]) -> dict[int, list[Consent]]:
    said: dict[int, list[Consent]] = defaultdict(list)
    for person_id, row in consent.ledger(session, person_ids):
        said[person_id].append(row)
    return said


def _proof(rows: Iterable[Consent], addresses: Collection[str]) -> Consent | None:
    """The newest opt-in that names an address of the person, where and when it was given.

    A confirmed one goes before one that waits for its confirmation.
    """
    said = list(rows)
    denied = [_moment(row) for row in said if row.state == ConsentState.DENIED.value]
    last = max(denied, default=_LONG_AGO)
    proofs = [
        row
        for row in said
        if row.state in _OPT_INS
        and row.email_key in addresses
        and _moment(row) > last
        and row.source.strip()
    ]
    return max(proofs, key=_weight, default=None)


def _moment(row: Consent) -> datetime:
    """Before everything where nobody knows: such an opt-in is none, such a denial is final."""
    return consent.moment(row.at, row.received_at) or _LONG_AGO


def _weight(row: Consent) -> tuple[bool, datetime, int]:
    return row.state == ConsentState.CONFIRMED.value, row.at or _LONG_AGO, row.id or 0


class _Known:
    """What is known of people's addresses, and of what became of them in the audience."""

    def __init__(self, session: Session, audience: Audience) -> None:
        self._people = people_by_address(session)
        self.addresses: dict[int, set[str]] = defaultdict(set)
        for email_key, people in self._people.items():
            for person_id in people:
                self.addresses[person_id].add(email_key)
        query = select(Member.email_key, Member.status).where(Member.audience_id == audience.id)
        self._status = dict(session.exec(query).all())
        self._former = _former(session)
        self._denials = _denials(session)
        self._refused = _refused(session, audience)

    def is_member(self, person_id: int) -> bool:
        """Whether one of the person's addresses is in use in the audience."""
        statuses = {self._status.get(key) for key in self.addresses[person_id]}
        return bool(statuses & {"subscribed", "pending", "transactional"})

    def why_not(self, person_id: int, proof: Consent | None) -> Apart | None:
        """Why somebody with an opt-in is not added; None when he may be."""
        ways = (("taken_out", self.addresses[person_id]),
                ("address_changed", self._former.get(person_id, set())))  # fmt: skip
        for reason, addresses in ways:
            there = next((key for key in sorted(addresses) if key in self._status), "")
            if there:
                return self._apart(reason, person_id, proof, there)
        if proof is None or proof.email_key is None:
            return self._apart("no_proof", person_id, proof)
        withdrawn = self._withdrawn_before(person_id, proof)
        if withdrawn:
            return self._apart("withdrawn", person_id, proof, withdrawn)
        if len(self._people[proof.email_key]) > 1:
            return self._apart("several_people", person_id, proof)
        if proof.email_key in self._refused:
            return self._apart("refused", person_id, proof)
        return None

    def _withdrawn_before(self, person_id: int, proof: Consent) -> str:
        """An address the person once had and withdrew on, "" where the opt-in is newer than that.

        The address leads to nobody any more, so the ledger of the person does not hold it.
        """
        for email_key in sorted(self._former.get(person_id, set()) & self._denials.keys()):
            said = [*self._denials[email_key], proof]
            if consent.fold(map(consent.statement, said)) is ConsentState.DENIED:
                return email_key
        return ""

    def _apart(self, reason: str, person_id: int, proof: Consent | None, there: str = "") -> Apart:
        return Apart(
            reason=reason,
            person_id=person_id,
            email_key=(proof.email_key if proof else "") or "",
            there=there,
            status=self._status.get(there, ""),
            at=proof.at if proof else None,
        )


def _former(session: Session) -> dict[int, set[str]]:
    """Person -> addresses he had when we wrote to them or when he spoke: he may have left there."""
    former: dict[int, set[str]] = defaultdict(set)
    written = (
        select(PlanChange.person_id, PlanChange.email_key)
        .where(col(PlanChange.person_id).is_not(None))
        .distinct()
    )
    spoken = (
        select(SourceProfile.person_id, Consent.email_key)
        .join(SourceProfile, col(SourceProfile.id) == col(Consent.profile_id))
        .where(col(Consent.email_key).is_not(None))
        .distinct()
    )
    for query in (written, spoken):
        for person_id, email_key in session.exec(query):
            if person_id is not None and email_key is not None:
                former[person_id].add(email_key)
    return former


def _denials(session: Session) -> dict[str, list[Consent]]:
    """Address -> withdrawals that name it, whoever has it now."""
    query = select(Consent).where(
        Consent.channel == "email",
        Consent.state == ConsentState.DENIED.value,
        col(Consent.email_key).is_not(None),
    )
    denials: dict[str, list[Consent]] = defaultdict(list)
    for row in session.exec(query):
        denials[row.email_key or ""].append(row)
    return denials


def _refused(session: Session, audience: Audience) -> set[str]:
    """Addresses that Mailchimp did not take: they are not tried again."""
    query = (
        select(PlanChange.email_key)
        .join(Plan, col(Plan.id) == col(PlanChange.plan_id))
        .where(
            Plan.audience_id == audience.id,
            Plan.kind == "push",
            PlanChange.kind == CONTACT,
            PlanChange.status == "failed",
            col(PlanChange.error) != WITHDRAWN,
        )
    )
    return set(session.exec(query))


def _described(
    session: Session,
    audience: Audience,
    chosen: Mapping[int, Consent],
    there: Collection[FieldInfo],
) -> list[Newcomer]:
    profiles = _profiles(session, chosen)
    spoken = languages.of_people(session, chosen)
    merge_tags = [f.tag for f in there if f.tag in _NAMES and f.type == "text"]
    found = []
    for person_id, row in chosen.items():
        assert row.email_key is not None
        assert row.at is not None
        profile = profiles.get((person_id, row.email_key), {})
        confirmed = row.state == ConsentState.CONFIRMED.value
        found.append(
            Newcomer(
                email_key=row.email_key,
                person_id=person_id,
                status="subscribed" if confirmed and not audience.double_optin else "pending",
                state=row.state,
                source=row.source,
                at=row.at,
                evidence=row.evidence,
                merge_fields={
                    tag: names.value(profile[_NAMES[tag]])
                    for tag in merge_tags
                    if profile.get(_NAMES[tag])
                },
                language=spoken.get(person_id, ""),
            )
        )
    return sorted(found, key=lambda one: one.email_key)


def _profiles(
    session: Session, chosen: Mapping[int, Consent]
) -> dict[tuple[int, str], dict[str, Any]]:
    """(Person, address) -> names, of the profile changed last with that address."""
    found: dict[tuple[int, str], dict[str, Any]] = {}
    for part in parts(sorted(chosen)):
        query = (
            select(SourceProfile)
            .where(col(SourceProfile.person_id).in_(part), col(SourceProfile.email).is_not(None))
            .order_by(col(SourceProfile.source_updated_at), col(SourceProfile.id))
        )
        for row in session.exec(query):
            key = row.person_id, (row.email or "").strip().lower()
            found[key] = {name: getattr(row, name) for name in _NAMES.values()}
    return found
