"""Datasets of what people did about it: escalations, reviews, records; no names, no free text."""

from models.datasets.columns import (
    MONTH_START,
    ROW_ID,
    SERVICE,
    UPDATED_AT,
    Dataset,
    boolean,
    day,
    instant,
    integer,
    text,
)
from models.vocabulary import (
    EscalationStatus,
    Judgement,
    RecordStatus,
    Role,
    Stage,
    Strand,
)

STRAND = text("strand", "Way in which an improvement can be narrow.", *Strand, required=True)

ESCALATIONS = Dataset(
    "escalations",
    "Escalations",
    "Triggers that hold and reviews that are overdue, and what became of them.",
    (
        ROW_ID, SERVICE, MONTH_START,
        text("strand", "Strand; null for what concerns all.", *Strand),
        text("trigger", "What opened it.", required=True),
        text("segment", "Segment; null for the whole strand."),
        text("word", "Theme that it is about."),
        text("status", "What became of it.", *EscalationStatus, required=True),
        boolean("holds", "Its trigger still holds.", required=True),
        instant("opened_at", "When it was last opened.", required=True),
        integer("times_opened", "How often it was opened.", required=True),
        text("reviewer_role", "Who has to look at it.", *Role, required=True),
        day("next_review_on", "By when.", required=True),
        boolean("has_owner", "Somebody owns it.", required=True),
        integer("actions", "Actions taken.", required=True),
        instant("acknowledged_at", "When somebody took it up."),
        instant("resolved_at", "When it was resolved."),
        UPDATED_AT,
    ),
    key=("service", "strand", "trigger", "segment", "word", "row_id"),
    time="month_start",
)  # fmt: skip

REVIEWS = Dataset(
    "reviews",
    "Reviews held",
    "Reviews that leaders held, by the period they cover.",
    (
        ROW_ID, SERVICE, MONTH_START,
        text("role", "Who reviews.", Role.REGISTERED_MANAGER, Role.SENIOR_LEADER, required=True),
        integer("months", "Months that it covers, from `month_start` on.", required=True),
        instant("held_at", "When it was held.", required=True),
        boolean("withdrawn", "It was taken back.", required=True),
        UPDATED_AT,
    ),
    key=("service", "month_start", "role", "row_id"),
    time="month_start",
)  # fmt: skip

RECORDS = Dataset(
    "records",
    "Records",
    "The fifteen records of the route: which stage of which strand was written, signed, judged.",
    (
        ROW_ID, SERVICE, MONTH_START, STRAND,
        text("stage", "Step of the route.", *Stage, required=True),
        text("segment", "Segment, of observations and support."),
        text("status", "Whether it stands.", *RecordStatus, required=True),
        integer("revision", "How often it was saved.", required=True),
        text("author_role", "Who writes it.", *Role, required=True),
        boolean("author_leads", "The author leads what was observed.", required=True),
        instant("written_at", "When it was begun.", required=True),
        instant("signed_at", "When it was signed."),
        text("signed_role", "As whom.", *Role),
        instant("withdrawn_at", "When it was taken back."),
        text("judgement", "What leaders judge.", *Judgement),
        boolean("beyond_the_figures", "More than the figures support."),
        text("significance", "What the variation means for confidence.", "minor", "material"),
        UPDATED_AT,
    ),
    key=("service", "month_start", "strand", "stage", "segment", "row_id"),
    time="month_start",
    others_see=("status", (RecordStatus.SIGNED, RecordStatus.SUPERSEDED)),
)  # fmt: skip
