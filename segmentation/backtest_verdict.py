"""What a back-test comes to, in words: whether the due-dates of a shop can be relied on.

Three questions, each answered by the purchases that came: did the windows hold what they state, do
the highest chances find more buyers than the longest wait does, did as many buy as were told? Each
is right, not right, or cannot be told yet: below 100 cases chance looks like a fault.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from segmentation.duedates.coverage import ENOUGH

#: Points by which a window may hold more or less than it states (claim A9).
_POINTS = 0.05
#: Told over actual purchases that still count as right.
_TOLD = (0.8, 1.25)
#: The normal deviate of 19 times in 20.
_SURE = 1.96


@dataclass(frozen=True, kw_only=True)
class Answer:
    """One question of a back-test, answered."""

    #: "window", "ranking" or "chances".
    what: str
    #: "right", "early" (too few cases), or what is wrong: "low", "high" or "no better".
    outcome: str
    #: Purchases that were judged, and those needed.
    cases: int
    needed: int = ENOUGH
    #: What was found, and what it is compared with.
    found: float | None = None
    against: float | None = None


@dataclass(frozen=True, kw_only=True)
class BacktestVerdict:
    """All answers, and what they come to."""

    #: "good", "good so far" (not every answer can be told), "mixed", "poor" or "early".
    outcome: str
    answers: tuple[Answer, ...]

    def text(self, language: str) -> str:
        """Return the verdict in "en" or "nl", the conclusion first."""
        told = [_sentence(answer, language) for answer in self.answers]
        return " ".join([_WORDS[f"all {self.outcome}"][language], *told])

    def to_dict(self, language: str) -> dict[str, Any]:
        """Return plain JSON values."""
        answers = [asdict(one) | {"text": _sentence(one, language)} for one in self.answers]
        return {"outcome": self.outcome, "text": self.text(language), "answers": answers}


def verdict(figures: Mapping[str, Any]) -> BacktestVerdict:
    """Return what the figures of `backtest.backtest` under "all" come to.

    Examples
    --------
    >>> found = verdict({"repurchased": 9, "coverage": 0.5, "stated": 0.6, "bought": 0})
    >>> found.outcome, [answer.outcome for answer in found.answers]
    ('early', ['early', 'early', 'early'])
    """
    answers = (_window(figures), _ranking(figures), _chances(figures))
    told = [answer.outcome for answer in answers if answer.outcome != "early"]
    right = told.count("right")
    outcome = "early" if not told else "mixed" if right else "poor"
    if told and right == len(told):
        outcome = "good" if right == len(answers) else "good so far"
    return BacktestVerdict(outcome=outcome, answers=answers)


def _window(figures: Mapping[str, Any]) -> Answer:
    def judged(cases: int, found: float, stated: float) -> str:
        slack = _POINTS + _SURE * float(np.sqrt(stated * (1 - stated) / cases))
        off = found - stated
        return "right" if abs(off) <= slack else "low" if off < 0 else "high"

    cases, found, stated = map(figures.get, ("repurchased", "coverage", "stated"))
    return _answer("window", cases, found, stated, judged)


def _ranking(figures: Mapping[str, Any]) -> Answer:
    def judged(cases: int, found: float, rule: float) -> str:
        spread = float(np.sqrt((found * (1 - found) + rule * (1 - rule)) / cases))
        return "right" if found - rule > _SURE * spread else "no better"

    cases, found, rule = map(figures.get, ("bought", "precision", "precision_baseline"))
    return _answer("ranking", cases, found, rule, judged)


def _chances(figures: Mapping[str, Any]) -> Answer:
    def judged(_cases: int, found: float, _actual: float) -> str:
        low, high = _TOLD
        return "low" if found < low else "high" if found > high else "right"

    cases, found = map(figures.get, ("bought", "predicted_to_actual"))
    return _answer("chances", cases, found, 1.0, judged)


def _answer(
    what: str,
    cases: int | None,
    found: float | None,
    against: float | None,
    judged: Callable[[int, float, float], str],
) -> Answer:
    """Return an answer, "early" where there are too few cases to judge."""
    known: dict[str, Any] = {"what": what, "cases": cases or 0, "found": found, "against": against}
    if found is None or against is None or not cases or cases < ENOUGH:
        return Answer(outcome="early", **known)
    return Answer(outcome=judged(cases, found, against), **known)


def _sentence(answer: Answer, language: str) -> str:
    values: dict[str, Any] = {"cases": answer.cases, "needed": answer.needed}
    if answer.found is not None and answer.against is not None:
        values |= {"found": round(100 * answer.found), "against": round(100 * answer.against)}
    key = "early" if answer.outcome == "early" else f"{answer.what} {answer.outcome}"
    name = _WORDS[answer.what][language]
    return f"{name}: {_WORDS[key][language].format(**values)}"


_WINDOW = {
    "en": "of {cases} repeat purchases {found}% fell into it, {against}% were promised",
    "nl": "van {cases} vervolgaankopen viel {found}% erin, {against}% was beloofd",
}
_RANKING = {
    "en": "of as many people as bought, {found}% of those with the highest chance did so within "
    "30 days, against {against}% of those who waited longest",
    "nl": "van evenveel mensen als er kochten deed {found}% van wie de hoogste kans had dat binnen "
    "30 dagen, tegen {against}% van wie het langst wachtte",
}
_CHANCES = {
    "en": "{found} purchases were told for every 100 that came",
    "nl": "er werden {found} aankopen voorzegd op elke 100 die kwamen",
}
_WORDS: Mapping[str, Mapping[str, str]] = {
    "all good": {
        "en": "You can rely on these dates.",
        "nl": "Je kunt op deze datums vertrouwen.",
    },
    "all good so far": {
        "en": "What can be told so far is right.",
        "nl": "Wat er tot nu toe te zeggen is, klopt.",
    },
    "all mixed": {
        "en": "Use these dates with care.",
        "nl": "Gebruik deze datums met beleid.",
    },
    "all poor": {
        "en": "Do not rely on these dates yet.",
        "nl": "Vertrouw nog niet op deze datums.",
    },
    "all early": {"en": "Too early to tell.", "nl": "Te vroeg om iets te zeggen."},
    "window": {"en": "Windows", "nl": "Periodes"},
    "ranking": {"en": "Ranking", "nl": "Volgorde"},
    "chances": {"en": "Chances", "nl": "Kansen"},
    "early": {
        "en": "{cases} purchases to judge by, {needed} are needed.",
        "nl": "{cases} aankopen om op af te gaan, er zijn er {needed} nodig.",
    },
    "window right": {at: f"{text}." for at, text in _WINDOW.items()},
    "window low": {
        "en": f"{_WINDOW['en']}: too few, people come earlier or later.",
        "nl": f"{_WINDOW['nl']}: te weinig, mensen komen eerder of later.",
    },
    "window high": {
        "en": f"{_WINDOW['en']}: more, so the windows are wider than they need be.",
        "nl": f"{_WINDOW['nl']}: meer, dus de periodes zijn ruimer dan nodig.",
    },
    "ranking right": {at: f"{text}." for at, text in _RANKING.items()},
    "ranking no better": {
        "en": f"{_RANKING['en']}: no better than chance allows.",
        "nl": f"{_RANKING['nl']}: niet beter dan toeval kan verklaren.",
    },
    "chances right": {at: f"{text}." for at, text in _CHANCES.items()},
    "chances low": {
        "en": f"{_CHANCES['en']}: too few.",
        "nl": f"{_CHANCES['nl']}: te weinig.",
    },
    "chances high": {
        "en": f"{_CHANCES['en']}: too many.",
        "nl": f"{_CHANCES['nl']}: te veel.",
    },
}
