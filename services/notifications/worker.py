"""The worker process: `python -m services.notifications.worker`."""

from services.common.queue import run_worker
from services.notifications.settings import Settings
from services.notifications.tasks import make_celery_app

if __name__ == "__main__":
    settings = Settings()
    run_worker(make_celery_app(settings), settings)
