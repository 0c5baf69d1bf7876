"""What a fit leaves behind: plain numbers that a later run, or another version, can read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import astuple, dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from segmentation.affinity import Shares
from segmentation.duedates.intervals import IntervalModel
from segmentation.duedates.lives import LEARNED_FROM
from segmentation.duedates.needs import NeedName, Prior
from segmentation.following import Following
from segmentation.groups.learned import Groups
from segmentation.picks.also import AlsoBought
from segmentation.picks.rate import PersonalRate
from segmentation.rfm import RfmScorer
from segmentation.stored import SCHEMA
from segmentation.trade.model import Trade
from segmentation.value.levels import Levels
from segmentation.value.model import CustomerValue
from segmentation.wholesale import WholesaleRule

if TYPE_CHECKING:  # it reads what stands here
    from segmentation.trial.verdicts import Verdict


class NotFitted(LookupError):
    """An account, or a form of stored numbers, that this version cannot use: fit again."""


@dataclass(frozen=True, kw_only=True, slots=True)
class NeedLife:
    """How long one need lasts in one shop, and how we know."""

    need: str
    name: NeedName
    #: Median days until the next purchase, among those who come back.
    life_days: float
    #: "learned", "stated" or "assumption".
    basis: str
    #: Finished intervals seen.
    gaps: int
    #: Stated by the merchant or taken from the starting table, in days.
    prior_days: float
    #: "stated" or "assumption": what `prior_days` is.
    prior_basis: str
    #: Where `prior_days` comes from.
    source: str
    #: Days that one piece holds, for goods owned in several pieces; None for others.
    lasts_days: float | None

    @property
    def owned(self) -> float | None:
        """How many are in use at a time, by how often they are bought; None for single pieces."""
        return None if self.lasts_days is None else self.lasts_days / self.life_days


@dataclass(frozen=True, kw_only=True)
class AccountFit:
    """One account's numbers."""

    #: Need keys; a position in it is the need's code in `model`.
    needs: tuple[str, ...]
    names: Mapping[str, NeedName]
    priors: tuple[Prior, ...]
    model: IntervalModel
    #: Days between orders of anything.
    rhythm: IntervalModel
    rfm: RfmScorer
    shares: Shares
    picks: PersonalRate
    #: Which product goes with which.
    also: AlsoBought
    #: Which need follows which.
    following: Following
    #: Expected orders and revenue, and where high and low begin.
    value: CustomerValue
    levels: Levels
    wholesale: WholesaleRule
    #: Rhythms and baskets of business customers, who have a part in nothing above.
    trade: Trade
    #: Ever finer groups, and kinds of customers.
    groups: Groups
    #: Share of each brand, colour, ... among purchases, which people are compared with.
    likes: Mapping[str, Mapping[str, float]]
    #: {"products", "placed", "styled", "unplaced" (product ids), "unplaced_types"}.
    placement: Mapping[str, Any]

    def lives(self) -> list[NeedLife]:
        """Return each need's life and its basis, in the order of keys."""
        days = np.exp(self.model.lives_.mu)
        rows = zip(self.needs, self.priors, days, self.model.lives_.gaps, strict=True)
        return [
            NeedLife(
                need=need,
                name=self.names[need],
                life_days=float(life),
                basis="learned" if gaps >= LEARNED_FROM else prior.basis,
                gaps=int(gaps),
                prior_days=prior.life,
                prior_basis=prior.basis,
                source=prior.source,
                lasts_days=prior.lasts,
            )
            for need, prior, life, gaps in rows
        ]

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            "needs": list(self.needs),
            "names": {need: name.to_dict() for need, name in self.names.items()},
            "priors": [list(astuple(prior)) for prior in self.priors],
            "model": self.model.to_dict(),
            "rhythm": self.rhythm.to_dict(),
            "rfm": self.rfm.to_dict(),
            "shares": self.shares.to_dict(),
            "picks": self.picks.to_dict(),
            "also": self.also.to_dict(),
            "following": self.following.to_dict(),
            "value": self.value.to_dict(),
            "levels": self.levels.to_dict(),
            "wholesale": self.wholesale.to_dict(),
            "trade": self.trade.to_dict(),
            "groups": self.groups.to_dict(),
            "likes": {name: dict(shares) for name, shares in self.likes.items()},
            "placement": dict(self.placement),
        }

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> AccountFit:
        """Return what `to_dict` wrote down."""
        return cls(
            needs=tuple(plain["needs"]),
            names={need: NeedName(**name) for need, name in plain["names"].items()},
            priors=tuple(Prior(*prior) for prior in plain["priors"]),
            model=IntervalModel.from_dict(plain["model"]),
            rhythm=IntervalModel.from_dict(plain["rhythm"]),
            rfm=RfmScorer.from_dict(plain["rfm"]),
            shares=Shares.from_dict(plain["shares"]),
            picks=PersonalRate.from_dict(plain["picks"]),
            also=AlsoBought.from_dict(plain["also"]),
            following=Following.from_dict(plain["following"]),
            value=CustomerValue.from_dict(plain["value"]),
            levels=Levels(**plain["levels"]),
            wholesale=WholesaleRule(**plain["wholesale"]),
            trade=Trade.from_dict(plain["trade"]),
            groups=Groups.from_dict(plain["groups"]),
            likes=plain["likes"],
            placement=plain["placement"],
        )


@dataclass(frozen=True, kw_only=True)
class Live:
    """What a new fit is compared with."""

    #: The numbers in use; None before the first fit.
    present: Fitted | None = None
    #: Those in use before the days that are judged (`trial.verdicts`); None where none was.
    before: Fitted | None = None
    #: Account to `stored.groups` of the newest fit of any version: keys and names stay.
    groups: Mapping[int, Mapping[str, Any]] = field(default_factory=dict)

    def of(self, account_id: int) -> tuple[AccountFit | None, AccountFit | None]:
        """Return one account's part of both."""
        present, before = (
            fitted.accounts.get(account_id) if fitted is not None else None
            for fitted in (self.present, self.before)
        )
        return present, before


@dataclass(frozen=True, kw_only=True)
class Fitted:
    """What `compute.fit` learned, per account."""

    #: ISO date of the fit.
    as_of: str
    accounts: Mapping[int, AccountFit]
    #: What became of each part of each account's fit; not among the numbers, see `trial`.
    verdicts: Mapping[int, tuple[Verdict, ...]] = field(default_factory=dict)

    def account(self, account_id: int) -> AccountFit:
        """Return one account's numbers.

        Raises
        ------
        NotFitted
            When the fit did not see the account.
        """
        if account_id not in self.accounts:
            raise NotFitted(f"account {account_id} has not been fitted")
        return self.accounts[account_id]

    def lives(self, account_id: int) -> list[NeedLife]:
        """Return each need's life and its basis."""
        return self.account(account_id).lives()

    def names(self, account_id: int) -> Mapping[str, NeedName]:
        """Return what the account's needs are called, for `reasons` and `segments`."""
        return self.account(account_id).names

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values with the schema's version."""
        accounts = {str(account): one.to_dict() for account, one in self.accounts.items()}
        return {"schema": SCHEMA, "as_of": self.as_of, "accounts": accounts}

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> Fitted:
        """Return what `to_dict` wrote down.

        Raises
        ------
        NotFitted
            When the numbers were written by another version.
        """
        if plain.get("schema") != SCHEMA:
            raise NotFitted(f"schema {plain.get('schema')!r} is not {SCHEMA}")
        accounts = {int(key): AccountFit.from_dict(one) for key, one in plain["accounts"].items()}
        return cls(as_of=plain["as_of"], accounts=accounts)
