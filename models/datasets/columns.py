"""What a dataset is made of: columns, their types, what they say and what may be shown of them.

Knows no SQL and no format: views, files, descriptors and OData are all made to agree with this.
"""

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """Types that JSON, CSV, Parquet, Arrow, SQL and OData all have."""

    TEXT = "text"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    DATE = "date"
    INSTANT = "instant"


@dataclass(frozen=True, slots=True)
class Column:
    """One column, the same in every format.

    repeats : text of few different values, which is stored and written once for all its rows.
    is_count : how many there are of something that people can be behind; whole numbers from 0.
    whole : of a count, the column that it is a part of; what is left of that is a count too.
    share_of : of a number, the count that it is a share of; both parts of that are counts too.
    counts_when : a column and its words with which this is a count or a share; else derived.
    derived_from : counts of the row without which this must not be shown.
    decimals : to how many of them others see it.
    own_only : leaves for the provider's own staff alone.
    """

    name: str
    kind: Kind
    says: str
    unit: str = ""
    words: tuple[str, ...] = ()
    required: bool = False
    repeats: bool = True
    is_count: bool = False
    whole: str = ""
    share_of: str = ""
    counts_when: tuple[str, tuple[str, ...]] | None = None
    derived_from: tuple[str, ...] = ()
    decimals: int | None = None
    own_only: bool = False


@dataclass(frozen=True, slots=True)
class Dataset:
    """A flat table that leaves, row by row named by `row_id`.

    key : columns that together name a row, in the order in which rows stand.
    time : the column that the filters `month`, `from` and `to` go by.
    block : the first columns of the key; rows that share them add up to totals.
    lines : of the other columns of the key, those along which a block has rows and columns.
    totals_shown : the rows of a block are added up in another dataset that leaves too.
    others_see : a column and the words with which others see a row at all.
    charted : columns that a dashboard draws over time, and by which one.
    """

    name: str
    title: str
    says: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    time: str | None = None
    block: tuple[str, ...] = ()
    lines: tuple[tuple[str, ...], tuple[str, ...]] = ((), ())
    totals_shown: bool = False
    others_see: tuple[str, tuple[str, ...]] | None = None
    charted: tuple[tuple[str, ...], str] | None = None

    def column(self, name: str) -> Column:
        return next(column for column in self.columns if column.name == name)

    def has(self, name: str) -> bool:
        return any(column.name == name for column in self.columns)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)

    @property
    def filters(self) -> tuple[str, ...]:
        """Which filters it takes, besides `publication` and `audience`."""
        named = tuple(name for name in ("service", "strand") if self.has(name))
        return named + (("month", "from", "to") if self.time else ())

    @property
    def counts(self) -> tuple[Column, ...]:
        return tuple(column for column in self.columns if column.is_count)


class Shown(StrEnum):
    """What the column `disclosure` says of the counts of a row."""

    EXACT = "exact"
    ROUNDED = "rounded"
    HIDDEN = "hidden"


def text(name: str, says: str, *words: str, **more: object) -> Column:
    return Column(name, Kind.TEXT, says, words=words, **more)  # type: ignore[arg-type]


def integer(name: str, says: str, **more: object) -> Column:
    return Column(name, Kind.INTEGER, says, **more)  # type: ignore[arg-type]


def number(name: str, says: str, **more: object) -> Column:
    return Column(name, Kind.NUMBER, says, **more)  # type: ignore[arg-type]


def boolean(name: str, says: str, **more: object) -> Column:
    return Column(name, Kind.BOOLEAN, says, **more)  # type: ignore[arg-type]


def day(name: str, says: str, **more: object) -> Column:
    return Column(name, Kind.DATE, says, **more)  # type: ignore[arg-type]


def instant(name: str, says: str, **more: object) -> Column:
    return Column(name, Kind.INSTANT, says, **more)  # type: ignore[arg-type]


# Columns that several datasets have; a star joins by those that end in `_key`, `service`,
# `indicator` and `month_start` or `date`.
ROW_ID = text(
    "row_id", "Names the row for good, over all publications.", required=True, repeats=False
)
UPDATED_AT = instant("updated_at", "When what the row says was last made.", required=True)
SERVICE = text("service", "CQC location id; joins `services`.", required=True)
MONTH_START = day("month_start", "First day of the month; joins `calendar`.", required=True)
TEAM = text("team", "Team; null where the evidence names none.")
TEAM_KEY = text("team_key", "Service and team; joins `teams`.")
AREA = text("area", "Service line or unit group.")
INDICATOR = text("indicator", "What is counted; joins `indicators`.", required=True)
DISCLOSURE = text(
    "disclosure",
    "Whether counts of the row are as counted, rounded to 5, or not to be shown.",
    *Shown,
    required=True,
)
PROVISIONAL = boolean("provisional", "Late evidence is still expected.", required=True)
