"""JSON logs of ids and counts. A body, a name or free text has no business in any of them."""

import logging
import sys
import traceback
from typing import Literal

import structlog


def where_it_failed(
    _: structlog.typing.WrappedLogger, __: str, event: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    """Kinds of error and the lines they came through, never their messages.

    A driver's message repeats the values of the row that it could not store.
    """
    error = event.pop("exc_info", None)
    if error is True:  # Said by `log.exception`: the one being handled.
        error = sys.exc_info()[1]
    if isinstance(error, BaseException):
        chain: list[str] = []
        while error is not None:
            kind = type(error)
            state = getattr(error, "sqlstate", None)
            chain.append(f"{kind.__module__}.{kind.__qualname__}" + (f" {state}" if state else ""))
            frames = traceback.extract_tb(error.__traceback__)
            chain += [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames[-12:]]
            error = error.__cause__ or error.__context__
        event["error"] = chain
    return event


def configure_logs(log_format: Literal["json", "console"]) -> None:
    """Set up structlog once for a process; what is bound to the context goes into every line."""
    render: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if log_format == "json"
        else structlog.dev.ConsoleRenderer()
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            where_it_failed,
            render,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
