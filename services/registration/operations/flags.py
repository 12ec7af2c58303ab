"""What looks wrong about hours, for a second person to look at: computed afresh, so that no flag is forgotten.

| kind | what |
| --- | --- |
| many_hours_day | more than twelve hours of one person on one day |
| many_hours_week | more than forty hours of one person in one week (Monday to Sunday) |
| two_places | check-in at one shift before the check-out of another, at whichever sites |
| in_bulk | hours of ten people or more by one person within one minute, whose coming nobody recorded before |
| late | recorded more than ten working days after the shift |

A roll call that says only afterwards who came is flagged as well: one that says at the start who is there, and at the
end who left, is not. Clearing a flag keeps who looked and what they found; whoever is in charge of a record concerned
cannot. A cleared flag comes back when further records fall under it, for its name changes with their number.
"""

from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from services.common.errors import not_found
from services.registration.models import ClearedFlag
from services.registration.operations.second_person import check_second_person
from services.registration.schemas.hours import FlagAnswer

MOST_A_DAY = 12 * 60
MOST_A_WEEK = 40 * 60
MANY_AT_ONCE = 10

# `mine` are the site's standing records since a day; other sites' are looked at for one question only, and not shown.
_FLAGS = text("""
WITH mine AS MATERIALIZED (
    SELECT r.*, g.checked_in_at, g.checked_out_at
    FROM standing_records AS r LEFT JOIN registrations AS g ON g.id = r.registration_id
    WHERE r.site_id = :site AND r.day >= :since AND r.minutes > 0
), per_day AS (
    SELECT 'many_hours_day' AS kind, holder || ':' || day AS subject, day, holder AS person_id, mine.id,
        mine.minutes, mine.in_charge, sum(minutes) OVER (PARTITION BY holder, day) > :most_a_day AS is_many
    FROM mine
), per_week AS (
    SELECT 'many_hours_week', holder || ':' || date_trunc('week', day)::date, date_trunc('week', day)::date, holder,
        mine.id, mine.minutes, mine.in_charge,
        sum(minutes) OVER (PARTITION BY holder, date_trunc('week', day)) > :most_a_week
    FROM mine
), two_places AS (
    SELECT 'two_places', mine.id::text, mine.day, mine.holder, mine.id, mine.minutes, mine.in_charge, EXISTS (
        SELECT FROM standing_records AS o JOIN registrations AS h ON h.id = o.registration_id
        WHERE o.holder = mine.holder AND o.id <> mine.id AND o.minutes > 0
          AND o.day BETWEEN mine.day - 1 AND mine.day + 1
          AND h.checked_in_at < mine.checked_out_at AND mine.checked_in_at < h.checked_out_at)
    FROM mine WHERE mine.checked_out_at IS NOT NULL
), said_at_once AS (
    -- whose coming was told of in the same minute as their leaving, and not by themselves
    SELECT mine.*, date_trunc('minute', mine.recorded_at) AS minute
    FROM mine
    WHERE mine.how IN ('confirmed', 'entered_later') AND NOT EXISTS (
        SELECT FROM attendance_entries AS e
        WHERE e.registration_id = mine.registration_id AND e.what = 'in'
          AND e.received_at < mine.recorded_at - interval '1 minute')
), in_bulk AS (
    SELECT 'in_bulk', in_charge || ':' || to_char(minute AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI"Z"'),
        (minute AT TIME ZONE 'UTC')::date, NULL::uuid, id, minutes, in_charge,
        count(*) OVER (PARTITION BY in_charge, minute) >= :many_at_once
    FROM said_at_once
), late AS (
    SELECT 'late', id::text, day, holder, id, minutes, in_charge, true FROM mine WHERE late
), found AS (
    SELECT kind, subject, day, person_id, sum(minutes)::int AS minutes, array_agg(id ORDER BY id) AS records,
        array_agg(DISTINCT in_charge) AS concerned
    FROM (SELECT * FROM per_day UNION ALL SELECT * FROM per_week UNION ALL SELECT * FROM two_places
          UNION ALL SELECT * FROM in_bulk UNION ALL SELECT * FROM late) AS every
    WHERE is_many
    GROUP BY kind, subject, day, person_id
), named AS (
    SELECT kind, subject || '#' || cardinality(records) AS subject, day, person_id, minutes, records, concerned
    FROM found
)
SELECT n.*, c.cleared_by, c.cleared_at, c.reason
FROM named AS n LEFT JOIN cleared_flags AS c ON c.site_id = :site AND c.kind = n.kind AND c.subject = n.subject
WHERE (c.id IS NOT NULL) = :cleared AND (cast(:kind AS text) IS NULL OR n.kind = :kind AND n.subject = :subject)
ORDER BY n.day DESC, n.kind, n.subject
""")


def flags(session: Session, site_id: UUID, since: date, cleared: bool = False) -> list[FlagAnswer]:
    """What looks wrong about the site's hours since a day. The session must see every site: two places at once may be
    two sites'."""
    return _find(session, site_id, since, cleared)


def clear_flag(session: Session, site_id: UUID, kind: str, subject: str, reason: str) -> FlagAnswer:
    """Note that somebody looked into a flag. Raises 404 where there is none, 409 for who is concerned by it."""
    open_ones = _find(session, site_id, date(2000, 1, 1), cleared=False, kind=kind, subject=subject)
    if not open_ones:
        raise not_found("这个未处理的提示", "open flag")
    flag = open_ones[0]
    own = "须由记录负责人以外的人核实。", "A second person must look: you are in charge of these records."
    for concerned in flag.concerned:
        check_second_person(session, concerned, *own)
    cleared = ClearedFlag(site_id=site_id, kind=kind, subject=subject, reason=reason, concerned=flag.concerned)
    session.add(cleared)
    session.flush()
    session.refresh(cleared)
    return flag.model_copy(
        update={"cleared_by": cleared.cleared_by, "cleared_at": cleared.cleared_at, "reason": cleared.reason}
    )


def _find(
    session: Session, site_id: UUID, since: date, cleared: bool, kind: str | None = None, subject: str = ""
) -> list[FlagAnswer]:
    asked: dict[str, Any] = {"site": site_id, "since": since, "cleared": cleared, "kind": kind, "subject": subject}
    limits = {"most_a_day": MOST_A_DAY, "most_a_week": MOST_A_WEEK, "many_at_once": MANY_AT_ONCE}
    return [FlagAnswer.model_validate(row) for row in session.execute(_FLAGS, asked | limits)]
