"""Pages to look at the audience as a marketer would."""

from __future__ import annotations

from flask import Blueprint

from integration.sandbox.state import SandboxState


def blueprint(state: SandboxState) -> Blueprint:
    """The routes of the pages."""
    return Blueprint("pages", __name__, template_folder="templates")
