"""One PUT of a service, step by step: succession, teams, names, places, bands, then what waited.

Compares with what is there under all ids of the service, so saying the same again changes nothing.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy.ext.asyncio import AsyncSession

from api.admin.bodies import Flaw, refuse
from api.admin.service_bodies import Pattern, ServiceBody, TeamBody
from models import quarantine, teams
from models.calendar import local_date
from models.cells import mark_service
from models.context import (
    PatternInForce,
    PlaceOfTeam,
    ServiceContext,
    TeamOfService,
    load_context,
    service_ids,
)
from models.lineage import Links, lock_lineages, older_ids, predecessors
from models.organisation import ALWAYS, Service
from models.vocabulary import ProviderId

LOCATION_ID = re.compile(r"1-\d{5,12}")


@dataclass(frozen=True, slots=True)
class Registered:
    """The service as it is now, and which scores have to be looked at."""

    context: ServiceContext
    created: bool
    marked: list[str]
    warnings: list[str]


async def register(
    session: AsyncSession, provider: ProviderId, code: str, body: ServiceBody, now: datetime
) -> Registered:
    await lock_lineages(session, provider, {code, body.predecessor or code})
    links = await predecessors(session)
    refuse_succession(code, body.predecessor, links)
    row = await session.get(Service, (provider, code))
    created, left = row is None, links.get(code)
    if row is None:
        row = Service(provider_id=provider, code=code, predecessor=None, created_at=now)
        session.add(row)
    changed = say_service(row, body) or created
    await session.flush()
    context = await _context(session, code)
    refuse_names(body, context)
    changed |= await put_teams(session, provider, code, body, context, local_date(now))
    changed |= await put_aliases(session, provider, code, body, context)
    changed |= await put_patterns(session, provider, code, body)
    session.expunge_all()
    context = await _context(session, code)
    released = await quarantine.release(session, context.known_as, context.teams_by_name(), now)
    marked = [context.service] if changed or released else []
    if left is not None and left not in context.known_as:
        marked += (await service_ids(session, left))[:1]
    for service in marked:
        await mark_service(session, service)
    return Registered(context, created, marked, warnings_of(code, context))


async def _context(session: AsyncSession, code: str) -> ServiceContext:
    context = await load_context(session, code)
    assert context is not None, "the service was just written"
    return context


def refuse_succession(code: str, predecessor: str | None, links: Links) -> None:
    """A service follows at most one other, is followed by at most one, and never itself."""
    if predecessor is None:
        return
    others = {after: before for after, before in links.items() if after != code}
    if code in older_ids(others, predecessor):
        detail = f"'{predecessor}' comes after '{code}' already, so it cannot come before it."
        refuse("invalid", [Flaw("/predecessor", "cycle", detail)])
    if predecessor in others.values():
        detail = f"Another service goes on from '{predecessor}' already."
        refuse("conflict", [Flaw("/predecessor", "taken", detail)])


def say_service(row: Service, body: ServiceBody) -> bool:
    """Whether anything is different now; what was left out of the body stays."""
    said = body.model_dump(include={"name", "kind", "predecessor", "succeeded_on"})
    changed = False
    for field in body.model_fields_set & said.keys():
        changed |= getattr(row, field, None) != said[field]
        setattr(row, field, said[field])
    if row.succeeded_on is not None and row.predecessor is None:
        detail = "Only a service with a predecessor has a day of succession."
        refuse("invalid", [Flaw("/succeeded_on", "without_predecessor", detail)])
    return changed


def refuse_names(body: ServiceBody, context: ServiceContext) -> None:
    """Every code and alias names one team. Within the body that is wrong, against the rest a 409.

    An alias moves when the team that had it is in the body with a list that leaves it out.
    """
    codes = {team.code: False for team in context.teams} | dict.fromkeys(body.codes, True)
    listed = {team.code for team in body.teams if team.aliases is not None}
    stored = {
        alias: team.code
        for team in context.teams
        if team.code not in listed
        for alias in team.aliases
    }
    wrong: list[Flaw] = []
    clashes: list[Flaw] = []
    sent: dict[str, str] = {}
    for place, team in enumerate(body.teams):
        if team.code in body.codes[:place]:
            wrong.append(Flaw(f"/teams/{place}/code", "repeated", f"'{team.code}' stands twice."))
        if stored.get(team.code, team.code) != team.code:
            detail = f"'{team.code}' is an alias of the team '{stored[team.code]}'."
            clashes.append(Flaw(f"/teams/{place}/code", "taken", detail))
        for position, alias in enumerate(team.aliases or ()):
            pointer = f"/teams/{place}/aliases/{position}"
            if alias in codes and alias != team.code:
                flaw = Flaw(pointer, "taken", f"'{alias}' is the code of another team.")
                (wrong if codes[alias] else clashes).append(flaw)
            if sent.setdefault(alias, team.code) != team.code:
                detail = f"'{alias}' is also an alias of the team '{sent[alias]}'."
                wrong.append(Flaw(pointer, "repeated", detail))
            elif stored.get(alias, team.code) != team.code:
                detail = f"'{alias}' is an alias of the team '{stored[alias]}'."
                clashes.append(Flaw(pointer, "taken", detail))
    refuse("invalid", wrong)
    refuse("conflict", clashes)


async def put_teams(
    session: AsyncSession,
    provider: ProviderId,
    service: str,
    body: ServiceBody,
    context: ServiceContext,
    today: date,
) -> bool:
    changed = False
    own = await teams.teams_of(session, service)
    joined = {team.code: team for team in context.teams}
    for place, team in enumerate(body.teams):
        known = joined.get(team.code)
        wanted = (team.name, *days_open(place, team, known))
        row = own.get(team.code)
        if row is None or (row.name, row.opened_on, row.closed_on) != wanted:
            await teams.put_team(session, provider, service, team.code, *wanted)
            changed = True
        changed |= await put_place(session, provider, service, team, context.known_as, known, today)
    return changed


def days_open(
    place: int, team: TeamBody, known: TeamOfService | None
) -> tuple[date | None, date | None]:
    opened_on, closed_on = (known.opened_on, known.closed_on) if known else (None, None)
    opened_on = team.opened_on if team.says("opened_on") else opened_on
    closed_on = team.closed_on if team.says("closed_on") else closed_on
    if opened_on is not None and closed_on is not None and closed_on < opened_on:
        detail = f"The team opened on {opened_on}, so it cannot have closed before."
        refuse("invalid", [Flaw(f"/teams/{place}/closed_on", "closes_first", detail)])
    return opened_on, closed_on


async def put_place(
    session: AsyncSession,
    provider: ProviderId,
    service: str,
    team: TeamBody,
    known_as: Sequence[str],
    known: TeamOfService | None,
    today: date,
) -> bool:
    """Area and leader, from always the first time, then from today or the day that was given.

    With a day the whole time since is meant, so later places go; without one a change that is
    planned for a coming day stays.
    """
    day = team.area_from or today
    held = known.place_on(day) if known is not None else None
    wanted = (
        team.area if held is None or team.says("area") else held.area,
        team.led_by if held is None or team.says("led_by") else held.led_by,
    )
    if known is None or held is None:
        await teams.place_team(session, provider, service, team.code, PlaceOfTeam(ALWAYS, *wanted))
        return True
    later = [place for place in known.places if place.effective_from > day]
    overruled = bool(team.area_from) and any(
        (place.area, place.led_by) != wanted for place in later
    )
    if overruled:
        await teams.forget_later_places(session, known_as, team.code, day)
    if (held.area, held.led_by) == wanted:
        return overruled
    await teams.place_team(session, provider, service, team.code, PlaceOfTeam(day, *wanted))
    return True


async def put_aliases(
    session: AsyncSession,
    provider: ProviderId,
    service: str,
    body: ServiceBody,
    context: ServiceContext,
) -> bool:
    """A given list replaces the team's aliases; what no team is called any more waits again."""
    held = {alias: team.code for team in context.teams for alias in team.aliases}
    listed = {team.code for team in body.teams if team.aliases is not None}
    wanted = {alias: team.code for team in body.teams for alias in team.aliases or ()}
    gone = {alias for alias, team in held.items() if team in listed and wanted.get(alias) != team}
    new = {alias: team for alias, team in wanted.items() if held.get(alias) != team}
    if gone:
        await teams.remove_aliases(session, context.known_as, gone)
    await teams.add_aliases(session, provider, service, new)
    codes = {team.code for team in context.teams} | {team.code for team in body.teams}
    if nameless := gone - wanted.keys() - codes:
        await quarantine.list_again(session, context.known_as, nameless)
    return bool(gone or new)


async def put_patterns(
    session: AsyncSession, provider: ProviderId, service: str, body: ServiceBody
) -> bool:
    if body.shift_patterns is None:
        return False
    refuse_patterns(body.shift_patterns)
    given = sorted(
        (
            PatternInForce(each.effective_from, each.day_starts, each.night_starts)
            for each in body.shift_patterns
        ),
        key=lambda pattern: pattern.effective_from,
    )
    if given == await teams.patterns_of(session, service):
        return False
    await teams.replace_patterns(session, provider, service, given)
    return True


def refuse_patterns(patterns: Sequence[Pattern]) -> None:
    flaws = []
    days = [pattern.effective_from for pattern in patterns]
    for place, pattern in enumerate(patterns):
        if pattern.effective_from in days[:place]:
            detail = f"{pattern.effective_from} stands twice."
            flaws.append(Flaw(f"/shift_patterns/{place}/from", "repeated", detail))
        if pattern.day_starts >= pattern.night_starts:
            detail = "'night_starts' must be later than 'day_starts'."
            flaws.append(Flaw(f"/shift_patterns/{place}/night_starts", "wrong_order", detail))
    refuse("invalid", flaws)


def warnings_of(code: str, context: ServiceContext) -> list[str]:
    said = []
    if not LOCATION_ID.fullmatch(code):
        said.append(f"'{code}' does not look like a CQC location id such as 1-545611283.")
    if context.service != code:
        said.append(
            f"'{code}' goes on as '{context.service}', whose name, teams and bands come first."
        )
    return said
