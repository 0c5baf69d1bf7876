"""The form of a segment of one's own: from what is typed to a document, and back."""

from __future__ import annotations

from typing import Any

import pytest

from integration.own.form import Form, Row, Rows, change, document, form_of, read_form, wrong_rows
from segmentation.builder.document import read

LATELY = {"feature": "recency", "is": "at_most", "value": 30}
RICH = {"feature": "revenue", "is": "at_least", "value": 10050}
DUE = {"feature": "due_state", "need": "suits", "is": "one_of", "value": ["now", "late"]}
NOT_LOW = {"not": {"feature": "value", "is": "one_of", "value": ["low"]}}
WORK = {"feature": "wholesale", "is": "equals", "value": True}


def again(who: dict[str, Any]) -> dict[str, Any] | None:
    """The document that is kept when a form is opened and kept as it is; None without a form."""
    form = form_of(read({"version": 1, "who": who}), "EUR")
    kept = document(form, "EUR") if form is not None else None
    return kept["who"] if kept is not None else None


@pytest.mark.parametrize(
    "who",
    [
        pytest.param({"all": [LATELY, RICH, NOT_LOW]}, id="one group"),
        pytest.param({"any": [DUE, WORK]}, id="at least one of a group"),
        pytest.param({"any": [{"all": [LATELY, RICH]}, {"any": [DUE, NOT_LOW]}]}, id="two groups"),
        pytest.param({"all": [{"any": [LATELY, RICH]}, {"not": {"any": [DUE]}}]}, id="left out"),
        pytest.param({"not": {"all": [DUE, WORK]}}, id="everybody but those left out"),
        pytest.param({"all": [{"feature": "owned", "need": "any", "is": "equals", "value": 2}]},
                     id="exactly so many"),
        pytest.param({"all": [{"feature": "p_alive", "is": "between", "value": [0.125, 0.29]}]},
                     id="per cent"),
        pytest.param({"all": [{"feature": "days_until_due", "need": "any", "is": "at_most",
                               "value": -7}]}, id="below zero"),
        pytest.param({"all": [{"feature": "favourite", "is": "one_of", "value": ["shoes"]}]},
                     id="needs"),
    ],
)  # fmt: skip
def test_a_document_that_the_form_made_is_the_same_after_opening_and_keeping(
    who: dict[str, Any],
) -> None:
    assert again(who) == who


def test_a_condition_alone_and_loose_ones_beside_groups_have_a_form_too() -> None:
    assert again(RICH) == {"all": [RICH]}
    assert again(NOT_LOW) == {"all": [NOT_LOW]}
    assert again({"any": [RICH, {"all": [LATELY, WORK]}]}) == {
        "any": [{"all": [RICH]}, {"all": [LATELY, WORK]}]
    }
    assert again({"all": [LATELY, RICH, {"not": {"any": [DUE]}}]}) == {
        "all": [{"all": [LATELY, RICH]}, {"not": {"any": [DUE]}}]
    }


@pytest.mark.parametrize(
    "who",
    [
        pytest.param({"all": [{"any": [{"all": [LATELY, RICH]}, DUE]}, RICH]}, id="three deep"),
        pytest.param({"any": [LATELY, {"not": {"any": [DUE, RICH]}}]}, id="a group's opposite"),
        pytest.param({"not": {"not": LATELY}}, id="not not"),
    ],
)
def test_what_is_deeper_than_the_form_has_none(who: dict[str, Any]) -> None:
    assert again(who) is None


def test_what_is_typed_is_in_the_units_of_people() -> None:
    form = read_form(
        {
            "joint": ["all"],
            "0.joint": ["all"],
            "0.0.feature": ["revenue"], "0.0.low": ["100,5"], "0.0.high": [""],
            "0.1.feature": ["p_alive"], "0.1.low": [" 10 "], "0.1.high": ["12.5"],
            "0.2.feature": ["recency"], "0.2.low": ["30"], "0.2.high": ["30"], "0.2.not": ["not"],
            "x.0.feature": ["shops"], "x.0.words": ["menswear", "both"],
            "0.3.feature": ["shoe size"],
        }
    )  # fmt: skip
    assert document(form, "EUR") == {
        "version": 1,
        "who": {
            "all": [
                {"all": [
                    {"feature": "revenue", "is": "at_least", "value": 10050},
                    {"feature": "p_alive", "is": "between", "value": [0.1, 0.125]},
                    {"not": {"feature": "recency", "is": "equals", "value": 30}},
                ]},
                {"not": {"any": [
                    {"feature": "shops", "is": "one_of", "value": ["menswear", "both"]}]}},
            ]
        },
    }  # fmt: skip
    (yen,) = document(Form(groups=[Rows(rows=[form.groups[0].rows[0]])]), "JPY")["who"]["all"]  # type: ignore[index]  # it has a condition
    assert yen["value"] == 100.5


@pytest.mark.parametrize(
    ("low", "high"),
    [("", ""), ("soon", ""), ("", "-1"), ("1.5", ""), ("9", "8"), ("NaN", ""), ("1e999999", "")],
)
def test_what_is_no_figure_is_told_at_its_condition_and_nothing_is_lost(
    low: str, high: str
) -> None:
    row = Row(feature="frequency", low=low, high=high)
    form = Form(groups=[Rows(), Rows(rows=[Row(feature="wholesale"), row])])
    assert wrong_rows(form, "EUR", ()) == {"1.1": row}
    assert (row.low, row.high) == (low, high)


def test_buttons_add_and_take_away_conditions_and_groups() -> None:
    form = Form()
    change(form, "add.0", {"0.add": ["recency"]})
    change(form, "add.0", {"0.add": ["revenue"]})
    change(form, "group", {})
    change(form, "add.1", {"1.add": ["stage"]})
    change(form, "add.x", {"x.add": ["wholesale"]})
    change(form, "drop.0.0", {})
    assert [(key, [row.feature for row in group.rows]) for key, group in form.parts()] == [
        ("0", ["revenue"]), ("1", ["stage"]), ("x", ["wholesale"]),
    ]  # fmt: skip
    change(form, "ungroup.0", {})
    change(form, "ungroup.0", {})
    assert [(key, len(group.rows)) for key, group in form.parts()] == [("0", 0), ("x", 1)]


@pytest.mark.parametrize("do", ["add.7", "add.0", "drop.0.9", "drop.y.0", "ungroup.8", "dance", ""])
def test_a_button_that_is_not_there_changes_nothing(do: str) -> None:
    form = Form(groups=[Rows(rows=[Row(feature="recency")])])
    change(form, do, {"0.add": ["shoe size"], "7.add": ["recency"]})
    assert form == Form(groups=[Rows(rows=[Row(feature="recency")])])
