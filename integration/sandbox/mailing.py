"""What the account holds of mail: templates, campaigns and what happened to every message."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(slots=True, kw_only=True)
class Template:
    """A classic template; places to edit are marked with `mc:edit` in its HTML."""

    id: int
    name: str
    html: str
    created_at: str
    edited_at: str


@dataclass(slots=True, kw_only=True)
class Delivery:
    """One message of a campaign, and what its reader did; moments may still lie ahead."""

    email: str
    #: {"action": "open" | "click" | "unsubscribe", "at": moment, "url": text}, oldest first.
    acts: list[dict[str, str]] = field(default_factory=list)

    def of(self, action: str, now: str) -> list[dict[str, str]]:
        """What was done so, up to a moment."""
        return [act for act in self.acts if act["action"] == action and act["at"] <= now]


@dataclass(slots=True, kw_only=True)
class Campaign:
    """One mail, from draft to report."""

    id: str
    web_id: int
    type: str
    list_id: str
    created_at: str
    #: None for everybody in the audience.
    segment_opts: dict[str, Any] | None = None
    settings: dict[str, Any] = field(default_factory=dict)
    tracking: dict[str, Any] = field(default_factory=dict)
    rss: dict[str, Any] = field(default_factory=dict)
    #: save, paused, schedule, sending, sent, canceled.
    status: str = "save"
    #: When it goes or went out; "" for a draft.
    send_time: str = ""
    html: str = ""
    plain_text: str = ""
    #: Set when the content came from a template.
    template_id: int | None = None
    sections: dict[str, str] = field(default_factory=dict)
    #: Addresses of each test that was sent.
    tests: list[list[str]] = field(default_factory=list)
    deliveries: list[Delivery] = field(default_factory=list)
    canceled: int = 0

    @property
    def has_content(self) -> bool:
        """Whether there is anything to read."""
        return bool(self.html.strip() or self.plain_text.strip())


class Mail:
    """All of it; part of the account's state and under its lock."""

    def __init__(self) -> None:
        self.templates: dict[int, Template] = {}
        self.campaigns: dict[str, Campaign] = {}
        #: Domains of senders that are not verified.
        self.unverified: set[str] = set()
        #: Whether readers react by themselves; their acts can always be given by hand.
        self.reacts = True

    def clear(self) -> None:
        """Forget everything."""
        self.templates.clear()
        self.campaigns.clear()
        self.unverified.clear()
        self.reacts = True

    def canonical(self) -> dict[str, Any]:
        """What is held, without moments."""
        campaigns = {}
        for campaign in self.campaigns.values():
            row = asdict(campaign)
            row["deliveries"] = [delivery.email for delivery in campaign.deliveries]
            campaigns[campaign.id] = {k: v for k, v in row.items() if k != "created_at"}
        templates = {str(t.id): {"name": t.name, "html": t.html} for t in self.templates.values()}
        return {"campaigns": campaigns, "templates": templates}

    def dump(self) -> dict[str, Any]:
        """Everything, to be kept."""
        return {
            "templates": [asdict(row) for row in self.templates.values()],
            "campaigns": [asdict(row) for row in self.campaigns.values()],
            "unverified": sorted(self.unverified),
            "reacts": self.reacts,
        }

    def restore(self, kept: dict[str, Any]) -> None:
        """Take in what `dump` wrote."""
        self.templates = {row["id"]: Template(**row) for row in kept.get("templates", [])}
        for row in kept.get("campaigns", []):
            deliveries = [Delivery(**held) for held in row["deliveries"]]
            self.campaigns[row["id"]] = Campaign(**{**row, "deliveries": deliveries})
        self.unverified = set(kept.get("unverified", []))
        self.reacts = kept.get("reacts", True)
