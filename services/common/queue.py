"""Celery, configured once for all three services.

The queue carries two things: pages of events to each subscriber (`<service>.events`), and nudges to a service's own
worker that something is due (`<service>.work`). Both may be lost at any moment: the feed and the pump's next look
repair it. So nothing here is asked to be lossless, only to never hang and never lose the process.
"""

import os
from pathlib import Path
from typing import Any

from celery import Celery
from celery.signals import setup_logging, worker_ready
from kombu import Queue
from kombu.exceptions import OperationalError as BrokerError

from services.common.logs import configure_logs
from services.common.settings import CommonSettings

SOCKET_TIMEOUT = 3
LONGEST_TASK = 600

APPLY_TASK = "apply"


def events_queue(service: str) -> str:
    """The queue that a subscriber's pages of events come in."""
    return f"{service}.events"


def work_queue(service: str) -> str:
    """The queue of a service's own nudges."""
    return f"{service}.work"


def make_celery(settings: CommonSettings) -> Celery:
    """A Celery app whose worker consumes this service's two queues."""
    app = Celery(settings.service, broker=settings.broker_url.get_secret_value(), set_as_current=False)
    transport: dict[str, Any] = {"visibility_timeout": LONGEST_TASK * 2}
    if settings.broker_url.get_secret_value().startswith("redis"):
        transport |= {
            "global_keyprefix": "hesheng:",
            "socket_timeout": SOCKET_TIMEOUT,
            "socket_connect_timeout": SOCKET_TIMEOUT,
            "socket_keepalive": True,
            "health_check_interval": 10,
            "retry_on_timeout": False,
        }
        app.conf.broker_transport = "services.common.redis_transport:Transport"
    app.conf.update(
        accept_content=["json"],
        task_serializer="json",
        task_ignore_result=True,
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        task_acks_on_failure_or_timeout=True,
        task_create_missing_queues=True,
        task_queues=[
            Queue(name, routing_key=name) for name in (events_queue(settings.service), work_queue(settings.service))
        ],
        task_default_queue=work_queue(settings.service),
        task_publish_retry=False,
        task_time_limit=LONGEST_TASK,
        worker_prefetch_multiplier=1,
        worker_concurrency=2,
        worker_enable_remote_control=False,
        worker_send_task_events=False,
        worker_cancel_long_running_tasks_on_connection_loss=False,
        worker_soft_shutdown_timeout=5,
        worker_hijack_root_logger=False,
        broker_connection_timeout=SOCKET_TIMEOUT,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_transport_options=transport,
        redis_socket_timeout=SOCKET_TIMEOUT,
        redis_socket_connect_timeout=SOCKET_TIMEOUT,
        redis_socket_keepalive=True,
    )
    return app


class CeleryPages:
    """The broker as the pump sees it. Raises `BrokerError` when it does not answer."""

    def __init__(self, app: Celery) -> None:
        self._app = app

    def send_page(self, subscriber: str, page: dict[str, Any]) -> None:
        """Put a page on the subscriber's own queue."""
        self._app.send_task(APPLY_TASK, args=[page], queue=events_queue(subscriber), retry=False)

    def length(self, subscriber: str) -> int:
        """Pages waiting for the subscriber."""
        return queue_length(self._app, events_queue(subscriber))


def queue_length(app: Celery, name: str) -> int:
    """Messages waiting in a queue. Raises `BrokerError` when the broker does not answer."""
    with app.connection_or_acquire() as connection:
        try:
            # kombu gives a connection that failed back to its pool closed; only `connect` opens such a one again.
            connection.connect()
            with connection.channel() as channel:
                return int(channel.queue_declare(queue=name, durable=True, auto_delete=False).message_count)
        except connection.connection_errors + connection.channel_errors as error:
            raise BrokerError(str(error)) from error


def nudge(app: Celery, task: str, service: str) -> None:
    """Ask this service's worker to look at what is due. A lost nudge is repeated at the pump's next look."""
    app.send_task(task, queue=work_queue(service), retry=False, expires=30)


def run_worker(app: Celery, settings: CommonSettings) -> None:
    """Run the worker process until it is told to stop."""
    # SIGTERM gives running tasks five seconds and then puts them back, instead of waiting for them without end.
    os.environ["REMAP_SIGTERM"] = "SIGQUIT"
    setup_logging.connect(lambda **_: configure_logs(settings.service, "worker", settings.log_level), weak=False)
    if settings.heartbeat_file:
        _touch_while_alive(Path(settings.heartbeat_file))
    app.worker_main(
        ["--quiet", "worker", "--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel", "info"]
    )


def _touch_while_alive(file: Path) -> None:
    """Touch the file from the worker's own event loop: a worker that hangs stops touching it."""

    def start(sender: Any, **_: Any) -> None:
        file.touch()
        sender.timer.call_repeatedly(5, file.touch)

    worker_ready.connect(start, weak=False)
