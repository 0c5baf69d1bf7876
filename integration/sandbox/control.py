"""The control page: faults, storm, latency, clock and keys by hand, and for tests as JSON.

Forms of this very page only: a browser says where one comes from, and elsewhere is refused.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any

from flask import Blueprint, abort, jsonify, redirect, request, url_for
from flask.typing import ResponseReturnValue

from integration.sandbox.faults import KINDS, SIMULTANEOUS, Fault, Storm
from integration.sandbox.pages import harden, render
from integration.sandbox.state import SandboxState

Tool = tuple[str, str, Callable[[], ResponseReturnValue]]
#: How far the buttons move the clock, in seconds, by the name of their text.
JUMPS = {"an_hour": 3600, "a_day": 86_400, "a_week": 604_800}


def limits(state: SandboxState) -> dict[str, Any]:
    """What the sandbox does to its callers, and how many came at once, as JSON."""
    storm = state.faults.storm
    return {
        "simultaneous": SIMULTANEOUS,
        "inside": state.gate.inside,
        "highest": state.gate.highest,
        "refused": state.gate.refused,
        "call_ms": state.latency.call_s * 1000,
        "operation_ms": state.latency.operation_s * 1000,
        "faults": [asdict(fault) for fault in state.faults.on()],
        "storm": storm and {"until": storm.until.isoformat(), "probability": storm.probability},
        "now": state.clock.text(),
    }


def tools(state: SandboxState) -> list[Tool]:
    """The endpoints under /sandbox: address, method and view of each."""

    def get_limits() -> ResponseReturnValue:
        return jsonify(limits(state))

    def post_fault() -> ResponseReturnValue:
        state.faults.add(Fault(**request.get_json()))
        return jsonify(limits(state))

    def delete_faults() -> ResponseReturnValue:
        state.faults.clear()
        return jsonify(limits(state))

    def post_latency() -> ResponseReturnValue:
        body = request.get_json()
        _take_time(state, body.get("call_ms", 0), body.get("operation_ms", 0))
        return jsonify(limits(state))

    def post_storm() -> ResponseReturnValue:
        _blow(state, **request.get_json())
        return jsonify(limits(state))

    def delete_limits() -> ResponseReturnValue:
        state.gate.forget()
        return jsonify(limits(state))

    return [
        ("/limits", "GET", get_limits),
        ("/limits", "DELETE", delete_limits),
        ("/faults", "POST", post_fault),
        ("/faults", "DELETE", delete_faults),
        ("/latency", "POST", post_latency),
        ("/storm", "POST", post_storm),
    ]


def _take_time(state: SandboxState, call_ms: float, operation_ms: float) -> None:
    state.latency.set(call_s=call_ms / 1000, operation_s=operation_ms / 1000)


def _blow(
    state: SandboxState, *, minutes: float = 30, probability: float = 0.5, seed: int = 0
) -> None:
    until = state.clock.now() + timedelta(minutes=minutes)
    state.faults.blow(Storm(until=until, probability=probability, seed=seed))


def blueprint(state: SandboxState) -> Blueprint:
    """The page and its forms."""
    bp = Blueprint("control", __name__, template_folder="templates")
    forms = _Forms(state)
    bp.before_request(_check_origin)
    bp.after_request(harden)
    bp.get("/control")(forms.page)
    bp.post("/control/<what>")(forms.post)
    return bp


def _check_origin() -> None:
    if request.method == "POST" and request.headers.get("Origin") != request.host_url.rstrip("/"):
        abort(403)


class _Forms:
    def __init__(self, state: SandboxState) -> None:
        self._state = state
        self._done: dict[str, Callable[[], None]] = {
            "clock": self._clock,
            "fault": self._fault,
            "faults-off": state.faults.clear,
            "latency": self._latency,
            "storm": self._storm,
            "storm-off": lambda: state.faults.blow(None),
            "key": self._key,
            "count": state.gate.forget,
        }

    def page(self) -> str:
        return self._page("")

    def _page(self, error: str) -> str:
        keys = [
            (number, key[-4:], works)
            for number, (key, works) in enumerate(self._state.tokens.items())
        ]
        return render(
            "control.html",
            limits=limits(self._state),
            kinds=KINDS,
            jumps=JUMPS,
            keys=keys,
            error=error,
        )

    def post(self, what: str) -> ResponseReturnValue:
        """Do it and show the page again; with a word about it where a value cannot be."""
        if what not in self._done:
            abort(404)
        try:
            self._done[what]()
        except (ValueError, OverflowError):
            return self._page("bad_value"), 400
        self._state.changed.set()
        return redirect(url_for("control.page", lang=request.args.get("lang")), 303)

    def _clock(self) -> None:
        if "now" in request.form:
            moment = datetime.fromisoformat(request.form["now"]).replace(tzinfo=UTC)
            self._state.clock.set(moment)
        else:
            self._state.clock.advance(JUMPS.get(request.form.get("jump", ""), 0))

    def _fault(self) -> None:
        form = request.form
        times = form.get("times", "1").strip()
        fault = Fault(
            kind=form.get("kind", ""),
            first=int(form.get("first") or 1),
            times=int(times) if times else None,
            method=form.get("method") or None,
            prefix=form.get("prefix") or "/",
            seconds=min(float(form.get("seconds") or 0), 120.0),
            in_batches=bool(form.get("in_batches")),
        )
        self._state.faults.add(fault)

    def _latency(self) -> None:
        form = request.form
        _take_time(self._state, float(form["call_ms"]), float(form["operation_ms"]))

    def _storm(self) -> None:
        form = request.form
        _blow(
            self._state,
            minutes=float(form["minutes"]),
            probability=float(form["percent"]) / 100,
            seed=int(form["seed"]),
        )

    def _key(self) -> None:
        key = list(self._state.tokens)[int(request.form["key"])]
        self._state.tokens[key] = request.form.get("works") == "1"
