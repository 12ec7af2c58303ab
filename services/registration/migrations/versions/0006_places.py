"""Places: the dated tree, a site's settings, plaques, organisations, team members, and rooms that are never shared."""

from alembic import op

from services.common.audit import audited
from services.registration.migrations.row_security import secure

revision = "0006"
down_revision = "0005"

AREAS = """
-- an abolished code stays, for what happened there; both dates are open where nobody said otherwise
ALTER TABLE areas
    ADD COLUMN valid_from date,
    ADD COLUMN valid_until date,
    ADD COLUMN successor text REFERENCES areas,
    ADD CONSTRAINT areas_in_order CHECK (valid_from < valid_until),
    ADD CONSTRAINT areas_succeeded_when_over CHECK (successor IS NULL OR valid_until IS NOT NULL);

-- where a site lay, from which day on
CREATE TABLE site_areas (
    site_id uuid NOT NULL REFERENCES sites,
    area text NOT NULL REFERENCES areas,
    valid_from date NOT NULL,
    PRIMARY KEY (site_id, valid_from)
);
INSERT INTO site_areas (site_id, area, valid_from) SELECT id, area, current_date FROM sites;

-- Each area that is over, with the first of its successors that is not; and since when it is over.
CREATE FUNCTION area_heirs() RETURNS TABLE (code text, heir text, since date) LANGUAGE sql STABLE AS $$
    WITH RECURSIVE over (code, since, heir) AS (
        SELECT a.code, a.valid_until, a.successor FROM areas AS a
        WHERE a.valid_until <= current_date AND a.successor IS NOT NULL
        UNION SELECT o.code, o.since, a.successor FROM over AS o JOIN areas AS a ON a.code = o.heir
        WHERE a.valid_until <= current_date AND a.successor IS NOT NULL
    )
    SELECT o.code, o.heir, o.since FROM over AS o JOIN areas AS a ON a.code = o.heir
    WHERE a.valid_until IS NULL OR a.valid_until > current_date
$$;
"""

SETTINGS = """
-- opening_hours: {"mon": [["08:00", "21:00"]], ...} in local time, empty for always open;
-- exceptions: [{"date": "2026-10-01", "hours": [], "note_zh": "", "note_en": ""}, ...] in place of that day's hours
ALTER TABLE sites
    ADD COLUMN language text NOT NULL DEFAULT 'zh-CN',
    ADD COLUMN opening_hours jsonb NOT NULL DEFAULT '{}',
    ADD COLUMN exceptions jsonb NOT NULL DEFAULT '[]',
    ADD COLUMN short_name_zh text NOT NULL DEFAULT '',
    ADD COLUMN short_name_en text NOT NULL DEFAULT '',
    ADD COLUMN colour text NOT NULL DEFAULT '',
    ADD COLUMN public_phone text NOT NULL DEFAULT '',
    ADD COLUMN public_email text NOT NULL DEFAULT '',
    ADD COLUMN quiet_from text NOT NULL DEFAULT '21:00',
    ADD COLUMN quiet_until text NOT NULL DEFAULT '08:00',
    ADD COLUMN minimum_age integer NOT NULL DEFAULT 0 CHECK (minimum_age BETWEEN 0 AND 120),
    ADD COLUMN guardian_below integer NOT NULL DEFAULT 14 CHECK (guardian_below BETWEEN 14 AND 18),
    ADD COLUMN team_minutes_per_week integer CHECK (team_minutes_per_week > 0),
    ADD COLUMN booking_horizon_days integer CHECK (booking_horizon_days > 0),
    ADD COLUMN status text NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'closed'));

-- when a key was last used, give or take an hour
ALTER TABLE site_keys ADD COLUMN used_at timestamptz;

CREATE TABLE site_logos (
    site_id uuid PRIMARY KEY REFERENCES sites,
    png bytea NOT NULL CHECK (length(png) <= 100000),
    sha256 text NOT NULL
);
"""

ORGANISATIONS = """
-- of one site, or, without a site, of the whole installation
CREATE TABLE organisations (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    position bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    site_id uuid REFERENCES sites,
    name_zh text NOT NULL,
    name_en text NOT NULL,
    kind text NOT NULL,
    credit_code text,
    version integer NOT NULL DEFAULT 1
);
CREATE UNIQUE INDEX organisations_credit_code ON organisations (site_id, credit_code) NULLS NOT DISTINCT
    WHERE credit_code IS NOT NULL;
ALTER TABLE organisations ENABLE ROW LEVEL SECURITY;
ALTER TABLE organisations FORCE ROW LEVEL SECURITY;
CREATE POLICY own_site ON organisations
    USING (sees(coalesce(site_id::text, ''))) WITH CHECK (sees(coalesce(site_id::text, '')));
-- everybody may name a body that the whole installation knows
CREATE POLICY known_to_all ON organisations FOR SELECT
    USING (site_id IS NULL AND coalesce(current_setting('hesheng.site', true), '') <> '');

CREATE TABLE activity_organisations (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    activity_id uuid NOT NULL REFERENCES activities,
    organisation_id uuid NOT NULL REFERENCES organisations,
    site_id uuid NOT NULL,
    role text NOT NULL CHECK (role IN ('guiding_unit', 'host', 'organiser', 'co_organiser', 'partner')),
    place integer NOT NULL,
    UNIQUE (activity_id, place),
    UNIQUE (activity_id, organisation_id, role)
);
CREATE INDEX activity_organisations_organisation ON activity_organisations (organisation_id);

-- a plaque, of a site or of one of its teams
CREATE TABLE designations (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    position bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    site_id uuid NOT NULL REFERENCES sites,
    team_id uuid REFERENCES teams,
    name_zh text NOT NULL,
    name_en text NOT NULL,
    organisation_id uuid REFERENCES organisations,
    granted_by text NOT NULL,
    valid_from date NOT NULL,
    valid_until date,
    revoked_on date,
    revoke_reason text,
    version integer NOT NULL DEFAULT 1,
    CONSTRAINT designations_in_order CHECK (valid_from < valid_until),
    CONSTRAINT designations_revoked_with_reason CHECK ((revoked_on IS NULL) = (revoke_reason IS NULL))
);
CREATE INDEX designations_site ON designations (site_id, position);
"""

TEAMS = """
ALTER TABLE teams
    ADD COLUMN ended_at timestamptz,
    DROP CONSTRAINT teams_kind_check,
    ADD CONSTRAINT teams_kind_check CHECK (kind IN ('choir', 'volunteers', 'other'));

-- agreed tells how the person agreed: by the link that they were sent, or what staff noted of it
CREATE TABLE team_members (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    position bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    team_id uuid NOT NULL REFERENCES teams,
    site_id uuid NOT NULL REFERENCES sites,
    person_id uuid NOT NULL REFERENCES people,
    role text NOT NULL DEFAULT 'member' CHECK (role IN ('leader', 'member')),
    status text NOT NULL CHECK (status IN ('invited', 'member', 'declined', 'left')),
    agreed text NOT NULL DEFAULT '',
    invited_at timestamptz NOT NULL DEFAULT now(),
    joined_at timestamptz,
    left_at timestamptz,
    version integer NOT NULL DEFAULT 1,
    CONSTRAINT team_members_of_their_own_will CHECK (joined_at IS NULL OR agreed <> ''),
    CONSTRAINT team_members_joined CHECK (status <> 'member' OR joined_at IS NOT NULL)
);
CREATE UNIQUE INDEX team_members_once ON team_members (team_id, person_id) WHERE status IN ('invited', 'member');
CREATE UNIQUE INDEX team_members_one_leader ON team_members (team_id) WHERE role = 'leader' AND status = 'member';
CREATE INDEX team_members_team ON team_members (team_id, position);
CREATE INDEX team_members_person ON team_members (person_id);
"""

ROOMS = """
CREATE EXTENSION IF NOT EXISTS btree_gist;

ALTER TABLE rooms
    ADD COLUMN equipment text[] NOT NULL DEFAULT '{}',
    ADD COLUMN setup_minutes integer NOT NULL DEFAULT 0 CHECK (setup_minutes BETWEEN 0 AND 240),
    ADD COLUMN approval boolean NOT NULL DEFAULT false,
    ADD COLUMN for_teams boolean NOT NULL DEFAULT true,
    -- booked no more; what was booked stays
    ADD COLUMN retired boolean NOT NULL DEFAULT false;

-- A room reserved. during is what nobody else may have: the time itself and the set-up before and after it. A block
-- (repairs, a holiday) is a booking too, so that one constraint keeps all of them apart. What is only requested holds
-- its time until somebody decides: two teams are never both promised it.
CREATE TABLE bookings (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    position bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    site_id uuid NOT NULL REFERENCES sites,
    room_id uuid NOT NULL REFERENCES rooms,
    purpose text NOT NULL CHECK (purpose IN ('shift', 'team', 'other', 'block')),
    shift_id uuid REFERENCES shifts,
    team_id uuid REFERENCES teams,
    series_id uuid,
    title text NOT NULL,
    starts_at timestamptz NOT NULL,
    ends_at timestamptz NOT NULL,
    local_day date NOT NULL,
    setup_minutes integer NOT NULL DEFAULT 0,
    during tstzrange NOT NULL,
    status text NOT NULL CHECK (status IN ('requested', 'confirmed', 'declined', 'cancelled')),
    reason text NOT NULL DEFAULT '',
    version integer NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT bookings_in_order CHECK (starts_at < ends_at),
    CONSTRAINT bookings_for_what CHECK (
        (purpose = 'shift') = (shift_id IS NOT NULL) AND (purpose = 'team') = (team_id IS NOT NULL)),
    CONSTRAINT bookings_with_set_up CHECK (
        during = tstzrange(starts_at - make_interval(mins => setup_minutes),
                           ends_at + make_interval(mins => setup_minutes))),
    CONSTRAINT bookings_apart EXCLUDE USING gist (room_id WITH =, during WITH &&)
        WHERE (status IN ('requested', 'confirmed'))
);
CREATE INDEX bookings_site ON bookings (site_id, starts_at);
-- What a week's page asks for: what is not over by then, however long the site has booked its rooms; what waits.
CREATE INDEX bookings_ends ON bookings (site_id, ends_at);
CREATE INDEX bookings_requested ON bookings (site_id, starts_at) WHERE status = 'requested';
CREATE INDEX bookings_team ON bookings (team_id, local_day) WHERE team_id IS NOT NULL;
CREATE INDEX bookings_shift ON bookings (shift_id) WHERE shift_id IS NOT NULL;
CREATE INDEX bookings_series ON bookings (series_id) WHERE series_id IS NOT NULL;
"""

SECURED = ("site_areas", "site_logos", "activity_organisations", "designations", "team_members", "bookings")


def upgrade() -> None:
    """Make everything."""
    for statements in (AREAS, SETTINGS, ORGANISATIONS, TEAMS, ROOMS):
        op.execute(statements)
    for table in SECURED:
        secure(table)
    for table in ("organisations", "activity_organisations", "designations", "team_members", "bookings"):
        op.execute(audited(table))
    for table in ("site_areas", "site_logos"):
        op.execute(audited(table, key="site_id"))
