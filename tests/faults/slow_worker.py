"""A worker as the services run theirs, with one slow task: `BROKER_URL=… python -m tests.faults.slow_worker`."""

import os
import time
from pathlib import Path

from celery import Celery

from services.common.queue import make_celery, run_worker
from services.common.settings import CommonSettings

NOWHERE = "http://127.0.0.1:1"


def settings(broker_url: str) -> CommonSettings:
    """Settings of a service that has nothing but its queue."""
    return CommonSettings.model_validate(
        {
            "service": "reporting",
            "database_url": "postgresql://nobody@127.0.0.1:1/nothing",
            "broker_url": broker_url,
            "registration_url": NOWHERE,
            "notifications_url": NOWHERE,
            "reporting_url": NOWHERE,
            "operator_key": "x" * 32,
        }
    )


def make_app(broker_url: str) -> Celery:
    """The app, with the task."""
    app = make_celery(settings(broker_url))

    @app.task(shared=False, name="dawdle")
    def dawdle(seconds: float, file: str) -> None:
        """Say that it began, and take its time."""
        Path(file).touch()
        time.sleep(seconds)

    return app


if __name__ == "__main__":
    run_worker(make_app(os.environ["BROKER_URL"]), settings(os.environ["BROKER_URL"]))
