"""JSON Pointers (RFC 6901), as refusals and problems give them."""

from collections.abc import Sequence


def pointer_of(path: Sequence[str | int]) -> str:
    return "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in path)
