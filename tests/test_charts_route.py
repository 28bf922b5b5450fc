"""Charts over HTTP: who may read them, in which form, and what cannot be asked."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from api.charting import pictures
from api.charting.catalogue import CHARTS
from api.charting.formats import MEDIA, Format, format_of
from api.problems import Problem
from api.running import Running
from models.vocabulary import ProviderId, Scope
from tests.charted import subtitle, title
from tests.conftest import Clock, MakeClient, make_provider
from tests.reading import address, checks_of, set_up
from tests.recomputing import settle
from tests.sent import send
from tests.text_tables import rows

every_chart = pytest.mark.parametrize("name", CHARTS)
Settle = Callable[[], Awaitable[None]]
LATER = ("2026-07", "2026-08", "2026-09", "2026-10")
BEFORE = ("2025-10", "2025-11", "2025-12", "2026-01", "2026-02", "2026-03")


@pytest.fixture
def settled(running: Running, provider: ProviderId, admin: Any, clock: Clock) -> Settle:
    async def until_nothing_is_marked() -> None:
        await settle(running, provider, admin, clock.now)

    return until_nothing_is_marked


def chart(name: str) -> str:
    return address(f"charts/{name}")


async def improved(client: httpx.AsyncClient, settled: Settle) -> None:
    """Three teams that met 18 of 25 items before the start and 24 now."""
    await set_up(client)
    await send(client, *checks_of(BEFORE, 18), *checks_of(LATER, 24))
    await settled()


async def test_list_names_every_chart_with_what_it_shows(
    client: httpx.AsyncClient, settled: Settle
) -> None:
    await improved(client, settled)
    answer = await client.get(address("charts"))
    assert answer.status_code == 200
    listed = answer.json()["charts"]
    assert [each["name"] for each in listed] == list(CHARTS)
    assert all(each["title"] and each["shows"].endswith(".") for each in listed)
    assert listed[1]["parameters"] == ["indicator", "strand", "segment"]
    for each in listed:
        assert (await client.get(each["link"])).status_code == 200


@pytest.mark.parametrize("name", ["", *CHARTS])
async def test_charts_need_a_key_that_may_read_views(
    anonymous: httpx.AsyncClient, client: httpx.AsyncClient, client_with: MakeClient, name: str
) -> None:
    await set_up(client)
    where = chart(name).rstrip("/")
    answer = await anonymous.get(where)
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")
    others = await client_with(*(set(Scope) - {Scope.VIEWS_READ}))
    answer = await others.get(where)
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


@pytest.mark.parametrize("name", ["", "funnel", "spread-heat-map"])
async def test_absent_and_not_yours_read_alike(
    client: httpx.AsyncClient, client_with: MakeClient, running: Running, name: str
) -> None:
    await set_up(client)
    stranger = await client_with(*Scope, of=await make_provider(running))
    for reader, service in ((client, "1-999999999"), (stranger, "1-545611283")):
        answer = await reader.get(address(f"charts/{name}".rstrip("/"), service))
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


async def test_a_chart_that_does_not_exist_is_not_found(client: httpx.AsyncClient) -> None:
    await set_up(client)
    answer = await client.get(chart("pie"))
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


REFUSED = """
case              | query                                    | pointer     | code
spread-heat-map   | as_of=2026-13                            | /as_of      | not_a_month
spread-heat-map   | as_of=2026-11                            | /as_of      | month_not_ended
spread-heat-map   | known_at=2027-01-01T00:00:00Z            | /known_at   | in_future
funnel            | indicator=none_such                      | /indicator  | unknown_indicator
funnel            | segment=oak                              | /segment    | not_taken
funnel            | strand=nights                            | /strand     | unknown_strand
shift-clock       | strand=team_spread                       | /strand     | not_taken
inside-outside    | indicator=falls                          | /indicator  | not_taken
spread-timeline   | segment=pine                             | /segment    | unknown_segment
spread-timeline   | strand=shift_coverage&segment=oak        | /segment    | unknown_segment
check-coverage    | format=pdf                               | /format     | enum
"""


@pytest.mark.parametrize("row", rows(REFUSED), ids=lambda row: f"{row['case']}?{row['query']}")
async def test_what_cannot_be_asked_is_refused_with_a_pointer(
    client: httpx.AsyncClient, settled: Settle, row: dict[str, str]
) -> None:
    await improved(client, settled)
    answer = await client.get(f"{chart(row['case'])}?{row['query']}")
    assert answer.status_code == 422, answer.text
    [error] = answer.json()["errors"]
    assert (error["pointer"], error["code"]) == (row["pointer"], row["code"])


async def test_nothing_is_drawn_of_a_day_when_nothing_was_known(
    client: httpx.AsyncClient, settled: Settle
) -> None:
    await improved(client, settled)
    answer = await client.get(chart("funnel"), params={"known_at": "2026-10-20T00:00:00Z"})
    assert (answer.status_code, answer.json()["code"]) == (404, "nothing_known_then")


@every_chart
async def test_every_chart_comes_in_every_form(
    client: httpx.AsyncClient, settled: Settle, name: str
) -> None:
    await improved(client, settled)
    begins = {Format.SVG: b"<svg ", Format.PNG: b"\x89PNG"}
    tags = set()
    for form, media in MEDIA.items():
        answer = await client.get(chart(name), headers={"Accept": media})
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"] == media
        assert answer.headers["vary"] == "Accept"
        assert answer.headers["cache-control"] == "private, no-cache"
        assert answer.content.startswith(begins.get(form, b'{"$schema"'))
        asked = await client.get(chart(name), params={"format": form.value})
        assert asked.content == answer.content, "the same twice, and by either way of asking"
        tags.add(answer.headers["etag"])
    assert len(tags) == len(MEDIA)


async def test_schema_is_that_of_the_version_asked_for(
    client: httpx.AsyncClient, settled: Settle
) -> None:
    await improved(client, settled)
    for form, version in (("vegalite", "v6"), ("vegalite5", "v5"), ("json", "v6")):
        answer = await client.get(chart("funnel"), params={"format": form})
        assert answer.json()["$schema"].endswith(f"/vega-lite/{version}.json")


@every_chart
async def test_who_holds_it_already_is_told_so_without_drawing(
    client: httpx.AsyncClient, settled: Settle, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await improved(client, settled)
    first = await client.get(chart(name), params={"format": "svg"})
    monkeypatch.setattr(pictures, "draw", None)
    again = await client.get(
        chart(name), params={"format": "svg"}, headers={"If-None-Match": first.headers["etag"]}
    )
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]


async def test_no_form_that_is_accepted_is_406_with_those_there_are(
    client: httpx.AsyncClient, settled: Settle
) -> None:
    await improved(client, settled)
    answer = await client.get(chart("funnel"), headers={"Accept": "application/pdf, text/html"})
    assert (answer.status_code, answer.json()["code"]) == (406, "not_acceptable")
    assert all(media in answer.json()["detail"] for media in MEDIA.values())


ACCEPTED = """
case | accept                                                             | form
a    | */*                                                                | vegalite
b    | application/json                                                   | json
c    | application/vnd.vegalite.v5+json                                   | vegalite5
d    | image/png;q=0.5, image/svg+xml;q=0.9                               | svg
e    | image/*                                                            | svg
f    | image/*;q=0.1, image/png                                           | png
g    | image/svg+xml;q=0, image/*                                         | png
h    | text/html, application/xhtml+xml, */*;q=0.8                        | vegalite
i    | IMAGE/PNG ; Q=1.0                                                  | png
j    | image/avif, image/webp, image/apng, image/svg+xml, image/*, */*;q=0.8 | svg
k    | nonsense                                                           | vegalite
l    | image/png;q=2, application/json;q=0.1                              | json
m    | */*;q=0.1, application/json;q=0.2                                  | json
"""


@pytest.mark.parametrize("row", rows(ACCEPTED), ids=lambda row: row["accept"])
def test_form_is_the_one_preferred(row: dict[str, str]) -> None:
    assert format_of(row["accept"], None) == row["form"]


@pytest.mark.parametrize("accept", ["text/html", "*/*;q=0", "image/gif, application/xml"])
def test_form_that_is_not_there_is_not_acceptable(accept: str) -> None:
    with pytest.raises(Problem) as refused:
        format_of(accept, None)
    assert refused.value.name == "not_acceptable"
    assert format_of(accept, Format.PNG) is Format.PNG


async def test_drawing_that_takes_too_long_is_503_and_holds_nobody_up(
    client: httpx.AsyncClient, settled: Settle, monkeypatch: pytest.MonkeyPatch
) -> None:
    await improved(client, settled)

    def sleep(*_: object) -> bytes:
        time.sleep(0.6)
        return b""

    monkeypatch.setattr(pictures, "draw", sleep)
    monkeypatch.setattr(pictures, "LONGEST_S", 0.1)
    slow = asyncio.create_task(client.get(chart("funnel"), params={"format": "png"}))
    await asyncio.sleep(0.05)
    started = time.monotonic()
    assert (await client.get(chart("funnel"))).status_code == 200
    assert time.monotonic() - started < 0.5
    answer = await slow
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert "retry-after" in answer.headers
    await asyncio.sleep(0.6)


async def test_a_service_without_evidence_has_charts_that_say_so(
    client: httpx.AsyncClient, settled: Settle
) -> None:
    await set_up(client)
    await settled()
    for name in CHARTS:
        answer = await client.get(chart(name), params={"as_of": "2026-10"})
        while answer.status_code == 202:
            await settled()
            answer = await client.get(chart(name), params={"as_of": "2026-10"})
        assert answer.status_code == 200, answer.text
        assert title(answer.json())
        picture = await client.get(chart(name), params={"as_of": "2026-10", "format": "svg"})
        assert picture.content.startswith(b"<svg ")


async def test_levels_known_on_a_day_are_those_of_its_conclusions(
    client: httpx.AsyncClient, settled: Settle, clock: Clock
) -> None:
    await improved(client, settled)
    then = clock.now
    question = {"indicator": "audit_compliance"}
    view = (await client.get(address("spread-dashboard"))).json()
    clock.advance(then - then.replace(hour=10))
    await send(client, *checks_of(["2026-09"], 3, ["oak"]))
    await settled()
    known = {"known_at": then.isoformat(), **question}
    spec = (await client.get(chart("team-trajectories"), params=known)).json()
    assert "frozen conclusions known then" in subtitle(spec)
    shown = {row["name"]: row["level"] for row in spec["data"]["values"] if row["kind"] == "level"}
    assert shown == {
        each["name"]: gap["level"]
        for each in view["segments"]
        for gap in each["gaps"]
        if gap["indicator"] == "audit_compliance"
    }
    now = (await client.get(chart("team-trajectories"), params=question)).json()
    months = {row["month"] for row in now["data"]["values"] if row["kind"] == "level"}
    assert months == {*BEFORE, *LATER}
    assert "as it is now" in subtitle(now)
