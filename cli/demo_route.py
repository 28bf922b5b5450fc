"""People of the demo walk the route: they map, compare, look, help and judge what was computed.

Written through the public API by keys that act for them and are ended afterwards. What they write
follows from the figures that they read, so that no record says more than its evidence.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any, Final

import httpx

from cli.calls import Pause, patiently, taken
from models.calendar import ShiftPattern, band_of
from models.organisation import ALWAYS
from models.vocabulary import AUTHOR_OF, BY_SEGMENT, Band, Role, Stage, Strand

PEOPLE: Final = {
    Role.QUALITY_LEAD: ("amara.cole", "Amara Cole"),
    Role.REGISTERED_MANAGER: ("ruth.hadley", "Ruth Hadley"),
    Role.DEPUTY_MANAGER: ("dan.whitmore", "Dan Whitmore"),
    Role.TEAM_LEADER: ("lena.marsh", "Lena Marsh"),
    Role.SENIOR_LEADER: ("sue.penrose", "Sue Penrose"),
}
#: Segments that somebody goes to see: the first of those that are less stable.
VISITED: Final = 2
PATTERN: Final = ShiftPattern(
    ALWAYS, datetime.min.time().replace(hour=8), datetime.min.time().replace(hour=20)
)

Body = dict[str, Any]
#: A client that calls with this key.
ClientOf = Callable[[str], httpx.Client]


class Route:
    """One strand of one service, written by those whose keys are `people`."""

    def __init__(
        self,
        people: dict[Role, httpx.Client],
        pause: Pause,
        service: str,
        strand: Strand,
        month: str,
    ) -> None:
        self._people, self._pause = people, pause
        self._records = f"/v1/services/{service}/records"
        self._of: Body = {"strand": strand, "month": month}

    def walk(self, now: datetime) -> None:
        """From the map to the judgement, as far as the figures have segments to speak of."""
        mapped = self._sign(Stage.MAP, {"comment": "As the figures stand; nothing was left out."})
        less = [one["segment"] for one in mapped["figures"]["less_stable"]]
        everywhere = [*mapped["figures"]["visible_now"], *less]
        if not everywhere:
            return
        self._sign(Stage.COMPARE, comparison(everywhere, less))
        for segment in less[:VISITED]:
            self._sign(Stage.OBSERVE, {"entries": [visit(segment, now)]}, segment)
            self._sign(Stage.SUPPORT, {"entries": [support(now)]}, segment)
        self._sign(Stage.JUDGE, judgement(mapped["figures"], less))

    def _sign(self, stage: Stage, body: Body, segment: str | None = None) -> Body:
        sent: Body = self._of | {"stage": stage, "body": body}
        if stage in BY_SEGMENT:
            sent["segment"] = segment
        who = self._people[AUTHOR_OF[stage]]
        record = taken(patiently(who, self._pause, "POST", self._records, json=sent))
        address = f"{self._records}/{record['id']}"
        revision = record["revision"]
        signed = patiently(who, self._pause, "POST", f"{address}:sign", json={"revision": revision})
        if signed.status_code == httpx.codes.CONFLICT:
            # Evidence that came in meanwhile has changed the figures: they are read again.
            saved = {"revision": revision, "body": body}
            revision = taken(patiently(who, self._pause, "PUT", address, json=saved))["revision"]
            again = {"revision": revision}
            signed = patiently(who, self._pause, "POST", f"{address}:sign", json=again)
        return taken(signed)


def walk_all(
    client_of: ClientOf,
    admin: httpx.Client,
    pause: Pause,
    services: list[str],
    month: str,
    now: datetime,
) -> None:
    """Walk every strand of these services, unless somebody has written of the month before."""
    unwritten = [
        service
        for service in services
        if not taken(
            patiently(
                admin, pause, "GET", f"/v1/services/{service}/records", params={"month": month}
            )
        )["items"]
    ]
    if not unwritten:
        return
    with _people(client_of, admin, pause) as people:
        for service in unwritten:
            for strand in Strand:
                Route(people, pause, service, strand, month).walk(now)


@contextmanager
def _people(
    client_of: ClientOf, admin: httpx.Client, pause: Pause
) -> Iterator[dict[Role, httpx.Client]]:
    """A client for each role, whose key ends when the route is walked."""
    keys: dict[Role, Body] = {}
    clients: dict[Role, httpx.Client] = {}
    try:
        for role, (code, name) in PEOPLE.items():
            address = f"/v1/people/{code}"
            taken(patiently(admin, pause, "PUT", address, json={"name": name}))
            held = {"role": role, "held_from": ALWAYS.replace(year=2024).isoformat()}
            taken(patiently(admin, pause, "POST", f"{address}/roles", json=held))
            asked = {"name": f"demo of {name}", "scopes": ["views:read", "records:write"]}
            keys[role] = taken(
                patiently(admin, pause, "POST", "/v1/keys", json=asked | {"person": code})
            )
            clients[role] = client_of(keys[role]["key"])
        yield clients
    finally:
        for client in clients.values():
            client.close()
        for key in keys.values():
            patiently(admin, pause, "DELETE", f"/v1/keys/{key['key_id']}")


def comparison(everywhere: list[str], less: list[str]) -> Body:
    said = {True: ("partly", "Some of it was seen, not on every shift."), False: ("yes", "Seen.")}
    return {
        "segments": [
            {"segment": code, "replicated": said[code in less][0], "why": said[code in less][1]}
            for code in everywhere
        ],
        "origin_outperforms": len(less) > len(everywhere) / 2,
        "significance": "material" if less else "minor",
        "significance_reason": f"{len(less)} of {len(everywhere)} cannot be called reached.",
    }


def visit(segment: str, now: datetime) -> Body:
    """The last full hour before now that is in the segment, when it is a time of the week."""
    at = (now - timedelta(hours=2)).replace(minute=0, second=0, microsecond=0)
    while segment in list(Band) and band_of(at, [PATTERN]) != segment:
        at -= timedelta(hours=1)
    return {
        "at": at.isoformat(),
        "practice": {"items_due": 12, "items_met": 8},
        "knowledge": {"asked": 5, "known": 4},
        "slows": ["handover", "staffing"],
        "note": "The routine is known; it gives way when the phone rings during the round.",
    }


def support(now: datetime) -> Body:
    due = now.date() + timedelta(days=14)
    return {
        "kind": "shadowing",
        "what": "Two rounds beside somebody from where it began, then one watched alone.",
        "owner": PEOPLE[Role.TEAM_LEADER][0],
        "due_on": due.isoformat(),
        "review_on": (due + timedelta(days=14)).isoformat(),
    }


def judgement(figures: Body, less: list[str]) -> Body:
    """As far as the figures go and no further."""
    broad = figures["level"] == "broad"
    partly = figures["level"] in {"broad_with_exceptions", "spreading"}
    weaker = f"Weaker in {', '.join(less)}" if less else "No segment is weaker beyond chance"
    return {
        "judgement": "broad_enough" if broad else "partly" if partly else "not_yet",
        "residual_variation": f"{weaker}. {figures['statement']}",
        "enhanced_oversight": not broad,
        "escalation": None
        if broad or partly
        else {"to": Role.SENIOR_LEADER, "why": "It has to be carried beyond where it began."},
    }
