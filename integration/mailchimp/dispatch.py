"""The only module that can make Mailchimp send: runs of rules that are switched on, and tests.

A run is a list of people in a static segment of its own, a campaign to it, and a moment some hours
ahead. Every step is written down before and settled after its call, so that a worker may be killed
anywhere: there is never a second campaign for a run, and when the answer to a schedule call is
lost, the campaign is read before anything else is done. For a rule that is off nothing is
scheduled, and what was is stopped.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, timedelta
from typing import Any

from sqlmodel import Session, col, delete, select, update

from integration.audience import names
from integration.audience.connect import open_mailchimp
from integration.audience.restraint import left_out
from integration.audience.wanted import out_of_reach
from integration.campaigns import candidates
from integration.campaigns import content as contents
from integration.campaigns.rules import text_of
from integration.context import Context
from integration.db import scoped
from integration.mailchimp import campaigns
from integration.mailchimp.campaigns import CampaignInfo
from integration.mailchimp.client import ROWS_A_CALL, Mailchimp
from integration.mailchimp.content import fitted
from integration.mailchimp.errors import (
    Forbidden,
    Invalid,
    MailchimpError,
    NotFound,
    WrongState,
)
from integration.mailchimp.guard import Permit
from integration.mailchimp.run import Job
from integration.tables import (
    Audience,
    Campaign,
    CampaignPerson,
    CampaignRule,
    OwnedName,
    User,
)

log = logging.getLogger(__name__)

#: `OwnedName.kind` of the static segment with a run's recipients.
RUN = "run"
#: Runs that are not over; "stopped_there" is a draft again in Mailchimp, and may still be sent.
OPEN = ("planned", "scheduling", "scheduled", "stopping", "stopped_there")
#: States of a campaign in Mailchimp from which nothing goes out.
DRAFTS = ("save", "paused")
#: Runs that leave nothing behind in Mailchimp.
CLEANED = ("stopped", "refused", "lapsed", "empty")
#: With less than this left a run is not scheduled any more: nobody could look at it and stop it.
TOO_LATE = timedelta(hours=1)
#: How far back what an interrupted test left is looked for.
_TESTS_LEFT = timedelta(days=60)
#: How long the list of a run's people is kept after it went out.
LIST_KEPT = timedelta(days=2)


class NotYours(ValueError):
    """A test goes to somebody who logs in here, and to nobody else."""


def carry_on(context: Context, job: Job, audience: Audience, *, is_leaving: bool = False) -> None:
    """Bring every run of an audience as far as it can go now.

    A run that fails, for whatever reason, stands in nobody's way.

    Parameters
    ----------
    is_leaving
        Lists of what was sent are removed at once: nobody looks after them any more.

    Raises
    ------
    MailchimpError
        After all runs were tried, when one of them may work later: `Retryable`, or what rests until
        the merchant has done something.
    """
    later: MailchimpError | None = None
    for run_id in _open_runs(context, audience):
        try:
            _Run(context, job, audience, run_id, is_leaving).advance()
        except MailchimpError as error:
            log.warning("Run %s cannot go on: %s", run_id, type(error).__name__)
            if error.retryable or error.rests:
                later = error
    if later is not None:
        raise later


def send_test(context: Context, audience: Audience, rule_id: int, email: str) -> None:
    """Send a rule's mail to somebody who logs in here, and note which text it was.

    The campaign that this takes has nobody to be sent to and is removed again.

    Raises
    ------
    NotYours
    MailchimpError
    """
    with scoped(context.engine, audience.account_id) as session:
        rule = session.get_one(CampaignRule, rule_id)
        if session.exec(select(User.id).where(User.email == email)).first() is None:
            raise NotYours("a test goes to an address that logs in here")
        tried = text_of(rule)
    mailchimp = open_mailchimp(context, audience, Permit.SEND)
    _sweep(context, mailchimp, audience, rule_id)
    content = fitted(context, mailchimp, audience, contents.stored(rule.content))
    name = _written_down(context, audience, rule_id)
    try:
        made = campaigns.create(
            mailchimp,
            title=name,
            subject=content.subject,
            preview_text=content.preview,
            segment_opts={"saved_segment_id": mailchimp.create_tag(name)},
            who=campaigns.sender(mailchimp),
        )
        _fill_in(context, mailchimp, audience, rule, made.id)
        body = {"test_emails": [email], "send_type": "html"}
        mailchimp.call(mailchimp.official.campaigns.send_test_email, made.id, body)
    finally:
        _sweep(context, mailchimp, audience, rule_id)
    with scoped(context.engine, audience.account_id) as session:
        session.get_one(CampaignRule, rule_id).tested = tried


def _written_down(context: Context, audience: Audience, rule_id: int) -> str:
    """Name a test's list and campaign in the ledger before they are made."""
    name = f"Stipt test {rule_id} {context.clock():%Y-%m-%d %H:%M:%S}"
    with scoped(context.engine, audience.account_id) as session:
        session.add(
            OwnedName(
                account_id=audience.account_id,
                audience_id=audience.id or 0,
                kind=RUN,
                key=f"test:{rule_id}",
                name=name,
            )
        )
    return name


def _sweep(context: Context, mailchimp: Mailchimp, audience: Audience, rule_id: int) -> None:
    """Remove what a test made, also one that was interrupted."""
    with scoped(context.engine, audience.account_id) as session:
        ours = select(OwnedName).where(
            OwnedName.audience_id == audience.id,
            OwnedName.kind == RUN,
            OwnedName.key == f"test:{rule_id}",
        )
        row = session.exec(ours).first()
    if row is None:
        return
    made = campaigns.find(mailchimp, row.name, context.clock() - _TESTS_LEFT)
    if made is not None:
        campaigns.remove(mailchimp, made.id)
    for segment in mailchimp.segments():
        if segment.is_tag and segment.name == row.name:
            mailchimp.delete_tag(segment.id)
    with scoped(context.engine, audience.account_id) as session:
        session.delete(session.get_one(OwnedName, row.id))


def _open_runs(context: Context, audience: Audience) -> list[int]:
    with scoped(context.engine, audience.account_id) as session:
        left = (col(Campaign.remote_id) != "") | col(Campaign.tag_id).is_not(None)
        query = select(Campaign.id).where(
            Campaign.audience_id == audience.id,
            Campaign.kind == "run",
            col(Campaign.status).in_(OPEN)
            | (col(Campaign.status).in_(CLEANED) & left)
            | ((col(Campaign.status) == "sent") & col(Campaign.tag_id).is_not(None)),
        )
        return [key for key in session.exec(query.order_by(col(Campaign.id))) if key is not None]


def _fill_in(
    context: Context, mailchimp: Mailchimp, audience: Audience, rule: CampaignRule, remote_id: str
) -> None:
    if rule.template_id is not None:
        campaigns.set_content(mailchimp, remote_id, template_id=rule.template_id)
        return
    content = fitted(context, mailchimp, audience, contents.stored(rule.content))
    campaigns.set_content(mailchimp, remote_id, html=contents.html(content, rule.language))


class _Run:
    """One run on its way."""

    def __init__(
        self, context: Context, job: Job, audience: Audience, run_id: int, is_leaving: bool
    ) -> None:
        self._context, self._job, self._audience = context, job, audience
        self._is_leaving = is_leaving
        self._id = run_id
        # Reading and preparing needs no permit.
        self._mailchimp = open_mailchimp(context, audience)

    @contextmanager
    def _step(self) -> Iterator[Session]:
        """Open a transaction; who lost the job to another worker commits nothing."""
        with scoped(self._context.engine, self._job.account_id) as session:
            yield session
            session.flush()
            self._job.extend(session)

    def _look(self) -> tuple[Campaign, CampaignRule]:
        with self._step() as session:
            run = session.get_one(Campaign, self._id)
            return run, session.get_one(CampaignRule, run.rule_id)

    def advance(self) -> None:
        """Go on from where the run is."""
        run, rule = self._look()
        if run.status in ("planned", "scheduling"):
            if not self._is_wanted():
                return self.advance()
            self._prepare()
            run, rule = self._look()
        if run.status == "stopping" or (run.status == "scheduled" and not rule.is_on):
            self._stop(run)
        elif run.status in ("scheduled", "stopped_there"):
            self._watch(run)
        elif run.status in CLEANED:
            self._clean(run)
        elif run.status == "sent":
            self._forget_list(run)
        return None

    def _is_wanted(self) -> bool:
        """Tell whether the rule is on and there is time left; else note what the run becomes."""
        with self._step() as session:
            run = session.get_one(Campaign, self._id)
            rule = session.get_one(CampaignRule, run.rule_id)
            if not rule.is_on:
                run.status = "stopping"
                return False
            assert run.send_at is not None
            is_late = run.send_at - self._context.clock() < TOO_LATE
            # Of one that is "scheduling" it is not known whether it is scheduled: that is read.
            if is_late and run.status == "planned":
                self._end(session, run, "lapsed", "too_late")
                return False
            return True

    def _prepare(self) -> None:
        """List, campaign, text, Mailchimp's own check, moment."""
        try:
            if self._is_scheduled_already():
                return
            if not self._list_people():
                return
            remote_id = self._campaign()
            _now, rule = self._look()
            _fill_in(self._context, self._mailchimp, self._audience, rule, remote_id)
            wrong = campaigns.problems(self._mailchimp, remote_id)
            if wrong:
                self._refuse(" ".join(wrong))
                return
            self._schedule(remote_id)
        except NotFound:
            self._refuse("its list or its campaign was deleted in Mailchimp")
        except (Forbidden, Invalid, WrongState) as error:
            self._refuse(str(error))

    # -- people ---------------------------------------------------------------------------------

    def _list_people(self) -> bool:
        """Bring the run's static segment in step with its people; False when nobody is left."""
        tag_id = self._tag()
        wanted = self._people()
        if not wanted:
            with self._step() as session:
                self._end(session, session.get_one(Campaign, self._id), "empty")
            self._clean(self._look()[0])
            return False
        self._bring_in_step(tag_id, wanted)
        return True

    def _bring_in_step(self, tag_id: int, wanted: set[str]) -> None:
        """Compare the list with the ledger, always: an earlier try may have ended in between."""
        refused = _set_list(self._mailchimp, tag_id, wanted)
        if refused:
            with self._step() as session:
                self._drop(session, refused, "not_subscribed")

    def _tag(self) -> int:
        run, _rule = self._look()
        if run.tag_id is not None:
            return run.tag_id
        there = self._mailchimp.segments()
        if not run.tag_name:
            taken = {segment.name.casefold() for segment in there}
            name = names.free_tag_name(_list_name(run), taken)
            with self._step() as session:
                session.get_one(Campaign, self._id).tag_name = run.tag_name = name
        made = next((s.id for s in there if s.is_tag and s.name == run.tag_name), None)
        tag_id = self._mailchimp.create_tag(run.tag_name) if made is None else made
        with self._step() as session:
            session.get_one(Campaign, self._id).tag_id = tag_id
            session.add(
                OwnedName(
                    account_id=self._job.account_id,
                    audience_id=run.audience_id,
                    kind=RUN,
                    key=f"run:{run.id}",
                    name=run.tag_name,
                    remote_id=tag_id,
                )
            )
        return tag_id

    def _people(self) -> set[str]:
        """Addresses of the run; who must not get it by now is taken off first."""
        with self._step() as session:
            run = session.get_one(Campaign, self._id)
            why_not = self._why_not(session, session.get_one(CampaignRule, run.rule_id))
            query = select(CampaignPerson).where(CampaignPerson.campaign_id == self._id)
            for row in session.exec(query).all():
                reason = why_not(row)
                if reason:
                    self._drop(session, {row.email_key}, reason)
            return set(session.exec(_addresses(self._id)))

    def _why_not(self, session: Session, rule: CampaignRule) -> Callable[[CampaignPerson], str]:
        """Tell why somebody chosen must not get it by now: held back, out of reach, bought."""
        held = left_out(session, self._audience)
        unreachable = out_of_reach(session, self._audience.id or 0)
        owners = candidates.owners(session)
        is_open = candidates.open_needs(session, rule.segment)

        def reason(row: CampaignPerson) -> str:
            # People are merged after they were chosen.
            person_id = owners.get(row.email_key, row.person_id)
            for one in (row.person_id, person_id):
                if one in held:
                    return held[one]
            if row.email_key in unreachable:
                return "not_subscribed"
            return "" if is_open(person_id, row.need) else "left_segment"

        return reason

    def _drop(self, session: Session, addresses: set[str], reason: str) -> None:
        for email_key in addresses:
            session.exec(
                delete(CampaignPerson).where(
                    col(CampaignPerson.campaign_id) == self._id,
                    col(CampaignPerson.email_key) == email_key,
                )
            )
        run = session.get_one(Campaign, self._id)
        counts = dict(run.figures.get("left_out", {}))
        counts[reason] = counts.get(reason, 0) + len(addresses)
        run.figures = {**run.figures, "left_out": counts}
        run.people -= len(addresses)

    # -- the campaign ---------------------------------------------------------------------------

    def _campaign(self) -> str:
        run, rule = self._look()
        if run.remote_id:
            return run.remote_id
        # An earlier try may have made it without hearing so.
        made = campaigns.find(self._mailchimp, run.title, run.created_at)
        if made is None:
            stored_text = contents.stored(rule.content)
            content = fitted(self._context, self._mailchimp, self._audience, stored_text)
            made = campaigns.create(
                self._mailchimp,
                title=run.title,
                subject=content.subject,
                preview_text=content.preview,
                segment_opts={"saved_segment_id": run.tag_id},
                who=campaigns.sender(self._mailchimp),
            )
        with self._step() as session:
            stored = session.get_one(Campaign, self._id)
            stored.remote_id, stored.web_id = made.id, made.web_id
        return made.id

    def _is_scheduled_already(self) -> bool:
        """Read the campaign when an earlier try did not hear how its schedule call ended."""
        run, _rule = self._look()
        if run.status != "scheduling":
            return False
        info = campaigns.read(self._mailchimp, run.remote_id)
        if info is None or info.status != "save":
            # Scheduled, sent or deleted: `_watch` says what it means.
            self._move("scheduling", "scheduled")
            return True
        assert run.send_at is not None
        if run.send_at - self._context.clock() >= TOO_LATE:
            return False
        with self._step() as session:
            self._end(session, session.get_one(Campaign, self._id), "lapsed", "too_late")
        self._clean(self._look()[0])
        return True

    def _schedule(self, remote_id: str) -> None:
        """The moment itself: the rule must be on in the very transaction that says so."""
        with self._step() as session:
            run = session.get_one(Campaign, self._id)
            rule = session.get_one(CampaignRule, run.rule_id)
            if not rule.is_on or run.send_at is None:
                return
            if not _moved(session, self._id, ("planned", "scheduling"), "scheduling"):
                return
        sender = open_mailchimp(self._context, self._audience, Permit.SEND)
        at = run.send_at.astimezone(UTC).isoformat(timespec="seconds")
        body = {"schedule_time": at}
        sender.call(sender.official.campaigns.schedule, remote_id, body)
        self._move("scheduling", "scheduled")

    def _move(self, before: str, after: str) -> None:
        with self._step() as session:
            # Not where the merchant stopped it meanwhile.
            _moved(session, self._id, (before,), after)

    def _watch(self, run: Campaign) -> None:
        """See what became of a scheduled campaign, and keep its list clean until it goes out."""
        info = campaigns.read(self._mailchimp, run.remote_id)
        with self._step() as session:
            stored = session.get_one(Campaign, self._id)
            if info is None:
                stored.remote_id = ""
                self._end(session, stored, "stopped", "deleted_there")
            elif info.status in DRAFTS:
                # Not ours to touch any more. Its people stay taken: it may still be sent by hand.
                if stored.status != "stopped_there":
                    stored.status, stored.problem = "stopped_there", "stopped_there"
                    stored.settled_at = self._context.clock()
            elif info.status != "schedule":
                self._sent(stored, info)
        if info is None:
            self._clean(self._look()[0])
        elif info.status == "schedule" and run.status == "scheduled":
            self._keep_list(run)

    def _keep_list(self, run: Campaign) -> None:
        assert run.tag_id is not None
        try:
            self._bring_in_step(run.tag_id, self._people())
        except NotFound:
            # Its list was deleted in Mailchimp: nobody knows to whom it would go.
            self._stop(run)

    def _sent(self, run: Campaign, info: CampaignInfo, problem: str = "") -> None:
        run.status, run.problem, run.remote_id = "sent", problem, info.id
        run.send_at = info.sent_at or run.send_at
        run.settled_at = self._context.clock()

    # -- ends -----------------------------------------------------------------------------------

    def _stop(self, run: Campaign) -> None:
        """Take a run back, as long as Mailchimp has not begun to send."""
        info = self._unschedule(self._left(run))
        with self._step() as session:
            stored = session.get_one(Campaign, self._id)
            if info is not None and info.status not in DRAFTS:
                self._sent(stored, info, "too_late_to_stop")
                return
            stored.remote_id = info.id if info is not None else ""
            self._end(session, stored, "stopped")
        self._clean(self._look()[0])

    def _refuse(self, why: str) -> None:
        with self._step() as session:
            run = session.get_one(Campaign, self._id)
            if run.status in ("planned", "scheduling"):
                self._end(session, run, "refused", why)
        self._clean(self._look()[0])

    def _end(self, session: Session, run: Campaign, status: str, problem: str = "") -> None:
        """Settle a run that reached nobody: its people can be chosen again.

        While there is a campaign they stay: `_clean` may find that it is on its way after all.
        """
        run.status, run.problem = status, problem
        run.settled_at = self._context.clock()
        if not run.remote_id:
            _give_back(session, run)

    def _clean(self, run: Campaign) -> None:
        """Leave nothing of a run behind in Mailchimp."""
        if run.status not in CLEANED:
            return
        info = self._left(run)
        if info is not None:
            try:
                campaigns.remove(self._mailchimp, info.id)
            except (Invalid, WrongState):
                # A schedule call whose answer was lost came through after all.
                info = self._unschedule(campaigns.read(self._mailchimp, info.id))
                if info is not None and info.status not in DRAFTS:
                    with self._step() as session:
                        self._sent(session.get_one(Campaign, self._id), info, "too_late_to_stop")
                    return
                if info is not None:
                    campaigns.remove(self._mailchimp, info.id)
        with self._step() as session:
            stored = session.get_one(Campaign, self._id)
            stored.remote_id = ""
            _give_back(session, stored)
        self._remove_list(run)

    def _left(self, run: Campaign) -> CampaignInfo | None:
        """A run's campaign; it may have been made without our hearing so."""
        if run.remote_id:
            return campaigns.read(self._mailchimp, run.remote_id)
        return campaigns.find(self._mailchimp, run.title, run.created_at)

    def _unschedule(self, info: CampaignInfo | None) -> CampaignInfo | None:
        """Make a draft of a campaign where that is still possible; return what it is then."""
        if info is None or info.status != "schedule":
            return info
        sender = open_mailchimp(self._context, self._audience, Permit.SEND)
        with suppress(Invalid, WrongState):  # it has just begun
            sender.call(sender.official.campaigns.unschedule, info.id)
        return campaigns.read(self._mailchimp, info.id)

    def _forget_list(self, run: Campaign) -> None:
        assert run.settled_at is not None
        if self._is_leaving:
            info = campaigns.read(self._mailchimp, run.remote_id)
            if info is None or info.status == "sent":  # and not on its way still
                self._remove_list(run)
            return
        has_report = run.report_read_at is not None
        if has_report and self._context.clock() - run.settled_at >= LIST_KEPT:
            self._remove_list(run)

    def _remove_list(self, run: Campaign) -> None:
        tag_id = run.tag_id
        if tag_id is None and run.tag_name:
            there = self._mailchimp.segments()
            tag_id = next((s.id for s in there if s.is_tag and s.name == run.tag_name), None)
        if tag_id is not None:
            with suppress(NotFound):  # an earlier try did it
                self._mailchimp.delete_tag(tag_id)
        with self._step() as session:
            stored = session.get_one(Campaign, self._id)
            stored.tag_id, stored.tag_name = None, ""
            session.exec(
                delete(OwnedName).where(
                    col(OwnedName.audience_id) == run.audience_id,
                    col(OwnedName.kind) == RUN,
                    col(OwnedName.key) == f"run:{run.id}",
                )
            )


def _moved(session: Session, run_id: int, before: tuple[str, ...], after: str) -> bool:
    """Change a run's state only from one of these: the merchant may have stopped it meanwhile."""
    change = (
        update(Campaign)
        .where(col(Campaign.id) == run_id, col(Campaign.status).in_(before))
        .values(status=after)
        .execution_options(synchronize_session=False)
    )
    return bool(session.exec(change).rowcount)


def _list_name(run: Campaign) -> str:
    """Words that people understand when they meet it among their tags."""
    return f"Stipt mail {run.id}: {run.title.partition('] ')[2]}"


def _give_back(session: Session, run: Campaign) -> None:
    session.exec(delete(CampaignPerson).where(col(CampaignPerson.campaign_id) == run.id))


def _addresses(run_id: int) -> Any:
    return select(CampaignPerson.email_key).where(CampaignPerson.campaign_id == run_id)


def _set_list(mailchimp: Mailchimp, tag_id: int, wanted: set[str]) -> set[str]:
    """Make a static segment hold just these addresses; return those that Mailchimp refuses."""
    there = campaigns.listed(mailchimp, tag_id)
    add, remove = sorted(wanted - there), sorted(there - wanted)
    refused: set[str] = set()
    for start in range(0, max(len(add), len(remove)), ROWS_A_CALL):
        part = slice(start, start + ROWS_A_CALL)
        refused |= set(mailchimp.change_tag(tag_id, add=add[part], remove=remove[part]))
    return refused & wanted
