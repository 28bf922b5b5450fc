"""Why a scheme or one of its secrets cannot be used, in sentences for whoever connects a sender.

The same rules hold when a request is verified: what has a problem verifies nothing. No sentence
repeats a secret.
"""

import base64
import binascii
from collections.abc import Iterator, Sequence
from functools import lru_cache

from api.inbound.signature_schemes import Extract, Part, Recipe, Scheme, Text, recipe_of

LONGEST_TOLERANCE_S = 3600
MOST_SECRETS = 5
#: Fewer different bytes are a placeholder such as `AAAA…`. As an Ed25519 key that one would even
#: be of small order, and a quarter of all messages would pass with a signature of zeros.
FEWEST_DIFFERENT_BYTES = 5


@lru_cache(maxsize=1024)
def sound_recipe(scheme: Scheme) -> Recipe | None:
    """The recipe of a scheme without problems; None for another.

    Whether a natural key is mapped cannot be known here and changes no signature.
    """
    return None if problems_of(scheme, maps_natural_key=True) else recipe_of(scheme)


def problems_of(scheme: Scheme, *, maps_natural_key: bool = False) -> list[str]:
    """Nothing when the scheme can be stored.

    `maps_natural_key` says that the connector's mapping takes an identity out of the body.
    """
    recipe = recipe_of(scheme)
    found = [*_of_extracts(recipe), *_of_time(scheme, recipe)]
    if recipe.proof == "secret":
        found += _of_a_presented_secret(scheme, recipe)
    else:
        found += _of_a_signature(scheme, recipe)
        found += _of_what_is_signed(recipe)
    if recipe.timestamp is None and recipe.id is None and not maps_natural_key:
        found.append(
            "Without a timestamp a copied request could be sent again at any time: name the "
            "header with the sender's own id as `id`, or map a natural key."
        )
    return found


def _of_extracts(recipe: Recipe) -> Iterator[str]:
    if recipe.signature is None:
        yield "Name the header that holds the signature or the secret as `signature`."
    for name in ("signature", "id", "timestamp"):
        place: Extract | None = getattr(recipe, name)
        if place is not None and place.separator is not None and place.separator in place.prefix:
            yield f"The prefix of `{name}` holds its separator, so no part can begin with it."


def _of_time(scheme: Scheme, recipe: Recipe) -> Iterator[str]:
    if not 1 <= recipe.tolerance_s <= LONGEST_TOLERANCE_S:
        yield f"`tolerance_s` is from 1 to {LONGEST_TOLERANCE_S} seconds."
    if scheme.tolerance_s is not None and recipe.timestamp is None:
        yield "`tolerance_s` says nothing without a `timestamp`."
    if recipe.timestamp is not None and "timestamp" not in recipe.signed:
        yield "A `timestamp` that is not among `signed` proves nothing: anyone can change it."


def _of_a_presented_secret(scheme: Scheme, recipe: Recipe) -> Iterator[str]:
    if recipe.signed:
        yield f"Nothing is signed in the style `{scheme.scheme}`: leave `signed` out."
    if scheme.algorithm is not None:
        yield f"The style `{scheme.scheme}` has no `algorithm`."
    if recipe.encoding == "hex":
        yield "A secret stands in its header as `text` or as `base64`."


def _of_a_signature(scheme: Scheme, recipe: Recipe) -> Iterator[str]:
    if recipe.encoding == "text":
        yield "A signature is written as `hex` or as `base64`."
    if recipe.proof == "ed25519" and scheme.algorithm is not None:
        yield "Ed25519 has no `algorithm` to choose."
    if recipe.proof == "ed25519" and recipe.key_encoding == "text":
        yield "A public key is written as `hex` or as `base64`."


def _of_what_is_signed(recipe: Recipe) -> Iterator[str]:
    if "body" not in recipe.signed:
        yield "The `body` has to be among `signed`."
    names: tuple[Part, ...] = ("body", "id", "timestamp")
    for name in names:
        if recipe.signed.count(name) > 1:
            yield f"`{name}` stands in `signed` more than once."
    for part, place in (("id", recipe.id), ("timestamp", recipe.timestamp)):
        if part in recipe.signed and place is None:
            yield f"`{part}` is signed: say in which header it stands."
    before, after = recipe.beside_id or (None, None)
    if not (_delimits(before, -1) and _delimits(after, 0)):
        yield (
            "Beside a signed `id` stands a literal that begins and ends with a sign which is "
            "neither a letter nor a digit; else some of the body could pass for the id."
        )


def _delimits(neighbour: Part | None, end: int) -> bool:
    """A timestamp needs no such thing: a digit more or less would make it centuries off."""
    return neighbour is None or (
        isinstance(neighbour, Text) and not neighbour.literal[end].isalnum()
    )


def problems_of_secrets(scheme: Scheme, secrets: Sequence[bytes | str]) -> list[str]:
    """Nothing when the secrets, newest first, can all be used with the scheme."""
    recipe = recipe_of(scheme)
    found = []
    if not 1 <= len(secrets) <= MOST_SECRETS:
        found.append(f"A connector has from 1 to {MOST_SECRETS} active secrets.")
    for number, secret in enumerate(secrets, start=1):
        try:
            key_of(recipe, secret)
            if scheme.scheme == "basic" and isinstance(secret, str):
                _refuse_without_user(secret)
        except ValueError as error:
            found.append(f"Secret {number}: {error}")
    return found


def _refuse_without_user(secret: str) -> None:
    user, colon, password = secret.partition(":")
    if not (user and colon and password):
        raise ValueError("Write it as user:password.")


def key_of(recipe: Recipe, secret: bytes | str) -> bytes:
    """The key in a secret as the sender shows it. Bytes are taken for the key itself.

    Raises
    ------
    ValueError
        Says why the secret cannot be used.
    """
    key = secret if isinstance(secret, bytes) else _decoded(recipe, secret)
    shortest, longest = recipe.key_bytes
    if not shortest <= len(key) <= longest:
        wanted = f"{shortest}" if shortest == longest else f"{shortest} to {longest}"
        raise ValueError(f"It has {len(key)} bytes where {wanted} are needed.")
    if len(set(key)) < FEWEST_DIFFERENT_BYTES:
        raise ValueError("It has so few different characters that it looks like a placeholder.")
    return key


def _decoded(recipe: Recipe, secret: str) -> bytes:
    if secret.startswith("whsk_"):
        raise ValueError("This key signs, and only the sender may hold it; ask for whpk_….")
    if secret != secret.strip():
        raise ValueError("It begins or ends with a space or a line break.")
    written = secret.removeprefix(recipe.key_prefix)
    try:
        if recipe.key_encoding == "text":
            return written.encode()
        if recipe.key_encoding == "hex":
            return binascii.unhexlify(written)
        return base64.b64decode(written + "=" * (-len(written) % 4), validate=True)
    except ValueError:
        pass
    raise ValueError(f"It cannot be read as {recipe.key_encoding}.")
