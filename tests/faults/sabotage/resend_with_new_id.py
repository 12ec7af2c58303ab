"""A sender that forgets its first attempt at every mail, and gives each attempt a new Message-ID. Sends mails twice."""

from typing import Any
from uuid import UUID

from sqlalchemy import TextClause, text

from services.notifications.operations import claims, upkeep
from tests.faults.sabotage.wrap import run_real

RULE = "coalesce(message_id_header,"
BROKEN = "coalesce(NULL,"
TAKEN_BACK = "next_attempt_at = now(), claimed_at"
LEASE = 1.0

_record = claims.record
_forgotten: set[UUID] = set()


def _with_new_id(statement: str) -> TextClause:
    if "claimed AS" in statement and RULE not in statement:
        raise RuntimeError("the rule to break is not where it was: mend this sabotage")
    return text(statement.replace(RULE, BROKEN))


def _first_in_line(statement: str) -> TextClause:
    """What is taken back goes out again before all else, so that a short run sees it."""
    return text(statement.replace(TAKEN_BACK, "next_attempt_at = '-infinity', claimed_at"))


def _record_the_second_time(database: Any, message: Any, result: Any) -> bool:
    if message.id in _forgotten:
        return _record(database, message, result)
    _forgotten.add(message.id)
    return False


claims.text = _with_new_id  # type: ignore[assignment]
claims.record = _record_the_second_time  # type: ignore[assignment]
upkeep.text = _first_in_line  # type: ignore[assignment]
upkeep.recover_abandoned.__defaults__ = (LEASE,)

if __name__ == "__main__":
    run_real()
