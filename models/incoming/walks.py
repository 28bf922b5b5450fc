"""What no value anywhere in an item may hold: a person's identity, U+0000, numbers past 64 bits."""

import re
from typing import Any

import msgspec
from msgspec import Raw

from models.incoming.pointers import pointer_of
from models.incoming.refusals import UNREADABLE, Refused, echo

LARGEST_INTEGER = 2**63 - 1

#: Fields that name a person, in any spelling of case, hyphens and underscores.
IDENTIFIERS = frozenset(
    (
        *("nhs", "nhsnumber", "nhsno", "name", "fullname", "firstname", "forename", "givenname"),
        *("middlename", "lastname", "surname", "familyname", "dob", "dateofbirth", "birthdate"),
        *("birthday", "address", "addressline1", "postcode", "postalcode", "zip", "email"),
        *("emailaddress", "phone", "phonenumber", "telephone", "mobile", "mobilenumber"),
    )
)
_NOT_LETTERS = re.compile(r"[^a-z0-9]")


def refuse_identifiers(value: object, within: str) -> None:
    """Whoever is meant belongs into `person` or `staff`, where it is made a pseudonym."""
    if isinstance(value, list):
        for place, part in enumerate(value):
            refuse_identifiers(part, f"{within}/{place}")
    elif isinstance(value, dict):
        for name, part in value.items():
            pointer = within + pointer_of([echo(name)])
            if _NOT_LETTERS.sub("", name.lower().removeprefix("x_")) in IDENTIFIERS:
                raise Refused(
                    "identifier_in_data",
                    pointer,
                    "Data may not say who somebody is. Leave this out and send the id of the person"
                    " or of the member of staff as 'person' or 'staff'; both are pseudonymised.",
                )
            refuse_identifiers(part, pointer)


def refuse_large_numbers(value: object, within: str) -> None:
    if isinstance(value, int) and abs(value) > LARGEST_INTEGER:
        raise Refused("out_of_range", within, "Whole numbers have at most 64 bits.")
    for name, part in _parts(value):
        refuse_large_numbers(part, within + pointer_of([echo(name)]))


def refuse_nul(raw: bytes | Raw) -> None:
    """PostgreSQL stores no U+0000, neither in text nor in JSON."""
    try:
        value = msgspec.json.decode(raw)
    except UNREADABLE:
        return  # The item is refused for that, and with a better reason.
    _refuse_nul_in(value, "")


def _refuse_nul_in(value: object, within: str) -> None:
    names = value if isinstance(value, dict) else ()
    if (isinstance(value, str) and "\x00" in value) or any("\x00" in name for name in names):
        raise Refused("nul_character", within, "U+0000 cannot be stored; leave it out.")
    for name, part in _parts(value):
        _refuse_nul_in(part, within + pointer_of([echo(name)]))


def _parts(value: object) -> list[tuple[Any, Any]]:
    if isinstance(value, dict):
        return list(value.items())
    return list(enumerate(value)) if isinstance(value, list) else []
