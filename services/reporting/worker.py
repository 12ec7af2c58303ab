"""The worker process: `python -m services.reporting.worker`."""

from services.common.queue import run_worker
from services.reporting.settings import Settings
from services.reporting.tasks import make_celery_app


def main() -> None:
    """Run until told to stop."""
    settings = Settings()
    run_worker(make_celery_app(settings), settings)


if __name__ == "__main__":
    main()
