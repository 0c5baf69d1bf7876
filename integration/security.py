"""Secrets: tokens encrypted at rest with rotating keys, passwords hashed.

Sources: Fernet specification (cryptography documentation); argon2id parameters of RFC 9106 as
argon2-cffi's defaults give them.
"""

from __future__ import annotations

from collections.abc import Sequence

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from pydantic import SecretStr

_HASHER = PasswordHasher()


class CannotDecrypt(Exception):
    """No key at hand opens a stored secret: an old key was dropped too early."""


class Vault:
    """Encrypts with the first key, decrypts with any of them."""

    def __init__(self, keys: Sequence[SecretStr]) -> None:
        self._fernet = MultiFernet([Fernet(key.get_secret_value()) for key in keys])

    def encrypt(self, secret: str) -> str:
        """Return an encrypted text that only one of our keys opens.

        Examples
        --------
        >>> vault = Vault([SecretStr(Fernet.generate_key().decode())])
        >>> vault.decrypt(vault.encrypt("token-us6"))
        'token-us6'
        """
        return self._fernet.encrypt(secret.encode()).decode()

    def decrypt(self, token: str) -> str:
        """Return the secret.

        Raises
        ------
        CannotDecrypt
        """
        try:
            return self._fernet.decrypt(token.encode()).decode()
        except InvalidToken as error:
            raise CannotDecrypt(
                "a stored token cannot be opened with STIPT_ENCRYPTION_KEYS: put the earlier key "
                "back behind a comma, or connect Mailchimp again"
            ) from error

    def rotate(self, token: str) -> str:
        """Return the same secret under the first key.

        Raises
        ------
        CannotDecrypt
        """
        return self.encrypt(self.decrypt(token))


def hash_password(password: str) -> str:
    """Return an argon2id hash with its parameters and salt."""
    return _HASHER.hash(password)


def password_matches(password: str, hashed: str) -> bool:
    """Tell whether the password belongs to the hash; a damaged hash matches nothing."""
    try:
        return _HASHER.verify(hashed, password)
    except (VerificationError, InvalidHashError):
        return False
