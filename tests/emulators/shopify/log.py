"""What was asked of the emulator."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass
class Entry:
    """One request; never its token."""

    method: str
    path: str
    shop: str
    at: datetime
    status: int = 0
    #: Of a GraphQL request: text, name of its operation, variables, points paid.
    query: str = ""
    operation: str = ""
    variables: dict[str, Any] = field(default_factory=dict)
    cost: int = 0
    #: Why it was not executed: "THROTTLED", "MAX_COST_EXCEEDED"; empty where it was.
    refusal: str = ""
