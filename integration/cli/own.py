"""The command of a merchant's own segments: list, show, count, save, delete, and put back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
from sqlmodel import Session

from integration.cli.base import Shell, as_json, command, dry_run, print_json, print_table
from integration.own import kept
from integration.reading import own as reading
from integration.reading.names import Words, words
from integration.tables import Account, OwnSegment
from segmentation.builder.document import Node, read

_ACTIONS = ("list", "show", "count", "save", "delete", "back")


@click.command("segment")
@click.argument("action", type=click.Choice(_ACTIONS), default="list")
@click.argument("what", default="")
@click.option("--name", help="For `save`: what it is called; the tag is `Own: NAME`.")
@click.option("--number", default="", help="For `save`: change this one, instead of a new one.")
@click.option("--language", type=click.Choice(["en", "nl"]), help="Default: the account's.")
@dry_run
@as_json
@command
def segment(
    shell: Shell,
    action: str,
    what: str,
    name: str | None,
    number: str,
    language: str | None,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Segments of your own. WHAT is a segment's number; a JSON file for `count` and `save`."""
    with shell.session() as session:
        account = session.get_one(Account, shell.account_id)
        known = words(session, language or account.language)
        told: dict[str, Any] = {}
        if action == "count":
            told["count"] = reading.told(session, known, _document(what, known))
        elif action == "save":
            told["saved"] = _save(session, shell, known, what, name, number)
        elif action == "show":
            told["document"] = _there(session, what).document
        elif action in ("delete", "back"):
            _act(session, shell, action, what)
        # Named anew: what was saved has a name now.
        told["segments"] = _rows(session, words(session, known.language), action, what)
        if dry_run:
            session.rollback()
    _report(action, told, dry_run=dry_run, as_json=as_json)


def _save(
    session: Session, shell: Shell, known: Words, file: str, name: str | None, number: str
) -> int | None:
    from integration.own.members import place

    row = _there(session, number) if number else None
    if name is None and row is None:
        raise click.ClickException("say what it is called with --name")
    node = _document(file, known)
    row = kept.keep(session, shell.context, name or (row.name if row else ""), node, row)
    place(session, row)
    return row.id


def _act(session: Session, shell: Shell, action: str, number: str) -> None:
    from integration.own.members import place

    if action == "delete":
        row = _there(session, number)
        kept.remove(session, shell.context, row)
    else:
        row = _row(session, number)
        kept.put_back(session, row)
    place(session, row)


def _document(file: str, known: Words) -> Node:
    """Return what a file asks for.

    Raises
    ------
    ValueError
        It is no JSON, or a document that cannot be read: `BadDocument` names each place.
    """
    try:
        plain = json.loads(Path(file).read_text("utf-8"))
    except OSError as error:
        raise click.ClickException(f"say a JSON file that can be read: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise click.ClickException(f"{file} is no JSON document: {error}") from None
    return read(plain, known.needs)


def _row(session: Session, number: str) -> OwnSegment:
    is_number = number.isdecimal() and len(number) < 19  # what a database key can be
    found = session.get(OwnSegment, int(number)) if is_number else None
    if found is None:
        raise click.ClickException("say a segment's number; `stipt segment list` shows them")
    return found


def _there(session: Session, number: str) -> OwnSegment:
    found = _row(session, number)
    if found.removed_at is not None:
        raise click.ClickException(f"it is deleted; `stipt segment back {number}` puts it back")
    return found


def _rows(session: Session, known: Words, action: str, number: str) -> list[dict[str, Any]]:
    return [
        {
            "number": one.row.id,
            "segment": one.key,
            "name": one.row.name,
            "people": one.people,
            "meaning": one.meaning,
        }
        for one in reading.listed(session, known)
        if action != "show" or str(one.row.id) == number
    ]


def _report(action: str, told: dict[str, Any], *, dry_run: bool, as_json: bool) -> None:
    if as_json:
        print_json({"dry_run": dry_run, **told})
        return
    if action == "count":
        _print_count(told["count"])
        return
    header = ("number", "name", "people", "meaning")
    rows = [tuple(row[key] for key in header) for row in told["segments"]]
    print_table("Segments of your own", header, rows)
    if action == "show":
        print_json(told["document"])
    elif action != "list":
        done = "Next: `stipt plan`."
        click.echo("Nothing was changed." if dry_run else done)


def _print_count(count: dict[str, Any]) -> None:
    if count["as_of"] is None:
        click.echo("Nothing computed yet: people follow with the first run.")
        return
    click.echo(f"{count['meaning']}\n{count['people']} people, {count['in_audience']} can get it.")
    rows = [(one["person_id"], one["name"], one["why"]) for one in count["examples"]]
    print_table("Who bought last of them", ("person", "name", "why"), rows)
