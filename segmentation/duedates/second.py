"""A second look at chances: trees that correct what the model of intervals expects of a fortnight.

That model looks at one need at a time. The trees also see how long the person has been away from
everything and how much he bought of late. They learn bought over expected (Poisson loss), so what
they tell of a fortnight holds for other horizons too, and what they tell is brought in step with
what came by isotonic regression (Zadrozny and Elkan 2002), on people whom the trees have not seen.

Nobody is bound to it: it is used where it was the better one at two earlier days of the shop, by
the Brier score and by who is picked; else the chances stay those of the first stage.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.isotonic import IsotonicRegression

from segmentation.duedates import calibration
from segmentation.duedates.starts import Bools, Floats, Ints
from segmentation.value.boosted import BoostedCounts

#: Open intervals that are learned from, of all days together; purchases below which nothing is.
_MOST, _PURCHASES = 240_000, 1_000
#: Open intervals of a day that it is judged by.
_MOST_JUDGED = 150_000
#: History below which nothing is: at first everybody seems new (see `gates`).
DAYS_NEEDED = 182
#: How many of the last days are foretold from those before them.
_JUDGED = 2
#: A step of the isotonic line is of at least so many intervals; this part of it is what trees told.
_STEP, _TREES = 200, 0.02
#: No chance is nearer to 1.
_MOST_CHANCE = 1 - 1e-9


@dataclass(frozen=True)
class Sample:
    """Open intervals on a day, and who bought in the fortnight after it; one entry an interval."""

    person: Ints
    #: Shape (intervals, traits).
    traits: Floats
    #: Purchases the first stage expects of the fortnight, before it is brought in step; above 0.
    expected: Floats
    bought: Bools

    def take(self, rows: Bools) -> Sample:
        """Return the chosen entries."""
        return Sample(self.person[rows], self.traits[rows], self.expected[rows], self.bought[rows])


@dataclass(frozen=True)
class LastWeeks:
    """Some days: of all intervals what was expected and came, of some everything."""

    expected: Floats
    bought: Bools
    #: A sample a day, earliest first.
    some: list[Sample]

    @classmethod
    def of(cls, days: Iterable[Sample]) -> LastWeeks:
        """Return what is kept of days; only one of them is held at a time."""
        kept = [(day.expected, day.bought, _some(day, _MOST_JUDGED)) for day in days]
        expected, bought, some = zip(*kept, strict=True)
        return cls(np.concatenate(expected), np.concatenate(bought), list(some))


@dataclass(frozen=True)
class SecondStage:
    """Trees, and the line that brings them in step."""

    trees: BoostedCounts
    #: Chances as the trees tell them, and the share that came; both rise from 0 to 1.
    told: Floats
    came: Floats

    def times(self, traits: Floats, expected: Floats) -> Floats:
        """Return by how much the hazard of each interval is to be multiplied."""
        chance = np.interp(_chance(self.trees, traits, expected), self.told, self.came)
        result: Floats = -np.log1p(-np.minimum(chance, _MOST_CHANCE)) / expected
        return result

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        trees = self.trees.to_dict()
        return {"trees": trees, "told": self.told.tolist(), "came": self.came.tolist()}

    @classmethod
    def from_dict(cls, plain: dict[str, Any]) -> SecondStage:
        """Return what `to_dict` wrote down."""
        told, came = (np.array(plain[name], dtype=np.float64) for name in ("told", "came"))
        return cls(BoostedCounts.from_dict(plain["trees"]), told, came)


def chosen(days: Sequence[Sample]) -> SecondStage | None:
    """Return a second stage where it was better on the last of these days, told from those before.

    Parameters
    ----------
    days
        Earliest first; the fortnight of each is over before the next one begins.
    """
    some = [_some(day, _MOST // len(days)) for day in days]
    if sum(int(day.bought.sum()) for day in some[:-_JUDGED]) < _PURCHASES:
        return None
    first, second = [], []
    judged = range(len(days) - _JUDGED, len(days))
    for place in judged:
        past, day = _joined(some[:place]), days[place]
        numbers = calibration.fitted(-np.expm1(-past.expected), past.bought)
        first.append(calibration.applied(numbers, -np.expm1(-day.expected)))
        second.append(-np.expm1(-_fitted(past).times(day.traits, day.expected) * day.expected))
    better = _is_better(second, first, [days[place].bought for place in judged])
    return _fitted(_joined(some)) if better else None


def _is_better(ours: list[Floats], theirs: list[Floats], bought: list[Bools]) -> bool:
    """Whether chances were nearer to what came, and as many picks as there were buyers better."""
    pairs = list(zip(ours, theirs, bought, strict=True))
    loss = sum(float(((p - b) ** 2).mean() - ((q - b) ** 2).mean()) for p, q, b in pairs)
    return loss < 0 and sum(_hits(p, b) - _hits(q, b) for p, q, b in pairs) > 0


def _hits(chance: Floats, bought: Bools) -> int:
    return int(bought[np.argsort(-chance, kind="stable")[: bought.sum()]].sum())


def _fitted(sample: Sample) -> SecondStage:
    half = np.unique(sample.person, return_inverse=True)[1] % 2 == 0
    mine, rest = sample.take(half), sample.take(~half)
    trees = BoostedCounts().fit(mine.traits, mine.bought / mine.expected, mine.expected)
    chance = _chance(trees, rest.traits, rest.expected)
    step = IsotonicRegression().fit_transform(chance, rest.bought.astype(np.float64))
    place, size = np.unique(step, return_inverse=True, return_counts=True)[1:]
    # A line through the middle of each step, so that who is likelier stays likelier.
    told, came = (np.bincount(place, of) / size for of in (chance, rest.bought))
    # Where nobody bought, somebody may all the same.
    came = (1 - _TREES) * came + _TREES * told
    kept = size >= _STEP
    ends = [np.concatenate([[0.0], of[kept], [1.0]]).round(9) for of in (told, came)]
    return SecondStage(trees, *ends)


def _chance(trees: BoostedCounts, traits: Floats, expected: Floats) -> Floats:
    result: Floats = -np.expm1(-expected * trees.predict(traits))
    return result


def _joined(days: Sequence[Sample]) -> Sample:
    names = ("person", "traits", "expected", "bought")
    return Sample(*(np.concatenate([getattr(day, name) for day in days]) for name in names))


def _some(day: Sample, most: int) -> Sample:
    """Return about so many intervals, of whole persons spread evenly; all when fewer."""
    if day.person.size <= most:
        return day
    place = np.unique(day.person, return_inverse=True)[1]
    share = most / day.person.size
    kept = np.diff(np.floor(np.arange(place.max() + 2) * share)) > 0
    return day.take(kept[place])
