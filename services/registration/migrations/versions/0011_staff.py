"""What staff need in the database: who may manage whom, sessions that tell where they are; and how residents' end."""

from alembic import op

from services.common.audit import audited

revision = "0011"
down_revision = "0010"

# A setting that was set for one transaction is '' afterwards, not NULL: '' must open nothing. Staff belong to no site,
# so their tables, and links to them, are seen with every site's rows or not at all.
POLICIES = """
DROP POLICY own_site ON {table};
CREATE POLICY own_site ON {table} USING (sees({owner})) WITH CHECK (sees({owner}));
"""

OVER_WHAT = """
-- The areas that a member of staff administers: those granted, and everything in them.
CREATE FUNCTION staff_areas(staff uuid) RETURNS SETOF text LANGUAGE sql STABLE AS $$
    WITH RECURSIVE within (code) AS (
        SELECT g.area FROM staff_grants AS g JOIN staff AS m ON m.id = g.staff_id
        WHERE g.staff_id = staff AND g.role = 'area_admin' AND m.disabled_at IS NULL
        UNION SELECT a.code FROM within AS w JOIN areas AS a ON a.parent = w.code
    )
    SELECT code FROM within
$$;

-- Whether a member of staff holds everything.
CREATE FUNCTION staff_is_operator(staff uuid) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (
        SELECT FROM staff_grants AS g JOIN staff AS m ON m.id = g.staff_id
        WHERE g.staff_id = staff AND g.role = 'operator' AND m.disabled_at IS NULL)
$$;

-- The sites where a member of staff may work.
CREATE FUNCTION staff_sites(staff uuid) RETURNS SETOF uuid LANGUAGE sql STABLE AS $$
    SELECT id FROM sites WHERE staff_is_operator(staff)
    UNION SELECT id FROM sites WHERE area IN (SELECT staff_areas(staff))
    UNION SELECT g.site_id FROM staff_grants AS g JOIN staff AS m ON m.id = g.staff_id
          WHERE g.staff_id = staff AND g.site_id IS NOT NULL AND m.disabled_at IS NULL
$$;

-- The grants that a member of staff may make and take away: all for an operator; for an area admin those at sites in
-- their areas, and over areas that lie strictly below one of theirs.
CREATE FUNCTION staff_may_grant(staff uuid, role text, site uuid, over text) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT staff_is_operator(staff) OR CASE role
        WHEN 'site_staff' THEN EXISTS (
            SELECT FROM sites AS s WHERE s.id = site AND s.area IN (SELECT staff_areas(staff)))
        WHEN 'area_admin' THEN EXISTS (
            SELECT FROM areas AS a WHERE a.code = over AND a.parent IN (SELECT staff_areas(staff)))
        ELSE false END
$$;
"""

SESSIONS = """
ALTER TABLE staff_sessions
    ADD COLUMN device text NOT NULL DEFAULT '',
    ADD COLUMN came_by text NOT NULL DEFAULT 'password' CHECK (came_by IN ('password', 'oidc', 'link'));
CREATE INDEX staff_encrypted_with ON staff (encrypted_with);
CREATE INDEX staff_grants_site ON staff_grants (site_id) WHERE site_id IS NOT NULL;
CREATE INDEX staff_grants_area ON staff_grants (area) WHERE area IS NOT NULL;
"""

# A resident's session is a signed cookie without a row: the crowd that opens links writes nothing. What is kept is what
# ended before its hour: the hash of a cookie that somebody logged out with, and since when a person's cookies are good.
RESIDENTS = """
CREATE TABLE ended_sessions (
    sha256 text PRIMARY KEY,
    ended_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ended_sessions_age ON ended_sessions (ended_at);
ALTER TABLE people ADD COLUMN sessions_from timestamptz NOT NULL DEFAULT '-infinity';
"""

# An account belongs to no site and to no person of the directory.
LINKS = """
ALTER TABLE links
    ALTER COLUMN site_id DROP NOT NULL,
    ADD COLUMN staff_id uuid REFERENCES staff,
    ADD COLUMN address_index bytea,
    ADD COLUMN activity_id uuid REFERENCES activities,
    -- ciphertext: where the mail goes, where that stands on no record any more. Nothing renews it: it is over in days
    ADD COLUMN address bytea,
    ADD CONSTRAINT links_of_somebody CHECK ((staff_id IS NULL) = (site_id IS NOT NULL));
CREATE INDEX links_staff ON links (staff_id) WHERE staff_id IS NOT NULL;
"""


# Which room a shift is in is for people to change, as are the texts that people consent to.
SHIFTS = "starts_at, ends_at, capacity, role_zh, role_en, status, requirements, venue_id"


def upgrade() -> None:
    """Make everything."""
    for table in ("staff", "staff_grants", "staff_sessions"):
        op.execute(POLICIES.format(table=table, owner="NULL"))
    op.execute(POLICIES.format(table="links", owner="site_id::text"))
    for statements in (OVER_WHAT, SESSIONS, RESIDENTS, LINKS):
        op.execute(statements)
    op.execute("DROP TRIGGER audited ON shifts")
    op.execute(audited("shifts", SHIFTS))
    op.execute(audited("consent_texts"))
