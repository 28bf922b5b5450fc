"""Dates and times as other systems write them, read by declared formats and never guessed.

A format is literal text and directives as of `strptime`, read once from left to right: nothing
backtracks and no locale matters. A time on the local clock that the clock skips or shows twice is
refused, since only its sender can know which hour was meant.
"""

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from models.event_types import EARLIEST, LATEST
from models.mapping.budget import MappingError

ISO = "iso"
LONGEST_FORMAT = 60
#: What a directive reads, and from how many to how many digits.
NUMBERS: Mapping[str, tuple[str, int, int]] = {
    "d": ("day", 1, 2),
    "m": ("month", 1, 2),
    "Y": ("year", 4, 4),
    "y": ("year", 2, 2),
    "H": ("hour", 1, 2),
    "I": ("hour", 1, 2),
    "M": ("minute", 1, 2),
    "S": ("second", 1, 2),
}
MONTHS = (
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
)
MONTH_NUMBERS = {month[:3]: number for number, month in enumerate(MONTHS, start=1)}
#: Words for offsets that exports of British systems write.
OFFSETS = {"z": 0, "utc": 0, "gmt": 0, "bst": 60}
FURTHEST_OFFSET = 14 * 60
#: What a date order stands for: numbers with one of three separators, with or without a time.
ORDERS: Mapping[str, tuple[str, ...]] = {
    order: tuple(
        separator.join(f"%{part}" for part in parts) + clock
        for separator in "/-."
        for clock in ("", " %H:%M", " %H:%M:%S")
    )
    for order, parts in (("dmy", "dmY"), ("mdy", "mdY"), ("ymd", "Ymd"))
}
KNOWN = frozenset((*NUMBERS, "b", "B", "p", "z"))
DIRECTIVES = "%d %m %b %B %y %Y %H %I %M %S %p %z"
NO_ZONE = "This time has no offset; declare the zone that its clock is in, as in Europe/London."


class ClockChange(MappingError):
    """The hour that a clock skips or repeats, and what it can be taken for by its author's word."""

    def __init__(self, code: str, what: str, advice: str, instants: Mapping[str, datetime]) -> None:
        super().__init__(code, f"{what}; {advice}.")
        self.what, self.instants = what, instants


class Reading(NamedTuple):
    """What stands there: a day, and perhaps a time and an offset."""

    day: date
    clock: time | None = None
    offset: timedelta | None = None


def format_flaw(written: str) -> str | None:
    """Why a format cannot be used; None if it can."""
    if written == ISO:
        return None
    names = [piece[1:] for piece in _pieces(written) if piece.startswith("%")]
    said = [_what(name) for name in names]
    unknown = [name for name in names if name not in KNOWN]
    missing = [what for what in ("day", "month", "year") if what not in said]
    halves = [name for name in names if name in {"I", "p"}]
    flaws = (
        (len(written) > LONGEST_FORMAT, f"A format has at most {LONGEST_FORMAT} characters."),
        (unknown, f"'%{''.join(unknown[:1])}' is not known; use iso, or {DIRECTIVES}."),
        (len(set(said)) < len(said), "A format says each part of a date and time once."),
        (missing, f"This format says no {' and no '.join(missing)}."),
        (halves not in ([], ["I", "p"]), "%p (am or pm) stands after %I, and neither alone."),
        ("minute" in said and "hour" not in said, "A format with minutes says the hour too."),
        ("z" in names and names[-1] != "z", "%z, the offset, stands at the end."),
    )
    return next((sentence for wrong, sentence in flaws if wrong), None)


def order_of(written: str) -> str | None:
    """In which order a format has day and month as numbers; None where nothing can be mistaken."""
    said = [piece[1] for piece in _pieces(written) if piece in {"%d", "%m", "%y", "%Y"}]
    if written == ISO or said[:1] == ["Y"] or not {"d", "m"} <= set(said):
        return None
    # A year of two digits in front can be mistaken for a day, one behind cannot.
    return "".join(name for name in said if name in {"d", "m"} or name == said[0])


def says_offset(written: str) -> bool:
    """Whether a format can say it; of ISO 8601 it is known only when a time is read."""
    return written == ISO or written.endswith("%z")


def read(text: str, formats: tuple[str, ...]) -> Reading:
    for written in formats:
        found = _read_iso(text) if written == ISO else _read(text, written)
        if found is not None:
            return found
    raise MappingError(
        "invalid_time", f"'{text[:40]}' is in none of the formats {', '.join(formats)[:200]}."
    )


def instant_of(reading: Reading, zone: str | None) -> datetime:
    """The instant in UTC; hours that a local clock skips or repeats are refused."""
    if reading.clock is None:
        raise MappingError("invalid_time", "This is a day; the time of day is missing.")
    local = datetime.combine(reading.day, reading.clock)
    if reading.offset is not None:
        at = _plausible(local) - reading.offset
        return _plausible(at).replace(tzinfo=UTC)
    if zone is None:
        raise MappingError("naive_time", NO_ZONE)
    return on_clock(local, zone)


def on_clock(local: datetime, zone: str) -> datetime:
    """The one instant at which the clock of a zone shows this."""
    where = zone_of(zone)
    first = _plausible(local).replace(tzinfo=where, fold=0)
    second = first.replace(fold=1)
    if first.utcoffset() == second.utcoffset():
        return first.astimezone(UTC)
    shown = f"{local:%H:%M} on {local.day} {MONTHS[local.month - 1].title()} {local.year}"
    if first.astimezone(UTC).astimezone(where).replace(tzinfo=None) == local:
        raise ClockChange(
            "ambiguous_time",
            f"The clock of {zone} showed {shown} twice",
            "send the offset, or the time in UTC",
            {"first": first.astimezone(UTC), "second": second.astimezone(UTC)},
        )
    raise ClockChange(
        "missing_time",
        f"The clock of {zone} never showed {shown}",
        "it went forward that hour",
        # What a clock showed that nobody had put forward.
        {"forward": first.astimezone(UTC)},
    )


@lru_cache(maxsize=1024)
def zone_of(name: str) -> ZoneInfo:
    """A zone, kept: the library itself keeps eight and reads the others from their files anew."""
    return ZoneInfo(name)


def _plausible(at: datetime) -> datetime:
    if not EARLIEST.year <= at.year < LATEST.year:
        raise MappingError("implausible_time", "Times from 2000 to 2099 are taken.")
    return at


def _read_iso(text: str) -> Reading | None:
    """Of ISO 8601 only what names year, month and day, with a time to the minute or without."""
    if not (text.isascii() and len(text) >= 10 and text[4] == text[7] == "-"):
        return None
    try:
        if len(text) == 10:
            return Reading(date.fromisoformat(text))
        if len(text) < 16 or text[10] not in "T ":
            return None
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return Reading(at.date(), at.time(), at.utcoffset())


@lru_cache(maxsize=1024)
def _pieces(written: str) -> tuple[str, ...]:
    """Directives as `%d`; all else character by character."""
    rest = iter(written)
    return tuple(one + next(rest, "") if one == "%" else one for one in rest)


def _what(name: str) -> str:
    if name in NUMBERS:
        return NUMBERS[name][0]
    return {"b": "month", "B": "month"}.get(name, name)


def _read(text: str, written: str) -> Reading | None:
    pattern, names = _compiled(written)
    matched = pattern.fullmatch(text)
    if matched is None:
        return None
    parts: dict[str, int] = {}
    for name, said in zip(names, matched.groups(), strict=True):
        if name in NUMBERS:
            parts[NUMBERS[name][0]] = int(said) + (2000 if name == "y" else 0)
        elif not _noted(name, said.lower(), parts):
            return None
    return _reading(parts)


@lru_cache(maxsize=1024)
def _compiled(written: str) -> tuple[re.Pattern[str], tuple[str, ...]]:
    """A format as a pattern that never takes anything back, and what its groups are."""
    pieces = _pieces(written)
    pattern = "".join(map(_pattern, pieces))
    return (
        re.compile(pattern, re.ASCII | re.DOTALL),
        tuple(piece[1:] for piece in pieces if piece[1:] in KNOWN),
    )


def _pattern(piece: str) -> str:
    name = piece[1:]
    if name in NUMBERS:
        _, least, most = NUMBERS[name]
        return f"([0-9]{{{least},{most}}}+)"
    if name in {"b", "B"}:
        words = "|".join(f"{month}|{month[:3]}" for month in MONTHS)
        return f"((?>(?i:{words})))"
    if name == "p":
        return "([aApP][mM])"
    if name == "z":
        return "(.*+)"
    return re.escape(piece)


def _noted(name: str, word: str, parts: dict[str, int]) -> bool:
    """Whether a word can be a month, half of a day or an offset; noted as a number if so."""
    if name in {"b", "B"}:
        parts["month"] = MONTH_NUMBERS[word[:3]]
    elif name == "p":
        if not 1 <= parts["hour"] <= 12:
            return False
        parts["hour"] = parts["hour"] % 12 + (12 if word == "pm" else 0)
    else:
        minutes = _offset_minutes(word)
        if minutes is None:
            return False
        parts["offset"] = minutes
    return True


def _reading(parts: dict[str, int]) -> Reading | None:
    offset = timedelta(minutes=parts["offset"]) if "offset" in parts else None
    try:
        day = date(parts["year"], parts["month"], parts["day"])
        if "hour" not in parts:
            return Reading(day, None, offset)
        clock = time(parts["hour"], parts.get("minute", 0), parts.get("second", 0))
    except ValueError:
        return None
    return Reading(day, clock, offset)


def _offset_minutes(text: str) -> int | None:
    if text in OFFSETS:
        return OFFSETS[text]
    sign, digits = text[:1], text[1:].replace(":", "", 1)
    if sign not in {"+", "-"} or len(digits) != 4 or not (digits.isascii() and digits.isdigit()):
        return None
    ahead = int(digits[:2]) * 60 + int(digits[2:])
    if ahead > FURTHEST_OFFSET:
        return None
    return -ahead if sign == "-" else ahead
