"""A connection to Mailchimp that is being made: between the click and the choice of audience."""

from datetime import datetime

from sqlalchemy import UniqueConstraint

from integration.db import Owned
from integration.tables.columns import account_key, moment, primary_key


class Connecting(Owned, table=True):
    """One merchant's way into an account, not used for anything yet."""

    __table_args__ = (UniqueConstraint("account_id"),)

    id: int | None = primary_key()
    account_id: int = account_key(index=False)
    #: SHA-256 of the text that must come back from Mailchimp; "" once it has.
    state_hash: str = ""
    started_at: datetime = moment()
    #: Encrypted by `security.Vault`; "" until Mailchimp let us in.
    token: str = ""
    server: str = ""
    is_oauth: bool = False
    #: The audience picked to replace the connected one, before that is confirmed.
    list_id: str = ""
    language: str = ""
