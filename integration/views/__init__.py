"""The pages. A view checks, hands on and answers; `integration.reading` reads what it shows."""

from __future__ import annotations

from flask import Flask

from integration.views import imports, lives, overview, people, plans, segments, session, status


def register(app: Flask) -> None:
    """Add every page to `app`."""
    for blueprint in (
        session.bp,
        session.preferences,
        overview.bp,
        segments.bp,
        people.bp,
        imports.bp,
        lives.bp,
        plans.bp,
        status.bp,
    ):
        app.register_blueprint(blueprint)
