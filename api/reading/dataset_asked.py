"""What is asked of a dataset: which rows, for whom, in which format."""

import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Annotated

import msgspec
from fastapi import Query

from api.problems import Problem
from api.reading.asked import month_asked, refuse
from models.calendar import add_months, local_date
from models.datasets import Dataset
from models.disclosure import Audience
from models.vocabulary import Strand


class Format(StrEnum):
    """Names for `?format=`, in the order in which equals are preferred."""

    JSON = "json"
    NDJSON = "ndjson"
    CSV = "csv"
    PARQUET = "parquet"
    ARROW = "arrow"


MEDIA = {
    Format.JSON: "application/json",
    Format.NDJSON: "application/x-ndjson",
    Format.CSV: "text/csv",
    Format.PARQUET: "application/vnd.apache.parquet",
    Format.ARROW: "application/vnd.apache.arrow.stream",
}
ENDING = {Format.ARROW: "arrows"}

MONTH = re.compile(r"\d{4}-\d{2}", re.ASCII)
MILLISECONDS = re.compile(r"\d{9,14}", re.ASCII)

ServiceAsked = Annotated[
    str | None, Query(max_length=200, description="Rows of this service, by the id it has today.")
]
StrandAsked = Annotated[Strand | None, Query(description="Rows of this strand.")]
MonthAsked = Annotated[
    str | None, Query(description="Rows of this month, `YYYY-MM`.", examples=["2026-09"])
]
FromAsked = Annotated[
    str | None,
    Query(
        alias="from",
        max_length=40,
        description="Rows from then on: month, day, instant, or milliseconds since 1970.",
        examples=["2026-01"],
    ),
]
ToAsked = Annotated[
    str | None,
    Query(alias="to", max_length=40, description="Rows up to then, itself among them."),
]
FormatAsked = Annotated[Format | None, Query(description="Stands above `Accept`.")]
AudienceAsked = Annotated[
    Audience | None,
    Query(description="`others`: as it leaves the provider, small counts hidden, others rounded."),
]
PublicationAsked = Annotated[
    int | None,
    Query(
        ge=1,
        le=2**31 - 1,
        description="Number of a publication of the last day; by default the newest.",
    ),
]


@dataclass(frozen=True, slots=True)
class Selection:
    """Which rows; all of them where nothing is said."""

    service: str | None = None
    strand: Strand | None = None
    first: date | None = None
    last: date | None = None

    def digest(self, *more: object) -> str:
        """Names the question, for tags and cursors."""
        said = [self.service, self.strand, self.first, self.last, *map(str, more)]
        return hashlib.sha256(msgspec.json.encode(said)).hexdigest()[:24]


def selection_of(
    dataset: Dataset,
    service: str | None,
    strand: Strand | None,
    month: str | None,
    begins: str | None,
    ends: str | None,
) -> Selection:
    """Check the filters against what the dataset has. 422 for one that it does not have."""
    given = {"service": service, "strand": strand, "month": month, "from": begins, "to": ends}
    for name, value in given.items():
        if value is not None and name not in dataset.filters:
            raise refuse(name, "no_such_filter", f"'{dataset.name}' has no column for this filter.")
    if month is not None:
        if begins is not None or ends is not None:
            raise refuse("month", "two_spans", "Send either 'month', or 'from' and 'to'.")
        begins = ends = month
    first = None if begins is None else _day(dataset, "from", begins, is_end=False)
    last = None if ends is None else _day(dataset, "to", ends, is_end=True)
    if first is not None and last is not None and first > last:
        raise refuse("to", "ends_before_start", "'to' is before 'from'.")
    return Selection(service, strand, first, last)


def _day(dataset: Dataset, parameter: str, written: str, *, is_end: bool) -> date:
    if MONTH.fullmatch(written):
        month = month_asked(parameter, written)
        return add_months(month, 1) - timedelta(days=1) if is_end else month
    try:
        if MILLISECONDS.fullmatch(written):
            day = local_date(datetime.fromtimestamp(int(written) / 1000, UTC))
        elif len(written) == len("2026-09-01"):
            day = date.fromisoformat(written)
        else:
            # A '+' that was not percent-encoded arrives as a space.
            day = local_date(datetime.fromisoformat(written.replace(" ", "+")))
    except (ValueError, OverflowError, OSError):
        raise refuse(
            parameter,
            "not_a_time",
            "Write a month 2026-09, a day 2026-09-30, an instant with an offset, or milliseconds.",
        ) from None
    # A span that begins within a month is asked of what is only known month by month.
    return day.replace(day=1) if dataset.time == "month_start" and not is_end else day


def format_of(accept: str | None, asked: Format | None) -> Format:
    """By `?format=`, else what `Accept` prefers (RFC 9110, 12.5.1); 406 lists the types."""
    if asked is not None:
        return asked
    ranges = [_range(part) for part in (accept or "*/*").split(",")]
    ranked = {form: _quality(media, ranges) for form, media in MEDIA.items()}
    best = max(ranked, key=ranked.__getitem__)
    if ranked[best] <= 0:
        raise Problem("not_acceptable", f"A dataset comes as {', '.join(MEDIA.values())}.")
    return best


def _range(part: str) -> tuple[str, float]:
    media, *parameters = (piece.strip().lower() for piece in part.split(";"))
    written = next((each[2:] for each in parameters if each.startswith("q=")), "1")
    try:
        return media, min(max(float(written), 0.0), 1.0)
    except ValueError:
        return media, 0.0


def _quality(media: str, ranges: list[tuple[str, float]]) -> float:
    """Of the most specific range that it is in."""
    for named in (media, f"{media.partition('/')[0]}/*", "*/*"):
        found = [quality for each, quality in ranges if each == named]
        if found:
            return max(found)
    return 0.0
