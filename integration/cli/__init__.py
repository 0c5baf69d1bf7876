"""The command line: `stipt COMMAND --help` tells each command's options."""

from integration.cli.main import main

__all__ = ["main"]
