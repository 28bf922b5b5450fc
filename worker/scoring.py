"""From cells to judged content for several months of one service at once; pure, no database."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, NamedTuple

from models.axes import CellRow
from models.calendar import add_months
from models.context import ServiceContext
from models.tallies import TallyRow
from models.vocabulary import Strand
from worker.arrays import HISTORY_MONTHS, months_needed
from worker.columns import columns_of
from worker.content import content_of
from worker.evidence_now import EvidenceMonths
from worker.score import score_strand
from worker.stats.looks import year_of_look
from worker.triggers import REPEATED_LOOKS, Look
from worker.windows import Windows, is_provisional, windows_of


class Concluded(NamedTuple):
    content: dict[str, Any]
    provisional: bool


def conclude(
    context: ServiceContext,
    cells: Sequence[CellRow],
    as_ofs: Sequence[date],
    now: datetime,
    first: date | None,
    tallies: Sequence[TallyRow] = (),
) -> dict[date, Concluded]:
    """Judge a service for each `as_of`, all strands through one loop.

    What is claimed of a month depends on the looks before it, so these are scored with it. `cells`
    reach back to `months_read_from`; `first` is the first month of any evidence.
    """
    windows = {as_of: windows_of(context, as_of, first) for as_of in as_ofs}
    series = {as_of: looks_until(context, as_of, first) for as_of in as_ofs}
    looks = {month: look for each in series.values() for month, look in each.items()}
    months = sorted(looks)
    seen: dict[Strand, dict[date, Look]] = {}
    columns = columns_of(cells)
    evidence = EvidenceMonths(context, columns)
    if months:
        for strand in Strand:
            found = score_strand(
                strand, context, columns, months, [looks[m] for m in months], asked=set(as_ofs)
            )
            seen[strand] = {each.as_of: Look(each, context, tallies) for each in found}
    concluded = {}
    for as_of in as_ofs:
        provisional = is_provisional(as_of, context.choices.look_day, now)
        history = {
            strand: [of[month] for month in sorted(series[as_of])] for strand, of in seen.items()
        }
        content = content_of(
            context,
            as_of,
            windows[as_of],
            history if series[as_of] else {},
            evidence.content(as_of, windows[as_of]),
            provisional=provisional,
        )
        concluded[as_of] = Concluded(content, provisional)
    return concluded


def months_read_from(context: ServiceContext, as_ofs: Sequence[date], first: date | None) -> date:
    """The earliest month that a score of any of these months, or of a look before it, looks at."""
    needed = [add_months(min(as_ofs), 1 - HISTORY_MONTHS)]
    for month, window in looks_until(context, min(as_ofs), first).items():
        needed.append(add_months(month, 1 - months_needed(month, window)))
    return min(needed)


def looks_until(
    context: ServiceContext, as_of: date, first_evidence: date | None
) -> dict[date, Windows]:
    """The looks of the year of `as_of` up to it, and those a trigger looks back on.

    One more than it needs in a row: whether it was open at the look before is asked, too.
    """
    found: dict[date, Windows] = {}
    month = as_of
    while (window := windows_of(context, month, first_evidence)).current is not None:
        last = found.get(as_of, window)
        if year_of_look(window.look) != year_of_look(last.look) and len(found) > REPEATED_LOOKS:
            break
        found[month] = window
        month = add_months(month, -1)
        if window.sliding and window.look == 1:
            break
    return found
