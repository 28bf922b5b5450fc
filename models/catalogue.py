"""Indicators as data: which facts of which events they count, which way is better, what matters.

`meaningful` is the smallest change that matters to people, in the indicator's own unit.
"""

from collections.abc import Iterable, Sequence

import msgspec

from models.vocabulary import (
    Better,
    Channel,
    ExposureUnit,
    Family,
    Measure,
    Perspective,
    SourceCategory,
    family_of,
)

STARTER_VERSION = "2026.1"


class Indicator(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`x` of `n` are names of facts that `models.counting` finds in events of these types.

    A rate has no `n`: its exposure is the care time of the same team and band. A mean has the
    sum of values as `x` and their number as `n`. `evidence=False`: shown, never judged.
    """

    code: str
    name: str
    events: tuple[str, ...]
    x: str
    n: str = ""
    measure: Measure = Measure.PROPORTION
    better: Better = Better.HIGHER
    channel: Channel
    category: SourceCategory
    perspective: Perspective = Perspective.INTERNAL
    standard: float | None = None
    meaningful: float
    per: int = 1
    look_back_days: int = 0
    evidence: bool = True
    active: bool = True
    statements: tuple[str, ...] = ()

    @property
    def family(self) -> Family:
        return family_of(self.events[0])


#: Rates are per this many resident-days or care hours.
PER_THOUSAND = 1000

Fields = dict[str, object]

_CARE_RECORDS: Fields = {"channel": Channel.TREND, "category": SourceCategory.CARE_RECORDS}
_PRACTICE: Fields = {"channel": Channel.TREND, "category": SourceCategory.STAFF_PRACTICE}
_FEEDBACK: Fields = {
    "channel": Channel.FEEDBACK,
    "category": SourceCategory.FEEDBACK,
    "perspective": Perspective.EXTERNAL,
}
_RATE: Fields = {"measure": Measure.RATE, "per": PER_THOUSAND}
_LOWER: Fields = {"better": Better.LOWER}
_ITEMS: Fields = {"x": "items_met", "n": "items_due"}
_CONTEXT: Fields = {"evidence": False}


def _indicator(
    code: str, name: str, events: str, meaningful: float, *parts: Fields, **own: object
) -> Indicator:
    fields: Fields = {}
    for part in parts:
        fields |= part
    fields |= own | {"code": code, "name": name, "meaningful": meaningful, "events": events.split()}
    return msgspec.convert(fields, Indicator)


STARTER: tuple[Indicator, ...] = (
    _indicator(
        "medicine_omissions", "Medicine doses omitted in error",
        "medication.administered medication.round", 0.01, _CARE_RECORDS, _LOWER,
        x="error", n="due", standard=0.01, statements=["saf2023:S8", "asc2026-draft:S7"],
    ),
    _indicator(
        "medicine_on_time", "Medicines given on time",
        "medication.administered medication.round", 0.03, _CARE_RECORDS,
        x="timely", n="given", standard=0.95, statements=["saf2023:S8", "asc2026-draft:S7"],
    ),
    _indicator(
        "harm_incidents", "Incidents with harm", "incident.reported", 1.0,
        _CARE_RECORDS, _RATE, _LOWER, x="harm",
        statements=["saf2023:S1", "saf2023:S5", "asc2026-draft:S1", "asc2026-draft:S5"],
    ),
    _indicator(
        "falls", "Falls", "incident.reported", 1.0, _CARE_RECORDS, _RATE, _LOWER, x="fall",
        statements=["saf2023:S4", "saf2023:S5", "asc2026-draft:S2"],
    ),
    _indicator(
        "escalation_on_time", "Escalations made on time", "incident.reported", 0.05, _PRACTICE,
        x="escalated_on_time", n="escalation_due", standard=0.95,
        statements=["saf2023:S2", "asc2026-draft:S2"],
    ),
    _indicator(
        "shifts_filled", "Planned shifts filled", "shift.worked", 0.05, _PRACTICE,
        x="filled", n="shifts", standard=0.95, statements=["saf2023:S6", "asc2026-draft:S6"],
    ),
    _indicator(
        "handover_quality", "Handover items met", "handover.completed", 0.05, _PRACTICE, _ITEMS,
        standard=0.95, statements=["saf2023:E3", "saf2023:S2", "asc2026-draft:S3"],
    ),
    _indicator(
        "supervision_on_time", "Supervisions held on time", "supervision.completed", 0.05,
        _PRACTICE, x="on_time", n="supervisions", standard=0.90,
        statements=["saf2023:S6", "saf2023:C5", "asc2026-draft:W2"],
    ),
    _indicator(
        "audit_compliance", "Audit items met", "audit.completed", 0.05, _ITEMS,
        channel=Channel.AUDIT, category=SourceCategory.AUDITS, standard=0.90,
        statements=["saf2023:W5", "asc2026-draft:W4"],
    ),
    _indicator(
        "record_quality", "Care-record items met", "care_record.checked", 0.05, _ITEMS,
        channel=Channel.AUDIT, category=SourceCategory.CARE_RECORDS, standard=0.90,
        statements=["saf2023:E1", "saf2023:W5", "asc2026-draft:E1"],
    ),
    _indicator(
        "practice_observed", "Practice items observed as agreed", "observation.completed", 0.05,
        _ITEMS, channel=Channel.OBSERVATION, category=SourceCategory.STAFF_PRACTICE,
        standard=0.90, statements=["saf2023:E2", "saf2023:S6", "asc2026-draft:E2"],
    ),
    _indicator(
        "staff_knowledge", "Knowledge items known", "knowledge.checked", 0.05, _ITEMS,
        channel=Channel.STAFF_KNOWLEDGE, category=SourceCategory.STAFF_PRACTICE, standard=0.90,
        statements=["saf2023:S6", "asc2026-draft:S6"],
    ),
    _indicator(
        "experience_rating", "Rating by people, families and partners", "feedback.received", 0.25,
        _FEEDBACK, measure=Measure.MEAN, x="external_rating", n="external_rated", standard=4.0,
        statements=["saf2023:C1", "saf2023:R4", "asc2026-draft:C1", "asc2026-draft:R2"],
    ),
    _indicator(
        "experience_positive", "Positive answers of people, families and partners",
        "feedback.received", 0.05, _FEEDBACK, x="external_positive", n="external_fft",
        standard=0.90, statements=["saf2023:C1", "saf2023:R4", "asc2026-draft:R2"],
    ),
    _indicator(
        "complaints", "Complaints", "complaint.received", 0.5, _FEEDBACK, _RATE, _LOWER,
        x="complaints", statements=["saf2023:R4", "asc2026-draft:R2"],
    ),
    _indicator(
        "complaints_repeated", "Complaints that repeat one of the 90 days before",
        "complaint.received", 0.10, _FEEDBACK, _LOWER, x="repeated", n="complaints",
        standard=0.10, look_back_days=90, statements=["saf2023:R4", "asc2026-draft:R2"],
    ),
    _indicator(
        "compliments", "Compliments", "compliment.received", 0.5, _FEEDBACK, _RATE,
        x="compliments", statements=["saf2023:C1", "asc2026-draft:C1"],
    ),
    # Context: shown and used by warnings, never evidence of improvement. Rising reports are not
    # decline, and what staff say of themselves is not a result.
    _indicator(
        "incident_reports", "All incidents reported", "incident.reported", 1.0,
        _CARE_RECORDS, _RATE, _LOWER, _CONTEXT, x="incidents",
    ),
    _indicator(
        "near_miss_ratio", "Near misses of incidents", "incident.reported", 0.05,
        _CARE_RECORDS, _CONTEXT, x="near_miss", n="incidents",
    ),
    _indicator(
        "agency_share", "Agency share of worked hours", "shift.worked", 0.05,
        _PRACTICE, _LOWER, _CONTEXT, x="agency_minutes", n="worked_minutes",
    ),
    _indicator(
        "medicine_backfill", "Due doses recorded late", "medication.administered", 0.03,
        _CARE_RECORDS, _LOWER, _CONTEXT, x="backfilled", n="due",
    ),
    _indicator(
        "staff_experience", "Rating by staff", "feedback.received", 0.25, _CONTEXT,
        channel=Channel.FEEDBACK, category=SourceCategory.FEEDBACK, measure=Measure.MEAN,
        x="staff_rating", n="staff_rated",
    ),
    _indicator(
        "self_assessment", "Self-assessed items met", "self_assessment.recorded", 0.05,
        _ITEMS, _CONTEXT, channel=Channel.AUDIT, category=SourceCategory.STAFF_PRACTICE,
    ),
    _indicator(
        "supervision_outcome", "Supervision items met", "supervision.completed", 0.05,
        _PRACTICE, _ITEMS, _CONTEXT,
    ),
)  # fmt: skip

#: Planned and worked hours stand beside care time: which bands are staffed at all.
HOURS_PLANNED, HOURS_WORKED = "hours_planned", "hours_worked"

#: Codes that cells use for exposure and hours, so no indicator may have them.
RESERVED = {unit.value for unit in ExposureUnit} | {HOURS_PLANNED, HOURS_WORKED}

THEMES = (
    "responsiveness", "communication", "consistency", "dignity", "safety", "medicines",
    "staffing", "food", "environment", "records", "activities", "other",
)  # fmt: skip


class IndicatorChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a provider may change of a starter indicator."""

    standard: float | msgspec.UnsetType | None = msgspec.UNSET
    meaningful: float | msgspec.UnsetType = msgspec.UNSET
    active: bool | msgspec.UnsetType = msgspec.UNSET


class CatalogueChanges(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A provider's own catalogue: changes to starter indicators, and indicators of its own."""

    changes: dict[str, IndicatorChange] = {}
    own: tuple[Indicator, ...] = ()
    theme_aliases: dict[str, str] = {}


def problems_of(indicator: Indicator) -> list[str]:
    """Why an indicator cannot be counted or judged; empty when it can."""
    found = []
    if not indicator.events:
        return ["events: name at least one event type"]
    try:
        families = {family_of(event) for event in indicator.events}
    except ValueError as unknown:
        return [f"events: {unknown}"]
    if len(families) > 1:
        found.append("events: the types of one indicator are of one family, such as medication.*")
    if indicator.meaningful <= 0:
        found.append("meaningful: the smallest change that matters is above 0")
    if (indicator.measure is Measure.RATE) != (indicator.n == ""):
        found.append("n: a rate has none, a proportion and a mean need one")
    if indicator.measure is Measure.PROPORTION and not 0 <= (indicator.standard or 0) <= 1:
        found.append("standard: a proportion's standard is between 0 and 1")
    if indicator.code in RESERVED:
        found.append(f"code: {indicator.code} is used for exposure")
    return found


def effective(changes: CatalogueChanges) -> tuple[Indicator, ...]:
    """The starter catalogue with a provider's changes, inactive indicators left out.

    Raises
    ------
    ValueError
        When a change names no starter indicator, or an own indicator cannot be counted.
    """
    known = {indicator.code: indicator for indicator in STARTER}
    for code, change in changes.changes.items():
        if code not in known:
            raise ValueError(f"/changes/{code}: no starter indicator has this code")
        given = {
            field: value
            for field in change.__struct_fields__
            if (value := getattr(change, field)) is not msgspec.UNSET
        }
        known[code] = msgspec.structs.replace(known[code], **given)
    for position, indicator in enumerate(changes.own):
        if indicator.code in known:
            raise ValueError(f"/own/{position}/code: {indicator.code} is taken")
        known[indicator.code] = indicator
    for indicator in known.values():
        if found := problems_of(indicator):
            raise ValueError(f"{indicator.code}: {'; '.join(found)}")
    return tuple(indicator for indicator in known.values() if indicator.active)


def of_family(indicators: Iterable[Indicator], family: Family) -> Sequence[Indicator]:
    return [indicator for indicator in indicators if indicator.family is family]
