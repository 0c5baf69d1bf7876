"""OAuth 2 at Mailchimp: where the merchant is sent, and the code changed for a token.

Sources: Mailchimp developer documentation, "Access data on behalf of other users with OAuth 2";
RFC 6749. A token has no end and cannot be renewed. Nothing here is ever logged.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import requests
from authlib.integrations.base_client import OAuthError
from authlib.integrations.requests_client import OAuth2Session

from integration.mailchimp.errors import MailchimpError, NotUnderstood, Unreachable
from integration.settings import Settings

LOGIN = "https://login.mailchimp.com"
#: What every sandbox knows; good for nothing else.
_SANDBOX = ("stipt", "stipt-sandbox-secret")
_SERVER = re.compile(r"[a-z]{2,4}\d{1,3}")
_CONNECT_TIMEOUT_S = 3.05


class NotLetIn(MailchimpError):
    """Mailchimp did not change the code for a token."""


@dataclass(frozen=True, kw_only=True)
class Application:
    """What we are registered as, and where."""

    client: str
    secret: str = field(repr=False)
    #: Base address of the log-in: Mailchimp's, or a sandbox's.
    login: str
    #: Where the merchant comes back; the same letters as registered.
    redirect: str
    timeout_s: float
    is_sandbox: bool


def application(settings: Settings, redirect: str) -> Application | None:
    """Return what we are registered as; None when the settings name no application."""
    client, secret = settings.mailchimp_client_id, settings.mailchimp_client_secret
    is_sandbox = settings.mailchimp_url is not None
    if client and secret:
        pair = (client, secret.get_secret_value())
    elif is_sandbox:
        pair = _SANDBOX
    else:
        return None
    return Application(
        client=pair[0],
        secret=pair[1],
        login=_origin(settings.mailchimp_url) if settings.mailchimp_url else LOGIN,
        redirect=redirect,
        timeout_s=settings.request_timeout_s,
        is_sandbox=is_sandbox,
    )


def _origin(address: str) -> str:
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}"


def ask(app: Application) -> tuple[str, str]:
    """Return the address to send the merchant to, and the state that has to come back."""
    with _session(app) as session:
        address, state = session.create_authorization_url(f"{app.login}/oauth2/authorize")
    return str(address), str(state)


def exchange(app: Application, code: str) -> tuple[str, str]:
    """Change a code for a token, once; return the token and its data centre.

    Raises
    ------
    NotLetIn
        The code is used, too old or not ours.
    NotUnderstood, Unreachable
    """
    with _session(app) as session:
        try:
            answer = session.fetch_token(
                f"{app.login}/oauth2/token",
                grant_type="authorization_code",
                code=code,
                redirect_uri=app.redirect,
                allow_redirects=False,
            )
        except OAuthError as error:
            # Its description could repeat what was sent; the short code cannot.
            raise NotLetIn(f"Mailchimp did not let us in ({error.error})") from None
        except requests.RequestException:
            raise Unreachable("Mailchimp's log-in cannot be reached") from None
        except ValueError:
            raise NotUnderstood("Mailchimp's log-in answered with something else") from None
        token = answer.get("access_token")
        if not isinstance(token, str) or not token:
            raise NotUnderstood("Mailchimp's log-in gave no token")
        return token, _data_centre(app, session, token)


def _data_centre(app: Application, session: OAuth2Session, token: str) -> str:
    try:
        answer = session.get(
            f"{app.login}/oauth2/metadata",
            headers={"Authorization": f"OAuth {token}"},
            withhold_token=True,
            allow_redirects=False,
        )
        document = answer.json() if answer.status_code == requests.codes.ok else None
    except requests.JSONDecodeError:
        document = None
    except requests.RequestException:
        raise Unreachable("Mailchimp's log-in cannot be reached") from None
    return checked_place(app, document)


def checked_place(app: Application, document: Any) -> str:
    """Return the data centre that Mailchimp names, if it is one.

    The token goes to that host from now on, so nothing but Mailchimp's own names is taken.

    Raises
    ------
    NotUnderstood
    """
    told = document if isinstance(document, dict) else {}
    place, endpoint = told.get("dc"), told.get("api_endpoint")
    if not isinstance(place, str) or not _SERVER.fullmatch(place):
        raise NotUnderstood("Mailchimp did not say where the account lives")
    expected = app.login if app.is_sandbox else f"https://{place}.api.mailchimp.com"
    if endpoint != expected:
        raise NotUnderstood("Mailchimp names an address that is not its own")
    return place


def _session(app: Application) -> OAuth2Session:
    session = OAuth2Session(
        client_id=app.client,
        client_secret=app.secret,
        redirect_uri=app.redirect,
        token_endpoint_auth_method="client_secret_post",  # noqa: S106  # a method's name
        default_timeout=(_CONNECT_TIMEOUT_S, app.timeout_s),
    )
    # A sandbox is on this machine: no proxy, no stored credentials of the user's.
    session.trust_env = not app.is_sandbox
    session.headers["User-Agent"] = "Stipt"
    return session
