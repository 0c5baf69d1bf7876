"""A shop with an audience, which most tests of the Mailchimp side begin with."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url

from integration.migrate import upgrade
from integration.sandbox.server import SandboxServer
from integration.settings import Settings
from tests.service.audience_shop import AudienceShop, make_shop


@pytest.fixture(scope="session", autouse=True)
def brought_up_to_date_once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Let `stipt init` carry out all revisions once; its other new files are copies of that one."""
    ready = tmp_path_factory.mktemp("ready") / "stipt.db"

    def by_copy(url: str) -> None:
        parsed = make_url(url)
        file = Path(parsed.database or "")
        if parsed.get_backend_name() != "sqlite" or file.exists():
            upgrade(url)
            return
        if not ready.exists():
            upgrade(f"sqlite:///{ready}")
        shutil.copyfile(ready, file)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("integration.cli.installation.upgrade", by_copy)
        yield


@pytest.fixture
def shop(settings: Settings, sandbox: SandboxServer) -> Iterator[AudienceShop]:
    """An account at work whose audience is the sandbox's; a module may have a fuller one."""
    made = make_shop(settings, sandbox)
    yield made
    made.context.engine.dispose()
