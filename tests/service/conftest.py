"""A shop with an audience, which most tests of the Mailchimp side begin with."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from integration.sandbox.server import SandboxServer
from integration.settings import Settings
from tests.service.audience_shop import AudienceShop, make_shop


@pytest.fixture
def shop(settings: Settings, sandbox: SandboxServer) -> Iterator[AudienceShop]:
    """An account at work whose audience is the sandbox's; a module may have a fuller one."""
    made = make_shop(settings, sandbox)
    yield made
    made.context.engine.dispose()
