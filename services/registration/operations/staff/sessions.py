"""Sessions: whose a cookie is.

    sessions = Sessions(database, data)
    principal = sessions.principal(request.cookies)     # staff, a resident, or None
    end_resident(session, cookie)                       # they log out: a copy of the cookie opens nothing either

A member of staff has a row, which ends when they log out, are disabled, or do nothing for `IDLE`; what they may do is
read afresh at every request. A resident has a signed cookie, which is good for `RESIDENT_SECONDS` after a link from a
message was opened, unless they log out or are erased before: only what has ended has a row.
"""

import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from uuid import UUID

from itsdangerous import BadSignature, URLSafeTimedSerializer
from sqlalchemy import text
from sqlalchemy.orm import Session

from services.common.audit import record
from services.common.auth import RESIDENT_COOKIE, STAFF_COOKIE, Caller, Principal, Role, key_hash
from services.common.database import EVERY_SITE, Database
from services.registration.personal_data import PersonalData

IDLE = timedelta(hours=2)
LASTS = timedelta(hours=12)
"""A session of staff ends after a day's work, however busy."""
RESIDENT_SECONDS = 3600
RESIDENT_LASTS = timedelta(seconds=RESIDENT_SECONDS)

_LOOK_UP = text(
    "SELECT n.staff_id, n.site_id, staff_role_at(n.staff_id, n.site_id) AS role, EXISTS ("
    " SELECT FROM staff_grants AS g WHERE g.staff_id = n.staff_id AND g.role = 'operator') AS is_operator,"
    " ARRAY(SELECT g.area FROM staff_grants AS g WHERE g.staff_id = n.staff_id AND g.role = 'area_admin'"
    " ORDER BY g.area) AS areas,"
    " n.used_at < now() - interval '1 minute' AS is_stale"
    " FROM staff_sessions AS n JOIN staff AS m ON m.id = n.staff_id"
    " WHERE n.sha256 = :digest AND n.expires_at > now() AND n.used_at > now() - :idle AND m.disabled_at IS NULL"
)

_STILL_GOOD = text(
    "SELECT EXISTS (SELECT FROM people WHERE id = :person AND sessions_from < :since AND erased_at IS NULL)"
    " AND NOT EXISTS (SELECT FROM ended_sessions WHERE sha256 = :digest)"
)


class Sessions:
    """Tells whose session a cookie is."""

    def __init__(self, database: Database, data: PersonalData) -> None:
        self._database = database
        self._signer = URLSafeTimedSerializer(data.key_for("resident session"))

    def shown(self, cookies: Mapping[str, str]) -> str:
        """The cookie of a member of staff, which takes a look-up; a resident's tells by its signature."""
        return cookies.get(STAFF_COOKIE, "")

    def principal(self, cookies: Mapping[str, str]) -> Principal | None:
        """The member of staff or resident, None without a valid cookie. Staff come first where there are both."""
        staff, resident = cookies.get(STAFF_COOKIE), cookies.get(RESIDENT_COOKIE)
        return (self._staff(staff) if staff else None) or (self._resident(resident) if resident else None)

    def resident_cookie(self, person_id: UUID, address: bytes, mailed_by: UUID | None = None) -> str:
        """A new session of a resident, who got in by a message to the address with this keyed hash.

        `mailed_by` is the site in whose mail the link stood, where that lasts and may have been passed on.
        """
        # The signature's own time has whole seconds: too coarse beside "log out everywhere".
        site = mailed_by.hex if mailed_by else ""
        return str(self._signer.dumps([str(person_id), address.hex(), time.time(), site]))

    def _resident(self, cookie: str) -> Principal | None:
        try:
            person_id, address, since, site = self._signer.loads(cookie, max_age=RESIDENT_SECONDS)
        except (BadSignature, ValueError):
            return None
        began = datetime.fromtimestamp(since, UTC)
        shown = {"person": person_id, "since": began, "digest": key_hash(cookie)}
        with self._database.transaction(EVERY_SITE) as session:
            if not session.scalar(_STILL_GOOD, shown):
                return None
        mailed_by = UUID(site) if site else None
        return Principal(
            Caller.PERSON, str(person_id), session=cookie, address=address, mailed_by=mailed_by, since=began
        )

    def _staff(self, cookie: str) -> Principal | None:
        digest = key_hash(cookie)
        with self._database.transaction(EVERY_SITE) as session:
            row = session.execute(_LOOK_UP, {"digest": digest, "idle": IDLE}).one_or_none()
            if row is None:
                return None
            if row.is_stale:
                session.execute(
                    text("UPDATE staff_sessions SET used_at = now() WHERE sha256 = :digest"), {"digest": digest}
                )
        # A grant that was taken away takes the site with it.
        before_a_site = Role.AREA_ADMIN if row.areas and row.site_id is None else None
        at_site = Role(row.role) if row.role else before_a_site
        role = Role.OPERATOR if row.is_operator else at_site
        site_id = row.site_id if row.role else None
        return Principal(Caller.STAFF, str(row.staff_id), site_id, role, session=cookie, areas=tuple(row.areas))


def end_resident(session: Session, cookie: str) -> None:
    """Log a resident out of the browser with this cookie."""
    session.execute(text("DELETE FROM ended_sessions WHERE ended_at < now() - :lasts"), {"lasts": 2 * RESIDENT_LASTS})
    ended = "INSERT INTO ended_sessions (sha256) VALUES (:digest) ON CONFLICT DO NOTHING"
    session.execute(text(ended), {"digest": key_hash(cookie)})


def logged_out_since(session: Session, person_id: UUID, since: datetime) -> bool:
    """Whether a resident has logged out everywhere after that moment."""
    ended = "SELECT EXISTS (SELECT FROM people WHERE id = :person AND sessions_from >= :since)"
    return bool(session.scalar(text(ended), {"person": person_id, "since": since}))


def end_resident_everywhere(session: Session, person_id: UUID) -> None:
    """Log a resident out of every browser: of all ids that were merged into one. The links in mails that were sent
    before are over too (`links.py`)."""
    every_id, now = "(SELECT persons_of(person_now(:person)))", {"now": datetime.now(UTC), "person": person_id}
    session.execute(text(f"UPDATE people SET sessions_from = :now WHERE id IN {every_id}"), now)  # noqa: S608
    open_links = "purpose = 'my_registrations' AND used_at IS NULL"
    session.execute(text(f"UPDATE links SET used_at = :now WHERE person_id IN {every_id} AND {open_links}"), now)  # noqa: S608
    record(session, "log_out_everywhere", "people", person_id, None)
