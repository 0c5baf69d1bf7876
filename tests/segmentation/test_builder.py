"""A merchant's own segment: read from data, checked, compiled, and explained."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from typing import Any

import ibis
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # ships no types
from pandas.testing import assert_frame_equal

from segmentation import reasons
from segmentation.builder.document import (
    DEEPEST,
    MOST_CONDITIONS,
    BadDocument,
    Condition,
    Group,
    Node,
    Not,
    conditions,
    read,
    write,
)
from segmentation.builder.people import columns, expression, people, people_of
from segmentation.builder.schema import json_schema
from segmentation.builder.sentences import reasons as reasons_of
from segmentation.builder.sentences import sentence
from segmentation.builder.vocabulary import ANY, FEATURES, HEADINGS, LISTED
from segmentation.frames import DUE, PROFILES
from tests.segmentation.builders import Buy, assigned

AS_OF = date(2025, 6, 30)
NEEDS = ("shirts", "shoes", "suits")


# -- a plain reading of documents, to compare with -------------------------------------------------


def holds(plain: Mapping[str, Any], person: Mapping[Any, Any], needs: list[Any]) -> bool:
    """Whether the "who" of a document asks for a person, in plain Python."""
    if "all" in plain:
        return all(holds(part, person, needs) for part in plain["all"])
    if "any" in plain:
        return any(holds(part, person, needs) for part in plain["any"])
    if "not" in plain:
        return not holds(plain["not"], person, needs)
    feature = FEATURES[plain["feature"]]
    if not feature.of_need:
        return fits(plain, person[feature.column])
    return any(
        plain["need"] in (ANY, row["need"]) and fits(plain, value_of(plain["feature"], row))
        for row in needs
    )


def value_of(key: str, row: Mapping[str, Any]) -> Any:
    if key == "days_until_due":
        return (row["expected_on"].date() - AS_OF).days
    if key == "days_since_bought":
        return (AS_OF - row["last_on"].date()).days
    return row[FEATURES[key].column]


def fits(plain: Mapping[str, Any], value: Any) -> bool:
    if isinstance(value, float) and np.isnan(value):
        return False
    asked = plain["value"]
    said: dict[str, Callable[[Any, Any], bool]] = {
        "one_of": lambda a, v: v in a,
        "equals": lambda a, v: v == a,
        "at_least": lambda a, v: v >= a,
        "at_most": lambda a, v: v <= a,
        "between": lambda a, v: a[0] <= v <= a[1],
    }
    return bool(said[plain["is"]](asked, value))


# -- random documents and people -------------------------------------------------------------------


def numbers(key: str) -> st.SearchStrategy[Any]:
    feature = FEATURES[key]
    low = -40 if feature.least is None else int(feature.least)
    high = 60 if feature.most is None else int(feature.most)
    whole = st.integers(low, high)
    return whole if feature.kind == "whole" else whole | st.floats(low, high, allow_nan=False)


@st.composite
def asked(draw: st.DrawFn) -> dict[str, Any]:
    feature = FEATURES[draw(st.sampled_from(sorted(FEATURES)))]
    operator = draw(st.sampled_from(feature.operators))
    plain: dict[str, Any] = {"feature": feature.key, "is": operator}
    if feature.of_need:
        plain["need"] = draw(st.sampled_from((ANY, *NEEDS)))
    if feature.kind == "yes_no":
        plain["value"] = draw(st.booleans())
    elif feature.kind in LISTED:
        words = sorted(feature.words) or list(NEEDS)
        plain["value"] = draw(st.lists(st.sampled_from(words), min_size=1, unique=True))
    elif operator == "between":
        plain["value"] = sorted(draw(st.tuples(numbers(feature.key), numbers(feature.key))))
    else:
        plain["value"] = draw(numbers(feature.key))
    return plain


def groups(parts: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    several = st.lists(parts, min_size=1, max_size=3)
    return (
        st.fixed_dictionaries({"all": several})
        | st.fixed_dictionaries({"any": several})
        | st.fixed_dictionaries({"not": parts})
    )


who = st.recursive(asked(), groups, max_leaves=6).filter(lambda plain: depth(plain) <= DEEPEST)


def depth(plain: Mapping[str, Any]) -> int:
    inside = [*plain.get("all", ()), *plain.get("any", ())]
    inside += [plain["not"]] if "not" in plain else []
    return 1 + max((depth(part) for part in inside), default=0)


def figures(number: int, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Profiles and due-dates of random people of two accounts, some of it unknown."""
    random = np.random.default_rng(seed)
    profiles: dict[str, Any] = {
        "account_id": np.arange(number, dtype=np.int64) % 2,
        "person_id": np.arange(number, dtype=np.int64),
    }
    choices = {f.column: ["", *(f.words or NEEDS)] for f in FEATURES.values() if not f.of_need}
    for column, kind in PROFILES.items():
        if column in profiles:
            continue
        if kind == "int64":
            profiles[column] = random.integers(0, 6, number)
        elif kind == "float64":
            unknown = random.random(number) < 0.3
            profiles[column] = np.where(unknown, np.nan, random.integers(-20, 60, number) / 2)
        elif kind == "bool":
            profiles[column] = random.random(number) < 0.3
        elif kind == "str":
            profiles[column] = pd.Series(random.choice(choices[column], number), dtype="str")
        else:
            profiles[column] = pd.Series([[]] * number, dtype="object")
    owners = np.repeat(np.arange(number, dtype=np.int64), random.integers(0, 3, number))
    rows = len(owners)
    due: dict[str, Any] = {"account_id": owners % 2, "person_id": owners}
    due["need"] = pd.Series(
        [NEEDS[(owner + place) % 3] for place, owner in enumerate(owners)], dtype="str"
    )
    for column, kind in DUE.items():
        if column in due:
            continue
        if kind == "datetime64":
            days = random.integers(-30, 30, rows)
            due[column] = pd.to_datetime([AS_OF + timedelta(int(d)) for d in days])
        elif kind in ("int64", "Int64"):
            due[column] = random.integers(0, 5, rows)
        elif kind == "float64":
            due[column] = random.integers(0, 10, rows) / 9
        elif column == "state":
            due[column] = pd.Series(random.choice(["", "soon", "now", "late"], rows), dtype="str")
        else:
            due[column] = ""
    due["expected_on"] = due["expected_on"].astype("datetime64[us]")
    frame = pd.DataFrame(due).drop_duplicates(["person_id", "need"], ignore_index=True)
    return pd.DataFrame(profiles), frame


PEOPLE, THEIR_NEEDS = figures(120, seed=4)


@settings(max_examples=30, deadline=None)
@given(plain=who)
def test_the_expression_finds_whom_a_plain_reading_of_the_document_finds(
    plain: dict[str, Any],
) -> None:
    node = read({"version": 1, "who": plain}, NEEDS)
    asks_business = any(one.feature == "wholesale" for one in conditions(node))
    needs: dict[int, list[Any]] = {}
    for row in THEIR_NEEDS.to_dict("records"):
        needs.setdefault(row["person_id"], []).append(row)
    expected = [
        person["person_id"]
        for person in sorted(
            PEOPLE.to_dict("records"), key=lambda p: (p["account_id"], p["person_id"])
        )
        if (asks_business or not person["is_wholesale"])
        and holds(plain, person, needs.get(person["person_id"], []))
    ]
    found = people(node, PEOPLE, THEIR_NEEDS, as_of=AS_OF)
    assert found["person_id"].tolist() == expected
    assert write(node) == {"version": 1, "who": json.loads(json.dumps(plain))}


@settings(max_examples=10, deadline=None)
@given(plain=who)
def test_the_conditions_of_a_reason_alone_put_the_person_in(plain: dict[str, Any]) -> None:
    node = read({"version": 1, "who": plain})
    found = people(node, PEOPLE, THEIR_NEEDS, as_of=AS_OF).head(5)
    for person, why in zip(
        found["person_id"], reasons_of(node, found, as_of=AS_OF, currency="EUR"), strict=True
    ):
        told = [
            {key: part[key] for key in ("feature", "need", "is", "value") if key in part}
            for part in why["held"]
        ]
        again = {"all": [{"not": one} if part.get("not") else one
                         for one, part in zip(told, why["held"], strict=True)]}  # fmt: skip
        asks = Group("all", (read({"version": 1, "who": again}), _everyone()))
        assert person in people(asks, PEOPLE, THEIR_NEEDS, as_of=AS_OF)["person_id"].tolist()
        for language in ("en", "nl"):
            assert reasons.render(why, language, {}).endswith(".")


def _everyone() -> Node:
    """Business customers too."""
    business = Condition("wholesale", "equals", True)
    return Group("any", (business, Not(business)))


# -- what is not known, and who is left out --------------------------------------------------------


def profile(person: int, **known: Any) -> dict[str, Any]:
    empty = {"int64": 0, "float64": float("nan"), "bool": False, "str": "", "object": []}
    row = {column: empty[kind] for column, kind in PROFILES.items()}
    return row | {"account_id": 3, "person_id": person} | known


def found(who: dict[str, Any], *profiles: dict[str, Any]) -> list[int]:
    node = read({"version": 1, "who": who})
    frame = pd.DataFrame(profiles).astype({k: v for k, v in PROFILES.items() if v != "object"})
    due = THEIR_NEEDS.head(0)
    return list(people(node, frame, due, as_of=AS_OF)["person_id"])


def test_what_is_not_known_does_not_hold_and_its_opposite_does() -> None:
    unlikely = {"feature": "p_alive", "is": "at_most", "value": 0.2}
    known, unknown = profile(1, p_alive=0.1), profile(2)
    assert found(unlikely, known, unknown) == [1]
    assert found({"not": unlikely}, known, unknown) == [2]


def test_somebody_who_never_bought_a_thing_is_in_the_opposite_of_having_bought_it() -> None:
    bought = {"feature": "owned", "need": "suits", "is": "at_least", "value": 1}
    assert found(bought, profile(1)) == []
    assert found({"not": bought}, profile(1)) == [1]


def test_business_customers_are_left_out_until_a_condition_asks_about_them() -> None:
    consumer, business = profile(1, recency=5), profile(2, recency=5, is_wholesale=True)
    recent = {"feature": "recency", "is": "at_most", "value": 9}
    is_business = {"feature": "wholesale", "is": "equals", "value": True}
    assert found(recent, consumer, business) == [1]
    assert found({"not": recent}, consumer, business) == []
    assert found({"any": [recent, is_business]}, consumer, business) == [1, 2]


def test_one_expression_serves_any_engine_and_reads_only_what_is_asked() -> None:
    node = read({"version": 1, "who": {"feature": "due_state", "need": "suits",
                                       "is": "one_of", "value": ["now"]}})  # fmt: skip
    wanted, of_need = columns([node])
    assert set(of_need) == {"account_id", "person_id", "need", "state"}
    types = {"int64": "int64", "bool": "boolean", "str": "string"}
    profiles = ibis.table({c: types[PROFILES[c]] for c in wanted}, name="profiles")
    due = ibis.table({c: types[DUE[c]] for c in of_need}, name="due")
    for dialect in ("duckdb", "postgres", "pyspark", "snowflake"):
        assert "SELECT" in ibis.to_sql(expression([node], profiles, due, as_of=AS_OF), dialect)


@settings(max_examples=8, deadline=None)
@given(plains=st.lists(who, min_size=2, max_size=4))
def test_several_documents_at_once_are_answered_as_each_alone(plains: list[dict[str, Any]]) -> None:
    nodes = [read({"version": 1, "who": plain}, NEEDS) for plain in [*plains, plains[0]]]
    together = people_of(nodes, PEOPLE, THEIR_NEEDS, as_of=AS_OF)
    for node, found in zip(nodes, together, strict=True):
        assert_frame_equal(found, people(node, PEOPLE, THEIR_NEEDS, as_of=AS_OF))
    assert people_of([], PEOPLE, THEIR_NEEDS, as_of=AS_OF) == []


def test_the_figures_of_a_run_are_asked_as_they_are() -> None:
    buys = [Buy(person=1, on=date(2024, 1, 1) + timedelta(days=60 * n)) for n in range(8)]
    buys += [Buy(person=2, on=date(2024, 1, 10), type="Shirts", title="White shirt")]
    run = assigned(buys, date(2025, 4, 1))
    node = read(
        {"version": 1, "who": {"all": [
            {"feature": "frequency", "is": "at_least", "value": 3},
            {"feature": "days_since_bought", "need": "suits", "is": "at_most", "value": 40},
        ]}}, NEEDS
    )  # fmt: skip
    rows = people(node, run.profiles, run.due, as_of=date(2025, 4, 1))
    assert rows["person_id"].tolist() == [1]
    why = reasons_of(node, rows, as_of=date(2025, 4, 1), currency="EUR")[0]
    assert reasons.render(why, "en", {}) == (
        "Purchases: at least 3 (8); days since suits bought: at most 40."
    )


# -- words -----------------------------------------------------------------------------------------


def test_a_reason_tells_the_word_and_the_need_that_held() -> None:
    node = read(
        {"version": 1, "who": {"any": [
            {"feature": "stage", "is": "one_of", "value": ["new", "lost"]},
            {"feature": "due_state", "need": ANY, "is": "one_of", "value": ["now"]},
        ]}}
    )  # fmt: skip
    frame = pd.DataFrame([profile(1, stage="lost"), profile(2, stage="best")])
    due = THEIR_NEEDS.head(1).assign(account_id=3, person_id=2, need="shoes", state="now")
    rows = people(node, frame.drop(columns="picks").assign(picks=None), due, as_of=AS_OF)
    why = reasons_of(node, rows, as_of=AS_OF, currency="EUR")
    assert [reasons.render(one, "en", {}) for one in why] == ["Stage: Lost.", "Due for shoes: now."]
    assert [reasons.render(one, "nl", {}) for one in why] == [
        "Fase: Kwijt.",
        "Toe aan schoenen: nu.",
    ]


def test_an_exclusion_is_told_as_one() -> None:
    excluded = [
        {"feature": "value", "is": "one_of", "value": ["low"]},
        {"feature": "wholesale", "is": "equals", "value": True},
    ]
    recent = {"feature": "recency", "is": "between", "value": [10, 90]}
    plain = {"all": [recent, {"not": {"any": excluded}}]}
    node = read({"version": 1, "who": plain})
    assert sentence(node, "en", {}, "EUR") == (
        "days since the last purchase: 10 to 90 and not (expected value: Low or business "
        "customer: yes)"
    )
    frame = pd.DataFrame([profile(1, recency=30)]).assign(picks=None)
    why = reasons_of(
        node, people(node, frame, THEIR_NEEDS.head(0), as_of=AS_OF), as_of=AS_OF, currency="EUR"
    )
    assert reasons.render(why[0], "en", {}) == (
        "Days since the last purchase: 10 to 90 (31 May 2025); not expected value: Low; "
        "not business customer: yes."
    )


@pytest.mark.parametrize("language", ["en", "nl"])
def test_every_feature_has_words_for_all_that_can_be_asked_of_it(language: str) -> None:
    for feature in FEATURES.values():
        for operator in feature.operators:
            number: Any = (1, 1) if operator == "between" else 1
            listed: Any = {"word": tuple(feature.words), "need": ("suits",), "text": ("Zilte",)}
            value = (listed | {"yes_no": True}).get(feature.kind, number)
            one = Condition(feature.key, operator, value, "suits" if feature.of_need else "")
            text = sentence(one, language, {}, "EUR")
            assert "{" not in text
            assert ": " in text


def test_every_heading_begins_with_a_feature_and_none_is_above_the_first() -> None:
    firsts = [first for *_, first in HEADINGS]
    assert firsts[0] == next(iter(FEATURES))
    assert [key for key in FEATURES if key in firsts] == firsts


# -- documents that are wrong ----------------------------------------------------------------------

RECENT = {"feature": "recency", "is": "at_most", "value": 30}


@pytest.mark.parametrize(
    ("document", "told"),
    [
        pytest.param([], ["document: expected an object"], id="no object"),
        pytest.param({"who": RECENT}, ["version: expected 1"], id="no version"),
        pytest.param({"version": 2, "who": RECENT}, ["version: expected 1"], id="of the future"),
        pytest.param({"version": 1},
                     ['who: expected an object with one of "all", "any", "not", "feature"'],
                     id="nobody"),
        pytest.param({"version": 1, "who": {"all": [RECENT], "any": [RECENT]}},
                     ['who: expected an object with one of "all", "any", "not", "feature"'],
                     id="all and any at once"),
        pytest.param({"version": 1, "who": {"all": []}},
                     ["who.all: expected a list with at least one condition"], id="empty group"),
        pytest.param({"version": 1, "who": {"any": [RECENT, RECENT | {"is": "equal"}]}},
                     ['who.any[1].is: expected one of "at_least", "at_most", "between", "equals"'],
                     id="an operator that does not exist"),
        pytest.param({"version": 1, "who": {"not": RECENT | {"value": 1.5}}},
                     ["who.not.value: expected a whole number from 0"], id="half a day"),
        pytest.param({"version": 1, "who": RECENT | {"is": "between", "value": [9, 3]}},
                     ["who.value[1]: expected a number from 9"], id="the wrong way round"),
        pytest.param({"version": 1, "who": RECENT | {"need": "suits"}},
                     ['who.need: expected nothing but "feature", "is", "value"'],
                     id="a need where none is asked for"),
        pytest.param({"version": 1, "who": {"feature": "owned", "is": "at_least", "value": 1}},
                     ['who.need: expected one of "any", "shirts", "shoes", "suits"'],
                     id="no need where one is asked for"),
        pytest.param({"version": 1, "who": {"feature": "p_alive", "is": "at_most", "value": 20}},
                     ["who.value: expected a number from 0 to 1"], id="a percentage as a chance"),
        pytest.param({"version": 1, "who": {"all": [
            {"feature": "stage", "is": "one_of", "value": ["new", "gone"]},
            {"feature": "wholesale", "is": "equals", "value": "yes"}]}},
                     ['who.all[0].value[1]: expected one of "new", "second-order-due", "regular", '
                      '"best", "at-risk", "lost"', "who.all[1].value: expected true or false"],
                     id="every place at once"),
    ],
)  # fmt: skip
def test_a_wrong_document_is_told_where_and_what_was_expected(
    document: Any, told: list[str]
) -> None:
    with pytest.raises(BadDocument) as error:
        read(document, NEEDS)
    assert [problem.text("en") for problem in error.value.problems] == told
    assert all("verwacht werd" in problem.text("nl") for problem in error.value.problems)


def test_permission_is_nothing_a_condition_can_ask_about() -> None:
    with pytest.raises(BadDocument, match=r"who\.feature"):
        read({"version": 1, "who": {"feature": "consent", "is": "equals", "value": True}})


def test_a_document_has_an_end() -> None:
    many = {"version": 1, "who": {"all": [RECENT] * (MOST_CONDITIONS + 1)}}
    with pytest.raises(BadDocument, match=f"at most {MOST_CONDITIONS} conditions"):
        read(many)
    deep: dict[str, Any] = dict(RECENT)
    for _ in range(500):
        deep = {"not": deep}
    with pytest.raises(BadDocument, match=f"at most {DEEPEST} groups one in another"):
        read({"version": 1, "who": deep})


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3)
    | st.sampled_from(("any", "suits", "now", "at_least", "recency")),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(("version", "who", "all", "any", "not", "feature", "is", "value", "need")),
        inner, max_size=4),
    max_leaves=8,
)  # fmt: skip


@st.composite
def nearly_right(draw: st.DrawFn) -> Any:
    """A right document with something else somewhere."""
    document = {"version": 1, "who": draw(who)}
    place: Any = document
    while True:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        key = draw(st.sampled_from(keys))
        if not isinstance(place[key], dict | list) or not place[key] or draw(st.booleans()):
            place[key] = draw(anything)
            return document
        place = place[key]


SCHEMA = json_schema(NEEDS)


@settings(max_examples=60, deadline=None)
@given(document=nearly_right())
def test_the_schema_and_the_reader_agree(document: Any) -> None:
    try:
        read(document, NEEDS)
        problems: list[str] = []
    except BadDocument as error:
        problems = [problem.expected_en for problem in error.problems]
    validator = Draft202012Validator(SCHEMA)
    # What a schema cannot say: the larger number comes second, and a document has an end.
    beyond = ("a number from ", "at most ")
    only_beyond = bool(problems) and all(text.startswith(beyond) for text in problems)
    if not only_beyond:
        assert validator.is_valid(document) == (not problems), problems


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    Draft202012Validator.check_schema(json_schema())
