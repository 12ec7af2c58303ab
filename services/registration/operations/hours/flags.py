"""What looks wrong about hours, for a second person to look at: computed afresh, so that no flag is forgotten.

| kind | what |
| --- | --- |
| many_hours_day | more than twelve hours of one person on one day, at all sites together |
| many_hours_week | more than forty hours of one person in one week (Monday to Sunday), at all sites together |
| two_places | check-in at one shift before the check-out of another, at whichever sites |
| in_bulk | ten people or more whose coming nobody told of when it was: of one shift, or by one hand in one go |
| one_hand | more than forty hours of one volunteer in a month that one account alone confirmed |
| by_leader | of one shift: signed up by a team's leader, and confirmed by nobody but the same leader |
| one_inviter | entered later by one and approved by another, in one month, whom the same member of staff invited |
| late | recorded more than ten working days after the shift |

In one go is without a pause of a minute. When it was is within half an hour of the check-in that counts, and before
the end. A roll call that says only afterwards who came is flagged, however it is said; one that says at the start who
is there, and at the end who left, is not. Other sites' hours count for a person's
sum and are not shown: neither which, nor where. An open flag stays until somebody clears it, however old it is.
Clearing keeps who looked and what they found; whoever is in charge of a record concerned cannot. A cleared flag comes
back when further records fall under it, for its name changes with their number.
"""

from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from services.common.errors import not_found
from services.registration.models import ClearedFlag
from services.registration.operations.hours.second_person import check_second_person
from services.registration.schemas.hours import FlagAnswer

MOST_A_DAY = 12 * 60
MOST_A_WEEK = 40 * 60
MOST_BY_ONE_HAND = 40 * 60
MANY_AT_ONCE = 10
TOLD_WITHIN_MINUTES = 30

# `mine` are the site's standing records, `theirs` those of the same people at every site, found by person.
_FLAGS = text("""
WITH mine AS MATERIALIZED (
    SELECT r.*, g.checked_in_at, g.checked_out_at, s.starts_at, s.ends_at
    FROM standing_records AS r LEFT JOIN registrations AS g ON g.id = r.registration_id
    LEFT JOIN shifts AS s ON s.id = r.shift_id
    WHERE r.site_id = :site AND r.minutes > 0
), theirs AS MATERIALIZED (
    SELECT h.holder, r.id, r.day, r.minutes, r.registration_id
    FROM (SELECT DISTINCT holder FROM mine) AS h
    CROSS JOIN LATERAL (
        SELECT h.holder AS person UNION ALL SELECT p.id FROM people AS p WHERE p.merged_into = h.holder) AS ids
    JOIN service_records AS r ON r.person_id = ids.person
    WHERE r.minutes > 0 AND NOT EXISTS (SELECT FROM service_records AS later WHERE later.corrects = r.id)
), days AS (
    SELECT holder, day, sum(minutes) AS minutes, count(*) AS records FROM theirs GROUP BY holder, day
), weeks AS (
    SELECT holder, date_trunc('week', day)::date AS week, sum(minutes) AS minutes, count(*) AS records
    FROM theirs GROUP BY holder, week
), per_day AS (
    SELECT 'many_hours_day' AS kind, mine.holder || ':' || mine.day AS subject, mine.day, mine.holder AS person_id,
        mine.id, mine.in_charge, mine.recorded_at, d.minutes, d.records
    FROM mine JOIN days AS d USING (holder, day) WHERE d.minutes > :most_a_day
), per_week AS (
    SELECT 'many_hours_week', mine.holder || ':' || w.week, w.week, mine.holder, mine.id, mine.in_charge,
        mine.recorded_at, w.minutes, w.records
    FROM mine JOIN weeks AS w ON w.holder = mine.holder AND w.week = date_trunc('week', mine.day)::date
    WHERE w.minutes > :most_a_week
), two_places AS (
    SELECT 'two_places', mine.id::text, mine.day, mine.holder, mine.id, mine.in_charge, mine.recorded_at,
        mine.minutes, 1
    FROM mine WHERE mine.checked_out_at IS NOT NULL AND EXISTS (
        SELECT FROM theirs AS o JOIN registrations AS h ON h.id = o.registration_id
        WHERE o.holder = mine.holder AND o.id <> mine.id AND o.day BETWEEN mine.day - 1 AND mine.day + 1
          AND h.checked_in_at < mine.checked_out_at AND mine.checked_in_at < h.checked_out_at)
), told_after AS (
    -- whose coming nobody told of at the time that counts, and who did not scan the code themselves
    SELECT mine.* FROM mine
    WHERE mine.how IN ('confirmed', 'entered_later') AND NOT EXISTS (
        SELECT FROM attendance_entries AS e
        WHERE e.registration_id = mine.registration_id AND e.what = 'in'
          AND (e.how = 'scanned' OR e.received_at < least(mine.ends_at,
              greatest(mine.checked_in_at, mine.starts_at) + make_interval(mins => :told_within))))
), of_shift AS (
    SELECT *, count(*) OVER (PARTITION BY shift_id) AS people FROM told_after
), breaks AS (
    SELECT *, coalesce(recorded_at - lag(recorded_at) OVER hand > interval '1 minute', true) AS pauses
    FROM of_shift WINDOW hand AS (PARTITION BY in_charge ORDER BY recorded_at, number)
), runs AS (
    SELECT *, count(*) FILTER (WHERE pauses) OVER (PARTITION BY in_charge ORDER BY recorded_at, number) AS run
    FROM breaks
), in_runs AS (
    SELECT *, count(*) OVER (PARTITION BY in_charge, run) AS in_run,
        first_value(id) OVER (PARTITION BY in_charge, run ORDER BY recorded_at, number) AS first
    FROM runs
), in_bulk AS (
    SELECT 'in_bulk', CASE WHEN people >= :many_at_once THEN 'shift:' || shift_id ELSE 'run:' || first END,
        CASE WHEN people >= :many_at_once THEN day ELSE (recorded_at AT TIME ZONE 'UTC')::date END,
        NULL::uuid, id, in_charge, recorded_at, minutes, 1
    FROM in_runs WHERE people >= :many_at_once OR in_run >= :many_at_once
), months AS (
    SELECT *, date_trunc('month', day)::date AS month,
        sum(minutes) OVER (PARTITION BY holder, in_charge, date_trunc('month', day)) AS by_hand
    FROM mine WHERE how = 'confirmed'
), one_hand AS (
    SELECT 'one_hand', holder || ':' || in_charge || ':' || month, month, holder, id, in_charge, recorded_at, minutes, 1
    FROM months WHERE by_hand > :most_by_one_hand
), by_leader AS (
    SELECT 'by_leader', m.shift_id || ':' || m.in_charge, m.day, NULL::uuid, m.id, m.in_charge, m.recorded_at,
        m.minutes, 1
    FROM mine AS m JOIN registrations AS g ON g.id = m.registration_id AND g.made_by = m.in_charge
    WHERE m.how = 'confirmed' AND m.in_charge LIKE 'person:%'
), pairs AS (
    SELECT DISTINCT in_charge, recorded_by FROM mine
    WHERE how IN ('entered_later', 'imported') AND in_charge <> recorded_by
      AND in_charge LIKE 'staff:%' AND recorded_by LIKE 'staff:%'
), of_one AS (
    SELECT p.* FROM pairs AS p WHERE EXISTS (
        SELECT FROM audit_log AS a JOIN audit_log AS b USING (actor, kind, action)
        WHERE actor LIKE 'staff:%' AND kind = 'staff' AND action = 'insert'
          AND a.record = split_part(p.in_charge, ':', 2) AND b.record = split_part(p.recorded_by, ':', 2))
), one_inviter AS (
    SELECT 'one_inviter', least(in_charge, recorded_by) || ' ' || greatest(in_charge, recorded_by) || ' '
        || date_trunc('month', day)::date, day, NULL::uuid, id, in_charge, recorded_at, minutes, 1
    FROM mine JOIN of_one USING (in_charge, recorded_by) WHERE how IN ('entered_later', 'imported')
), late AS (
    SELECT 'late', id::text, day, holder, id, in_charge, recorded_at, minutes, 1
    FROM mine WHERE late AND how <> 'imported'
), every AS (
    SELECT * FROM per_day UNION ALL SELECT * FROM per_week UNION ALL SELECT * FROM two_places
    UNION ALL SELECT * FROM in_bulk UNION ALL SELECT * FROM one_hand UNION ALL SELECT * FROM by_leader
    UNION ALL SELECT * FROM one_inviter UNION ALL SELECT * FROM late
), found AS (
    -- minutes and records of a day and a week are those of all sites together, the same in each of its rows
    SELECT kind, subject, max(day) AS day, person_id,
        (CASE WHEN kind IN ('many_hours_day', 'many_hours_week') THEN max(minutes) ELSE sum(minutes) END)::int
            AS minutes,
        CASE WHEN kind IN ('many_hours_day', 'many_hours_week') THEN max(records) ELSE count(*) END AS number,
        array_agg(id ORDER BY id) AS records,
        -- who approved looks no more than who entered
        CASE WHEN kind = 'one_inviter' THEN (string_to_array(subject, ' '))[1:2] ELSE array_agg(DISTINCT in_charge) END
            AS concerned,
        max(recorded_at) AS recorded_at
    FROM every GROUP BY kind, subject, person_id
), named AS (
    SELECT kind, subject || '#' || number AS subject, day, person_id, minutes, records, concerned, recorded_at
    FROM found
)
SELECT n.*, c.cleared_by, c.cleared_at, c.reason
FROM named AS n LEFT JOIN cleared_flags AS c ON c.site_id = :site AND c.kind = n.kind AND c.subject = n.subject
WHERE (c.id IS NOT NULL) = :cleared AND (cast(:kind AS text) IS NULL OR n.kind = :kind AND n.subject = :subject)
  AND (cast(:since AS date) IS NULL OR n.recorded_at >= :since)
ORDER BY n.day DESC, n.kind, n.subject
""")


def flags(session: Session, site_id: UUID, since: date | None = None, cleared: bool = False) -> list[FlagAnswer]:
    """What looks wrong about the site's hours; `since`: of what was recorded from that day on. The session must see
    every site: a person's day is one, wherever they were."""
    return _find(session, site_id, since, cleared)


def clear_flag(session: Session, site_id: UUID, kind: str, subject: str, reason: str) -> FlagAnswer:
    """Note that somebody looked into a flag. Raises 404 where there is none, 409 for who is concerned by it."""
    open_ones = _find(session, site_id, None, cleared=False, kind=kind, subject=subject)
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
    session: Session, site_id: UUID, since: date | None, cleared: bool, kind: str | None = None, subject: str = ""
) -> list[FlagAnswer]:
    asked: dict[str, Any] = {"site": site_id, "since": since, "cleared": cleared, "kind": kind, "subject": subject}
    limits = {
        "most_a_day": MOST_A_DAY,
        "most_a_week": MOST_A_WEEK,
        "most_by_one_hand": MOST_BY_ONE_HAND,
        "many_at_once": MANY_AT_ONCE,
        "told_within": TOLD_WITHIN_MINUTES,
    }
    return [FlagAnswer.model_validate(row) for row in session.execute(_FLAGS, asked | limits)]
