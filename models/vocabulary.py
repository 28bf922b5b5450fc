"""The words of the field as closed sets; all else refers to them. Imports nothing of ours."""

from enum import StrEnum
from typing import NewType
from uuid import UUID

ProviderId = NewType("ProviderId", UUID)


class Band(StrEnum):
    """Time of day and week; a night belongs to the date on which it starts."""

    WEEKDAY_DAY = "weekday_day"
    WEEKDAY_NIGHT = "weekday_night"
    WEEKEND_DAY = "weekend_day"
    WEEKEND_NIGHT = "weekend_night"


class Strand(StrEnum):
    """The three ways in which an improvement can be narrow."""

    TEAM_SPREAD = "team_spread"
    SHIFT_COVERAGE = "shift_coverage"
    EVIDENCE_ALIGNMENT = "evidence_alignment"


class Axis(StrEnum):
    """What a strand's segments are."""

    TEAM = "team"
    BAND = "band"
    AREA = "area"


AXIS_OF = {
    Strand.TEAM_SPREAD: Axis.TEAM,
    Strand.SHIFT_COVERAGE: Axis.BAND,
    Strand.EVIDENCE_ALIGNMENT: Axis.AREA,
}


class Channel(StrEnum):
    """The five kinds of check."""

    AUDIT = "audit"
    OBSERVATION = "observation"
    STAFF_KNOWLEDGE = "staff_knowledge"
    TREND = "trend"
    FEEDBACK = "feedback"


#: Looking on purpose; what is covered is where and when these were made.
CHECK_CHANNELS = (Channel.AUDIT, Channel.OBSERVATION, Channel.STAFF_KNOWLEDGE)


class SourceCategory(StrEnum):
    CARE_RECORDS = "care_records"
    AUDITS = "audits"
    FEEDBACK = "feedback"
    STAFF_PRACTICE = "staff_practice"


class Perspective(StrEnum):
    """Who speaks: the provider itself, or people, families, advocates and partners."""

    INTERNAL = "internal"
    EXTERNAL = "external"


class Measure(StrEnum):
    PROPORTION = "proportion"
    RATE = "rate"
    MEAN = "mean"


class Better(StrEnum):
    HIGHER = "higher"
    LOWER = "lower"


class ExposureUnit(StrEnum):
    RESIDENT_DAYS = "resident_days"
    CARE_HOURS = "care_hours"


#: Exposure is stored in whole minutes so that sums are exact; a unit is so many minutes.
MINUTES_PER_UNIT = {ExposureUnit.RESIDENT_DAYS: 1440, ExposureUnit.CARE_HOURS: 60}


class SegmentStatus(StrEnum):
    INSUFFICIENT = "insufficient"
    WORSENED = "worsened"
    MIXED = "mixed"
    REACHED = "reached"
    MOVING = "moving"
    NOT_SHOWN = "not_shown"
    NOT_PROVIDED = "not_provided"


class ChannelState(StrEnum):
    IMPROVED = "improved"
    WORSENED = "worsened"
    UNDETERMINED = "undetermined"
    NO_EVIDENCE = "no_evidence"


class AlignmentState(StrEnum):
    """What inside and outside evidence of a segment say of each other."""

    ALIGNED = "aligned"
    INTERNAL_AHEAD = "internal_ahead"
    EXTERNAL_AHEAD = "external_ahead"
    BOTH_FLAT = "both_flat"
    DIVERGING = "diverging"
    UNDETERMINED = "undetermined"


class GapState(StrEnum):
    """Whether segments come closer to each other, and by whose move."""

    NARROWING = "narrowing"
    LEVELLING_DOWN = "levelling_down"
    WIDENING = "widening"
    UNDETERMINED = "undetermined"


class Coverage(StrEnum):
    ADEQUATE = "adequate"
    THIN = "thin"
    ABSENT = "absent"


class Level(StrEnum):
    """Verdict of a strand, weakest first; `not_applicable` is outside the order."""

    NOT_APPLICABLE = "not_applicable"
    WORSENING = "worsening"
    INSUFFICIENT_EVIDENCE = "insufficient_evidence"
    NOT_SHOWN = "not_shown"
    LOCALISED = "localised"
    SPREADING = "spreading"
    BROAD_WITH_EXCEPTIONS = "broad_with_exceptions"
    BROAD = "broad"


WEAKEST_FIRST = (
    Level.WORSENING,
    Level.INSUFFICIENT_EVIDENCE,
    Level.NOT_SHOWN,
    Level.LOCALISED,
    Level.SPREADING,
    Level.BROAD_WITH_EXCEPTIONS,
    Level.BROAD,
)


class StoryPart(StrEnum):
    """What the sentences of the one story are about, in the order in which it is told."""

    STARTED = "started"
    SPREAD = "spread"
    UNEVEN = "uneven"
    OBSERVED = "observed"
    DOING = "doing"
    JUDGED = "judged"
    MISSING = "missing"
    CONCLUSION = "conclusion"


class Scope(StrEnum):
    """What a key may do."""

    EVENTS_WRITE = "events:write"
    VIEWS_READ = "views:read"
    RECORDS_WRITE = "records:write"
    DATASETS_READ = "datasets:read"
    CONNECTORS_ADMIN = "connectors:admin"
    ADMIN = "admin"
    AUDIT_READ = "audit:read"


class Role(StrEnum):
    """What somebody is at a service, from a day on and to a day."""

    QUALITY_LEAD = "quality_lead"
    REGISTERED_MANAGER = "registered_manager"
    DEPUTY_MANAGER = "deputy_manager"
    TEAM_LEADER = "team_leader"
    SENIOR_LEADER = "senior_leader"
    COMMISSIONER = "commissioner"
    ASSESSOR = "assessor"
    ADMIN = "admin"


#: They come from outside: they read what has been signed, and write nothing.
READ_ONLY_ROLES = frozenset({Role.COMMISSIONER, Role.ASSESSOR})


class Stage(StrEnum):
    """The steps of the route, in their order; the same for every strand."""

    MAP = "map"
    COMPARE = "compare"
    OBSERVE = "observe"
    SUPPORT = "support"
    JUDGE = "judge"


#: Who writes and signs a stage, whatever the strand.
AUTHOR_OF = {
    Stage.MAP: Role.QUALITY_LEAD,
    Stage.COMPARE: Role.REGISTERED_MANAGER,
    Stage.OBSERVE: Role.DEPUTY_MANAGER,
    Stage.SUPPORT: Role.TEAM_LEADER,
    Stage.JUDGE: Role.REGISTERED_MANAGER,
}

#: Stages of which each segment and author has a record of their own; of the others a month has one.
BY_SEGMENT = frozenset({Stage.OBSERVE, Stage.SUPPORT})

#: The fifteen records by the names under which leaders and the regulator know them.
TITLE_OF = {
    (Strand.TEAM_SPREAD, Stage.MAP): "improvement spread dashboard",
    (Strand.TEAM_SPREAD, Stage.COMPARE): "service-wide consistency review",
    (Strand.TEAM_SPREAD, Stage.OBSERVE): "comparative practice sheet",
    (Strand.TEAM_SPREAD, Stage.SUPPORT): "local implementation log",
    (Strand.TEAM_SPREAD, Stage.JUDGE): "governance summary",
    (Strand.SHIFT_COVERAGE, Stage.MAP): "shift coverage review",
    (Strand.SHIFT_COVERAGE, Stage.COMPARE): "leadership impact note",
    (Strand.SHIFT_COVERAGE, Stage.OBSERVE): "live assurance record",
    (Strand.SHIFT_COVERAGE, Stage.SUPPORT): "shift improvement tracker",
    (Strand.SHIFT_COVERAGE, Stage.JUDGE): "provider assurance report",
    (Strand.EVIDENCE_ALIGNMENT, Stage.MAP): "evidence alignment file",
    (Strand.EVIDENCE_ALIGNMENT, Stage.COMPARE): "lived experience spread review",
    (Strand.EVIDENCE_ALIGNMENT, Stage.OBSERVE): "validation note",
    (Strand.EVIDENCE_ALIGNMENT, Stage.SUPPORT): "experience improvement log",
    (Strand.EVIDENCE_ALIGNMENT, Stage.JUDGE): "governance assurance summary",
}


#: Under which name each strand is read.
VIEW_OF = {
    Strand.TEAM_SPREAD: "spread-dashboard",
    Strand.SHIFT_COVERAGE: "shift-coverage-review",
    Strand.EVIDENCE_ALIGNMENT: "evidence-alignment",
}


class RecordStatus(StrEnum):
    DRAFT = "draft"
    SIGNED = "signed"
    SUPERSEDED = "superseded"
    WITHDRAWN = "withdrawn"


class Judgement(StrEnum):
    """What leaders say of a strand, weakest first."""

    NOT_YET = "not_yet"
    PARTLY = "partly"
    BROAD_ENOUGH = "broad_enough"


#: As far as the figures go. What is judged above that has to say why.
SUPPORTED_BY = {
    Level.BROAD: Judgement.BROAD_ENOUGH,
    Level.BROAD_WITH_EXCEPTIONS: Judgement.PARTLY,
    Level.SPREADING: Judgement.PARTLY,
}


class EscalationStatus(StrEnum):
    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    ACTING = "acting"
    RESOLVED = "resolved"


class EscalationAction(StrEnum):
    """What leaders do about uneven improvement."""

    INTENSIVE_TEAM_SUPPORT = "intensive_team_support"
    SENIOR_OVERSIGHT = "senior_oversight"
    OPERATIONAL_REVIEW = "operational_review"
    ROTA_CHANGE = "rota_change"
    OUT_OF_HOURS_SUPPORT = "out_of_hours_support"
    EXTRA_SAMPLING = "extra_sampling"
    STAKEHOLDER_ENGAGEMENT = "stakeholder_engagement"
    LOCAL_REDESIGN = "local_redesign"


class Family(StrEnum):
    """Events that are counted together: one slice of cells is one service, month and family."""

    MEDICATION = "medication"
    SHIFT = "shift"
    HANDOVER = "handover"
    OBSERVATION = "observation"
    KNOWLEDGE = "knowledge"
    CARE_RECORD = "care_record"
    SELF_ASSESSMENT = "self_assessment"
    AUDIT = "audit"
    SUPERVISION = "supervision"
    INCIDENT = "incident"
    FEEDBACK = "feedback"
    COMPLAINT = "complaint"
    COMPLIMENT = "compliment"
    CENSUS = "census"
    CUSTOM = "custom"


def family_of(event_type: str) -> Family:
    """The family is the word before the first dot of the event's type."""
    return Family(event_type.partition(".")[0])


class TallyKind(StrEnum):
    """Why a word of an event is tallied: what naming it says, or that it is the day of a check."""

    WEAK_THEME = "weak_theme"
    COMPLAINT_THEME = "complaint_theme"
    NEGATIVE_THEME = "negative_theme"
    POSITIVE_THEME = "positive_theme"
    CHECK_DAY = "check_day"


#: Evidence that may name themes.
THEMED = (
    Family.AUDIT,
    Family.INCIDENT,
    Family.FEEDBACK,
    Family.COMPLAINT,
    Family.COMPLIMENT,
)

#: An event of these families changes what months up to so many days after it count.
LOOK_BACK_DAYS = {Family.COMPLAINT: 90, Family.CENSUS: 45}


class MessageType(StrEnum):
    """What endpoints are told of; `endpoint.test` goes to one of them when somebody asks."""

    VERDICT_CHANGED = "verdict.changed"
    TRIGGER_OPENED = "trigger.opened"
    TRIGGER_RESOLVED = "trigger.resolved"
    RECORD_SIGNED = "record.signed"
    REVIEW_OVERDUE = "review.overdue"
    SOURCE_SILENT = "source.silent"
    SOURCE_RETURNED = "source.returned"
    ENDPOINT_TEST = "endpoint.test"


class EndpointState(StrEnum):
    ACTIVE = "active"
    DISABLED = "disabled"


class DisabledWhy(StrEnum):
    """It said 410, it failed for days, somebody switched it off, or somebody deleted it."""

    GONE = "gone"
    FAILING = "failing"
    SWITCHED_OFF = "switched_off"
    DELETED = "deleted"


class AttemptStatus(StrEnum):
    """`dead` has been tried as often as the schedule says; `cancelled` lost its endpoint."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    DEAD = "dead"
    CANCELLED = "cancelled"


class Failure(StrEnum):
    """Why a message did not arrive; `fault` is our own."""

    UNRESOLVED = "unresolved"
    FORBIDDEN_ADDRESS = "forbidden_address"
    UNREACHABLE = "unreachable"
    UNTRUSTED = "untrusted"
    TIMED_OUT = "timed_out"
    BROKEN_ANSWER = "broken_answer"
    REDIRECTED = "redirected"
    REFUSED = "refused"
    FAULT = "fault"
