"""Security headers of every answer, in one place.

Sources: W3C Content Security Policy Level 3; OWASP HTTP Headers Cheat Sheet.
"""

from __future__ import annotations

import secrets

from flask import Flask, Response, g, request

_FIXED = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # The address of a person's page says which customer somebody looked at.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
}


def nonce() -> str:
    """Return this request's random text that lets a script of ours run."""
    if "csp_nonce" not in g:
        g.csp_nonce = secrets.token_urlsafe(16)
    return str(g.csp_nonce)


def let_forms_lead_to(origin: str) -> None:
    """Let a form of this answer end at `origin` too: browsers check where a redirect leads."""
    g.csp_form_action = origin


def let_frame_ours() -> None:
    """Let this page hold a frame with another page of ours."""
    g.csp_frames = "'self'"


def let_shopify_frame(shop: str) -> None:
    """Let Shopify's own pages of one store show this page inside theirs."""
    g.csp_ancestors = f"https://{shop} https://admin.shopify.com"


def show_foreign() -> None:
    """This answer is somebody else's document, for a frame of ours: it may look, and do nothing."""
    g.csp_foreign = True


#: Of a mail as its author made it: its styles and pictures, no scripts, no forms, no origin.
_FOREIGN = {
    "Content-Security-Policy": "sandbox; default-src 'none'; style-src 'unsafe-inline' https:; "
    "img-src https: data:; font-src https: data:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'self'",
    "X-Frame-Options": "SAMEORIGIN",
    # Its pictures come from elsewhere, and nobody there learns where they are looked at.
    "Referrer-Policy": "no-referrer",
}


def policy(
    of: str, form_action: str = "", frames: str = "'none'", ancestors: str = "'none'"
) -> str:
    """Return the Content-Security-Policy for the nonce `of`."""
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src 'nonce-{of}'",
            "style-src 'self'",
            # Tabler draws its check marks and arrows as data: addresses.
            "img-src 'self' data:",
            "connect-src 'self'",
            f"form-action 'self' {form_action}".strip(),
            f"frame-src {frames}",
            "base-uri 'none'",
            f"frame-ancestors {ancestors}",
        )
    )


def protect(app: Flask) -> None:
    """Add the headers to every answer of `app`."""
    secure = bool(app.config["SESSION_COOKIE_SECURE"])

    @app.after_request
    def add_headers(response: Response) -> Response:
        response.headers.update(_FIXED)
        response.headers["Content-Security-Policy"] = policy(
            nonce(),
            g.get("csp_form_action", ""),
            g.get("csp_frames", "'none'"),
            g.get("csp_ancestors", "'none'"),
        )
        if "csp_ancestors" in g:
            # The older header knows no list of hosts, and would forbid them all.
            del response.headers["X-Frame-Options"]
        if g.get("csp_foreign", False):
            response.headers.update(_FOREIGN)
        if secure:
            response.headers["Strict-Transport-Security"] = "max-age=31536000"
        if request.endpoint != "static":
            # Pages hold customers: they are kept by no proxy and no shared computer.
            response.headers["Cache-Control"] = "no-store"
        return response
