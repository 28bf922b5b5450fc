"""What the method is tried on: services as they truly are, and what may be claimed of them.

Each row says of every look of a year how many segments truly hold the stronger position and how
many are truly worse; the plan beside it makes it so.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from bench.panels import Span
from bench.reference import LEVELS, both, gains, in_channels, reference_plan
from cli.demo_services import DAY, INTERNAL
from cli.simulate import BETTER, INDEX, INDICATORS, NO_BAND, PLACES, Array, Plan, Volumes
from cli.simulate_levels import link
from models.vocabulary import Channel, Strand

#: Months of baseline and current window.
WINDOWS = ((6, 3), (12, 3), (12, 6))
LOOKS = 12

#: Number of segments at a look, from 1, of a service judged in these windows.
Truth = Callable[[int, Span], int]
Planned = Callable[[Span], Plan]


def always(count: int) -> Truth:
    return lambda _look, _span: count


NOWHERE = always(0)


@dataclass(frozen=True, slots=True)
class Scenario:
    """A truth and the plan that makes it.

    reached, worse : segments in the stronger position, and worse, at each look.
    promised : False: beyond what the method promises; shown beside the rest.
    earlier : months of evidence before the baseline.
    late : share of a month's evidence that is not there at its own look, only at the next.
    silent : teams that send nothing from the start on, though their residents are counted.
    """

    name: str
    plan: Planned
    reached: Truth
    worse: Truth = NOWHERE
    strand: Strand = Strand.TEAM_SPREAD
    promised: bool = True
    earlier: int = 0
    late: float = 0.0
    silent: tuple[int, ...] = ()

    def span(self, window: tuple[int, int], look: int) -> Span:
        """Months of this scenario up to a look of its first year, counted from 1."""
        baseline, current = window
        start = self.earlier + baseline
        return Span(start, start + look, baseline, current)


def planned(gain: Array, evidence: float = 1.0, **changes: Any) -> Planned:
    """The reference service with this gain and other fields of its plan as given."""
    return lambda span: replace(reference_plan(gain, span, evidence=evidence), **changes)


def least_favourable(channel: Channel = Channel.AUDIT, teams: int = 6) -> Array:
    """All is certain but for the last team, which has one brilliant channel to show."""
    return both([2.5] * (teams - 1), in_channels([channel], 3.0))


def with_teams(made: Planned, places: Sequence[int], **changes: Any) -> Planned:
    """The same plan with some of its teams changed."""

    def plan(span: Span) -> Plan:
        before = made(span)
        teams = [
            replace(team, **changes) if place in places else team
            for place, team in enumerate(before.teams)
        ]
        return replace(before, teams=tuple(teams))

    return plan


def in_areas(made: Planned) -> Planned:
    """Six teams in three areas of two."""

    def plan(span: Span) -> Plan:
        before = made(span)
        teams = [replace(team, area=f"area{place // 2}") for place, team in enumerate(before.teams)]
        return replace(before, teams=tuple(teams))

    return plan


#: How much better than the others, on the link scale, the best team was before it fell to them.
FALLEN = 0.6
#: Last of the months in which a gain that lapses is in force, counted from the start month.
LAPSED_AFTER = 4
SILENT = Volumes(
    doses_a_day=0,
    shifts_by_day=0,
    shifts_by_night=0,
    handover_items=0,
    audits=(0, 25),
    observations=(0, 12),
    knowledge=(0, 10),
    records=(0, 12),
    supervisions=(0, 1),
    self_assessments=(0, 20),
    ratings=0,
    fft=0,
    staff_ratings=0,
)


def levelled_down(span: Span) -> Plan:
    plan = with_teams(planned(gains(0, 0, 0, 0, 0, 0)), [0], offset=FALLEN)(span)
    gain = plan.gain.copy()
    judged = [INDEX[code] for code in LEVELS]
    step = (link(plan.improved) - link(plan.baseline))[judged]
    gain[0][:, judged] = -FALLEN * BETTER[judged] / step
    return replace(plan, gain=gain)


def recent(span: Span) -> Plan:
    """Two months of improvement at the look at which the window is first full."""
    begins = span.start + span.current_months - 1
    return with_teams(planned(ALL), range(6), starts=begins)(span)


def since_recently(look: int, span: Span) -> int:
    return 6 if look >= span.current_months - 1 else 0


def lapsing(gain: Array, teams: Sequence[int], kept: Array | None = None) -> Planned:
    def plan(span: Span) -> Plan:
        ends = span.start + LAPSED_AFTER + 1
        return with_teams(planned(gain, kept=kept), teams, ends=ends)(span)

    return plan


def until_lapsed(before: int, after: int) -> Truth:
    """As long as the window holds a month in which the gain was in force."""
    return lambda look, span: before if look - span.current_months < LAPSED_AFTER else after


def shifted_mix(span: Span) -> Plan:
    """Nothing improves, but after the start the better half gives nine times as much of the care.

    Every band then looks better than before, and no team is.
    """
    plan = with_teams(planned(gains(0, 0, 0, 0, 0, 0)), range(3), offset=0.35)(span)
    plan = with_teams(lambda _: plan, range(3, 6), offset=-0.35)(span)
    mix = np.full((6, PLACES, plan.months), 0.2)
    mix[3:, :, : span.start] = mix[:3, :, span.start :] = 1.8
    return replace(plan, mix=mix)


def trending(size: float) -> Planned:
    def plan(span: Span) -> Plan:
        made = planned(NONE)(span)
        return replace(made, trend=size, trend_until=span.start - span.baseline_months)

    return plan


def by_place(*places: int, size: float = 1.0) -> Array:
    """All six teams gain alike in these places of the week and nowhere else."""
    gain = np.zeros((6, PLACES, len(INDICATORS)))
    gain[:, places] = size
    return gain


NONE, ALL = gains(0, 0, 0, 0, 0, 0), gains(1, 1, 1, 1, 1, 1)
LAST = gains(1, 1, 1, 1, 1, 0)
AUDITS = in_channels([Channel.AUDIT], 1.0)
SPECTACULAR = np.stack([gains(2.5)[0], *[AUDITS] * 5])
INSIDE = np.stack([in_channels(INTERNAL, 1.0)] * 6)
FLAT_IN_ONE_AREA = np.concatenate(
    [gains(2.5, 2.5, 2.5, 2.5), np.stack([in_channels(INTERNAL, 2.5)] * 2)]
)
#: Nights of the weekend excel in audits alone, all else of the week is certain.
ONE_BAND_SHORT = by_place(0, 1, 2, NO_BAND, size=2.5) + by_place(3) * 3.0 * AUDITS
CHANNELS = tuple(Channel)
BANDS, AREAS = Strand.SHIFT_COVERAGE, Strand.EVIDENCE_ALIGNMENT
WILD = {"largest_shock": 2.0}


def _sizes() -> list[Scenario]:
    rows = []
    for teams in (4, 10, 20):
        nobody, everybody = gains(*[0] * teams), gains(*[1] * teams)
        hard = least_favourable(teams=teams)
        rows += [
            Scenario(f"{teams} teams, none", planned(nobody), always(0)),
            Scenario(f"{teams} teams, least favourable, audit", planned(hard), always(teams - 1)),
            Scenario(f"{teams} teams, all", planned(everybody), always(teams)),
        ]
    return rows


def _hard(name: str, *, promised: bool = True, **changes: Any) -> list[Scenario]:
    """The two truths at which most is at stake, under other circumstances."""
    plans = (("none", NONE, 0), ("least favourable, audit", least_favourable(), 5))
    return [
        Scenario(f"{name}, {of}", planned(gain, **changes), always(true), promised=promised)
        for of, gain, true in plans
    ]


SCENARIOS: tuple[Scenario, ...] = (
    Scenario("none", planned(NONE), always(0)),
    Scenario("one team", planned(gains(1, 0, 0, 0, 0, 0)), always(1)),
    Scenario("one spectacular team, the rest in audits only", planned(SPECTACULAR), always(1)),
    Scenario("all but one", planned(LAST), always(5)),
    *(
        Scenario(
            f"all but one, {channel.value} in the last",
            planned(both([1] * 5, in_channels([channel], 1.0))),
            always(5),
        )
        for channel in CHANNELS
    ),
    *(
        Scenario(
            f"least favourable, {channel.value}", planned(least_favourable(channel)), always(5)
        )
        for channel in CHANNELS
    ),
    Scenario("all", planned(ALL), always(6)),
    Scenario("all, half the effect", planned(ALL / 2), always(6)),
    Scenario("levelling down", levelled_down, always(0), worse=always(1)),
    Scenario("recent only", recent, since_recently),
    Scenario("all, lapsing", lapsing(ALL, range(6)), until_lapsed(6, 0)),
    Scenario("last lapsing", lapsing(gains(*[2.5] * 5, 1), [5]), until_lapsed(6, 5)),
    Scenario(
        "last lapsing, least favourable",
        lapsing(gains(*[2.5] * 5, 3), [5], kept=least_favourable()),
        until_lapsed(6, 5),
    ),
    Scenario(
        "a team without evidence",
        with_teams(planned(LAST), [5], volumes=SILENT, residents=0),
        always(5),
    ),
    Scenario("a team falling silent", planned(both([2.5] * 5, NONE[0])), always(5), silent=(5,)),
    Scenario("small units, all", planned(ALL, 0.2), always(6)),
    *_hard("small units", evidence=0.2),
    *_hard("months independent", month_autocorrelation=0.0),
    *_hard("months at 0.4", promised=False, month_autocorrelation=0.4),
    *_hard("channels at 0.6", promised=False, indicator_correlation=0.6),
    *_hard("teams at 0.6", promised=False, team_correlation=0.6),
    *(replace(one, earlier=6) for one in _hard("season", season=0.15)),
    *_hard("season unknown", promised=False, season=0.15),
    Scenario("φ 6 in one team, none",
             with_teams(planned(NONE, **WILD), [5], dispersion=6.0), always(0)),
    Scenario("φ 6 in one team, least favourable, audit",
             with_teams(planned(least_favourable(), **WILD), [5], dispersion=6.0), always(5)),
    Scenario("rising before the baseline", trending(0.3), always(0), earlier=12),
    Scenario("falling before the baseline", trending(-0.3), always(0), earlier=12),
    *(replace(one, late=0.2) for one in _hard("late evidence")),
    Scenario("late evidence, all", planned(ALL), always(6), late=0.2),
    *_sizes(),
    Scenario("bands, none", planned(NONE), always(0), strand=BANDS),
    Scenario("bands, all but nights", planned(by_place(*DAY, NO_BAND)), always(2), strand=BANDS),
    Scenario("bands, least favourable, audit", planned(ONE_BAND_SHORT), always(3), strand=BANDS),
    Scenario("bands, shift of mix", shifted_mix, always(0), strand=BANDS),
    Scenario("bands, all", planned(ALL), always(4), strand=BANDS),
    Scenario("areas, none", in_areas(planned(NONE)), always(0), strand=AREAS),
    Scenario("areas, inside only", in_areas(planned(INSIDE)), always(0), strand=AREAS),
    Scenario("areas, people of one unmoved",
             in_areas(planned(FLAT_IN_ONE_AREA)), always(2), strand=AREAS),
    Scenario("areas, all", in_areas(planned(ALL)), always(3), strand=AREAS),
)  # fmt: skip
SCENARIO = {one.name: one for one in SCENARIOS}
