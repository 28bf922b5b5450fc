"""The route as a Registered Manager would tell it: who does what about which segment; and then.

A scenario is a table; each row is done over HTTP by the person it names, and answers with what that
person would read.
"""

from typing import Any, NamedTuple

import httpx

from models.vocabulary import Role, Stage, Strand

#: A Tuesday morning, unless the segment is a night.
VISIT_AT = "2026-11-10T10:30:00+00:00"
NIGHTS = {
    "weekday_night": "2026-11-10T23:30:00+00:00",
    "weekend_night": "2026-11-14T23:30:00+00:00",
}
COMMENT = "Taken from the figures of the month; nothing was left out."


class Scenario(NamedTuple):
    """One strand of one service, and a client for each person."""

    people: dict[str, httpx.AsyncClient]
    service: str
    strand: Strand
    month: str

    @property
    def records(self) -> str:
        return f"/v1/services/{self.service}/records"

    async def step(self, row: dict[str, str]) -> str:
        """Do what a row says; what it answers to the person."""
        done = getattr(self, row["does"])
        answer: str = await done(self.people[row["case"]], row["about"])
        return answer

    async def maps(self, who: httpx.AsyncClient, _: str) -> str:
        record = await self._signed(who, Stage.MAP, {"comment": COMMENT})
        if isinstance(record, str):
            return record
        began = record["figures"]["began_in"]
        less = ", ".join(one["segment"] for one in record["figures"]["less_stable"])
        places = " or ".join([began["segment"], *began["or_in"]]) if began else "no one place"
        return f"began in {places}; less stable: {less or 'none'}"

    async def compares(self, who: httpx.AsyncClient, about: str) -> str:
        view = await who.get(f"/v1/services/{self.service}/route", params={"as_of": self.month})
        mapped = next(
            place["records"][0]
            for place in view.json()["route"]
            if place["strand"] == self.strand and place["stage"] == Stage.MAP
        )
        less = [one["segment"] for one in mapped["figures"]["less_stable"]]
        everywhere = [*mapped["figures"]["visible_now"], *less]
        body = {
            "segments": [
                {
                    "segment": code,
                    "replicated": "partly" if code in less else "yes",
                    "why": "Seen on the rounds and read in its audits.",
                }
                for code in everywhere
            ],
            "origin_outperforms": about == "material",
            "significance": about,
            "significance_reason": "It is what people would meet on most days.",
        }
        record = await self._signed(who, Stage.COMPARE, body)
        if isinstance(record, str):
            return record
        material = sorted({one["segment"] for one in record["figures"]["material"]})
        return f"gaps that matter to people: {', '.join(material) or 'none'}"

    async def observes(self, who: httpx.AsyncClient, about: str) -> str:
        entry = {
            "at": NIGHTS.get(about, VISIT_AT),
            "practice": {"items_due": 20, "items_met": 11, "of": "medicines round"},
            "knowledge": {"asked": 5, "known": 3},
            "slows": ["staffing", "handover"],
            "note": "The round was followed until the phone rang.",
        }
        record = await self._signed(who, Stage.OBSERVE, {"entries": [entry]}, segment=about)
        if isinstance(record, str):
            return record
        found = await who.get(
            f"/v1/services/{self.service}/evidence",
            params={"strand": self.strand, "segment": about, "month": "2026-11"},
        )
        own = [one for one in found.json()["items"] if one["source"] == f"record:{record['id']}"]
        return f"evidence: {', '.join(sorted(one['type'] for one in own))}"

    async def supports(self, who: httpx.AsyncClient, about: str) -> str:
        entry = {
            "kind": "shadowing",
            "what": "Two rounds beside somebody who does it well.",
            "owner": "lena",
            "due_on": "2026-11-20",
            "review_on": "2026-12-04",
        }
        record = await self._signed(who, Stage.SUPPORT, {"entries": [entry]}, segment=about)
        if isinstance(record, str):
            return record
        distance = record["figures"]["distance"]
        material = [gap for gap in distance if gap["state"] == "material"]
        return f"behind the benchmark where it matters: {len(material)} of {len(distance)}"

    async def judges(self, who: httpx.AsyncClient, about: str) -> str:
        judgement, _, escalated = about.partition(", to ")
        body = {
            "judgement": judgement,
            "residual_variation": "It is weaker where the map says so, and we know why in part.",
            "enhanced_oversight": judgement != "broad_enough",
            "escalation": {"to": escalated, "why": "It has lasted too long."}
            if escalated
            else None,
        }
        record = await self._signed(who, Stage.JUDGE, body)
        if isinstance(record, str):
            return record
        figures = record["figures"]
        unseen = ", ".join(figures["not_observed"]) or "nothing"
        return f"{record['body']['judgement']}, figures say {figures['level']}; unseen: {unseen}"

    async def _signed(
        self, who: httpx.AsyncClient, stage: Stage, body: dict[str, Any], **more: Any
    ) -> dict[str, Any] | str:
        """The signed record, or why it was refused."""
        there = await who.get(
            self.records,
            params={
                "strand": self.strand,
                "stage": stage,
                "month": self.month,
                "status": "draft",
            }
            | more,
        )
        if drafts := there.json()["items"]:
            revision = drafts[0]["revision"]
            address = f"{self.records}/{drafts[0]['id']}"
            drafted = await who.put(address, json={"revision": revision, "body": body})
        else:
            sent = {"strand": self.strand, "stage": stage, "month": self.month, "body": body}
            drafted = await who.post(self.records, json=sent | more)
        if not drafted.is_success:
            return refusal(drafted)
        record = drafted.json()
        signed = await who.post(
            f"{self.records}/{record['id']}:sign", json={"revision": record["revision"]}
        )
        return signed.json() if signed.is_success else refusal(signed)


def refusal(answer: httpx.Response) -> str:
    problem = answer.json()
    detail = problem["errors"][0]["detail"] if problem["errors"] else problem["detail"]
    return f"{answer.status_code}: {detail}"


#: Who works at each service of the demo.
PEOPLE = {
    "quinn": Role.QUALITY_LEAD,
    "ruth": Role.REGISTERED_MANAGER,
    "dan": Role.DEPUTY_MANAGER,
    "lena": Role.TEAM_LEADER,
}
