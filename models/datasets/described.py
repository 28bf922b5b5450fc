"""Datasets that the others join: services, teams, indicators, calendar."""

from models.datasets.columns import (
    AREA,
    INDICATOR,
    MONTH_START,
    ROW_ID,
    SERVICE,
    UPDATED_AT,
    Column,
    Dataset,
    Kind,
    boolean,
    day,
    integer,
    number,
    text,
)
from models.vocabulary import Better, Channel, Family, Measure, Perspective, SourceCategory

SERVICES = Dataset(
    "services",
    "Services",
    "Services under the id that they have today.",
    (
        ROW_ID, SERVICE,
        text("name", "Name.", required=True),
        text("kind", "Kind of service.", required=True),
        text("programme", "Improvement programme."),
        day("programme_started_on", "When it started."),
        UPDATED_AT,
    ),
    key=("service",),
)  # fmt: skip

TEAMS = Dataset(
    "teams",
    "Teams",
    "Teams of each service, with the area they are in today.",
    (
        ROW_ID, SERVICE,
        text("team", "Code.", required=True),
        text("team_key", "Service and team, as other datasets name it.", required=True),
        text("name", "Name.", required=True),
        AREA,
        day("opened_on", "Since when it is there."),
        day("closed_on", "Until when it was there."),
        UPDATED_AT,
    ),
    key=("service", "team"),
)  # fmt: skip

INDICATORS = Dataset(
    "indicators",
    "Indicators",
    "What is counted, which way is better, and the smallest change that matters.",
    (
        ROW_ID, INDICATOR,
        text("name", "Name.", required=True),
        text("family", "Events that it counts.", *Family, required=True),
        text("measure", "Proportion, rate or mean.", *Measure, required=True),
        text("better", "Which way is better.", *Better, required=True),
        text("channel", "Kind of check.", *Channel, required=True),
        text("category", "Kind of source.", *SourceCategory, required=True),
        text("perspective", "Who speaks.", *Perspective, required=True),
        number("standard", "Level that is asked for."),
        number("meaningful", "Smallest change that matters to people.", required=True),
        integer("per", "A rate is per so many resident-days or care hours.", required=True),
        integer("look_back_days", "Days before that it looks at.", required=True),
        boolean("evidence", "It is judged; else only shown.", required=True),
        text("statements", "Statements of the regulator's frameworks, by spaces."),
        text("catalogue", "Version of the catalogue.", required=True),
        UPDATED_AT,
    ),
    key=("indicator",),
)  # fmt: skip

CALENDAR = Dataset(
    "calendar",
    "Calendar",
    "Days of the local clock; nights belong to the day on which they start.",
    (
        ROW_ID,
        Column("date", Kind.DATE, "Day.", required=True),
        MONTH_START,
        integer("year", "Year.", required=True),
        integer("quarter", "Quarter.", required=True),
        integer("month", "Month.", required=True),
        integer("weekday", "1, Monday, to 7.", required=True),
        boolean("is_bank_holiday", "Of England and Wales.", required=True),
        boolean("is_weekend", "Counts as weekend: Saturday, Sunday, bank holiday.", required=True),
        UPDATED_AT,
    ),
    key=("date",),
    time="date",
)  # fmt: skip
