"""The sample shop's products: what hangs there, since when, until when, for how much."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from connectors.demo.needs import NEEDS, SIZES
from connectors.demo.words import BRANDS, COLOURS, CUTS

Ints: TypeAlias = NDArray[np.int64]
Floats: TypeAlias = NDArray[np.float64]
Bools: TypeAlias = NDArray[np.bool_]

#: About this many products in all.
PRODUCTS = 1_200
#: The first ones of each group are never taken out of the collection.
EVERGREEN = 3
#: Colours a product comes in, at most.
MAX_COLOURS = 3
#: A day later than any other.
NEVER = 1_000_000

#: Width of each need's size run.
SIZE_COUNT = np.array([len(SIZES[need.sizes]) for need in NEEDS])


@dataclass(frozen=True)
class Catalogue:
    """Columns of n products. A *group* is the products of one need and department.

    Days count from the first day of the shop's data and may lie before it.
    """

    need: Ints
    department: Ints
    style: Ints
    #: Euro cents, taxes in.
    price: Ints
    #: First day it could be bought, and the first day it no longer could (NEVER: still can).
    launched: Ints
    retired: Ints
    #: (n, MAX_COLOURS) indices of COLOURS; only the first `colour_count` count.
    colours: Ints
    colour_count: Ints
    brand: Ints
    cut: Ints
    #: Without a product type and category, only the title tells what it is.
    unlabelled: Bools
    #: Groups as (need * 3 + department): the first product and how many.
    group_start: Ints
    group_count: Ints


def generate(rng: np.random.Generator, days: int) -> Catalogue:
    """Return a catalogue for `days` days of trade."""
    need, department, counts = _groups()
    start = np.cumsum(counts) - counts
    total = int(counts.sum())
    needs = np.repeat(need, counts)
    nth = np.arange(total) - np.repeat(start, counts)
    evergreen = nth < EVERGREEN
    launched = np.where(
        rng.random(total) < 0.3, rng.integers(-700, 0, total), rng.integers(0, days - 20, total)
    )
    retired = launched + rng.integers(450, 1500, total)
    group_start = np.zeros(len(NEEDS) * 3, dtype=np.int64)
    group_count = np.zeros(len(NEEDS) * 3, dtype=np.int64)
    group_start[need * 3 + department] = start
    group_count[need * 3 + department] = counts
    return Catalogue(
        need=needs,
        department=np.repeat(department, counts),
        style=np.array([one.style for one in NEEDS])[needs],
        price=_prices(rng, needs),
        launched=np.where(evergreen, -700 - nth, launched),
        retired=np.where(evergreen | (retired >= days), NEVER, retired),
        colours=np.argsort(rng.random((total, len(COLOURS))), axis=1)[:, :MAX_COLOURS],
        colour_count=rng.integers(1, MAX_COLOURS + 1, total),
        brand=rng.integers(0, len(BRANDS), total),
        cut=rng.integers(0, len(CUTS[0]), total),
        unlabelled=rng.random(total) < 0.05,
        group_start=group_start,
        group_count=group_count,
    )


def pick(
    rng: np.random.Generator,
    catalogue: Catalogue,
    need: Ints,
    department: Ints,
    day: Ints,
    level: Floats,
) -> Ints:
    """Return a product for each purchase: of that group, on sale that day, near the price level.

    `level` is the log of what a person pays relative to the usual price. The evergreen products
    step in where a few tries found none.
    """
    group = need * 3 + department
    start, count = catalogue.group_start[group], catalogue.group_count[group]
    chosen: Ints = start + rng.integers(0, EVERGREEN, need.size)
    usual = np.array([one.price for one in NEEDS]) * 100.0
    todo = np.arange(need.size)
    for _ in range(8):
        tried = start[todo] + (rng.random(todo.size) * count[todo]).astype(np.int64)
        on_sale = (catalogue.launched[tried] <= day[todo]) & (day[todo] < catalogue.retired[tried])
        distance = np.log(catalogue.price[tried] / usual[need[todo]]) - level[todo]
        taken = on_sale & (rng.random(todo.size) < np.exp(-2 * distance**2))
        chosen[todo[taken]] = tried[taken]
        todo = todo[~taken]
    return chosen


def _groups() -> tuple[Ints, Ints, Ints]:
    pairs = [(i, d) for i, need in enumerate(NEEDS) for d in need.departments]
    weights = np.array([NEEDS[i].weight for i, _ in pairs])
    counts = np.maximum(12, np.round(weights / weights.sum() * PRODUCTS)).astype(np.int64)
    return np.array([i for i, _ in pairs]), np.array([d for _, d in pairs]), counts


def _prices(rng: np.random.Generator, need: Ints) -> Ints:
    usual = np.array([one.price for one in NEEDS])[need]
    euros: Floats = np.maximum(4, np.round(usual * np.exp(rng.normal(0, 0.25, need.size))))
    return (euros * 100 - 5).astype(np.int64)  # 69.95
