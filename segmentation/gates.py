"""What is offered from how much on: one table of thresholds with the evidence for each.

The card of a shop (`stipt backtest`, the page `/model`) and docs/segments.md show this table.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from segmentation import following, trial
from segmentation.duedates import coverage, lives, season
from segmentation.fitted import AccountFit
from segmentation.value import model as value

_YEAR = 365


@dataclass(frozen=True, kw_only=True)
class Counts:
    """How much one shop's fit was made of; consumers only."""

    customers: int
    #: With a second purchase.
    repeaters: int
    orders: int
    #: From the first purchase on.
    history_days: int


@dataclass(frozen=True, kw_only=True)
class Standing:
    """Where a shop stands at one threshold."""

    #: "offered", "missing" (too few data) or "nothing" (enough, and there is nothing to offer).
    state: str
    #: How much there is; None where that is not counted.
    there: float | None = None
    #: Of what there are several of: how many have it, of how many.
    have: int | None = None
    of: int | None = None


_Look = Callable[[AccountFit, Counts, Mapping[str, Any]], Standing]


@dataclass(frozen=True, kw_only=True)
class Gate:
    """One threshold: what is offered from where on, and why from there."""

    key: str
    needed: float
    #: "repurchases", "years", "purchases", "repeaters", "days", "customers", "people" or "share".
    unit: str
    name_en: str
    name_nl: str
    evidence_en: str
    evidence_nl: str
    look: _Look

    def name(self, language: str) -> str:
        """Return what is offered."""
        return self.name_nl if language == "nl" else self.name_en

    def evidence(self, language: str) -> str:
        """Return why not from less on."""
        return self.evidence_nl if language == "nl" else self.evidence_en


def missing(gate: Gate, standing: Standing) -> float | None:
    """Return how much more it takes; None where that is not counted or nothing is missing."""
    if standing.state != "missing" or standing.there is None:
        return None
    return max(gate.needed - standing.there, 0)


def _by(there: float, needed: float, *, found: bool = True) -> Standing:
    state = "missing" if there < needed else "offered" if found else "nothing"
    return Standing(state=state, there=there)


def _lives(fit: AccountFit, _counts: Counts, _verdicts: Mapping[str, Any]) -> Standing:
    gaps = fit.model.lives_.gaps
    have = int((gaps >= lives.LEARNED_FROM).sum())
    nearest = int(gaps[gaps < lives.LEARNED_FROM].max(initial=0))
    all_have = have == gaps.size and have > 0
    there = float(gaps.min(initial=0)) if all_have else float(nearest)
    state = "offered" if all_have else "missing"
    return Standing(state=state, there=there, have=have, of=int(gaps.size))


def _window(fit: AccountFit, _counts: Counts, _verdicts: Mapping[str, Any]) -> Standing:
    checked = fit.model.coverage_.purchases
    return Standing(state="offered", there=checked) if checked else Standing(state="missing")


def _season(fit: AccountFit, counts: Counts, _verdicts: Mapping[str, Any]) -> Standing:
    years = counts.history_days // _YEAR
    return _by(years, season.YEARS_NEEDED, found=not fit.model.season_.flat)


def _trial(_fit: AccountFit, _counts: Counts, verdicts: Mapping[str, Any]) -> Standing:
    if "dates" not in verdicts:
        return Standing(state="missing")
    return _by(verdicts["dates"]["cases"], trial.CASES_NEEDED)


def _repeaters(_fit: AccountFit, counts: Counts, _verdicts: Mapping[str, Any]) -> Standing:
    return _by(counts.repeaters, value.REPEATERS_NEEDED)


def _days(_fit: AccountFit, counts: Counts, _verdicts: Mapping[str, Any]) -> Standing:
    return _by(counts.history_days, value.DAYS_NEEDED)


def _better(fit: AccountFit, _counts: Counts, _verdicts: Mapping[str, Any]) -> Standing:
    refused = fit.value.refused_
    if refused is None:
        return Standing(state="offered")
    return Standing(state="nothing" if refused["what"] == "better" else "missing")


def _boosted(fit: AccountFit, counts: Counts, _verdicts: Mapping[str, Any]) -> Standing:
    used = fit.value.is_fitted and fit.value.champion_ != next(iter(value.STRENGTHS))
    return _by(counts.customers, value.BOOSTED_FROM, found=used)


def _following(fit: AccountFit, _counts: Counts, _verdicts: Mapping[str, Any]) -> Standing:
    if not fit.following.pairs_:
        return Standing(state="missing")
    found = len(fit.following.arrows_)
    state = "offered" if found else "nothing"
    return Standing(state=state, have=found, of=fit.following.pairs_)


#: In the order to show them.
GATES = (
    Gate(
        key="life", needed=lives.LEARNED_FROM, unit="repurchases", look=_lives,
        name_en="A life of a product type from your own sales",
        name_nl="Een levensduur van een productsoort uit je eigen verkopen",
        evidence_en="Logs of intervals spread by about 0.9: 30 give the middle within a factor of "
        "1.4, 19 times in 20.",
        evidence_nl="Logaritmen van tussentijden lopen ongeveer 0,9 uiteen: 30 geven het midden "
        "tot op een factor 1,4, 19 van de 20 keer.",
    ),
    Gate(
        key="window", needed=coverage.ENOUGH, unit="repurchases", look=_window,
        name_en="A window that was checked on your past",
        name_nl="Een periode die aan je verleden is getoetst",
        evidence_en="60% counted on 100 purchases is right within 10 points, 19 times in 20.",
        evidence_nl="60% geteld op 100 aankopen klopt tot op 10 punten, 19 van de 20 keer.",
    ),
    Gate(
        key="season", needed=season.YEARS_NEEDED, unit="years", look=_season,
        name_en="Seasons in dates and chances",
        name_nl="Seizoenen in datums en kansen",
        evidence_en="Only beside itself a year later can a month be told from chance.",
        evidence_nl="Alleen naast zichzelf een jaar later is een maand van toeval te "
        "onderscheiden.",
    ),
    Gate(
        key="trial", needed=trial.CASES_NEEDED, unit="purchases", look=_trial,
        name_en="A trial of each night's numbers on the last 60 days",
        name_nl="Een proef van de cijfers van elke nacht op de laatste 60 dagen",
        evidence_en="100 purchases come within 20% of what is expected, 19 times in 20; with "
        "fewer, chance looks like a fault.",
        evidence_nl="100 aankopen vallen binnen 20% van wat je verwacht, 19 van de 20 keer; bij "
        "minder lijkt toeval op een fout.",
    ),
    Gate(
        key="value", needed=value.REPEATERS_NEEDED, unit="repeaters", look=_repeaters,
        name_en="Expected orders and value",
        name_nl="Verwachte bestellingen en waarde",
        evidence_en="Orders of 39 weeks in shops drawn from public data: 8 in 10 forecasts lie "
        "within 31% of the middle with 50 customers who returned, within 18% with 200.",
        evidence_nl="Bestellingen van 39 weken in winkels geloot uit openbare gegevens: 8 van de "
        "10 voorspellingen liggen binnen 31% van het midden met 50 klanten die terugkwamen, "
        "binnen 18% met 200.",
    ),
    Gate(
        key="value-days", needed=value.DAYS_NEEDED, unit="days", look=_days,
        name_en="Expected orders and value: history",
        name_nl="Verwachte bestellingen en waarde: geschiedenis",
        evidence_en="It is tested on three earlier days, each with a third of the history after "
        "it: 60 days.",
        evidence_nl="Het wordt op drie eerdere dagen getoetst, elk met een derde van de "
        "geschiedenis erna: 60 dagen.",
    ),
    Gate(
        key="value-better", needed=0, unit="share", look=_better,
        name_en="Expected orders and value: better than spending of the last 90 days",
        name_nl="Verwachte bestellingen en waarde: beter dan de omzet van de laatste 90 dagen",
        evidence_en="Measured in your shop at every fit, by the revenue its top tenth brought.",
        evidence_nl="Bij elke berekening in jouw winkel gemeten, aan de omzet van het beste "
        "tiende deel.",
    ),
    Gate(
        key="boosted", needed=value.BOOSTED_FROM, unit="customers", look=_boosted,
        name_en="A correction of expected orders by trees",
        name_nl="Een correctie van verwachte bestellingen met bomen",
        evidence_en="A leaf of the trees takes 200 customers; it is used only where it came "
        "nearer the truth on three earlier days.",
        evidence_nl="Een blad van de bomen vraagt 200 klanten; ze telt alleen mee waar ze op drie "
        "eerdere dagen dichter bij de waarheid kwam.",
    ),
    Gate(
        key="following", needed=following.LEAST_PEOPLE, unit="people", look=_following,
        name_en="What follows what",
        name_nl="Wat op wat volgt",
        evidence_en="With 30 people a ratio is right within a factor of 1.4 at best, 19 times in "
        "20.",
        evidence_nl="Met 30 mensen klopt een verhouding op zijn best tot op een factor 1,4, 19 "
        "van de 20 keer.",
    ),
)  # fmt: skip
