"""Telling the merchant by e-mail that Shopify no longer lets us in: nothing arrives, unseen.

Once each time that it happens: the work is written in the transaction that stops the store. Every
page says so too, until the store is connected again.
"""

from __future__ import annotations

from sqlmodel import Session, select

from integration import mail
from integration.context import Context
from integration.db import scoped
from integration.tables import Account, Shop, ShopifyStore, User
from integration.work.queue import Job, defer

KIND = "tell_reconnect"
#: What `ShopifyStore.stopped` says then.
RECONNECT = "reconnect"
_TEXTS = {
    "en": (
        "Connect {shop} to Stipt again",
        "Shopify no longer lets Stipt in at {shop} ({domain}).\n\n"
        "What was read stays. New orders and customers, and who withdraws permission in the shop, "
        "do not arrive until you connect the store again:\n\n{address}\n\n"
        "This message is sent once. The pages of Stipt say it until the store is connected.\n",
    ),
    "nl": (
        "Koppel {shop} opnieuw aan Stipt",
        "Shopify laat Stipt niet meer toe bij {shop} ({domain}).\n\n"
        "Wat gelezen is, blijft. Nieuwe bestellingen en klanten, en wie in de winkel zijn "
        "toestemming intrekt, komen niet meer binnen tot je de winkel opnieuw koppelt:\n\n"
        "{address}\n\n"
        "Dit bericht krijg je één keer. De pagina's van Stipt zeggen het tot de winkel weer "
        "gekoppeld is.\n",
    ),
}


def start(context: Context, session: Session, shop_id: int) -> None:
    """Write down that the merchant is to be told, where mail can be sent."""
    if mail.is_set_up(context.settings):
        account_id = session.info["account_id"]
        lane = f"account:{account_id}:mail"
        defer(session, account_id=account_id, kind=KIND, lane=lane, payload={"shop_id": shop_id})


def tell(context: Context, job: Job) -> None:
    """Send the message to everybody who logs in, and to the address that the store names.

    Raises
    ------
    NotSent
    """
    with scoped(context.engine, job.account_id) as session:
        shop = session.get(Shop, job.payload["shop_id"])
        query = select(ShopifyStore).where(ShopifyStore.shop_id == job.payload["shop_id"])
        store = session.exec(query).first()
        account = session.get_one(Account, job.account_id)
        users = session.exec(select(User.email).where(User.account_id == account.id)).all()
    if shop is None or store is None or store.stopped != RECONNECT:
        return  # connected again meanwhile
    subject, text = _TEXTS.get(account.language, _TEXTS["en"])
    given = {
        "shop": shop.name,
        "domain": store.domain,
        "address": f"{context.settings.public_url.rstrip('/')}/shopify/stores",
    }
    # Whoever came by Shopify logs in with the store: that is no address.
    named = {address.casefold(): address for address in (*users, store.seen.get("email") or "")}
    for nth, address in enumerate(sorted(one for one in named.values() if "@" in one)):
        job.extend()
        key = f"reconnect-{job.id}-{nth}"
        mail.send(
            context.settings, address, subject=subject.format(**given), text=text.format(**given),
            key=key,
        )  # fmt: skip
