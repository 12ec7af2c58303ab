"""What operators, or a site's staff, should hear of while nobody looks: told once when it begins, once when it is over.

    raise_alarms(database)

What is wrong is read from the tables as they are; what is open already is not told again. Both go to the operators'
groups; of a webhook endpoint its site's groups hear too, where they want to. A message's id is made of the alarm, its
phase and the group.
"""

from sqlalchemy import text

from services.common.database import EVERY_SITE, Database
from services.common.logs import get_logger

log = get_logger(__name__)

FAILING_SECONDS = 120
"""A server that is restarted is no alarm."""

LATE_SECONDS = 300
"""What is due for so long is late; announcements, which give way to all others, are not."""

ONE_AT_A_TIME = text("SELECT pg_try_advisory_xact_lock(hashtextextended('alarms are raised', 0))")

WRONG = """
    SELECT 'provider' AS kind, name AS subject, reason, NULL::uuid AS site_id FROM providers
    WHERE failing_since <= now() - make_interval(secs => :failing)
    UNION ALL
    SELECT 'late', 'messages', count(*)::text, NULL FROM messages
    WHERE state = 'pending' AND lane < 3 AND next_attempt_at <= now() - make_interval(secs => :late)
      AND expires_at > now()
    HAVING count(*) > 0
    UNION ALL
    SELECT 'late', 'reminders', count(*)::text, NULL FROM reminders
    WHERE state = 'pending' AND due_at <= now() - make_interval(secs => :late) HAVING count(*) > 0
    UNION ALL
    SELECT 'late', 'notices', count(*)::text, NULL FROM notices
    WHERE state = 'pending' AND due_at <= now() - make_interval(secs => :late) HAVING count(*) > 0
    UNION ALL
    SELECT 'late', 'digests', count(*)::text, NULL FROM digests
    WHERE state = 'pending' AND due_at <= now() - make_interval(secs => :late) HAVING count(*) > 0
    UNION ALL
    SELECT 'webhook', id::text, coalesce(error, disabled_why), site_id FROM webhook_endpoints
    WHERE disabled_why IN ('failing', 'gone')
    UNION ALL
    SELECT 'halted', producer, min(halted), NULL FROM cursors WHERE halted IS NOT NULL GROUP BY producer
"""

CHANGE = text(f"""
    WITH wrong AS MATERIALIZED ({WRONG}), begun AS (
        INSERT INTO alarms (kind, subject, reason, site_id)
        SELECT kind, subject, reason, site_id FROM wrong
        WHERE NOT EXISTS (SELECT FROM alarms AS a
                          WHERE a.kind = wrong.kind AND a.subject = wrong.subject AND a.ended_at IS NULL)
        RETURNING id, kind, site_id, '' AS over
    ), ended AS (
        UPDATE alarms AS a SET ended_at = now() WHERE ended_at IS NULL
          AND NOT EXISTS (SELECT FROM wrong WHERE wrong.kind = a.kind AND wrong.subject = a.subject)
        RETURNING id, kind, site_id, 'over' AS over
    ), changed AS (
        SELECT * FROM begun UNION ALL SELECT * FROM ended
    ), caused AS (
        INSERT INTO messages (id, kind, site_id, alarm_id, chat_id, details, expires_at)
        SELECT md5(concat_ws('/', 'alarm', changed.id, over, chats.id))::uuid, 'alarm', chats.site_id, changed.id,
               chats.id, jsonb_build_object('over', over), now() + interval '1 day'
        FROM changed JOIN chats ON removed_at IS NULL
         AND (chats.site_id IS NULL
              OR chats.site_id = changed.site_id AND kind = 'webhook' AND 'webhooks' = ANY (topics))
        ORDER BY changed.id, chats.number
        ON CONFLICT DO NOTHING
    )
    SELECT count(*) FILTER (WHERE over = '') AS begun, count(*) FILTER (WHERE over <> '') AS ended FROM changed
""")  # noqa: S608 - a constant


def raise_alarms(database: Database) -> int:
    """Begin and end alarms, and tell of both; returns how many changed."""
    with database.transaction(EVERY_SITE) as session:
        if not session.scalar(ONE_AT_A_TIME):
            return 0
        row = session.execute(CHANGE, {"failing": FAILING_SECONDS, "late": LATE_SECONDS}).one()
    if row.begun:
        log.warning("alarms_raised", count=row.begun, reason="see the operators' groups, or the page of deliveries")
    return int(row.begun + row.ended)
