"""Erasures once more: what a restored backup brought back, and the others know to have been erased since.

Left alone is what the restored log has: it took place before the backup. So is what a site was told after the erasure,
and where nothing is left of what it was told before: whoever came back since is not to be erased for it.
"""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from services.common.errors import CONFLICT, NOT_FOUND, Problem
from services.registration.models import Person
from services.registration.operations.people.erasure import PERSONS, erase
from services.registration.operations.people.identity import person_now
from services.registration.schemas.erasure import Outcome, PastErasure

_DONE = text("""
    SELECT cast(:site AS uuid) IS NULL AND EXISTS (SELECT FROM people WHERE id = :person AND erased_at IS NOT NULL)
        OR EXISTS (SELECT FROM outbox WHERE event_id = :event
                   AND type IN ('hesheng.person.erased.v1', 'hesheng.person.erased_at_site.v1'))
""")
# Where they are known, and whether since before the erasure; in the end everybody is erased once, or came back there.
_TOLD = text("""
    SELECT site_id, max(created_at) <= :erased_at AS before FROM person_sites
    WHERE person_id = ANY(:people) AND (cast(:site AS uuid) IS NULL OR site_id = :site)
    GROUP BY site_id ORDER BY site_id
""")


def repeat_erasure(session: Session, past: PastErasure, by: str) -> Outcome:
    """Erase the person again, unless it was done or they came back since. `waiting` are those who are checked in just
    now."""
    if session.scalar(_DONE, {"event": past.event_id, "person": past.person_id, "site": past.site_id}):
        return "known"
    if session.scalar(select(Person.id).where(Person.id == past.person_id)) is None:
        return "unknown"
    where = _where(session, past)
    try:
        with session.begin_nested():
            for site_id in where:
                erase(session, past.person_id, site_id, "restored", by)
    except Problem as problem:
        if problem.kind is NOT_FOUND:
            return "unknown"
        if problem.kind is CONFLICT:
            return "waiting"
        raise
    return "erased" if where else "known"


def _where(session: Session, past: PastErasure) -> Sequence[UUID | None]:
    """At which sites to erase; everywhere (None) where no site was told anew."""
    people = list(session.scalars(PERSONS, {"person": person_now(session, past.person_id)}))
    at = {"people": people, "site": past.site_id, "erased_at": past.erased_at}
    told = session.execute(_TOLD, at).all()
    if past.site_id is None and all(one.before for one in told):
        return [None]
    return [one.site_id for one in told if one.before]
