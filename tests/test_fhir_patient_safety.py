"""The national patient-safety event counts the same as FHIR and through its shipped mapping."""

from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.incoming.content import Terms, encode
from models.incoming.fhir_conversion import Standing
from models.incoming.mapped import read_mapped
from models.incoming.refusals import Refused
from models.incoming.validation import read_item
from models.keyring import Pseudonyms
from models.mapping.shipped import SHIPPED, document_of
from models.storing import Row
from models.vocabulary import ProviderId
from tests.conftest import NOW
from tests.fhir_sent import (
    Connection,
    Resource,
    codes,
    extension,
    national,
    post,
    read,
    stored,
)
from tests.sent import SERVICE
from tests.shipped_pages import page

NAME = "lfpse-adverse-event"
PSEUDONYMS = Pseudonyms(b"key" * 11)
SKIPPED, REFUSED = "skipped", "refused"
#: In the shipped table of organisations.
assert SHIPPED[NAME].codes["organisations"].words == {"VL0X1": SERVICE}


def what_counts(row: Row) -> Row:
    """Without who sent it under which id, which a base of FHIR has from elsewhere."""
    return row._replace(source="", event_id="", content_hash=b"")


def as_fhir(resource: Resource) -> Row | str:
    try:
        reading = read(resource)
        if reading.standing is Standing.NOT_COUNTED:
            return SKIPPED
        row = read_item(encode(reading.item), Terms(), PSEUDONYMS, NOW)
    except Refused:
        return REFUSED
    return what_counts(row)


def as_mapped(resource: Resource) -> Row | str:
    found = read_mapped(SHIPPED[NAME], "lfpse:elm", resource, Terms(), PSEUDONYMS, NOW)
    assert found.records == 1
    if found.skipped:
        return SKIPPED
    return REFUSED if found.refused else what_counts(found.rows[0])


def samples() -> list[Resource]:
    """Every AdverseEvent of the page and of the examples in the document."""
    bodies = [page(NAME).sent, *(one["input"] for one in document_of(NAME)["examples"])]
    found = [entry["resource"] for body in bodies for entry in body.get("entry", [])]
    found += [body for body in bodies if "entry" not in body]
    return [one for one in found if one["resourceType"] == "AdverseEvent"]


def test_samples_show_events_and_what_is_skipped_and_refused() -> None:
    became = [as_fhir(one) for one in samples()]
    assert {SKIPPED, REFUSED} <= set(became)
    assert len([one for one in became if isinstance(one, Row)]) >= 3


@pytest.mark.parametrize("resource", samples(), ids=lambda one: one["identifier"]["value"])
def test_a_sample_of_the_mapping_becomes_the_same_event_as_fhir(resource: Resource) -> None:
    assert as_fhir(resource) == as_mapped(resource)


_others = st.sampled_from(
    [
        extension("adverse-event-went-well", ("StrengthsOfCare", "String", "Calm.")),
        extension("adverse-event-risk-details", ("RiskImminent", "Code", "n")),
        extension("adverse-event-outcome", ("OutcomeType", "Code", "4")),
        extension("adverse-event-outcome", ("ImmediateActions", "String", "Sat her up.")),
        extension("adverse-event-estimated-date", ("TodaysDate", "Date", "2026-09-07")),
    ]
)
_sound = st.fixed_dictionaries(
    {
        "harms": st.lists(st.sampled_from("12345"), min_size=1, max_size=3),
        "challenges": st.lists(st.sampled_from("1234567"), max_size=3),
        "psychological": st.sampled_from([*"1234", None]),
        "hour": st.sampled_from(["22:40:00", "00:00:00", "07:05", None]),
        "estimated": st.sampled_from(["1", "1", "2"]),
        "date": st.sampled_from(["2026-09-03", "2026-02-28"]),
        "actuality": st.sampled_from(["actual", "potential"]),
    }
)
#: The clock in England shows 01:30 twice on the first of these days and never on the second.
_odd: st.SearchStrategy[Resource] = st.sampled_from(
    [
        {"date": "2026-10-25", "hour": "01:30:00"},
        {"date": "2026-03-29", "hour": "01:30:00"},
        *({"date": day} for day in ("2026-09", "2026-09-31", "2027-01-01", None)),
        *({"date": "2026-09-03T22:40:00+01:00", "hour": hour} for hour in (None, "22:40:00")),
        *({"hour": hour} for hour in ("25:00:00", "noon", "22:40:00Z")),
        *({"estimated": code} for code in ("3", "6", None)),
        *({"harms": harms} for harms in ([], ["9"], ["4", "9"], [" 4"])),
        *({"challenges": codes} for codes in (["8"], ["2", "8"])),
        {"psychological": "9"},
        *({"actuality": word} for word in ("Potential?", None)),
    ]
)


@st.composite
def _sent(draw: st.DrawFn) -> Resource:
    says = draw(_sound) | draw(st.one_of(st.just({}), st.just({}), _odd))
    sent = national(*says.pop("harms"), **says)
    version = draw(st.sampled_from([None, "1", "7"]))
    if version is not None:
        sent["meta"]["versionId"] = version
    sent["extension"] += draw(st.one_of(st.just([]), st.just([]), _others))
    return sent


@given(_sent())
def test_whatever_is_sent_becomes_the_same_either_way(resource: Resource) -> None:
    assert as_fhir(resource) == as_mapped(resource)


CATEGORIES = [
    ((), "unclassified", None),
    (("2",), "fall", "fall"),
    (("1", "2"), "fall", "pressure_ulcer, fall"),
    (("5", "1"), "infection", "infection, pressure_ulcer"),
    (("6",), "other", "other"),
]


@pytest.mark.parametrize(("challenges", "category", "listed"), CATEGORIES)
def test_a_fall_is_told_by_the_safety_challenges(
    challenges: tuple[str, ...], category: str, listed: str | None
) -> None:
    data = read(national("4", challenges=challenges)).item["data"]
    assert (data["category"], data.get("x_challenges")) == (category, listed)


@pytest.mark.parametrize(
    ("harms", "worst"),
    [
        ("5", "none"),
        ("4", "low"),
        ("3", "moderate"),
        ("2", "severe"),
        ("1", "death"),
        ("54", "low"),
    ],
)
def test_harm_is_that_of_the_worst_off_patient(harms: str, worst: str) -> None:
    item = read(national(*harms)).item
    assert item["data"]["harm"] == worst
    assert "person" not in item


def test_a_near_miss_without_a_patient_did_no_harm() -> None:
    data = read(national(actuality="potential")).item["data"]
    assert (data["near_miss"], data["harm"]) == (True, "none")


def test_harm_that_is_coded_of_somebody_counts_whatever_it_is_called() -> None:
    assert read(national("3", actuality="potential")).item["data"]["harm"] == "moderate"


@pytest.mark.parametrize(
    ("changes", "expression"),
    [({"challenges": ("8",)}, "/extension"), ({"psychological": "9"}, "/contained")],
)
def test_a_code_that_is_not_known_is_refused(changes: Any, expression: str) -> None:
    with pytest.raises(Refused) as refused:
        read(national("4", **changes))
    assert (refused.value.code, refused.value.pointer) == ("unknown_value", expression)


@pytest.mark.parametrize(
    ("date", "at"),
    [("2026-09-03", "2026-09-03T22:40:00+00:00"), ("2026-12-03", "2026-12-03T23:40:00+00:00")],
)
def test_it_happened_at_its_precise_time_in_england(date: str, at: str) -> None:
    assert read(national("4", date=date)).item["occurred_at"] == at


@pytest.mark.parametrize(
    ("hour", "estimated"),
    [(None, None), (None, "2"), (None, "3"), ("25:00:00", "1"), ("about noon", None)],
)
def test_its_hour_is_never_guessed(hour: str | None, estimated: str | None) -> None:
    with pytest.raises(Refused) as refused:
        read(national("4", hour=hour, estimated=estimated))
    assert (refused.value.code, refused.value.pointer) == ("invalid_time", "/date")


def test_a_day_shift_is_noon() -> None:
    item = read(national("4", hour=None, estimated="1")).item
    assert item["occurred_at"] == "2026-09-03T11:00:00+00:00"


NO_INCIDENTS = {
    "went-well": ("adverse-event-went-well", "StrengthsOfCare", "String", "Calm and quick."),
    "risk": ("adverse-event-risk-details", "RiskImminent", "Code", "n"),
    "outcome": ("adverse-event-outcome", "OutcomeType", "Code", "4"),
}


@pytest.mark.usefixtures("known_places")
@pytest.mark.parametrize("kind", NO_INCIDENTS)
async def test_what_is_no_incident_is_answered_and_not_stored(
    kind: str, client: httpx.AsyncClient, admin: Connection, provider: ProviderId
) -> None:
    name, *inside = NO_INCIDENTS[kind]
    told: list[Any] = extension(name, (inside[0], inside[1], inside[2]))
    answer = await post(client, national("1", extension=told, actuality=None, date=None))
    assert (answer.status_code, codes(answer)) == (200, ["not_counted"])
    [issue] = answer.json()["issue"]
    assert issue["expression"] == ["AdverseEvent.extension[0]"]
    assert "Calm" not in answer.text
    assert await stored(admin, provider) == []


@pytest.mark.usefixtures("known_places")
async def test_an_incident_that_turns_out_to_be_a_risk_no_longer_counts(
    client: httpx.AsyncClient, admin: Connection, provider: ProviderId
) -> None:
    first = national("4")
    first["meta"]["versionId"] = "1"
    risk = extension("adverse-event-risk-details", ("RiskImminent", "Code", "n"))
    second = national("4", extension=risk)
    second["meta"]["versionId"] = "2"
    assert (await post(client, first)).status_code == 201
    answer = await post(client, second)
    assert (answer.status_code, codes(answer)) == (200, ["accepted", "not_counted"])
    assert [row["retracted"] for row in await stored(admin, provider)] == [False, True]
