"""A store that does not hold what we think it does: the mirror is told what is really there.

What is missing the steps of the run send again, as far as it is wanted. What we once took away and
is there all the same becomes something unknown: wanted, it is written over, else removed at the
end. What never was ours in this installation is left alone.
"""

from __future__ import annotations

from integration.shopdata import mirror
from integration.shopdata.items import UNKNOWN, Known, gone
from integration.shopdata.sender import Sender

#: What can be taken out of a store; products are only hidden, and customers stay.
_REMOVABLE = ("order", "cart")


def see(sender: Sender) -> None:
    """Compare by id what a store holds with the mirror of it, and put the mirror right.

    Raises
    ------
    MailchimpError
    """
    for kind in ("product", "customer", "order", "cart"):
        there = {str(row["id"]) for row in sender.shop.rows(kind)}
        with sender.transaction() as session:
            held = mirror.known(session, sender.store, kind)
            lost = [key for key, row in held.items() if row.there and key not in there]
            mirror.forget(session, sender.store, kind, lost)
            if kind == "product":
                mirror.forget_variants(session, sender.store, lost)
            back = [key for key, row in held.items() if not row.there and key in there]
            unknown = {key: Known(there=UNKNOWN) for key in back}
            mirror.store(session, sender.store, kind, unknown)


def remove_unknown(sender: Sender) -> None:
    """Take out what no step of the run wanted: all that was wanted is known by now.

    Raises
    ------
    MailchimpError
    """
    for kind in _REMOVABLE:
        with sender.transaction() as session:
            left = mirror.unknown(session, sender.store, kind)
        sender.push([gone(kind, key) for key in left])
