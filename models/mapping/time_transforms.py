"""Transforms of dates and times: each ends in RFC 3339 in UTC, a day, or a length."""

from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Annotated, Any, Literal

from msgspec import Meta

from models.event_types import EARLIEST
from models.mapping.budget import MappingError
from models.mapping.pipeline import Note, Terms, Transform, wrong_type
from models.mapping.time_formats import (
    ISO,
    ORDERS,
    ClockChange,
    Reading,
    format_flaw,
    instant_of,
    on_clock,
    order_of,
    read,
    says_offset,
    zone_of,
)
from models.mapping.value_transforms import Number

#: What becomes of an hour that a local clock shows twice, and of one that it never shows.
Ambiguous = Literal["reject", "first", "second"]
Missing = Literal["reject", "forward"]
Zone = Annotated[str, Meta(min_length=1, max_length=64)]
#: Days on which a spreadsheet starts to count; the first has a leap day too many in 1900.
SPREADSHEETS = {1900: datetime(1899, 12, 30), 1904: datetime(1904, 1, 1)}  # noqa: DTZ001
MOST_DAYS = 100_000
MOST_FORMATS = 20
SECONDS_A_DAY = 86_400
HOUR = timedelta(hours=1)
#: A longer time is read each time it is met.
LONGEST_KEPT = 40


class Written(Transform, frozen=True):
    """How dates and times are written: `formats`, tried in order, and those of a date order."""

    formats: tuple[str, ...] = (ISO,)
    order: Literal["dmy", "mdy", "ymd"] | None = None
    zone: Zone | None = None

    @property
    def all_formats(self) -> tuple[str, ...]:
        return self.formats + (ORDERS[self.order] if self.order else ())

    def reading(self, text: str, terms: Terms) -> Reading:
        """What stands there; every format that may have to be tried is a step."""
        return read(text.strip(), self.tried(terms))

    def tried(self, terms: Terms) -> tuple[str, ...]:
        formats = self.all_formats
        terms.budget.steps.charge(len(formats))
        return formats

    def flaw(self, tables: Collection[str]) -> str | None:  # noqa: ARG002
        if not 0 < len(self.formats) <= MOST_FORMATS:
            return f"Give one format, and at most {MOST_FORMATS}."
        for written in self.formats:
            wrong = format_flaw(written)
            if wrong:
                return f"'{written[:40]}': {wrong}"
        if len({order_of(written) for written in self.all_formats} - {None}) > 1:
            return "These formats disagree on the order of day and month, which would be a guess."
        return zone_flaw(self.zone) if self.zone is not None else None


class ToInstant(Written, tag="datetime", frozen=True):
    """An instant in UTC. A time without an offset is on the clock of `zone`.

    Hours that this clock showed twice or never are refused, or taken as declared with a note on
    their record: `ambiguous` ones for the first or the second time it showed them, `missing` ones
    as a clock has it that was not put forward.
    """

    ambiguous: Ambiguous = "reject"
    missing: Missing = "reject"

    def flaw(self, tables: Collection[str]) -> str | None:
        if self.zone is None and not all(map(says_offset, self.all_formats)):
            wanted = "Declare the 'zone' of times that have no offset, as in Europe/London."
            return super().flaw(tables) or wanted
        return super().flaw(tables)

    def of(self, value: Any, terms: Terms) -> str:
        if not isinstance(value, str):
            raise wrong_type(value, "a time as text; see excel_serial and epoch for numbers")
        formats = self.tried(terms)
        # When something was due, or written down, is often when it happened.
        find = _in_utc if len(value) <= LONGEST_KEPT else _in_utc.__wrapped__
        try:
            return find(value, formats, self.zone)
        except ClockChange as change:
            return as_declared(change, self.ambiguous, self.missing, terms).isoformat()


@lru_cache(maxsize=8192)
def _in_utc(text: str, formats: tuple[str, ...], zone: str | None) -> str:
    return instant_of(read(text.strip(), formats), zone).isoformat()


class ToDate(Written, tag="date", frozen=True):
    """A day; of an instant with an offset, the day on the clock of `zone`."""

    zone: Zone | None = "Europe/London"

    def of(self, value: Any, terms: Terms) -> str:
        if not isinstance(value, str):
            raise wrong_type(value, "a date as text; excel_serial before it takes numbers")
        reading = self.reading(value, terms)
        if reading.clock is None or reading.offset is None or self.zone is None:
            return reading.day.isoformat()
        return instant_of(reading, None).astimezone(zone_of(self.zone)).date().isoformat()


class ExcelSerial(Transform, tag="excel_serial", frozen=True):
    """Days counted by a spreadsheet, a part of a day being the time on the clock of `zone`."""

    zone: Zone
    system: Literal[1900, 1904] = 1900
    ambiguous: Ambiguous = "reject"
    missing: Missing = "reject"

    def flaw(self, tables: Collection[str]) -> str | None:  # noqa: ARG002
        return zone_flaw(self.zone)

    def of(self, value: Any, terms: Terms) -> str:
        days = Number().of(value, terms)
        if not 0 <= days < MOST_DAYS:
            raise MappingError("implausible_time", "Times from 2000 to 2099 are taken.")
        # A second is 0.0000116 of a day, and floats do not end on it.
        passed = timedelta(seconds=round(days * SECONDS_A_DAY))
        try:
            at = on_clock(SPREADSHEETS[self.system] + passed, self.zone)
        except ClockChange as change:
            at = as_declared(change, self.ambiguous, self.missing, terms)
        return at.isoformat()


class Epoch(Transform, tag="epoch", frozen=True):
    """Seconds or milliseconds since 1970, in UTC."""

    unit: Literal["s", "ms"] = "s"

    def of(self, value: Any, terms: Terms) -> str:
        number = Number().of(value, terms)
        milliseconds = round(number * 1000) if self.unit == "s" else round(number)
        if not 0 <= milliseconds < 10**13:
            raise MappingError("implausible_time", "Times from 2000 to 2099 are taken.")
        at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=milliseconds)
        return _checked(at).isoformat()


class HoursBetween(Transform, tag="hours_between", frozen=True):
    """Hours that passed between two instants with offsets, as a number.

    Between clock readings they would be wrong on the nights on which the clocks change.
    """

    def of(self, value: Any, terms: Terms) -> float:  # noqa: ARG002
        if not isinstance(value, list) or len(value) != 2:
            raise wrong_type(value, "a list of a start and an end")
        begins, ends = (_instant(part) for part in value)
        if ends < begins:
            raise MappingError("ends_before_start", "This ends before it starts.")
        return round((ends - begins) / HOUR, 4)


class SecondsSince2000(Transform, tag="seconds_since_2000", frozen=True):
    """An instant as a whole number: a version, where a source says only when a record changed."""

    def of(self, value: Any, terms: Terms) -> int:  # noqa: ARG002
        return (_instant(value) - EARLIEST) // timedelta(seconds=1)


def as_declared(
    change: ClockChange, ambiguous: Ambiguous, missing: Missing, terms: Terms
) -> datetime:
    """What the author of the mapping takes such an hour for, with a note; else it is refused."""
    at = change.instants.get(ambiguous if change.code == "ambiguous_time" else missing)
    if at is None:
        raise change
    taken = f"{change.what}; taken for {at:%H:%M} UTC, as the mapping declares."
    terms.notes.append(Note(change.code, taken))
    return at


def zone_flaw(zone: str) -> str | None:
    try:
        zone_of(zone)
    except (KeyError, ValueError, OSError):
        return f"'{zone}' is not a time zone; write it as in Europe/London."
    return None


def _instant(value: object) -> datetime:
    if not isinstance(value, str):
        raise wrong_type(value, "times as text")
    return instant_of(read(value.strip(), (ISO,)), None)


def _checked(at: datetime) -> datetime:
    if at < EARLIEST:
        raise MappingError("implausible_time", "Times from 2000 to 2099 are taken.")
    return at
