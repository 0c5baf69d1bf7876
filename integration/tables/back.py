"""What comes back from Mailchimp: where it may tell us something, and whether all is in step."""

from datetime import datetime
from typing import Any

from sqlmodel import Field

from integration.db import Owned
from integration.tables.columns import account_key, json_column, moment, primary_key, reference


class MailchimpHook(Owned, table=True):
    """A webhook of ours: where Mailchimp tells of an audience, or of finished batches."""

    id: int | None = primary_key()
    account_id: int = account_key()
    audience_id: int = reference("audience.id")
    #: "audience" or "batches".
    kind: str
    #: SHA-256 of the secret in its address; the secret itself is kept nowhere.
    address_hash: str = Field(unique=True)
    #: Mailchimp's id; "" until its answer was read, and after it was removed there.
    remote_id: str = ""
    #: The key of its signatures, encrypted by `security.Vault`; "" where Mailchimp gave none.
    signing_secret: str = ""
    created_at: datetime = moment()
    #: The last look whether it is still there.
    checked_at: datetime | None = moment(nullable=True)


class AudienceCheck(Owned, table=True):
    """One comparison of an audience with what we hold of it."""

    id: int | None = primary_key()
    account_id: int = account_key()
    audience_id: int = reference("audience.id")
    #: What was counted and what differed: see `audience.check.Result`.
    result: dict[str, Any] = json_column()
    began_at: datetime = moment()
    finished_at: datetime = moment(index=True)
