"""What the arguments of `breadth import` name: a file that can be sent, and whose table it is."""

import json
import re
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

from cli.calls import NotTaken

#: Smaller files are sent as they are: nobody waits for those.
COMPRESSED_FROM_BYTES: Final = 1 << 20
CHUNK_BYTES: Final = 256 << 10
GZIP: Final = b"\x1f\x8b"
WORKBOOKS: Final = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")


class Table(NamedTuple):
    """A file that can be sent: how large it is, and whether it is compressed already."""

    path: Path
    size: int
    compressed: bool

    def chunks(self, told: Callable[[bytes], None]) -> Iterator[bytes]:
        """The body of a request; the same bytes each time, so that it is known when it returns.

        `told` is given each chunk as it stands in the file.
        """
        packed = not self.compressed and self.size >= COMPRESSED_FROM_BYTES
        # Its header has neither a time nor a name.
        deflate = zlib.compressobj(1, zlib.DEFLATED, 31) if packed else None
        with self.path.open("rb") as file:
            while chunk := file.read(CHUNK_BYTES):
                told(chunk)
                sent = chunk if deflate is None else deflate.compress(chunk)
                if sent:
                    yield sent
        if deflate is not None:
            yield deflate.flush()

    @property
    def headers(self) -> dict[str, str]:
        packed = self.compressed or self.size >= COMPRESSED_FROM_BYTES
        return {"Content-Type": "text/csv"} | ({"Content-Encoding": "gzip"} if packed else {})


class Meant(NamedTuple):
    """Whose table it is: a connector, and the mapping to set it up by where it is not there."""

    code: str
    document: dict[str, Any] | None


def table_of(path: Path) -> Table:
    if not path.exists():
        raise NotTaken(f"there is no file {path}")
    if not path.is_file():
        raise NotTaken(f"{path} is not a file")
    with path.open("rb") as file:
        first = file.read(4)
    if first.startswith(WORKBOOKS):
        raise NotTaken(f"{path} is a workbook or an archive; save the sheet as CSV first")
    return Table(path, path.stat().st_size, first.startswith(GZIP))


def meant_by(mapping: str) -> Meant:
    """A path of a document, or a name; which of both it is can be seen."""
    path = Path(mapping)
    if path.suffix != ".json" and path.name == mapping:
        return Meant(mapping, None)
    try:
        document = json.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise NotTaken(f"there is no mapping document {path}") from None
    except ValueError as error:
        raise NotTaken(f"{path} is not JSON: {error}") from None
    if not isinstance(document, dict):
        raise NotTaken(f"{path} is not a mapping document: it has to be a JSON object")
    code = re.sub(r"[^a-z0-9]+", "-", path.stem.lower()).strip("-")[:63]
    if not code:
        raise NotTaken(f"the name of {path} has no letter to call a connector by")
    return Meant(code, document)
