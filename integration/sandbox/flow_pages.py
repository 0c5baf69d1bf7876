"""Pages about events and flows; a flow is built here as a marketer builds one in Mailchimp."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from flask import Blueprint, abort, redirect, request
from flask.typing import ResponseReturnValue

from integration.sandbox import flows
from integration.sandbox.events import newest_first
from integration.sandbox.flows import EXITS, STARTS, Flow, Trigger
from integration.sandbox.problems import not_found
from integration.sandbox.state import Audience, Member, SandboxState, subscriber_hash

Render = Callable[..., str]
#: Rows of a page that shows the newest only.
SHOWN = 200


def add_pages(bp: Blueprint, state: SandboxState, render: Render) -> None:
    """Add the routes to the blueprint of the pages."""
    pages = _FlowPages(state, render)
    bp.get("/audiences/<list_id>/events")(pages.events)
    bp.get("/audiences/<list_id>/flows")(pages.flows)
    bp.post("/audiences/<list_id>/flows")(pages.build)
    bp.post("/audiences/<list_id>/flows/<int:flow_id>/switch")(pages.switch)


class _FlowPages:
    def __init__(self, state: SandboxState, render: Render) -> None:
        self._state, self._render = state, render

    def events(self, list_id: str) -> str:
        with self._state.lock:
            audience = self._state.audience(list_id)
            of = {id(event): m for m in audience.members.values() for event in m.events}
            told = [event for m in audience.members.values() for event in m.events]
            rows = [(event, _who(of[id(event)])) for event in newest_first(told)[:SHOWN]]
            return self._render("events.html", audience=audience, rows=rows, total=len(told))

    def flows(self, list_id: str) -> str:
        with self._state.lock:
            audience = self._state.audience(list_id)
            found = self._state.flows.of(list_id)
            return self._render(
                "flows.html",
                audience=audience,
                flows=[(flow, _address(flow), self._ways(audience, flow)) for flow in found],
                triggers=self._triggers(audience, found),
                starts=STARTS,
                exits=EXITS,
            )

    def build(self, list_id: str) -> ResponseReturnValue:
        _from_here()
        form = request.form
        without = [name.strip() for name in form.get("without", "").split(",") if name.strip()]
        try:
            with self._state.lock:
                flows.add(
                    self._state,
                    self._state.audience(list_id),
                    name=form["name"].strip(),
                    start=form["start"],
                    on=form.get("on", "").strip(),
                    without=without,
                    exit=form.get("exit", ""),
                    wait_days=max(0, int(form.get("wait_days") or 0)),
                    again_days=max(0, int(form.get("again_days") or 0)),
                )
        except ValueError:
            abort(400)
        self._state.changed.set()
        return self._back(list_id)

    def switch(self, list_id: str, flow_id: int) -> ResponseReturnValue:
        _from_here()
        with self._state.lock:
            flow = self._state.flows.by_id.get(flow_id)
            if flow is None or flow.list_id != list_id:
                raise not_found()
            flow.is_on = not flow.is_on
        self._state.changed.set()
        return self._back(list_id)

    def _back(self, list_id: str) -> ResponseReturnValue:
        language = quote(request.args.get("lang", ""))
        return redirect(f"/audiences/{quote(list_id)}/flows?lang={language}")

    def _ways(self, audience: Audience, flow: Flow) -> list[tuple[Any, dict[str, str]]]:
        found = []
        for member in audience.members.values():
            if member.contact_id in flow.entries:
                ways = flows.ways(self._state, audience, member)
                found += [(entry, _who(member)) for of, entry in ways if of is flow]
        return sorted(found, key=lambda way: way[0].at, reverse=True)[:SHOWN]

    def _triggers(
        self, audience: Audience, found: list[Flow]
    ) -> list[tuple[Trigger, str, dict[str, str] | None]]:
        names = {flow.id: flow.name for flow in found}
        rows = []
        for trigger in reversed(self._state.flows.triggers):
            if trigger.journey in names:
                member = audience.find(trigger.contact_id)
                who = _who(member) if member else None
                rows.append((trigger, names[trigger.journey], who))
        return rows[:SHOWN]


def _who(member: Member) -> dict[str, str]:
    return {"key": subscriber_hash(member.email), "email": member.email}


def _address(flow: Flow) -> str:
    """The trigger address as Mailchimp shows it, of this server."""
    if flow.start != "api":
        return ""
    root = request.host_url.rstrip("/")
    return f"{root}/3.0/customer-journeys/journeys/{flow.id}/steps/{flow.step}/actions/trigger"


def _from_here() -> None:
    """Refuse a form that another site sends."""
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
        abort(403)
