"""A back-test ends in a verdict that says whether the dates can be relied on, and why."""

from __future__ import annotations

import json
from typing import Any

import pytest

from segmentation.backtest_verdict import verdict

FINE = {
    "repurchased": 900, "coverage": 0.61, "stated": 0.6, "bought": 400, "precision": 0.42,
    "precision_baseline": 0.21, "predicted_to_actual": 1.04,
}  # fmt: skip


@pytest.mark.parametrize(
    ("changed", "outcome", "answers"),
    [
        pytest.param({}, "good", ["right"] * 3, id="all right"),
        pytest.param({"coverage": 0.4}, "mixed", ["low", "right", "right"], id="narrow windows"),
        pytest.param({"coverage": 0.8}, "mixed", ["high", "right", "right"], id="wide windows"),
        pytest.param({"precision": 0.22}, "mixed", ["right", "no better", "right"], id="by luck"),
        pytest.param(
            {"coverage": 0.4, "precision": 0.2, "predicted_to_actual": 1.6},
            "poor", ["low", "no better", "high"], id="nothing right",
        ),
        pytest.param({"bought": 99}, "good so far", ["right", "early", "early"], id="few buyers"),
        pytest.param(
            {"bought": 0, "repurchased": 99, "precision": None, "predicted_to_actual": None},
            "early", ["early"] * 3, id="too early",
        ),
    ],
)  # fmt: skip
def test_figures_come_to_a_verdict(
    changed: dict[str, Any], outcome: str, answers: list[str]
) -> None:
    found = verdict({**FINE, **changed})
    assert (found.outcome, [one.outcome for one in found.answers]) == (outcome, answers)
    texts = [found.text(language) for language in ("en", "nl")]
    assert texts[0] != texts[1]
    assert all(text.endswith(".") and "{" not in text for text in texts)
    json.dumps(found.to_dict("nl"), allow_nan=False)


def test_the_conclusion_comes_first_and_names_its_cases() -> None:
    english, dutch = (verdict({**FINE, "bought": 12}).text(one) for one in ("en", "nl"))
    assert english.startswith(
        "What can be told so far is right. Windows: of 900 repeat purchases 61% fell into it, 60% "
        "were promised. Ranking: 12 purchases to judge by, 100 are needed."
    )
    assert "Kansen: 12 aankopen om op af te gaan, er zijn er 100 nodig." in dutch
