"""What a request caused is found by its id; and of an announcement that was stopped, what did not go for that reason is
counted by itself, not among those who refused it. The audit log, which nobody takes anything out of, says no more what
somebody wished for: only that it was changed."""

from alembic import op

from services.common.audit import audited

revision = "0023"
down_revision = "0022"

COUNTED = """
CREATE FUNCTION counted_as(state text, error text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN state = 'suppressed' AND error = 'stopped' THEN 'stopped' ELSE state END
$$;
CREATE OR REPLACE FUNCTION count_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO announcement_counts (announcement_id, state, number)
    VALUES (NEW.announcement_id, counted_as(OLD.state, OLD.error), -1),
           (NEW.announcement_id, counted_as(NEW.state, NEW.error), 1);
    RETURN NULL;
END
$$;
SELECT set_config('hesheng.site', '*', true);
INSERT INTO announcement_counts (announcement_id, state, number)
    SELECT id, counted.* FROM announcements AS a CROSS JOIN LATERAL (
        SELECT count(*) AS stopped FROM messages
        WHERE announcement_id = a.id AND messages.state = 'suppressed' AND error = 'stopped') AS known
    CROSS JOIN LATERAL (VALUES ('suppressed', -stopped), ('stopped', stopped)) AS counted
    WHERE a.state = 'stopped' AND stopped > 0;
SELECT set_config('hesheng.site', '', true);
"""


def upgrade() -> None:
    """Make it."""
    op.execute("CREATE INDEX messages_request ON messages (request_id, number) WHERE request_id IS NOT NULL")
    op.execute(COUNTED)
    op.execute("DROP TRIGGER audited ON preferences")
    op.execute(audited("preferences", key="person_id", personal="refused, sms_first, quiet_from, quiet_until"))
