"""The command `stipt` and the list of everything it can do."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import click

from integration.cli.base import Shell

#: Command to where it stands; imported when it is used, so that starting a server does not wait
#: for the models' libraries.
_COMMANDS = {
    "init": "installation:init",
    "demo": "demo:demo",
    "import": "importing:import_files",
    "segments": "reading:segments",
    "segment": "own:segment",
    "groups": "groups:groups",
    "due": "reading:due",
    "monday": "reading:monday",
    "explain": "reading:explain",
    "shopify": "shopify:shopify",
    "connect": "connection:connect",
    "audience": "connection:audience",
    "disconnect": "connection:disconnect",
    "choices": "choices:choices",
    "plan": "audience:plan",
    "push": "audience:push",
    "undo": "audience:undo",
    "events": "flows:events",
    "check": "check:check",
    "shop-data": "shop:shop_data",
    "holdout": "privacy:holdout",
    "forget": "privacy:forget",
    "access": "privacy:access",
    "campaigns": "campaigns:campaigns",
    "rule": "rules:rule",
    "serve": "servers:serve",
    "worker": "servers:worker",
    "sandbox": "servers:sandbox",
    "backtest": "reading:backtest",
    "status": "installation:status",
    "migrate": "installation:migrate",
}


class _Commands(click.Group):
    """Commands in the order of a first day, each imported when asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  # click's signature
        """Return the names."""
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002  # click's signature
        """Return a command, None for a name we do not know."""
        place = _COMMANDS.get(cmd_name)
        if place is None:
            return None
        module, _, name = place.partition(":")
        command: click.Command = getattr(import_module(f"integration.cli.{module}"), name)
        return command


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
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
