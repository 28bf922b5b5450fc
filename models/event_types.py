"""What the `data` of each event type may say: closed value sets, ranges, sums that have to agree.

Knows one event at a time and nothing of where it is stored or how it is counted. Fields stand in
alphabetical order, so that encoding a value gives canonical JSON without sorting.
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Literal, NamedTuple

from msgspec import Meta, Struct

Instant = Annotated[datetime, Meta(tz=True)]
Word = Annotated[str, Meta(min_length=1, max_length=200)]
Count = Annotated[int, Meta(ge=0, le=1_000_000)]
Hours = Annotated[float, Meta(ge=0, le=48)]
Themes = Annotated[list[Word], Meta(max_length=50)]

#: Nothing that evidence speaks of lies outside; it also keeps every instant convertible.
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
LATEST = datetime(2100, 1, 1, tzinfo=UTC)
LONGEST_SHIFT = timedelta(hours=48)
#: Sums of hours written as decimals agree to this.
HOURS_AGREE = 1e-6


class Flaw(NamedTuple):
    """Why a value is refused; the pointer starts at the value itself."""

    pointer: str
    code: str
    detail: str


class Data(Struct, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """Base of all shapes; most have nothing to check beyond their fields."""

    def flaw(self) -> Flaw | None:
        return None


class MedicationAdministered(Data, kw_only=True):
    controlled: bool | None = None
    due_at: Instant | None = None
    given_at: Instant | None = None
    prn: bool | None = None
    prn_outcome_recorded: bool | None = None
    status: Literal[
        "given",
        "prompted",
        "given_late",
        "given_early",
        "backfilled_given",
        "refused",
        "asleep",
        "omitted_clinical",
        "destroyed",
        "omitted_error",
        "missing_entry",
        "backfilled_not_given",
        "not_available_stock",
        "self_administered",
        "absent_hospital",
        "absent_leave",
        "not_required",
        "entered_in_error",
    ]
    time_critical: bool | None = None
    witnessed: bool | None = None


class MedicationRound(Data, kw_only=True):
    due: Count
    late: Count
    omitted: Count
    on_time: Count
    other: Count = 0
    refused: Count

    def flaw(self) -> Flaw | None:
        parts = self.on_time + self.late + self.omitted + self.refused + self.other
        if self.due == parts:
            return None
        return Flaw(
            "/due",
            "sum_mismatch",
            f"'due' is {self.due}, but on_time, late, omitted, refused and other add up to {parts}."
            " Send all five so that they add up to 'due'.",
        )


class ShiftWorked(Data, kw_only=True):
    agency_hours: Hours | None = None
    ends_at: Instant
    planned_hours: Annotated[float, Meta(gt=0, le=48)]
    role: Word | None = None
    starts_at: Instant
    worked_hours: Hours

    def flaw(self) -> Flaw | None:
        if self.ends_at <= self.starts_at:
            return Flaw("/ends_at", "ends_before_start", "'ends_at' must be after 'starts_at'.")
        if self.ends_at - self.starts_at > LONGEST_SHIFT:
            return Flaw("/ends_at", "out_of_range", "One shift lasts at most 48 hours.")
        if self.agency_hours is not None and self.agency_hours > self.worked_hours + HOURS_AGREE:
            return Flaw(
                "/agency_hours",
                "out_of_range",
                "'agency_hours' are part of 'worked_hours' and cannot be more.",
            )
        return None


class ItemsChecked(Data, kw_only=True):
    """Handovers, observations, knowledge checks, record checks and self-assessments."""

    items_due: Count
    items_met: Count
    practice: Word | None = None

    def flaw(self) -> Flaw | None:
        return _more_met_than_due(self.items_met, self.items_due)


class AuditCompleted(Data, kw_only=True):
    audit: Word
    items_due: Count
    items_met: Count
    themes: Themes | None = None

    def flaw(self) -> Flaw | None:
        return _more_met_than_due(self.items_met, self.items_due)


class SupervisionCompleted(Data, kw_only=True):
    items_due: Count | None = None
    items_met: Count | None = None
    on_time: bool

    def flaw(self) -> Flaw | None:
        if (self.items_due is None) != (self.items_met is None):
            missing = "items_due" if self.items_due is None else "items_met"
            return Flaw(
                f"/{missing}", "missing_field", "Send both 'items_due' and 'items_met', or neither."
            )
        return _more_met_than_due(self.items_met or 0, self.items_due or 0)


class IncidentReported(Data, kw_only=True):
    category: Word
    escalated_on_time: bool | None = None
    escalation_due: bool | None = None
    harm: Literal["none", "low", "moderate", "severe", "death"]
    near_miss: bool | None = None
    themes: Themes | None = None


RespondentWord = Literal["person", "family", "advocate", "staff", "partner"]


class FeedbackReceived(Data, kw_only=True):
    fft: Literal["very_good", "good", "neither", "poor", "very_poor", "dont_know"] | None = None
    rating: Annotated[float, Meta(ge=1, le=5)] | None = None
    respondent: RespondentWord
    #: Taken out before anything is stored; see `models.incoming.validation`.
    text: Annotated[str, Meta(max_length=20_000)] | None = None
    themes: Themes | None = None

    def flaw(self) -> Flaw | None:
        if self.rating is None and self.fft is None:
            return Flaw("/rating", "missing_field", "Send 'rating' (1 to 5) or 'fft'.")
        return None


class VoiceReceived(Data, kw_only=True):
    """Complaints and compliments."""

    respondent: RespondentWord
    theme: Word | None = None
    upheld: bool | None = None


class CensusTaken(Data, kw_only=True):
    care_hours: Annotated[float, Meta(ge=0, le=1_000_000)] | None = None
    on: date
    residents: Count | None = None

    def flaw(self) -> Flaw | None:
        if self.residents is None and self.care_hours is None:
            return Flaw("/residents", "missing_field", "Send 'residents' or 'care_hours'.")
        return None


SHAPES: Mapping[str, type[Data]] = {
    "medication.administered": MedicationAdministered,
    "medication.round": MedicationRound,
    "shift.worked": ShiftWorked,
    "handover.completed": ItemsChecked,
    "observation.completed": ItemsChecked,
    "knowledge.checked": ItemsChecked,
    "care_record.checked": ItemsChecked,
    "self_assessment.recorded": ItemsChecked,
    "audit.completed": AuditCompleted,
    "supervision.completed": SupervisionCompleted,
    "incident.reported": IncidentReported,
    "feedback.received": FeedbackReceived,
    "complaint.received": VoiceReceived,
    "compliment.received": VoiceReceived,
    "census.taken": CensusTaken,
}

CUSTOM = "custom."

#: Fields of `data` that are instants; they are stored in UTC, so the same moment reads the same.
INSTANTS: Mapping[type[Data], tuple[str, ...]] = {
    MedicationAdministered: ("due_at", "given_at"),
    ShiftWorked: ("starts_at", "ends_at"),
}


def _more_met_than_due(met: int, due: int) -> Flaw | None:
    if met <= due:
        return None
    return Flaw(
        "/items_met", "met_exceeds_due", f"{met} items were met of {due} due; at most {due} can be."
    )
