"""Announcements: what is kept of why one waits, who declined or stopped it, how many messages are in which state, and
the mails that ask colleagues to approve one."""

from alembic import op

revision = "0017"
down_revision = "0016"

ANNOUNCEMENTS = """
ALTER TABLE announcements
    -- so many people of those counted refused announcements
    ADD COLUMN refused integer NOT NULL DEFAULT 0,
    -- to so many people it may go without a second person's approval
    ADD COLUMN alone integer,
    -- when registration could not say whom it goes to, and what it answered; both null once it could
    ADD COLUMN tried_at timestamptz,
    ADD COLUMN waits text,
    -- who did not approve it, and why: a draft again
    ADD COLUMN declined_at timestamptz,
    ADD COLUMN declined_by text,
    ADD COLUMN declined_why text,
    ADD COLUMN ended_why text,
    -- when its colleagues were asked to approve it; null: not since it was handed in
    ADD COLUMN asked_at timestamptz;
CREATE INDEX announcements_unasked ON announcements (number) WHERE state = 'waiting' AND asked_at IS NULL;
"""

# A change of a message's state is a line of its own, so that many at once wait for nobody; the pump adds them up
# (`folded`). They outlive the messages, as announcements do.
COUNTS = """
CREATE TABLE announcement_counts (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    announcement_id uuid NOT NULL REFERENCES announcements (id) ON DELETE CASCADE,
    state text NOT NULL,
    number bigint NOT NULL,
    folded boolean NOT NULL DEFAULT false
);
CREATE INDEX announcement_counts_of ON announcement_counts (announcement_id);
CREATE INDEX announcement_counts_open ON announcement_counts (id) WHERE NOT folded;
CREATE UNIQUE INDEX announcement_counts_folded ON announcement_counts (announcement_id, state) WHERE folded;
SELECT set_config('hesheng.site', '*', true);
INSERT INTO announcement_counts (announcement_id, state, number, folded)
    SELECT announcement_id, state, count(*), true FROM messages WHERE announcement_id IS NOT NULL GROUP BY 1, 2;
SELECT set_config('hesheng.site', '', true);

CREATE FUNCTION count_written() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO announcement_counts (announcement_id, state, number)
    SELECT announcement_id, state, count(*) FROM written WHERE announcement_id IS NOT NULL GROUP BY 1, 2;
    RETURN NULL;
END
$$;
CREATE FUNCTION count_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO announcement_counts (announcement_id, state, number)
    VALUES (NEW.announcement_id, OLD.state, -1), (NEW.announcement_id, NEW.state, 1);
    RETURN NULL;
END
$$;
CREATE TRIGGER count_written AFTER INSERT ON messages REFERENCING NEW TABLE AS written
    FOR EACH STATEMENT EXECUTE FUNCTION count_written();
CREATE TRIGGER count_changed AFTER UPDATE OF state ON messages FOR EACH ROW
    WHEN (NEW.announcement_id IS NOT NULL AND NEW.state IS DISTINCT FROM OLD.state) EXECUTE FUNCTION count_changed();

-- Counts are seen by whoever sees their announcement. A site's message may be of an area's announcement, which the site
-- does not see: that it changed is counted all the same.
ALTER TABLE announcement_counts ENABLE ROW LEVEL SECURITY;
ALTER TABLE announcement_counts FORCE ROW LEVEL SECURITY;
CREATE POLICY own_site ON announcement_counts
    USING (EXISTS (SELECT FROM announcements WHERE announcements.id = announcement_id));
CREATE POLICY anybody_tells ON announcement_counts FOR INSERT WITH CHECK (true);

-- Nothing reads the messages of an announcement by state any more, and beside this index planners take the wrong one.
DROP INDEX messages_announcement;
"""

MERGES = """
CREATE INDEX merges_into ON merges (into_id);
-- Everybody who counts as this person by now, themselves among them.
CREATE FUNCTION persons_of(person uuid) RETURNS SETOF uuid LANGUAGE sql STABLE AS $$
    WITH RECURSIVE found (id) AS (
        SELECT person UNION SELECT merges.person_id FROM found JOIN merges ON merges.into_id = found.id
    ) SELECT id FROM found
$$;
"""

# Its own column, so that whatever looks for messages of an announcement finds those to its audience alone.
APPROVALS = """
ALTER TABLE messages
    ADD COLUMN approval_of uuid REFERENCES announcements (id),
    DROP CONSTRAINT messages_kind_check,
    ADD CONSTRAINT messages_kind_check CHECK (kind IN (
        'confirmation', 'waitlisted', 'promotion', 'offer', 'moved_back', 'transfer_declined', 'transfer_expired',
        'cancellation', 'change', 'reminder', 'no_place', 'link', 'notice', 'hours', 'announcement', 'digest',
        'alarm', 'approval')),
    DROP CONSTRAINT messages_one_cause,
    ADD CONSTRAINT messages_one_cause CHECK (
        num_nonnulls(cause_event, reminder_id, notice_id, announcement_id, digest_id, alarm_id, approval_of) = 1),
    DROP CONSTRAINT messages_about_something,
    ADD CONSTRAINT messages_about_something CHECK (
        CASE WHEN kind = 'link' THEN link_id IS NOT NULL AND purpose IS NOT NULL AND registration_id IS NULL
        WHEN kind IN ('notice', 'hours') THEN notice_id IS NOT NULL AND site_id IS NOT NULL AND registration_id IS NULL
             AND link_id IS NULL AND num_nonnulls(person_id, staff_id, chat_id) = 1
        WHEN kind = 'digest' THEN digest_id IS NOT NULL AND site_id IS NOT NULL AND registration_id IS NULL
             AND link_id IS NULL AND person_id IS NULL AND num_nonnulls(staff_id, chat_id) = 1
        WHEN kind = 'announcement' THEN announcement_id IS NOT NULL AND site_id IS NOT NULL AND person_id IS NOT NULL
             AND registration_id IS NULL AND link_id IS NULL
        WHEN kind = 'alarm' THEN alarm_id IS NOT NULL AND chat_id IS NOT NULL AND registration_id IS NULL
             AND link_id IS NULL AND num_nonnulls(person_id, staff_id) = 0
        WHEN kind = 'approval' THEN approval_of IS NOT NULL AND staff_id IS NOT NULL AND registration_id IS NULL
             AND link_id IS NULL AND num_nonnulls(person_id, chat_id) = 0
        ELSE link_id IS NULL AND purpose IS NULL AND site_id IS NOT NULL AND shift_id IS NOT NULL
             AND registration_id IS NOT NULL AND person_id IS NOT NULL END);
CREATE INDEX messages_approvals_due ON messages (next_attempt_at, number)
    WHERE state = 'pending' AND approval_of IS NOT NULL;
CREATE INDEX messages_approval ON messages (approval_of) WHERE approval_of IS NOT NULL;
"""


def upgrade() -> None:
    """Keep them."""
    for statements in (ANNOUNCEMENTS, COUNTS, MERGES, APPROVALS):
        op.execute(statements)
