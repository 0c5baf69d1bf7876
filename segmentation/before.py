"""What people were in the last time, for hysteresis."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from segmentation import affinity


@dataclass(frozen=True)
class Before:
    due: pd.DataFrame
    segments: pd.DataFrame

    def labels(self, group: str, persons: pd.Series) -> affinity.Labels:
        """Return each person's last segment of a group, without the group; "" for none."""
        mine = self.segments[self.segments["segment"].str.startswith(f"{group}:").to_numpy()]
        values = dict(zip(mine["person_id"], mine["segment"].str[len(group) + 1 :], strict=True))
        return np.array([values.get(person, "") for person in persons], dtype=object)

    def held(self, group: str) -> set[tuple[int, str]]:
        """Return the persons and segments of a group."""
        mine = self.segments[self.segments["segment"].str.startswith(f"{group}:").to_numpy()]
        return set(zip(mine["person_id"].tolist(), mine["segment"], strict=True))
