"""A member's status in the sandbox: what the API may change and what only the person can."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from integration.sandbox.admin import act
from integration.sandbox.api import Api
from integration.sandbox.call import Call
from integration.sandbox.state import SandboxState, subscriber_hash

ADA = "ada@stipt-demo.shop"
HASH = subscriber_hash(ADA)
LOST = {"unsubscribe": "unsubscribed", "bounce": "cleaned"}
EVENTS = st.lists(
    st.one_of(
        st.tuples(st.just("status"), st.sampled_from(["subscribed", "pending", "unsubscribed"])),
        st.tuples(st.just("if_new"), st.sampled_from(["subscribed", "pending"])),
        st.tuples(st.just("fields"), st.just("")),
        st.tuples(st.just("person"), st.sampled_from([*LOST, "confirm"])),
        st.tuples(st.just("archive"), st.just("")),
        st.tuples(st.just("erase"), st.just("")),
    ),
    max_size=12,
)


class Model:
    """What section 6.2 of the notes says, told once more and differently."""

    def __init__(self) -> None:
        self.status: str | None = None
        self.lost: str | None = None
        self.erased = False

    def write(self, status: str | None, if_new: str | None, *, creates: bool) -> int:
        if self.status is None:
            if not creates:
                return 404
            if self.erased:
                return 400
            wanted = if_new or status
            if wanted is None:
                return 400
            self.status = wanted
            return 200
        wanted = status or (if_new if self.status == "archived" else None)
        if wanted and self.refuses(wanted):
            return 400
        self.status = wanted or self.status
        return 200

    def refuses(self, wanted: str) -> bool:
        if wanted == self.status:
            return False
        if self.lost == "bounce":
            return wanted in ("subscribed", "pending")
        return self.lost == "unsubscribe" and wanted == "subscribed"


@settings(max_examples=200, deadline=None)
@given(EVENTS)
def test_only_the_person_can_bring_a_lost_member_back(events: list[tuple[str, str]]) -> None:
    state, model = SandboxState(), Model()
    api = Api(state)
    audience = next(iter(state.audiences.values()))
    path = f"/lists/{audience.id}/members/{HASH}"

    def send(method: str, path: str, body: dict[str, Any] | None = None) -> int:
        return api.handle(Call(state=state, method=method, path=path, query={}, body=body))[0]

    for kind, value in events:
        if kind == "status":
            assert send("PATCH", path, {"status": value}) == model.write(value, None, creates=False)
        elif kind == "if_new":
            added = {"email_address": ADA, "status_if_new": value}
            assert send("PUT", path, added) == model.write(None, value, creates=True)
        elif kind == "fields":
            fields = {"email_address": ADA, "merge_fields": {"FNAME": "Ada"}}
            assert send("PUT", path, fields) == model.write(None, None, creates=True)
        elif kind == "archive":
            expected = {None: 404, "archived": 405}.get(model.status, 204)
            assert send("DELETE", path) == expected
            model.status = model.status and "archived"
        elif kind == "erase":
            expected = 404 if model.status is None else 204
            assert send("POST", f"{path}/actions/delete-permanent") == expected
            model.erased = model.erased or model.status is not None
            model.status = model.lost = None
        elif model.status is not None:
            person_acts(state, model, value)
        member = audience.find(ADA)
        assert (member.status if member else None) == model.status


def person_acts(state: SandboxState, model: Model, value: str) -> None:
    act(state, next(iter(state.audiences.values())), value, ADA)
    model.lost = value if value in LOST else None
    model.status = LOST.get(value, "subscribed")
