"""Whether the window holds what it says, checked on the shop's own past at every fit.

A window is said to hold the middle 60% of those who come back. So the model is fitted once more on
the first half of the history, and every purchase after it that could be followed long enough tells
by which share of returners it came. Where those shares are not evenly spread, the window's ends
are moved to where 20% and 80% of them lie (split conformal, Vovk et al. 2005; Lei et al. 2018).
How much the moved window holds is told of people whom it was not moved by.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from segmentation.duedates.starts import Bools, Floats, Ints

#: The window: from where this share of those who come back has come, to where that one has.
WINDOW = (0.2, 0.8)
#: Repurchases below which nothing is checked, and those that weigh as much as "as it is".
ENOUGH, _WEIGHT = 100, 100.0
#: A purchase is judged when so many of those who ever come back would have been seen by now.
FOLLOWED = 0.9
#: The window holds the expected day, whatever was found.
_NARROWEST = (0.45, 0.55)


@dataclass(frozen=True, kw_only=True)
class Coverage:
    """Where the window's ends lie, and how much such windows held.

    Examples
    --------
    >>> NONE.window
    (0.2, 0.8)
    """

    window: tuple[float, float] = WINDOW
    #: Repurchases it was checked on.
    purchases: int = 0
    #: Share of them inside the window before and after its ends were moved; None when too few.
    before: float | None = None
    after: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return asdict(self) | {"window": list(self.window)}

    @classmethod
    def from_dict(cls, plain: dict[str, Any]) -> Coverage:
        """Return what `to_dict` wrote down."""
        early, late = plain["window"]
        return cls(**plain | {"window": (early, late)})


#: Not checked: the window lies where the model puts it.
NONE = Coverage()


def checked(opened: Floats, closed: Floats, person: Ints) -> Coverage:
    """Return where the window has to end.

    Parameters
    ----------
    opened, closed
        Share of returners who had come by the evening before a repurchase, and by its own; one
        entry a repurchase.
    person
        Who it was.
    """
    if opened.size < ENOUGH:
        return NONE
    # Whole persons: two purchases of one are too much alike to judge each other.
    half = np.unique(person, return_inverse=True)[1] % 2 == 0
    after = np.empty(opened.size, dtype=bool)
    for mine in (half, ~half):
        after[mine] = _inside(opened[mine], closed[mine], _ends(opened[~mine], closed[~mine]))
    return Coverage(
        window=_ends(opened, closed),
        purchases=int(opened.size),
        before=round(float(_inside(opened, closed, WINDOW).mean()), 4),
        after=round(float(after.mean()), 4),
    )


def _ends(opened: Floats, closed: Floats) -> tuple[float, float]:
    """A day lies in the window when its evening is past the first end and its morning before the
    second: days are whole, and so is what is shown."""
    found = np.array([0.0, 1.0])
    if opened.size:
        found = np.array([np.quantile(closed, WINDOW[0]), np.quantile(opened, WINDOW[1])])
    share = opened.size / (opened.size + _WEIGHT)
    early, late = share * found + (1 - share) * np.array(WINDOW)
    return round(float(min(early, _NARROWEST[0])), 6), round(float(max(late, _NARROWEST[1])), 6)


def _inside(opened: Floats, closed: Floats, window: tuple[float, float]) -> Bools:
    inside: Bools = (closed > window[0]) & (opened <= window[1])
    return inside
