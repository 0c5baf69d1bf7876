"""What happens every night without anybody asking: all is computed anew, the audience checked."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import structlog
from sqlmodel import Session, col, select

from integration.audience import checked, hooks
from integration.campaigns import rules
from integration.context import Context
from integration.db import scoped, unscoped
from integration.pipeline import start_refresh
from integration.retention import drop_old
from integration.shopify import look as shopify_look
from integration.shops import check as shop_check
from integration.tables import Account, Audience, FittedModel, Plan
from integration.writeback import candidates as writeback

_log = structlog.get_logger(__name__)

#: Hour of the shop's day from which a new day is computed: few orders come in, and it is ready
#: before the marketer is.
NIGHT_HOUR = 3


def start_night(context: Context) -> int:
    """Have each account computed anew whose night has come; return how many were started.

    An account is left alone until something was computed for it once, and when its newest figures
    are of today. Asked hourly, so a worker that slept through the night catches up. What was kept
    for long enough is deleted each time, also of accounts that are not looked at.
    """
    with unscoped(context.engine) as session:
        accounts = session.exec(select(Account)).all()
    started = 0
    for account in accounts:
        with _on_its_own(account.id or 0), scoped(context.engine, account.id or 0) as session:
            drop_old(context, session)
            shop_check.start(context, session, _last_night(context, account))
            is_due = _is_due(context, session, account)
            if is_due:
                start_refresh(session)
            if _is_unchecked(context, session, account):
                checked.start(session)
                hooks.start(context, session)
            started += is_due
    return started


@contextmanager
def _on_its_own(account_id: int) -> Iterator[None]:
    """Log an account's error instead of raising it: the accounts after it have their night too."""
    try:
        yield
    except Exception as error:
        # Places only: a text with values would show people.
        places = "".join(traceback.format_tb(error.__traceback__))
        _log.error("An account's turn failed", account_id=account_id, places=places)


def _is_unchecked(context: Context, session: Session, account: Account) -> bool:
    """Whether the night has come for an audience that has had a plan, not looked at today.

    A look that was given up counts: it would end the same way an hour later.
    """
    zone = ZoneInfo(account.time_zone)
    now = context.clock().astimezone(zone)
    audience = session.exec(
        select(Audience).where(col(Audience.disconnected_at).is_(None), Audience.paused == "")
    ).first()
    if audience is None or now.hour < NIGHT_HOUR:
        return False
    planned = select(Plan.id).where(Plan.audience_id == audience.id).limit(1)
    if session.exec(planned).first() is None:
        return False
    looked_at = checked.looked_at(session)
    return looked_at is None or looked_at.astimezone(zone).date() < now.date()


def _last_night(context: Context, account: Account) -> datetime:
    """Return when the last night of the account's zone began."""
    now = context.clock().astimezone(ZoneInfo(account.time_zone))
    night = now.replace(hour=NIGHT_HOUR, minute=0, second=0, microsecond=0)
    return night if night <= now else night - timedelta(days=1)


def _is_due(context: Context, session: Session, account: Account) -> bool:
    zone = ZoneInfo(account.time_zone)
    now = context.clock().astimezone(zone)
    newest = session.exec(select(FittedModel).order_by(col(FittedModel.id).desc())).first()
    if newest is None or now.hour < NIGHT_HOUR:
        return False
    return newest.created_at.astimezone(zone).date() < now.date()


def start_hour(context: Context) -> int:
    """Do what is done every hour: the night where it has come, a look at each rule and store."""
    started = start_night(context)
    with unscoped(context.engine) as session:
        account_ids = [key for key in session.exec(select(Account.id)) if key is not None]
    for account_id in account_ids:
        with _on_its_own(account_id), scoped(context.engine, account_id) as session:
            rules.look(session)
            shopify_look.start(context, session)
            writeback.note(session, context.clock())
    return started
