"""Staff, their sessions, the audit log, one-time links; and what activities, shifts and registrations need for more."""

from alembic import op

from services.common.audit import AUDIT, audited
from services.registration.migrations.row_security import secure

revision = "0003"
down_revision = "0002"

STAFF = """
-- email and name are ciphertext; a password is an argon2 hash, null for who comes by OIDC alone
CREATE TABLE staff (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    position bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    email bytea NOT NULL,
    email_hash bytea NOT NULL UNIQUE,
    name bytea NOT NULL,
    encrypted_with text NOT NULL,
    password bytea,
    oidc_subject text UNIQUE,
    language text NOT NULL DEFAULT 'zh-CN',
    disabled_at timestamptz,
    version integer NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now()
);

-- site staff have a site, area admins an area and everything under it, operators neither
CREATE TABLE staff_grants (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    staff_id uuid NOT NULL REFERENCES staff,
    role text NOT NULL CHECK (role IN ('site_staff', 'area_admin', 'operator')),
    site_id uuid REFERENCES sites,
    area text REFERENCES areas,
    granted_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT staff_grants_over_what CHECK (
        (role = 'site_staff') = (site_id IS NOT NULL) AND (role = 'area_admin') = (area IS NOT NULL))
);
CREATE UNIQUE INDEX staff_grants_once ON staff_grants (staff_id, role, site_id, area) NULLS NOT DISTINCT;

-- the cookie is 256 random bits, of which only the SHA-256 is kept; site_id is where the person works just now
CREATE TABLE staff_sessions (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    sha256 text NOT NULL UNIQUE,
    staff_id uuid NOT NULL REFERENCES staff ON DELETE CASCADE,
    site_id uuid REFERENCES sites,
    created_at timestamptz NOT NULL DEFAULT now(),
    used_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL
);
CREATE INDEX staff_sessions_staff ON staff_sessions (staff_id);
CREATE INDEX staff_sessions_expiry ON staff_sessions (expires_at);

-- Whether a member of staff may work at a site, now: by a grant on it, on an area around it, or on everything.
CREATE FUNCTION staff_role_at(staff uuid, site uuid) RETURNS text LANGUAGE sql STABLE AS $$
    WITH RECURSIVE around (code, parent) AS (
        SELECT a.code, a.parent FROM sites AS s JOIN areas AS a ON a.code = s.area WHERE s.id = site
        UNION ALL SELECT a.code, a.parent FROM around AS r JOIN areas AS a ON a.code = r.parent
    )
    SELECT g.role FROM staff_grants AS g JOIN staff AS m ON m.id = g.staff_id
    WHERE g.staff_id = staff AND m.disabled_at IS NULL AND (
        g.role = 'operator' OR g.site_id = site OR g.area IN (SELECT code FROM around))
    ORDER BY array_position(ARRAY['operator', 'area_admin', 'site_staff'], g.role) LIMIT 1
$$;
"""

LINKS = """
-- What a signed link in a message opens: once where used_at says so, never after it expired. The token is the signed
-- id (links.py) and is made when the message is sent; nothing here opens anything. subject is what the link is about.
CREATE TABLE links (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    purpose text NOT NULL,
    site_id uuid NOT NULL REFERENCES sites,
    person_id uuid REFERENCES people,
    subject uuid,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    used_at timestamptz
);
CREATE INDEX links_person ON links (person_id);
CREATE INDEX links_expiry ON links (expires_at);
"""

ACTIVITIES = """
ALTER TABLE activities
    DROP CONSTRAINT activities_status_check,
    ADD CONSTRAINT activities_status_check CHECK (status IN ('draft', 'published', 'cancelled', 'completed')),
    ADD COLUMN registration_opens_at timestamptz,
    ADD COLUMN registration_closes_at timestamptz,
    ADD COLUMN risks_zh text NOT NULL DEFAULT '',
    ADD COLUMN risks_en text NOT NULL DEFAULT '',
    ADD COLUMN public boolean NOT NULL DEFAULT true,
    ADD COLUMN per_person_limit integer CHECK (per_person_limit > 0),
    ADD COLUMN party_limit integer NOT NULL DEFAULT 1 CHECK (party_limit BETWEEN 1 AND 20),
    ADD COLUMN waitlist_order text NOT NULL DEFAULT 'order' CHECK (waitlist_order IN ('order', 'priority')),
    ADD COLUMN promotion text NOT NULL DEFAULT 'direct' CHECK (promotion IN ('direct', 'offer')),
    ADD COLUMN offer_minutes integer NOT NULL DEFAULT 1440 CHECK (offer_minutes BETWEEN 1 AND 20160);

-- confirmed, waitlisted, offered and held count places, not registrations: a party takes several
ALTER TABLE shifts
    ADD COLUMN requirements jsonb NOT NULL DEFAULT '{}',
    ADD COLUMN offered integer NOT NULL DEFAULT 0 CHECK (offered >= 0),
    ADD COLUMN held integer NOT NULL DEFAULT 0 CHECK (held >= 0),
    DROP CONSTRAINT shifts_never_oversold,
    ADD CONSTRAINT shifts_never_oversold CHECK (confirmed + offered + held <= capacity);

ALTER TABLE registrations
    DROP CONSTRAINT registrations_status_check,
    ADD CONSTRAINT registrations_status_check CHECK (status IN ('confirmed', 'waitlisted', 'offered', 'cancelled')),
    ADD COLUMN party_size integer NOT NULL DEFAULT 1 CHECK (party_size BETWEEN 1 AND 20),
    ADD COLUMN priority smallint NOT NULL DEFAULT 0,
    ADD COLUMN offer_expires_at timestamptz,
    ADD COLUMN team_id uuid REFERENCES teams,
    ADD COLUMN group_id uuid,
    ADD COLUMN channel text NOT NULL DEFAULT 'site',
    ADD COLUMN made_by text NOT NULL DEFAULT '';
"""

AUDITED = {
    "areas": "",
    "sites": "",
    "teams": "",
    "rooms": "",
    "activities": "",
    "shifts": "starts_at, ends_at, capacity, role_zh, role_en, status, requirements",
    "staff_grants": "",
}


# The same as before, in words of which the planner thinks better: it took the old ones to be true of one row in two
# hundred, and so sorted all of a site's rows rather than read the first fifty in order.
SEES = """
CREATE OR REPLACE FUNCTION sees(owner text) RETURNS boolean LANGUAGE sql STABLE
RETURN coalesce(current_setting('hesheng.site', true) IN ('*', owner), false);
"""


def upgrade() -> None:
    """Make everything."""
    for statements in (SEES, STAFF, LINKS, ACTIVITIES, AUDIT):
        op.execute(statements)
    for table, columns in AUDITED.items():
        op.execute(audited(table, columns))
    op.execute(audited("site_keys", "label, revoked_at", key="key_id"))
    op.execute(audited("person_sites", key="person_id"))
    op.execute(audited("staff", "name, email, password, oidc_subject, language, disabled_at"))
    # Sign-ups come in crowds through their own connection, which has no actor; made_by says who made each.
    op.execute(audited("registrations", "status, party_size, priority, outcome, checked_in_at, checked_out_at"))
    secure("links", "sees(coalesce(site_id::text, ''))")
    for table in ("staff", "staff_grants", "staff_sessions"):
        secure(table, "sees('')")
