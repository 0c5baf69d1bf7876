"""What is expected of each interval, and what each person did of late."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from segmentation.duedates.starts import Bools, Floats, Ints, Starts, persons_of

#: What counts as of late.
LATELY_DAYS = 28


@dataclass(frozen=True)
class Pace:
    """Where each interval's end is expected, one entry an interval."""

    need: Ints
    #: First day.
    start: Ints
    #: Log shop days and their spread.
    mu: Floats
    sigma: Floats
    #: Row of the hazard table.
    row: Ints
    #: The need's ratio to the table.
    ratio: Floats
    #: The person's purchases over what was expected of him, shrunken to 1.
    presence: Floats
    #: Days since the person's last purchase of anything, and his purchases in `LATELY_DAYS`.
    away: Ints
    lately: Ints

    def take(self, rows: Ints | Bools) -> Pace:
        """Return the chosen entries."""
        return Pace(
            self.need[rows],
            self.start[rows],
            self.mu[rows],
            self.sigma[rows],
            self.row[rows],
            self.ratio[rows],
            self.presence[rows],
            self.away[rows],
            self.lately[rows],
        )


def of_persons(known: Starts, values: Floats, person: Ints) -> Floats:
    """Return the sum of values over all that is known of each person."""
    code = persons_of(known.person)
    if not code.size:
        return np.zeros(person.size)
    total = np.bincount(code, values)
    persons = known.person[np.append(True, code[1:] != code[:-1])]
    at = np.minimum(np.searchsorted(persons, person), persons.size - 1)
    return np.where(persons[at] == person, total[at], 0.0)


def of_late(known: Starts, person: Ints) -> tuple[Ints, Ints]:
    """Return days since the last purchase of anything, and how many there were of late."""
    code = persons_of(known.person)
    if not code.size:
        return np.zeros(person.size, dtype=np.int64), np.zeros(person.size, dtype=np.int64)
    first = np.flatnonzero(np.append(True, code[1:] != code[:-1]))
    away = known.as_of - np.maximum.reduceat(known.day, first)
    lately = np.bincount(code, known.day > known.as_of - LATELY_DAYS).astype(np.int64)
    persons = known.person[first]
    at = np.minimum(np.searchsorted(persons, person), persons.size - 1)
    there = persons[at] == person
    return np.where(there, away[at], known.as_of), np.where(there, lately[at], 0)
