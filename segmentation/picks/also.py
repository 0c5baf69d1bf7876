"""What people who bought the same thing bought as well: only where the evidence is there.

Two products go together when more people bought both within a year than would have, had each of
their other purchases been drawn by popularity. Whoever buys much buys more of everything, so each
person counts with as many chances as he has other products.

Sources: G. Linden, B. Smith, J. York, "Amazon.com recommendations: item-to-item collaborative
filtering", IEEE Internet Computing 7(1), 2003 (people who bought both); B. Smith, G. Linden, "Two
decades of recommender systems at Amazon.com", the same, 21(3), 2017 (the expected number);
W. DuMouchel, "Bayesian data mining in large frequency tables", The American Statistician 53, 1999
(the ratio held back by a gamma prior around 1, which makes exact Poisson limits only wider); the
level is shared among all pairs that could be told (Bonferroni).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse
from scipy.stats import gamma
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from segmentation.following import chance_of_one

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

#: People who bought both products, at the least.
LEAST_PEOPLE = 10
#: Days within which they did.
WITHIN_DAYS = 365
#: Products shown, at most.
MOST = 3
#: The last days of the history that the gate is tried on, the people it takes who were shown
#: something and bought, and how sure it has to be: the normal deviate of 19 in 20, on one side.
TRIED_DAYS, PEOPLE_NEEDED, _SURE = 60, 100, 1.645
#: People who were both there and expected, before any was seen.
_PRIOR = 5.0
#: The products most bought, and people, that are enough; what is kept of each product.
_PRODUCTS, _PEOPLE, _KEPT = 2_000, 100_000, 10
#: Steps of how many other products people bought, which stand for all numbers between.
_STEPS = 40
#: People at a time when something is looked up for them.
_BLOCK = 100_000
_RULE = dict.fromkeys(("after", "product_id", "people", "of"), "int64")
_RULE |= dict.fromkeys(("lift", "low", "high"), "float64")


@dataclass(frozen=True, slots=True)
class Tried:
    """How the block did on days that its numbers had not seen."""

    #: Who was shown something and bought in those days.
    people: int
    #: How many of them bought one of what was shown, and one of as many popular products.
    hits: int
    popular: int
    #: Low end of the difference, as a share of the people.
    low: float


class AlsoBought(BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Find which products go with which.

    Parameters
    ----------
    least_people
        Fewer who bought both make no pair.
    within_days
        Days within which they did, the last ones.

    Attributes
    ----------
    rules_ : DataFrame
        after, product_id, people (who bought both) and of (who bought the first), lift with low and
        high; by `after`, most often bought first, `_KEPT` a product.
    pairs_ : int
        Pairs that were looked at.
    tried_ : Tried
        How it did on the last `TRIED_DAYS`.
    """

    def __init__(self, least_people: int = LEAST_PEOPLE, within_days: int = WITHIN_DAYS) -> None:
        self.least_people = least_people
        self.within_days = within_days

    @property
    def closed(self) -> str:
        """Why nothing is shown: "pairs", "people", "better", or "" where something is."""
        if self.rules_.empty:
            return "pairs"
        if self.tried_.people < PEOPLE_NEEDED:
            return "people"
        return "" if self.tried_.low > 0 else "better"

    def fit(
        self, X: pd.DataFrame, today: int, kinds: pd.Series, lasting: Collection[str]
    ) -> AlsoBought:
        """Learn from what was bought, and try it on the last days.

        Parameters
        ----------
        X
            person_id, day and product_id of every purchase that counts.
        today
            The last day that is seen.
        kinds
            Kind (need) by product id.
        lasting
            Kinds of which one is enough: two products of such a kind make no pair.
        """
        codes = {kind: code for code, kind in enumerate(sorted(lasting))}
        kept = kinds.map(codes).fillna(-1).astype("int64")
        X = _some_people(X)
        X = X.assign(kind=X["product_id"].map(kept).fillna(-1).astype("int64"))
        eve = today - TRIED_DAYS
        past = X[(X["day"] <= eve).to_numpy()]
        self.learn(past, eve)
        self.tried_ = self.tried_on(past, X[(X["day"] > eve).to_numpy()], kept)
        return self.learn(X, today)

    def learn(self, X: pd.DataFrame, today: int) -> AlsoBought:
        """Learn rules only; `X` as in `fit`, with the code of a lasting kind, -1 for others."""
        recent = X[(X["day"] > today - self.within_days).to_numpy()]
        recent = recent.drop_duplicates(["person_id", "product_id"])
        buyers = recent["product_id"].value_counts()
        buyers = buyers[(buyers >= self.least_people).to_numpy()].sort_index(kind="stable")
        items = np.sort(buyers.sort_values(ascending=False, kind="stable").index[:_PRODUCTS])
        recent = recent[recent["product_id"].isin(items).to_numpy()]
        self.pairs_ = items.size * (items.size - 1)
        self.rules_ = self._rules(recent, items.astype(np.int64))
        return self

    def _rules(self, recent: pd.DataFrame, items: Ints) -> pd.DataFrame:
        if items.size < 2:
            return pd.DataFrame(columns=list(_RULE)).astype(_RULE)
        both, expected, of = _counted(recent, items)
        of_kind = recent.drop_duplicates("product_id").set_index("product_id")["kind"][items]
        kind = of_kind.to_numpy()
        both[(kind[:, None] == kind) & (kind >= 0)] = 0
        np.fill_diagonal(both, 0)
        first, then = np.nonzero((both >= self.least_people) & (both > expected))
        seen, due = both[first, then] + _PRIOR, expected[first, then] + _PRIOR
        edge = chance_of_one(self.pairs_)
        found = pd.DataFrame(
            {
                "after": items[first],
                "product_id": items[then],
                "people": both[first, then].astype(np.int64),
                "of": of[first].astype(np.int64),
                "lift": (seen / due).round(4),
                "low": gamma.ppf(edge, seen, scale=1 / due).round(4),
                "high": gamma.ppf(1 - edge, seen, scale=1 / due).round(4),
            }
        )
        found = found[(found["low"] > 1).to_numpy()]
        found = found.sort_values(["after", "people", "product_id"], ascending=[True, False, True])
        return found[(found.groupby("after").cumcount() < _KEPT).to_numpy()].reset_index(drop=True)

    def predict(self, X: pd.DataFrame) -> pd.DataFrame:
        """Return what goes with the last basket of each person and he has not bought.

        Parameters
        ----------
        X
            person_id, day and product_id: all purchases of the persons asked about.

        Returns
        -------
        DataFrame
            person_id, product_id, after, people, of; by person, what is bought most often of those
            who bought the same first, each product once.
        """
        check_is_fitted(self)
        columns = ["person_id", "product_id", "after", "people", "of"]
        parts = [self._looked_up(block)[columns] for block in _blocks(X)]
        return pd.concat(parts, ignore_index=True)

    def _looked_up(self, X: pd.DataFrame) -> pd.DataFrame:
        found = (
            last_basket(X).rename(columns={"product_id": "after"}).merge(self.rules_, on="after")
        )
        found = found[~_among(found, X, "product_id")]
        found["share"] = found["people"] / found["of"]
        found = found.sort_values(
            ["person_id", "share", "product_id", "after"], ascending=[True, False, True, True]
        )
        return found.drop_duplicates(["person_id", "product_id"])

    def tried_on(self, past: pd.DataFrame, later: pd.DataFrame, kept: pd.Series) -> Tried:
        """Compare what is shown to people with as many popular products that they may lack.

        Parameters
        ----------
        past, later
            What was bought until the eve, and after it; as in `learn`.
        kept
            Code of the lasting kind by product id, -1 or nothing for others.
        """
        mine = past[past["person_id"].isin(later["person_id"]).to_numpy()]
        shown = _places(_lacking(self.predict(mine), mine, kept))
        places = shown.groupby("person_id").size()
        popular = _lacking(_popular(past, places.index.to_numpy(dtype=np.int64)), mine, kept)
        popular = popular[~_among(popular, mine, "product_id")]
        room = popular["person_id"].map(places)
        popular = popular[(popular.groupby("person_id").cumcount() < room).to_numpy()]
        ours, theirs = (_hit(rows, later, places.index) for rows in (shown, popular))
        more = ours - theirs
        low = float(more.mean() - _SURE * more.std() / more.size**0.5) if more.size else 0.0
        return Tried(int(more.size), int(ours.sum()), int(theirs.sum()), round(low, 6))

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        rules = {name: self.rules_[name].tolist() for name in _RULE}
        return {
            **self.get_params(),
            "pairs": self.pairs_,
            "tried": asdict(self.tried_),
            "rules": rules,
        }

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> AlsoBought:
        """Return what `to_dict` wrote down."""
        made = cls(plain["least_people"], plain["within_days"])
        made.pairs_ = plain["pairs"]
        made.tried_ = Tried(**plain["tried"])
        made.rules_ = pd.DataFrame(plain["rules"]).astype(_RULE)
        return made


def last_basket(X: pd.DataFrame) -> pd.DataFrame:
    """Return person_id and product_id of what each person bought on his last day."""
    last = X.groupby("person_id")["day"].transform("max")
    return X.loc[(X["day"] == last).to_numpy(), ["person_id", "product_id"]].drop_duplicates()


def _counted(recent: pd.DataFrame, items: Ints) -> tuple[Floats, Floats, Floats]:
    """Return product x product people who bought both and who were expected to; and each's own."""
    person = np.unique(recent["person_id"].to_numpy(), return_inverse=True)[1]
    item = np.searchsorted(items, recent["product_id"])
    shape = (int(person.max()) + 1, items.size)
    bought = sparse.csr_array((np.ones(person.size, dtype=np.float32), (person, item)), shape=shape)
    both = (bought.T @ bought).toarray().astype(np.float64)
    own = np.bincount(item, minlength=items.size).astype(np.float64)
    others = np.bincount(person) - 1
    edges = np.unique(np.geomspace(1, max(int(others.max()), 1) + 1, _STEPS).astype(np.int64))
    step = np.searchsorted(edges, others, side="right")
    size = np.bincount(step, others) / np.maximum(np.bincount(step), 1)
    where = item * size.size + step[person]
    of_step = np.bincount(where, minlength=items.size * size.size).reshape(items.size, size.size)
    # Of a purchase of anything to be of this product.
    chance = 1 - (1 - own / own.sum())[:, None] ** size
    return both, of_step @ chance.T, own


def _some_people(X: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of people spread evenly over all of them."""
    persons = np.unique(X["person_id"].to_numpy(dtype=np.int64))
    if persons.size <= _PEOPLE:
        return X
    spread = persons[np.linspace(0, persons.size - 1, _PEOPLE).astype(np.int64)]
    return X[X["person_id"].isin(spread).to_numpy()]


def _blocks(X: pd.DataFrame) -> Iterator[pd.DataFrame]:
    persons = np.unique(X["person_id"].to_numpy(dtype=np.int64))
    part = np.searchsorted(persons[::_BLOCK], X["person_id"].to_numpy(), side="right")
    for number in range(1, max(-(-persons.size // _BLOCK), 1) + 1):
        yield X[part == number]


def _among(rows: pd.DataFrame, bought: pd.DataFrame, column: str) -> Bools:
    """Tell which rows name something (a product, a kind) that the person has bought."""
    key = ["person_id", column]
    found: Bools = pd.MultiIndex.from_frame(rows[key]).isin(pd.MultiIndex.from_frame(bought[key]))
    return found


def _lacking(rows: pd.DataFrame, bought: pd.DataFrame, kept: pd.Series) -> pd.DataFrame:
    """Leave out what lasts and the person has one of, whether or not it is due by now."""
    rows = rows.assign(kind=rows["product_id"].map(kept).fillna(-1).astype("int64"))
    return rows[~(_among(rows, bought, "kind") & (rows["kind"] >= 0).to_numpy())]


def _places(rows: pd.DataFrame) -> pd.DataFrame:
    return rows[(rows.groupby("person_id").cumcount() < MOST).to_numpy()]


def _popular(past: pd.DataFrame, persons: Ints) -> pd.DataFrame:
    """Return the products most people bought for each person, the first one first."""
    buyers = past.drop_duplicates(["person_id", "product_id"])["product_id"].value_counts()
    best = buyers.index[: 20 * MOST].to_numpy()
    return pd.DataFrame(
        {"person_id": np.repeat(persons, best.size), "product_id": np.tile(best, persons.size)}
    )


def _hit(rows: pd.DataFrame, later: pd.DataFrame, persons: pd.Index) -> Floats:
    """Tell for each person whether something shown was bought."""
    hit = rows["person_id"].to_numpy()[_among(rows, later, "product_id")]
    result: Floats = persons.isin(hit).astype(np.float64)
    return result
