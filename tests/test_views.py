"""What a view says: the documented shape, and the worse verdict as plainly as the better one."""

from typing import Any

import httpx
import pytest

from api.reading.schemas import StoryView, StrandView
from api.running import Running
from models.vocabulary import ProviderId
from tests.reading import AFTER, BEFORE, STRANDS, checks_of, keys_of, read, set_up
from tests.recomputing import settle
from tests.sent import SERVICE, event, send

BETTER, WORSE = "1-100000001", "1-100000002"
#: The example of the contract; values stand for themselves only where they are sets of words.
EXAMPLE: dict[str, Any] = {
    **dict.fromkeys(("service", "strand", "as_of", "snapshot", "method", "catalogue")),
    "programme": {"name": None, "version": None},
    "freshness": {"computed_at": None, "evidence_to": None, "pending": None},
    "current_month": {},
    "windows": {
        "baseline": {"from": None, "to": None},
        "current": {"from": None, "to": None},
    },
    "verdict": {
        **dict.fromkeys(("level", "qualifiers", "statement")),
        "reasons": [{"code": None, "text": None, "figures": {}}],
    },
    "breadth": dict.fromkeys(
        (
            *("segments", "reached_at_least", "of_which_improved_at_least", "worsened_at_least"),
            *("confidence", "share_of_care_at_least", "named_reached", "named_worsened"),
            *("look", "alpha", "provisional"),
        )
    ),
    "segments": [
        {
            **dict.fromkeys(("code", "name", "status", "at_standard", "coverage")),
            "improvement": dict.fromkeys(("estimate", "lower", "upper", "p", "p_adjusted")),
            "channels": [
                dict.fromkeys(
                    (
                        *("channel", "n_baseline", "n_current"),
                        *("estimate", "lower", "upper", "state"),
                    )
                )
            ],
            **dict.fromkeys(("started", "held_months", "closing_per_month")),
        }
    ],
    **{name: {} for name in ("concentration", "gap", "heterogeneity")},
    **{name: [] for name in ("warnings", "triggers", "would_change")},
}
OF_A_STRAND = (
    *("strand", "verdict", "breadth", "segments", "concentration", "gap", "heterogeneity"),
    *("warnings", "triggers", "would_change"),
)
STORY: dict[str, Any] = {
    **{name: part for name, part in EXAMPLE.items() if name not in OF_A_STRAND},
    **dict.fromkeys(("level", "weakest_strand")),
    "strands": dict.fromkeys(STRANDS),
    "sentences": [
        {**dict.fromkeys(("code", "part", "strand", "text")), "figures": {}, "links": []}
    ],
    "judgements": [],
    "missing": [],
}
STATUSES = "insufficient worsened mixed reached moving not_shown not_provided"
STATES = "improved worsened undetermined no_evidence"
LEVELS = (
    "not_applicable insufficient_evidence worsening not_shown localised spreading"
    " broad_with_exceptions broad"
)


def missing(documented: Any, said: Any, at: str = "") -> list[str]:
    """Where what is documented is not in what is said; of a list every element is looked at."""
    if isinstance(documented, dict):
        if not isinstance(said, dict):
            return [at]
        return [
            path
            for key, part in documented.items()
            for path in (
                missing(part, said[key], f"{at}/{key}") if key in said else [f"{at}/{key}"]
            )
        ]
    if isinstance(documented, list):
        if not isinstance(said, list) or len(said) < len(documented):
            return [at]
        return [path for one in documented for each in said for path in missing(one, each, at)]
    return []


def test_what_is_missing_is_found() -> None:
    assert missing({"a": {"b": None}}, {"a": {}}) == ["/a/b"]
    assert missing({"a": [{"b": None}]}, {"a": [{"b": 1}, {"c": 1}]}) == ["/a/b"]
    assert missing({"a": [{"b": None}]}, {"a": []}) == ["/a"]
    assert missing({"a": {}}, {"a": None}) == ["/a"]
    assert not missing({"a": [], "b": None}, {"a": [1], "b": 2, "c": 3})


@pytest.fixture
async def compared(
    client: httpx.AsyncClient, running: Running, provider: ProviderId, admin: Any
) -> None:
    """Two services alike, but what one has after the programme's start the other had before."""
    for service, before, after in ((BETTER, 15, 23), (WORSE, 23, 15)):
        await set_up(client, service)
        sent = [*checks_of(BEFORE, before), *checks_of(AFTER, after)]
        own = ({**each, "id": service + each["id"], "service": service} for each in sent)
        await send(client, *own)
    await settle(running, provider, admin)


@pytest.mark.usefixtures("compared")
@pytest.mark.parametrize("strand", STRANDS)
async def test_a_strand_says_all_that_is_documented(client: httpx.AsyncClient, strand: str) -> None:
    for service in (BETTER, WORSE):
        body = await read(client, STRANDS[strand], service)
        assert not missing(EXAMPLE, body)
        StrandView.model_validate(body)
        assert (body["service"], body["strand"], body["as_of"]) == (service, strand, "2026-10")
        assert body["method"] == "breadth-2"
        assert body["programme"] == {"name": "Safer rounds", "version": 1}
        assert body["windows"] == {
            "baseline": {"from": "2025-10", "to": "2026-03"},
            "current": {"from": "2026-08", "to": "2026-10"},
        }
        assert body["verdict"]["level"] in LEVELS.split()
        for segment in body["segments"]:
            assert segment["status"] in STATUSES.split()
            assert segment["coverage"] in {"adequate", "thin", "absent"}
            assert {channel["state"] for channel in segment["channels"]} <= set(STATES.split())
            assert len(segment["channels"]) == 5
        assert body["breadth"]["of_which_improved_at_least"] <= body["breadth"]["reached_at_least"]


@pytest.mark.usefixtures("compared")
async def test_the_story_says_all_that_is_documented(client: httpx.AsyncClient) -> None:
    for service in (BETTER, WORSE):
        body = await read(client, "breadth", service)
        assert not missing(STORY, body)
        StoryView.model_validate(body)
        views = {strand: await read(client, view, service) for strand, view in STRANDS.items()}
        assert body["strands"] == {
            strand: view["verdict"]["level"] for strand, view in views.items()
        }
        claims = {sentence["code"]: sentence["text"] for sentence in body["sentences"]}
        for strand, view in views.items():
            level, statement = view["verdict"]["level"], view["verdict"]["statement"]
            assert claims[f"{strand}.{level}"] == statement
        assert {view["snapshot"] for view in views.values()} == {body["snapshot"]}
        for sentence in (*body["sentences"], *body["missing"]):
            for link in sentence["links"]:
                assert (await client.get(link)).status_code == 200


@pytest.mark.usefixtures("compared")
async def test_worse_is_said_as_plainly_as_better(client: httpx.AsyncClient) -> None:
    better, worse = [await read(client, "spread-dashboard", each) for each in (BETTER, WORSE)]
    everybody = ["ash", "elm", "oak"]
    assert better["verdict"]["level"] == "broad"
    assert better["breadth"]["reached_at_least"] == 3
    assert better["breadth"]["named_reached"] == everybody
    assert {segment["status"] for segment in better["segments"]} == {"reached"}
    assert worse["verdict"]["level"] == "worsening"
    assert worse["breadth"]["worsened_at_least"] == 3
    assert worse["breadth"]["named_worsened"] == everybody
    assert worse["breadth"]["reached_at_least"] == 0
    assert {segment["status"] for segment in worse["segments"]} == {"worsened"}
    [reason] = worse["verdict"]["reasons"]
    assert (reason["code"], reason["figures"]["worsened_at_least"]) == ("worsened", 3)
    assert "3 of 3 teams" in reason["text"]
    for part in ("breadth", "segments", "concentration", "freshness", "windows"):
        assert keys_of(better[part]) == keys_of(worse[part]), part
    for one, other in zip(better["segments"], worse["segments"], strict=True):
        assert one["improvement"]["estimate"] > 0 > other["improvement"]["estimate"]
    for service, level in ((BETTER, "broad"), (WORSE, "worsening")):
        assert (await read(client, "breadth", service))["strands"]["team_spread"] == level
    assert (await read(client, "breadth", WORSE))["level"] == "worsening"


async def test_a_service_without_evidence_is_answered_and_not_praised(
    client: httpx.AsyncClient, running: Running, provider: ProviderId, admin: Any
) -> None:
    await set_up(client)
    await settle(running, provider, admin)
    for strand, view in STRANDS.items():
        body = await read(client, view)
        assert not missing(EXAMPLE, body), strand
        assert body["verdict"]["level"] == "insufficient_evidence"
        assert body["breadth"]["reached_at_least"] == 0
        assert body["freshness"]["evidence_to"] is None
    assert (await read(client, "breadth"))["level"] == "insufficient_evidence"


async def test_a_programme_that_is_too_young_is_answered_without_a_claim(
    client: httpx.AsyncClient, running: Running, provider: ProviderId, admin: Any
) -> None:
    await set_up(client)
    young = {"name": "Quiet nights", "started_on": "2026-10-20"}
    assert (await client.put(f"/v1/services/{SERVICE}/programme", json=young)).is_success
    await settle(running, provider, admin)
    for view in STRANDS.values():
        body = await read(client, view)
        assert set(EXAMPLE) <= set(body)
        StrandView.model_validate(body)
        assert body["verdict"]["reasons"][0]["code"] == "programme_too_young"
        assert (body["breadth"], body["windows"]["current"]) == (None, None)


async def test_a_strand_of_one_team_does_not_apply_and_says_so(
    client: httpx.AsyncClient, running: Running, provider: ProviderId, admin: Any
) -> None:
    await set_up(client, teams=[{"code": "oak", "name": "Oak"}])
    complaint = event("complaint.received", {"respondent": "family"})
    await send(client, complaint | {"occurred_at": "2026-09-03T10:00:00+01:00"})
    await settle(running, provider, admin)
    story = await read(client, "breadth")
    assert story["strands"]["team_spread"] == "not_applicable"
    assert story["weakest_strand"] == "shift_coverage"
    assert "fewer_than_two_segments" in {reason["code"] for reason in story["missing"]}
