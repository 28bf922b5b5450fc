"""What a provider has settled beforehand, read once for all items of a body."""

from sqlalchemy.ext.asyncio import AsyncSession

from models.context import provider_choices
from models.incoming.content import Terms
from models.incoming.custom_types import custom_types
from models.keyring import Keyring
from models.vocabulary import ProviderId


async def load_terms(session: AsyncSession, keyring: Keyring, provider: ProviderId) -> Terms:
    choices, _ = await provider_choices(session)
    checks = await custom_types(session)
    cipher = keyring.texts(provider) if choices.store_text else None
    return Terms(checks, cipher)
