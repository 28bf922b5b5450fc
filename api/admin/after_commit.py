"""What may only happen once a change is durable: ring for the worker, forget an ended key."""

from collections.abc import Callable, Iterable

from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncSession

from api.running import Running
from models.vocabulary import ProviderId


def after_commit(session: AsyncSession, act: Callable[[], None]) -> None:
    """Run `act` between the commit and the answer, and never if the commit fails."""

    def committed(_: object) -> None:
        act()

    event.listen(session.sync_session, "after_commit", committed, once=True)


def deliver_after_commit(session: AsyncSession, running: Running) -> None:
    """What this transaction may have announced goes out at once and not at the next sweep."""
    after_commit(session, running.doorbell.press_delivery)


def ring_after_commit(
    session: AsyncSession, running: Running, provider: ProviderId, services: Iterable[str]
) -> None:
    if named := list(services):
        after_commit(session, lambda: running.doorbell.press(provider, named))
