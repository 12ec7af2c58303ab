"""A sender that takes a mail back too soon, and gives it a new Message-ID at every attempt. Sends mails twice."""

import time
from typing import Any

from sqlalchemy import TextClause, text

from services.notifications.operations import claims, upkeep
from tests.faults.sabotage.wrap import run_real

RULE = "coalesce(message_id_header, '<' || messages.id || '@' || :domain || '>')"
BROKEN = "'<' || gen_random_uuid() || '@' || :domain || '>'"
LEASE = 1.0
DAWDLE = 0.1

_record = claims.record


def _text(statement: str) -> TextClause:
    if "claimed AS" in statement and RULE not in statement:
        raise RuntimeError("the rule to break is not where it was: mend this sabotage")
    return text(statement.replace(RULE, BROKEN))


def _record_late(*arguments: Any) -> bool:
    time.sleep(DAWDLE)
    return _record(*arguments)


claims.text = _text  # type: ignore[assignment]
claims.record = _record_late  # type: ignore[assignment]
upkeep.recover_abandoned.__defaults__ = (LEASE,)

if __name__ == "__main__":
    run_real()
