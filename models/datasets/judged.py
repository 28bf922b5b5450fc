"""Datasets of what was concluded, by month: segments, breadth, gaps, alignment, coverage, warnings.

They are the frozen content of each month's newest snapshot, flat.
"""

from models.datasets.columns import (
    DISCLOSURE,
    INDICATOR,
    MONTH_START,
    PROVISIONAL,
    ROW_ID,
    SERVICE,
    TEAM_KEY,
    UPDATED_AT,
    Column,
    Dataset,
    boolean,
    day,
    integer,
    number,
    text,
)
from models.vocabulary import (
    AlignmentState,
    Channel,
    ChannelState,
    Coverage,
    GapState,
    Level,
    Measure,
    SegmentStatus,
    Strand,
)

MEANINGFUL = "meaningful changes"
STRAND = text("strand", "Way in which an improvement can be narrow.", *Strand, required=True)
SEGMENT = text("segment", "Team, time of the week or area.", required=True)
SEGMENT_NAME = text("segment_name", "How it is headed.", required=True)
BEHIND = ("n_baseline", "n_current")


def counted(name: str, says: str, **more: object) -> Column:
    return integer(name, says, is_count=True, **more)


def judged(name: str, says: str, unit: str = MEANINGFUL, **more: object) -> Column:
    return number(name, says, unit=unit, derived_from=BEHIND, decimals=1, **more)


SEGMENTS = Dataset(
    "segments",
    "Segments",
    "Where an improvement is reached, month by month.",
    (
        ROW_ID, SERVICE, MONTH_START, STRAND, SEGMENT, SEGMENT_NAME, TEAM_KEY,
        text("status", "Where it stands.", *SegmentStatus, derived_from=BEHIND),
        judged("estimate", "Improvement since the baseline."),
        judged("lower", "Lower end of its 95% interval."),
        judged("upper", "Upper end."),
        number("p", "One-sided p-value of an improvement.", derived_from=BEHIND, decimals=2),
        number(
            "p_adjusted", "Adjusted for all segments.", derived_from=BEHIND, decimals=2
        ),
        boolean("at_standard", "At standard.", derived_from=BEHIND),
        text("coverage", "Whether it was looked at enough.", *Coverage),
        number("share_of_care", "Part of all care.", decimals=2),
        number("share_of_checks", "Part of all checks.", derived_from=BEHIND, decimals=2),
        number(
            "planned_power", "Chance of showing a change that matters.",
            derived_from=BEHIND, decimals=1,
        ),
        day("started", "Month in which it began.", derived_from=BEHIND),
        integer("held_months", "Months it has held.", derived_from=BEHIND),
        judged("closing_per_month", "How fast the distance closes."),
        counted("n_baseline", "Events behind the baseline.", own_only=True),
        counted("n_current", "And behind the current window.", own_only=True),
        PROVISIONAL, DISCLOSURE, UPDATED_AT,
    ),
    key=("service", "month_start", "strand", "segment"),
    time="month_start",
    block=("service", "month_start", "strand"),
    lines=(("segment",), ()),
    charted=(("estimate", "lower", "upper"), "segment"),
)  # fmt: skip

BREADTH = Dataset(
    "breadth",
    "Breadth over time",
    "What is claimed of each strand, month by month: at least so many segments, with 95%"
    " confidence. It counts teams, times and areas, never people.",
    (
        ROW_ID, SERVICE, MONTH_START, STRAND,
        text("level", "Verdict.", *Level, required=True),
        text("qualifiers", "What the verdict has to be read with, by spaces."),
        text("statement", "The claim in words.", required=True),
        integer("segments", "Segments that are counted."),
        integer("reached_at_least", "Of them reached, at least."),
        integer("of_which_improved_at_least", "Of those improved, at least."),
        integer("worsened_at_least", "Worsened, at least."),
        number("share_of_care_at_least", "Part of all care that is reached, at least.", decimals=2),
        text("named_reached", "Segments claimed by name, by spaces."),
        text("named_worsened", "Segments worsened by name, by spaces."),
        integer("look", "Number of the look; null while provisional."),
        number("alpha", "Level of the look."),
        day("claimed_in", "Month of the look that first claimed it."),
        text("gap_state", "Whether segments come closer to each other.", *GapState),
        number("gap_change", "Change of the spread between segments.", unit=MEANINGFUL, decimals=1),
        text("best", "Segment that is ahead."),
        text("weakest", "Segment that is behind."),
        text("origin", "Where it began."),
        number("top_share", "Part of the improvement in one segment.", decimals=2),
        text("method", "Method of judging.", required=True),
        text("programme", "Name of the programme that is judged."),
        integer("programme_version", "Its version."),
        PROVISIONAL, UPDATED_AT,
    ),
    key=("service", "month_start", "strand"),
    time="month_start",
    charted=(("reached_at_least", "segments"), "strand"),
)  # fmt: skip

GAPS = Dataset(
    "gaps",
    "Gaps",
    "How far each segment is from the benchmark, indicator by indicator.",
    (
        ROW_ID, SERVICE, MONTH_START, STRAND, INDICATOR, SEGMENT, SEGMENT_NAME, TEAM_KEY,
        text("measure", "How the level is read.", *Measure),
        number("level", "Level in the current window.", derived_from=("n_current",), decimals=2,
               share_of="n_current", counts_when=("measure", (Measure.PROPORTION,))),
        number(
            "baseline_level", "Level at baseline.", derived_from=("n_current",), decimals=2
        ),
        number("benchmark", "Standard, or the best that others reach.", decimals=2),
        boolean("benchmark_is_standard", "It is the standard.", required=True),
        number("estimate", "Distance to it; below 0: behind.", unit=MEANINGFUL,
               derived_from=("n_current",), decimals=1),
        number("lower", "Lower end of its interval.", unit=MEANINGFUL,
               derived_from=("n_current",), decimals=1),
        number("upper", "Upper end.", unit=MEANINGFUL, derived_from=("n_current",), decimals=1),
        text("state", "Material, minor or undetermined.", "material", "minor", "undetermined",
             derived_from=("n_current",)),
        number("n_current", "Trials, values or exposure behind the level.", is_count=True,
               counts_when=("measure", (Measure.PROPORTION, Measure.MEAN))),
        number("shrunk", "Level drawn towards that of the others.", derived_from=("n_current",),
               decimals=2),
        PROVISIONAL, DISCLOSURE, UPDATED_AT,
    ),
    key=("service", "month_start", "strand", "indicator", "segment"),
    time="month_start",
    block=("service", "month_start", "strand", "indicator"),
    lines=(("segment",), ()),
    charted=(("estimate",), "indicator"),
)  # fmt: skip

ALIGNMENT = Dataset(
    "alignment",
    "Alignment",
    "What is measured inside beside what people, families and partners say, by area.",
    (
        ROW_ID, SERVICE, MONTH_START, SEGMENT, SEGMENT_NAME,
        text("state", "What both say of each other.", *AlignmentState, derived_from=BEHIND),
        judged("internal", "Improvement inside."),
        judged("internal_lower", "Lower end of its interval."),
        judged("internal_upper", "Upper end."),
        judged("external", "Improvement as people tell it."),
        judged("external_lower", "Lower end of its interval."),
        judged("external_upper", "Upper end."),
        judged("pace", "How much faster inside goes than outside, a month."),
        boolean("slower", "Outside follows more slowly.", derived_from=BEHIND),
        integer("lag_months", "Months by which outside follows.", derived_from=BEHIND),
        boolean("lag_beyond_noise", "The lag is more than chance.", derived_from=BEHIND),
        counted("n_baseline", "Events behind the baseline.", own_only=True),
        counted("n_current", "And behind the current window.", own_only=True),
        PROVISIONAL, DISCLOSURE, UPDATED_AT,
    ),
    key=("service", "month_start", "segment"),
    time="month_start",
    block=("service", "month_start"),
    lines=(("segment",), ()),
    charted=(("internal", "external"), "segment"),
)  # fmt: skip

COVERAGE = Dataset(
    "coverage",
    "Coverage",
    "Which kinds of check reached which segment, and what each of them shows.",
    (
        ROW_ID, SERVICE, MONTH_START, STRAND, SEGMENT, SEGMENT_NAME, TEAM_KEY,
        text("channel", "Kind of check.", *Channel, required=True),
        text("coverage", "Whether the segment was looked at enough.", *Coverage, required=True),
        number("share_of_care", "Part of all care of the segment.", decimals=2),
        counted("n_baseline", "Events behind the baseline.", required=True),
        counted("n_current", "And behind the current window.", required=True),
        judged("estimate", "Improvement that it shows."),
        judged("lower", "Lower end of its interval."),
        judged("upper", "Upper end."),
        text("state", "What it shows.", *ChannelState, derived_from=BEHIND),
        PROVISIONAL, DISCLOSURE, UPDATED_AT,
    ),
    key=("service", "month_start", "strand", "segment", "channel"),
    time="month_start",
    block=("service", "month_start", "strand"),
    lines=(("segment",), ("channel",)),
)  # fmt: skip

WARNINGS = Dataset(
    "warnings",
    "Warnings and triggers",
    "What was watched for at each look: early warnings, and triggers that have to be answered.",
    (
        ROW_ID, SERVICE, MONTH_START, STRAND,
        text("kind", "Whether somebody has to answer it.", "warning", "trigger", required=True),
        text("code", "Rule.", required=True),
        text("segment", "Segment; null for the whole strand."),
        text("word", "Theme that it is about."),
        text("state", "Whether it holds.", "open", "watching", "cleared", required=True),
        text("says", "What the rule says.", required=True),
        number("figure", "What was seen.", own_only=True),
        number("threshold", "What it is held against."),
        day("since", "Month since which it is seen.", required=True),
        boolean("or_before", "It was there when looking began.", required=True),
        integer("looks", "Looks in a row at which it was seen.", required=True),
        integer("looks_needed", "Looks after which it holds.", required=True),
        PROVISIONAL, UPDATED_AT,
    ),
    key=("service", "month_start", "strand", "kind", "code", "segment", "word"),
    time="month_start",
)  # fmt: skip
