"""A subscriber that applies whatever comes, without skipping what it has. Applies events twice."""

from typing import Any

from sqlalchemy.orm import Session

from services.common.apply import Subscriber
from services.common.outbox import Page
from tests.faults.sabotage.wrap import run_real

_lock_cursor = Subscriber._lock_cursor


class _Forgetful:
    """A cursor that believes the page in hand to be new."""

    def __init__(self, cursor: Any, page: Page) -> None:
        self.epoch, self.halted = cursor.epoch, cursor.halted
        self.sequence = min(cursor.sequence, page.first - 1)


def _believe(self: Subscriber, session: Session, page: Page) -> Any:
    return _Forgetful(_lock_cursor(self, session, page), page)


Subscriber._lock_cursor = _believe  # type: ignore[method-assign]

if __name__ == "__main__":
    run_real()
