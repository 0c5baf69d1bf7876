"""Every estimator of the package keeps scikit-learn's habits, and its own of plain numbers."""

from __future__ import annotations

import importlib
import inspect
import json
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, clone
from sklearn.exceptions import NotFittedError

import segmentation
from segmentation.duedates.needs import Prior
from segmentation.duedates.starts import Starts, starts

_PEOPLE, _LAST = 260, 700
#: Made from the shop's purchases whenever they are asked for, and never stored.
NOT_STORED = {"Weekdays"}


@dataclass(frozen=True)
class Case:
    """What one estimator is fitted on, and what it is asked afterwards."""

    fit: tuple[Any, ...]
    asks: str
    by: tuple[Any, ...]


@cache
def bought() -> pd.DataFrame:
    """Return purchases as all fits here read them, sorted by person and day."""
    rng = np.random.default_rng(7)
    person = np.repeat(np.arange(1, _PEOPLE + 1), np.arange(_PEOPLE) % 14 + 1)
    table = pd.DataFrame(
        {
            "person_id": person,
            "company": person % 40,
            "day": rng.integers(0, _LAST, person.size),
            "product_id": rng.integers(1, 9, person.size),
            "need": rng.choice(["shirts", "socks"], person.size),
            "department": np.where(person % 2, "men", "women"),
            "amount": (person % 10 + 1) * rng.uniform(900, 1_100, person.size),
            "units": rng.integers(1, 9, person.size).astype(np.float64),
            "articles": 1,
        }
    )
    details = dict.fromkeys(("style", "colour", "price", "brand", "material", "size"), "")
    table = table.assign(code=(table["need"] == "socks").astype("int64"), **details)
    table = table.drop_duplicates(["person_id", "day"])
    return table.sort_values(["person_id", "day"], ignore_index=True)


def intervals() -> Starts:
    days = bought().sort_values(["person_id", "code", "day"])
    person, code, day = (days[name].to_numpy() for name in ("person_id", "code", "day"))
    return starts(person, code, day, _LAST)


def measures() -> pd.DataFrame:
    by = bought().groupby("person_id")
    return pd.DataFrame(
        {
            "recency": _LAST - by["day"].max(),
            "frequency": by.size(),
            "monetary_value": by["amount"].mean(),
            "tenure": _LAST - by["day"].min(),
            "breadth": by["need"].nunique(),
        }
    ).reset_index()


def counts() -> pd.DataFrame:
    known = measures()
    span = (known["tenure"] - known["recency"]) / 7
    return pd.DataFrame(
        {"repeat_orders": known["frequency"] - 1, "span": span, "tenure": known["tenure"] / 7 + 1}
    )


def amounts() -> pd.DataFrame:
    known = measures()
    return pd.DataFrame({"orders": known["frequency"], "monetary_value": known["monetary_value"]})


def orders() -> pd.DataFrame:
    days = bought().sort_values(["company", "need", "day"], ignore_index=True)
    return days.drop_duplicates(["company", "need", "day"], ignore_index=True)


def pooled() -> tuple[Any, ...]:
    rng = np.random.default_rng(1)
    return rng.normal(3, 0.3, 60), np.repeat(np.arange(20), 3), pd.Series(["a", "b"] * 10)


def labels() -> pd.DataFrame:
    attributes = ("style", "need", "colour", "price", "brand", "material", "size")
    first = bought().drop_duplicates("person_id")
    shops = first["department"].map({"men": "menswear", "women": "womenswear"})
    return pd.DataFrame({"shops": shops, **dict.fromkeys(attributes, "")})


def features() -> tuple[Any, Any]:
    return np.repeat([[0.0, 1.0], [1.0, 0.0]], 300, axis=0), np.repeat([1.0, 3.0], 300)


def odds() -> tuple[Any, Any]:
    return features()[0], features()[1] > 1


PRIORS = [Prior(90.0, 0.5, "assumption", "test")] * 2
ONE_STRATUM = pd.Series(0, index=range(1, _PEOPLE + 1))
#: By class: a new estimator needs a row here.
CASES: dict[str, Callable[[], Case]] = {
    "ActiveOdds": lambda: Case(odds(), "predict", (odds()[0],)),
    "AlsoBought": lambda: Case(
        (bought(), _LAST, pd.Series(dtype="str"), ()), "predict", (bought(),)
    ),
    "BasketGaps": lambda: Case((orders(),), "predict", (orders(),)),
    "BetaGeo": lambda: Case((counts(),), "predict", (counts(), 12.0)),
    "BoostedCounts": lambda: Case(features(), "predict", (features()[0],)),
    "Clusters": lambda: Case((measures(),), "predict", (measures(),)),
    "CustomerValue": lambda: Case((bought(), _LAST), "predict", (bought(), _LAST)),
    "Following": lambda: Case(
        (bought(), ONE_STRATUM, ("shirts", "socks"), _LAST),
        "predict",
        (bought(), ("shirts", "socks"), _LAST),
    ),
    "GammaGamma": lambda: Case((amounts(),), "predict", (amounts(),)),
    "GroupTree": lambda: Case((bought(),), "transform", (labels(),)),
    "IntervalModel": lambda: Case((intervals(), PRIORS), "predict", (intervals(),)),
    "PersonalRate": lambda: Case((bought(),), "predict", (bought(),)),
    "Pool": lambda: Case(pooled(), "predict", pooled()),
    "RfmScorer": lambda: Case((measures(),), "transform", (measures(),)),
    "TradeRhythm": lambda: Case((orders(),), "predict", (orders(), _LAST)),
    "Weekdays": lambda: Case(
        (bought()["day"].to_numpy(),),
        "transform",
        tuple(bought()[name].to_numpy() for name in ("person_id", "day", "person_id")),
    ),
}


def estimators() -> list[type[BaseEstimator]]:
    """Return every estimator that is defined in the package."""
    found = {}
    for module in pkgutil.walk_packages(segmentation.__path__, "segmentation."):
        for name, kind in inspect.getmembers(importlib.import_module(module.name), inspect.isclass):
            if issubclass(kind, BaseEstimator) and kind.__module__.startswith("segmentation."):
                found[name] = kind
    return [found[name] for name in sorted(found)]


@pytest.fixture(params=estimators(), ids=lambda kind: kind.__name__, scope="module")
def kind(request: pytest.FixtureRequest) -> type[BaseEstimator]:
    made: type[BaseEstimator] = request.param
    return made


@pytest.fixture(scope="module")
def case(kind: type[BaseEstimator]) -> Case:
    assert kind.__name__ in CASES, f"{kind.__name__} is new: say in CASES what it is fitted on"
    return CASES[kind.__name__]()


@pytest.fixture(scope="module")
def fitted(kind: type[BaseEstimator], case: Case) -> BaseEstimator:
    made = kind()
    assert made.fit(*case.fit) is made
    return made


def answer(model: BaseEstimator, case: Case) -> str:
    """Return what a model says, in a form that can be compared."""
    said = getattr(model, case.asks)(*case.by)
    if hasattr(said, "__dataclass_fields__"):
        said = pd.DataFrame(vars(said))
    return str(pd.DataFrame(said).to_json(double_precision=12))


def stored(model: BaseEstimator) -> str:
    return json.dumps(model.to_dict(), allow_nan=False, sort_keys=True)


def test_every_case_is_of_an_estimator() -> None:
    assert set(CASES) == {kind.__name__ for kind in estimators()}


def test_making_one_only_keeps_its_parameters_and_a_copy_has_them(
    kind: type[BaseEstimator],
) -> None:
    made = kind()
    params = made.get_params(deep=False)
    assert vars(made) == params
    assert repr(made).startswith(kind.__name__)
    assert made.set_params(**params) is made
    assert clone(made).get_params(deep=False) == params


def test_what_is_learned_ends_in_an_underscore_and_is_described(fitted: BaseEstimator) -> None:
    params, text = fitted.get_params(deep=False), inspect.getdoc(type(fitted)) or ""
    learned = set(vars(fitted)) - set(params)
    assert learned
    assert [name for name in learned if not name.endswith("_")] == []
    told, _, attributes = text.partition("Attributes\n----------")
    assert [name for name in params if f"\n{name}" not in told] == []
    assert [name for name in learned if name not in attributes] == []
    assert inspect.getdoc(type(fitted).fit)


def test_nothing_is_said_before_it_is_fitted(kind: type[BaseEstimator], case: Case) -> None:
    with pytest.raises(NotFittedError):
        getattr(kind(), case.asks)(*case.by)


def test_the_same_data_give_the_same_numbers_and_a_copy_learns_anew(
    fitted: BaseEstimator, case: Case
) -> None:
    again = clone(fitted).fit(*case.fit)
    assert answer(again, case) == answer(fitted, case)
    assert type(fitted).__name__ in NOT_STORED or stored(again) == stored(fitted)


def test_plain_numbers_say_the_same_as_the_model(fitted: BaseEstimator, case: Case) -> None:
    if type(fitted).__name__ in NOT_STORED:
        return
    read = type(fitted).from_dict(json.loads(stored(fitted)))
    assert stored(read) == stored(fitted)
    assert read.get_params(deep=False) == fitted.get_params(deep=False)
    assert answer(read, case) == answer(fitted, case)
