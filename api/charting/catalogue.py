"""The charts there are, as one table: what each shows, of which strands, and what it needs."""

from collections.abc import Callable
from typing import NamedTuple

from api.charting.check_coverage import check_coverage
from api.charting.figures import Figures
from api.charting.funnel import funnel
from api.charting.gap_over_time import gap_over_time
from api.charting.inside_outside import inside_outside
from api.charting.sheet import Spec
from api.charting.shift_clock import shift_clock
from api.charting.spread_heat_map import spread_heat_map
from api.charting.spread_timeline import spread_timeline
from api.charting.team_trajectories import team_trajectories
from models.vocabulary import Strand

TEAM, SHIFT, EXPERIENCE = Strand
ANY = (TEAM, SHIFT, EXPERIENCE)


class Chart(NamedTuple):
    """One chart. The first strand is drawn unless another is asked for.

    of_one : it draws one indicator; unless another is asked for, that of which most segments have
        evidence.
    months, looks, checks : what it reads beside the frozen content.
    """

    title: str
    shows: str
    draw: Callable[[Figures], Spec]
    strands: tuple[Strand, ...]
    by_segment: bool = False
    by_indicator: bool = False
    of_one: bool = False
    months: bool = False
    looks: bool = False
    checks: bool = False

    @property
    def parameters(self) -> list[str]:
        """What can be asked of it beside `as_of` and `known_at`."""
        taken = (
            ("indicator", self.by_indicator),
            ("strand", len(self.strands) > 1),
            ("segment", self.by_segment),
        )
        return [name for name, is_taken in taken if is_taken]


CHARTS: dict[str, Chart] = {
    "spread-heat-map": Chart(
        "Spread heat map",
        "Segment by month: in how many indicators the control charts show improvement or concern.",
        spread_heat_map,
        ANY,
        by_segment=True,
        by_indicator=True,
    ),
    "team-trajectories": Chart(
        "Team trajectories",
        "One indicator month by month for each segment, with intervals and control limits.",
        team_trajectories,
        ANY,
        by_segment=True,
        by_indicator=True,
        of_one=True,
        months=True,
    ),
    "funnel": Chart(
        "Funnel",
        "Levels of the segments now by amount of evidence, with the limits of chance.",
        funnel,
        ANY,
        by_indicator=True,
        of_one=True,
    ),
    "gap-over-time": Chart(
        "Gap over time",
        "How far the segments lie apart at each look, beside how far they did at baseline.",
        gap_over_time,
        ANY,
        looks=True,
    ),
    "shift-clock": Chart(
        "Shift clock",
        "When somebody looked, by band and weekday, against when there was care.",
        shift_clock,
        (SHIFT,),
        checks=True,
    ),
    "check-coverage": Chart(
        "Coverage of checks",
        "Each segment's share of checks beside its share of care.",
        check_coverage,
        (SHIFT, TEAM, EXPERIENCE),
        by_segment=True,
    ),
    "inside-outside": Chart(
        "Inside against outside",
        "Change in what is measured against change in what people say, with both intervals.",
        inside_outside,
        (EXPERIENCE,),
        by_segment=True,
    ),
    "spread-timeline": Chart(
        "Timeline of spread",
        "When improvement started in each segment, how sure that is, and how long it has held.",
        spread_timeline,
        ANY,
        by_segment=True,
    ),
}
