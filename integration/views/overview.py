"""The first page: what was read, how big the segments are, who is due when."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from integration import history
from integration.audience import checked
from integration.reading import lives, model, names, overview, plans, stalled
from integration.views.base import context, language, own_rows, today
from integration.views.checks import headline
from integration.views.formats import day, short_day
from integration.views.imports import run_states
from integration.views.model import part_names
from integration.views.plans import plan_state
from integration.views.status import kind_names
from integration.views.texts import gettext

bp = Blueprint("overview", __name__)


@bp.get("/")
def show() -> ResponseReturnValue:
    """Show the overview."""
    with own_rows() as session:
        fit = names.fitted(session)
        words = names.words(session, language(), fit)
        calendar = overview.calendar(session, today())
        sizes = overview.sizes(session, words)
        due = overview.due_rows(sizes.pop("due", []))
        held_up = stalled.stalled(session)
        due_month = overview.due_within(session, today(), 30)
        # What most people love comes first; the others have an order of their own.
        sizes.get("loves", []).sort(key=lambda size: -size.people)
        return render_template(
            "overview.html",
            readings=overview.readings(session),
            people=overview.people_count(session),
            in_audience=overview.audience_count(session),
            # Of a part of the history nobody is found due: that is not known yet, rather than none.
            due_month=due_month or (None if history.is_partial(session) else 0),
            due=due,
            groups=sizes,
            group_names=group_names(),
            group_meanings=group_meanings(),
            calendar=calendar,
            need_name=words.need,
            chart=_chart(calendar, words),
            lives=lives.lives(session, words, fit)[:5],
            computed_at=names.computed_at(session),
            rejected=[part_names()[part] for part in model.rejected(session)],
            plan=overview.last_plan(session),
            audience=plans.audience(session),
            stalled=held_up,
            dead=overview.dead_work(session, but=[one.work.id for one in held_up if one.work]),
            kinds=kind_names(),
            state_of=plan_state,
            check=next(iter(checked.newest(session)), None),
            headline=headline,
            difference=lambda one: checked.text(one, language()),
            run_states=run_states(),
            has_shopify=context().settings.shopify_client_id is not None,
        )


def group_names() -> dict[str, str]:
    """Return what the groups of segments are called, as in the tags."""
    return {
        "due": gettext("Due"),
        "shops": gettext("Shops"),
        "style": gettext("Style"),
        "loves": gettext("Loves"),
        "next": gettext("Next"),
        "interest": gettext("Interest"),
        "stage": gettext("Stage"),
        "value": gettext("Value"),
        "group": gettext("Group"),
        "cluster": gettext("Profile"),
        "own": gettext("Own"),
        "b2b": gettext("B2B"),
        "test": gettext("Test"),
    }


def group_meanings() -> dict[str, str]:
    """Return what the groups say about people, in a sentence."""
    return {
        "shops": gettext("What is bought, gifts left out."),
        "style": gettext("How people dress, by what they buy."),
        "loves": gettext("Bought far more than others here do."),
        "next": gettext("Follows what was just bought, more often than usual."),
        "interest": gettext("Looked at and not bought: a rule, not yet measured."),
        "stage": gettext("Measured against everybody's own rhythm."),
        "value": gettext("What is expected in the next 12 months."),
        "group": gettext("People who buy the same, where showing them that pays."),
        "cluster": gettext("People who buy in the same way: how often, how much, how long."),
        "own": gettext("Made by yourself."),
        "b2b": gettext("Companies, kept apart from people."),
        "test": gettext("Set aside by lot: what would happen without mail?"),
    }


def _chart(calendar: overview.Calendar, words: names.Words) -> dict[str, Any]:
    """Return what the chart's script needs, as plain values."""
    return {
        "weeks": [day(week) for week in calendar.weeks],
        "labels": [short_day(week) for week in calendar.weeks],
        "series": [
            {"name": words.need(need) if need else gettext("Other"), "data": list(people)}
            for need, people in calendar.rows
        ],
    }
