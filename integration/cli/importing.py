"""`stipt import`: files into the tables."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import click
from sqlmodel import func, select

from connectors.files.connector import FilesConnector
from connectors.files.options import Options
from connectors.files.rejects import write_rejects
from connectors.records import BadRecord
from integration.cli.base import Shell, as_json, command, do_work, dry_run, print_json, print_table
from integration.pipeline import start_import
from integration.sources import FILES, TOMORROW, files_shop, known_mapping
from integration.tables import Account, ImportRun, Order, Reject, Shop

#: Age of the newest order from which "due now" says little about today.
_OLD = timedelta(days=180)


@click.command("import")
@click.argument(
    "files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@click.option(
    "--kind", type=click.Choice(["customers", "products", "orders", "transactions", "consent"])
)
@click.option(
    "--map", "columns", multiple=True, metavar="COLUMN=FIELD", help="Read a column as a field."
)
@click.option(
    "--date-order", type=click.Choice(["dmy", "mdy", "ymd"]), help="Where dates allow two readings."
)
@click.option("--decimal", type=click.Choice([",", "."]), help="Where amounts allow two readings.")
@click.option(
    "--source", metavar="NAME", help="The till or system they are of; default: as recognised."
)
@click.option("--currency", help="Of files that name none; default: the account's.")
@click.option("--time-zone", help="Of times without an offset; default: the account's.")
@click.option(
    "--as-of", type=click.DateTime(["%Y-%m-%d"]), help="Day to look from; default: today."
)
@click.option(
    "--rejects",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where to write rejected rows.",
)
@dry_run
@as_json
@command
def import_files(
    shell: Shell,
    files: tuple[Path, ...],
    columns: tuple[str, ...],
    source: str | None,
    as_of: datetime | None,
    rejects: Path | None,
    dry_run: bool,
    as_json: bool,
    **given: str | None,
) -> None:
    """Read export files: customers, products, orders, receipts or consent.

    CSV (also zipped or gzipped) and Excel; columns, dates and amounts are recognised. What can be
    read in two ways is asked, never guessed. Reading a file twice changes nothing.
    """
    options = _options(shell, columns, given)
    if dry_run:
        report, bad = _look(shell, files, options, source)
    else:
        day = as_of.date() if as_of else None
        report, bad = _read(shell, files, options, source, day, quiet=as_json)
    if rejects:
        with rejects.open("w", newline="", encoding="utf-8-sig") as file:
            write_rejects(bad, file, language=options["language"])
    if as_json:
        print_json({**report, "rejects": [asdict(row) for row in bad]})
        return
    for note in report["notes"]:
        click.echo(f"Note: {note}")
    counted = [(what, number) for what, number in report["counters"].items() if number]
    print_table("Read" if not dry_run else "Would read", ("what", "how many"), counted)
    if not counted:
        click.echo("Everything in these files was read before; nothing changed.")
    if report.get("newest_order"):
        looked = as_of.date() if as_of else shell.day(shell.context.clock())
        click.echo(_seen_from(report["newest_order"], looked))
    if bad:
        header = ("file", "kind", "row", "column", "value", "reason")
        print_table(
            f"{len(bad)} rejected (the rest was read)",
            header,
            [(r.file, r.stream, r.row, r.column, r.value, r.reason) for r in bad[:20]],
        )
        if not rejects:
            click.echo("Write all of them to a file with --rejects FILE.")


def _options(shell: Shell, columns: Sequence[str], given: dict[str, str | None]) -> dict[str, Any]:
    with shell.session() as session:
        account = session.get_one(Account, shell.account_id)
    if any("=" not in pair for pair in columns):
        raise click.BadParameter("write --map COLUMN=FIELD", param_hint="--map")
    chosen: dict[str, Any] = {name: value for name, value in given.items() if value}
    return {
        "currency": account.currency,
        "time_zone": account.time_zone,
        "language": account.language,
        "columns": dict(pair.split("=", 1) for pair in columns),
        **chosen,
    }


def _look(
    shell: Shell, files: Sequence[Path], options: dict[str, Any], source: str | None
) -> tuple[dict[str, Any], list[BadRecord]]:
    """Read everything and store nothing."""
    with shell.session() as session:
        known = known_mapping(session)
    last = (shell.context.clock() + TOMORROW).date()
    connector = FilesConnector(files, options=Options(**options, not_after=last), mapping=known)
    system = source or connector.system
    counted: Counter[str] = Counter()
    bad: list[BadRecord] = []
    for stream in connector.streams:
        for page in connector.read(stream.name):
            counted.update(page.counters)
            counted[f"{stream.name} read"] += len(page.records)
            bad += page.rejects
    report = {"status": "dry run", "source": system, "counters": dict(counted)}
    return {**report, "notes": list(connector.notes)}, bad


def _read(
    shell: Shell,
    files: Sequence[Path],
    options: dict[str, Any],
    source: str | None,
    as_of: date | None,
    *,
    quiet: bool,
) -> tuple[dict[str, Any], list[BadRecord]]:
    with shell.session() as session:
        run_id = start_import(
            session,
            shell.context,
            files_shop(session, shell.context.clock(), source or FILES),
            name=", ".join(path.name for path in files),
            source={"paths": [str(path.resolve()) for path in files], "options": options},
            as_of=as_of,
        )
    do_work(shell, quiet=quiet)
    with shell.session() as session:
        run = session.get_one(ImportRun, run_id)
        shop = session.get_one(Shop, run.shop_id)
        rows = session.exec(select(Reject).where(Reject.run_id == run_id)).all()
        newest = session.exec(select(func.max(Order.placed_at))).one()
    if run.status == "waiting":
        raise click.ClickException(_asked(run.error or "[]"))
    if run.status != "done":
        raise click.ClickException(run.error or "the file could not be read")
    bad = [
        BadRecord(
            stream=row.stream,
            row=row.row,
            column=row.column,
            value=row.value,
            reason=row.reason,
            file=row.file,
        )
        for row in rows
    ]
    day = shell.day(newest) if newest else None
    report = {"status": run.status, "source": shop.external_id, "counters": run.counters}
    return {**report, "notes": shop.config.get("notes", []), "newest_order": day}, bad


def _seen_from(newest: date, as_of: date) -> str:
    """Say from which day the computation looked, and how to look from the data's own end."""
    told = f"Computed as of {as_of}; the newest order is of {newest}."
    if as_of - newest > _OLD:
        told += f" For what was due then, read the files again with --as-of {newest}."
    return told


def _asked(questions: str) -> str:
    """What to answer, and with which option."""
    lines = ["the file can be read in more than one way:"]
    for question in json.loads(questions):
        lines.append(f"column {question['column']!r}, such as {', '.join(question['examples'])}:")
        lines += [
            f"  --{question['option'].replace('_', '-')} {answer}   {meaning}"
            for answer, meaning in question["choices"]
        ]
    return "\n".join(lines)
