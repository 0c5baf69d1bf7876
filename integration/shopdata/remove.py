"""Deleting a store of ours in Mailchimp with everything in it, on the merchant's explicit wish.

The only module that opens Mailchimp with the permit for it.
"""

from __future__ import annotations

from integration.audience.connect import current_audience, open_mailchimp
from integration.context import Context
from integration.db import scoped
from integration.mailchimp.ecommerce import Ecommerce
from integration.mailchimp.guard import Permit
from integration.shopdata import mirror
from integration.tables import ShopStore
from integration.work.queue import Job


def shop_remove(context: Context, job: Job) -> None:
    """Switch a store off, delete it in Mailchimp, and forget what was there.

    Raises
    ------
    MailchimpError
    """
    audience = current_audience(context, job.account_id)
    with scoped(context.engine, job.account_id) as session:
        store = session.get_one(ShopStore, job.payload["store"])
        if store.audience_id != audience.id:
            return
        store.is_on = False
    mailchimp = open_mailchimp(context, audience, Permit.DELETE_STORE)
    Ecommerce(mailchimp, store.store_id).delete()
    with scoped(context.engine, job.account_id) as session:
        job.extend(session)
        mirror.forget(session, store.id or 0)
        row = session.get_one(ShopStore, store.id)
        row.status, row.filled_at, row.is_quiet = "removed", None, False
        row.outcome, row.error = {}, ""
