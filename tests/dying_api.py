"""An API process that is killed at a chosen moment of the first request whose answer it keeps.

`python -m api.serve --app tests.dying_api:create_app`, with the moment in `DIES`: `before_commit`
when all is written and nothing is committed, `before_answer` when all is committed.
"""

import os
import signal
from typing import Any

from fastapi import FastAPI
from sqlalchemy import event
from sqlalchemy.orm import Session

import api.idempotency
import api.inbound.committer
import api.main
from models.idempotency import keep
from tests.conftest import NOW

MOMENTS = {"before_commit": "before_commit", "before_answer": "after_commit"}
about_to_die = False


async def keep_and_then_die(*arguments: Any) -> None:
    global about_to_die  # noqa: PLW0603 - the process ends with it
    await keep(*arguments)
    about_to_die = True


def die(_: Session) -> None:
    if about_to_die:
        os.kill(os.getpid(), signal.SIGKILL)


def create_app() -> FastAPI:
    idempotency: Any = api.idempotency
    committer: Any = api.inbound.committer
    idempotency.keep_rows = committer.keep = keep_and_then_die
    event.listen(Session, MOMENTS[os.environ["DIES"]], die)
    return api.main.create_app(clock=lambda: NOW)
