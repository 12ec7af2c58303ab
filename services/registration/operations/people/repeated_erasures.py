"""Erasures once more: what a restored backup brought back, and the others know to have been erased since.

An erasure that is in the restored log took place before the backup, and is left alone: whoever came back since is not
to be erased for it.
"""

from sqlalchemy import text
from sqlalchemy.orm import Session

from services.common.errors import CONFLICT, NOT_FOUND, Problem
from services.registration.operations.people.erasure import erase
from services.registration.schemas.erasure import Outcome, PastErasure

_DONE = text("""
    SELECT cast(:site AS uuid) IS NULL AND EXISTS (SELECT FROM people WHERE id = :person AND erased_at IS NOT NULL)
        OR EXISTS (SELECT FROM outbox WHERE event_id = :event
                   AND type IN ('hesheng.person.erased.v1', 'hesheng.person.erased_at_site.v1'))
""")


def repeat_erasure(session: Session, past: PastErasure, by: str) -> Outcome:
    """Erase the person again, unless the log has it or it was done. `waiting` are those who are checked in just now."""
    if session.scalar(_DONE, {"event": past.event_id, "person": past.person_id, "site": past.site_id}):
        return "known"
    try:
        with session.begin_nested():
            erase(session, past.person_id, past.site_id, "restored", by)
    except Problem as problem:
        if problem.kind is NOT_FOUND:
            return "unknown"
        if problem.kind is CONFLICT:
            return "waiting"
        raise
    return "erased"
