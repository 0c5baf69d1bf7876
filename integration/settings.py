"""Everything that differs between two installations, and nothing else.

There is no module-level instance: the command line reads the settings once and hands them in.
"""

from __future__ import annotations

import base64
import os
import secrets
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from cryptography.fernet import Fernet
from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from integration.hosts import is_near

#: Different characters (or bytes) below which a key was made up by hand.
_WEAK_DISTINCT = 12


class SettingsError(ValueError):
    """The settings cannot be used; the text says which and what to do."""


class Settings(BaseSettings):
    """One installation. Each field is an environment variable: ``STIPT_`` + its name."""

    model_config = SettingsConfigDict(
        env_prefix="STIPT_", env_file=".env", env_file_encoding="utf-8", frozen=True, extra="ignore"
    )

    #: Signs sessions and forms. No default: a guessable one reaches production.
    secret_key: SecretStr
    #: Fernet keys, comma-separated: the first encrypts, all of them decrypt.
    encryption_keys: Annotated[tuple[SecretStr, ...], NoDecode]
    #: Where files of ours live: the SQLite database, the queue, uploads, order lines.
    data_dir: Path = Path("data")
    #: None: a SQLite file in the data folder.
    database_url: str | None = None
    #: "sqlite" (a file in the data folder), "postgres" (the database above) or redis://...
    queue: str = "sqlite"
    #: None: the merchant's own data centre; else the base address of a sandbox.
    mailchimp_url: str | None = None
    #: The application registered at Mailchimp for connecting by OAuth 2; a sandbox needs none.
    mailchimp_client_id: str | None = None
    mailchimp_client_secret: SecretStr | None = None
    #: The app registered at Shopify. Two secrets behind a comma while it is being changed: the
    #: first is used, both are believed.
    shopify_client_id: str | None = None
    shopify_client_secrets: Annotated[tuple[SecretStr, ...] | None, NoDecode] = None
    #: Seconds to wait for one ordinary answer.
    request_timeout_s: float = Field(default=30.0, gt=0)
    #: Requests in flight at one Mailchimp account, over all processes; Mailchimp serves ten.
    mailchimp_connections: int = Field(default=5, ge=1, le=10)
    #: Least seconds between two looks at a Mailchimp batch; mostly there are two looks at one.
    batch_poll_s: float = Field(default=1.0, gt=0)
    #: The page's own address, for links out of it.
    public_url: str = "http://127.0.0.1:8000"
    #: By which mail of ours goes to merchants: smtp://user:password@host:587, or smtps://. None: no
    #: mail is sent.
    smtp_url: SecretStr | None = None
    #: Whom it comes from; needed with it.
    mail_from: str | None = None
    #: Where stores are found in place of https://{shop}, for tests and demonstrations on one
    #: machine; refused where the pages have an address of their own.
    shopify_url_template: str | None = None
    #: Where features are computed; "pyspark" needs the extra `spark` and Java 17.
    analytics_engine: Literal["duckdb", "pyspark"] = "duckdb"
    #: Send the session cookie over https only.
    secure_cookies: bool = False
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    #: "json" for a log collector.
    log_format: Literal["console", "json"] = "console"

    @field_validator("encryption_keys", "shopify_client_secrets", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return [key.strip() for key in value.split(",")] if isinstance(value, str) else value

    @field_validator("shopify_url_template")
    @classmethod
    def _only_here(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is None:
            return None
        here = (urlsplit(value).hostname, urlsplit(str(info.data.get("public_url"))).hostname)
        if "{shop}" not in value or not all(is_near(host or "") for host in here):
            raise ValueError("is for tests on this machine only: unset it")
        return value

    @field_validator("smtp_url")
    @classmethod
    def _server(cls, value: SecretStr | None) -> SecretStr | None:
        if value is None or not value.get_secret_value():
            return None
        parts = urlsplit(value.get_secret_value())
        if parts.scheme not in ("smtp", "smtps") or not parts.hostname:
            raise ValueError("has to be smtp://host or smtps://host, with user:password@ if needed")
        return value

    @field_validator("mail_from")
    @classmethod
    def _sender(cls, value: str | None) -> str | None:
        if value and ("@" not in value or any(one in value for one in "\r\n")):
            raise ValueError("has to be an e-mail address")
        return value or None

    @field_validator("secret_key")
    @classmethod
    def _strong(cls, value: SecretStr) -> SecretStr:
        text = value.get_secret_value()
        if len(text) < 32 or len(set(text)) < _WEAK_DISTINCT:
            raise ValueError("is weak: it needs 32 random characters or more")
        return value

    @field_validator("encryption_keys")
    @classmethod
    def _fernet(cls, value: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        if not value:
            raise ValueError("is empty: it needs one key or more")
        for key in value:
            try:
                Fernet(key.get_secret_value())
            except ValueError as error:
                raise ValueError("holds a key that is not 32 bytes in url-safe base64") from error
            if len(set(base64.urlsafe_b64decode(key.get_secret_value()))) < _WEAK_DISTINCT:
                raise ValueError("holds a key that is not random")
        return value

    @property
    def database(self) -> str:
        """The database's address, embedded default included."""
        return self.database_url or f"sqlite:///{self.data_dir / 'stipt.db'}"


def load(env_file: Path | None = None) -> Settings:
    """Read the settings from the environment and from `env_file`.

    Without one, from the file that ``STIPT_ENV_FILE`` names, or ``.env`` in the working folder.

    Raises
    ------
    SettingsError
        Names every setting that is missing or weak; values are never shown.
    """
    try:
        return Settings(_env_file=env_file or os.environ.get("STIPT_ENV_FILE", ".env"))
    except ValidationError as error:
        problems = [
            f"STIPT_{str(item['loc'][0]).upper()} "
            + (
                "is missing"
                if item["type"] == "missing"
                else item["msg"].removeprefix("Value error, ")
            )
            for item in error.errors(include_input=False)
        ]
        hint = "run `stipt init` to write a .env with fresh keys"
        raise SettingsError(f"{'; '.join(problems)} ({hint})") from None


def fresh_env() -> str:
    """Return the text of a new ``.env`` with random keys."""
    return (
        "# Written by `stipt init`. Keep it out of version control and in your backups:\n"
        "# without STIPT_ENCRYPTION_KEYS stored tokens cannot be read.\n"
        f"STIPT_SECRET_KEY={secrets.token_urlsafe(48)}\n"
        "# To rotate: put a new key in front, keep the old one behind a comma.\n"
        f"STIPT_ENCRYPTION_KEYS={Fernet.generate_key().decode()}\n"
    )
