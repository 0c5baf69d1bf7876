"""Pages to look at segments with their members, and at campaigns as readers see them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response, request

from integration.merge_tags import fill
from integration.sandbox import campaign_acts, campaigns, conditions, delivery, reports, segments
from integration.sandbox.mailing import Campaign
from integration.sandbox.problems import not_found
from integration.sandbox.shape import page_of
from integration.sandbox.state import Member, SandboxState, subscriber_hash

#: The order in which campaigns are shown.
GROUPS = ("schedule", "save", "sending", "sent", "paused", "canceled")
#: A mail may have styles and pictures of its own, and nothing else; it is shown in a frame.
PREVIEW_POLICY = (
    "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'"
)


class MailPages:
    """The pages; `render` fills a template in the reader's language."""

    def __init__(self, state: SandboxState, render: Callable[..., str]) -> None:
        self._state, self._render = state, render

    def register(self, bp: Blueprint) -> None:
        """Add the routes."""
        bp.get("/campaigns")(self.campaigns)
        bp.get("/campaigns/<campaign_id>")(self.campaign)
        bp.get("/campaigns/<campaign_id>/preview")(self.preview)
        bp.get("/audiences/<list_id>/segments")(self.segments)
        bp.get("/audiences/<list_id>/segments/<segment_id>")(self.segment)

    def campaigns(self) -> str:
        with self._state.lock:
            delivery.tick(self._state)
            newest = list(reversed(self._state.mail.campaigns.values()))
            groups = {
                status: [(c, self._people(c)) for c in newest if c.status == status]
                for status in GROUPS
            }
            return self._render("campaigns.html", groups=groups)

    def _people(self, campaign: Campaign) -> int:
        if campaign.status == "sent":
            return len(campaign.deliveries)
        return len(delivery.recipients(self._state, campaign))

    def campaign(self, campaign_id: str) -> str:
        with self._state.lock:
            delivery.tick(self._state)
            campaign = campaigns.find(self._state, campaign_id)
            audience = self._state.audiences.get(campaign.list_id)
            emails = [d.email for d in campaign.deliveries] or [
                m.email for m in delivery.recipients(self._state, campaign)
            ]
            rows, number, last = page_of(emails, request.args.get("page", 1, type=int))
            sent = campaign.status == "sent"
            return self._render(
                "campaign.html",
                campaign=campaign,
                recipients=campaigns.segment_text(audience, campaign),
                checks=campaign_acts.checklist(self._state, campaign),
                report=reports.report(self._state, campaign) if sent else None,
                total=len(emails),
                rows=[(email, subscriber_hash(email)) for email in rows],
                shown=request.args.get("as", ""),
                number=number,
                last=last,
            )

    def preview(self, campaign_id: str) -> Response:
        """The mail alone, as one recipient reads it, or with its merge tags."""
        with self._state.lock:
            campaign = campaigns.find(self._state, campaign_id)
            text = campaign.html or f"<pre>{campaign.plain_text}</pre>"
            key = request.args.get("as", "")
            audience = self._state.audiences.get(campaign.list_id)
            if key and audience is not None:
                member = audience.members.get(key)
                if member is None:
                    raise not_found()
                text = fill(text, _values(member, audience.name))
        answer = Response(text, content_type="text/html; charset=utf-8")
        answer.headers["Content-Security-Policy"] = PREVIEW_POLICY
        return answer

    def segments(self, list_id: str) -> str:
        with self._state.lock:
            audience = self._state.audience(list_id)
            rows = [
                (s, conditions.in_words(audience, s.options), self._count(list_id, s))
                for s in audience.segments.values()
                if not s.is_static
            ]
            return self._render("segments.html", audience=audience, rows=rows)

    def _count(self, list_id: str, segment: Any) -> int | None:
        if not conditions.evaluable(segment.options):
            return None
        audience = self._state.audience(list_id)
        return len(segments.selected(self._state, audience, segment, {}))

    def segment(self, list_id: str, segment_id: str) -> str:
        with self._state.lock:
            audience = self._state.audience(list_id)
            segment = segments.find(audience, segment_id)
            known = segment.options is None or conditions.evaluable(segment.options)
            found = segments.selected(self._state, audience, segment, {}) if known else []
            rows, number, last = page_of(found, request.args.get("page", 1, type=int))
            return self._render(
                "segment.html",
                audience=audience,
                segment=segment,
                words=conditions.in_words(audience, segment.options),
                known=known,
                total=len(found),
                rows=[(m.email, subscriber_hash(m.email)) for m in rows],
                number=number,
                last=last,
            )


def _values(member: Member, list_name: str) -> dict[str, str]:
    held = {tag: str(value) for tag, value in member.merge.items()}
    return {**held, "EMAIL": member.email, "LIST:NAME": list_name, "UNSUB": "#"}
