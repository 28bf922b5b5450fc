"""Datasets of what was counted: cells by month, incidents and feedback by day."""

from models.datasets.columns import (
    AREA,
    DISCLOSURE,
    INDICATOR,
    MONTH_START,
    ROW_ID,
    SERVICE,
    TEAM,
    TEAM_KEY,
    UPDATED_AT,
    Dataset,
    day,
    integer,
    number,
    text,
)
from models.vocabulary import Band, Family, Measure

BAND = text("band", "Time of the week; null where the evidence speaks of none.", *Band)
DATE = day("date", "Day on the local clock; joins `calendar`.", required=True)
RESPONDENTS = ("person", "family", "advocate", "staff", "partner")
EXPOSURE = "exposure"

CELLS = Dataset(
    "cells",
    "Cells",
    "Sums of each indicator by team, area, time of the week and month. They add up: any wider"
    " view is a sum. Care time stands in cells of its own, in minutes.",
    (
        ROW_ID,
        SERVICE,
        MONTH_START,
        text("family", "Events that are counted together.", *Family, required=True),
        INDICATOR,
        TEAM,
        TEAM_KEY,
        AREA,
        BAND,
        text(
            "measure",
            "How `x` and `n` are read; null for indicators that are not in the catalogue now.",
            *Measure,
            EXPOSURE,
        ),
        integer(
            "x",
            "Numerator; of a mean the sum of values in hundredths, of exposure minutes.",
            required=True,
            is_count=True,
            whole="n",
            counts_when=("measure", (Measure.PROPORTION, Measure.RATE)),
            derived_from=("n",),
        ),
        integer("n", "Denominator; 0 for rates and exposure.", required=True, is_count=True),
        number(
            "value",
            "`x` of `n`, or the mean; null for rates, whose exposure stands in cells of its own.",
            derived_from=("x", "n"),
            decimals=2,
        ),
        integer("sum_squares", "Of a mean, in ten-thousandths.", required=True, own_only=True),
        integer("events", "Events behind it.", required=True, own_only=True),
        DISCLOSURE,
        UPDATED_AT,
    ),
    key=("service", "month_start", "family", "indicator", "team", "area", "band"),
    time="month_start",
    block=("service", "month_start", "family", "indicator"),
    lines=(("team", "area"), ("band",)),
    charted=(("value",), "indicator"),
)

INCIDENTS_DAILY = Dataset(
    "incidents_daily",
    "Incidents by day",
    "Incidents as they happened, by team, time of the week, category and harm.",
    (
        ROW_ID,
        SERVICE,
        MONTH_START,
        DATE,
        TEAM,
        TEAM_KEY,
        AREA,
        BAND,
        text("category", "Category as the source names it.", required=True),
        text("harm", "Harm.", "none", "low", "moderate", "severe", "death", required=True),
        integer("incidents", "Incidents.", required=True, is_count=True),
        integer(
            "near_misses", "Of them near misses.", required=True, is_count=True, whole="incidents"
        ),
        integer(
            "escalations_due", "Of them those to be escalated.", required=True, is_count=True,
            whole="incidents",
        ),
        integer(
            "escalated_on_time", "Of those, escalated on time.", required=True, is_count=True,
            whole="escalations_due",
        ),
        DISCLOSURE,
        UPDATED_AT,
    ),
    key=("service", "month_start", "date", "team", "area", "band", "category", "harm"),
    time="date",
    block=("service", "month_start"),
    lines=(("team", "area", "band"), ("date", "category", "harm")),
    totals_shown=True,
    charted=(("incidents",), "harm"),
)  # fmt: skip

FEEDBACK_DAILY = Dataset(
    "feedback_daily",
    "Feedback by day",
    "Answers, complaints and compliments as they came, by team and who speaks. Of one person and"
    " source only the latest answer of a month counts.",
    (
        ROW_ID,
        SERVICE,
        MONTH_START,
        DATE,
        TEAM,
        TEAM_KEY,
        AREA,
        BAND,
        text(
            "kind", "What was said.", Family.FEEDBACK, Family.COMPLAINT, Family.COMPLIMENT,
            required=True,
        ),
        text("respondent", "Who speaks.", *RESPONDENTS, required=True),
        integer("answers", "Answers, complaints or compliments.", required=True, is_count=True),
        integer(
            "rated", "Of them with a rating.", required=True, is_count=True, whole="answers"
        ),
        number(
            "rating", "Mean rating, 1 to 5.", derived_from=("rated",), decimals=1
        ),
        integer(
            "fft_answers", "Answers to the Friends and Family question.", required=True,
            is_count=True, whole="answers",
        ),
        integer(
            "fft_positive", "Of those good or very good.", required=True, is_count=True,
            whole="fft_answers",
        ),
        DISCLOSURE,
        UPDATED_AT,
    ),
    key=("service", "month_start", "date", "team", "area", "band", "kind", "respondent"),
    time="date",
    block=("service", "month_start"),
    lines=(("team", "area", "band"), ("date", "kind", "respondent")),
    totals_shown=True,
    charted=(("answers",), "kind"),
)  # fmt: skip
