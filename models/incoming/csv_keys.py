"""Ids for rows that have none: what a row says, and which of the rows that say it it is.

Two genuine rows that say the same survive as two, and the same file again, or one that has grown
at either end, gives the same ids. Order of columns, quotes, delimiter and encoding do not matter.
"""

import base64
import hashlib
from collections.abc import Sequence

import msgspec

PREFIX = "row-"
#: Of a digest, kept to tell rows apart: two of a million share it once in 10⁵ files, and then the
#: second has the number 2, which changes nothing.
KEPT_BYTES = 7

_encode = msgspec.json.Encoder(order="deterministic").encode


class RowKeys:
    """Keys of the rows of one file, in order; about 75 bytes of memory a row."""

    def __init__(self, columns: Sequence[str] = ()) -> None:
        self._columns = columns
        self._met: dict[int, int] = {}

    def of(self, cells: dict[str, str]) -> str:
        """The key of the next row; its blank cells are absent from `cells`."""
        said = (
            {name: cells[name] for name in self._columns if name in cells}
            if self._columns
            else cells
        )
        canonical = _encode(said)
        digest = hashlib.sha256(canonical).digest()
        short = int.from_bytes(digest[:KEPT_BYTES], "big")
        number = self._met[short] = self._met.get(short, 0) + 1
        if number > 1:
            digest = hashlib.sha256(canonical + b" %d" % number).digest()
        return PREFIX + base64.b32encode(digest[:16]).decode().rstrip("=").lower()
