"""Bytes of a file as text: which encoding it is in is settled once, and what is not in it shows.

A byte order mark decides; then what was declared; else the first bytes that are not ASCII, which
either are UTF-8 or are not. What cannot be read becomes half of a character (a lone surrogate),
so that one bad byte costs its row and not the file.
"""

import codecs
import re
from typing import Literal, NamedTuple

from models.incoming.refusals import Refused

Encoding = Literal["utf-8", "cp1252"]

#: What other files begin with, and what their sender has to do.
OTHER_FILES = (
    (b"PK\x03\x04", "This is a workbook (.xlsx or .ods) or an archive; save it as CSV UTF-8."),
    (b"\xd0\xcf\x11\xe0", "This is a workbook (.xls); save it as CSV UTF-8."),
    (b"\x1f\x8b", "This is compressed; send it with Content-Encoding: gzip, or unpacked."),
    (b"%PDF", "This is a PDF; export the data as CSV."),
    (codecs.BOM_UTF32_LE, "This is in UTF-32; save it as CSV UTF-8."),
    (codecs.BOM_UTF32_BE, "This is in UTF-32; save it as CSV UTF-8."),
)
NO_MARK = "This seems to be in UTF-16 without a byte order mark; save it as CSV UTF-8."
#: So many characters of UTF-16 at the start tell it from text with a stray U+0000.
TELLING = 8
HALF_A_CHARACTER = "\udc00"
_NOT_ASCII = re.compile(rb"[\x80-\xff]+")


class _Mark(NamedTuple):
    bytes: bytes
    encoding: str
    reported: str


_MARKS = (
    _Mark(codecs.BOM_UTF8, "utf-8", "utf-8-sig"),
    _Mark(codecs.BOM_UTF16_LE, "utf-16-le", "utf-16"),
    _Mark(codecs.BOM_UTF16_BE, "utf-16-be", "utf-16"),
)


class Decoding:
    """Turns blocks of one file into text; `reported` says in which encoding it was read."""

    def __init__(self, declared: Encoding | None = None) -> None:
        self.reported: str = declared or "utf-8"
        self._decoder = _decoder(declared) if declared else None
        self._started = False

    def text(self, block: bytes, *, last: bool) -> str:
        """The next block; the first has to be whole enough to hold what a file begins with.

        Raises
        ------
        Refused
            This is another kind of file.
        """
        if not self._started:
            self._started = True
            block = self._begin(block)
        if self._decoder is None:
            if block.isascii():
                return block.decode("ascii")
            self.reported = encoding_of(block, last=last)
            self._decoder = _decoder(self.reported)
        try:
            return self._decoder.decode(block, last)
        except UnicodeDecodeError:
            # Only UTF-16 of an odd number of bytes; all else that is wrong becomes surrogates.
            return self._decoder.decode(block[:-1], final=False) + HALF_A_CHARACTER

    def _begin(self, block: bytes) -> bytes:
        for start, advice in OTHER_FILES:
            if block.startswith(start):
                raise Refused("not_csv", "", advice)
        for mark in _MARKS:
            if block.startswith(mark.bytes):
                self.reported = mark.reported
                self._decoder = _decoder(mark.encoding)
                return block[len(mark.bytes) :]
        beginning = block[: 2 * TELLING]
        if len(beginning) == 2 * TELLING and any(
            half == bytes(TELLING) for half in (beginning[::2], beginning[1::2])
        ):
            raise Refused("not_csv", "", NO_MARK)
        return block


def encoding_of(block: bytes, *, last: bool) -> Encoding:
    """UTF-8, unless most of what is not ASCII cannot be that: `é` in Windows-1252 never is."""
    good = bad = 0
    for run in _NOT_ASCII.finditer(block):
        try:
            # A character that the end of the block cuts in two is none that is wrong.
            codecs.utf_8_decode(run[0], "strict", last or run.end() < len(block))
            good += 1
        except UnicodeDecodeError:
            bad += 1
    return "utf-8" if good >= bad else "cp1252"


def is_whole(text: str) -> bool:
    """Whether all of it could be read."""
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _decoder(encoding: str) -> codecs.IncrementalDecoder:
    errors = "surrogatepass" if encoding.startswith("utf-16") else "surrogateescape"
    return codecs.getincrementaldecoder(encoding)(errors)
