"""Segments of the merchant's own: the list, the form that builds one, and whom it would hold."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from flask import Blueprint, abort, flash, jsonify, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlmodel import Session

from integration.own import kept
from integration.own.form import Form, change, document, form_of, read_form, wrong_rows
from integration.own.kept import CannotKeep
from integration.reading import names
from integration.reading import own as reading
from integration.tables import OwnSegment
from integration.views.base import (
    context,
    form_text,
    language,
    own_or_404,
    own_rows,
    user,
    wants_part,
)
from integration.views.own_words import (
    bounds,
    choices,
    condition_problem,
    keeping_problem,
    step,
    unit,
    vocabulary,
)
from integration.views.texts import gettext
from segmentation.builder.document import BadDocument, Node, conditions, read
from segmentation.builder.schema import json_schema
from segmentation.builder.vocabulary import ANY, FEATURES, LISTED

bp = Blueprint("own", __name__, url_prefix="/own")

#: Characters of a document; the largest that can be read has fewer.
_LARGEST = 50_000


@dataclass
class _Asked:
    """What stands on the page: a form, or the document itself where no form can show it."""

    row: OwnSegment | None
    name: str
    form: Form | None
    text: str = ""
    #: What is wrong, one sentence each.
    problems: list[str] = field(default_factory=list)
    #: Beginning of a condition's field names to what is wrong with it.
    wrong: Mapping[str, str] = field(default_factory=dict)


@bp.get("")
def show() -> ResponseReturnValue:
    """Show the segments there are, and those that can be put back."""
    with own_rows() as session:
        words = names.words(session, language())
        return render_template(
            "own.html",
            rows=reading.listed(session, words),
            gone=reading.gone(session, context().clock()),
            most=kept.MOST,
        )


@bp.get("/schema.json")
def schema() -> ResponseReturnValue:
    """Answer with the JSON Schema of documents, for this shop's needs."""
    with own_rows() as session:
        return jsonify(json_schema(names.need_names(session)))


@bp.get("/new")
def new() -> ResponseReturnValue:
    """Show an empty form."""
    with own_rows() as session:
        return _page(session, _Asked(None, "", Form()))


@bp.get("/<int:own_id>")
def edit(own_id: int) -> ResponseReturnValue:
    """Show a segment to change it."""
    with own_rows() as session:
        row = _there(session, own_id)
        text = json.dumps(row.document, indent=2, ensure_ascii=False)
        try:
            form = form_of(kept.node_of(row), user().currency)
        except BadDocument:
            form = None
        return _page(session, _Asked(row, row.name, form, "" if form else text))


@bp.post("/form")
def shape() -> ResponseReturnValue:
    """Show the form with a condition or a group more, or one less; nothing is kept."""
    with own_rows() as session:
        asked = _asked(session)
        if asked.form is not None:
            change(asked.form, form_text("do"), request.form.to_dict(flat=False))
        return _page(session, asked)


@bp.post("/count")
def count() -> ResponseReturnValue:
    """Say whom a segment would hold: of a document (JSON) in JSON, of the form on its page."""
    with own_rows() as session:
        words = names.words(session, language())
        if request.is_json:
            return _counted(session, words)
        asked = _asked(session)
        node = _node(asked, words)
        told: dict[str, Any] = {"found": None, "meaning": "", "problems": asked.problems}
        if node is not None:
            told["found"] = reading.preview(session, words, node)
            told["meaning"] = reading.meaning(session, words, node)
        if wants_part():
            return render_template("_own_count.html", **told)
        return _page(session, asked, **told)


@bp.post("")
def make() -> ResponseReturnValue:
    """Keep a new segment, and place people in it."""
    return _keep()


@bp.post("/<int:own_id>")
def keep(own_id: int) -> ResponseReturnValue:
    """Keep a change of a segment, and place people anew."""
    return _keep(own_id)


@bp.post("/<int:own_id>/remove")
def remove(own_id: int) -> ResponseReturnValue:
    """Take a segment and its people away; it can be put back."""
    with own_rows() as session:
        row = _there(session, own_id)
        try:
            kept.remove(session, context(), row)
        except CannotKeep as error:
            flash(keeping_problem(error))
            return redirect(url_for(".show"))
        _place(session, row)
        name = row.name
    flash(
        gettext(
            "“%(name)s” is removed; the next plan takes its tag away. Below it can be put back.",
            name=name,
        )
    )
    return redirect(url_for(".show"))


@bp.post("/<int:own_id>/back")
def put_back(own_id: int) -> ResponseReturnValue:
    """Put a removed segment back, and place people in it."""
    with own_rows() as session:
        row = own_or_404(session, OwnSegment, own_id)
        try:
            kept.put_back(session, row)
            _place(session, row)
        except (CannotKeep, BadDocument) as error:
            session.rollback()
            flash(_trouble(error))
            return redirect(url_for(".show"))
        name = row.name
    flash(gettext("“%(name)s” is back.", name=name))
    return redirect(url_for(".show"))


# -- keeping ---------------------------------------------------------------------------------------


def _keep(own_id: int | None = None) -> ResponseReturnValue:
    with own_rows() as session:
        asked = _asked(session, own_id)
        node = _node(asked, names.words(session, language()))
        try:
            if node is not None:
                row = kept.keep(session, context(), asked.name, node, asked.row)
                _place(session, row)
        except CannotKeep as error:
            asked.problems.append(keeping_problem(error))
        if asked.problems or node is None:
            session.rollback()
            return _page(session, asked), 400
        key = kept.key_of(row)
    flash(gettext("Kept. The next plan shows what it changes; nothing is written before."))
    return redirect(url_for("segments.show", key=key))


def _place(session: Session, row: OwnSegment) -> None:
    from integration.own.members import place

    place(session, row)


def _there(session: Session, own_id: int) -> OwnSegment:
    row = own_or_404(session, OwnSegment, own_id)
    if row.removed_at is not None:
        abort(404)
    return row


def _trouble(error: CannotKeep | BadDocument) -> str:
    if isinstance(error, CannotKeep):
        return keeping_problem(error)
    return gettext("A later version of Stipt made it; this one cannot read it.")


# -- what was typed --------------------------------------------------------------------------------


def _asked(session: Session, own_id: int | None = None) -> _Asked:
    """Return what was posted, for the segment `own_id` or the one that the form names."""
    own_id = own_id if own_id is not None else request.form.get("own_id", type=int)
    row = _there(session, own_id) if own_id is not None else None
    name = form_text("name")
    if "document" in request.form:
        return _Asked(row, name, None, form_text("document", longest=_LARGEST))
    return _Asked(row, name, read_form(request.form.to_dict(flat=False)))


def _node(asked: _Asked, words: names.Words) -> Node | None:
    """Return what is asked for; None with the problems noted in `asked`."""
    needs = {*words.needs, *_needs_before(asked.row)}
    try:
        if asked.form is None:
            return read(_parsed(asked.text), needs)
        plain = document(asked.form, user().currency)
        if plain is None:
            asked.problems.append(gettext("Add a condition first: then there is somebody to find."))
            return None
        return read(plain, needs)
    except BadDocument as error:
        _note(asked, error, needs)
    except ValueError:
        asked.problems.append(gettext("This is no JSON document."))
    return None


def _note(asked: _Asked, error: BadDocument, needs: set[str]) -> None:
    if asked.form is not None:
        wrong = wrong_rows(asked.form, user().currency, needs)
        asked.wrong = {name: condition_problem(row) for name, row in wrong.items()}
    if asked.wrong:
        asked.problems.append(gettext("Not every condition is complete yet."))
    else:
        asked.problems += [problem.text(language()) for problem in error.problems]


def _needs_before(row: OwnSegment | None) -> set[str]:
    """Needs that the segment asked about as it was kept: the shop may have lost one since."""
    try:
        asked = list(conditions(kept.node_of(row))) if row is not None else []
    except BadDocument:
        return set()
    favourites = [one.value for one in asked if FEATURES[one.feature].kind == "need"]
    return {one.need for one in asked if one.need not in ("", ANY)}.union(*favourites)


def _parsed(text: str) -> Any:
    """Return a JSON document.

    Raises
    ------
    ValueError
    """
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError from None


# -- answers ---------------------------------------------------------------------------------------


def _counted(session: Session, words: names.Words) -> ResponseReturnValue:
    """Answer a program: {"as_of", "people", "in_audience", "meaning", "examples"}, or what is
    wrong with its document."""
    request.max_content_length = _LARGEST
    try:
        node = read(_parsed(request.get_data(as_text=True)), words.needs)
    except BadDocument as error:
        problems = [
            {
                "place": one.place,
                "expected": one.expected_nl if language() == "nl" else one.expected_en,
            }
            for one in error.problems
        ]
        return jsonify(problems=problems), 400
    except ValueError:
        return jsonify(problems=[{"place": "document", "expected": "JSON"}]), 400
    return jsonify(reading.told(session, words, node))


def _page(session: Session, asked: _Asked, **told: Any) -> str:
    words = names.words(session, language())
    keys = {*words.needs, *_needs_before(asked.row)}
    needs = {key: words.need(key) for key in sorted(keys, key=words.need)}
    return render_template(
        "own_form.html",
        asked=asked,
        here=url_for(".edit", own_id=asked.row.id) if asked.row else url_for(".new"),
        longest=kept.LONGEST,
        needs=needs,
        listed=LISTED,
        choices_of=partial(choices, needs=needs, texts=reading.shop_texts(session)),
        vocabulary=vocabulary(bool(words.needs)),
        unit=unit,
        bounds=bounds,
        step=step,
        **{"found": None, "meaning": "", "problems": asked.problems, **told},
    )
