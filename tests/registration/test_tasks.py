"""The worker's tasks: what is due gets its turn, whatever happens to what is due beside it."""

from sqlalchemy import text
from sqlalchemy.orm import Session

from services.common.database import Database
from services.registration.tasks import each_due


def test_what_fails_keeps_nobody_else_from_their_turn(database: Database) -> None:
    done: set[int] = set()

    def act(session: Session, number: int) -> int:
        if number == 2:
            session.execute(text("SELECT 1 / 0"))
        done.add(number)
        return number

    assert each_due(database, lambda session: {1, 2, 3, 4} - done, act) == [1, 3, 4]
