"""What a plan warns of, as sentences in English and Dutch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_TEXTS = {
    ("tag_taken", "en"): "You already have a tag “{name}”. We leave it alone; ours is “{used}”.",
    ("tag_taken", "nl"): "Je hebt al een tag “{name}”. Die laten we met rust; de onze is “{used}”.",
    ("field_taken", "en"): "You already have a field {name}. We leave it alone; ours is {used}.",
    ("field_taken", "nl"): "Je hebt al een veld {name}. Dat laten we met rust; het onze is {used}.",
    ("field_budget", "en"): "This audience has room for {room} more fields. Left out: {fields}.",
    ("field_budget", "nl"): "In deze doelgroep passen nog {room} velden. Weggelaten: {fields}.",
    ("field_deleted", "en"): "The field {name} was deleted in Mailchimp. It will be made again.",
    ("field_deleted", "nl"): "Het veld {name} is in Mailchimp verwijderd. Het komt er weer bij.",
    ("field_retyped", "en"): (
        "The field {name} was given another type in Mailchimp. We leave it to you and make our own "
        "again."
    ),
    ("field_retyped", "nl"): (
        "Het veld {name} heeft in Mailchimp een andere soort gekregen. Dat laten we aan jou en we "
        "maken het onze opnieuw."
    ),
    ("segment_taken", "en"): (
        "You already have a segment “{name}”. We leave it alone; ours is “{used}”."
    ),
    ("segment_taken", "nl"): (
        "Je hebt al een segment “{name}”. Dat laten we met rust; het onze is “{used}”."
    ),
    ("tag_budget", "en"): (
        "{more} more tags did not fit: there is room for 60, and for a fixed number of each kind. "
        "The ones with the most people go first."
    ),
    ("tag_budget", "nl"): (
        "{more} tags pasten er niet meer bij: er is ruimte voor 60, en van elke soort voor een "
        "vast aantal. Die met de meeste mensen gaan voor."
    ),
}


def warning_text(warning: Mapping[str, Any], language: str) -> str:
    """Return a warning of a summary as a sentence in "en" or "nl".

    Examples
    --------
    >>> warning_text({"key": "field_budget", "room": 2, "fields": ["WHY", "LOVES2"]}, "en")
    'This audience has room for 2 more fields. Left out: WHY, LOVES2.'
    """
    values = {k: ", ".join(v) if isinstance(v, list) else v for k, v in warning.items()}
    return _TEXTS[warning["key"], language].format(**values)
