"""`/lists/{list_id}/webhooks` and `/batch-webhooks`.

Beyond the specification: `signing_secret` in the answer that creates a hook, as Mailchimp
documents it since 2026.
"""

from __future__ import annotations

from typing import Any

from integration.sandbox.call import Answer, Call, check
from integration.sandbox.hooks import EVENTS, SOURCES, Hook
from integration.sandbox.postman import answers, is_here
from integration.sandbox.problems import SEE_ERRORS, bad_request, invalid, not_found
from integration.sandbox.shape import Document, page

#: Batch webhooks of one account.
MAX_BATCH_HOOKS = 20


def reach(call: Call) -> None:
    """Look whether the address answers; before the state is locked, as it may take its time."""
    url = call.object().get("url")
    if url is None and call.method == "PATCH":
        return
    if not isinstance(url, str) or not is_here(url):
        raise invalid(SEE_ERRORS, ("url", "The sandbox only calls addresses on this computer."))
    if not answers(url):
        raise invalid(SEE_ERRORS, ("url", "We could not validate the URL: it did not answer 200."))


def document(hook: Hook) -> Document:
    """A hook of an audience as the API shows it."""
    return {
        "id": hook.id,
        "url": hook.url,
        "events": dict(hook.events),
        "sources": dict(hook.sources),
        "list_id": hook.list_id,
    }


def batch_document(hook: Hook) -> Document:
    """A hook of batches as the API shows it."""
    return {"id": hook.id, "url": hook.url, "enabled": hook.enabled}


def get_hooks(call: Call, list_id: str) -> Answer:
    """GET /lists/{list_id}/webhooks."""
    call.state.audience(list_id)
    rows = call.state.hooks.of(list_id)
    return 200, page("webhooks", rows, call.query, document, list_id=list_id)


def post_hook(call: Call, list_id: str) -> Answer:
    """POST: create one; its secret is in this answer and never again."""
    call.state.audience(list_id)
    body = _checked(call.object())
    if any(hook.url == body["url"] for hook in call.state.hooks.of(list_id)):
        raise bad_request("Sorry, you can't set up multiple WebHooks for one URL")
    hook = call.state.hooks.add(
        call.state.next_id("webhook"),
        list_id=list_id,
        url=body["url"],
        events=_switches(body, "events", EVENTS, default=False),
        sources=_switches(body, "sources", SOURCES, default=False),
    )
    return 200, {**document(hook), "signing_secret": hook.secret}


def get_hook(call: Call, list_id: str, hook_id: str) -> Answer:
    """GET one."""
    return 200, document(_one(call, list_id, hook_id))


def patch_hook(call: Call, list_id: str, hook_id: str) -> Answer:
    """PATCH: another address, other events or sources."""
    hook, body = _one(call, list_id, hook_id), _checked(call.object(), required=())
    hook.url = body.get("url", hook.url)
    hook.events.update(_given(body, "events", EVENTS))
    hook.sources.update(_given(body, "sources", SOURCES))
    return 200, document(hook)


def delete_hook(call: Call, list_id: str, hook_id: str) -> Answer:
    """DELETE one."""
    call.state.hooks.drop(_one(call, list_id, hook_id).id)
    return 204, None


def get_batch_hooks(call: Call) -> Answer:
    """GET /batch-webhooks."""
    return 200, page("webhooks", _batch_hooks(call), call.query, batch_document)


def post_batch_hook(call: Call) -> Answer:
    """POST: create one; its secret is in this answer and never again."""
    body = call.object()
    check(body, {"url": "text", "enabled": "flag"}, required=("url",))
    if len(_batch_hooks(call)) >= MAX_BATCH_HOOKS:
        raise bad_request(f"An account can have at most {MAX_BATCH_HOOKS} batch webhooks.")
    hook = call.state.hooks.add(
        call.state.next_id("webhook"),
        list_id="",
        url=body["url"],
        enabled=body.get("enabled", True),
    )
    return 200, {**batch_document(hook), "signing_secret": hook.secret}


def get_batch_hook(call: Call, hook_id: str) -> Answer:
    """GET one."""
    return 200, batch_document(_one(call, "", hook_id))


def patch_batch_hook(call: Call, hook_id: str) -> Answer:
    """PATCH: another address, on or off."""
    hook, body = _one(call, "", hook_id), call.object()
    check(body, {"url": "text", "enabled": "flag"})
    hook.url = body.get("url", hook.url)
    hook.enabled = body.get("enabled", hook.enabled)
    hook.ended = "" if hook.enabled else hook.ended
    return 200, batch_document(hook)


def delete_batch_hook(call: Call, hook_id: str) -> Answer:
    """DELETE one."""
    call.state.hooks.drop(_one(call, "", hook_id).id)
    return 204, None


def _batch_hooks(call: Call) -> list[Hook]:
    # Those switched off stay to be seen: they have a flag of their own for it.
    return [hook for hook in call.state.hooks.by_id.values() if hook.list_id == ""]


def _one(call: Call, list_id: str, hook_id: str) -> Hook:
    if list_id:
        call.state.audience(list_id)
    hook = call.state.hooks.by_id.get(hook_id)
    # A hook of an audience that was switched off is not shown any more (unverified).
    if hook is None or hook.list_id != list_id or (list_id and hook.ended):
        raise not_found()
    return hook


def _checked(body: dict[str, Any], required: tuple[str, ...] = ("url",)) -> dict[str, Any]:
    check(body, {"url": "text", "events": "object", "sources": "object"}, required=required)
    for name, known in (("events", EVENTS), ("sources", SOURCES)):
        check(body.get(name, {}), dict.fromkeys(known, "flag"))
    return body


def _given(body: dict[str, Any], name: str, known: tuple[str, ...]) -> dict[str, bool]:
    return {key: value for key, value in body.get(name, {}).items() if key in known}


def _switches(
    body: dict[str, Any], name: str, known: tuple[str, ...], *, default: bool
) -> dict[str, bool]:
    return dict.fromkeys(known, default) | _given(body, name, known)
