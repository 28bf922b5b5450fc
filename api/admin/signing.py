"""What a connector is told of how its platform signs: checked, and a secret made where none is."""

import base64
import secrets
from collections.abc import Sequence
from typing import Any

import msgspec

from api.admin.bodies import Flaw, refuse
from api.inbound.signature_problems import problems_of, problems_of_secrets
from api.inbound.signature_schemes import STYLES, Scheme, recipe_of
from models.mapping.explained import explained
from models.mapping.json_problems import json_problems


def scheme_from(signature: dict[str, Any] | None) -> Scheme | None:
    if signature is None:
        return None
    unsayable = json_problems(signature)
    refuse(
        "invalid",
        [Flaw(f"/signature{flaw.pointer}", flaw.code, flaw.detail) for flaw in unsayable],
    )
    try:
        scheme = msgspec.convert(signature, Scheme)
    except msgspec.ValidationError as error:
        flaw = explained(error, signature, Scheme, "/signature")
        refuse("invalid", [Flaw(flaw.pointer, flaw.code, flaw.detail)])
        raise
    # A body without an id of its own is told apart by its content.
    flaws = problems_of(scheme, maps_natural_key=True)
    refuse("invalid", [Flaw("/signature", "invalid", flaw) for flaw in flaws])
    return scheme


def secrets_from(
    scheme: Scheme | None, given: Sequence[str] | None
) -> tuple[list[str], str | None]:
    """The secrets in force, and the one that was made here, if any."""
    if scheme is None:
        if given:
            refuse("invalid", [Flaw("/secrets", "contradiction", "No signature, no secret.")])
        return [], None
    made = None
    if not given:
        made = _new_secret(scheme)
        if made is None:
            said = "Give the platform's public key."
            refuse("invalid", [Flaw("/secrets", "missing_field", said)])
        given = [str(made)]
    flaws = problems_of_secrets(scheme, given)
    refuse("invalid", [Flaw("/secrets", "invalid", flaw) for flaw in flaws])
    return list(given), made


def fits(scheme: Scheme | None, secrets: Sequence[str]) -> bool:
    """Whether what was kept for another scheme can go on under this one."""
    if scheme is None:
        return not secrets
    own = recipe_of(scheme).key_prefix
    foreign = {style.key_prefix for style in STYLES.values()} - {own, ""}
    marked = any(secret.startswith(tuple(foreign)) for secret in secrets)
    # A plain secret may pass for a key in base64 by chance, and would then mean another key.
    unmarked = any(not secret.startswith(own) for secret in secrets)
    return not (marked or unmarked) and not problems_of_secrets(scheme, secrets)


def _new_secret(scheme: Scheme) -> str | None:
    recipe = recipe_of(scheme)
    if recipe.proof == "ed25519":
        return None
    if scheme.scheme == "basic":
        return f"breadth:{secrets.token_urlsafe(32)}"
    key = secrets.token_bytes(32)
    if recipe.key_encoding == "base64":
        return recipe.key_prefix + base64.b64encode(key).decode()
    if recipe.key_encoding == "hex":
        return recipe.key_prefix + key.hex()
    return recipe.key_prefix + secrets.token_urlsafe(32)
