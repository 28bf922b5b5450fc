"""Records of the route: who may write them, in which order, over which figures, and what stays."""

from typing import Any

import pytest

from models.vocabulary import Stage
from tests.conftest import NOW, Clock, MakeClient
from tests.recomputing import settle
from tests.sent import SERVICE, send
from tests.set_up import put, team
from tests.walking import COMPARED, HELP, JUDGED, MONTH, RECORDS, VISIT, Walk, audit, walk


@pytest.fixture
async def at_work(
    client: Any, client_with: MakeClient, running: Any, provider: Any, admin: Any
) -> Walk:
    return await walk(client, client_with, running, provider, admin)


def both(replicated: str = "yes") -> list[dict[str, str]]:
    return [{"segment": code, "replicated": replicated, "why": "Seen."} for code in ("oak", "ash")]


async def test_route_is_walked_from_map_to_judgement(at_work: Walk) -> None:
    mapped = await at_work.signed("quinn", Stage.MAP, {"comment": "Two teams, one ahead."})
    assert mapped["title"] == "improvement spread dashboard"
    assert [one["segment"] for one in mapped["figures"]["less_stable"]] == ["ash", "oak"]
    assert mapped["signed_by"] == {"person": "quinn", "name": "Quinn", "role": "quality_lead"}
    compared = await at_work.signed("ruth", Stage.COMPARE, COMPARED | {"segments": both()})
    assert compared["follows"] == [mapped["id"]]
    seen = await at_work.signed("dan", Stage.OBSERVE, {"entries": [VISIT]}, segment="ash")
    helped = await at_work.signed("tom", Stage.SUPPORT, {"entries": [HELP]}, segment="ash")
    assert helped["follows"] == [seen["id"]]
    judged = await at_work.signed("ruth", Stage.JUDGE, JUDGED)
    assert judged["follows"] == [helped["id"]]
    assert judged["figures"]["beyond_the_figures"] is False
    assert judged["figures"]["not_observed"] == ["oak"]
    route = (await at_work.client.get(f"/v1/services/{SERVICE}/route")).json()["route"]
    assert len(route) == 15
    states = [[one["status"] for one in place["records"]] for place in route]
    assert states == [["signed"]] * 5 + [[]] * 10
    view = await at_work.client.get(mapped["view"])
    assert view.json()["snapshot"] == mapped["snapshot"]


async def test_other_roles_may_not_write_a_stage_and_are_told_why(at_work: Walk) -> None:
    answer = await at_work.draft("dan", Stage.JUDGE, JUDGED)
    assert answer.status_code == 403
    assert answer.json()["detail"] == (
        "Only registered_manager may write, sign or withdraw the governance summary; Dan is"
        " deputy_manager here today, as far as this key acts for it."
    )
    nobody = await at_work.client.post(
        RECORDS, json={"strand": "team_spread", "stage": "map", "month": "2026-10", "body": {}}
    )
    assert (nobody.status_code, "person" in nobody.json()["detail"]) == (403, True)


async def test_later_stage_may_be_drafted_and_not_signed_early(at_work: Walk) -> None:
    drafted = await at_work.draft("ruth", Stage.JUDGE, JUDGED)
    assert drafted.status_code == 201
    answer = await at_work.sign("ruth", drafted.json())
    assert answer.status_code == 409
    assert answer.json()["errors"][0]["code"] == "unsigned_predecessor"
    assert "local implementation log" in answer.json()["detail"]


async def test_second_signature_is_told_of_the_first(at_work: Walk) -> None:
    drafted = (await at_work.draft("quinn", Stage.MAP, {})).json()
    assert (await at_work.sign("quinn", drafted)).status_code == 200
    again = await at_work.sign("quinn", drafted)
    assert again.status_code == 409
    assert "signed by Quinn" in again.json()["detail"]
    assert again.json()["errors"][0]["id"] == drafted["id"]


async def test_signature_needs_the_revision_that_was_read(at_work: Walk) -> None:
    drafted = (await at_work.draft("quinn", Stage.MAP, {})).json()
    changed = await at_work.people["quinn"].put(
        f"{RECORDS}/{drafted['id']}", json={"revision": 1, "body": {"comment": "More."}}
    )
    assert (changed.status_code, changed.json()["revision"]) == (200, 2)
    answer = await at_work.sign("quinn", drafted)
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (409, "revision_changed")


async def test_signature_cannot_be_dated(at_work: Walk) -> None:
    drafted = (await at_work.draft("quinn", Stage.MAP, {})).json()
    answer = await at_work.people["quinn"].post(
        f"{RECORDS}/{drafted['id']}:sign",
        json={"revision": 1, "signed_at": "2026-10-31T10:00:00Z"},
    )
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/signed_at")


async def test_judgement_beyond_the_figures_has_to_say_why(at_work: Walk) -> None:
    proud = JUDGED | {"judgement": "broad_enough"}
    answer = await at_work.draft("ruth", Stage.JUDGE, proud)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/body/why_beyond"
    explained = await at_work.draft("ruth", Stage.JUDGE, proud | {"why_beyond": "I walked it."})
    assert explained.json()["figures"]["beyond_the_figures"] is True


async def test_judgement_needs_an_explanation_of_what_is_left(at_work: Walk) -> None:
    for empty in ({}, {"residual_variation": "   "}):
        body = {name: v for name, v in JUDGED.items() if name != "residual_variation"} | empty
        answer = await at_work.draft("ruth", Stage.JUDGE, body)
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["pointer"] == "/body/residual_variation"


async def test_draft_over_figures_that_changed_is_not_signed(at_work: Walk) -> None:
    drafted = (await at_work.draft("quinn", Stage.MAP, {})).json()
    await send(at_work.client, audit(9999, "ash", 10, 3))
    await at_work.settle()
    answer = await at_work.sign("quinn", drafted)
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (409, "figures_changed")
    saved = await at_work.people["quinn"].put(
        f"{RECORDS}/{drafted['id']}", json={"revision": 1, "body": {}}
    )
    assert saved.json()["snapshot"] != drafted["snapshot"]
    assert (await at_work.sign("quinn", saved.json())).status_code == 200


async def test_superseding_takes_the_place_when_it_is_signed(at_work: Walk) -> None:
    old = await at_work.signed("quinn", Stage.MAP, {"comment": "First."})
    quinn = at_work.people["quinn"]
    assert (await at_work.draft("quinn", Stage.MAP, {})).status_code == 409
    anew = await quinn.post(
        f"{RECORDS}/{old['id']}:supersede", json={"why": "Typo.", "body": {"comment": "Second."}}
    )
    assert anew.status_code == 201
    assert (await quinn.get(f"{RECORDS}/{old['id']}")).json()["status"] == "signed"
    assert (await at_work.sign("quinn", anew.json())).status_code == 200
    assert (await quinn.get(f"{RECORDS}/{old['id']}")).json()["status"] == "superseded"


async def test_withdrawing_waits_for_what_stands_on_it(at_work: Walk) -> None:
    mapped = await at_work.signed("quinn", Stage.MAP, {})
    compared = await at_work.signed("ruth", Stage.COMPARE, COMPARED | {"segments": both()})
    why = {"why": "Written over the wrong month."}
    refused = await at_work.people["quinn"].post(f"{RECORDS}/{mapped['id']}:withdraw", json=why)
    assert (refused.status_code, compared["id"]) == (409, refused.json()["errors"][0]["id"])
    taken = await at_work.people["ruth"].post(f"{RECORDS}/{compared['id']}:withdraw", json=why)
    assert taken.json()["withdrawn_why"] == why["why"]
    again = await at_work.people["quinn"].post(f"{RECORDS}/{mapped['id']}:withdraw", json=why)
    assert again.status_code == 200


async def test_record_is_read_as_it_was_known(at_work: Walk, clock: Clock) -> None:
    drafted = (await at_work.draft("quinn", Stage.MAP, {"comment": "First."})).json()
    then = clock.now.isoformat()
    clock.now = NOW.replace(hour=14)
    await at_work.sign("quinn", drafted)
    address = f"{RECORDS}/{drafted['id']}"
    known = await at_work.client.get(address, params={"known_at": then})
    assert (known.json()["status"], known.json()["signed_at"]) == ("draft", None)
    listed = await at_work.client.get(RECORDS, params={"known_at": then, "status": "draft"})
    assert [one["id"] for one in listed.json()["items"]] == [drafted["id"]]
    assert (await at_work.client.get(address)).json()["status"] == "signed"
    before = await at_work.client.get(address, params={"known_at": "2026-11-01T00:00:00Z"})
    assert before.status_code == 404


async def test_assessor_reads_what_is_signed_and_writes_nothing(at_work: Walk) -> None:
    drafted = (await at_work.draft("quinn", Stage.MAP, {})).json()
    ines = at_work.people["ines"]
    assert (await ines.get(f"{RECORDS}/{drafted['id']}")).status_code == 404
    assert (await ines.get(RECORDS)).json()["items"] == []
    assert (await at_work.draft("ines", Stage.MAP, {})).status_code == 403
    await at_work.sign("quinn", drafted)
    assert [one["id"] for one in (await ines.get(RECORDS)).json()["items"]] == [drafted["id"]]


async def test_trail_says_who_did_what_and_what_came_of_it(at_work: Walk) -> None:
    mapped = await at_work.signed("quinn", Stage.MAP, {})
    trail = await at_work.client.get(
        f"/v1/services/{SERVICE}/trail", params={"resource_id": mapped["id"]}
    )
    lines = trail.json()["items"]
    assert [(one["action"], one["person"], one["role"]) for one in lines] == [
        ("drafted", "quinn", "quality_lead"),
        ("signed", "quinn", "quality_lead"),
    ]
    assert lines[-1]["state"] == mapped


@pytest.mark.parametrize(
    ("stage", "who", "body", "pointer"),
    [
        (Stage.COMPARE, "ruth", COMPARED | {"segments": both()[:1]}, "/body/segments"),
        (
            Stage.COMPARE,
            "ruth",
            COMPARED | {"segments": [*both(), both()[0]]},
            "/body/segments/2/segment",
        ),
        (Stage.MAP, "quinn", {"comment": "x" * 6000}, "/body/comment"),
        (Stage.MAP, "quinn", {"remark": "x"}, "/body/remark"),
        (Stage.MAP, "quinn", [], "/body"),
    ],
)
async def test_body_that_does_not_fit_is_refused_with_a_pointer(
    at_work: Walk, stage: Stage, who: str, body: Any, pointer: str
) -> None:
    answer = await at_work.draft(who, stage, body)
    assert answer.status_code == 422, answer.text
    assert answer.json()["errors"][0]["pointer"] == pointer
    assert (await at_work.client.get(RECORDS)).json()["items"] == []


async def test_megabyte_of_text_is_refused_and_nothing_is_written(at_work: Walk) -> None:
    answer = await at_work.draft("quinn", Stage.MAP, {"comment": "x" * 1_000_000})
    assert answer.status_code == 422
    larger = await at_work.draft("quinn", Stage.MAP, {"comment": "x" * 1_100_000})
    assert larger.status_code == 413
    assert (await at_work.client.get(RECORDS)).json()["items"] == []


async def test_support_is_read_beside_the_distance_then_and_now(
    at_work: Walk, clock: Clock
) -> None:
    answer = await at_work.draft("tom", Stage.SUPPORT, {"entries": [HELP]}, segment="ash")
    record = answer.json()
    address = f"{RECORDS}/{record['id']}"
    before = (await at_work.client.get(address)).json()
    assert before["now"]["distance"] == before["figures"]["distance"] != []
    then = clock.now.isoformat()
    clock.now = NOW.replace(hour=14)
    await send(at_work.client, *(audit(9000 + month, "ash", month, 25) for month in (8, 9, 10)))
    await settle(at_work.running, at_work.provider, at_work.admin, clock.now)
    after = (await at_work.client.get(address)).json()
    assert after["figures"] == before["figures"]
    (gap,), (was,) = after["now"]["distance"], before["now"]["distance"]
    assert (gap["indicator"], gap["estimate"] > was["estimate"]) == ("audit_compliance", True)
    known = (await at_work.client.get(address, params={"known_at": then})).json()
    assert known["now"] == before["now"]
    mapped = await at_work.draft("quinn", Stage.MAP, {})
    assert (await at_work.client.get(f"{RECORDS}/{mapped.json()['id']}")).json()["now"] is None


async def test_judgement_that_escalates_opens_an_escalation(at_work: Walk) -> None:
    await at_work.compared()
    await at_work.signed("dan", Stage.OBSERVE, {"entries": [VISIT]}, segment="ash")
    await at_work.signed("tom", Stage.SUPPORT, {"entries": [HELP]}, segment="ash")
    why = "Ash needs more than its own leader can give."
    escalated = JUDGED | {"escalation": {"to": "senior_leader", "why": why}}
    judged = await at_work.signed("ruth", Stage.JUDGE, escalated)
    found = await at_work.client.get(f"/v1/services/{SERVICE}/escalations")
    (opened,) = [one for one in found.json()["items"] if one["trigger"] == "leaders_judgement"]
    assert (opened["signal"]["text"], opened["owner"]["person"]) == (why, "sue")
    assert opened["links"]["record"].endswith(judged["id"])
    assert opened["next_review_on"] == "2026-12-05"


async def test_route_goes_on_when_a_service_is_registered_anew(at_work: Walk) -> None:
    mapped = await at_work.signed("quinn", Stage.MAP, {})
    new = "1-900000009"
    await put(
        at_work.client,
        team("oak", area="Nursing"),
        team("ash", area="Garden"),
        service=new,
        predecessor=SERVICE,
        succeeded_on="2026-11-01",
    )
    await at_work.settle()
    listed = await at_work.client.get(f"/v1/services/{new}/records")
    assert [one["id"] for one in listed.json()["items"]] == [mapped["id"]]
    compared = COMPARED | {"segments": both()}
    sent = {"strand": "team_spread", "stage": "compare", "month": MONTH, "body": compared}
    drafted = await at_work.people["ruth"].post(f"/v1/services/{new}/records", json=sent)
    assert drafted.status_code == 201, drafted.text
    signed = await at_work.sign("ruth", drafted.json())
    assert signed.json()["follows"] == [mapped["id"]]
    assert (await at_work.draft("quinn", Stage.MAP, {})).status_code == 409
