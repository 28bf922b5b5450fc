"""What a resource refers to: looked up where it was sent along, and told apart by its type.

From people only identifiers are taken, to be made pseudonyms; names and displays of people are
never read. Places are read by identifier, name or display, because teams have such names.
"""

import re
from collections.abc import Mapping, Sequence
from typing import TypeVar
from urllib.parse import parse_qsl

import msgspec
from msgspec import Raw

from models.incoming.fhir_elements import (
    Encounter,
    Identifier,
    Location,
    Reference,
    Somebody,
    Supporting,
)
from models.incoming.refusals import UNREADABLE, explain

NHS_NUMBER = "https://fhir.nhs.uk/Id/nhs-number"

_Found = TypeVar("_Found", bound=Supporting)
_ADDRESS = re.compile(r"(?:^|/)([A-Z][A-Za-z]+)/([A-Za-z0-9.\-]{1,64})(?:/_history/[^/]*)?$")
_SEARCHED = re.compile(r"([A-Z][A-Za-z]+)\?(.+)")


class References:
    """The resources that came along with one: its own `contained`, and a bundle's by address."""

    def __init__(self, contained: Sequence[Raw], beside: Mapping[str, Raw]) -> None:
        self._contained = contained
        self._beside = beside

    def find(self, reference: Reference | None, shape: type[_Found]) -> _Found | None:
        """What is referred to; None where it did not come along."""
        address = reference.reference if reference else None
        if not address:
            return None
        if not address.startswith("#"):
            raw = self._beside.get(address)
            return _decoded(raw, shape, "") if raw is not None else None
        for place, raw in enumerate(self._contained):
            if _decoded(raw, Supporting, f"/contained/{place}").id == address[1:]:
                return _decoded(raw, shape, f"/contained/{place}")
        return None

    def all_contained(self, resource_type: str, shape: type[_Found]) -> list[_Found]:
        return [
            _decoded(raw, shape, f"/contained/{place}")
            for place, raw in enumerate(self._contained)
            if _decoded(raw, Supporting, f"/contained/{place}").resource_type == resource_type
        ]

    def type_of(self, reference: Reference) -> str | None:
        """`Patient`, `RelatedPerson` …: as said, as found, or as the address has it."""
        if reference.type:
            return reference.type.rpartition("/")[2]
        found = self.find(reference, Supporting)
        if found is not None:
            return found.resource_type
        address = reference.reference or ""
        matched = _ADDRESS.search(address) or _SEARCHED.fullmatch(address)
        return matched[1] if matched else None

    def somebody(self, reference: Reference | None) -> str | None:
        """Who is meant, as text for a pseudonym; the NHS number where anything says it."""
        if reference is None:
            return None
        found = self.find(reference, Somebody)
        said = [reference.identifier] if reference.identifier else []
        searched = _searched_identifier(reference.reference or "")
        known: list[Identifier] = [*said, *searched, *(found.identifier if found else ())]
        nhs_number = next((one.value for one in known if one.system == NHS_NUMBER), None)
        if nhs_number:
            return nhs_number
        other = next((written(one) for one in known if one.value), None)
        return other or _lasting_address(reference.reference or "")

    def place(self, reference: Reference | None) -> str | None:
        """What a place is called, for the alias of a team to match."""
        if reference is None:
            return None
        if reference.identifier and reference.identifier.value:
            return reference.identifier.value
        found = self.find(reference, Location)
        if found is not None:
            names = [*(one.value for one in found.identifier), found.name]
            named = next((name for name in names if name), None)
            if named is not None:
                return named
        return reference.display or _lasting_address(reference.reference or "")

    def place_of_visit(self, reference: Reference | None) -> str | None:
        """Where an encounter that came along takes place.

        What it is itself called may name a person, and is not read.
        """
        visit = self.find(reference, Encounter)
        if visit is None or not visit.location:
            return None
        active = [place for place in visit.location if place.status == "active"]
        return self.place((active or visit.location)[-1].location)


def written(identifier: Identifier) -> str:
    """`system|value`, as FHIR writes identifiers in searches."""
    return f"{identifier.system}|{identifier.value}" if identifier.system else f"{identifier.value}"


def read_written(text: str) -> Identifier:
    """An identifier as a search has it: the first `|` divides, none says no system."""
    system, divided, value = text.partition("|")
    return Identifier(system=system or None, value=value) if divided else Identifier(value=system)


def _lasting_address(address: str) -> str | None:
    """An address that means the same in the next message: a fragment or a UUID does not."""
    if not address or address.startswith(("#", "urn:uuid:")) or _SEARCHED.fullmatch(address):
        return None
    return address.partition("/_history/")[0]


def _searched_identifier(address: str) -> list[Identifier]:
    """`Patient?identifier=system|value`, which bundles may write for a reference."""
    matched = _SEARCHED.fullmatch(address)
    if matched is None:
        return []
    sought = dict(parse_qsl(matched[2])).get("identifier", "")
    return [identifier] if (identifier := read_written(sought)).value else []


def _decoded(raw: Raw, shape: type[_Found], within: str) -> _Found:
    try:
        return msgspec.json.decode(raw, type=shape)
    except UNREADABLE as error:
        raise explain(error, (), within) from None
