"""Structured logs: one JSON line per event, with the request id that led to it.

    from services.common.logs import bind_request, get_logger
    log = get_logger(__name__)
    with bind_request("req-1"):
        log.info("registered", registration_id=...)

Personal data never goes into a log call: ids only. A test plants a marked person and greps every log.
"""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import structlog
from structlog.contextvars import bind_contextvars, get_contextvars, reset_contextvars
from structlog.tracebacks import ExceptionDictTransformer

get_logger = structlog.get_logger


def configure_logs(service: str, process: str, level: str) -> None:
    """Send everything, the libraries' own records too, to standard output as JSON lines."""
    before: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        lambda _logger, _name, entry: entry | {"service": service, "process": process},
    ]
    render: list[Any] = [
        # Local variables in a traceback would be people's names and addresses.
        structlog.processors.ExceptionRenderer(ExceptionDictTransformer(show_locals=False)),
        structlog.processors.JSONRenderer(ensure_ascii=False),
    ]
    # Our own lines go straight out: the way through the standard library costs more on every request.
    structlog.configure(
        processors=[*before, *render],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(sys.stdout),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=before,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *render],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    # It quotes the address of what it warns of, and a provider takes a phone number in it.
    logging.getLogger("urllib3").setLevel(logging.ERROR)
    for noisy in (
        "kombu",
        "amqp",
        "celery.redirected",
        "celery.worker.strategy",
        "celery.app.trace",
        "alembic",
    ):
        logging.getLogger(noisy).setLevel(logging.WARNING)


def current_request_id() -> str | None:
    """The request id that this thread works for, if any."""
    return get_contextvars().get("request_id")


@contextmanager
def bind_request(request_id: str | None) -> Iterator[None]:
    """Within the block, log lines and events carry this request id."""
    tokens = bind_contextvars(request_id=request_id)
    try:
        yield
    finally:
        reset_contextvars(**tokens)
