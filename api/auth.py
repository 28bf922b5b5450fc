"""Who is calling: a key in the Authorization header becomes its holder, or the call ends here."""

from typing import Annotated, Any

from fastapi import Depends, Request, Security
from fastapi.security import (
    HTTPAuthorizationCredentials,
    HTTPBasic,
    HTTPBasicCredentials,
    HTTPBearer,
)

from api.kept_answers import repeat_or_refuse
from api.problems import Problem
from api.running import Running, RunningApp
from models.db import transaction
from models.people import KeyHolder, key_holder, split_key
from models.vocabulary import Scope

bearer = HTTPBearer(scheme_name="key", description="An API key.", auto_error=False)
basic = HTTPBasic(scheme_name="key_id_and_secret", auto_error=False)


def presented(
    by_bearer: HTTPAuthorizationCredentials | None, by_basic: HTTPBasicCredentials | None
) -> tuple[str, str] | None:
    """Key id and secret as sent, or None for what cannot be a key."""
    pair = None
    if by_bearer is not None:
        pair = split_key(by_bearer.credentials)
    elif by_basic is not None:
        pair = (by_basic.username, by_basic.password)
    if pair is None or not (pair[0].isascii() and pair[0].isalnum() and len(pair[0]) <= 64):
        return None
    return pair


async def holder_of(running: Running, key_id: str, secret: str) -> KeyHolder | None:
    digest = running.known_keys.digest(key_id, secret)
    holder = running.known_keys.find(digest)
    if holder is None:
        async with transaction(running.sessions, None) as session:
            holder = await key_holder(session, running.keyring, key_id, secret, running.clock())
        if holder is not None:
            running.known_keys.remember(digest, holder)
    return holder


async def authenticated(
    request: Request,
    running: RunningApp,
    by_bearer: Annotated[HTTPAuthorizationCredentials | None, Security(bearer)],
    by_basic: Annotated[HTTPBasicCredentials | None, Security(basic)],
) -> KeyHolder:
    pair = presented(by_bearer, by_basic)
    holder = await holder_of(running, *pair) if pair is not None else None
    if holder is None:
        raise Problem("unauthenticated")
    request.state.provider, request.state.principal = holder.provider, holder.key_id
    await repeat_or_refuse(request, running)
    return holder


Holder = Annotated[KeyHolder, Depends(authenticated)]


def require(*scopes: Scope) -> Any:
    """A dependency that answers with the holder, and with 403 when its key has none of the scopes.

    Both `dependencies=[require(Scope.ADMIN)]` and `Annotated[KeyHolder, require(Scope.ADMIN)]`.
    """

    async def holder_with_scope(holder: Holder) -> KeyHolder:
        if not holder.scopes.intersection(scopes):
            named = " or ".join(f"'{scope.value}'" for scope in scopes)
            raise Problem("forbidden", f"This key does not have the scope {named}.")
        return holder

    return Depends(holder_with_scope)
