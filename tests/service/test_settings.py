"""Settings are checked before anything starts, and secrets are never shown."""

from __future__ import annotations

import os
import traceback
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from pydantic import SecretStr

from integration.security import CannotDecrypt, Vault, hash_password, password_matches
from integration.settings import SettingsError, fresh_env, load

_STRONG = "pR7-kQ2_vX9mT4wZ8bN3cL6yH1sD5fGj"


@pytest.fixture(autouse=True)
def _empty_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("STIPT_"):
            monkeypatch.delenv(name)


def written(folder: Path, *lines: str) -> Path:
    """A settings file with these lines."""
    path = folder / ".env"
    path.write_text("\n".join(lines))
    return path


def refusal(env: Path) -> str:
    """Everything that the refusal of a file says, its traceback included."""
    with pytest.raises(SettingsError) as refused:
        load(env)
    return "".join(traceback.format_exception(refused.value))


def test_a_fresh_file_is_complete_and_each_one_is_its_own(tmp_path: Path) -> None:
    one = load(written(tmp_path, fresh_env()))
    other = load(written(tmp_path, fresh_env()))
    assert one.secret_key != other.secret_key
    assert one.encryption_keys != other.encryption_keys
    assert one.database.startswith("sqlite:///")


def test_missing_keys_are_all_named(tmp_path: Path) -> None:
    told = refusal(tmp_path / "nowhere.env")
    assert "STIPT_SECRET_KEY is missing" in told
    assert "STIPT_ENCRYPTION_KEYS is missing" in told
    assert "stipt init" in told


@pytest.mark.parametrize(
    ("secret", "keys", "says"),
    [
        pytest.param("short-but-Varied-1", None, "SECRET_KEY is weak", id="short secret"),
        pytest.param("ab" * 30, None, "SECRET_KEY is weak", id="long but typed by hand"),
        pytest.param("", None, "SECRET_KEY is weak", id="empty secret"),
        pytest.param(_STRONG, "not-a-fernet-key-0987654321", "ENCRYPTION_KEYS", id="no key"),
        pytest.param(_STRONG, "A" * 43 + "=", "not random", id="key of one letter"),
        pytest.param(_STRONG, "", "ENCRYPTION_KEYS", id="no keys at all"),
        pytest.param(
            _STRONG,
            Fernet.generate_key().decode() + ",x-damaged-second-key",
            "ENCRYPTION_KEYS",
            id="one good and one damaged key",
        ),
    ],
)
def test_a_weak_key_is_named_and_never_shown(
    tmp_path: Path, secret: str, keys: str | None, says: str
) -> None:
    keys = Fernet.generate_key().decode() if keys is None else keys
    told = refusal(written(tmp_path, f"STIPT_SECRET_KEY={secret}", f"STIPT_ENCRYPTION_KEYS={keys}"))
    assert says in told
    for value in (secret, *keys.split(",")):
        assert not value or value not in told


def test_a_mistyped_number_is_refused_by_name(tmp_path: Path) -> None:
    told = refusal(written(tmp_path, fresh_env(), "STIPT_REQUEST_TIMEOUT_S=0"))
    assert "STIPT_REQUEST_TIMEOUT_S" in told


def test_the_environment_goes_before_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STIPT_QUEUE", "postgres")
    assert load(written(tmp_path, fresh_env(), "STIPT_QUEUE=sqlite")).queue == "postgres"


def test_settings_hide_their_secrets_when_printed(tmp_path: Path) -> None:
    settings = load(written(tmp_path, fresh_env()))
    shown = f"{settings!r} {settings} {settings.model_dump()} {settings.model_dump_json()}"
    assert settings.secret_key.get_secret_value() not in shown
    assert settings.encryption_keys[0].get_secret_value() not in shown


def new_key() -> SecretStr:
    """A Fernet key."""
    return SecretStr(Fernet.generate_key().decode())


def test_what_is_stored_is_not_the_secret() -> None:
    vault = Vault([new_key()])
    stored = vault.encrypt("token-us6")
    assert "token" not in stored
    assert vault.encrypt("token-us6") != stored
    assert vault.decrypt(stored) == "token-us6"


def test_keys_rotate_without_losing_a_secret() -> None:
    old, new = new_key(), new_key()
    stored = Vault([old]).encrypt("token-us6")
    both = Vault([new, old])
    assert both.decrypt(stored) == "token-us6"
    rotated = both.rotate(stored)
    assert Vault([new]).decrypt(rotated) == "token-us6"
    with pytest.raises(CannotDecrypt):
        Vault([old]).decrypt(rotated)


@pytest.mark.parametrize("damage", ["", "x", "gAAAAA-cut"])
def test_a_secret_that_no_key_opens_is_a_clear_error(damage: str) -> None:
    with pytest.raises(CannotDecrypt, match="STIPT_ENCRYPTION_KEYS"):
        Vault([new_key()]).decrypt(damage)


def test_dropping_the_old_key_too_early_is_a_clear_error() -> None:
    stored = Vault([new_key()]).encrypt("token-us6")
    with pytest.raises(CannotDecrypt, match="put the earlier key back"):
        Vault([new_key()]).decrypt(stored)


def test_a_password_is_kept_as_argon2id_with_a_salt() -> None:
    hashed = hash_password("correct horse")
    assert hashed.startswith("$argon2id$")
    assert hash_password("correct horse") != hashed
    assert password_matches("correct horse", hashed)
    assert not password_matches("wrong horse", hashed)
    assert not password_matches("correct horse", "damaged")


@pytest.mark.parametrize(
    ("template", "public"),
    [
        pytest.param("http://127.0.0.1:9/{shop}", "https://stipt.shop.example", id="in production"),
        pytest.param("https://evil.example/{shop}", "http://127.0.0.1:8000", id="elsewhere"),
        pytest.param("http://127.0.0.1:9/", "http://127.0.0.1:8000", id="without the store"),
    ],
)
def test_stores_are_looked_for_elsewhere_on_a_machine_of_ones_own_only(
    tmp_path: Path, template: str, public: str
) -> None:
    lines = (f"STIPT_SHOPIFY_URL_TEMPLATE={template}", f"STIPT_PUBLIC_URL={public}")
    said = refusal(written(tmp_path, fresh_env(), *lines))
    assert "STIPT_SHOPIFY_URL_TEMPLATE is for tests" in said
    local = (
        lines[0].replace(template, "http://127.0.0.1:9/{shop}"),
        "STIPT_PUBLIC_URL=http://[::1]",
    )
    assert load(written(tmp_path, fresh_env(), *local)).shopify_url_template is not None


def test_two_secrets_of_shopify_are_kept_in_their_order(tmp_path: Path) -> None:
    env = written(tmp_path, fresh_env(), "STIPT_SHOPIFY_CLIENT_SECRETS=new, old")
    found = load(env).shopify_client_secrets
    assert found is not None
    assert [secret.get_secret_value() for secret in found] == ["new", "old"]
