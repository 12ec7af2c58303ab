"""Programmes, organisations, teams, rooms, hours and volunteers; of activities and sign-ups, more than was kept.

What stands there already has none of it: a rebuild reads it from the log.
"""

from alembic import op

revision = "0020"
down_revision = "0010"

# Null or empty is what was kept before this migration.
MORE_OF_WHAT_THERE_IS = """
ALTER TABLE sites ADD COLUMN time_zone text NOT NULL DEFAULT 'Asia/Shanghai';
ALTER TABLE activities
    ADD COLUMN programme_id uuid,
    ADD COLUMN team_id uuid,
    ADD COLUMN volunteering boolean NOT NULL DEFAULT false,
    ADD COLUMN service_category text;
CREATE INDEX activities_programme ON activities (programme_id, site_id) WHERE programme_id IS NOT NULL;
ALTER TABLE shifts
    ADD COLUMN role_zh text NOT NULL DEFAULT '',
    ADD COLUMN role_en text NOT NULL DEFAULT '',
    ADD COLUMN starts_at timestamptz,
    ADD COLUMN ends_at timestamptz;
-- `notice_minutes`: from the cancellation to the start of the shift as it was then; below 0 after it had begun.
-- `was_waitlisted`: whether what was cancelled had no place.
ALTER TABLE facts
    ADD COLUMN channel text,
    ADD COLUMN team_id uuid,
    ADD COLUMN signed_up_at timestamptz,
    ADD COLUMN cancelled_at timestamptz,
    ADD COLUMN cancel_reason text,
    ADD COLUMN was_waitlisted boolean,
    ADD COLUMN notice_minutes integer;
ALTER TABLE merges ADD COLUMN merged_at timestamptz, ADD COLUMN undone_at timestamptz;
"""

# No foreign keys from one aggregate to another: their events are in other partitions and may come later.
ORGANISATIONS = """
CREATE TABLE organisations (
    organisation_id uuid PRIMARY KEY,
    site_id uuid,
    name_zh text NOT NULL,
    name_en text NOT NULL,
    kind text NOT NULL
);

CREATE TABLE activity_organisations (
    activity_id uuid,
    organisation_id uuid,
    role text,
    site_id uuid NOT NULL,
    PRIMARY KEY (activity_id, organisation_id, role)
);
CREATE INDEX activity_organisations_organisation ON activity_organisations (organisation_id);

CREATE TABLE designations (
    designation_id uuid PRIMARY KEY,
    site_id uuid NOT NULL,
    team_id uuid,
    name_zh text NOT NULL,
    name_en text NOT NULL,
    granted_by text NOT NULL,
    organisation_id uuid,
    valid_from date NOT NULL,
    valid_until date,
    revoked_on date
);
CREATE INDEX designations_site ON designations (site_id);
"""

# A programme that one site keeps is taken up by others, who must be able to read its name: like areas and sites it is
# nobody's secret.
PROGRAMMES = """
CREATE TABLE programmes (
    programme_id uuid PRIMARY KEY,
    version integer NOT NULL,
    site_id uuid,
    area text,
    title_zh text NOT NULL,
    title_en text NOT NULL,
    activities integer NOT NULL
);

CREATE TABLE programme_clones (
    programme_id uuid,
    site_id uuid,
    version integer NOT NULL,
    first_day date NOT NULL,
    activities integer NOT NULL,
    PRIMARY KEY (programme_id, site_id)
);
CREATE INDEX programme_clones_site ON programme_clones (site_id);
"""

# `role` is null where somebody left.
TEAMS = """
CREATE TABLE teams (
    team_id uuid PRIMARY KEY,
    site_id uuid NOT NULL,
    name_zh text NOT NULL,
    name_en text NOT NULL,
    kind text NOT NULL,
    since timestamptz NOT NULL,
    ended_at timestamptz
);
CREATE INDEX teams_site ON teams (site_id);

CREATE TABLE team_member_changes (
    team_id uuid,
    person_number bigint,
    at timestamptz,
    site_id uuid NOT NULL,
    person_id uuid NOT NULL,
    role text CHECK (role IN ('leader', 'member')),
    PRIMARY KEY (team_id, person_number, at)
);
CREATE INDEX team_member_changes_site ON team_member_changes (site_id);
CREATE INDEX team_member_changes_person ON team_member_changes (person_id);

-- At a site, or everywhere (null).
CREATE TABLE erasures (
    event_id uuid PRIMARY KEY,
    person_id uuid NOT NULL,
    site_id uuid,
    at timestamptz NOT NULL
);
CREATE INDEX erasures_person ON erasures (person_id);

CREATE TABLE volunteer_changes (
    site_id uuid,
    person_number bigint,
    at timestamptz,
    what text NOT NULL CHECK (what IN ('registered', 'changed', 'ended')),
    age_band text,
    how text,
    categories jsonb,
    PRIMARY KEY (site_id, person_number, at)
);
"""

ROOMS = """
CREATE TABLE rooms (
    room_id uuid PRIMARY KEY,
    site_id uuid NOT NULL,
    name_zh text NOT NULL,
    name_en text NOT NULL,
    capacity integer NOT NULL
);

CREATE TABLE bookings (
    booking_id uuid PRIMARY KEY,
    room_id uuid NOT NULL,
    site_id uuid NOT NULL,
    purpose text NOT NULL,
    team_id uuid,
    shift_id uuid,
    starts_at timestamptz NOT NULL,
    ends_at timestamptz NOT NULL,
    day date NOT NULL,
    status text NOT NULL CHECK (status IN ('requested', 'confirmed', 'declined', 'cancelled'))
);
CREATE INDEX bookings_site_day ON bookings (site_id, day);
"""

# `registration_id`, `activity_id` and `shift_id` are null for what was imported of past years.
HOURS = """
CREATE TABLE service_records (
    record_id uuid PRIMARY KEY,
    site_id uuid NOT NULL,
    person_id uuid NOT NULL,
    registration_id uuid,
    activity_id uuid,
    shift_id uuid,
    day date NOT NULL,
    minutes integer NOT NULL,
    how text NOT NULL,
    late boolean NOT NULL,
    corrects uuid
);
CREATE INDEX service_records_site_day ON service_records (site_id, day);
CREATE INDEX service_records_corrects ON service_records (corrects) WHERE corrects IS NOT NULL;

CREATE TABLE certificates (
    certificate_id uuid PRIMARY KEY,
    site_id uuid NOT NULL,
    person_id uuid NOT NULL,
    minutes integer NOT NULL,
    period_from date NOT NULL,
    period_to date NOT NULL,
    issued_at timestamptz NOT NULL,
    revoked boolean NOT NULL DEFAULT false
);
CREATE INDEX certificates_site ON certificates (site_id);
"""

# Days are the site's own. A site that was not heard of yet is in no report, so what lies there is left out as well.
SHIFT_TIMES = """
CREATE VIEW shift_times AS
SELECT shift_id, activity_id, site_id, day, extract(isodow FROM day)::integer AS weekday,
       extract(hour FROM starts_at AT TIME ZONE time_zone)::integer AS hour,
       (extract(epoch FROM ends_at - starts_at) / 60)::integer AS minutes
FROM shifts JOIN sites USING (site_id);
"""

# By the day of the shift. A place is given up late within a day of the start.
CANCELLATION_SOURCE = """
CREATE VIEW cancellation_source AS
SELECT site_id, day, cancel_reason, was_waitlisted, count(*) AS cancellations,
       count(*) FILTER (WHERE notice_minutes < 24 * 60) AS late_cancellations
FROM facts WHERE status = 'cancelled' AND cancelled_at IS NOT NULL
GROUP BY site_id, day, cancel_reason, was_waitlisted;
"""

# Only what is confirmed uses a room; minutes are without the time for setting up.
BOOKING_SOURCE = """
CREATE VIEW booking_source AS
SELECT site_id, day, room_id, purpose, team_id,
       count(*) FILTER (WHERE status = 'confirmed') AS bookings,
       coalesce(sum(extract(epoch FROM ends_at - starts_at) / 60) FILTER (WHERE status = 'confirmed'), 0)::bigint
           AS booked_minutes,
       count(*) FILTER (WHERE status = 'requested') AS requested_bookings,
       count(*) FILTER (WHERE status = 'declined') AS declined_bookings,
       count(*) FILTER (WHERE status = 'cancelled') AS cancelled_bookings
FROM bookings GROUP BY site_id, day, room_id, purpose, team_id;
"""

# What was corrected counts no longer, and a record that was withdrawn (0 minutes) is none.
HOURS_SOURCE = """
CREATE VIEW standing_records AS
SELECT * FROM service_records AS r
WHERE minutes > 0 AND NOT EXISTS (
    SELECT FROM service_records AS later WHERE later.corrects IS NOT NULL AND later.corrects = r.record_id);

CREATE VIEW hours_source AS
SELECT site_id, day, how, activity_id, sum(minutes) AS minutes, count(*) AS records,
       count(*) FILTER (WHERE late) AS late_records
FROM standing_records GROUP BY site_id, day, how, activity_id;
"""

# By the day of issue, also what was revoked since.
CERTIFICATE_SOURCE = """
CREATE VIEW certificate_source AS
SELECT site_id, (issued_at AT TIME ZONE time_zone)::date AS day, count(*) AS certificates,
       sum(minutes) AS certified_minutes, count(*) FILTER (WHERE revoked) AS revoked_certificates
FROM certificates JOIN sites USING (site_id) GROUP BY 1, 2;
"""

# How far each site is with each programme that it took up: of its activities, how many are published, over, called off.
CLONE_SOURCE = """
CREATE VIEW clone_source AS
SELECT c.site_id, c.first_day AS day, c.programme_id, c.version, c.activities, a.open_activities,
       a.completed_activities, a.cancelled_activities
FROM programme_clones AS c CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE status = 'open') AS open_activities,
           count(*) FILTER (WHERE status = 'completed') AS completed_activities,
           count(*) FILTER (WHERE status = 'cancelled') AS cancelled_activities
    FROM activities WHERE activities.programme_id = c.programme_id AND activities.site_id = c.site_id
) AS a;
"""

# From when to when each number counted as which, over however many merges, also those that were undone since.
MERGED_WHILE = """
CREATE VIEW merged_while AS
WITH RECURSIVE up AS (
    SELECT person_number, into_number, merged_at AS since, coalesce(undone_at, 'infinity') AS until, 1 AS depth
    FROM merges WHERE merged_at IS NOT NULL
    UNION ALL
    SELECT up.person_number, m.into_number, greatest(up.since, m.merged_at),
           least(up.until, coalesce(m.undone_at, 'infinity')), up.depth + 1
    FROM up JOIN merges AS m ON m.person_number = up.into_number
        AND greatest(up.since, m.merged_at) < least(up.until, coalesce(m.undone_at, 'infinity'))
    WHERE up.depth < 20
)
SELECT person_number, into_number, since, until FROM up;
"""

# One row for each time in a team in one role, by the number that was told and by the one that it counts as. It ends
# with the next word of the same person, with the leaving of whoever they were merged into by then, or with an erasure,
# of which no leaving tells. Another role that is told of whoever they were merged into (`through`) is theirs where they
# are in the team, and then nobody else's.
TEAM_SPELLS = """
CREATE VIEW team_spells AS
WITH moments AS (
    SELECT team_id, site_id, person_number, role, at, false AS through FROM team_member_changes
    UNION ALL
    SELECT team_id, site_id, w.person_number, role, at, role IS NOT NULL
    FROM team_member_changes AS c JOIN merged_while AS w
        ON w.into_number = c.person_number AND c.at >= w.since AND c.at < w.until
    UNION ALL
    SELECT DISTINCT team_id, c.site_id, person_number, NULL, e.at, false
    FROM team_member_changes AS c JOIN erasures AS e
        ON e.person_id = c.person_id AND (e.site_id IS NULL OR e.site_id = c.site_id)
), numbered AS (
    SELECT moments.*, coalesce(into_number, person_number) AS counts_as, count(*) FILTER (WHERE NOT through)
        OVER (PARTITION BY team_id, site_id, person_number ORDER BY at) AS own_words
    FROM moments LEFT JOIN counted_as USING (person_number)
), placed AS (
    SELECT *, own_words > 0 AND first_value(role)
        OVER (PARTITION BY team_id, site_id, person_number, own_words ORDER BY at) IS NOT NULL AS is_there
    FROM numbered
), told AS (
    SELECT *, bool_or(through AND is_there) OVER (PARTITION BY team_id, site_id, at) AS is_passed_on FROM placed
)
SELECT team_id, site_id, person_number, counts_as, role, at AS joined_at, left_at FROM (
    SELECT *, lead(at) OVER (PARTITION BY team_id, site_id, person_number ORDER BY at) AS left_at
    FROM told WHERE role IS NULL OR CASE WHEN through THEN is_there ELSE NOT is_passed_on END
) AS spells WHERE role IS NOT NULL;
"""

# One row for each time in which a volunteer of a site offered the same kinds of service: from `said_at` to `until`;
# `since`, `how` and `age_band` are of the registration before it.
VOLUNTEER_SPELLS = """
CREATE VIEW volunteer_spells AS
WITH moments AS (
    SELECT site_id, person_number, what, age_band, how, categories, at FROM volunteer_changes
    UNION ALL
    SELECT site_id, w.person_number, what, NULL, NULL, categories, at
    FROM volunteer_changes AS c JOIN merged_while AS w
        ON w.into_number = c.person_number AND c.at >= w.since AND c.at < w.until
    WHERE what <> 'registered'
), numbered AS (
    SELECT moments.*, coalesce(into_number, person_number) AS counts_as, lead(at) OVER person AS until,
           count(*) FILTER (WHERE what <> 'changed') OVER person AS spell
    FROM moments LEFT JOIN counted_as USING (person_number)
    WINDOW person AS (PARTITION BY site_id, person_number ORDER BY at)
), begun AS (
    SELECT site_id, person_number, counts_as, categories, at AS said_at, until,
           first_value(what) OVER spells AS began_by, first_value(at) OVER spells AS since,
           first_value(how) OVER spells AS how, first_value(age_band) OVER spells AS age_band
    FROM numbered WINDOW spells AS (PARTITION BY site_id, person_number, spell ORDER BY at)
)
SELECT site_id, person_number, counts_as, since, how, age_band, categories, said_at, until
FROM begun WHERE began_by = 'registered';
"""

# What there is on a day, at its end, by the site's clocks: it cannot be summed over days. Persons are named by the
# number that they count as, so that whoever counts them over several teams or sites counts distinct ones.
ON_A_DAY = """
CREATE FUNCTION designations_on(on_day date) RETURNS TABLE (site_id uuid, designation_id uuid, team_id uuid)
LANGUAGE sql STABLE AS $$
    SELECT d.site_id, d.designation_id, d.team_id FROM designations AS d
    WHERE d.valid_from <= on_day AND on_day < least(d.valid_until, d.revoked_on, 'infinity')
$$;

CREATE FUNCTION teams_on(on_day date) RETURNS TABLE (site_id uuid, team_id uuid, kind text)
LANGUAGE sql STABLE AS $$
    SELECT t.site_id, t.team_id, t.kind FROM teams AS t JOIN sites AS s ON s.site_id = t.site_id
    WHERE (t.since AT TIME ZONE s.time_zone)::date <= on_day
      AND on_day < coalesce((t.ended_at AT TIME ZONE s.time_zone)::date, 'infinity')
$$;

CREATE FUNCTION members_on(on_day date)
RETURNS TABLE (site_id uuid, team_id uuid, person_number bigint, role text)
LANGUAGE sql STABLE AS $$
    SELECT DISTINCT ON (m.site_id, m.team_id, m.counts_as) m.site_id, m.team_id, m.counts_as, m.role
    FROM team_spells AS m JOIN sites AS s ON s.site_id = m.site_id
    WHERE (m.joined_at AT TIME ZONE s.time_zone)::date <= on_day
      AND on_day < coalesce((m.left_at AT TIME ZONE s.time_zone)::date, 'infinity')
    ORDER BY m.site_id, m.team_id, m.counts_as, m.joined_at DESC
$$;

CREATE FUNCTION volunteers_on(on_day date)
RETURNS TABLE (site_id uuid, person_number bigint, how text, age_band text, categories jsonb, since timestamptz)
LANGUAGE sql STABLE AS $$
    SELECT DISTINCT ON (v.site_id, v.counts_as) v.site_id, v.counts_as, v.how, v.age_band, v.categories, v.since
    FROM volunteer_spells AS v JOIN sites AS s ON s.site_id = v.site_id
    WHERE (v.said_at AT TIME ZONE s.time_zone)::date <= on_day
      AND on_day < coalesce((v.until AT TIME ZONE s.time_zone)::date, 'infinity')
    ORDER BY v.site_id, v.counts_as, v.since
$$;
"""

# Every site, one, or some with commas between; both subselects are evaluated once per statement.
VISIBLE = """
    (SELECT coalesce(current_setting('hesheng.site', true), '') = '*')
    OR site_id IN (
        SELECT site::uuid FROM unnest(string_to_array(current_setting('hesheng.site', true), ',')) AS site
        WHERE site NOT IN ('', '*', '-')
    )
"""

SITE_SCOPE = """
ALTER TABLE {table} ENABLE ROW LEVEL SECURITY;
ALTER TABLE {table} FORCE ROW LEVEL SECURITY;
CREATE POLICY site_scope ON {table} USING ({visible});
"""

SECURED = (
    "activity_organisations",
    "designations",
    "programme_clones",
    "teams",
    "team_member_changes",
    "volunteer_changes",
    "rooms",
    "bookings",
    "service_records",
    "certificates",
)


def upgrade() -> None:
    """Make tables first, then what is read of them."""
    for tables in (MORE_OF_WHAT_THERE_IS, ORGANISATIONS, PROGRAMMES, TEAMS, ROOMS, HOURS):
        op.execute(tables)
    for views in (
        SHIFT_TIMES,
        CANCELLATION_SOURCE,
        BOOKING_SOURCE,
        HOURS_SOURCE,
        CERTIFICATE_SOURCE,
        CLONE_SOURCE,
        MERGED_WHILE,
        TEAM_SPELLS,
        VOLUNTEER_SPELLS,
        ON_A_DAY,
    ):
        op.execute(views)
    for table in SECURED:
        op.execute(SITE_SCOPE.format(table=table, visible=VISIBLE))
    # Organisations that a site added for itself are its own; the others are everybody's. So are erasures.
    for table in ("organisations", "erasures"):
        op.execute(SITE_SCOPE.format(table=table, visible=f"site_id IS NULL OR {VISIBLE}"))
