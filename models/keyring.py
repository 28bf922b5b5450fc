"""Every key is derived here from the one master secret; the secret itself goes no further."""

import base64
import hashlib
import hmac
import os
from functools import lru_cache
from uuid import UUID

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

#: Raised when pseudonyms are derived anew; it is part of each pseudonym.
PSEUDONYM_VERSION = 1


class Keyring:
    """Keys of one installation: key hashing, pseudonyms and text per provider, cursors."""

    def __init__(self, master: str) -> None:
        self._master = master.encode()
        self.pepper = self._derive("api-keys")
        self.cursors = self._derive("cursors")

    def _derive(self, purpose: str) -> bytes:
        return HKDF(algorithm=SHA256(), length=32, salt=b"breadth", info=purpose.encode()).derive(
            self._master
        )

    def hash_secret(self, secret: str) -> bytes:
        """256 random bits need no slow hash; the pepper makes a stolen table useless."""
        return hmac.digest(self.pepper, secret.encode(), hashlib.sha256)

    def pseudonyms(self, provider: UUID) -> "Pseudonyms":
        return Pseudonyms(self._derive(f"pseudonyms/{PSEUDONYM_VERSION}/{provider}"))

    def texts(self, provider: UUID) -> AESGCM:
        """Cipher for free text of one provider; the nonce stands before the ciphertext."""
        return AESGCM(self._derive(f"text/{provider}"))

    def requests(self, provider: UUID) -> bytes:
        """Secret for hashes of what one provider sent, so that nobody finds it by guessing."""
        return self._derive(f"requests/{provider}")

    def answers(self, provider: UUID) -> "Sealer":
        """For answers that are kept to be repeated; some of them show a secret."""
        return Sealer(self._derive(f"answers/{provider}"))

    def bodies(self, provider: UUID) -> "Sealer":
        """For what platforms sent, as it arrived."""
        return Sealer(self._derive(f"bodies/{provider}"))

    def connectors(self, provider: UUID) -> "Sealer":
        """For the secrets with which platforms sign."""
        return Sealer(self._derive(f"connectors/{provider}"))

    def endpoints(self, provider: UUID) -> "Sealer":
        """For the secrets with which messages to endpoints are signed."""
        return Sealer(self._derive(f"endpoints/{provider}"))

    def sign(self, payload: bytes) -> bytes:
        return hmac.digest(self.cursors, payload, hashlib.sha256)[:16]


class Sealer:
    """Encrypts for one provider and one purpose; the nonce stands before the ciphertext.

    `place` says where the ciphertext belongs: moved elsewhere it cannot be opened.
    """

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)

    def seal(self, plain: bytes, place: str) -> bytes:
        nonce = os.urandom(12)
        return nonce + self._cipher.encrypt(nonce, plain, place.encode())

    def open(self, sealed: bytes, place: str) -> bytes:
        return self._cipher.decrypt(sealed[:12], sealed[12:], place.encode())


class Pseudonyms:
    """The same person gives the same token within a provider and an unlinkable one elsewhere."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self.of = lru_cache(maxsize=50_000)(self._of)

    def _of(self, kind: str, identifier: str) -> str:
        """Token of an identifier; case and spaces do not matter, as in a written NHS number."""
        normal = "".join(identifier.split()).casefold()
        digest = hmac.digest(self._key, f"{kind}\x1f{normal}".encode(), hashlib.sha256)
        token = base64.b32encode(digest).decode().lower()[:26]
        return f"p{PSEUDONYM_VERSION}_{token}"
