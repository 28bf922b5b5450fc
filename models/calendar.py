"""Where a night is a night: bands, months and hours on the local clock of Europe/London.

Knows shift patterns and bank holidays only; nothing of events, services, cells or the database.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from importlib.metadata import version
from itertools import pairwise
from zoneinfo import ZoneInfo

from govuk_bank_holidays.bank_holidays import BankHolidays

from models.vocabulary import Band

LONDON = ZoneInfo("Europe/London")
ONE_DAY = timedelta(days=1)
ONE_MINUTE = timedelta(minutes=1)
SATURDAY = 5
#: London's clocks go forward and back at this instant of the day, in UTC.
CLOCKS_CHANGE = time(1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class ShiftPattern:
    """When days and nights start from a date on; a night lasts until the next day starts."""

    effective_from: date
    day_starts: time
    night_starts: time

    def __post_init__(self) -> None:
        if not self.day_starts < self.night_starts:
            raise ValueError("day_starts must be earlier than night_starts")
        for starts in (self.day_starts, self.night_starts):
            if starts.tzinfo or starts.second or starts.microsecond:
                raise ValueError("a shift starts on a whole minute of the local clock")


#: Holds for every date before the first pattern of a service.
DEFAULT_PATTERN = ShiftPattern(date.min, time(8), time(20))


@cache
def bank_holidays() -> frozenset[date]:
    """Bank holidays of England and Wales, from the copy inside the pinned package.

    Asking gov.uk instead would let the same evidence fall into other bands on another day.
    """
    calendar = BankHolidays(use_cached_holidays=True)
    listed = calendar.get_holidays(division=BankHolidays.ENGLAND_AND_WALES)
    return frozenset(holiday["date"] for holiday in listed)


#: Stored with every snapshot; bank holidays after its date are not known to this version.
CALENDAR_VERSION = (
    f"{BankHolidays.ENGLAND_AND_WALES}/{version('govuk-bank-holidays')}/{max(bank_holidays())}"
)


def local_date(at: datetime) -> date:
    return _local(at).date()


def month_of(at: datetime) -> date:
    """First day of the local month of the instant itself, not of the date its night started on."""
    return _local(at).date().replace(day=1)


def add_months(month: date, count: int) -> date:
    years, months = divmod(month.month - 1 + count, 12)
    return date(month.year + years, months + 1, 1)


def months_between(first: date, last: date) -> list[date]:
    """Firsts of all months from that of `first` to that of `last`, both included."""
    count = (last.year - first.year) * 12 + last.month - first.month + 1
    return [add_months(first, number) for number in range(count)]


def days_of(month: date) -> list[date]:
    """All days of a month, given by its first."""
    return [month + timedelta(days=n) for n in range((add_months(month, 1) - month).days)]


def month_bounds(month: date) -> tuple[datetime, datetime]:
    """Instants at which the local month starts and ends, in UTC; the end is outside."""
    return _midnight(month.replace(day=1)), _midnight(add_months(month, 1))


def band_of(at: datetime, patterns: Sequence[ShiftPattern]) -> Band:
    """Band of an instant, by what the local clock reads; called once for each event."""
    local = _local(at)
    day, clock = local.date(), local.time()
    pattern = _in_force(day, patterns)
    if clock < pattern.day_starts:
        return Band.WEEKEND_NIGHT if _is_weekend(day - ONE_DAY) else Band.WEEKDAY_NIGHT
    if clock < pattern.night_starts:
        return Band.WEEKEND_DAY if _is_weekend(day) else Band.WEEKDAY_DAY
    return Band.WEEKEND_NIGHT if _is_weekend(day) else Band.WEEKDAY_NIGHT


def date_of_shift(at: datetime, patterns: Sequence[ShiftPattern]) -> date:
    """Local date on which the day or the night of an instant started."""
    local = _local(at)
    day = local.date()
    return day - ONE_DAY if local.time() < _in_force(day, patterns).day_starts else day


def band_of_span(start: datetime, end: datetime, patterns: Sequence[ShiftPattern]) -> Band:
    """Band holding most of the hours that really passed, however many they are.

    On a tie the band that came first, so the starting one whenever it is among the tied.
    """
    # Two instants of one zone would be subtracted by their clock readings, hence UTC.
    begins, ends = _local(start).astimezone(UTC), _local(end).astimezone(UTC)
    if ends < begins:
        raise ValueError("a span cannot end before it starts")
    held = {band_of(begins, patterns): timedelta()}
    for band, lasted in _pieces(begins, ends, patterns):
        held[band] = held.get(band, timedelta()) + lasted
    return max(held, key=held.__getitem__)


def band_minutes(day: date, patterns: Sequence[ShiftPattern]) -> dict[Band, int]:
    """Minutes of a local day in each band; together 1440, in March 1380 once, in October 1500."""
    minutes: Counter[Band] = Counter()
    for band, lasted in _pieces(_midnight(day), _midnight(day + ONE_DAY), patterns):
        minutes[band] += lasted // ONE_MINUTE
    return dict(minutes)


def _local(at: datetime) -> datetime:
    if at.tzinfo is None:
        raise ValueError("an instant needs an offset")
    return at.astimezone(LONDON)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time.min, LONDON).astimezone(UTC)


def _is_weekend(day: date) -> bool:
    return day.weekday() >= SATURDAY or day in bank_holidays()


def _in_force(day: date, patterns: Sequence[ShiftPattern]) -> ShiftPattern:
    chosen = DEFAULT_PATTERN
    for pattern in patterns:
        if chosen.effective_from <= pattern.effective_from <= day:
            chosen = pattern
    return chosen


def _pieces(
    begins: datetime, ends: datetime, patterns: Sequence[ShiftPattern]
) -> Iterator[tuple[Band, timedelta]]:
    """Cut the time from `begins` to `ends` (UTC) wherever the band may change.

    A cut where nothing changes is harmless, a missing one is not: a shift that starts in the hour
    that October repeats is met twice, and one in the hour that March skips at the change itself.
    """
    cuts = {begins, ends}
    day, last = local_date(begins), local_date(ends)
    while day <= last:
        cuts.add(datetime.combine(day, CLOCKS_CHANGE))
        pattern = _in_force(day, patterns)
        for starts in (pattern.day_starts, pattern.night_starts):
            for fold in (0, 1):
                clock = datetime.combine(day, starts.replace(fold=fold), LONDON)
                cuts.add(clock.astimezone(UTC))
        day += ONE_DAY
    edges = sorted(cut for cut in cuts if begins <= cut <= ends)
    for edge, following in pairwise(edges):
        yield band_of(edge, patterns), following - edge
