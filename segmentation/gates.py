"""What is offered from how much on: one table of thresholds with the evidence for each.

The card of a shop (`stipt backtest`, the page `/model`) and docs/segments.md show this table.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from segmentation import following
from segmentation.duedates import coverage, lives, season, second
from segmentation.fitted import AccountFit
from segmentation.groups import clusters
from segmentation.groups.tree import SHORTEST_DAYS, GroupTree
from segmentation.picks import also
from segmentation.trade.alarms import RHYTHM_ORDERS
from segmentation.trade.basket import BasketGaps
from segmentation.trial.verdicts import CASES_NEEDED
from segmentation.value import model as value

_YEAR = 365
#: Of history: a window to choose by, one to make the list of, one to test it.
GROUP_DAYS = 3 * SHORTEST_DAYS
#: That a basket of a business customer is judged from.
BASKET_ORDERS = BasketGaps().orders


@dataclass(frozen=True, kw_only=True)
class Counts:
    """How much one shop's fit was made of; consumers but for those named business."""

    customers: int
    #: With a second purchase.
    repeaters: int
    orders: int
    #: From the first purchase on.
    history_days: int
    #: Business contacts, those with orders enough for a rhythm, and for a basket.
    business: int = 0
    business_rhythm: int = 0
    business_basket: int = 0


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
    #: "repurchases", "years", "purchases", "repeaters", "days", "customers", "people", "orders" or
    #: "share".
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


def _second(fit: AccountFit, counts: Counts, _verdicts: Mapping[str, Any]) -> Standing:
    return _by(counts.history_days, second.DAYS_NEEDED, found=fit.model.second_ is not None)


def _trial(_fit: AccountFit, _counts: Counts, verdicts: Mapping[str, Any]) -> Standing:
    if "dates" not in verdicts:
        return Standing(state="missing")
    return _by(verdicts["dates"]["cases"], CASES_NEEDED)


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


def _groups(fit: AccountFit, counts: Counts, _verdicts: Mapping[str, Any]) -> Standing:
    tree = fit.groups.tree
    return _by(counts.customers, 2 * tree.minimum, found=bool(tree.offered()))


def _groups_days(fit: AccountFit, counts: Counts, _verdicts: Mapping[str, Any]) -> Standing:
    if fit.groups.tree.window_days_:
        return Standing(state="offered", there=counts.history_days)
    # Days count up to the last quarter: of a history that is just long enough nothing is told.
    short = counts.history_days < GROUP_DAYS
    return Standing(state="missing", there=counts.history_days if short else None)


def _kinds(fit: AccountFit, counts: Counts, _verdicts: Mapping[str, Any]) -> Standing:
    return _by(counts.repeaters, clusters.REPEATERS, found=bool(fit.groups.clusters.clusters_))


def _kinds_stable(fit: AccountFit, _counts: Counts, _verdicts: Mapping[str, Any]) -> Standing:
    refused = fit.groups.clusters.refused_
    if refused is None:
        return Standing(state="offered")
    return Standing(state="nothing" if refused["what"] == "stability" else "missing")


def _business(_fit: AccountFit, counts: Counts, _verdicts: Mapping[str, Any]) -> Standing:
    return _some(counts.business_rhythm, counts.business)


def _basket(_fit: AccountFit, counts: Counts, _verdicts: Mapping[str, Any]) -> Standing:
    return _some(counts.business_basket, counts.business)


def _some(have: int, of: int) -> Standing:
    return Standing(state="offered" if have else "missing", have=have, of=of)


def _also(fit: AccountFit, _counts: Counts, _verdicts: Mapping[str, Any]) -> Standing:
    if not fit.also.pairs_:
        return Standing(state="missing")
    found = len(fit.also.rules_)
    state = "offered" if found else "nothing"
    return Standing(state=state, have=found, of=fit.also.pairs_)


def _also_tried(fit: AccountFit, _counts: Counts, _verdicts: Mapping[str, Any]) -> Standing:
    return _by(fit.also.tried_.people, also.PEOPLE_NEEDED)


def _also_better(fit: AccountFit, _counts: Counts, _verdicts: Mapping[str, Any]) -> Standing:
    closed = fit.also.closed
    states = {"": "offered", "better": "nothing"}
    return Standing(state=states.get(closed, "missing"))


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
        key="second", needed=second.DAYS_NEEDED, unit="days", look=_second,
        name_en="A second stage for chances by trees",
        name_nl="Een tweede stap voor kansen met bomen",
        evidence_en="With three months of a public shop trees foretold 13% too many purchases; it "
        "is used only where it was better in the shop's last four weeks.",
        evidence_nl="Met drie maanden van een openbare winkel voorspelden bomen 13% te veel "
        "aankopen; hij telt alleen mee waar hij in de laatste vier weken van de winkel beter was.",
    ),
    Gate(
        key="trial", needed=CASES_NEEDED, unit="purchases", look=_trial,
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
    Gate(
        key="also", needed=also.LEAST_PEOPLE, unit="people", look=_also,
        name_en="What others bought as well: pairs of products",
        name_nl="Wat anderen ook kochten: paren producten",
        evidence_en="A pair that nobody was expected to buy is told from chance from 10 people on "
        "among 100 pairs, from 15 on among 10,000.",
        evidence_nl="Een paar dat niemand hoefde te kopen is van toeval te onderscheiden vanaf 10 "
        "mensen bij 100 paren, vanaf 15 bij 10.000.",
    ),
    Gate(
        key="also-tried", needed=also.PEOPLE_NEEDED, unit="people", look=_also_tried,
        name_en="What others bought as well: tried on the last 60 days",
        name_nl="Wat anderen ook kochten: getoetst op de laatste 60 dagen",
        evidence_en="With 100 people who were shown something and bought, a difference of 10 "
        "points in hits is seen; with fewer, mostly chance is.",
        evidence_nl="Met 100 mensen die iets te zien kregen en kochten is een verschil van 10 "
        "punten in treffers te zien; met minder vooral toeval.",
    ),
    Gate(
        key="also-better", needed=0, unit="share", look=_also_better,
        name_en="What others bought as well: better than what sells most",
        name_nl="Wat anderen ook kochten: beter dan wat het meest verkoopt",
        evidence_en="Measured in your shop at every fit, on the same people and as many products; "
        "it has to be sure 19 times in 20.",
        evidence_nl="Bij elke berekening in jouw winkel gemeten, bij dezelfde mensen en met "
        "evenveel producten; het moet 19 van de 20 keer zeker zijn.",
    ),
    Gate(
        key="groups", needed=2 * GroupTree().minimum, unit="customers", look=_groups,
        name_en="Ever finer groups",
        name_nl="Steeds fijnere groepen",
        evidence_en="A cut makes two groups of 100 people; 30 of a group who buy tell what share "
        "of its list is bought within 7 points, 19 times in 20.",
        evidence_nl="Een splitsing maakt twee groepen van 100 mensen; 30 kopers uit een groep "
        "vertellen tot op 7 punten welk deel van de lijst gekocht wordt, 19 van de 20 keer.",
    ),
    Gate(
        key="groups-days", needed=GROUP_DAYS, unit="days", look=_groups_days,
        name_en="Ever finer groups: history up to the last quarter",
        name_nl="Steeds fijnere groepen: geschiedenis tot het laatste kwartaal",
        evidence_en="Who is in a group, its list and the test each take 60 days of their own.",
        evidence_nl="Wie in een groep zit, haar lijst en de toets vragen elk 60 eigen dagen.",
    ),
    Gate(
        key="kinds", needed=clusters.REPEATERS, unit="repeaters", look=_kinds,
        name_en="Kinds of customers",
        name_nl="Soorten klanten",
        evidence_en="Of shops drawn from public data 18 in 20 have no kinds that come out the same "
        "whoever is asked with 50 customers who returned, 9 in 20 with 200.",
        evidence_nl="Van winkels geloot uit openbare gegevens hebben er 18 van de 20 geen soorten "
        "die gelijk blijven wie je ook vraagt met 50 klanten die terugkwamen, 9 van de 20 met 200.",
    ),
    Gate(
        key="kinds-stable", needed=0, unit="share", look=_kinds_stable,
        name_en="Kinds of customers: the same whoever is asked",
        name_nl="Soorten klanten: dezelfde wie je ook vraagt",
        evidence_en="Measured in your shop at every fit: two samples of customers agree for 0.8 "
        "(adjusted Rand index), or none are named.",
        evidence_nl="Bij elke berekening in jouw winkel gemeten: twee steekproeven van klanten "
        "zijn het voor 0,8 eens (aangepaste Rand-index), of er krijgt geen een naam.",
    ),
    Gate(
        key="business", needed=RHYTHM_ORDERS, unit="orders", look=_business,
        name_en="When a business customer orders again",
        name_nl="Wanneer een zakelijke klant weer bestelt",
        evidence_en="Two intervals tell a rhythm of its own; from there on, in a planted trade, "
        "every lapse was found and 2% of the alarms were false.",
        evidence_nl="Twee tussentijden tonen een eigen ritme; vanaf daar werd in een geplante "
        "handel elk uitblijven gevonden en was 2% van de meldingen vals.",
    ),
    Gate(
        key="basket", needed=BASKET_ORDERS, unit="orders", look=_basket,
        name_en="What a business customer's order lacks",
        name_nl="Wat er in een zakelijke bestelling ontbreekt",
        evidence_en="What was in five of five orders is in more than half of all, 19 times in 20.",
        evidence_nl="Wat in vijf van de vijf bestellingen zat, zit in meer dan de helft van alle, "
        "19 van de 20 keer.",
    ),
)  # fmt: skip
