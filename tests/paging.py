"""Reading a listing to its end, page by page."""

from typing import Any

import httpx

from tests.reading import address, read
from tests.sent import SERVICE

#: No listing of a test is longer; more pages would be a cursor that goes round in a ring.
MOST_PAGES = 200


async def pages(
    client: httpx.AsyncClient, service: str = SERVICE, **question: Any
) -> list[dict[str, Any]]:
    """Every page of the evidence asked for."""
    found = [await read(client, "evidence", service, **question)]
    while (cursor := found[-1]["next_cursor"]) is not None:
        assert len(found) < MOST_PAGES, "the pages never end"
        found.append(await read(client, "evidence", service, **question, cursor=cursor))
    return found


async def listed(
    client: httpx.AsyncClient, service: str = SERVICE, **question: Any
) -> list[dict[str, Any]]:
    """Every item of the evidence asked for."""
    found = await pages(client, service, **question)
    return [item for page in found for item in page["items"]]


async def ids(client: httpx.AsyncClient, service: str = SERVICE, **question: Any) -> list[str]:
    return [item["id"] for item in await listed(client, service, **question)]


async def follow(client: httpx.AsyncClient, **question: Any) -> list[dict[str, Any]]:
    """The same by the `Link` header alone, as a client would that knows nothing of cursors."""
    answer = await client.get(address("evidence"), params=question)
    found = list(answer.json()["items"])
    for _ in range(MOST_PAGES):
        if "next" not in answer.links:
            return found
        link = httpx.URL(answer.links["next"]["url"])
        answer = await client.get(link.raw_path.decode())
        assert answer.status_code == 200, answer.text
        found += answer.json()["items"]
    raise AssertionError("the links never end")
