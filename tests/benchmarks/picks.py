"""The next basket on public orders: which ten products would a person have bought?

What others bought as well is counted beside as many popular products: the share of people shown
something who bought one of it later. The gate is judged by days before those that are counted.

The last basket of each person is the target, everything before it the history. Recall@10, NDCG@10
(ideal: all target products first) and the share of people with at least one hit; beside popularity
for all and the person's own frequencies, filled up by popularity. How fast the model forgets, and
that kinds lend their rates, was looked at on the basket before the last and on the last one too,
which agreed; so the figures are not blind. The other weights are round numbers.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from segmentation.picks.also import AlsoBought
from segmentation.picks.rate import PersonalRate
from tests.benchmarks.duedates import complete_journey
from tests.benchmarks.result import Result

_SHOWN = 10
#: Complete Journey as in the measured figures: products, baskets, and days looked back.
_PURCHASES, _BASKETS, _DAYS = 17, 3, 50
#: Days at the end in which hits of what others bought are counted.
_LATER = 60


def run(data: Path) -> list[Result]:
    """Measure on both sets."""
    peers = {"recall@10": 0.1400, "NDCG@10": 0.1205}
    bars = {"recall@10": 0.142, "NDCG@10": 0.122}
    baskets = ta_feng(data)
    found = _results("Ta-Feng", baskets, None, bars, peers)
    bought, kinds = journey(data)
    peers = {"recall@10": 0.1677, "NDCG@10": 0.1691}
    found += _results("Complete Journey", bought, kinds, {"recall@10": 0.170}, peers)
    found.append(_beside_category(bought, kinds))
    for name, lines in (
        ("Online Retail", online_retail(data)),
        ("Complete Journey", _purchases(complete_journey(data).lines)),
    ):
        eve = int(lines["day"].max()) - _LATER
        late = (lines["day"] > eve).to_numpy()
        found += _also(name, lines[~late], lines[late], eve)
    # Baskets of this set have numbers and no days: they cannot be cut by days for the gate.
    late = baskets["is_target"].to_numpy()
    return [*found, *_also("Ta-Feng", baskets[~late], baskets[late], None)]


def online_retail(data: Path) -> pd.DataFrame:
    """Return person_id, day and product_id of the first half of a web shop's year."""
    rows = pd.read_parquet(data / "online_retail_part_a.parquet")
    sold = rows["CustomerID"].notna() & (rows["Quantity"] > 0) & (rows["UnitPrice"] > 0)
    rows = rows[sold.to_numpy()]
    named = {"CustomerID": "person_id", "InvoiceDate": "ordered_on"}
    rows = rows.rename(columns=named).assign(product_id=pd.factorize(rows["StockCode"])[0])
    return _purchases(rows)


def _purchases(lines: pd.DataFrame) -> pd.DataFrame:
    day = lines["ordered_on"].to_numpy().astype("datetime64[D]").astype(np.int64)
    ids = {name: lines[name].astype("int64") for name in ("person_id", "product_id")}
    return pd.DataFrame({**ids, "day": day}).drop_duplicates(ignore_index=True)


def _also(name: str, past: pd.DataFrame, later: pd.DataFrame, eve: int | None) -> list[Result]:
    """Count hits in days that neither rules nor gate have seen."""
    none = pd.Series(dtype="int64")
    past = past.assign(kind=-1)
    if eve is None:
        model = AlsoBought().learn(past, int(past["day"].max()))
        is_open = model.tried_on(past, later, none).low > 0
    else:
        model = AlsoBought().fit(past, eve, kinds=none, lasting=())
        is_open = model.closed == ""
    later = later[later["person_id"].isin(past["person_id"])]
    tried = model.tried_on(past, later, none)
    ours, popular = tried.hits / tried.people, tried.popular / tried.people
    rates = Result(
        set=name,
        metric="others also bought, share of people with a hit, gate "
        + ("open" if is_open else "closed by itself: nothing is shown"),
        ours=round(ours, 4),
        bar=round(popular, 4) if is_open else None,
        baseline=round(popular, 4),
    )
    shown = Result(
        set=name,
        metric="others also bought, share of buyers with something to show",
        ours=round(tried.people / later["person_id"].nunique(), 3),
    )
    return [rates, shown]


def _beside_category(bought: pd.DataFrame, kinds: pd.Series) -> Result:
    """Compare with popularity in category: a person's share of each kind, times the product's."""
    target = bought[bought["is_target"]]
    history = bought.loc[~bought["is_target"], ["person_id", "day", "product_id"]]
    history = history[history["person_id"].isin(target["person_id"])]
    kind = history["product_id"].map(kinds)
    times = history.groupby("product_id").size().rename("times").reset_index()
    times["kind"] = times["product_id"].map(kinds)
    times["of_kind"] = times["times"] / times.groupby("kind")["times"].transform("sum")
    best = times.sort_values("of_kind", ascending=False).groupby("kind").head(_SHOWN)
    own = history.groupby(["person_id", kind.rename("kind")]).size().rename("own").reset_index()
    rows = own.merge(best, on="kind")
    rows["score"] = rows["own"] * rows["of_kind"]
    rows = rows.sort_values(["person_id", "score", "product_id"], ascending=[True, False, True])
    rows["rank"] = rows.groupby("person_id").cumcount() + 1
    theirs = metrics(rows[rows["rank"] <= _SHOWN], target)["recall@10"]
    shown = PersonalRate().fit(history, kinds=kinds).predict(history, n=_SHOWN)
    return Result(
        set="Complete Journey",
        metric="next basket, recall@10 over that of popularity in a person's categories",
        ours=round(metrics(shown, target)["recall@10"] / theirs, 3),
        bar=1.0,
    )


def ta_feng(data: Path) -> pd.DataFrame:
    """Return person_id, day (number of the basket), product_id and is_target."""
    baskets = pd.read_parquet(data / "tafeng_baskets.parquet")
    names = {"user_id": "person_id", "basket_no": "day", "item_id": "product_id"}
    return baskets.rename(columns=names).astype({"person_id": "int64", "day": "int64"})


def journey(data: Path) -> tuple[pd.DataFrame, pd.Series]:
    """Return the grocer's last 50 shopping days of each household, and the products' types."""
    frames = complete_journey(data)
    lines = frames.lines
    day = lines["ordered_on"].to_numpy().astype("datetime64[D]").astype(np.int64)
    bought = pd.DataFrame(
        {
            "person_id": lines["person_id"].astype("int64"),
            "day": day,
            "product_id": lines["product_id"].astype("int64"),
        }
    ).drop_duplicates(ignore_index=True)
    times = bought["product_id"].map(bought.groupby("product_id").size())
    bought = bought[times >= _PURCHASES]
    number = bought.groupby("person_id")["day"].rank(method="dense")
    last = number.groupby(bought["person_id"]).transform("max")
    bought = bought.assign(is_target=number == last)
    bought = bought[(last >= _BASKETS) & (number > last - _DAYS)].reset_index(drop=True)
    return bought, frames.products.set_index("product_id")["product_type"]


def _results(
    name: str,
    bought: pd.DataFrame,
    kinds: pd.Series | None,
    bars: dict[str, float],
    peers: dict[str, float],
) -> list[Result]:
    target = bought[bought["is_target"]]
    history = bought.loc[~bought["is_target"], ["person_id", "day", "product_id"]]
    history = history[history["person_id"].isin(target["person_id"])]
    ours = PersonalRate().fit(history, kinds=kinds).predict(history, n=_SHOWN)
    measured = metrics(ours, target)
    popular = metrics(_by_count(history, own=False), target)
    own = metrics(_by_count(history, own=True), target)
    results = [
        Result(
            set=name,
            metric=f"next basket, {metric}",
            ours=round(value, 4),
            bar=bars.get(metric),
            baseline=round(popular[metric], 4),
            peer=peers.get(metric),
        )
        for metric, value in measured.items()
    ]
    # What product.md asks of recommendations: a fifth above popularity for all.
    above = measured["recall@10"] / popular["recall@10"]
    frequency = Result(
        set=name,
        metric="next basket, recall@10 over that of a person's own frequencies",
        ours=round(measured["recall@10"] / own["recall@10"], 3),
        bar=1.0,
    )
    times = Result(
        set=name,
        metric="next basket, recall@10 over that of popularity",
        ours=round(above, 3),
        bar=1.2,
    )
    return [*results, times, frequency]


def metrics(shown: pd.DataFrame, target: pd.DataFrame) -> dict[str, float]:
    """Return means over the persons of `target` of recall, NDCG and whether there was a hit."""
    wanted = target[["person_id", "product_id"]].drop_duplicates().assign(hit=1.0)
    size = wanted.groupby("person_id").size()
    hits = shown.merge(wanted, on=["person_id", "product_id"])
    gain = 1 / np.log2(hits["rank"] + 1)
    per_person = pd.DataFrame({"hits": hits["hit"], "gain": gain}).groupby(hits["person_id"]).sum()
    per_person = per_person.reindex(size.index, fill_value=0.0)
    ideal = np.cumsum(1 / np.log2(np.arange(2, size.max() + 2)))[size - 1]
    return {
        "recall@10": float((per_person["hits"] / size).mean()),
        "NDCG@10": float((per_person["gain"] / ideal).mean()),
        "share of people with a hit": float((per_person["hits"] > 0).mean()),
    }


def _by_count(history: pd.DataFrame, *, own: bool) -> pd.DataFrame:
    """Rank by how often everybody bought it; with `own`, by the person's own count before that."""
    times = history.groupby("product_id").size()
    best = times.sort_values(ascending=False, kind="stable").index[: _SHOWN * 2]
    persons = history["person_id"].unique()
    rows = pd.DataFrame(
        {"person_id": np.repeat(persons, best.size), "product_id": np.tile(best, persons.size)}
    )
    if own:
        rows = pd.concat([rows, history[["person_id", "product_id"]].drop_duplicates()])
        rows = rows.drop_duplicates()
    counts = history.groupby(["person_id", "product_id"]).size().rename("own").reset_index()
    rows = rows.merge(counts, on=["person_id", "product_id"], how="left").fillna({"own": 0})
    rows["all"] = rows["product_id"].map(times)
    by = ["own", "all"] if own else ["all"]
    rows = rows.sort_values(
        ["person_id", *by, "product_id"], ascending=[True, *[False] * len(by), True]
    )
    rows["rank"] = rows.groupby("person_id").cumcount() + 1
    return rows[rows["rank"] <= _SHOWN]
