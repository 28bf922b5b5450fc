"""A strand's segments are teams, bands or areas: where a cell or an event counts along them."""

from collections.abc import Iterable
from datetime import date
from typing import NamedTuple

from models.context import ServiceContext
from models.vocabulary import AXIS_OF, Axis, Band, Strand

#: Times of the week within a sentence.
BAND_WORDS = {
    Band.WEEKDAY_DAY: "weekday daytime",
    Band.WEEKDAY_NIGHT: "weekday nights",
    Band.WEEKEND_DAY: "weekend daytime",
    Band.WEEKEND_NIGHT: "weekend nights",
}


class CellRow(NamedTuple):
    """One cell as it is read from the database."""

    month: date
    indicator: str
    team: str
    area: str
    band: str
    x: int
    n: int
    sum_squares: int
    events: int


def axis_of(strand: Strand, context: ServiceContext, areas: Iterable[str]) -> Axis:
    """Areas where the service or its evidence has any; else it is aligned team by team."""
    axis = AXIS_OF[strand]
    if axis is not Axis.AREA:
        return axis
    placed = any(place.area for team in context.teams for place in team.places)
    return Axis.AREA if placed or any(areas) else Axis.TEAM


def segment_of(team: str, area: str, band: str, axis: Axis) -> str:
    """The segment, '' where the evidence is in none."""
    match axis:
        case Axis.TEAM:
            return team
        case Axis.BAND:
            return band
        case Axis.AREA:
            # A team without an area is its own.
            return area or team


def segments_along(axis: Axis, context: ServiceContext, areas: Iterable[str]) -> tuple[str, ...]:
    """All segments, those without evidence among them; `areas` are those that evidence names."""
    if axis is Axis.BAND:
        return tuple(Band)
    if axis is Axis.TEAM:
        return tuple(team.code for team in context.teams)
    named = {place.area or team.code for team in context.teams for place in team.places}
    named |= {team.code for team in context.teams if not team.places}
    return tuple(sorted(named | {area for area in areas if area}))


def segment_name(context: ServiceContext, axis: Axis, code: str) -> str:
    """How a segment is headed in a view."""
    if axis is Axis.BAND:
        return code.replace("_", " ").capitalize()
    return next((team.name for team in context.teams if team.code == code), code)


def spoken_name(context: ServiceContext, axis: Axis, code: str) -> str:
    """How a segment is called within a sentence."""
    if axis is Axis.BAND:
        return BAND_WORDS[Band(code)]
    return segment_name(context, axis, code)
