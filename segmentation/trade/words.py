"""The sentences about business customers, in English and Dutch; see `reasons.render`."""

from __future__ import annotations

from collections.abc import Mapping

#: Parts of a sentence about a rhythm, joined by semicolons behind what it is about.
RHYTHM: Mapping[str, Mapping[str, str]] = {
    "en": {
        "goods": "{what}:",
        "whole": "an order of anything:",
        "often": "usually every {every} ± {spread} ({orders} orders), the last {last}",
        "once": "one order, {last}; others like it order every {every}",
        "units": "about {units} pieces expected on {expected}",
        "next": "the next expected on {expected}",
        "contacts": "of {contacts} contacts this one ordered last",
    },
    "nl": {
        "goods": "{what}:",
        "whole": "een bestelling van wat dan ook:",
        "often": "meestal elke {every} ± {spread} ({orders} bestellingen), de laatste {last}",
        "once": "één bestelling, {last}; anderen bestellen elke {every}",
        "units": "ongeveer {units} stuks verwacht op {expected}",
        "next": "de volgende verwacht op {expected}",
        "contacts": "van {contacts} contacten bestelde deze het laatst",
    },
}

#: What may stand in them: what is lacking, the other group, how many of how many, the share, a day.
LACKS: Mapping[tuple[str, str], str] = {
    ("lacks-missing", "en"): (
        "{what}: in {orders} of {of} orders, and not in the last, of {last}."
    ),
    ("lacks-missing", "nl"): (
        "{what}: in {orders} van {of} bestellingen, en niet in de laatste, van {last}."
    ),
    ("lacks-never", "en"): (
        "{what}: never ordered; of {of} companies that order {other}, {orders} do ({share}%)."
    ),
    ("lacks-never", "nl"): (
        "{what}: nooit besteld; van {of} bedrijven die {other} bestellen doen {orders} dat wel "
        "({share}%)."
    ),
}
