"""A service as it is sent: its teams, what it was before, and when its days and nights start."""

import re
from datetime import date, time
from typing import Annotated

from pydantic import BeforeValidator, Field, PlainSerializer, WithJsonSchema

from api.admin.bodies import Body, Text
from models.organisation import ALWAYS

HH_MM = re.compile(r"([01]\d|2[0-3]):[0-5]\d")
ID_PATTERN = r"^[!-~]+$"


def read_clock(written: object) -> time:
    if isinstance(written, time):
        return written
    if isinstance(written, str) and HH_MM.fullmatch(written):
        return time.fromisoformat(written)
    raise ValueError("write it as HH:MM, on a whole minute")


Day = Annotated[date, Field(ge=ALWAYS)]
Clock = Annotated[
    time,
    BeforeValidator(read_clock),
    PlainSerializer(lambda clock: f"{clock:%H:%M}", return_type=str),
    WithJsonSchema({"type": "string", "pattern": f"^{HH_MM.pattern}$", "examples": ["08:00"]}),
]


class TeamBody(Body):
    """A team of the service. Fields left out stay as they are; null empties them."""

    code: Text = Field(description="What events name it by.", examples=["oak"])
    name: Text = Field(examples=["Oak"])
    area: Text | None = Field(
        default=None, description="Service line or unit group, from `area_from` on."
    )
    led_by: Text | None = Field(default=None, description="Who leads it, from `area_from` on.")
    area_from: Day | None = Field(
        default=None,
        description="Since when `area` and `led_by` are so. Without it a change holds from today;"
        " the first time they hold for always.",
    )
    aliases: list[Text] | None = Field(
        default=None,
        max_length=200,
        description="What sources call it besides; a list replaces the one before.",
        examples=[["Oak Unit"]],
    )
    opened_on: Day | None = None
    closed_on: Day | None = None

    def says(self, field: str) -> bool:
        return field in self.model_fields_set


class Pattern(Body):
    """When days and nights start, on the local clock of Europe/London."""

    effective_from: Day = Field(alias="from", examples=["2025-01-01"])
    day_starts: Clock
    night_starts: Clock


class ServiceBody(Body):
    """A service. Fields and teams left out stay as they are."""

    name: Text = Field(examples=["Elm House"])
    kind: Text = Field(examples=["care_home"])
    predecessor: Annotated[str, Field(max_length=100, pattern=ID_PATTERN)] | None = Field(
        default=None,
        description="The id before re-registration. It becomes another name of this service:"
        " teams join by code, programme and looks go on.",
    )
    succeeded_on: Day | None = Field(default=None, description="When it became this service.")
    teams: list[TeamBody] = Field(default_factory=list, max_length=1000)
    shift_patterns: list[Pattern] | None = Field(
        default=None,
        max_length=200,
        description="A list replaces the one before. Before its first day: 08:00 and 20:00.",
    )

    @property
    def codes(self) -> list[str]:
        return [team.code for team in self.teams]
