"""Reading sources: uploads, progress, questions, rejects."""

from __future__ import annotations

from pathlib import Path, PurePath

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from connectors.files.formats import read_amount
from integration import uploads
from integration.pace import Progress, rounded
from integration.pipeline import start_import
from integration.reading import imports
from integration.reading.stalled import stalled
from integration.sources import FILES, files_shop
from integration.tables import Account, ImportRun
from integration.views.base import context, own_or_404, own_rows, user, wants_part
from integration.views.counters import counter_name
from integration.views.csvs import download
from integration.views.formats import amount, number
from integration.views.texts import gettext, ngettext
from integration.work.queue import defer, retry_dead
from integration.work.runner import wake_due

bp = Blueprint("imports", __name__, url_prefix="/imports")

#: Endings of the files that can be read.
ENDINGS = (".csv", ".txt", ".tsv", ".xlsx", ".zip", ".gz")


@bp.get("")
def show() -> ResponseReturnValue:
    """Show what was read and what is being read."""
    with own_rows() as session:
        runs = imports.runs(session, context().clock())
    template = "_runs.html" if wants_part() else "imports.html"
    return render_template(
        template,
        runs=runs,
        endings=ENDINGS,
        has_shopify=context().settings.shopify_client_id is not None,
        states=run_states(),
        counter_name=counter_name,
        choice_text=choice_text,
        how_far=how_far,
        time_left=time_left,
    )


@bp.post("/upload")
def upload() -> ResponseReturnValue:
    """Keep the files and have them read."""
    files = [file for file in request.files.getlist("files") if file.filename]
    if not files:
        flash(gettext("Choose a file first."))
        return redirect(url_for("imports.show"))
    names = [PurePath(file.filename or "").name for file in files]
    if not all(name.lower().endswith(ENDINGS) for name in names):
        flash(
            gettext("That kind of file cannot be read. Use CSV, Excel, or either of them zipped.")
        )
        return redirect(url_for("imports.show"))
    folder = uploads.new_folder(context(), user().account_id)
    paths: list[Path] = []
    # The name is only shown; on disk nothing of what was sent decides a path but its ending.
    for nth, (file, name) in enumerate(zip(files, names, strict=True)):
        path = folder / f"{nth}{''.join(PurePath(name).suffixes[-2:]).lower()}"
        file.save(path)
        paths.append(path)
    source = request.form.get("source", "").strip() or FILES
    _start(names, [str(path.resolve()) for path in paths], source)
    return redirect(url_for("imports.show"))


@bp.post("/<int:run_id>/answer")
def answer(run_id: int) -> ResponseReturnValue:
    """Read the files again with the merchant's answers."""
    with own_rows() as session:
        run = imports.run(session, own_or_404(session, ImportRun, run_id), context().clock())
        if not run.questions or run.work is None:
            abort(409)
        said = {question.option: request.form.get(question.option) for question in run.questions}
        if any(said[q.option] not in [value for value, _ in q.choices] for q in run.questions):
            abort(400)
        payload = run.work.payload
        options = {**payload["source"].get("options", {}), **said}
        run.row.status, run.row.error = "running", None
        defer(
            session,
            account_id=user().account_id,
            kind="import",
            lane=run.work.lane,
            payload={**payload, "source": {**payload["source"], "options": options}},
        )
    wake_due(context())
    return redirect(url_for("imports.show"))


@bp.post("/<int:run_id>/drop")
def drop(run_id: int) -> ResponseReturnValue:
    """Leave files unread that wait for an answer, and delete them here."""
    with own_rows() as session:
        run = imports.run(session, own_or_404(session, ImportRun, run_id), context().clock())
        if run.row.status != "waiting" or run.work is None:
            abort(409)
        run.row.status, run.row.error = "dropped", None
    uploads.remove(context(), user().account_id, run.work.payload["source"])
    flash(gettext("Left unread. The file was deleted here; nothing of it was kept."))
    return redirect(url_for("imports.show"))


@bp.post("/<int:run_id>/on")
def read_on(run_id: int) -> ResponseReturnValue:
    """Go on with a shop's history whose reading was given up."""
    with own_rows() as session:
        own_or_404(session, ImportRun, run_id)
        found = next((one for one in stalled(session) if one.run.id == run_id), None)
        if found is None:
            abort(409)
        if found.work is None:
            start_import(session, context(), found.shop, name=found.run.name)
        else:
            retry_dead(session, found.work.id or 0)
    wake_due(context())
    flash(gettext("Reading goes on."))
    return redirect(url_for("imports.show"))


@bp.get("/<int:run_id>/rejects.csv")
def rejects(run_id: int) -> ResponseReturnValue:
    """Download what could not be read, with the reason."""
    with own_rows() as session:
        own_or_404(session, ImportRun, run_id)
        rows = [
            (row.file, row.stream, row.row, row.column, row.value, row.reason)
            for row in imports.rejects(session, run_id)
        ]
    header = (
        gettext("File"),
        gettext("Kind"),
        gettext("Row"),
        gettext("Column"),
        gettext("Value"),
        gettext("Reason"),
    )
    return download(f"rejects-{run_id}.csv", header, rows)


def choice_text(question: imports.Question, value: str, meaning: str) -> str:
    """Return what an answer amounts to: for an amount, the first example read that way."""
    if question.option != "decimal":
        return meaning
    try:
        return amount(read_amount(question.examples[0], value), user().currency)
    except ValueError:
        return meaning


def how_far(one: Progress) -> str:
    """Return how much of a stream has come, and how fast."""
    given = {"read": number(one.read), "total": number(one.total)}
    words = {
        "orders": gettext("%(read)s of %(total)s orders", **given),
        "customers": gettext("%(read)s of %(total)s customers", **given),
        "products": gettext("%(read)s of %(total)s products", **given),
        "carts": gettext("%(read)s of %(total)s carts", **given),
    }.get(one.stream, f"{one.stream}: {given['read']} / {given['total']}")
    if one.per_second is None:
        return words
    speed = gettext("%(rate)s a second", rate=number(one.per_second, one.per_second < 10))
    return f"{words}, {speed}"


def time_left(seconds: float | None) -> str:
    """Return how long a reading will still take."""
    if seconds is None:
        return gettext("not known yet how long it takes")
    amount, unit = rounded(seconds)
    if unit == "seconds":
        return ngettext("about %(num)s second left", "about %(num)s seconds left", amount)
    if unit == "minutes":
        return ngettext("about %(num)s minute left", "about %(num)s minutes left", amount)
    return ngettext("about %(num)s hour left", "about %(num)s hours left", amount)


def run_states() -> dict[str, str]:
    """Return what the states of a reading are called."""
    return {
        "running": gettext("reading"),
        "done": gettext("read"),
        "failed": gettext("failed"),
        "waiting": gettext("a question for you"),
        "dropped": gettext("left unread"),
    }


def _start(names: list[str], paths: list[str], source: str) -> None:
    with own_rows() as session:
        account = session.get_one(Account, user().account_id)
        shop = files_shop(session, context().clock(), source)
        given = {
            "time_zone": account.time_zone,
            "currency": account.currency,
            "language": user().language,
        }
        start_import(
            session,
            context(),
            shop,
            name=", ".join(names),
            source={"paths": paths, "names": names, "options": given},
        )
    wake_due(context())
