"""The API process: settings in, one application out; what it opens it closes after itself."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import APIRouter, FastAPI

import api.admin.catalogue
import api.admin.connectors
import api.admin.event_types
import api.admin.frameworks
import api.admin.inbox
import api.admin.keys
import api.admin.mappings
import api.admin.previews
import api.admin.programmes
import api.admin.quarantine
import api.admin.services
import api.admin.settings
import api.admin.subscription_attempts
import api.admin.subscriptions
import api.charting.routes
import api.governing.escalations
import api.governing.people
import api.governing.records
import api.governing.reviews
import api.governing.route
import api.health
import api.inbound.events
import api.inbound.fhir
import api.inbound.uploads
import api.inbound.webhooks
import api.problems
import api.reading.dataset_descriptors
import api.reading.datasets
import api.reading.evidence
import api.reading.statements
import api.reading.views
from api.described import describe, operation_id
from api.envelope import Envelope
from api.inbound.committer import Committer
from api.inbound.large_bodies import LargeBodies
from api.kept_answers import KeptAnswers
from api.known_keys import KnownKeys
from api.metrics import Metrics
from api.running import Clock, Running
from models.base import utc_now
from models.db import engine_of, refuse_unsafe_role, sessions_of
from models.keyring import Keyring
from models.logs import configure_logs
from models.queue import Doorbell, redis_of
from models.settings import Settings

#: One router for each resource, added here; all under /v1 ask for a key.
ROUTERS: tuple[APIRouter, ...] = (
    api.health.router,
    api.inbound.events.router,
    api.inbound.fhir.router,
    api.inbound.webhooks.router,
    api.inbound.uploads.router,
    api.admin.connectors.router,
    api.admin.mappings.router,
    api.admin.previews.router,
    api.admin.inbox.router,
    api.admin.services.router,
    api.admin.programmes.router,
    api.admin.keys.router,
    api.governing.people.router,
    api.governing.records.router,
    api.governing.route.router,
    api.governing.reviews.router,
    api.governing.escalations.router,
    api.admin.catalogue.router,
    api.admin.frameworks.router,
    api.admin.settings.router,
    api.admin.event_types.router,
    api.admin.quarantine.router,
    api.admin.subscriptions.router,
    api.admin.subscription_attempts.router,
    api.reading.views.router,
    api.reading.evidence.router,
    api.reading.dataset_descriptors.router,
    api.reading.datasets.router,
    api.charting.routes.router,
    api.reading.statements.router,
)


def create_app(
    settings: Settings | None = None, clock: Clock = utc_now, *, group_commits: bool = True
) -> FastAPI:
    """`group_commits=False` is for comparison: each small post pays for a commit of its own."""
    settings = settings or Settings()  # type: ignore[call-arg]  # read from the environment
    configure_logs(settings.log_format)
    metrics = Metrics()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        engine = engine_of(settings)
        sessions = sessions_of(engine)
        doorbell = Doorbell(redis_of(settings))
        committer = Committer(sessions, doorbell, together=group_commits)
        try:
            await refuse_unsafe_role(engine)
            app.state.running = Running(
                settings=settings,
                clock=clock,
                engine=engine,
                sessions=sessions,
                keyring=Keyring(settings.secret_key.get_secret_value()),
                doorbell=doorbell,
                known_keys=KnownKeys(),
                metrics=metrics,
                committer=committer,
                large_bodies=LargeBodies(),
            )
            yield
        finally:
            await committer.close()
            await doorbell.close()
            await engine.dispose()

    app = FastAPI(
        title="Breadth",
        version="1",
        summary="Is a care provider's improvement broad enough, and where is it still thin?",
        lifespan=lifespan,
        generate_unique_id_function=operation_id,
        docs_url=None,
        redoc_url=None,
    )
    api.problems.install(app)
    app.add_middleware(KeptAnswers)
    app.add_middleware(Envelope, metrics=metrics)
    for router in ROUTERS:
        app.include_router(router)
    app.openapi = lambda: describe(app)  # type: ignore[method-assign]  # FastAPI's own way
    return app
