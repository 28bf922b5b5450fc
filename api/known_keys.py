"""Keys accepted a moment ago, so that a busy sender does not cost a lookup for each request."""

import hashlib
import time
from collections import OrderedDict

from models.people import KeyHolder


class KnownKeys:
    """Bounded in number and age: a key ended elsewhere works here for at most that much longer.

    Refusals are never remembered, so a key works as soon as it is issued. The secret itself is
    not kept.
    """

    REMEMBERED_S = 30.0
    MOST = 10_000

    def __init__(self) -> None:
        self._known: OrderedDict[bytes, tuple[float, KeyHolder]] = OrderedDict()

    @staticmethod
    def digest(key_id: str, secret: str) -> bytes:
        return hashlib.sha256(f"{key_id}\x1f{secret}".encode()).digest()

    def find(self, digest: bytes) -> KeyHolder | None:
        known = self._known.get(digest)
        return known[1] if known is not None and time.monotonic() < known[0] else None

    def remember(self, digest: bytes, holder: KeyHolder) -> None:
        self._known.pop(digest, None)
        self._known[digest] = (time.monotonic() + self.REMEMBERED_S, holder)
        while len(self._known) > self.MOST:
            self._known.popitem(last=False)

    def forget(self, key_id: str) -> None:
        """The process that ends a key stops accepting it at once."""
        for digest, (_, holder) in list(self._known.items()):
            if holder.key_id == key_id:
                del self._known[digest]
