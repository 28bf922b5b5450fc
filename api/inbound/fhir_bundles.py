"""A bundle taken apart: what each entry asks for, and what came along only to be referred to."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import msgspec
from msgspec import Raw

from api.inbound.fhir_outcomes import Answer, issue, refusal
from api.inbound.fhir_storing import Asked
from api.problems import Problem
from models.incoming.fhir_conversion import Questions
from models.incoming.fhir_elements import Element, Supporting
from models.incoming.fhir_reading import KINDS, read_resource
from models.incoming.fhir_stored import Criteria
from models.incoming.refusals import UNREADABLE, Refused, echo, explain

MOST_ENTRIES = 200
TYPES = ("batch", "transaction")


class Request(Element, kw_only=True):
    method: str | None = None
    url: str | None = None
    if_none_exist: str | None = None


class Entry(Element, kw_only=True):
    full_url: str | None = None
    resource: Raw = Raw()
    request: Request | None = None


class Bundle(Element, kw_only=True):
    resource_type: str | None = None
    type: str | None = None
    entry: list[Raw] = msgspec.field(default_factory=list)


@dataclass(slots=True)
class Opened:
    """Resources to take by the place of their entry, and answers to entries that are none."""

    transaction: bool
    length: int
    asked: dict[int, Asked] = field(default_factory=dict)
    answers: dict[int, Answer] = field(default_factory=dict)


def open_bundle(body: bytes, service: str, questions: Questions) -> Opened:
    """Raises `Refused` for what is no bundle, `Problem` for one that is too long."""
    try:
        bundle = msgspec.json.decode(body, type=Bundle)
    except UNREADABLE as error:
        raise explain(error, ()) from None
    if bundle.resource_type != "Bundle":
        raise Refused("unknown_value", "/resourceType", "Send a Bundle here.")
    if bundle.type not in TYPES:
        code = "missing_field" if bundle.type is None else "not_supported"
        raise Refused(code, "/type", f"Send a bundle of one of the types {', '.join(TYPES)}.")
    if len(bundle.entry) > MOST_ENTRIES:
        raise Problem("body_too_large", f"Send at most {MOST_ENTRIES} entries in one bundle.")
    opened = Opened(bundle.type == "transaction", len(bundle.entry))
    entries: dict[int, Entry] = {}
    for place, raw in enumerate(bundle.entry):
        try:
            entries[place] = _entry(raw)
        except Refused as refused:
            opened.answers[place] = refusal(refused, _root(place))
    beside = _by_address(entries.values())
    for place, entry in entries.items():
        try:
            _open_entry(opened, place, entry, service, beside, questions)
        except Refused as refused:
            opened.answers[place] = refusal(refused, _root(place))
    return opened


def _open_entry(
    opened: Opened,
    place: int,
    entry: Entry,
    service: str,
    beside: Mapping[str, Raw],
    questions: Questions,
) -> None:
    name = _resource_type(entry)
    _refuse_other_requests(entry.request, name)
    root = f"{_root(place)}.resource"
    if name not in KINDS:
        text = f"A {echo(name)} is read where others refer to it, and not stored."
        opened.answers[place] = Answer(200, [issue("information", "not_stored", text, root)])
        return
    criteria = None
    if entry.request is not None and entry.request.if_none_exist is not None:
        try:
            criteria = Criteria(entry.request.if_none_exist, service, KINDS[name].event_type)
        except Refused as refused:
            raise Refused(refused.code, "/request/ifNoneExist", refused.detail) from None
    try:
        reading = read_resource(entry.resource, name, service, beside, questions)
    except Refused as refused:
        raise Refused(refused.code, f"/resource{refused.pointer}", refused.detail) from None
    opened.asked[place] = Asked(reading, root, criteria)


def _entry(raw: Raw) -> Entry:
    try:
        return msgspec.json.decode(raw, type=Entry)
    except UNREADABLE as error:
        raise explain(error, ()) from None


def _resource_type(entry: Entry) -> str:
    if not bytes(entry.resource):
        raise Refused("missing_field", "/resource", "Each entry has a resource to create.")
    try:
        name = msgspec.json.decode(entry.resource, type=Supporting).resource_type
    except UNREADABLE as error:
        raise explain(error, (), "/resource") from None
    if not name:
        raise Refused("missing_field", "/resource/resourceType", "'resourceType' is required.")
    return name


def _refuse_other_requests(request: Request | None, name: str) -> None:
    if request is None or request.method is None:
        raise Refused("missing_field", "/request/method", "Say what to do: POST.")
    if request.method != "POST":
        raise Refused(
            "not_supported",
            "/request/method",
            "Only POST is taken. A correction is posted with the same identifier and a higher"
            " meta.versionId; what was an error has the status entered-in-error.",
        )
    if (request.url or "").strip("/") != name:
        raise Refused("unknown_value", "/request/url", "The url of a POST is its resource type.")


def _by_address(entries: Iterable[Entry]) -> dict[str, Raw]:
    """What references may point at: the full address of an entry, and its type and id."""
    found: dict[str, Raw] = {}
    for entry in entries:
        if not bytes(entry.resource):
            continue
        if entry.full_url:
            found.setdefault(entry.full_url, entry.resource)
        try:
            said = msgspec.json.decode(entry.resource, type=Supporting)
        except UNREADABLE:
            continue  # The entry itself is refused for that.
        if said.resource_type and said.id:
            found.setdefault(f"{said.resource_type}/{said.id}", entry.resource)
    return found


def _root(place: int) -> str:
    return f"Bundle.entry[{place}]"
