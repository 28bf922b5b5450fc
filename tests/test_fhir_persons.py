"""Whoever a resource speaks of is a pseudonym in what is stored, and nothing else."""

import httpx
import pytest

from api.running import Running
from models.incoming.fhir_references import NHS_NUMBER
from models.vocabulary import ProviderId
from tests.fhir_sent import (
    Connection,
    Resource,
    administration,
    adverse_event,
    post,
    questionnaire,
    stored,
)

pytestmark = pytest.mark.usefixtures("known_places")


async def test_no_name_and_no_identifier_of_a_person_is_stored(
    client: httpx.AsyncClient, admin: Connection, provider: ProviderId, running: Running
) -> None:
    named = {"display": "Mary Smith", "reference": "#mary"}
    mary = {
        "resourceType": "Patient",
        "id": "mary",
        "name": [{"text": "Mary Smith"}],
        "birthDate": "1941-02-03",
        "identifier": [{"system": NHS_NUMBER, "value": "943 476 5919"}],
    }
    nurse = {"reference": "Practitioner/jb17", "display": "Mary Smith"}
    along: Resource = {
        "contained": [mary],
        "subject": named,
        "text": {"status": "generated", "div": "<div>Mary Smith</div>"},
    }
    note = [{"text": "Mary Smith was unwell"}]
    for resource in (
        administration(
            performer=[{"actor": nurse}],
            status="not-done",
            statusReason=[{"text": "Mary Smith refused"}],
            note=note,
            **along,
        ),
        questionnaire(
            source=named,
            item=[
                {"linkId": "rating", "answer": [{"valueInteger": 2}]},
                {"linkId": "comment", "answer": [{"valueString": "Mary Smith was rude"}]},
            ],
            contained=[mary],
        ),
        adverse_event(
            event={"text": "Mary Smith fell"},
            description="Mary Smith fell",
            recorder=nurse,
            **along,
        ),
    ):
        answer = await post(client, resource)
        assert answer.status_code == 201, answer.text
    rows = await stored(admin, provider)
    waiting = await admin.fetch("SELECT * FROM quarantine WHERE provider_id = $1", provider)
    everything = str([dict(row) for row in (*rows, *waiting)])
    for trace in ("Mary", "Smith", "1941", "943", "jb17", "fell"):
        assert trace not in everything
    token = running.keyring.pseudonyms(provider).of("person", "9434765919")
    assert [row["person"] for row in rows] == [token] * 3


async def test_a_comment_is_kept_sealed_when_the_provider_says_so(
    client: httpx.AsyncClient, admin: Connection, provider: ProviderId
) -> None:
    chosen = (await client.get("/v1/settings")).json()
    settings = {name: chosen[name] for name in ("channels_required", "look_day", "spc_rules")}
    settings |= {"method": chosen["method"], "store_text": True}
    assert (await client.put("/v1/settings", json=settings)).is_success
    comment = {"linkId": "comment", "answer": [{"valueString": "Cold soup"}]}
    await post(client, questionnaire(item=[*questionnaire()["item"], comment]))
    [row] = await stored(admin, provider)
    assert row["text_sealed"]
    assert "soup" not in row["data"]
