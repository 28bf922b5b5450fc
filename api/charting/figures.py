"""What a chart is drawn from: frozen content, and the months and looks that it names beside it."""

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, NamedTuple

from models.catalogue import Indicator
from models.vocabulary import Level, Strand


class MonthLevel(NamedTuple):
    """Sums of one indicator in one segment; the month is the last where it is of a window.

    x, n : as in a cell, `n` of a rate in its `per`. `level` alone is known of a frozen look.
    """

    segment: str
    month: str
    level: float
    x: float | None
    n: float | None
    squares: float | None


class Look(NamedTuple):
    """What the newest conclusion of a month says of the gap between segments."""

    as_of: str
    gap: dict[str, Any]
    provisional: bool


class ChecksOn(NamedTuple):
    """Checks made on a weekday, 1 to 7, in a band, '' where they speak of no time."""

    weekday: int
    band: str
    events: int


@dataclass(frozen=True, slots=True)
class Figures:
    """A strand's content and what was asked. `months_of_windows`: levels are of rolling windows."""

    service: str
    name: str
    strand: Strand
    content: dict[str, Any]
    as_of: str
    windows: dict[str, Any]
    programme: dict[str, Any] | None
    known_at: datetime | None = None
    segment: str | None = None
    indicator: Indicator | None = None
    indicators: dict[str, Indicator] = field(default_factory=dict)
    exposure: str = "resident-days"
    months: tuple[MonthLevel, ...] = ()
    months_of_windows: bool = False
    looks: tuple[Look, ...] = ()
    checks: tuple[ChecksOn, ...] = ()

    @property
    def segments(self) -> list[dict[str, Any]]:
        """All of them, or the one that was asked for."""
        found: list[dict[str, Any]] = self.content["segments"]
        return [each for each in found if self.segment in {None, each["code"]}]

    @property
    def provisional(self) -> bool:
        breadth = self.content["breadth"]
        return breadth is not None and bool(breadth["provisional"])

    @property
    def level(self) -> Level:
        return Level(self.content["verdict"]["level"])

    def gap_of(self, segment: dict[str, Any]) -> dict[str, Any] | None:
        """What the view says of the indicator in a segment; None without evidence."""
        code = self.indicator and self.indicator.code
        return next((each for each in segment["gaps"] if each["indicator"] == code), None)

    def chart_of(self, segment: dict[str, Any]) -> dict[str, Any] | None:
        """Its frozen control chart; there is one only where something was flagged."""
        code = self.indicator and self.indicator.code
        return next((each for each in segment["charts"] if each["indicator"] == code), None)


def months_back(as_of: str, count: int) -> list[str]:
    """So many months, the last of them `as_of`."""
    last = int(as_of[:4]) * 12 + int(as_of[5:7]) - 1
    return [f"{each // 12:04}-{each % 12 + 1:02}" for each in range(last - count + 1, last + 1)]


def month_date(month: str) -> date:
    return date(int(month[:4]), int(month[5:7]), 1)
