"""A service as it is answered: its teams with their places, its bands and its programmes."""

from datetime import date

from pydantic import BaseModel, Field

from api.admin.programmes import ProgrammeAnswer, answer_of
from api.admin.service_bodies import Pattern
from models.context import ServiceContext
from models.organisation import ALWAYS, Service


class Place(BaseModel):
    effective_from: date | None = Field(alias="from", description="Null: always.")
    area: str | None
    led_by: str | None


class TeamAnswer(BaseModel):
    code: str
    name: str
    area: str | None = Field(description="Today's.")
    led_by: str | None = Field(description="Today's.")
    aliases: list[str]
    opened_on: date | None
    closed_on: date | None
    places: list[Place] = Field(description="Areas and leaders with the day each began.")


class ServiceAnswer(BaseModel):
    service: str = Field(description="Its newest id.")
    name: str
    kind: str
    predecessor: str | None
    succeeded_on: date | None
    known_as: list[str] = Field(description="All ids of the service, newest first.")
    teams: list[TeamAnswer]
    shift_patterns: list[Pattern]
    programme: ProgrammeAnswer | None = Field(description="The version in force.")
    programmes: list[ProgrammeAnswer] = Field(description="All versions, oldest first.")
    warnings: list[str]


def team_answers(context: ServiceContext, today: date) -> list[TeamAnswer]:
    answers = []
    for team in context.teams:
        held = team.place_on(today)
        places = [
            Place.model_validate(
                {
                    "from": None if place.effective_from == ALWAYS else place.effective_from,
                    "area": place.area,
                    "led_by": place.led_by,
                }
            )
            for place in team.places
        ]
        answers.append(
            TeamAnswer(
                code=team.code,
                name=team.name,
                area=held.area if held else None,
                led_by=held.led_by if held else None,
                aliases=list(team.aliases),
                opened_on=team.opened_on,
                closed_on=team.closed_on,
                places=places,
            )
        )
    return answers


def service_answer(
    context: ServiceContext, row: Service, today: date, warnings: list[str]
) -> ServiceAnswer:
    programmes = [answer_of(context.service, version) for version in context.programmes]
    return ServiceAnswer(
        service=context.service,
        name=context.name,
        kind=context.kind,
        predecessor=row.predecessor,
        succeeded_on=row.succeeded_on,
        known_as=list(context.known_as),
        teams=team_answers(context, today),
        shift_patterns=[
            Pattern.model_validate(
                {
                    "from": each.effective_from,
                    "day_starts": each.day_starts,
                    "night_starts": each.night_starts,
                }
            )
            for each in context.patterns
        ],
        programme=programmes[-1] if programmes else None,
        programmes=programmes,
        warnings=warnings,
    )
