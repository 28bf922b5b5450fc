"""API keys: who may call, as which provider, with which scopes. Only a hash of a key is stored."""

import hmac
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import (
    CheckConstraint,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    Text,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, OfProvider, one_of, utc_now
from models.db import async_url, transaction
from models.keyring import Keyring
from models.organisation import Provider
from models.roles import Person
from models.vocabulary import ProviderId, Role, Scope

KEY_PREFIX = "brd"


class ApiKey(OfProvider, Base):
    __tablename__ = "api_keys"
    __table_args__ = (
        ForeignKeyConstraint(["provider_id"], ["providers.provider_id"]),
        ForeignKeyConstraint(["provider_id", "person"], [Person.provider_id, Person.code]),
        one_of("role", Role, or_null=True),
        CheckConstraint("role IS NULL OR person IS NOT NULL", "acting"),
        Index(None, "key_id"),
    )

    key_id: Mapped[str] = mapped_column(primary_key=True)
    secret_hash: Mapped[bytes] = mapped_column(LargeBinary)
    name: Mapped[str]
    scopes: Mapped[list[str]] = mapped_column(ARRAY(Text()))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    #: The person as whom it acts on the route, and the one role it is for; null: any they hold.
    person: Mapped[str | None]
    role: Mapped[str | None]


@dataclass(frozen=True, slots=True)
class KeyHolder:
    """What an accepted key stands for."""

    provider: ProviderId
    key_id: str
    name: str
    scopes: frozenset[str]
    person: str | None = None
    role: Role | None = None


def split_key(key: str) -> tuple[str, str] | None:
    """Key id and secret of `brd_<id>_<secret>`, or None for anything else."""
    prefix, _, rest = key.partition("_")
    key_id, _, secret = rest.partition("_")
    return (key_id, secret) if prefix == KEY_PREFIX and key_id and secret else None


def new_key(
    keyring: Keyring,
    provider: UUID,
    name: str,
    scopes: Iterable[str],
    now: datetime,
    expires_at: datetime | None = None,
    person: str | None = None,
    role: Role | None = None,
) -> tuple[str, ApiKey]:
    """The key to show once, and the row to store."""
    key_id = secrets.token_hex(8)
    secret = secrets.token_urlsafe(32)
    row = ApiKey(
        provider_id=provider,
        key_id=key_id,
        secret_hash=keyring.hash_secret(secret),
        name=name,
        scopes=sorted({Scope(scope).value for scope in scopes}),
        created_at=now,
        expires_at=expires_at,
        person=person,
        role=role,
    )
    return f"{KEY_PREFIX}_{key_id}_{secret}", row


async def key_holder(
    session: AsyncSession, keyring: Keyring, key_id: str, secret: str, now: datetime
) -> KeyHolder | None:
    """The holder of a live key. An unknown id costs the same comparison as a wrong secret."""
    row = (
        await session.execute(text("SELECT * FROM find_api_key(:key_id)"), {"key_id": key_id})
    ).one_or_none()
    stored = row.secret_hash if row is not None else bytes(32)
    matches = hmac.compare_digest(stored, keyring.hash_secret(secret))
    if row is None or not matches or row.revoked_at is not None:
        return None
    if row.expires_at is not None and row.expires_at <= now:
        return None
    return KeyHolder(
        ProviderId(row.provider_id),
        key_id,
        row.name,
        frozenset(row.scopes),
        row.person,
        None if row.role is None else Role(row.role),
    )


async def revoke_key(session: AsyncSession, key_id: str, now: datetime) -> bool:
    """End a key of the current provider; False when there is no such live key."""
    ended = await session.execute(
        update(ApiKey)
        .where(ApiKey.key_id == key_id, ApiKey.revoked_at.is_(None))
        .values(revoked_at=now)
        .returning(ApiKey.key_id)
    )
    return ended.one_or_none() is not None


async def list_keys(session: AsyncSession) -> list[ApiKey]:
    return list(await session.scalars(select(ApiKey).order_by(ApiKey.created_at, ApiKey.key_id)))


async def provider_called(session: AsyncSession, code: str) -> ProviderId | None:
    found = await session.scalar(text("SELECT find_provider(:code)"), {"code": code})
    return ProviderId(found) if found is not None else None


async def issue_key(
    database_url: str, secret_key: str, provider_code: str, name: str, scopes: Iterable[str]
) -> str:
    """Make a key for a provider, and the provider where it is new. Shown once, never again."""
    engine = create_async_engine(async_url(database_url))
    sessions = async_sessionmaker(engine, expire_on_commit=False)
    try:
        async with transaction(sessions, None) as session:
            known = await provider_called(session, provider_code)
        provider = known or ProviderId(uuid4())
        async with transaction(sessions, provider) as session:
            if known is None:
                session.add(
                    Provider(
                        provider_id=provider,
                        code=provider_code,
                        name=provider_code,
                        created_at=utc_now(),
                    )
                )
                await session.flush()
            key, row = new_key(Keyring(secret_key), provider, name, scopes, utc_now())
            session.add(row)
    finally:
        await engine.dispose()
    return key
