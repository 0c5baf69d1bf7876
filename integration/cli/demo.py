"""`stipt demo`: the main job with one command and no account."""

from __future__ import annotations

import shutil
import signal
import sys
import tempfile
import time
from contextlib import suppress
from datetime import date, datetime
from pathlib import Path
from threading import Event

import click

from integration.cli.base import PORT, as_json, print_json
from integration.demo import EMAIL, Demo, DemoFailed, DemoOptions

_REAL_SHOP = 20_000
#: A whole history comes through an emulated API, which is slower than our own sample.
_SHOPIFY_SHOP = 1_000


@click.command()
@click.option("--check", is_flag=True, help="Do everything, undo it, compare, and end.")
@as_json
@click.option(
    "--shop",
    type=click.Choice(["sample", "shopify"]),
    default="sample",
    show_default=True,
    help="shopify: an emulated store to install Stipt on yourself, in the browser.",
)
@click.option(
    "--customers", type=int, help=f"Default: {_REAL_SHOP:,}; at Shopify {_SHOPIFY_SHOP:,}."
)
@click.option(
    "--as-of", type=click.DateTime(["%Y-%m-%d"]), help="The shop's today; default: today."
)
@click.option("--language", type=click.Choice(["en", "nl"]), default="en", show_default=True)
@click.option("--port", type=PORT, default=8000, show_default=True, help="Of the pages.")
@click.option(
    "--sandbox-port", type=PORT, default=8090, show_default=True, help="Of the emulated Mailchimp."
)
@click.option(
    "--shopify-port", type=PORT, default=8091, show_default=True, help="Of the emulated Shopify."
)
@click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="Empty folder to work in; left out: a temporary one, removed at the end.",
)
def demo(
    check: bool,
    as_json: bool,
    shop: str,
    customers: int | None,
    as_of: datetime | None,
    language: str,
    port: int,
    sandbox_port: int,
    shopify_port: int,
    folder: Path | None,
) -> None:
    """Show the whole of Stipt on a generated shop and an emulated Mailchimp.

    Starts the pages, the worker and the sandbox on this computer, reads a clothing shop of 20,000
    customers with its loyalty card, computes segments and due-dates, and publishes them.
    """
    on_shopify = shop == "shopify"
    if on_shopify and (check or as_json):
        raise click.UsageError("--shop shopify is for you to look at: without --check and --json")
    work = folder or Path(tempfile.mkdtemp(prefix="stipt-demo-"))
    options = DemoOptions(
        folder=work,
        customers=customers or (_SHOPIFY_SHOP if on_shopify else _REAL_SHOP),
        as_of=as_of.date() if as_of else date.today(),  # noqa: DTZ011  # the reader's own today
        language=language,
        port=0 if check else port,
        sandbox_port=0 if check else sandbox_port,
        on_shopify=on_shopify,
        shopify_port=shopify_port,
    )
    # As Ctrl-C does: leave through the `with`, which stops the processes we started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    say = _nothing if as_json else click.echo
    try:
        with Demo(options, say=say) as shown:
            if on_shopify:
                _invite(shown)
                return
            before = _read(shown)
            plan_id = _publish(shown)
            if check:
                _check(shown, plan_id, before)
            _tell(shown, as_json=as_json, check=check)
            if not check:
                login = f"log in: {EMAIL}, password: {shown.password}"
                click.echo(f"\nPages:           {shown.url}   ({login})")
                _stay(shown)
    except DemoFailed as error:
        raise click.ClickException(str(error)) from error
    finally:
        if folder is None:
            shutil.rmtree(work, ignore_errors=True)
    if check and not shown.figures.holds():
        sys.exit(1)


def _invite(shown: Demo) -> None:
    """Start everything, and leave the installing to whoever looks."""
    shown.say("Starting the emulated Shopify, the sandbox, the worker and the pages ...")
    shown.start()
    shown.open_shop()
    click.echo(
        f"\n1. Log in:        {shown.url}   ({EMAIL}, password: {shown.password})\n"
        f"2. Install Stipt: {shown.shopify_url}   "
        "(in the same browser: the store joins the account)\n"
    )
    _stay(shown)


def _read(shown: Demo) -> str:
    """Start everything, read the shop; return the audience's state before anything is written."""
    shown.say("Starting the sandbox, the worker and the pages ...")
    shown.start()
    shown.say("Filling the emulated audience, reading the sample shop ...")
    shown.open_shop()
    shown.say(f"First page: {shown.url} (log in as {EMAIL}, password {shown.password})")
    shown.read()
    return shown.state()


def _publish(shown: Demo) -> int:
    """Plan and push; return the plan's id."""
    shown.say("Planning and publishing ...")
    began = time.monotonic()
    plan_id = shown.plan()
    shown.figures.seconds["plan"] = round(time.monotonic() - began, 1)
    shown.figures.push = shown.push(plan_id)
    return plan_id


def _check(shown: Demo, plan_id: int, before: str) -> None:
    """A second push must write nothing, and undo must leave the audience as it was."""
    shown.figures.second_push = shown.push(shown.plan())
    shown.undo(plan_id)
    shown.figures.undo = {"exact": shown.state() == before}
    shown.figures.statuses_written = shown.statuses_written()


def _nothing(_text: str) -> None:
    """Keep standard output to one JSON document."""


def _tell(shown: Demo, *, as_json: bool, check: bool) -> None:
    figures = shown.figures
    if as_json:
        document = figures.as_json()
        print_json(document if check else {**document, "pages": shown.url})
        return
    assert figures.push is not None
    click.echo(
        f"\nRead {figures.orders:,} orders with {figures.lines:,} lines of {figures.people:,} "
        f"people; {len(figures.segments)} segments.\n"
        f"Due: {', '.join(f'{count:,} {state}' for state, count in sorted(figures.due.items()))}.\n"
        f"Published: {figures.push.members:,} contacts changed in {figures.push.requests:,} "
        f"requests and {figures.push.seconds} s; 0 contacts added, 0 subscriptions changed."
    )
    if figures.second_push is not None:
        click.echo(
            f"A second push made {figures.second_push.writes} writing calls; after undo the "
            f"audience is {'exactly as' if figures.undo['exact'] else 'NOT as'} it was."
        )


def _stay(shown: Demo) -> None:
    click.echo(
        f"Your Mailchimp:  {shown.sandbox_url}   (the sandbox's audience, as a marketer sees it)\n"
        f"Commands:        {sys.argv[0]} --env {shown.env} segments   (and all others)\n"
        "Stop with Ctrl-C."
    )
    with suppress(KeyboardInterrupt):
        Event().wait()
