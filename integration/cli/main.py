"""The command `stipt` and the list of everything it can do."""

from __future__ import annotations

from pathlib import Path

import click

from integration.cli import audience, demo, importing, installation, reading, servers
from integration.cli.base import Shell


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="stipt")
@click.option(
    "--env",
    "env_file",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path(".env"),
    envvar="STIPT_ENV_FILE",
    show_default=True,
    help="File with the settings, written by `stipt init`.",
)
@click.option("--account", type=int, help="Account to work for; needed when there are several.")
@click.pass_context
def main(ctx: click.Context, env_file: Path, account: int | None) -> None:
    """Know who needs what, and when. Reads your shop, tells your Mailchimp audience."""
    ctx.obj = ctx.with_resource(Shell(env_file, account))


for command in (
    installation.init,
    demo.demo,
    importing.import_files,
    reading.segments,
    reading.due,
    reading.explain,
    audience.connect_audience,
    audience.plan,
    audience.push,
    audience.undo,
    servers.serve,
    servers.worker,
    servers.sandbox,
    reading.backtest,
    installation.status,
    installation.migrate,
):
    main.add_command(command)
