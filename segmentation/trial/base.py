"""What each part of a fit tells, so that it can be judged."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping

from segmentation.account import AccountTable
from segmentation.fitted import AccountFit
from segmentation.trial.verdicts import Rows


class Trial(ABC):
    """One part of a fit on trial: made of the candidate, the account's table and the day."""

    #: What the verdict is kept under.
    part: str
    #: Whether it is fitted once more even where there is nothing to compare it with.
    always = True
    #: Purchases (or people) in the window.
    cases: int

    def told_by(self, numbers: AccountFit) -> bool:
        """Tell whether numbers say anything that can be judged."""
        del numbers
        return True

    def offered_by(self, numbers: AccountFit) -> bool:
        """Tell whether numbers in use are something to compare with."""
        return self.told_by(numbers)

    def stated(self, numbers: AccountFit) -> Mapping[str, float]:
        """Return what the merchant said, which no trial may take back."""
        del numbers
        return {}

    def is_same(self, present: AccountFit) -> bool:
        """Tell whether the candidate's part is the present one."""
        del present
        return False

    @abstractmethod
    def __init__(self, candidate: AccountFit, table: AccountTable, today: int) -> None: ...

    @abstractmethod
    def earlier(self, before: AccountFit | None) -> AccountFit:
        """Return the candidate with its part fitted on what was known before the window."""

    @abstractmethod
    def rows(self, numbers: AccountFit) -> Rows:
        """Return how far numbers were off in the window."""

    @abstractmethod
    def kept(self, live: AccountFit, present: AccountFit) -> AccountFit:
        """Return `live` with the part as it is at present."""
