"""The command of finer groups and kinds of customers: show, publish one, take it back."""

from __future__ import annotations

from dataclasses import asdict

import click

from integration import asked_groups, pipeline
from integration.cli.base import (
    Shell,
    as_json,
    command,
    do_work,
    dry_run,
    print_json,
    print_table,
)
from integration.cli.reading import language_option, words_of
from integration.reading import groups as reading

_HEADER = ("group", "people", "of its own five", "of the larger group's", "tested on", "key")


@click.command()
@click.option("--publish", metavar="KEY", help="Make a finer group a segment.")
@click.option("--withdraw", metavar="KEY", help="Take back a group that was published so.")
@dry_run
@language_option
@as_json
@command
def groups(
    shell: Shell,
    publish: str | None,
    withdraw: str | None,
    dry_run: bool,
    language: str | None,
    as_json: bool,
) -> None:
    """Show the tree of groups with what each was worth when tested, and kinds of customers."""
    with shell.session() as session:
        if publish:
            asked_groups.ask(session, publish, shell.context.clock())
        if withdraw:
            asked_groups.take_back(session, withdraw)
        found = reading.groups(session, words_of(shell, session, language))
        if dry_run:
            session.rollback()
        elif publish or withdraw:
            pipeline.start_refresh(session)
    if (publish or withdraw) and not dry_run:
        do_work(shell, quiet=as_json)
        with shell.session() as session:
            found = reading.groups(session, words_of(shell, session, language))
    if as_json:
        print_json(asdict(found) if found is not None else None)
    elif found is None:
        click.echo("No groups yet. Read something first: `stipt import FILE`.")
    else:
        _print(found)
        if publish or withdraw:
            click.echo("Nothing was kept." if dry_run else "Next: `stipt plan`.")


def _print(found: reading.Found) -> None:
    title = f"Groups, tested on {found.window_days} days"
    print_table(title, _HEADER, map(_row, found.nodes))
    print_table("Cuts that do not pay", _HEADER, map(_row, found.left_out))
    kinds = [(kind.name, kind.like, kind.people) for kind in found.kinds]
    print_table("Kinds of customers", ("name", "most like", "people"), kinds)
    if found.refused is not None:
        click.echo("No kinds of customers: {what} {there}, needed {needed}".format(**found.refused))


def _row(node: reading.Node) -> tuple[object, ...]:
    key = f"{node.key} (published)" if node.asked else node.key
    return node.name, node.people, f"{node.own:.1%}", f"{node.larger:.1%}", node.buyers, key
