"""Walking the route in tests: a service with evidence, its people, and their records over HTTP."""

from typing import Any, NamedTuple

import httpx

from api.running import Running
from models.vocabulary import ProviderId, Role, Stage, Strand
from tests.conftest import NOW, MakeClient
from tests.recomputing import Admin, settle
from tests.roles import client_as, person
from tests.sent import SERVICE, event, send
from tests.set_up import put, team

MONTH = "2026-10"
RECORDS = f"/v1/services/{SERVICE}/records"
#: Who works at the service, each with one role; Tom leads ash.
PEOPLE = {
    "quinn": Role.QUALITY_LEAD,
    "ruth": Role.REGISTERED_MANAGER,
    "dan": Role.DEPUTY_MANAGER,
    "tom": Role.TEAM_LEADER,
    "sue": Role.SENIOR_LEADER,
    "ines": Role.ASSESSOR,
}
COMPARED = {
    "origin_outperforms": True,
    "significance": "material",
    "significance_reason": "Ash gives medicines late on most evenings.",
}
JUDGED = {
    "judgement": "not_yet",
    "residual_variation": "Ash is behind; two audits are not enough to say how far.",
    "enhanced_oversight": True,
    "escalation": None,
}
VISIT = {"at": "2026-11-12T10:00:00+00:00", "practice": {"items_due": 10, "items_met": 6}}
HELP = {
    "kind": "coaching",
    "what": "Walk each evening round with the team.",
    "owner": "tom",
    "due_on": "2026-11-20",
    "review_on": "2026-12-01",
}


class Walk(NamedTuple):
    """Clients by person; `admin` sees all there is in the database."""

    people: dict[str, httpx.AsyncClient]
    running: Running
    provider: ProviderId
    admin: Admin
    client: httpx.AsyncClient

    async def draft(
        self,
        who: str,
        stage: Stage,
        body: dict[str, Any],
        *,
        strand: Strand = Strand.TEAM_SPREAD,
        **more: Any,
    ) -> httpx.Response:
        sent = {"strand": strand, "stage": stage, "month": MONTH, "body": body} | more
        return await self.people[who].post(RECORDS, json=sent)

    async def sign(self, who: str, record: dict[str, Any]) -> httpx.Response:
        return await self.people[who].post(
            f"{RECORDS}/{record['id']}:sign", json={"revision": record["revision"]}
        )

    async def signed(
        self, who: str, stage: Stage, body: dict[str, Any], **more: Any
    ) -> dict[str, Any]:
        """A record that is drafted and signed by one person."""
        drafted = await self.draft(who, stage, body, **more)
        assert drafted.status_code == 201, drafted.text
        answer = await self.sign(who, drafted.json())
        assert answer.status_code == 200, answer.text
        record: dict[str, Any] = answer.json()
        return record

    async def settle(self) -> None:
        await settle(self.running, self.provider, self.admin, NOW)

    async def compared(self, **more: Any) -> dict[str, Any]:
        """Map and comparison signed, so that others may look."""
        await self.signed("quinn", Stage.MAP, {}, **more)
        shown = [one["code"] for one in await self.segments(**more)]
        segments = [{"segment": code, "replicated": "partly", "why": "Seen."} for code in shown]
        return await self.signed("ruth", Stage.COMPARE, COMPARED | {"segments": segments}, **more)

    async def segments(self, strand: Strand = Strand.TEAM_SPREAD) -> list[dict[str, Any]]:
        views = {
            Strand.TEAM_SPREAD: "spread-dashboard",
            Strand.SHIFT_COVERAGE: "shift-coverage-review",
            Strand.EVIDENCE_ALIGNMENT: "evidence-alignment",
        }
        view = await self.client.get(
            f"/v1/services/{SERVICE}/{views[strand]}", params={"as_of": MONTH}
        )
        return [one for one in view.json()["segments"] if one["status"] != "not_provided"]


def audit(number: int, code: str, month: int, met: int) -> dict[str, Any]:
    data = {"audit": "medicines", "items_due": 25, "items_met": met}
    at = f"2026-{month:02}-11T10:00:00+00:00"
    return event("audit.completed", data, id=f"Q-{number}", team=code, occurred_at=at)


async def walk(
    client: httpx.AsyncClient,
    client_with: MakeClient,
    running: Running,
    provider: ProviderId,
    admin: Admin,
) -> Walk:
    """A service of two teams with half a year of audits, judged, and people in every role."""
    await put(client, team("oak", area="Nursing"), team("ash", area="Garden", led_by="tom"))
    programme = {"name": "Medicines on time", "started_on": "2026-06-08", "baseline_months": 3}
    answer = await client.put(f"/v1/services/{SERVICE}/programme", json=programme)
    assert answer.is_success, answer.text
    audits = [
        audit(100 * month + place, code, month, 24 if month > 6 and code == "oak" else 18)
        for month in range(3, 11)
        for place, code in enumerate(("oak", "ash"))
    ]
    await send(client, *audits)
    people = {}
    for code, role in PEOPLE.items():
        await person(running, provider, code, role)
        people[code] = await client_as(client_with, code)
    await settle(running, provider, admin, NOW)
    return Walk(people, running, provider, admin, client)
