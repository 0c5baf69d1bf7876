"""Addresses of our own files, changed whenever a file changes so that browsers may keep them."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

from flask import Flask, url_for

_STATIC = Path(__file__).parent.parent / "static"


@cache
def _version(name: str) -> str:
    return hashlib.sha256((_STATIC / name).read_bytes()).hexdigest()[:12]


def asset(name: str) -> str:
    """Return the address of a file below static/."""
    return url_for("static", filename=name, v=_version(name))


def install(app: Flask) -> None:
    """Give the templates `asset`."""
    app.jinja_env.globals["asset"] = asset
