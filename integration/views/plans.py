"""The plan: exactly what will change in Mailchimp, the click, and the way back."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlmodel import Session

from integration.audience import floods, keep, restraint
from integration.audience import plan as audience_plan
from integration.audience.undo import UNDO_DAYS, undoable
from integration.audience.warnings import warning_text
from integration.reading import names, plans, segments
from integration.tables import Plan
from integration.views.base import context, language, own_or_404, own_rows, today, user, wants_part
from integration.views.choices import not_added_texts
from integration.views.csvs import download
from integration.views.formats import number
from integration.views.progress import progress_part
from integration.views.status import kind_names
from integration.views.texts import gettext
from integration.work.queue import defer
from integration.work.runner import wake_due

bp = Blueprint("plans", __name__, url_prefix="/plan")


@bp.get("")
def show() -> ResponseReturnValue:
    """Show the newest plan, or how far making or publishing one is."""
    with own_rows() as session:
        known = plans.plans(session)
        if wants_part():
            return progress_part(plans.current_work(session), url_for(".show"))
        return _page(session, known, known[0] if known else None)


@bp.get("/<int:plan_id>")
def one(plan_id: int) -> ResponseReturnValue:
    """Show an earlier plan."""
    with own_rows() as session:
        return _page(session, plans.plans(session), own_or_404(session, Plan, plan_id))


@bp.post("/make")
def make() -> ResponseReturnValue:
    """Compare what is wanted with what is there; nothing is written."""
    with own_rows() as session:
        if plans.audience(session) is None:
            flash(gettext("Connect a Mailchimp audience first."))
        elif plans.current_work(session) is None:
            _defer(session, "plan", {})
    wake_due(context())
    return redirect(url_for("plans.show"))


@bp.post("/<int:plan_id>/publish")
def publish(plan_id: int) -> ResponseReturnValue:
    """Write what the plan says, and nothing else."""
    with own_rows() as session:
        plan = own_or_404(session, Plan, plan_id)
        # A second click, or a second window, finds the work already written down.
        if plan.status == "draft" and plans.current_work(session) is None:
            if ticks := request.form.getlist("quiet"):  # a form that asked
                floods.choose(plan, quietly="1" in ticks)
            _defer(session, "push", {"plan_id": plan_id})
    wake_due(context())
    return redirect(url_for("plans.show"))


@bp.post("/<int:plan_id>/undo")
def undo(plan_id: int) -> ResponseReturnValue:
    """Take back exactly what the plan changed."""
    with own_rows() as session:
        own_or_404(session, Plan, plan_id)
        if undoable(session, context().clock()) != plan_id:
            abort(409)
        if plans.current_work(session) is None:
            _defer(session, "undo", {"plan_id": plan_id})
    wake_due(context())
    return redirect(url_for("plans.show"))


@bp.post("/<int:plan_id>/discard")
def discard(plan_id: int) -> ResponseReturnValue:
    """Not yet: put a draft away."""
    with own_rows() as session:
        plan = own_or_404(session, Plan, plan_id)
        if plan.status == "draft" and plans.current_work(session) is None:
            plan.status = "discarded"
    return redirect(url_for("overview.show"))


@bp.post("/holdout")
def holdout() -> ResponseReturnValue:
    """Keep a share of the people aside by lot; the next plan gives them the tag."""
    percent = request.form.get("percent", -1, type=int)
    if percent not in restraint.SHARES:
        abort(400)
    with own_rows() as session:
        connected = plans.audience(session)
        if connected is None:
            abort(409)
        restraint.set_share(session, connected.id or 0, percent, today())
    flash(gettext("Saved. Compare again to see what changes in Mailchimp."))
    return redirect(url_for("plans.show"))


@bp.post("/keep")
def keep_in_step() -> ResponseReturnValue:
    """Switch on or off that later changes are published without a click each."""
    with own_rows() as session:
        # Nothing is written by itself before the merchant has seen what a first time does.
        if not plans.was_published(session) or not keep.switch(
            session, on=request.form.get("on") == "1"
        ):
            abort(409)
    return redirect(url_for("plans.show"))


@bp.get("/<int:plan_id>/changes.csv")
def export(plan_id: int) -> ResponseReturnValue:
    """Download every change of a plan."""
    with own_rows() as session:
        own_or_404(session, Plan, plan_id)
        rows = [tuple(row.values()) for row in audience_plan.rows(session, plan_id)]
    header = (
        gettext("E-mail"),
        gettext("Kind"),
        gettext("Key"),
        gettext("Name"),
        gettext("Before"),
        gettext("After"),
        gettext("State"),
        gettext("Mailchimp says"),
    )
    return download(f"plan-{plan_id}.csv", header, rows)


def left_out_texts() -> dict[str, str]:
    """Return why members of the audience get nothing."""
    return {
        "no_person": gettext("not among your customers"),
        "several_people": gettext("one address of several people"),
        "unsubscribed": gettext("unsubscribed"),
        "denied": gettext("permission withdrawn"),
        "second_address": gettext("second address of somebody who is in already"),
        "lost": gettext("bounced, archived or gone"),
    }


def why_it_waits(plan: Plan | None) -> str:
    """Return why a draft was not published by itself, "" when it was not to be."""
    why = plan.summary.get("waits") if plan is not None and plan.status == "draft" else None
    if why is not None and why["key"] == "contacts":
        return gettext(
            "This waits for your click: it adds %(added)s contacts to your Mailchimp bill.",
            added=number(why["added"]),
        )
    if not why:
        return ""
    if why["key"] == "far_more":
        return gettext(
            "This waits for your click: it concerns %(members)s contacts, and usually there are "
            "about %(usual)s.",
            members=number(why["members"]),
            usual=number(why["usual"]),
        )
    return gettext(
        "This waits for your click: it concerns %(members)s contacts, %(percent)s%% of the "
        "audience.",
        members=number(why["members"]),
        percent=number(why["percent"]),
    )


def plan_state(plan: Plan) -> str:
    """Return what the state of a plan is called."""
    if plan.kind == "undo" and plan.status in ("draft", "publishing", "published"):
        return gettext("taken back") if plan.status == "published" else gettext("being taken back")
    if plan.status == "draft" and plans.is_empty(plan):
        return gettext("all in step")
    return _push_states().get(plan.status, plan.status)


def _push_states() -> dict[str, str]:
    return {
        "draft": gettext("ready to publish"),
        "publishing": gettext("publishing"),
        "published": gettext("published"),
        "undone": gettext("undone"),
        "discarded": gettext("put away"),
        "superseded": gettext("stopped before its end"),
        "failed": gettext("failed"),
    }


def _page(session: Session, known: list[Plan], plan: Plan | None) -> ResponseReturnValue:
    words = names.words(session, language())
    failed = plans.failed(session, plan.id) if plan is not None and plan.id is not None else []
    return render_template(
        "plan.html",
        plan=plan,
        newest=bool(known) and plan is known[0],
        lines=plans.lines(session, words, plan) if plan is not None else [],
        warnings=[
            warning_text(one, language())
            for one in (plan.summary if plan else {}).get("warnings", [])
        ],
        left_out=left_out_texts(),
        not_added=not_added_texts(),
        failed=failed,
        failed_who=segments.who(session, {row.person_id for row in failed if row.person_id}),
        plans=known,
        undoable=undoable(session, context().clock()),
        undo_days=UNDO_DAYS,
        audience=plans.audience(session),
        waits=why_it_waits(plan),
        was_published=plans.was_published(session),
        work=plans.current_work(session),
        stuck=plans.stuck_work(session),
        kinds=kind_names(),
        empty=plan is not None and plans.is_empty(plan),
        state_of=plan_state,
        name=lambda change: plans.name(words, change),
        holdout_shares=restraint.SHARES,
        holdout_proposed=restraint.proposed_share(session),
        holdout_tag=words.segment(restraint.HOLDOUT),
    )


def _defer(session: Session, kind: str, payload: dict[str, Any]) -> None:
    account_id = user().account_id
    lane = f"account:{account_id}:push"
    defer(session, account_id=account_id, kind=kind, lane=lane, payload=payload)
