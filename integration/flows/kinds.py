"""The kinds of events we tell: each with its name in Mailchimp, the same in every language."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of event."""

    key: str
    #: In Mailchimp: a verb and a noun, lower case; listed in `mailchimp.guard.events` too.
    event: str


KINDS: tuple[Kind, ...] = (
    Kind("due", "became_due"),
    Kind("second_order", "owes_second_order"),
    Kind("cart", "left_cart"),
    Kind("interest", "showed_interest"),
)
KIND_BY_KEY: Mapping[str, Kind] = {kind.key: kind for kind in KINDS}
