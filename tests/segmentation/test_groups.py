"""Ever finer groups and kinds of customers: found where they are, refused where they are not."""

from __future__ import annotations

import json
from functools import cache

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.metrics import adjusted_rand_score

from segmentation.groups import attributes
from segmentation.groups.clusters import REPEATERS, Clusters, likeness
from segmentation.groups.keys import TRAITS, has_tag
from segmentation.groups.learned import Groups
from segmentation.groups.members import group_rows
from segmentation.groups.tree import GroupTree

_DAYS = 1_000
_NEEDS = {"men": ["suits", "shirts", "ties", "belts", "socks", "shoes", "coats", "vests"],
          "women": ["dresses", "skirts", "tops", "bags", "scarves", "boots", "gowns", "rings"],
          "": ["pens", "pads", "mugs", "lamps", "plants", "books", "vases", "clocks"]}  # fmt: skip
_COLOURS = np.array(["navy", "green", "red", "white"])


def _shop(sides: tuple[str, ...], *, loyal: bool, people: int = 600) -> pd.DataFrame:
    """Return purchases; `loyal` people take three colours of four times out of five their own."""
    rng = np.random.default_rng(3)
    person = np.repeat(np.arange(people), 12)
    department = np.array(sides)[person % len(sides)]
    pick = (rng.random(person.size) ** 2 * 8).astype(int)
    own = rng.random(person.size) < (0.8 if loyal else 0.0)
    colour = np.where(own, person // len(sides) % 4, rng.integers(0, 4, person.size))
    need = [_NEEDS[side][which] for side, which in zip(department, pick, strict=True)]
    text = {"department": department, "need": need, "colour": _COLOURS[colour]}
    rest = dict.fromkeys(("style", "brand", "material", "size", "price"), "")
    days = rng.integers(0, _DAYS, person.size)
    frame = pd.DataFrame({"person_id": person, "day": days, **text, **rest})
    return frame.sort_values(["person_id", "need", "day"], ignore_index=True)


@cache
def _tree() -> tuple[pd.DataFrame, GroupTree]:
    bought = _shop(("men", "women"), loyal=True)
    return bought, GroupTree(minimum=50).fit(bought)


def test_people_are_split_by_what_foretells_their_purchases() -> None:
    _, tree = _tree()
    keys = {group.key for group in tree.groups_}
    assert {"menswear", "womenswear", "menswear:colour-navy", "womenswear:colour-red"} <= keys
    assert all(group.precision > group.larger for group in tree.groups_)


def test_nobody_is_split_where_all_buy_alike() -> None:
    assert GroupTree(minimum=50).fit(_shop(("",), loyal=False)).groups_ == []


def test_a_split_that_foretells_nothing_is_not_made() -> None:
    tree = GroupTree(minimum=50).fit(_shop(("men", "women"), loyal=False))
    assert [group.key for group in tree.groups_] == ["menswear", "womenswear"]


def test_no_group_is_smaller_than_the_minimum() -> None:
    bought, tree = _tree()
    finest = tree.transform(attributes.labels(bought))
    for group in tree.groups_:
        inside = finest.eq(group.key) | finest.str.startswith(f"{group.key}:")
        assert inside.sum() == group.people >= 50
    larger = GroupTree(minimum=200).fit(bought)
    assert {g.key for g in larger.groups_} == {"menswear", "womenswear"}


def test_a_group_there_was_needs_less_proof_to_stay() -> None:
    bought, _ = _tree()
    doubtful = GroupTree(minimum=50, certainty=1e6)
    assert doubtful.fit(bought).groups_ == []
    kept = clone(doubtful).fit(bought, kept=["menswear", "menswear:colour-navy"])
    assert [g.key for g in kept.groups_] == ["menswear", "menswear:colour-navy"]


def test_a_history_of_weeks_makes_no_groups() -> None:
    bought, _ = _tree()
    tree = GroupTree(minimum=50).fit(bought[bought["day"] < 150])
    assert (tree.groups_, tree.window_days_) == ([], 0)
    assert GroupTree().fit(bought[:0]).groups_ == []


def test_a_tree_is_plain_numbers() -> None:
    bought, tree = _tree()
    again = GroupTree.from_dict(json.loads(json.dumps(tree.to_dict())))
    now = attributes.labels(bought)
    assert again.transform(now).equals(tree.transform(now))
    assert again.to_dict() == tree.to_dict()


def test_a_detail_is_a_persons_own_from_two_items_and_a_third_on() -> None:
    rows = [(1, "navy"), (1, "navy"), (1, "red"), (1, ""), (2, "navy"), (3, "navy"), (3, "navy"),
            (3, "red"), (3, "red"), (4, "red"), (4, "red"), *[(4, c) for c in "abcde"]]  # fmt: skip
    bought = pd.DataFrame(rows, columns=["person_id", "colour"])
    persons = pd.Series([1, 2, 3, 4])
    # One item, two colours alike, and two of seven tell nothing.
    value, items, known = attributes.leaning(bought, persons, "colour")
    assert value.tolist() == ["navy", "", "", ""]
    assert (items.tolist(), known.tolist()) == ([2, 0, 0, 0], [3, 1, 4, 7])


def test_prices_that_creep_move_nobody() -> None:
    days = pd.DataFrame({"need": "suits", "price": np.arange(100.0, 200.0)})
    first = attributes.price_levels(days, {})
    assert first == {"suits": [pytest.approx(133), pytest.approx(166)]}
    assert attributes.price_levels(days.assign(price=days["price"] * 1.1), first) == first
    assert attributes.price_levels(days.assign(price=days["price"] * 1.3), first) != first
    assert attributes.price_levels(days[:20], {}) == {}


# -- kinds of customers ----------------------------------------------------------------------------


def _people(seed: int = 1, each: int = 150, kinds: int = 3) -> pd.DataFrame:
    """Return regulars, newcomers and people who left, in this order."""
    rng = np.random.default_rng(seed)
    centres = [(20, 30, 9_000, 1_500, 8), (15, 6, 3_000, 15, 2), (900, 7, 4_000, 1_400, 2)][:kinds]
    logs = np.concatenate([rng.normal(np.log(c), 0.15, (each, len(TRAITS))) for c in centres])
    return pd.DataFrame(np.exp(logs), columns=list(TRAITS))


def test_the_kinds_of_customers_there_are_are_found() -> None:
    people = _people()
    model = Clusters().fit(people)
    found = model.predict(people).reshape(3, -1)
    assert sorted(map(set, found.tolist()), key=min) == [{1}, {2}, {3}]
    told = {c.number: dict(c.told) for c in model.clusters_}
    assert told[found[0, 0]].items() <= {
        "frequency": "high", "breadth": "high", "monetary_value": "high"
    }.items()  # fmt: skip
    assert told[found[1, 0]]["tenure"] == "low"
    assert told[found[2, 0]]["recency"] == "high"


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 6)), min_size=1, max_size=60))
def test_two_clusterings_are_as_alike_as_scikit_learn_says(pairs: list[tuple[int, int]]) -> None:
    one, other = (np.array(labels) for labels in zip(*pairs, strict=True))
    assert likeness(one, other) == adjusted_rand_score(one, other)


def test_a_cluster_keeps_its_number_and_name_from_one_fit_to_the_next() -> None:
    first = Clusters().fit(_people())
    later = _people(seed=5, each=260)[::-1].assign(recency=lambda p: p["recency"] + 30)
    second = Clusters(random_state=9).fit(later, earlier=first)
    assert [(c.number, c.told) for c in second.clusters_] == [
        (c.number, c.told) for c in first.clusters_
    ]
    assert (second.predict(_people()) == first.predict(_people())).all()


def test_a_new_kind_of_customers_gets_a_number_that_nobody_had() -> None:
    first = Clusters(most=4).fit(_people(kinds=2))
    second = Clusters(most=4).fit(_people(kinds=3), earlier=first)
    assert [c.number for c in first.clusters_] == [1, 2]
    assert [c.number for c in second.clusters_] == [1, 2, 3]
    assert [c.told for c in second.clusters_[:2]] == [c.told for c in first.clusters_]


def test_somebody_between_two_clusters_stays_where_he_was() -> None:
    model = Clusters().fit(_people())
    one, other = (np.array(c.centre) for c in model.clusters_[:2])
    logs = (0.5 * (one + other)) * model.spread_ + model.mean_
    between = pd.DataFrame([np.expm1(logs)], columns=list(TRAITS))
    assert [model.predict(between, [n]).tolist() for n in (1, 2)] == [[1], [2]]


def test_a_shop_without_kinds_of_customers_is_told_so() -> None:
    cloud = np.exp(np.random.default_rng(2).normal(5, 0.3, (800, len(TRAITS))))
    model = Clusters(most=4).fit(pd.DataFrame(cloud, columns=list(TRAITS)))
    assert model.refused_ is not None
    assert model.refused_["what"] == "stability"
    assert model.clusters_ == []


def test_a_small_shop_is_told_how_many_customers_are_missing() -> None:
    people = _people(each=REPEATERS // 3)
    model = Clusters().fit(people)
    assert model.refused_ == {"what": "repeaters", "needed": 200, "there": len(people)}
    assert model.predict(people).tolist() == [0] * len(people)
    assert Clusters().fit(people[:0]).predict(people).sum() == 0


def test_clusters_are_plain_numbers() -> None:
    model = clone(Clusters(most=5)).fit(_people())
    again = Clusters.from_dict(json.loads(json.dumps(model.to_dict())))
    assert again.to_dict() == model.to_dict()
    assert (again.predict(_people()) == model.predict(_people())).all()


# -- groups that a merchant asks for ---------------------------------------------------------------


def _rows(tree: GroupTree, asked: tuple[str, ...] = ()) -> dict[str, set[int]]:
    """Return who is in which group."""
    bought, _ = _tree()
    groups = Groups(prices={}, tree=tree, clusters=Clusters(), texts={})
    known = attributes.labels(bought)
    profiles = known.rename(columns={"need": "favourite"})
    found: dict[str, set[int]] = {}
    for person, segment, _ in group_rows(profiles, bought, groups, asked):
        found.setdefault(segment.partition(":")[2], set()).add(person)
    return found


def test_a_cut_that_does_not_pay_is_remembered_and_there_when_it_is_asked_for() -> None:
    bought, _ = _tree()
    strict = GroupTree(minimum=50, certainty=50.0).fit(bought)
    left_out = {group.key: group for group in strict.left_out_}
    assert "colour-navy" in left_out
    assert not set(left_out) & {group.key for group in strict.groups_}
    assert all(has_tag(group.path) for group in left_out.values())
    again = GroupTree.from_dict(json.loads(json.dumps(strict.to_dict())))
    before = _rows(again)
    asked = _rows(again, ("colour-navy", "no-such-group"))
    assert {key: asked[key] for key in before} == before
    navy = attributes.labels(bought).query("colour == 'navy'")["person_id"]
    assert asked.keys() - before.keys() == {"colour-navy"}
    assert asked["colour-navy"] == set(navy)


def test_a_finer_group_of_the_tree_is_offered_when_it_is_asked_for() -> None:
    _, tree = _tree()
    few = GroupTree.from_dict(tree.to_dict()).set_params(most_offered=1)
    (kept,) = few.offered()
    other = next(g.key for g in few.groups_ if has_tag(g.path) and g.key != kept.key)
    assert {group.key for group in few.offered((other,))} == {kept.key, other}
    assert set(_rows(few, (other,))) == {kept.key, other}
