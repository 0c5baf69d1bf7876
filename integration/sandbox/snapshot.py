"""The state as JSON: canonical for comparing, complete for keeping."""

from __future__ import annotations

import json
import os
import tempfile
import threading
from dataclasses import asdict
from pathlib import Path
from typing import Any

from integration.sandbox.flows import Entry, Event, Flow, Trigger
from integration.sandbox.hooks import Hook
from integration.sandbox.shops.store import canonical_store, dump_store, restore_store
from integration.sandbox.state import (
    Audience,
    Member,
    MergeField,
    SandboxState,
    Segment,
    subscriber_hash,
)

FILE_NAME = "sandbox.json"
FORMAT = 1


def canonical(state: SandboxState) -> str:
    """What the account holds, as sorted JSON: equal texts mean equal accounts.

    Without the log and what only the log knows: counters, ids of requests, moments of change; and
    without webhooks, which belong to a connection and not to what was pushed through it.
    """
    with state.lock:
        held = {a.id: _canonical_audience(a) for a in state.audiences.values()}
        account = {"audiences": held, "mail": state.mail.canonical()}
    return json.dumps(account, sort_keys=True, ensure_ascii=False, indent=1)


def _canonical_audience(audience: Audience) -> dict[str, Any]:
    members = {}
    for member in audience.members.values():
        members[member.email] = {
            "status": member.status,
            "left": member.left,
            "merge_fields": dict(member.merge),
            "tags": audience.tag_names(member),
            "language": member.language,
            "vip": member.vip,
            "email_type": member.email_type,
            "signup": dict(member.signup),
            "events": [[e.name, e.properties, e.is_syncing] for e in member.events],
        }
    segments = {
        s.name: {"id": s.id, "options": s.options, "count": len(s.members)}
        for s in audience.segments.values()
    }
    return {
        "name": audience.name,
        "double_optin": audience.double_optin,
        "members": members,
        "forgotten": sorted(audience.forgotten),
        "merge_fields": {f.tag: asdict(f) for f in audience.fields.values()},
        "segments": segments,
        "stores": {store.id: canonical_store(store) for store in audience.stores.values()},
    }


def dump(state: SandboxState) -> dict[str, Any]:
    """Everything that must survive a restart; the log, the batches and deliveries do not."""
    with state.lock:
        return {
            "format": FORMAT,
            "counters": dict(state.counters),
            "log_last": state.log.last,
            "tokens": dict(state.tokens),
            "grants": state.grants.dump(),
            "fired": list(state.fired),
            "audiences": [_dump_audience(a) for a in state.audiences.values()],
            "hooks": [asdict(hook) for hook in state.hooks.by_id.values()],
            "flows": [asdict(flow) for flow in state.flows.by_id.values()],
            "triggers": [asdict(trigger) for trigger in state.flows.triggers],
            "mail": state.mail.dump(),
        }


def _dump_audience(audience: Audience) -> dict[str, Any]:
    members = [
        {
            "email": m.email,
            "status": m.status,
            "web_id": m.web_id,
            "left": m.left,
            "merge": dict(m.merge),
            "language": m.language,
            "vip": m.vip,
            "email_type": m.email_type,
            "signup": dict(m.signup),
            "tags": sorted(m.tags),
            "last_changed": m.last_changed,
            "events": [asdict(e) for e in m.events],
        }
        for m in audience.members.values()
    ]
    segments = [
        {
            "id": s.id,
            "name": s.name,
            "options": s.options,
            "created_at": s.created_at,
            "updated_at": s.updated_at,
        }
        for s in audience.segments.values()
    ]
    return {
        "id": audience.id,
        "name": audience.name,
        "web_id": audience.web_id,
        "double_optin": audience.double_optin,
        "created_at": audience.created_at,
        "next_field": audience.next_field,
        "most_fields": audience.most_fields,
        "forgotten": sorted(audience.forgotten),
        "fields": [asdict(f) for f in audience.fields.values()],
        "segments": segments,
        "members": members,
        "stores": [dump_store(store) for store in audience.stores.values()],
    }


def restore(kept: dict[str, Any]) -> SandboxState:
    """The state that `dump` described; ValueError for another format."""
    if kept.get("format") != FORMAT:
        raise ValueError("the sandbox's file is of another version")
    state = SandboxState(empty=True)
    state.counters = kept["counters"]
    state.log.last = kept["log_last"]
    state.tokens = kept["tokens"]
    if "grants" in kept:  # files of before there was OAuth have none
        state.grants.restore(kept["grants"])
    state.fired = kept.get("fired", [])
    for row in kept["audiences"]:
        state.audiences[row["id"]] = _restore_audience(row)
    # Files of before there were webhooks have none.
    state.hooks.by_id = {row["id"]: Hook(**row) for row in kept.get("hooks", ())}
    for row in kept.get("flows", ()):
        entries = {key: [Entry(**one) for one in ways] for key, ways in row["entries"].items()}
        state.flows.by_id[row["id"]] = Flow(**{**row, "entries": entries})
    state.flows.triggers = [Trigger(**row) for row in kept.get("triggers", ())]
    state.mail.restore(kept.get("mail", {}))
    return state


def _restore_audience(row: dict[str, Any]) -> Audience:
    plain = ("id", "name", "web_id", "double_optin", "created_at", "next_field")
    audience = Audience(**{name: row[name] for name in plain})
    audience.most_fields = row.get("most_fields", audience.most_fields)  # absent in older files
    audience.forgotten = set(row["forgotten"])
    audience.fields = {f["id"]: MergeField(**f) for f in row["fields"]}
    audience.segments = {s["id"]: Segment(**s) for s in row["segments"]}
    for segment in audience.segments.values():
        if segment.is_static:
            audience.tag_ids[segment.name.casefold()] = segment.id
    for held in row["members"]:
        # Files of before there were events have none.
        events = [Event(**event) for event in held.get("events", ())]
        member = Member(**{**held, "tags": set(held["tags"]), "events": events})
        audience.put(member)
        key = subscriber_hash(member.email)
        for segment_id in member.tags:
            audience.segments[segment_id].members.add(key)
    for kept in row.get("stores", ()):
        audience.stores[kept["id"]] = restore_store(kept)
    return audience


def load(folder: Path) -> SandboxState:
    """The state kept in a folder, a fresh one when there is none."""
    path = folder / FILE_NAME
    if not path.exists():
        return SandboxState()
    return restore(json.loads(path.read_text(encoding="utf-8")))


def save(state: SandboxState, folder: Path) -> None:
    """Write the state so that a crash leaves either the old file or the new one."""
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(dump(state), ensure_ascii=False)
    handle, name = tempfile.mkstemp(dir=folder, prefix=".sandbox-")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    Path(name).replace(folder / FILE_NAME)


class Keeper:
    """Saves the state soon after a change, and once more at the end."""

    def __init__(self, state: SandboxState, folder: Path, *, pause_s: float = 1.0) -> None:
        self._state, self._folder, self._pause_s = state, folder, pause_s
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, name="keeper", daemon=True)

    def start(self) -> None:
        """Begin to watch."""
        self._thread.start()

    def stop(self) -> None:
        """Save what is unsaved and end."""
        self._stop.set()
        self._state.changed.set()
        self._thread.join()
        save(self._state, self._folder)

    def _work(self) -> None:
        while not self._stop.is_set():
            self._state.changed.wait()
            # A push changes thousands of members: one file for all that come meanwhile.
            self._stop.wait(self._pause_s)
            self._state.changed.clear()
            save(self._state, self._folder)
