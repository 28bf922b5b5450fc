"""Words counted slowly and separately, as what tallies are compared with.

Knows the events that count from the other oracle and shares nothing with the code under test.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, timedelta

from tests.count_oracle import known_events, meant, not_excluded
from tests.place_oracle import LONDON, Sent, Teams, instant

#: Family, month, kind, word, team, area and band → events.
Tallies = dict[tuple[str, date, str, str, str, str, str], int]
LOOKED_AT = ("audit.completed", "observation.completed", "knowledge.checked")


def tally_oracle(
    sent: Iterable[Sent], service: str, teams: Teams, aliases: Mapping[str, str]
) -> Tallies:
    found: Counter[tuple[str, date, str, str, str, str, str]] = Counter()
    for event, (team, area, band, month) in not_excluded(known_events(sent, service, teams)):
        for kind, word in set(words(event, aliases)):
            found[event["type"].split(".")[0], month, kind, word, team, area, band] += 1
    return dict(found)


def words(event: Sent, aliases: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Every word each time that the event says it."""
    data, kind = event["data"], event["type"]
    if kind == "audit.completed":
        yield from (("weak_theme", meant(word, aliases)) for word in data.get("themes", ()))
    if kind in LOOKED_AT:
        yield "check_day", weekday(event)
    outside = data.get("respondent") != "staff"
    if kind == "complaint.received" and outside and "theme" in data:
        yield "complaint_theme", meant(data["theme"], aliases)
    if kind == "feedback.received" and outside:
        rating, answer = data.get("rating", 3), data.get("fft", "neither")
        bad = rating <= 2 or answer in ("poor", "very_poor")
        good = rating >= 4 or answer in ("good", "very_good")
        for word in data.get("themes", ()):
            if bad:
                yield "negative_theme", meant(word, aliases)
            elif good:
                yield "positive_theme", meant(word, aliases)


def weekday(event: Sent) -> str:
    """Monday is 1; before eight in the morning it is still the night of the day before."""
    local = instant(event["occurred_at"]).astimezone(LONDON)
    began = local.date() - timedelta(days=1 if local.hour < 8 else 0)
    return "7123456"[int(began.strftime("%w"))]
