"""`/v1/fhir/{service}`: what a FHIR R4 client sends to a service becomes evidence.

Each service is a FHIR base of its own, because resources do not say whose they are. Answers are
OperationOutcomes; 200 and 201 are given only once what they say is durable.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Path, Query, Request, Response

from api.deps import Running, RunningApp, require
from api.idempotency import asked_in, worth_keeping
from api.inbound.bodies import JSON, read_body
from api.inbound.described_fhir import (
    BUNDLE,
    BUNDLE_ANSWERS,
    CAPABILITY_ANSWERS,
    RESOURCE_ANSWERS,
    RESOURCES,
)
from api.inbound.fhir_bundles import Opened, open_bundle
from api.inbound.fhir_capabilities import capability_statement
from api.inbound.fhir_outcomes import FHIR_JSON, Answer, encode, etag, issue, outcome, refusal
from api.inbound.fhir_storing import Asked, take
from api.problems import Problem
from models.incoming.fhir_conversion import Questions
from models.incoming.fhir_reading import KINDS, read_resource
from models.incoming.fhir_stored import Criteria
from models.incoming.refusals import Refused
from models.people import KeyHolder
from models.vocabulary import ProviderId, Scope

router = APIRouter(prefix="/v1/fhir", tags=["fhir"])

FHIR_VERSION = "4.0"

Service = Annotated[
    str, Path(min_length=1, max_length=200, description="The service that all of this is about.")
]
Writer = Annotated[KeyHolder, require(Scope.EVENTS_WRITE)]
IfNoneExist = Annotated[
    str | None,
    Header(
        alias="If-None-Exist",
        max_length=2_000,
        description="`identifier=<system>|<value>`: store only when no such record is here. Then"
        " 201 when there was none, 200 when there is one, 412 when several match.",
    ),
]
FftLink = Annotated[
    str | None,
    Query(max_length=200, description="The linkId of the Friends and Family question."),
]
RatingLink = Annotated[
    str | None, Query(max_length=200, description="The linkId of a rating from 1 to 5.")
]


@dataclass(frozen=True, slots=True)
class Posted:
    """What every post of one resource says beside its body."""

    request: Request
    running: RunningApp
    holder: Writer
    service: Service
    if_none_exist: IfNoneExist = None

    async def take(self, name: str, questions: Questions = Questions()) -> Response:  # noqa: B008 - a constant
        running = self.running
        async with running.large_bodies.room_for(self.request):
            body = await _read(self.request)
            try:
                criteria = None
                if self.if_none_exist is not None:
                    kind = KINDS[name].event_type
                    criteria = Criteria(self.if_none_exist, self.service, kind)
                reading = read_resource(body, name, self.service, questions=questions)
            except Refused as refused:
                _count(running, ["rejected"])
                return _respond(refusal(refused, name))
            asked = [Asked(reading, name, criteria)]
            answer = (await take(running, self.holder.provider, asked, all_or_none=False))[0]
        _count(running, [answer.became])
        return _respond(answer)


Post = Annotated[Posted, Depends()]
Route = Callable[..., Awaitable[Response]]


def resource(name: str) -> Callable[[Route], Route]:
    """The route to which resources of this type are posted."""
    return router.post(
        f"/{{service}}/{name}",
        response_class=Response,
        responses=RESOURCE_ANSWERS,
        openapi_extra={"requestBody": RESOURCES[name]},
    )


@resource("MedicationAdministration")
async def send_medication_administration(post: Post) -> Response:
    """Store a dose, given or not, as `medication.administered`.

    `completed` is given, or self-administered when its performer is a Patient. `not-done` counts by
    `statusReason`: refused, asleep, away, in hospital, no stock, clinical, not required; by SNOMED
    CT, reason-medication-not-given, plain words or `urn:breadth:medication_status`. A reason that
    is not known counts as an omission in error, and the answer warns. `in-progress`, `on-hold`,
    `stopped` and `unknown` are not counted. `entered-in-error` takes back what was stored.

    When a dose was due is not in the resource: send the extension `urn:breadth:due_at`
    (valueDateTime), or no dose is late. A dose is as required when its `request` came along,
    contained or in the bundle, and says so, or by the extension `urn:breadth:prn` (valueBoolean).
    The team is the tag `urn:breadth:team` in `meta`, else where the encounter of `context` takes
    place if it came along, else none.
    """
    return await post.take("MedicationAdministration")


@resource("QuestionnaireResponse")
async def send_questionnaire_response(
    post: Post, fft: FftLink = None, rating: RatingLink = None
) -> Response:
    """Store what somebody thinks of the service as `feedback.received`.

    Read are the Friends and Family question, by its text or the linkId `fft`, and a rating from 1
    to 5 with the linkId `rating`; `fft` and `rating` in the address name other linkIds. Also
    `respondent`, `themes` and `comment`. All other items are left unread. `source` says who
    answered by its type: Patient a person, RelatedPerson the family, Practitioner staff.
    """
    return await post.take("QuestionnaireResponse", Questions(fft, rating))


@resource("AdverseEvent")
async def send_adverse_event(post: Post) -> Response:
    """Store an incident as `incident.reported`.

    `actuality` `potential` is a near miss. Harm is the worst of `severity`, an `outcome` of
    `fatal`, and `PhysicalHarm` of contained patients; else it is taken from `seriousness`, and the
    answer warns. Falls are told by SNOMED CT or plain words; any other category is the first code
    of `event` or `category`. The team is the tag `urn:breadth:team`, else `location`. R4 has no
    status here: `entered-in-error` is taken as R5 writes it.

    An event in the shape of Learn from patient safety events is read as by the shipped mapping
    `lfpse-adverse-event`: its category by `SafetyChallenges`, its hour by `PreciseTime`. What it
    tells of care that went well, of a risk or of an outcome alone is answered as not counted.
    """
    return await post.take("AdverseEvent")


@router.post(
    "/{service}",
    response_class=Response,
    responses=BUNDLE_ANSWERS,
    openapi_extra={"requestBody": BUNDLE},
)
async def send_bundle(
    request: Request,
    running: RunningApp,
    holder: Writer,
    service: Service,
    fft: FftLink = None,
    rating: RatingLink = None,
) -> Response:
    """Store many resources at once: a Bundle of at most 200 entries, each a POST.

    A `batch` answers each entry for itself. A `transaction` is stored as a whole or not at all,
    and then answers with everything that stood in its way. Patients, requests, encounters and other
    resources that come along are read where others refer to them, and not stored.
    """
    async with running.large_bodies.room_for(request):
        body = await _read(request)
        try:
            opened = open_bundle(body, service, Questions(fft, rating))
        except Refused as refused:
            return _respond(refusal(refused, "Bundle"))
        refused_entries = any(answer.is_error for answer in opened.answers.values())
        if not (opened.transaction and refused_entries):
            await _take_opened(running, holder.provider, opened)
    asked = asked_in(request)
    if asked is not None and not all(worth_keeping(one.status) for one in opened.answers.values()):
        # An entry that failed is carried out when the bundle is sent again.
        asked.settled = True
    errors = [answer for answer in opened.answers.values() if answer.is_error]
    if opened.transaction and errors:
        _count(running, ["rejected"] * len(errors))
        return _respond(_undone(errors))
    _count(running, [answer.became for answer in opened.answers.values()])
    return _json(200, _answered(opened))


@router.get(
    "/{service}/metadata",
    response_class=Response,
    responses=CAPABILITY_ANSWERS,
    dependencies=[require(Scope.EVENTS_WRITE)],
)
async def read_capabilities(service: Service) -> Response:
    """What this FHIR base can do, as a CapabilityStatement."""
    return _json(200, capability_statement(service))


async def _take_opened(running: Running, provider: ProviderId, opened: Opened) -> None:
    places = list(opened.asked)
    taken = await take(
        running, provider, list(opened.asked.values()), all_or_none=opened.transaction
    )
    opened.answers |= {places[place]: answer for place, answer in taken.items()}


def _undone(errors: Sequence[Answer]) -> Answer:
    """Everything that stood in the way of a transaction, under the status of the first."""
    text = "Nothing of this transaction was stored."
    first = issue("error", "transaction_undone", text, "Bundle", kind="processing")
    return Answer(errors[0].status, [first, *(one for error in errors for one in error.issues)])


def _answered(opened: Opened) -> dict[str, Any]:
    kind = "transaction-response" if opened.transaction else "batch-response"
    entries = [opened.answers[place].entry() for place in range(opened.length)]
    return {"resourceType": "Bundle", "type": kind} | ({"entry": entries} if entries else {})


async def _read(request: Request) -> bytes:
    kind, *parameters = request.headers.get("content-type", "").lower().split(";")
    said = dict(_parameter(one) for one in parameters)
    if kind.strip() not in {FHIR_JSON, JSON} or said.get("charset", "utf-8") != "utf-8":
        raise Problem("unsupported_media_type", f"Send {FHIR_JSON} in UTF-8.")
    if not said.get("fhirversion", FHIR_VERSION).startswith(FHIR_VERSION):
        raise Problem("unsupported_media_type", "Send FHIR R4: fhirVersion 4.0.")
    return await read_body(request)


def _parameter(written: str) -> tuple[str, str]:
    name, _, value = written.partition("=")
    return name.strip(), value.strip(' "')


def _respond(answer: Answer) -> Response:
    response = _json(answer.status, outcome(answer.issues))
    if answer.version is not None:
        response.headers["ETag"] = etag(answer.version)
    if answer.location is not None:
        response.headers["Location"] = answer.location
    return response


def _json(status: int, body: object) -> Response:
    return Response(encode(body), status, media_type=FHIR_JSON)


def _count(running: Running, became: Sequence[str]) -> None:
    for word in became:
        if word:
            running.metrics.events.labels(word).inc()
