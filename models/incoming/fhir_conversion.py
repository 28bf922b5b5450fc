"""What all conversions share: the parts of an event that a resource says, and where it says them.

A conversion fills `Said`. Pointers there lead from a field of our event to the element it came
from, so that a refusal of the event can be told in the words of the resource.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time
from enum import Enum
from typing import Any, NamedTuple

from models.calendar import LONDON
from models.incoming.fhir_concepts import OWN, plain
from models.incoming.fhir_elements import Extension
from models.incoming.refusals import Refused, echo, unknown_field

_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_PART_OF_DATE = re.compile(r"\d{4}(-\d\d){0,2}")


class Standing(Enum):
    """What a status makes of a resource here."""

    COUNTED = "counted"
    #: `entered-in-error`: what was stored of it no longer holds.
    RETRACTED = "retracted"
    #: Neither done nor omitted. A later version of this kind takes an earlier one back.
    NOT_COUNTED = "not_counted"


class NotCounted(NamedTuple):
    """Why a resource that is well is no evidence, and the element that says so."""

    pointer: str
    why: str


class Remark(NamedTuple):
    """What a sender ought to know about a resource that was taken."""

    severity: str
    code: str
    pointer: str
    detail: str


class Questions(NamedTuple):
    """Which linkIds hold the answers that count, when they are not called as we would guess."""

    fft: str | None = None
    rating: str | None = None


@dataclass(slots=True)
class Said:
    """An event of ours in the making."""

    fields: dict[str, Any] = field(default_factory=dict)
    data: dict[str, Any] = field(default_factory=dict)
    places: dict[str, str] = field(default_factory=dict)
    remarks: list[Remark] = field(default_factory=list)

    def say(self, name: str, value: object, place: str) -> None:
        """A field of the event, unless there is nothing to say."""
        if value is not None:
            self.fields[name] = value
            self.places[f"/{name}"] = place

    def say_data(self, name: str, value: object, place: str) -> None:
        if value is not None:
            self.data[name] = value
            self.places[f"/data/{name}"] = place

    def remark(self, severity: str, code: str, pointer: str, detail: str) -> None:
        self.remarks.append(Remark(severity, code, pointer, detail))


def instant(written: str | None, place: str) -> str:
    """A moment, to be read with the event. A bare date is refused, since bands go by the hour."""
    if not written:
        raise Refused("missing_field", place, "This is required: it says when it happened.")
    if _PART_OF_DATE.fullmatch(written):
        raise Refused(
            "naive_time",
            place,
            "Give the time of day and its offset too, as in 2026-03-01T08:05:00+00:00: in which"
            " band something happened is never guessed.",
        )
    return written


def day_or_instant(written: str | None, place: str) -> str:
    """For what enters no band by its time: a bare day is its first moment in London."""
    if written and _DAY.fullmatch(written):
        return local(written, "00:00:00", place)
    return instant(written, place)


def local(day: str, clock: str, place: str) -> str:
    """A day and a time on the local clock as a moment; of an hour that comes twice the first."""
    try:
        at = datetime.combine(date.fromisoformat(day), time.fromisoformat(clock), LONDON)
    except ValueError:
        raise Refused("invalid_time", place, "There is no such day or time.") from None
    return at.isoformat()


def say_extensions(said: Said, extensions: list[Extension], allowed: Mapping[str, str]) -> None:
    """Our own extensions `urn:breadth:<name>`; `allowed` says whether a name is `data` or not.

    An unknown one is refused: passing over a misspelt `due_at` would lose every lateness.
    """
    for number, extension in enumerate(extensions):
        if not (extension.url or "").startswith(OWN):
            continue
        name = (extension.url or "").removeprefix(OWN)
        place = f"/extension/{number}"
        if name not in allowed:
            refused = unknown_field(name, allowed, "")
            raise Refused(refused.code, place, refused.detail)
        value = _value_of(extension)
        if value is None:
            raise Refused(
                "missing_field",
                place,
                f"'{echo(extension.url)}' takes a boolean, code, string, dateTime or instant.",
            )
        if name == "band":
            said.say("about", {"band": value}, place)
        elif allowed[name] == "data":
            said.say_data(name, value, place)
        else:
            said.say(name, value, place)


def _value_of(extension: Extension) -> bool | str | None:
    if extension.value_boolean is not None:
        return extension.value_boolean
    return (
        extension.value_date_time
        or extension.value_instant
        or extension.value_code
        or extension.value_string
    )


def listed(table: Mapping[str, str], *words: str | None) -> str | None:
    """The first of these words that the table knows."""
    return next((table[word] for word in map(plain, words) if word in table), None)
