"""Choices about the audience: who may be added, the language of names, fields, saved segments."""

from __future__ import annotations

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlmodel import Session, col, select

from integration.accounts import LANGUAGES
from integration.audience import choices, names
from integration.audience.adding import newcomers
from integration.reading import plans, segments
from integration.tables import Addition, Audience, Plan
from integration.views.base import own_or_404, own_rows
from integration.views.csvs import download
from integration.views.texts import gettext

bp = Blueprint("choices", __name__, url_prefix="/mailchimp/choices")

_SHOWN = 200


@bp.get("")
def show() -> ResponseReturnValue:
    """Show every choice and what it leads to."""
    with own_rows() as session:
        audience = plans.audience(session)
        if audience is None:
            return render_template("choices.html", audience=None)
        found = newcomers(session, audience)
        apart = [one for one in found.apart if one.reason in ("taken_out", "address_changed")]
        return render_template(
            "choices.html",
            audience=audience,
            people=found.found,
            reasons=found.left_out,
            reason_texts=not_added_texts(),
            again=[one for one in apart if one.reason == "taken_out"],
            moved=[one for one in apart if one.reason == "address_changed"],
            most=_SHOWN,
            who=segments.who(session, {one.person_id for one in apart}),
            states=status_texts(),
            other="nl" if audience.language == "en" else "en",
            renames=_renames(session, audience),
            sets=names.SETS,
            set_texts=set_texts(),
            room=_room(session),
            made=choices.segments_made(session, audience),
        )


@bp.post("")
def keep() -> ResponseReturnValue:
    """Keep the choices of one card of the page; nothing is written in Mailchimp."""
    form = request.form
    with own_rows() as session:
        audience = plans.audience(session)
        if audience is None:
            abort(404)
        try:
            match form.get("what"):
                case "adding":
                    choices.keep(audience, adds_contacts=form.get("adds") == "yes")
                case "language":
                    spoken = form.get("contacts") == "yes"
                    choices.keep(audience, language=form.get("language"), sets_language=spoken)
                case "fields":
                    choices.keep(audience, field_sets=form.getlist("set"))
                case "segments":
                    choices.keep(audience, makes_segments=form.get("makes") == "yes")
                case _:
                    abort(400)
        except choices.BadChoice:
            abort(400)
    flash(gettext("Kept. The next plan shows what it changes; nothing is written before."))
    return redirect(url_for("choices.show"))


@bp.get("/opt-ins.csv")
def opt_ins() -> ResponseReturnValue:
    """Download who could be added, with where and when each opted in."""
    with own_rows() as session:
        audience = plans.audience(session)
        found = newcomers(session, audience).found if audience is not None else []
    rows = [
        (one.email_key, one.status, one.state, one.source, one.at.isoformat(), one.evidence or "")
        for one in found
    ]
    return download("opt-ins.csv", _header(), rows)


@bp.get("/<int:plan_id>/opt-ins.csv")
def added(plan_id: int) -> ResponseReturnValue:
    """Download whom a plan adds, with where and when each opted in."""
    with own_rows() as session:
        own_or_404(session, Plan, plan_id)
        query = select(Addition).where(Addition.plan_id == plan_id)
        rows = [
            (
                row.email_key,
                _moment(row.added_at),
                row.state,
                row.source,
                row.at.isoformat(),
                row.evidence or "",
            )
            for row in session.exec(query.order_by(col(Addition.email_key)))
        ]
    header = _header()
    return download(f"opt-ins-{plan_id}.csv", (header[0], gettext("Added"), *header[2:]), rows)


def _header() -> tuple[str, ...]:
    return (
        gettext("E-mail"),
        gettext("Becomes"),
        gettext("Permission"),
        gettext("Given at"),
        gettext("Given on"),
        gettext("Proof"),
    )


def _moment(at: object) -> str:
    return "" if at is None else str(at)


def _renames(session: Session, audience: Audience) -> dict[str, list[tuple[str, str, str]]]:
    """Language -> what would be renamed."""
    return {language: choices.named(session, audience, language) for language in LANGUAGES}


def _room(session: Session) -> int | None:
    """How many fields fit yet, as the newest plan found it; None before the first."""
    newest = plans.plans(session)
    return newest[0].summary.get("fields_left") if newest else None


def set_texts() -> dict[str, str]:
    """Return what the optional sets of fields are for."""
    return {
        "shops": gettext("What somebody mostly buys: menswear, womenswear or both"),
        "wholesale": gettext("When a business customer is expected to order again"),
        "history": gettext("The day of the last order, and the favourite"),
        "picture": gettext("The address of a picture of the suggested product"),
        "bought": gettext("What was bought last, three kinds of things"),
        "proposals": gettext(
            "What others bought with the same, and whether there is any: yes or no"
        ),
    }


def status_texts() -> dict[str, str]:
    """Return what the states of contacts in the audience are called."""
    return {
        "subscribed": gettext("subscribed"),
        "pending": gettext("has not confirmed yet"),
        "transactional": gettext("gets order mails only"),
        "unsubscribed": gettext("unsubscribed"),
        "cleaned": gettext("bounced"),
        "archived": gettext("archived"),
        "gone": gettext("removed"),
        "forgotten": gettext("erased in Mailchimp"),
    }


def not_added_texts() -> dict[str, str]:
    """Return why somebody with an opt-in is not added."""
    return {
        "no_proof": gettext("no place or moment of the opt-in for this address"),
        "several_people": gettext("one address of several people"),
        "taken_out": gettext("left, bounced, archived or erased in the audience"),
        "address_changed": gettext("opted in, but the audience knows an earlier address"),
        "withdrawn": gettext("opted in, but withdrew later under an earlier address"),
        "refused": gettext("refused by Mailchimp before"),
        "erased": gettext("erased on request"),
    }
