"""The pages. A view checks, hands on and answers; `integration.reading` reads what it shows."""

from __future__ import annotations

from flask import Flask

from integration.views import (
    campaign_rules,
    campaigns,
    causes,
    checks,
    choices,
    connection,
    flows,
    following,
    groups,
    hooks,
    imports,
    lives,
    model,
    monday,
    overview,
    own,
    people,
    plans,
    privacy,
    segments,
    session,
    shop,
    shopify,
    status,
    writeback,
)

#: Pages that stand under "Mailchimp" in the menu; templates/_mailchimp.html has their tabs.
MAILCHIMP = (
    connection.bp,
    plans.bp,
    campaigns.bp,
    campaign_rules.bp,
    choices.bp,
    checks.bp,
    shop.bp,
    flows.bp,
)


def register(app: Flask) -> None:
    """Add every page to `app`."""
    for blueprint in (
        session.bp,
        session.preferences,
        overview.bp,
        segments.bp,
        own.bp,
        people.bp,
        privacy.bp,
        imports.bp,
        shopify.bp,
        writeback.bp,
        lives.bp,
        model.bp,
        following.bp,
        groups.bp,
        monday.bp,
        *MAILCHIMP,
        status.bp,
        hooks.bp,
    ):
        app.register_blueprint(blueprint)
    causes.register(app)
    app.jinja_env.globals["mailchimp_pages"] = [blueprint.name for blueprint in MAILCHIMP]
