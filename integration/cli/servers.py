"""Commands that stay up: the pages, the worker, the sandbox.

Each imports only what it serves: a sandbox needs no models.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from integration.cli.base import PORT, Shell, command


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", type=PORT, default=8000, show_default=True)
@click.option("--workers", default=2, show_default=True, help="Processes.")
@command
def serve(shell: Shell, host: str, port: int, workers: int) -> None:
    """Serve the pages with gunicorn."""
    _ = shell.context  # settings that cannot be used end here, with their sentence
    os.environ["STIPT_ENV_FILE"] = str(shell.env_file)
    program = [sys.executable, "-m", "gunicorn", "--workers", str(workers)]
    # gunicorn takes this process over, so that signals reach it.
    os.execv(  # noqa: S606  # the interpreter we run in
        sys.executable,
        [*program, "--bind", f"{host}:{port}", "integration.app:from_environment()"],
    )


@click.command()
@click.option("--workers", default=2, show_default=True, help="Threads.")
@command
def worker(shell: Shell, workers: int) -> None:
    """Do the work that waits: imports, computations, plans, pushes."""
    from integration.night import start_hour
    from integration.work.runner import consume

    consume(shell.context, workers=workers, hourly=start_hour)


@click.command()
@click.option("--port", type=PORT, default=8090, show_default=True)
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder that keeps the audience; left out: it is forgotten at the end.",
)
@command
def sandbox(shell: Shell, port: int, data: Path | None) -> None:
    """Serve an emulated Mailchimp on this computer, with pages to look at its audience."""
    from integration.sandbox.server import serve as serve_sandbox

    if shell.env_file.exists():
        _refuse_beside_real_tokens(shell)
    serve_sandbox(port, data, ready=lambda address: click.echo(f"Sandbox: {address}"))


def _refuse_beside_real_tokens(shell: Shell) -> None:
    from integration.audience.connect import has_real_tokens

    if has_real_tokens(shell.context):
        raise click.ClickException(
            "a real Mailchimp token is stored here: disconnect it first, or use another folder"
        )
