"""From a tally to its events: what is stored of words, and evidence that names a theme."""

from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import date
from typing import Any

import httpx
import pytest

from api.running import Running
from models.db import driver, transaction
from models.tallies import TALLIES_OF_SERVICE, TallyRow
from models.vocabulary import ProviderId, TallyKind
from tests.paging import ids, listed, pages
from tests.reading import address, check, set_up
from tests.recomputing import settle, tallies
from tests.sent import SERVICE, event, send
from tests.set_up import put, team

Settle = Callable[[], Awaitable[None]]
DAY, NIGHT = "2026-09-03T10:00:00+01:00", "2026-09-05T23:00:00+01:00"
OTHER_MONTH = "2026-08-20T15:00:00+01:00"
ALIASES = {"theme_aliases": {"call bells": "responsiveness"}}


@pytest.fixture
def settled(running: Running, provider: ProviderId, admin: Any) -> Settle:
    async def until_nothing_is_marked() -> None:
        await settle(running, provider, admin)

    return until_nothing_is_marked


def audit(id_: str, at: str, *themes: str, due: int = 9, **changes: Any) -> dict[str, Any]:
    data = {"audit": "care_plans", "items_due": due, "items_met": 0, "themes": list(themes)}
    return event("audit.completed", data, id=id_, occurred_at=at, **changes)


def voice(kind: str, id_: str, at: str, **data: Any) -> dict[str, Any]:
    said = {"respondent": "family"} | data
    return event(kind, said, id=id_, occurred_at=at, about={"band": "weekday_night"})


THEMED = (
    audit("A-1", DAY, "food", "call bells"),
    audit("A-2", NIGHT, "responsiveness", "call bells", team="elm"),
    audit("A-3", OTHER_MONTH, "food", due=0),
    audit("A-4", DAY),
    voice("complaint.received", "C-1", DAY, theme="call bells"),
    voice("complaint.received", "C-2", DAY, theme="call bells", respondent="staff"),
    voice("compliment.received", "T-1", DAY, theme="food"),
    voice("feedback.received", "V-1", DAY, rating=1, themes=["food"]),
    voice("feedback.received", "V-2", NIGHT, rating=5, themes=["food", "lifts"]),
    event(
        "incident.reported",
        {"category": "other", "harm": "none", "themes": ["responsiveness"]},
        id="I-1",
        occurred_at=DAY,
    ),
    check("O-1", DAY, 20, "observation.completed"),
)


@pytest.fixture
async def themed(client: httpx.AsyncClient, settled: Settle) -> None:
    await set_up(client)
    assert (await client.put("/v1/catalogue", json=ALIASES)).is_success
    assert (await send(client, *THEMED))["accepted"] == len(THEMED)
    await settled()


@pytest.mark.usefixtures("themed")
@pytest.mark.parametrize(
    ("question", "wanted"),
    [
        ({"theme": "responsiveness"}, ["A-1", "A-2", "C-1", "C-2", "I-1"]),
        ({"theme": "call bells"}, ["A-1", "A-2", "C-1", "C-2", "I-1"]),
        ({"theme": "food"}, ["A-1", "A-3", "T-1", "V-1", "V-2"]),
        ({"theme": "food", "month": "2026-09"}, ["A-1", "T-1", "V-1", "V-2"]),
        ({"theme": "lifts"}, ["V-2"]),
        ({"theme": "dignity"}, []),
        ({"theme": "food", "indicator": "audit_compliance"}, ["A-1", "A-3"]),
        ({"theme": "food", "indicator": "experience_rating"}, ["V-1", "V-2"]),
        ({"theme": "responsiveness", "indicator": "complaints"}, ["C-1"]),
        ({"theme": "food", "indicator": "practice_observed"}, []),
        ({"theme": "food", "indicator": "practice_observed", "month": "2026-09"}, []),
        ({"theme": "food", "strand": "team_spread", "segment": "elm"}, []),
        ({"theme": "responsiveness", "strand": "team_spread", "segment": "elm"}, ["A-2"]),
        (
            {"theme": "food", "strand": "shift_coverage", "segment": "weekday_night"},
            ["T-1", "V-1", "V-2"],
        ),
    ],
)
async def test_only_events_that_name_the_theme_are_listed(
    client: httpx.AsyncClient, question: dict[str, str], wanted: list[str]
) -> None:
    assert sorted(await ids(client, **question)) == wanted


@pytest.mark.usefixtures("themed")
async def test_pages_of_a_theme_give_each_event_once(client: httpx.AsyncClient) -> None:
    found = await pages(client, theme="food", limit=2)
    assert [len(page["items"]) for page in found] == [2, 2, 1]
    whole = await listed(client, theme="food", limit=1000)
    assert [item for page in found for item in page["items"]] == whole
    other = await client.get(
        address("evidence"), params={"theme": "lifts", "cursor": found[0]["next_cursor"]}
    )
    assert other.status_code == 422, "a cursor belongs to its question"


async def test_theme_of_no_letters_or_too_many_is_refused(client: httpx.AsyncClient) -> None:
    await set_up(client)
    for theme in ("", "x" * 201):
        answer = await client.get(address("evidence"), params={"theme": theme})
        assert answer.status_code == 422
        assert [error["pointer"] for error in answer.json()["errors"]] == ["/theme"]


INDICATORS = {
    TallyKind.WEAK_THEME: "audit_compliance",
    TallyKind.COMPLAINT_THEME: "complaints",
}


@pytest.mark.usefixtures("themed")
async def test_tally_drills_down_to_its_events(
    client: httpx.AsyncClient, provider: ProviderId, admin: Any
) -> None:
    seen = Counter[str]()
    for name, events in (await tallies(admin, provider)).items():
        _, month, _, kind, word, named, _, _ = name
        if kind not in INDICATORS:
            continue
        seen[kind] += 1
        question = {
            "indicator": INDICATORS[TallyKind(kind)],
            "theme": word,
            "month": f"{month:%Y-%m}",
        }
        found = await listed(client, strand="team_spread", segment=named, **question)
        assert len(found) == events, name
    assert seen == {TallyKind.WEAK_THEME: 4, TallyKind.COMPLAINT_THEME: 1}


@pytest.mark.usefixtures("themed")
async def test_an_alias_counts_from_the_version_that_has_it(
    client: httpx.AsyncClient, provider: ProviderId, admin: Any, settled: Settle
) -> None:
    async def words() -> set[str]:
        found = await tallies(admin, provider)
        return {name[4] for name in found if name[3] == TallyKind.COMPLAINT_THEME}

    assert await words() == {"responsiveness"}
    assert (await client.put("/v1/catalogue", json={"theme_aliases": {}})).is_success
    await settled()
    assert await words() == {"call bells"}
    assert sorted(await ids(client, theme="responsiveness")) == ["A-2", "I-1"]


@pytest.mark.usefixtures("themed")
async def test_rows_of_months_are_read_over_all_kinds_of_check(
    running: Running, provider: ProviderId
) -> None:
    async with transaction(running.sessions, provider) as session:
        rows = await (await driver(session)).fetch(
            TALLIES_OF_SERVICE, SERVICE, date(2026, 9, 1), date(2026, 9, 1)
        )
    found = [TallyRow(*row) for row in rows]
    days = {
        (row.word, row.team, row.band): row.events
        for row in found
        if row.kind == TallyKind.CHECK_DAY
    }
    # On that Thursday oak was audited twice and observed once.
    assert days == {("4", "oak", "weekday_day"): 3, ("6", "elm", "weekend_night"): 1}
    assert {row.month for row in found} == {date(2026, 9, 1)}
    assert {(row.kind, row.word) for row in found if row.kind != TallyKind.CHECK_DAY} == {
        (TallyKind.WEAK_THEME, "food"),
        (TallyKind.WEAK_THEME, "responsiveness"),
        (TallyKind.COMPLAINT_THEME, "responsiveness"),
        (TallyKind.NEGATIVE_THEME, "food"),
        (TallyKind.POSITIVE_THEME, "food"),
        (TallyKind.POSITIVE_THEME, "lifts"),
    }


async def test_tallies_leave_with_the_events_of_a_predecessor(
    client: httpx.AsyncClient, provider: ProviderId, admin: Any, settled: Settle
) -> None:
    old, new = "1-100000001", "1-100000002"
    await put(client, team("oak"), service=old)
    await put(client, team("oak"), service=new, predecessor=old)
    await send(client, audit("A-1", DAY, "food", due=0, service=old))
    await settled()
    assert {name[0] for name in await tallies(admin, provider)} == {new}
    await put(client, team("oak"), service=new, predecessor=None)
    await settled()
    assert {name[0] for name in await tallies(admin, provider)} == {old}


async def test_the_longest_words_that_are_taken_fit_into_the_key(
    client: httpx.AsyncClient, provider: ProviderId, admin: Any, settled: Settle
) -> None:
    def longest(first: int) -> str:
        # Four bytes a letter, and nothing that compresses.
        return "".join(chr(0x10000 + (first + n * 40_009) % 0xF0000) for n in range(200))

    service = "1-" + "".join(chr(33 + n * 37 % 94) for n in range(98)).replace("/", "-")
    service = service.replace("?", "-").replace("#", "-").replace("%", "-")
    code, area, theme = longest(1), longest(2), longest(3)
    answer = await client.put(
        f"/v1/services/{service}",
        json={
            "name": "Elm House",
            "kind": "care_home",
            "teams": [{"code": code, "name": "Oak", "area": area}],
        },
    )
    assert answer.is_success, answer.text
    await send(client, audit("A-1", NIGHT, theme, service=service, team=code))
    await settled()
    found = await tallies(admin, provider)
    assert {name[4:7] for name in found if name[3] == TallyKind.WEAK_THEME} == {(theme, code, area)}
