"""How the demo sends, waits and shows, and the truth it writes beside its evidence."""

import json
from collections import Counter
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from typing import Any

import httpx
import pytest
from rich.console import Console

from cli import demo
from cli.calls import NotTaken
from cli.demo_services import services
from cli.demo_truth import known_truth
from models.vocabulary import Strand

NOW = datetime(2026, 11, 5, 9, 30, tzinfo=UTC)


def test_the_truth_names_what_was_planted() -> None:
    everywhere, one_team, by_day = (known_truth(service) for service in services(NOW))
    for strand in Strand:
        told = everywhere["strands"][strand.value]
        assert told["improved"] == told["segments"]
    assert one_team["strands"]["team_spread"]["improved"] == ["meadow"]
    assert one_team["strands"]["evidence_alignment"]["improved"] == ["Nursing"]
    assert by_day["strands"]["shift_coverage"]["improved"] == ["weekday_day", "weekend_day"]
    assert by_day["strands"]["evidence_alignment"]["improved"] == []
    assert by_day["windows"]["current"] == {"from": "2026-08", "to": "2026-10"}
    assert by_day["windows"]["baseline"] == {"from": "2025-05", "to": "2025-10"}


def test_written_demo_has_evidence_bodies_and_truth(tmp_path: Path) -> None:
    demo.write(tmp_path, NOW)
    told = json.loads((tmp_path / "truth.json").read_text())
    assert told == demo.truth(NOW)
    for code in told["services"]:
        first = (tmp_path / f"{code}.events.ndjson").read_text().splitlines()[0]
        assert json.loads(first)["service"] == code
        programme = json.loads((tmp_path / f"{code}.programme.json").read_text())
        assert programme["started_on"] == "2025-11-01"
        body = json.loads((tmp_path / f"{code}.service.json").read_text())
        assert body["shift_patterns"][0]["night_starts"] == "20:00"


OUTCOME = {"accepted": 0, "duplicates": 0, "superseded": 0, "quarantined": 0}


def answering(
    *events_answers: httpx.Response, registered: httpx.Response | None = None
) -> tuple[httpx.Client, Counter[str]]:
    """A client whose event answers come in this order, the last one for ever."""
    asked: Counter[str] = Counter()
    pending = iter([True])

    def answer(request: httpx.Request) -> httpx.Response:
        asked[f"{request.method} {request.url.path}"] += 1
        asked[request.url.query.decode()] += 1
        if request.method == "PUT":
            return httpx.Response(200, json={})
        if request.method == "GET" and request.url.path.count("/") == 3:
            return registered or httpx.Response(404)
        if request.method == "POST":
            position = min(asked["POST /v1/events"], len(events_answers)) - 1
            return events_answers[position]
        body = {
            "freshness": {"pending": next(pending, False)},
            "verdict": {"level": "broad", "statement": "It is broad."},
            "breadth": {"reached_at_least": 4, "segments": 4},
        }
        return httpx.Response(200, json=body)

    return httpx.Client(transport=httpx.MockTransport(answer), base_url="http://api"), asked


def taken(**changes: Any) -> httpx.Response:
    return httpx.Response(202, json=OUTCOME | {"conflicts": [], "rejected": []} | changes)


def test_the_demo_waits_as_long_as_the_api_asks_and_sends_again() -> None:
    busy = httpx.Response(429, headers={"Retry-After": "2"})
    client, asked = answering(busy, busy, taken())
    waited: list[float] = []
    demo._load(client, Console(quiet=True), NOW, waited.append)
    assert waited[:2] == [2.0, 2.0]
    assert asked["PUT /v1/services/1-100000001/programme"] == 1
    batches = sum(
        -(-len(list(demo.evidence(service, NOW))) // demo.BATCH) for service in services(NOW)
    )
    assert asked["POST /v1/events"] == batches + 2
    assert asked["GET /v1/services/1-100000001/spread-dashboard"] == 2


def test_how_much_was_sent_is_readable_on_a_narrow_terminal(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(demo, "services", lambda now, _=None: services(now)[2:])
    console = Console(width=80, record=True, file=StringIO())
    client, _ = answering(taken())
    demo._load(client, console, NOW, lambda _: None)
    sent = len(list(demo.evidence(services(NOW)[2], NOW)))
    assert f"{sent}/{sent}" in console.export_text()


def test_a_demo_loaded_in_an_earlier_month_is_sent_as_it_was() -> None:
    """Other months would be other evidence under the same names."""
    before = httpx.Response(200, json={"programme": {"started_on": "2025-11-01"}})
    client, asked = answering(taken(), registered=before)
    console = Console(width=140, record=True, file=StringIO())
    later = datetime(2027, 3, 9, tzinfo=UTC)
    demo._load(client, Console(quiet=True), later, lambda _: None)
    console.print(demo._picture(client, later, lambda _: None))
    assert "as_of=2026-10" in "".join(asked)
    assert "as_of=2027-02" not in "".join(asked)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (taken(rejected=[{"id": "A-9", "code": "occurred_in_future"}]), "occurred_in_future"),
        (taken(conflicts=[{"id": "A-4"}]), "conflicts: .*A-4"),
        (taken(quarantined=3), "3 events quarantined"),
        (httpx.Response(401, text="no key"), "no key"),
        (httpx.Response(503, headers={"Retry-After": "1"}), "still refused"),
    ],
)
def test_the_demo_stops_at_what_the_api_does_not_take(
    answer: httpx.Response, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo, "services", lambda now, _=None: services(now)[2:])
    client, _ = answering(answer)
    with pytest.raises(NotTaken, match=reason):
        demo._load(client, Console(quiet=True), NOW, lambda _: None)


def test_the_picture_shows_every_strand_of_every_service() -> None:
    client, _ = answering(taken())
    console = Console(width=140, record=True, file=StringIO())
    console.print(demo._picture(client, NOW, lambda _: None))
    text = console.export_text()
    assert text.count("reached at least 4 of 4") == 9
    assert "Willowbrook" in text
