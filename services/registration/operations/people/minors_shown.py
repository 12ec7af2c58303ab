"""The one place that puts on record that a minor's data was shown to staff, a site or an operator.

    shown(session, site_id, person_id, birth_date)

Every operation that answers with somebody's name, contact or birth date calls it with what it is about to show. Adults
cost nothing; a child's data leaves a line in the audit log, who read it and when, and not what it was.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from sqlalchemy.orm import Session

from services.common.audit import record, record_each
from services.registration.models import PersonSite
from services.registration.personal_data import PersonalData, age_on

ADULT = 18
BEHIND = timedelta(hours=12)
"""So far behind UTC is the last place on earth where it is still the day before."""


def is_minor(born: date | None) -> bool:
    """Whether somebody is under 18 anywhere on earth; who has told no birth date is not treated as a child.

    What depends on an age asks `identity.age_at_site`, the site's own day; this decides what is put on record, and on
    a birthday it rather tells too much.
    """
    return born is not None and age_on(born, (datetime.now(UTC) - BEHIND).date()) < ADULT


def shown(session: Session, site_id: UUID | None, person_id: UUID, born: date | None) -> None:
    """Put on record that this person's data is shown, where they are a minor."""
    if is_minor(born):
        record(session, "read", "people", person_id, site_id, minor=True)


def shown_of(session: Session, data: PersonalData, told: Sequence[PersonSite]) -> None:
    """The same for what people told a site."""
    born = {(one.site_id, one.person_id): data.readable(one.birth_date) for one in told}
    for site_id in {site_id for site_id, _ in born}:
        here = [(person, date.fromisoformat(day)) for (at, person), day in born.items() if day and at == site_id]
        all_shown(session, site_id, here)


def all_shown(session: Session, site_id: UUID | None, people: Iterable[tuple[UUID, date | None]]) -> None:
    """The same for a list."""
    minors = [person_id for person_id, born in people if is_minor(born)]
    record_each(session, "read", "people", minors, site_id, minor=True)


def birth_date(data: PersonalData, stored: bytes | None) -> date | None:
    """What a site was told, where it was and can be read."""
    born = data.readable(stored)
    return date.fromisoformat(born) if born else None
