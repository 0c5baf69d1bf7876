"""Which function does which kind of work. A new kind is one line here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import TypeAlias, cast

from integration.context import Context
from integration.work.queue import Job

#: Does one job. It may be started again after any of its commits, and goes on from there.
Handler: TypeAlias = Callable[[Context, Job], None]
#: Kind to the handler or to "module:function".
Handlers: TypeAlias = Mapping[str, Handler | str]

#: By name, and imported when needed: the pipeline defers work, so it imports this package.
HANDLERS: Handlers = {
    "import": "integration.pipeline:import_source",
    "shop_check": "integration.shops.check:check",
    "read_anew": "integration.shops.anew:begin",
    "shop_hooks": "integration.shops.subscribed:subscribe",
    "apply_event": "integration.shops.events:apply_events",
    "browsed": "integration.shopify.recognised:take_in",
    "refresh": "integration.pipeline:refresh",
    "members": "integration.audience.members:look",
    "plan": "integration.pipeline:plan",
    "push": "integration.pipeline:push",
    "keep_in_step": "integration.pipeline:keep_in_step",
    "undo": "integration.pipeline:undo",
    "take_out": "integration.audience.leave:take_out",
    "mailchimp_event": "integration.audience.incoming:apply_event",
    "check": "integration.audience.check:check",
    "mailchimp_hooks": "integration.audience.hooks:look_after",
    "erase": "integration.privacy.erase:erase",
    "events": "integration.flows.send:send_events",
    "shop_look": "integration.shopdata.look:shop_look",
    "shop_data": "integration.shopdata.run:shop_data",
    "shop_remove": "integration.shopdata.remove:shop_remove",
    "write_consent": "integration.writeback.write:write",
    "tell_reconnect": "integration.shopify.tell:tell",
    "shopify_look": "integration.shopify.look:look_after",
    "shopify_pixel": "integration.shopify.pixel:look_after",
    "campaigns": "integration.mailchimp.campaign_work:look_after",
    "reports": "integration.mailchimp.campaign_work:read_reports",
    "draft": "integration.mailchimp.campaign_work:draft",
    "show_mail": "integration.mailchimp.campaign_work:show_mail",
    "test_mail": "integration.mailchimp.campaign_work:test_mail",
}


class UnknownKind(LookupError):
    """Nothing here can do this kind of work."""


def handler_of(kind: str, handlers: Handlers = HANDLERS) -> Handler:
    """Return the function that does `kind`.

    Raises
    ------
    UnknownKind
    """
    found = handlers.get(kind)
    if found is None:
        raise UnknownKind(f"no handler for work of kind {kind!r}; known: {', '.join(handlers)}")
    if not isinstance(found, str):
        return found
    module, _, name = found.partition(":")
    return cast(Handler, getattr(import_module(module), name))
