"""The demo's evidence as tests read it: what was sent, which version counts, whose teams."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, date, datetime
from functools import cache

from cli.demo_services import DemoService, drawn, services
from cli.simulate import (
    Plan,
)
from cli.simulate_draw import Counts
from cli.simulate_envelope import Event
from cli.simulate_events import events
from models.axes import CellRow
from models.calendar import add_months, month_of
from models.catalogue import STARTER
from models.context import PlaceOfTeam, ProviderChoices, ServiceContext, TeamOfService
from models.counting import StoredEvent, count, starts_at, sum_cells
from models.exposure import care_time, sum_care_time
from models.vocabulary import Family, family_of

NOW = datetime(2026, 11, 5, 9, 30, tzinfo=UTC)


@cache
def sent(number: int) -> tuple[DemoService, Counts, tuple[Event, ...]]:
    """A demo service with its draw and everything it sends."""
    service = services(NOW)[number]
    counts, rng = drawn(service)
    return service, counts, tuple(events(service.plan, counts, rng, NOW))


def latest(of: Iterable[Event]) -> list[Event]:
    """The version that counts of each event that is not retracted."""
    newest: dict[tuple[str, str], Event] = {}
    for event in of:
        identity = (event["source"], event["id"])
        if identity not in newest or newest[identity]["version"] < event["version"]:
            newest[identity] = event
    return [event for event in newest.values() if not event.get("retracted")]


def context_of(plan: Plan) -> ServiceContext:
    return ServiceContext(
        service=plan.service,
        name=plan.name,
        kind="care_home",
        known_as=(plan.service,),
        teams=tuple(
            TeamOfService(
                code=team.code,
                name=team.name,
                aliases=(),
                opened_on=None,
                closed_on=None,
                places=(PlaceOfTeam(date(2015, 4, 1), team.area, team.led_by),),
            )
            for team in plan.teams
        ),
        patterns=(),
        programmes=(),
        choices=ProviderChoices(),
        catalogue="",
        indicators=STARTER,
    )


def stored(event: Event) -> StoredEvent:
    return StoredEvent(
        source=event["source"],
        event_id=event["id"],
        version=event["version"],
        type=event["type"],
        service=event["service"],
        team=event["team"],
        area=None,
        occurred_at=datetime.fromisoformat(event["occurred_at"]),
        recorded_at=datetime.fromisoformat(event["recorded_at"]),
        received_at=NOW,
        about=event["about"],
        person=event["person"],
        data=event["data"],
    )


def slices_of(everything: Iterable[Event]) -> dict[tuple[date, Family], list[StoredEvent]]:
    """What counts, by month and family, whichever team it names."""
    slices: dict[tuple[date, Family], list[StoredEvent]] = defaultdict(list)
    for event in latest(everything):
        one = stored(event)
        slices[month_of(starts_at(one)), family_of(one.type)].append(one)
    return slices


@cache
def cells_of(number: int) -> list[CellRow]:
    """The cells that the house counts from what a demo service sends."""
    service, _, everything = sent(number)
    slices, context = slices_of(everything), context_of(service.plan)
    rows = []
    for (month, family), of_slice in slices.items():
        if family is Family.CENSUS:
            found = sum_care_time(care_time(month, of_slice, context))
        else:
            earlier = [
                event
                for before in (1, 2, 3)
                for event in slices.get((add_months(month, -before), family), [])
            ]
            found = sum_cells(count(of_slice, context, earlier), context.indicators, family)
        rows += [CellRow(month, *key, *sums) for key, sums in found.items()]
    return rows
