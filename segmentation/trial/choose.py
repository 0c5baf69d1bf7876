"""Whether a night's numbers may take the place of the present ones.

Every fit is tried on the last 60 days. Where there are numbers that were live before those days,
the fit is done once more with what was known then, on a part of the people, and both are judged by
what came: neither has seen it. Until a shop is that old, the new numbers and the present ones
themselves are judged by the same days, which both have seen. The new ones are rejected where they
are clearly worse: by more than a hundredth, in each of the two months, and beyond what chance does
once in a hundred (people count, not rows: those of one person belong together). What is rejected
stays as it was, part by part.
"""

from __future__ import annotations

from dataclasses import replace

from segmentation.account import AccountTable
from segmentation.fitted import AccountFit
from segmentation.trial.base import Trial
from segmentation.trial.business import Business
from segmentation.trial.dates import Dates
from segmentation.trial.groups import FinerGroups
from segmentation.trial.kinds import Kinds
from segmentation.trial.orders import Orders
from segmentation.trial.picks import Picks
from segmentation.trial.verdicts import CASES_NEEDED, Verdict, compared, figures

#: By what their verdicts are kept under, in the order to show them.
TRIALS: dict[str, type[Trial]] = {
    trial.part: trial for trial in (Dates, Orders, Picks, FinerGroups, Kinds, Business)
}


def chosen(
    candidate: AccountFit,
    table: AccountTable,
    today: int,
    present: AccountFit | None,
    before: AccountFit | None,
) -> tuple[AccountFit, tuple[Verdict, ...]]:
    """Return the numbers that go live, and why.

    Parameters
    ----------
    candidate
        Fitted on `table`.
    table
        What is known on the day `today`.
    present
        What is live.
    before
        What was live `WINDOW_DAYS` before `today`, or the newest that is older.
    """
    live, verdicts = candidate, []
    for make in TRIALS.values():
        trial = make(candidate, table, today)
        verdict = _judged(trial, candidate, present, before)
        verdicts.append(verdict)
        if verdict.outcome == "rejected" and present is not None:
            live = trial.kept(live, present)
    return live, tuple(verdicts)


def _judged(
    trial: Trial, candidate: AccountFit, present: AccountFit | None, before: AccountFit | None
) -> Verdict:
    verdict = Verdict(part=trial.part, outcome="untested", cases=trial.cases)
    if not trial.told_by(candidate):
        return replace(verdict, why="refused")
    if trial.cases < CASES_NEEDED:
        return replace(verdict, why="few")
    if present is not None and trial.is_same(present):
        return replace(verdict, why="same")
    unseen = None
    if before is not None and not trial.told_by(before):
        before = None
    if trial.always or before is not None:
        past = trial.earlier(before)
        unseen = trial.rows(past) if trial.told_by(past) else None
    if unseen is not None:
        verdict = replace(verdict, **figures(unseen))
    if present is None or not trial.offered_by(present):
        return replace(verdict, why="first")
    if trial.stated(candidate) != trial.stated(present):
        return replace(verdict, why="stated")
    if unseen is not None and before is not None:
        return compared(verdict, unseen, trial.rows(before))
    verdict = replace(verdict, seen=True)
    return compared(verdict, trial.rows(candidate), trial.rows(present))
