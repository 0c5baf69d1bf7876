"""The card of a shop's model: how each part did, what is offered, how much is missing for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col, func, select

from integration.fits import newest
from integration.history import Window, told
from integration.reading import theirs
from integration.reading.names import fitted
from integration.reading.theirs import Cross
from integration.tables import FittedModel, PersonProfile
from segmentation.duedates.coverage import WINDOW
from segmentation.fitted import AccountFit
from segmentation.gates import BASKET_ORDERS, GATES, Counts, Gate, Standing, missing
from segmentation.groups.tree import GroupTree
from segmentation.trade.alarms import RHYTHM_ORDERS

#: Fits whose verdicts are shown.
_SHOWN = 14


@dataclass(frozen=True, kw_only=True)
class Part:
    """One part of the fit that is live, and how the last candidate for it did."""

    #: A key of `trial.choose.TRIALS`.
    part: str
    #: The fit its numbers come from, and that fit's day.
    version: int
    learned_on: date
    #: See `segmentation.trial.verdicts.Verdict`.
    verdict: Mapping[str, Any]
    #: How much less the loss was than of telling everybody the same; None where it was not tried.
    better: float | None
    #: Figures of its own tests: see `_own_tests`.
    tests: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Offer:
    """One threshold and where the shop stands."""

    gate: Gate
    standing: Standing
    missing: float | None


@dataclass(frozen=True, kw_only=True)
class Card:
    """All of it."""

    version: int
    schema: int
    as_of: date
    computed_at: datetime
    #: See `integration.history`.
    known_of: Window | None
    counts: Counts
    #: What the cleaning step counted.
    counters: Mapping[str, int]
    parts: Sequence[Part]
    offers: Sequence[Offer]
    #: The newest first.
    history: Sequence[FittedModel]
    #: A shop's own scores beside ours; None where no shop told any.
    groups: Cross | None
    tiers: Cross | None

    def as_json(self, language: str) -> dict[str, Any]:
        """Return plain values."""
        return {
            "version": self.version,
            "schema": self.schema,
            "as_of": self.as_of.isoformat(),
            "computed_at": self.computed_at.isoformat(),
            "known_since": self.known_of.since.isoformat() if self.known_of else None,
            "unknown_why": self.known_of.why if self.known_of else None,
            "counts": asdict(self.counts),
            "counters": dict(self.counters),
            "models": [
                {**asdict(one), "learned_on": one.learned_on.isoformat()} for one in self.parts
            ],
            "thresholds": [
                {
                    "key": one.gate.key,
                    "what": one.gate.name(language),
                    "needed": one.gate.needed,
                    "unit": one.gate.unit,
                    **asdict(one.standing),
                    "missing": one.missing,
                    "evidence": one.gate.evidence(language),
                }
                for one in self.offers
            ],
            "their_groups": self.groups.as_json() if self.groups else None,
            "their_tiers": self.tiers.as_json() if self.tiers else None,
            "left_out_of_groups": self.groups.left_out if self.groups else None,
            "left_out_of_tiers": self.tiers.left_out if self.tiers else None,
            "history": [
                {
                    "version": row.id,
                    "as_of": row.as_of.isoformat(),
                    "computed_at": row.created_at.isoformat(),
                    **{part: verdict["outcome"] for part, verdict in row.verdicts.items()},
                }
                for row in self.history
            ],
        }


def card(session: Session) -> Card | None:
    """Return the card of the fit that is live; None before there is one that we can read."""
    row, fit = newest(session), fitted(session)
    if row is None or fit is None:
        return None
    counts = _counts(session)
    standings = [(gate, gate.look(fit, counts, row.verdicts)) for gate in GATES]
    rows = select(FittedModel).order_by(col(FittedModel.id).desc()).limit(_SHOWN)
    return Card(
        version=row.id or 0,
        schema=row.state["schema"],
        as_of=row.as_of,
        computed_at=row.created_at,
        known_of=told(session),
        counts=counts,
        counters=row.counters,
        parts=[_part(name, verdict, fit) for name, verdict in row.verdicts.items()],
        offers=[
            Offer(gate=gate, standing=standing, missing=missing(gate, standing))
            for gate, standing in standings
        ],
        history=session.exec(rows).all(),
        groups=theirs.groups(session),
        tiers=theirs.tiers(session),
    )


def rejected(session: Session) -> list[str]:
    """Return the parts of the newest fit that did not go live."""
    query = select(FittedModel.verdicts).order_by(col(FittedModel.id).desc()).limit(1)
    verdicts: Mapping[str, Any] = session.exec(query).first() or {}
    return [part for part, verdict in verdicts.items() if verdict["outcome"] == "rejected"]


def _part(name: str, verdict: Mapping[str, Any], fit: AccountFit) -> Part:
    base = verdict["base"]
    told = {key: value for key, value in verdict.items() if key not in ("version", "learned_on")}
    return Part(
        part=name,
        version=verdict["version"],
        learned_on=date.fromisoformat(verdict["learned_on"]),
        verdict=told,
        better=1 - verdict["loss"] / base if base else None,
        tests=_own_tests(name, fit),
    )


def _own_tests(name: str, fit: AccountFit) -> dict[str, Any]:
    """Return what the live numbers found on days that they had not seen when they were made.

    Of dates: repurchases the window was checked on, the share inside that is stated and that was
    found. Of value, as means over three earlier days: revenue of the top tenth, the same by
    spending of the last 90 days, told over actual revenue, the share inside the interval. Of
    groups: people who bought, the share of the list of their finest group that they bought, and of
    the list of the larger group. Of kinds: how far two samples of customers agree.
    """
    if name == "dates":
        checked = fit.model.coverage_
        stated = round(WINDOW[1] - WINDOW[0], 6)
        return {"purchases": checked.purchases, "stated": stated, "inside": checked.after}
    if name == "value" and fit.value.is_fitted:
        rows = fit.value.report_["cutoffs"]
        keys = ("captured", "captured_recent", "value_predicted_to_actual", "coverage")
        return {key: _mean([row[key] for row in rows]) for key in keys}
    if name == "groups":
        return _lists(fit.groups.tree)
    if name == "kinds":
        return {"agreement": fit.groups.clusters.stability_}
    return {}


def _lists(tree: GroupTree) -> dict[str, Any]:
    offered = tree.offered()
    buyers = sum(group.buyers for group in offered)
    shares = {
        "own": sum(group.buyers * group.precision for group in offered),
        "larger": sum(group.buyers * group.larger for group in offered),
    }
    return {"buyers": buyers} | {
        name: total / buyers if buyers else None for name, total in shares.items()
    }


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def _counts(session: Session) -> Counts:
    figures = PersonProfile
    query = sa.select(
        func.count(),
        func.count(sa.case((col(figures.frequency) > 1, 1))),
        func.coalesce(func.sum(figures.frequency), 0),
        func.coalesce(func.max(figures.tenure), 0),
    ).where(col(figures.is_wholesale).is_(False))
    customers, repeaters, orders, days = session.execute(query).one()
    apart = sa.select(
        func.count(),
        *(
            func.count(sa.case((col(figures.frequency) >= least, 1)))
            for least in (RHYTHM_ORDERS, BASKET_ORDERS)
        ),
    ).where(col(figures.is_wholesale))
    business, rhythm, basket = session.execute(apart).one()
    return Counts(
        customers=customers,
        repeaters=repeaters,
        orders=int(orders),
        history_days=int(days),
        business=business,
        business_rhythm=rhythm,
        business_basket=basket,
    )
