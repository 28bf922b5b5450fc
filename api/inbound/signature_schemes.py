"""How senders sign, as data: the scheme a connector names, and what it comes to in full.

A new vendor is a scheme, not code. Nothing here has seen a request or a secret.
"""

from typing import Annotated, Literal, TypeAlias

import msgspec
from msgspec import Meta

Digest: TypeAlias = Literal["sha256", "sha512"]
Encoding: TypeAlias = Literal["hex", "base64", "text"]
Style: TypeAlias = Literal[
    "standard_webhooks",
    "standard_webhooks_ed25519",
    "github",
    "stripe",
    "slack",
    "hmac",
    "ed25519",
    "bearer",
    "basic",
    "shared_secret",
]
HeaderName: TypeAlias = Annotated[
    str, Meta(pattern=r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+$", max_length=64)
]


class Extract(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """Where a value stands: what follows `prefix` in one header.

    With a `separator` the header is a list, of which the parts with that prefix are meant: pairs
    such as `t=…,v1=…` are read with the prefixes `t=` and `v1=`.
    """

    header: HeaderName
    prefix: Annotated[str, Meta(pattern="^[ -~]*$", max_length=32)] = ""
    separator: Literal[" ", ",", ";"] | None = None


class Text(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Something that is signed and the same in every request."""

    literal: Annotated[str, Meta(pattern="^[ -~]+$", max_length=32)]


Part: TypeAlias = Literal["body", "id", "timestamp"] | Text


class Scheme(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """What a connector says of its sender. What is left out, or null, is as in the style.

    `algorithm` is closed to SHA-1 and MD5. `encoding` is that of the signature,
    `key_encoding` that in which the sender shows the secret.
    """

    scheme: Style
    signature: Extract | None = None
    signed: Annotated[tuple[Part, ...], Meta(max_length=12)] | None = None
    id: Extract | None = None
    timestamp: Extract | None = None
    tolerance_s: int | None = None
    algorithm: Digest | None = None
    encoding: Encoding | None = None
    key_encoding: Encoding | None = None


class Recipe(msgspec.Struct, frozen=True, kw_only=True):
    """A scheme in full. With the proof `secret` the header holds the secret itself."""

    proof: Literal["hmac", "ed25519", "secret"] = "hmac"
    signature: Extract | None = None
    signed: tuple[Part, ...] = ("body",)
    id: Extract | None = None
    timestamp: Extract | None = None
    tolerance_s: int = 300
    algorithm: Digest = "sha256"
    encoding: Encoding = "hex"
    key_encoding: Encoding = "text"
    key_prefix: str = ""
    key_bytes: tuple[int, int] = (16, 512)

    @property
    def beside_id(self) -> tuple[Part | None, Part | None] | None:
        """What is signed right before and right after the id; None where no id is signed."""
        if "id" not in self.signed:
            return None
        around = (None, *self.signed, None)
        place = around.index("id")
        return around[place - 1], around[place + 1]


_STANDARD = Recipe(
    signature=Extract(header="webhook-signature", separator=" ", prefix="v1,"),
    signed=("id", Text("."), "timestamp", Text("."), "body"),
    id=Extract(header="webhook-id"),
    timestamp=Extract(header="webhook-timestamp"),
    encoding="base64",
    key_encoding="base64",
    key_prefix="whsec_",
    key_bytes=(24, 64),
)
_PRESENTED = Recipe(proof="secret", encoding="text", signed=())

STYLES: dict[Style, Recipe] = {
    "standard_webhooks": _STANDARD,
    "standard_webhooks_ed25519": msgspec.structs.replace(
        _STANDARD,
        proof="ed25519",
        signature=Extract(header="webhook-signature", separator=" ", prefix="v1a,"),
        key_prefix="whpk_",
        key_bytes=(32, 32),
    ),
    "github": Recipe(
        signature=Extract(header="X-Hub-Signature-256", prefix="sha256="),
        id=Extract(header="X-GitHub-Delivery"),
    ),
    "stripe": Recipe(
        signature=Extract(header="Stripe-Signature", separator=",", prefix="v1="),
        signed=("timestamp", Text("."), "body"),
        timestamp=Extract(header="Stripe-Signature", separator=",", prefix="t="),
    ),
    "slack": Recipe(
        signature=Extract(header="X-Slack-Signature", prefix="v0="),
        signed=(Text("v0:"), "timestamp", Text(":"), "body"),
        timestamp=Extract(header="X-Slack-Request-Timestamp"),
    ),
    "hmac": Recipe(),
    "ed25519": Recipe(proof="ed25519", key_encoding="hex", key_bytes=(32, 32)),
    "bearer": msgspec.structs.replace(
        _PRESENTED, signature=Extract(header="Authorization", prefix="Bearer ")
    ),
    "basic": msgspec.structs.replace(
        _PRESENTED, signature=Extract(header="Authorization", prefix="Basic "), encoding="base64"
    ),
    "shared_secret": _PRESENTED,
}


def recipe_of(scheme: Scheme) -> Recipe:
    said = {
        name: value
        for name in scheme.__struct_fields__
        if name != "scheme" and (value := getattr(scheme, name)) is not None
    }
    return msgspec.structs.replace(STYLES[scheme.scheme], **said)
