"""API keys: made once, shown once, kept as hashes in the store of the tenant "".

A key is 256 random bits, so a plain SHA-256 of it cannot be guessed back; slow password hashes are
for what people think up.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Literal

from memgraft.core.errors import InvalidInput, NotFound
from memgraft.core.records import now
from memgraft.store.base import Document, Store

KIND = "key"
# That there was a key once: with the last one gone, a server does not open up again.
MADE = "keys-made"
Right = Literal["read", "write", "admin"]
RIGHTS: tuple[Right, ...] = ("read", "write", "admin")
# How long a key that was taken back may still be taken for good by another process.
REFRESH_SECONDS = 2.0
# How often secrets that nobody knows may make the server look again.
_AT_MOST = 0.1


@dataclass(frozen=True)
class Key:
    """What is known of a key; the key itself is not."""

    id: str
    name: str
    tenant: str
    rights: tuple[str, ...]
    # Requests a minute, and bytes of a request's body, where they are not the server's.
    rate: int | None = None
    size: int | None = None
    expires_at: str | None = None
    created_at: str = ""


_OWN = Key("own", "settings", "", RIGHTS)


class KeyRing:
    """The keys of a store.

    Args:
        root: the store of the tenant "".
        own_key: one that is given by the settings, good for everything in the tenant "".
        required: ask for a key even where none was ever made.
    """

    def __init__(self, root: Store, own_key: str = "", required: bool = False) -> None:
        self._root = root
        self._required = required or bool(own_key)
        self._own = _hashed(own_key) if own_key else None
        self._known: dict[str, Key] = {}
        self._read_at = float("-inf")

    def create(
        self,
        name: str,
        tenant: str = "",
        rights: Iterable[str] = RIGHTS,
        rate: int | None = None,
        size: int | None = None,
        expires_at: str | None = None,
    ) -> tuple[str, Key]:
        """A new key as (secret, what is kept of it). The secret is told this once."""
        chosen = tuple(right for right in RIGHTS if right in set(rights))
        if not chosen or set(rights) - set(RIGHTS):
            raise InvalidInput("no such rights", expected=", ".join(RIGHTS), got=repr(rights))
        key_id = secrets.token_hex(4)
        secret = f"mg-{key_id}-{secrets.token_urlsafe(32)}"
        key = Key(key_id, name, tenant, chosen, rate, size, expires_at, now())
        self._root.put_document(MADE, MADE, {})
        self._root.put_document(KIND, key_id, {**asdict(key), "hash": _hashed(secret)})
        self._read_at = float("-inf")
        return secret, key

    def list(self) -> list[Key]:
        """All keys, newest first."""
        return [_key(document) for document in self._root.documents(KIND)]

    def revoke(self, key_id: str) -> None:
        """Take a key back. Raises `NotFound`."""
        if not self._root.delete_document(KIND, key_id):
            raise NotFound("there is no such key", got=key_id, next_step="memgraft keys list")
        self._read_at = float("-inf")

    def find(self, secret: str) -> Key | None:
        """The key of this secret, unless it has expired or was taken back."""
        hashed = _hashed(secret)
        if self._is_own(hashed):
            return _OWN
        self._refresh()
        if hashed not in self._known:
            self._refresh(_AT_MOST)  # it may have been made this moment
        return self._living(hashed)

    def known(self, secret: str) -> Key | None:
        """The key of this secret as `find` gives it, if that needs no look into the store."""
        hashed = _hashed(secret)
        if self._is_own(hashed):
            return _OWN
        return self._living(hashed) if self._fresh() else None

    @property
    def open(self) -> bool:
        """True if no key is needed, and that needs no look into the store."""
        return not self._required and self._fresh()

    def needed(self) -> bool:
        """False where no key was ever made: then whoever reaches the server may use it."""
        if not self._required:
            self._refresh()
        return self._required

    def _is_own(self, hashed: str) -> bool:
        return self._own is not None and hmac.compare_digest(hashed, self._own)

    def _living(self, hashed: str) -> Key | None:
        key = self._known.get(hashed)
        return None if key and key.expires_at and key.expires_at < now() else key

    def _fresh(self, age: float = REFRESH_SECONDS) -> bool:
        return time.monotonic() - self._read_at < age

    def _refresh(self, age: float = REFRESH_SECONDS) -> None:
        moment = time.monotonic()
        if self._fresh(age):
            return
        self._known = {doc.body["hash"]: _key(doc) for doc in self._root.documents(KIND)}
        if self._root.document(MADE, MADE) is not None:
            self._required = True
        self._read_at = moment


def _key(document: Document) -> Key:
    values: dict[str, Any] = {k: v for k, v in document.body.items() if k != "hash"}
    return Key(**{**values, "rights": tuple(values["rights"])})


def _hashed(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
