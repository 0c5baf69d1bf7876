"""One measured figure beside its bar."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal


@dataclass(frozen=True, kw_only=True, slots=True)
class Result:
    """What was measured on which data, and whether it is good enough."""

    #: The data: "demo shop", "Complete Journey", ...
    set: str
    #: What was measured, with its unit.
    metric: str
    ours: float
    #: None for a figure that is told and not judged.
    bar: float | None = None
    better: Literal["higher", "lower"] = "higher"
    #: The same figure by the simplest rule that anybody would try.
    baseline: float | None = None
    #: The same figure by another product or publication.
    peer: float | None = None

    @property
    def holds(self) -> bool:
        """Whether the bar is reached.

        Examples
        --------
        >>> Result(set="s", metric="m", ours=0.7, bar=0.6).holds
        True
        >>> Result(set="s", metric="m", ours=0.7, bar=0.6, better="lower").holds
        False
        """
        if self.bar is None:
            return True
        return self.ours >= self.bar if self.better == "higher" else self.ours <= self.bar

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {**asdict(self), "holds": self.holds}
