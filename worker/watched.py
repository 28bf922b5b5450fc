"""The table of what is watched for: warnings and triggers of each strand, with their thresholds."""

from models.vocabulary import Strand
from worker.sightings_of_experience import (
    assurance_gap,
    audits_up_feedback_flat,
    flat_feedback,
    incidents_down_themes_same,
    management_positive,
    repeated_dissatisfaction,
)
from worker.sightings_of_shifts import (
    families_out_of_hours,
    night_or_weekend_gap,
    office_hours_auditing,
    uncertain_night_escalation,
    weak_weekend_records,
    weaker_handovers,
    weekday_out_of_line,
)
from worker.sightings_of_sources import silent_source
from worker.sightings_of_teams import (
    confidence_without_results,
    one_manager,
    one_team_ahead,
    persistent_variation,
    stuck_in_first_team,
    weak_themes_elsewhere,
    weaker_local_trends,
)
from worker.triggers import REPEATED_LOOKS, Kind, Rule

TEAM, SHIFT, EXPERIENCE = Strand.TEAM_SPREAD, Strand.SHIFT_COVERAGE, Strand.EVIDENCE_ALIGNMENT
WARNING, TRIGGER = Kind.WARNING, Kind.TRIGGER

RULES: tuple[Rule, ...] = (
    Rule(TEAM, WARNING, "one_team_ahead",
         "The best team is this many meaningful changes above the middle one.",
         2.0, REPEATED_LOOKS, one_team_ahead),
    Rule(TEAM, WARNING, "weak_themes_elsewhere",
         "Audits of a team other than the best found the same theme weak this often in 3 months.",
         3.0, 1, weak_themes_elsewhere),
    Rule(TEAM, WARNING, "confidence_without_results",
         "Self-assessment is this many meaningful changes above what audit or observation found.",
         1.0, 1, confidence_without_results),
    Rule(TEAM, WARNING, "one_manager",
         "This share of the improvement lies in teams that one person leads.",
         0.8, 1, one_manager),
    Rule(TEAM, TRIGGER, "persistent_variation",
         "Teams lie apart by this much more than at baseline, and a gap is material.",
         0.0, REPEATED_LOOKS, persistent_variation),
    Rule(TEAM, TRIGGER, "weaker_local_trends",
         "This many kinds of check have a control chart of the team in concern.",
         2.0, REPEATED_LOOKS, weaker_local_trends),
    Rule(TEAM, TRIGGER, "stuck_in_first_team",
         "So many teams can be claimed, and no more than the one that began.",
         1.0, REPEATED_LOOKS, stuck_in_first_team),
    Rule(SHIFT, WARNING, "office_hours_auditing",
         "Weekday daytime has this many times its share of care in checks.",
         1.5, 1, office_hours_auditing),
    Rule(SHIFT, WARNING, "weak_weekend_records",
         "Records at weekends are this many meaningful changes worse than in core hours.",
         1.0, 1, weak_weekend_records),
    Rule(SHIFT, WARNING, "uncertain_night_escalation",
         "Escalation at night is this many meaningful changes below core hours, or unknown.",
         1.0, 1, uncertain_night_escalation),
    Rule(SHIFT, WARNING, "families_out_of_hours",
         "What people say of this time has changed by so many meaningful changes less than of"
         " core hours.",
         1.0, 1, families_out_of_hours),
    Rule(SHIFT, TRIGGER, "night_or_weekend_gap",
         "The largest gap of this time to its benchmark; it is material.",
         -1.0, REPEATED_LOOKS, night_or_weekend_gap),
    Rule(SHIFT, TRIGGER, "weaker_handovers",
         "Handovers of this time lie so many meaningful changes from the standard.",
         -1.0, REPEATED_LOOKS, weaker_handovers),
    Rule(SHIFT, TRIGGER, "weekday_out_of_line",
         "Weekday daytime is reached and this time is not; the figure is its adjusted p-value,"
         " the threshold the level of the look.",
         0.05, REPEATED_LOOKS, weekday_out_of_line),
    Rule(EXPERIENCE, WARNING, "audits_up_feedback_flat",
         "Inside improved by so many meaningful changes while feedback stayed flat.",
         1.0, 1, audits_up_feedback_flat),
    Rule(EXPERIENCE, WARNING, "incidents_down_themes_same",
         "Harm went down while people named the same theme this often in 3 months, or while near"
         " misses fell to this part of what they were.",
         3.0, 1, incidents_down_themes_same),
    Rule(EXPERIENCE, WARNING, "management_positive",
         "Staff or self-assessment rose by so many meaningful changes while people outside do"
         " not say it is better.",
         1.0, 1, management_positive),
    Rule(EXPERIENCE, TRIGGER, "flat_feedback",
         "Inside improved; what people say changed by so many meaningful changes, which is not"
         " shown to be better.",
         0.0, REPEATED_LOOKS, flat_feedback),
    Rule(EXPERIENCE, TRIGGER, "repeated_dissatisfaction",
         "People complained of the same theme this often in 3 months.",
         3.0, 1, repeated_dissatisfaction),
    Rule(EXPERIENCE, TRIGGER, "assurance_gap",
         "What people feel lies this far behind half of what is measured inside.",
         0.0, REPEATED_LOOKS, assurance_gap),
)  # fmt: skip

#: Of the sources and not of the care; the same for every strand.
OF_SOURCES: tuple[Rule, ...] = tuple(
    Rule(
        strand,
        WARNING,
        "silent_source",
        "An expected source sent nothing in this many of the last 24 months. What it would have"
        " reported then is not known, so its rates have no evidence there.",
        1.0,
        1,
        silent_source,
    )
    for strand in Strand
)
