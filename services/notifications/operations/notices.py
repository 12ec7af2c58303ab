"""Due notices become messages: to the leaders of a shift's team, or to the staff of its site and its chat groups.

    fire_due_notices(database, contact_book)

Who they are is asked of registration when a notice is due. No connection is held meanwhile: what is due is read, the
question asked, and then claimed and given in one transaction, where whoever comes second finds nothing left. A
message's id is made of the shift, the moment and the recipient: nobody gets it twice, whatever is killed in between.
While registration does not answer, the notices wait; nothing is decided.
"""

import json
from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import text

from services.common.database import EVERY_SITE, Database
from services.common.logs import get_logger
from services.notifications.contacts import ContactBook, ContactsUnavailable, Notice
from services.notifications.operations.reminders import SKIPPED_AFTER

log = get_logger(__name__)

CLAIM = 200

DUE = text("""
    SELECT id, shift_id, kind FROM notices WHERE state = 'pending' AND due_at <= now()
    ORDER BY due_at, site_id, id LIMIT :claim
""")

# Hours of one site go into one mail, however many shifts they are of: `head` is the notice that it is kept under.
FIRE = text("""
    WITH answered AS MATERIALIZED (
        SELECT * FROM jsonb_to_recordset(cast(:answers AS jsonb))
            AS answer (id bigint, needed boolean, people jsonb, staff jsonb)
    ), due AS MATERIALIZED (
        SELECT notices.*, CASE kind WHEN 'leaders' THEN '' WHEN 'staff' THEN 'notices' ELSE 'hours' END AS topic
        FROM notices WHERE id IN (SELECT id FROM answered) AND state = 'pending' AND due_at <= now()
        FOR UPDATE SKIP LOCKED
    ), judged AS (
        UPDATE notices AS d SET state = verdict.state, reason = verdict.reason
        FROM due JOIN answered USING (id) JOIN shifts ON shifts.id = due.shift_id
        CROSS JOIN LATERAL (SELECT * FROM (VALUES
            (shifts.cancelled, 'withdrawn', 'the shift was called off'),
            (NOT needed, 'withdrawn', 'everything is recorded'),
            (due.expires_at <= now(), 'missed', 'its time was over'),
            (due.late = 'skip' AND due.due_at <= now() - :skipped_after, 'missed', 'too late by its rule'),
            (due.late = 'latest' AND EXISTS (
                 SELECT FROM notices AS later
                 WHERE later.shift_id = due.shift_id AND later.kind = due.kind
                   AND (later.due_at, later.id) > (due.due_at, due.id) AND later.due_at <= now()
                   AND later.state IN ('pending', 'fired')
                   AND NOT (later.state = 'pending' AND later.late = 'skip'
                            AND later.due_at <= now() - :skipped_after)),
             'superseded', 'a later one is due by now as well'),
            (jsonb_array_length(people) + jsonb_array_length(staff) = 0
                 AND NOT EXISTS (SELECT FROM chats WHERE chats.site_id = due.site_id AND removed_at IS NULL
                                 AND topic = ANY (topics)), 'missed', 'there is nobody to tell'),
            (true, 'fired', NULL)) AS rules (holds, state, reason) WHERE holds LIMIT 1) AS verdict
        WHERE d.id = due.id
        RETURNING d.*, people, staff, topic
    ), grouped AS (
        SELECT *, CASE WHEN kind IN ('leaders', 'staff') THEN id
                       ELSE min(id) OVER (PARTITION BY site_id, kind IN ('leaders', 'staff')) END AS head
        FROM judged WHERE state = 'fired'
    ), recipients AS (
        SELECT head, person_id::uuid, NULL::uuid AS staff_id, NULL::uuid AS chat_id
        FROM grouped CROSS JOIN jsonb_array_elements_text(people) AS person_id
        UNION
        SELECT head, NULL, staff_id::uuid, NULL FROM grouped CROSS JOIN jsonb_array_elements_text(staff) AS staff_id
        UNION
        SELECT head, NULL, NULL, chats.id FROM grouped JOIN chats ON chats.site_id = grouped.site_id
        WHERE removed_at IS NULL AND topic = ANY (topics)
    ), told AS (
        SELECT head, max(expires_at) AS expires_at, jsonb_build_object('shifts', jsonb_agg(jsonb_build_object(
                   'shift_id', shift_id, 'kind', kind, 'deadline', deadline) ORDER BY deadline, id)) AS details
        FROM grouped GROUP BY head
    ), caused AS (
        INSERT INTO messages (id, kind, site_id, shift_id, person_id, staff_id, chat_id, notice_id, due_at, details,
                              expires_at, next_attempt_at)
        SELECT md5(concat_ws('/', shift_id, notice.kind, rule, extract(epoch FROM due_at), person_id, staff_id,
                             chat_id))::uuid,
               CASE WHEN notice.kind IN ('leaders', 'staff') THEN 'notice' ELSE 'hours' END, site_id, shift_id,
               person_id, staff_id, chat_id, notice.id, due_at, told.details, told.expires_at,
               CASE WHEN morning + interval '1 hour' <= told.expires_at THEN morning ELSE now() END
        FROM recipients JOIN grouped AS notice ON notice.id = recipients.head JOIN told ON told.head = recipients.head
        LEFT JOIN sites ON sites.id = notice.site_id
        CROSS JOIN LATERAL awake(now(), time_zone, quiet_from, quiet_until) AS morning
        ORDER BY notice.due_at, notice.id
        ON CONFLICT DO NOTHING
    )
    SELECT count(*) AS claimed, count(*) FILTER (WHERE state IN ('missed', 'superseded')) AS late FROM judged
""")


def fire_due_notices(database: Database, book: ContactBook, claim: int = CLAIM) -> int:
    """Turn up to `claim` due notices into messages, one for each recipient; returns how many were claimed."""
    with database.transaction(EVERY_SITE) as session:
        due = session.execute(DUE, {"claim": claim}).all()
    if not due:
        return 0
    try:
        answers = book.who_has({(row.shift_id, row.kind) for row in due})
    except ContactsUnavailable as error:
        log.warning("notices_wait", count=len(due), reason=str(error))
        return 0
    return give(database, due, answers)


def give(database: Database, due: Sequence[Any], answers: Collection[Notice]) -> int:
    """Write down what became of these notices, by what registration answered, and what they cause."""
    found = {(one.shift_id, one.kind): one for one in answers}
    known = [(row.id, found[row.shift_id, row.kind]) for row in due if (row.shift_id, row.kind) in found]
    rows = [{"id": id_} | answer.model_dump(include={"needed", "people", "staff"}) for id_, answer in known]
    with database.transaction(EVERY_SITE) as session:
        row = session.execute(FIRE, {"answers": json.dumps(rows, default=str), "skipped_after": SKIPPED_AFTER}).one()
    if row.late:
        log.warning("notices_late", count=row.late, reason="found after their time, or for nobody")
    return int(row.claimed)
