"""What is bought next: after X, within a time, how many more people buy Y than would anyway.

Who buys suits also buys more shirts than who buys blouses, before and after: that is taste, and no
arrow. So a purchase of X is compared with purchases of other needs by people of the same stratum
(same departments and style, as often a customer, same season). What is left is told with an
interval that holds for all pairs at once. And as taste, however it is measured, has no order, what
follows has to be bought after more often than before.

Sources: N. Mantel and W. Haenszel, "Statistical aspects of the analysis of data from retrospective
studies of disease", J. Natl. Cancer Inst. 22, 1959 (pooled ratio over strata); S. Greenland and
J. Robins, "Estimation of a common effect parameter from sparse follow-up data", Biometrics 41, 1985
(its variance); the level is shared among all pairs looked at (Bonferroni); J. Hallas, "Evidence of
depression provoked by cardiovascular medication: a prescription sequence symmetry analysis",
Epidemiology 7, 1996 (the order).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import binom, norm
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

Floats: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.int64]

#: Days within which what follows is bought.
WITHIN_DAYS = 90
#: People who bought Y after X, at the least (claim B12).
LEAST_PEOPLE = 30
#: Chance that any of all arrows is there by chance.
_ALPHA = 0.05
#: Needs that are looked at, the most bought first, and people that are enough to tell.
_NEEDS, _PEOPLE = 60, 100_000
_QUARTER = 365.25 / 4
#: Days with an order, and shares of a side, that part one stratum from the next.
_OFTEN = (1.0, 3.0, 6.0, 12.0)
_SIDES = (0.2, 0.8, 1.0)


@dataclass(frozen=True, slots=True)
class Arrow:
    """After `before`, more people than otherwise buy `then`."""

    before: str
    then: str
    #: Who bought `before` and then `then`, and of how many who could.
    people: int
    of: int
    #: How often it follows, and how often it follows purchases of other things.
    share: float
    base: float
    #: Ratio of both, over equal people, and its interval.
    lift: float
    low: float
    high: float
    #: Days between the two purchases, in the middle.
    days: int


class Following(BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Find which need follows which.

    Parameters
    ----------
    within_days
        Days within which what follows is bought.
    least_people
        Fewer who did both in that order make no arrow.

    Attributes
    ----------
    arrows_ : tuple of Arrow
        The highest lift first.
    pairs_ : int
        How many pairs were looked at.
    """

    def __init__(self, within_days: int = WITHIN_DAYS, least_people: int = LEAST_PEOPLE) -> None:
        self.within_days = within_days
        self.least_people = least_people

    def fit(
        self, purchases: pd.DataFrame, strata: pd.Series, needs: Sequence[str], today: int
    ) -> Following:
        """Learn from every first purchase of a need that could be followed for the whole time.

        Parameters
        ----------
        purchases
            person_id, code (a position in `needs`), day; one row a day on which a need was bought.
        strata
            By person id: who is compared with whom, a number from 0 on.
        needs
            Keys of the needs.
        today
            The last day that is seen.
        """
        starts, follows = self._events(purchases, strata, today)
        able, did = _counted(starts, follows, len(needs))
        self.pairs_, self.arrows_ = self._arrows(able, did, follows, needs)
        return self

    def _events(
        self, purchases: pd.DataFrame, strata: pd.Series, today: int
    ) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Return each start (person, code, day, stratum) and, per start, the needs that followed.

        A need that was bought at the start or in the time before it does not follow: it has a
        rhythm of its own. Such pairs come back in `follows` with days of 0 or less; `known` is
        whether the person had bought anything by then for as long as is looked back.
        """
        rows = purchases[["person_id", "code", "day"]]
        rows = rows[rows["code"].isin(rows["code"].value_counts().index[:_NEEDS]).to_numpy()]
        people = rows["person_id"].unique()
        if len(people) > _PEOPLE:
            chosen = np.random.default_rng(0).choice(people, _PEOPLE, replace=False)
            rows = rows[rows["person_id"].isin(chosen).to_numpy()]
        starts = rows.groupby(["person_id", "code"], as_index=False)["day"].min()
        starts = starts[(starts["day"] + self.within_days <= today).to_numpy()]
        season = ((starts["day"] % 365.25) // _QUARTER).astype("int64")
        starts = starts.assign(stratum=starts["person_id"].map(strata) * 4 + season)
        both = starts.merge(rows, on="person_id", suffixes=("", "_then"))
        days = both["day_then"] - both["day"]
        near = (days.abs() <= self.within_days) & (both["code"] != both["code_then"])
        since = both["day"] - both["person_id"].map(rows.groupby("person_id")["day"].min())
        both = both.assign(days=days, known=since >= self.within_days)[near.to_numpy()]
        # Earliest first: what was bought before the start is what counts.
        key = ["person_id", "code", "code_then"]
        return starts, both.sort_values([*key, "days"]).drop_duplicates(key)

    def _arrows(
        self, able: Floats, did: Floats, follows: pd.DataFrame, needs: Sequence[str]
    ) -> tuple[int, tuple[Arrow, ...]]:
        """Return how many pairs were looked at, and those that hold."""
        people, of = did.sum(axis=0), able.sum(axis=0)
        pairs = np.argwhere(people >= self.least_people)
        after = follows[(follows["days"] > 0).to_numpy()]
        middle = after.groupby(["code", "code_then"])["days"].median()
        ordered = _ordered(follows, len(needs))
        found = []
        for before, then in pairs.tolist():
            lift, low, high = _ratio(able, did, before, then, len(pairs))
            if low <= 1.0 or not ordered[before, then]:
                continue
            share = float(people[before, then] / of[before, then])
            figures = {"share": share, "base": share / lift, "lift": lift, "low": low, "high": high}
            arrow = Arrow(
                before=needs[before],
                then=needs[then],
                people=int(people[before, then]),
                of=int(of[before, then]),
                days=int(middle[before, then]),
                **{name: round(figure, 4) for name, figure in figures.items()},
            )
            found.append(arrow)
        found.sort(key=lambda arrow: (-arrow.lift, arrow.before, arrow.then))
        return len(pairs), tuple(found)

    def predict(self, purchases: pd.DataFrame, needs: Sequence[str], today: int) -> pd.DataFrame:
        """Return for whom something follows now, one row a person.

        The arrow that is followed most often wins. It ends with the purchase of what it points at,
        or when the time is over; who bought that in the time before has it.

        Parameters
        ----------
        purchases, needs, today
            As in `fit`, of any people.

        Returns
        -------
        DataFrame
            person_id, day (of the purchase it starts from), arrow (a position in `arrows_`),
            sorted by person.
        """
        check_is_fitted(self)
        rows = purchases[["person_id", "code", "day"]]
        last = rows.groupby(["person_id", "code"], as_index=False)["day"].max()
        last = last.assign(need=np.array(needs, dtype=object)[last["code"]])
        start = last[(last["day"] > today - self.within_days).to_numpy()]
        arrows = pd.DataFrame(
            [(one.before, one.then, -one.share, at) for at, one in enumerate(self.arrows_)],
            columns=["need", "then", "rank", "arrow"],
        )
        found = start.merge(arrows, on="need")
        owned = last.rename(columns={"need": "then", "day": "had"})[["person_id", "then", "had"]]
        found = found.merge(owned, on=["person_id", "then"], how="left")
        had = found["had"] >= found["day"] - self.within_days
        found = found[~had.to_numpy()].sort_values(["person_id", "rank", "arrow"])
        best: pd.DataFrame = found.drop_duplicates("person_id").reset_index(drop=True)
        return best[["person_id", "day", "arrow"]]

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        arrows = [asdict(arrow) for arrow in self.arrows_]
        return {**self.get_params(), "pairs": self.pairs_, "arrows": arrows}

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> Following:
        """Return what `to_dict` wrote down."""
        made = cls(plain["within_days"], plain["least_people"])
        made.pairs_ = plain["pairs"]
        made.arrows_ = tuple(Arrow(**arrow) for arrow in plain["arrows"])
        return made


def chance_of_one(pairs: int) -> float:
    """Return the chance beyond each end of an interval that all of `pairs` have it at once.

    Examples
    --------
    >>> chance_of_one(1), chance_of_one(100)
    (0.025, 0.00025)
    """
    return _ALPHA / (2 * pairs)


def strata(tastes: pd.DataFrame, people: pd.DataFrame) -> pd.Series:
    """Return who is like whom: by department, by style, and by how often they order.

    Parameters
    ----------
    tastes
        `features.Features.tastes` of one account: person_id, department, style, items.
    people
        person_id, frequency (days with an order).

    Returns
    -------
    Series
        A number from 0 on, by person id.
    """
    often = people.set_index("person_id")["frequency"]
    ordered = np.searchsorted(_OFTEN, often.to_numpy(dtype=np.float64))
    result = pd.Series(ordered, index=often.index)
    for column, one, other in (("department", "men", "women"), ("style", "business", "casual")):
        result = result * len(_SIDES) + _side(tastes, column, one, other).reindex(
            result.index, fill_value=1
        )
    return result.astype("int64")


def _side(tastes: pd.DataFrame, column: str, one: str, other: str) -> pd.Series:
    """Return by person 0 (mostly `other`), 1 (both or unknown) or 2 (mostly `one`)."""
    known = tastes[tastes[column].isin([one, other]).to_numpy()]
    ours = known["items"].where((known[column] == one).to_numpy(), 0)
    share = ours.groupby(known["person_id"]).sum() / known.groupby("person_id")["items"].sum()
    return pd.Series(np.searchsorted(_SIDES[:-1], share.to_numpy()), index=share.index)


def _counted(starts: pd.DataFrame, follows: pd.DataFrame, needs: int) -> tuple[Floats, Floats]:
    """Return stratum x need x need: starts that another need could follow, and that it followed."""
    strata, place = np.unique(starts["stratum"].to_numpy(dtype=np.int64), return_inverse=True)
    shape = (len(strata), needs, needs)
    began = np.zeros(shape[:2])
    np.add.at(began, (place, starts["code"].to_numpy(dtype=np.int64)), 1.0)
    where = (
        np.searchsorted(strata, follows["stratum"].to_numpy(dtype=np.int64)),
        follows["code"].to_numpy(dtype=np.int64),
        follows["code_then"].to_numpy(dtype=np.int64),
    )
    followed = follows["days"].to_numpy() > 0
    did, owned = np.zeros(shape), np.zeros(shape)
    np.add.at(did, where, followed.astype(np.float64))
    np.add.at(owned, where, (~followed).astype(np.float64))
    able = began[:, :, None] - owned
    able[:, np.arange(needs), np.arange(needs)] = 0.0
    return able, did


def _ordered(follows: pd.DataFrame, needs: int) -> NDArray[np.bool_]:
    """Tell which pairs are bought in this order more often than in the other, beyond chance.

    Only starts count before which a purchase could have been seen.
    """
    known = follows[follows["known"].to_numpy()]
    after, before = np.zeros((needs, needs)), np.zeros((needs, needs))
    for counts, there in ((after, known["days"] > 0), (before, known["days"] < 0)):
        some = known[there.to_numpy()]
        np.add.at(counts, (some["code"].to_numpy(), some["code_then"].to_numpy()), 1.0)
    result: NDArray[np.bool_] = binom.sf(after - 1, after + before, 0.5) < chance_of_one(1)
    return result


def _ratio(
    able: Floats, did: Floats, before: int, then: int, pairs: int
) -> tuple[float, float, float]:
    """Return the pooled ratio and its interval; from 0 where nothing is there to compare with."""
    n1, a = able[:, before, then], did[:, before, then]
    n0, c = able[:, :, then].sum(axis=1) - n1, did[:, :, then].sum(axis=1) - a
    seen = (n1 > 0) & (n0 > 0)
    n1, a, n0, c = n1[seen], a[seen], n0[seen], c[seen]
    if a.sum() == 0:
        return 0.0, 0.0, np.inf
    if c.sum() == 0:
        # Half a case where there was none: "never" is no number to divide by.
        c = 0.5 * n0 / n0.sum()
    total = n1 + n0
    ours, theirs = float((a * n0 / total).sum()), float((c * n1 / total).sum())
    variance = ((a + c) * n1 * n0 / total**2 - a * c / total).sum() / (ours * theirs)
    reach = norm.ppf(1 - chance_of_one(pairs)) * np.sqrt(variance)
    lift = ours / theirs
    return lift, float(lift * np.exp(-reach)), float(lift * np.exp(reach))


def reasons(found: pd.DataFrame, following: Following) -> Iterable[tuple[int, str, dict[str, Any]]]:
    """Yield person, segment and reason of each row of `Following.predict`."""
    days = pd.to_datetime(found["day"], unit="D").dt.strftime("%Y-%m-%d")
    for person, day, at in zip(found["person_id"].tolist(), days, found["arrow"], strict=True):
        arrow = following.arrows_[at]
        reason = {"key": "next", "need": arrow.then, "after": arrow.before, "bought_on": day}
        figures = {"share": arrow.share, "base": arrow.base, "within": following.within_days}
        yield person, f"next:{arrow.then}", reason | figures
