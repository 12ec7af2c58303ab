"""Reminders by rules: to whom and when, by the site's clocks and out of its quiet hours; what becomes of a late one.
Messages to leaders and staff, who have no registration."""

from alembic import op

revision = "0008"
down_revision = "0007"

COPIES = """
-- as_of: since when these hours and this zone count; a reminder that lay before is not given again
ALTER TABLE sites
    ADD COLUMN quiet_from text NOT NULL DEFAULT '21:00',
    ADD COLUMN quiet_until text NOT NULL DEFAULT '08:00',
    ADD COLUMN as_of timestamptz NOT NULL DEFAULT '-infinity';
ALTER TABLE activities
    ADD COLUMN reminder_rules jsonb NOT NULL DEFAULT '[]',
    ADD COLUMN volunteering boolean NOT NULL DEFAULT false,
    ADD COLUMN as_of timestamptz NOT NULL DEFAULT '-infinity';
ALTER TABLE shifts ADD COLUMN as_of timestamptz NOT NULL DEFAULT '-infinity';
ALTER TABLE registrations
    ADD COLUMN as_of timestamptz NOT NULL DEFAULT '-infinity',
    -- whether the person said that they will come
    ADD COLUMN coming boolean NOT NULL DEFAULT false;
"""

# What is found late, after a downtime, wakes nobody either (`moments.awake` is the same for what is planned): the end
# of the quiet hours in which a moment lies, or the moment itself where it lies in none.
QUIET = """
CREATE FUNCTION awake(moment timestamptz, zone text, quiet_from text, quiet_until text)
RETURNS timestamptz LANGUAGE plpgsql STABLE AS $$
DECLARE
    shown timestamp := moment AT TIME ZONE zone;
    begins time := quiet_from::time;
    ends time := quiet_until::time;
BEGIN
    IF begins <= ends AND shown::time >= begins AND shown::time < ends
       OR begins > ends AND shown::time < ends THEN
        RETURN (shown::date + ends) AT TIME ZONE zone;
    ELSIF begins > ends AND shown::time >= begins THEN
        RETURN (shown::date + 1 + ends) AT TIME ZONE zone;
    END IF;
    RETURN moment;
END
$$;
"""

# When a shift reminds whoever is on it, worked out once for each shift and not for each person.
MOMENTS = """
CREATE TABLE moments (
    shift_id uuid NOT NULL REFERENCES shifts (id),
    of_status text NOT NULL CHECK (of_status IN ('confirmed', 'waitlisted')),
    rule text NOT NULL,
    due_at timestamptz NOT NULL,
    only_unconfirmed boolean NOT NULL DEFAULT false,
    late text NOT NULL DEFAULT 'latest' CHECK (late IN ('latest', 'send', 'skip')),
    PRIMARY KEY (shift_id, of_status, rule)
);
"""

# Sites whose zone or quiet hours changed, and behind which of their shifts that is still to be followed.
CLOCK_CHANGES = """
CREATE TABLE clock_changes (
    site_id uuid PRIMARY KEY,
    changed_at timestamptz NOT NULL,
    after uuid
);
"""

# What was promised before stays as it was promised, until the shift, its activity or its site changes.
PROMISED = """
INSERT INTO moments (shift_id, of_status, rule, due_at)
SELECT DISTINCT shifts.id, of_status, minutes::text, starts_at - make_interval(mins => minutes)
FROM shifts JOIN activities ON activities.id = activity_id CROSS JOIN LATERAL (
    SELECT 'confirmed', unnest(reminder_minutes) UNION ALL SELECT 'waitlisted', 120) AS given (of_status, minutes)
WHERE starts_at > now() AND NOT shifts.cancelled AND NOT activities.cancelled;
"""

# rule: minutes before the start, as ever, or what a rule is called (`1d19:00`). The type is changed and no row is
# written: under row-level security a migration sees none.
REMINDERS = """
ALTER TABLE reminders RENAME COLUMN minutes_before TO rule;
ALTER TABLE reminders
    ALTER COLUMN rule TYPE text USING rule::text,
    ADD COLUMN only_unconfirmed boolean NOT NULL DEFAULT false,
    ADD COLUMN late text NOT NULL DEFAULT 'latest' CHECK (late IN ('latest', 'send', 'skip')),
    -- why it did not go out
    ADD COLUMN reason text,
    DROP CONSTRAINT reminders_state_check,
    ADD CONSTRAINT reminders_state_check CHECK (state IN ('pending', 'fired', 'withdrawn', 'missed', 'superseded'));
"""

# Who leads a team and who works at a site is asked of registration when such a one is due: each recipient then gets a
# message. hours_due and hours_over: service hours of the shift that nobody recorded yet (`notices.py`).
NOTICES = """
CREATE TABLE notices (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    shift_id uuid NOT NULL REFERENCES shifts (id),
    site_id uuid NOT NULL,
    kind text NOT NULL CHECK (kind IN ('leaders', 'staff', 'hours_due', 'hours_over')),
    rule text NOT NULL,
    due_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    -- the last day on which the hours count as recorded in time
    deadline date,
    late text NOT NULL DEFAULT 'latest' CHECK (late IN ('latest', 'send', 'skip')),
    state text NOT NULL DEFAULT 'pending'
        CHECK (state IN ('pending', 'fired', 'withdrawn', 'missed', 'superseded')),
    reason text,
    CONSTRAINT notices_once UNIQUE (shift_id, kind, rule)
);
CREATE INDEX notices_due ON notices (due_at) WHERE state = 'pending';
ALTER TABLE notices ENABLE ROW LEVEL SECURITY;
ALTER TABLE notices FORCE ROW LEVEL SECURITY;
CREATE POLICY own_site ON notices USING (
    current_setting('hesheng.site', true) = '*'
    OR site_id = nullif(nullif(current_setting('hesheng.site', true), '*'), '')::uuid
);

ALTER TABLE messages
    ADD COLUMN notice_id bigint REFERENCES notices (id),
    ADD COLUMN staff_id uuid,
    DROP CONSTRAINT messages_one_cause,
    ADD CONSTRAINT messages_one_cause CHECK (num_nonnulls(cause_event, reminder_id, notice_id) = 1),
    DROP CONSTRAINT messages_kind_check,
    ADD CONSTRAINT messages_kind_check CHECK (kind IN (
        'confirmation', 'waitlisted', 'promotion', 'offer', 'moved_back', 'transfer_declined', 'transfer_expired',
        'cancellation', 'change', 'reminder', 'no_place', 'link', 'notice', 'hours')),
    DROP CONSTRAINT messages_about_something,
    ADD CONSTRAINT messages_about_something CHECK (
        CASE WHEN kind = 'link' THEN link_id IS NOT NULL AND purpose IS NOT NULL AND registration_id IS NULL
        WHEN kind IN ('notice', 'hours') THEN notice_id IS NOT NULL AND site_id IS NOT NULL AND registration_id IS NULL
             AND link_id IS NULL AND num_nonnulls(person_id, staff_id) = 1
        ELSE link_id IS NULL AND purpose IS NULL AND site_id IS NOT NULL AND shift_id IS NOT NULL
             AND registration_id IS NOT NULL AND person_id IS NOT NULL END);
CREATE INDEX messages_notices_due ON messages (next_attempt_at, number)
    WHERE state = 'pending' AND notice_id IS NOT NULL;
CREATE INDEX messages_notice ON messages (notice_id) WHERE notice_id IS NOT NULL;
"""


def upgrade() -> None:
    """Let reminders follow rules, and leaders and staff be reminded."""
    for statements in (COPIES, QUIET, MOMENTS, CLOCK_CHANGES, PROMISED, REMINDERS, NOTICES):
        op.execute(statements)
