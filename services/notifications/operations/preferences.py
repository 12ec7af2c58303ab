"""What people want to be told by a site, how, and when they want to be left alone.

    wishes = preferences_of(database, {(person_id, site_id), …})
    wishes[person_id, site_id].allows("reminder", "sms")

By ids alone. Whoever was merged into another counts as that one, and what either refused stays refused.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from services.common.database import EVERY_SITE, Database
from services.common.errors import CHANGED_MEANWHILE, Problem, Words, not_found
from services.notifications.channels import Channel
from services.notifications.contacts import Known, Refusal
from services.notifications.operations.refusable import REFUSABLE
from services.notifications.schemas.preferences import PreferencesAnswer, PreferencesBody

MAIL, SMS = "mail", "sms"


@dataclass(frozen=True)
class Preference:
    """Of one person at one site. `sleeps`: seconds until their own quiet hours end, 0 while there are none."""

    refused: frozenset[str] = frozenset()
    sms_first: frozenset[str] = frozenset()
    sleeps: float = 0.0

    def allows(self, kind: str, channel: str) -> bool:
        """Whether messages of this kind may come by this channel."""
        return f"{kind}.{channel}" not in self.refused

    def channels(self, kind: str, offered: Sequence[Channel]) -> list[Channel]:
        """The channels by which they may be told this, in their order; none where they refused them all."""
        allowed = [one for one in offered if self.allows(kind, one.name)]
        return sorted(allowed, key=lambda one: one.name != SMS) if kind in self.sms_first else allowed


NO_WISH = Preference()

OF_MANY = text("""
    SELECT asked.person_id, asked.site_id, refused, sms_first,
           CASE WHEN p.quiet_from IS NULL THEN 0 ELSE greatest(0, extract(epoch FROM awake(
               now(), coalesce(time_zone, 'Asia/Shanghai'), p.quiet_from, p.quiet_until) - now())) END::float AS sleeps
    FROM unnest(cast(:people AS uuid[]), cast(:sites AS uuid[])) AS asked (person_id, site_id)
    JOIN preferences AS p ON p.person_id = person_now(asked.person_id) AND p.site_id = asked.site_id
    LEFT JOIN sites ON sites.id = asked.site_id
""")

ONE = text("""
    SELECT version, refused, sms_first, quiet_from, quiet_until FROM preferences
    WHERE person_id = person_now(:person_id) AND site_id = :site_id
""")

SAVE = text("""
    INSERT INTO preferences AS p (person_id, site_id, refused, sms_first, quiet_from, quiet_until)
    VALUES (person_now(:person_id), :site_id, :refused, :sms_first, :quiet_from, :quiet_until)
    ON CONFLICT (person_id, site_id) DO UPDATE
    SET refused = excluded.refused, sms_first = excluded.sms_first, quiet_from = excluded.quiet_from,
        quiet_until = excluded.quiet_until, version = p.version + 1
""")

LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))")

REFUSE = text("""
    INSERT INTO preferences AS p (person_id, site_id, refused)
    SELECT person_now(:person_id), cast(:site_id AS uuid), cast(:what AS text[])
    WHERE NOT EXISTS (SELECT FROM erasures WHERE erasures.person_id IN (:person_id, person_now(:person_id))
                      AND (erasures.site_id IS NULL OR erasures.site_id = :site_id))
    ON CONFLICT (person_id, site_id) DO UPDATE SET version = p.version + 1,
        refused = ARRAY(SELECT DISTINCT one FROM unnest(p.refused || excluded.refused) AS one ORDER BY one)
    WHERE NOT p.refused @> excluded.refused RETURNING p.version
""")

ALLOW = text("""
    UPDATE preferences SET version = version + 1,
        refused = ARRAY(SELECT one FROM unnest(refused) AS one WHERE one <> ALL(:what) ORDER BY one)
    WHERE person_id = person_now(:person_id) AND site_id = :site_id AND version = :version
""")

# As the index `preferences_no_announcements` has it.
NO_ANNOUNCEMENTS = text("""
    SELECT person_id, site_id, 'announcement.mail' = ANY (refused) AS mail, 'announcement.sms' = ANY (refused) AS sms
    FROM preferences
    WHERE refused && '{announcement.mail,announcement.sms}'
      AND (cast(:site_id AS uuid) IS NULL OR site_id = :site_id)
    ORDER BY person_id
""")

PERSONS = """
    WITH RECURSIVE persons (id) AS (
        SELECT cast(:person_id AS uuid)
        UNION SELECT merges.person_id FROM persons JOIN merges ON merges.into_id = persons.id)
"""
"""Everybody who counts as this person, merged into them or into somebody who was."""

KNOWN_AT_SITE = text(f"""{PERSONS}
    SELECT EXISTS (SELECT FROM registrations JOIN persons ON persons.id = person_id WHERE site_id = :site_id)
        OR EXISTS (SELECT FROM messages JOIN persons ON persons.id = person_id WHERE site_id = :site_id)
""")  # noqa: S608 - a constant

FORGET = text(f"""{PERSONS}
    DELETE FROM preferences
    WHERE person_id IN (SELECT id FROM persons) AND (site_id = :site_id OR cast(:site_id AS uuid) IS NULL)
""")  # noqa: S608 - a constant


def preferences_of(database: Database, people: Collection[Known]) -> dict[Known, Preference]:
    """The wishes of those of these people who have any."""
    values = {"people": [person for person, _ in people], "sites": [site for _, site in people]}
    with database.transaction(EVERY_SITE) as session:
        return {
            (row.person_id, row.site_id): Preference(frozenset(row.refused), frozenset(row.sms_first), row.sleeps)
            for row in session.execute(OF_MANY, values)
        }


def preferences_at(session: Session, person_id: UUID, site_id: UUID) -> PreferencesAnswer:
    """What somebody told a site; version 0 and the usual where they told nothing."""
    row = session.execute(ONE, {"person_id": person_id, "site_id": site_id}).one_or_none()
    told = row._asdict() if row else PreferencesBody().model_dump() | {"version": 0}
    return PreferencesAnswer(site_id=site_id, **told)


def save_preferences(
    session: Session, person_id: UUID, site_id: UUID, body: PreferencesBody, expected: Collection[int] | None
) -> PreferencesAnswer:
    """Keep it. Raises 412 where it was changed since the caller read it."""
    told = body.model_dump(mode="json") | {"person_id": person_id, "site_id": site_id}
    session.execute(LOCK, {"key": f"preferences of {person_id} at {site_id}"})
    before = preferences_at(session, person_id, site_id)
    if expected is not None and before.version not in expected:
        raise Problem(
            CHANGED_MEANWHILE,
            Words(
                "设置刚刚在别处改过。请重新打开后再改。",
                "It was just changed elsewhere. Open it again, then change it.",
            ),
        )
    session.execute(SAVE, told)
    return preferences_at(session, person_id, site_id)


def refuse(session: Session, person_id: UUID, site_id: UUID, kind: str) -> tuple[int, list[str]] | None:
    """Have a site tell somebody nothing more of a kind, by any channel: else what comes no more by mail would come by
    SMS. Answers the version that this made, and the channels that were not refused before. What is so already stays so,
    and makes none."""
    session.execute(LOCK, {"key": f"preferences of {person_id} at {site_id}"})
    before = preferences_at(session, person_id, site_id).refused
    channels = [one for one in (MAIL, SMS) if f"{kind}.{one}" not in before]
    version = session.scalar(REFUSE, _of_kind(person_id, site_id, kind, channels)) if channels else None
    return (version, channels) if version else None


def refuse_sms(session: Session, person_id: UUID, site_id: UUID) -> None:
    """Have a site send somebody no SMS of any kind that may be refused."""
    what = [f"{kind}.{SMS}" for kind in REFUSABLE]
    session.execute(REFUSE, {"person_id": person_id, "site_id": site_id, "what": what})


def allow_again(
    session: Session, person_id: UUID, site_id: UUID, kind: str, version: int, channels: Collection[str]
) -> None:
    """Have a site tell them of this kind again by these channels, if refusing it by them made this version and nothing
    was changed since: an old mail does not undo what they chose later, nor what they had chosen before."""
    session.execute(ALLOW, _of_kind(person_id, site_id, kind, channels) | {"version": version})


def _of_kind(person_id: UUID, site_id: UUID, kind: str, channels: Collection[str]) -> dict[str, Any]:
    return {"person_id": person_id, "site_id": site_id, "what": [f"{kind}.{channel}" for channel in channels]}


def without_announcements(session: Session, site_id: UUID | None) -> list[Refusal]:
    """Who refused announcements of a site, or of any, by which channels; in the order of their ids."""
    return [Refusal(*row) for row in session.execute(NO_ANNOUNCEMENTS, {"site_id": site_id})]


def must_be_known(session: Session, person_id: UUID, site_id: UUID) -> None:
    """Raise 404 for somebody of whom the site has not told us."""
    if not session.scalar(KNOWN_AT_SITE, {"person_id": person_id, "site_id": site_id}):
        raise not_found("这位居民", "person")


def forget(session: Session, person_id: UUID, site_id: UUID | None) -> None:
    """Forget what somebody told a site, or all of them, who was erased there."""
    session.execute(FORGET, {"person_id": person_id, "site_id": site_id})
