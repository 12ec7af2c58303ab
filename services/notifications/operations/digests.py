"""Each evening a site's staff are told of the day to come, and what the days before left open.

    plan_digests(database)                      # each site's next two, ahead of time
    fire_due_digests(database, contact_book)    # one message for each member of staff who wants it

What the day holds is asked of registration when it is due, and kept with the digest: all get the same. No connection
is held meanwhile; what is due is read, the question asked, and then decided in one transaction, where whoever comes
second finds nothing left. A message's id is made of site, day and recipient, so that nobody is told twice.
"""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import text

from services.common.database import EVERY_SITE, Database
from services.common.logs import get_logger
from services.notifications.contacts import ContactBook, ContactsUnavailable, Day

log = get_logger(__name__)

CLAIM = 50

USUAL_TIME = "18:00"
"""By the site's clocks, on the evening before."""

# Two days ahead, so that a downtime over one evening is found late, and not forgotten. What lies behind is not planned:
# a database that was rebuilt tells nobody of days gone by.
PLANNED = """
    SELECT sites.id AS site_id, day, due_at, day::timestamp AT TIME ZONE time_zone AS expires_at
    FROM sites LEFT JOIN digest_times ON digest_times.site_id = sites.id
    CROSS JOIN LATERAL generate_series(1, 2) AS ahead
    CROSS JOIN LATERAL (SELECT (now() AT TIME ZONE time_zone)::date + ahead AS day) AS days
    CROSS JOIN LATERAL (SELECT (day - 1 + coalesce(at, :usual)::time) AT TIME ZONE time_zone AS due_at) AS dues
    WHERE due_at > now()
"""
PLAN = text(f"""
    INSERT INTO digests (site_id, day, due_at, expires_at) SELECT * FROM ({PLANNED}) AS planned
    WHERE NOT EXISTS (SELECT FROM digests WHERE digests.site_id = planned.site_id AND digests.day = planned.day)
    ON CONFLICT DO NOTHING
""")  # noqa: S608 - a constant
# The site's time or zone has changed since.
MOVE = text(f"""
    UPDATE digests SET due_at = planned.due_at, expires_at = planned.expires_at FROM ({PLANNED}) AS planned
    WHERE digests.site_id = planned.site_id AND digests.day = planned.day AND digests.state = 'pending'
      AND digests.due_at <> planned.due_at
""")  # noqa: S608 - a constant

MISS = text("""
    UPDATE digests SET state = 'missed', reason = 'its day had begun'
    WHERE state = 'pending' AND due_at <= now() AND expires_at <= now()
""")
DUE = text("""
    SELECT id, site_id, day FROM digests WHERE state = 'pending' AND due_at <= now() ORDER BY due_at, id LIMIT :claim
""")
FIRE = text("""
    WITH answered AS MATERIALIZED (
        SELECT * FROM jsonb_to_recordset(cast(:answers AS jsonb))
            AS answer (id bigint, facts jsonb, staff jsonb, says_nothing boolean)
    ), due AS MATERIALIZED (
        SELECT digests.* FROM digests WHERE id IN (SELECT id FROM answered) AND state = 'pending' AND due_at <= now()
        FOR UPDATE SKIP LOCKED
    ), recipients AS MATERIALIZED (
        SELECT due.id, one::uuid AS staff_id, NULL::uuid AS chat_id
        FROM due JOIN answered USING (id) CROSS JOIN jsonb_array_elements_text(staff) AS one
        WHERE NOT EXISTS (SELECT FROM digest_refusals AS r WHERE r.site_id = due.site_id AND r.staff_id = one::uuid)
        UNION
        SELECT due.id, NULL, chats.id FROM due JOIN chats ON chats.site_id = due.site_id
        WHERE removed_at IS NULL AND 'digest' = ANY (topics)
    ), judged AS (
        UPDATE digests AS d SET state = verdict.state, reason = verdict.reason, facts = answered.facts
        FROM due JOIN answered USING (id) CROSS JOIN LATERAL (SELECT * FROM (VALUES
            (due.expires_at <= now(), 'missed', 'its day had begun'),
            (answered.facts IS NULL, 'withdrawn', 'the site is closed'),
            (says_nothing, 'withdrawn', 'there is nothing to tell'),
            (NOT EXISTS (SELECT FROM recipients AS r WHERE r.id = due.id), 'withdrawn', 'nobody wants it'),
            (true, 'fired', NULL)) AS rules (holds, state, reason) WHERE holds LIMIT 1) AS verdict
        WHERE d.id = due.id
        RETURNING d.*
    ), caused AS (
        INSERT INTO messages (id, kind, site_id, digest_id, staff_id, chat_id, due_at, expires_at, next_attempt_at)
        SELECT md5(concat_ws('/', 'digest', site_id, day, staff_id, chat_id))::uuid, 'digest', site_id, judged.id,
               staff_id, chat_id, due_at, expires_at, now()
        FROM judged JOIN recipients USING (id) WHERE state = 'fired'
        ORDER BY due_at, judged.id, staff_id
        ON CONFLICT DO NOTHING
    )
    SELECT count(*) AS claimed, count(*) FILTER (WHERE state = 'missed') AS late FROM judged
""")


def plan_digests(database: Database) -> int:
    """Make each site's next digests, and move those whose time has changed; returns how many were made."""
    with database.transaction(EVERY_SITE) as session:
        session.execute(MOVE, {"usual": USUAL_TIME})
        return session.execute(PLAN, {"usual": USUAL_TIME}).rowcount  # type: ignore[attr-defined]


def fire_due_digests(database: Database, book: ContactBook, claim: int = CLAIM) -> int:
    """Turn up to `claim` due digests into messages; returns how many were claimed."""
    with database.transaction(EVERY_SITE) as session:
        late = session.execute(MISS).rowcount  # type: ignore[attr-defined]
        due = session.execute(DUE, {"claim": claim}).all()
    if late:
        log.warning("digests_late", count=late, reason="found after their day had begun")
    if not due:
        return 0
    try:
        days = book.days_of({(row.site_id, row.day) for row in due})
    except ContactsUnavailable as error:
        log.warning("digests_wait", count=len(due), reason=str(error))
        return 0
    return give(database, due, days)


def give(database: Database, due: Collection[Any], days: Mapping[tuple[UUID, date], Day]) -> int:
    """Write down what became of these digests, by what registration answered, and what they cause."""
    answers = [_answer(row, days.get((row.site_id, row.day))) for row in due]
    with database.transaction(EVERY_SITE) as session:
        row = session.execute(FIRE, {"answers": json.dumps(answers)}).one()
    return int(row.claimed)


def _answer(row: Any, day: Day | None) -> dict[str, Any]:
    if day is None:
        return {"id": row.id, "facts": None, "staff": [], "says_nothing": False}
    facts = day.model_dump(mode="json", include={"shifts", "attendance"})
    return {
        "id": row.id,
        "facts": facts,
        "staff": [str(one) for one in day.staff],
        "says_nothing": not (day.shifts or day.attendance),
    }


WANT = text("DELETE FROM digest_refusals WHERE site_id = :site AND staff_id = :staff")
REFUSE = text("INSERT INTO digest_refusals (site_id, staff_id) VALUES (:site, :staff) ON CONFLICT DO NOTHING")
SET_TIME = text("""
    INSERT INTO digest_times (site_id, at) VALUES (:site, :at) ON CONFLICT (site_id) DO UPDATE SET at = excluded.at
""")
SETTINGS = text("""
    SELECT coalesce((SELECT at FROM digest_times WHERE site_id = :site), :usual) AS at,
           NOT EXISTS (SELECT FROM digest_refusals WHERE site_id = :site AND staff_id = :staff) AS wanted
""")


@dataclass(frozen=True)
class DigestSettings:
    """When a site's digest comes, by its clocks, and whether somebody there gets it."""

    at: str
    wanted: bool


def settings_of(database: Database, scope: str, site_id: UUID, staff_id: str | None) -> DigestSettings:
    """How it stands for the site and, where somebody is named, for them."""
    with database.transaction(scope) as session:
        row = session.execute(SETTINGS, {"site": site_id, "staff": staff_id, "usual": USUAL_TIME}).one()
    return DigestSettings(row.at, row.wanted)


def want(database: Database, scope: str, site_id: UUID, staff_id: str, wanted: bool) -> None:
    """Have a member of staff get the digest of this site, or not: from the next one on."""
    with database.transaction(scope) as session:
        session.execute(WANT if wanted else REFUSE, {"site": site_id, "staff": staff_id})


def set_time(database: Database, scope: str, site_id: UUID, at: str) -> None:
    """Let the site's digests come at this time of the evening before, from the next one that still lies ahead."""
    with database.transaction(scope) as session:
        session.execute(SET_TIME, {"site": site_id, "at": at})
