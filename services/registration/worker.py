"""Registration's worker: `python -m services.registration.worker`."""

from services.common.queue import run_worker
from services.registration.settings import Settings
from services.registration.tasks import make_celery_app

if __name__ == "__main__":
    settings = Settings()
    run_worker(make_celery_app(settings), settings)
