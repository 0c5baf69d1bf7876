"""What a contact does at a company, by the words of the role that a file tells.

Who decides is asked when much is at stake; who buys knows what was ordered.
"""

from __future__ import annotations

import re

DECIDES, BUYS = "decides", "buys"
#: Beginnings of words, English and Dutch, as patterns; who both buys and decides decides.
_WORDS = {
    DECIDES: (
        "directeur", "directrice", r"directie\b", "director", "eigena", "owner", "zaakvoerder",
        "bestuurder", "beslis", "decision", "ceo", "cfo", "coo", "dga", "founder", "oprichter",
        "president", "vennoot", "partner", "bedrijfsleid", "managing", "general manager",
        "algemeen manager",
    ),
    BUYS: ("inko", "aanko", "buyer", "buying", "purchas", "procure", "besteller", "sourcing"),
}  # fmt: skip
_PATTERNS = {role: re.compile(r"\b(?:" + "|".join(words) + ")") for role, words in _WORDS.items()}


def role_of(text: str) -> str:
    """Return "decides", "buys", or "" for a role that says neither.

    Examples
    --------
    >>> role_of("Hoofd inkoop"), role_of("Managing Director"), role_of("Planner")
    ('buys', 'decides', '')
    """
    plain = text.casefold()
    return next((role for role, found in _PATTERNS.items() if found.search(plain)), "")
