"""Where Mailchimp tells us something: check who it is, keep it, answer; a job looks what is so.

No log-in and no form token: the secret in the address and the signature say who calls.
"""

from __future__ import annotations

import hashlib
from functools import partial

from flask import Blueprint, Response, abort, request
from flask.typing import ResponseReturnValue
from sqlalchemy import bindparam
from sqlmodel import Session, select

from integration.db import unscoped
from integration.hurried import Busy, hurried
from integration.mailchimp.hooks import AUDIENCE, BATCHES, address_hash, is_genuine
from integration.tables import Audience, MailchimpHook
from integration.views.base import context
from integration.work import letterbox
from integration.work.inbox import keep
from integration.work.runner import wake_for, wake_for_letters

bp = Blueprint("hooks", __name__, url_prefix="/hooks/mailchimp")

#: Bytes of a form; a contact with 80 fields of 255 bytes stays far below.
_LARGEST = 256 * 1024
_SIGNATURE = "X-Mailchimp-Signature"
#: Put together once: it is asked for each webhook.
_ADDRESSED = select(MailchimpHook, Audience).where(
    MailchimpHook.address_hash == bindparam("hash"),
    MailchimpHook.kind == bindparam("kind"),
    MailchimpHook.audience_id == Audience.id,
)


@bp.get("/<secret>")
def look(secret: str) -> ResponseReturnValue:  # noqa: ARG001  # says nothing about which exist
    """Mailchimp looks whether somebody is there before it makes a webhook."""
    return "", 200


@bp.get("/batches/<secret>")
def look_for_batches(secret: str) -> ResponseReturnValue:  # noqa: ARG001  # as above
    """The same for webhooks about batches."""
    return "", 200


@bp.post("/<secret>")
def receive(secret: str) -> ResponseReturnValue:
    """Take what Mailchimp tells about an audience."""
    return _received(AUDIENCE, secret)


@bp.post("/batches/<secret>")
def receive_for_batches(secret: str) -> ResponseReturnValue:
    """Take that a batch is finished."""
    return _received(BATCHES, secret)


def _received(kind: str, secret: str) -> ResponseReturnValue:
    """Answer once it is kept; the workers are told after the answer, which need not wait for it."""
    installation, answer = context(), Response(status=204)
    with unscoped(installation.engine) as session:
        audience, body = _told(session, kind, secret)
    # Mailchimp has no id of a delivery; the same bytes say the same.
    dedupe_key = hashlib.sha256(body).hexdigest()
    try:
        with hurried(installation.engine) as session:
            work_id = keep(session, audience, kind, dedupe_key, {}, body)
    except Busy:
        letterbox.put(installation, audience, kind, dedupe_key, body)
        answer.call_on_close(partial(wake_for_letters, installation))
    else:
        if work_id is not None:
            answer.call_on_close(partial(wake_for, installation, work_id))
    return answer


def _told(session: Session, kind: str, secret: str) -> tuple[Audience, bytes]:
    """Return about which audience something was said, and what; ends what is not Mailchimp's."""
    # Found by the hash of its address, so that no time tells how much of it was right.
    given = {"hash": address_hash(secret), "kind": kind}
    found = session.exec(_ADDRESSED, params=given).first()
    if found is None:
        abort(404)
    hook, audience = found
    if audience.disconnected_at is not None:
        abort(Response(status=410))  # ends the webhook at once
    request.max_content_length = _LARGEST
    # Before anything parses the form: the signature is over these bytes.
    body = request.get_data(cache=True)
    if hook.signing_secret:
        key = context().vault.decrypt(hook.signing_secret)
        if not is_genuine(key, request.headers.get(_SIGNATURE, ""), body, context().clock()):
            abort(401)
    return audience, body
