"""What seats need: nobody in two places, venues and their caps, holds, transfers; and `sign_up` with all the rules."""

from pathlib import Path

from alembic import op

from services.common.audit import audited
from services.registration.migrations.row_security import secure

revision = "0004"
down_revision = "0003"

# A registration's hours follow its shift's, because no exclusion constraint can look into another table. Places that
# overlapped before there was this rule stay (`during` is null): nobody is cancelled by a migration.
TWO_PLACES = """
CREATE EXTENSION IF NOT EXISTS btree_gist;
SELECT set_config('hesheng.site', '*', true);
-- coming_at: when the person said that they will come, at these hours
ALTER TABLE registrations ADD COLUMN during tstzrange, ADD COLUMN coming_at timestamptz;
UPDATE registrations SET during = tstzrange(shifts.starts_at, shifts.ends_at)
FROM shifts WHERE shifts.id = registrations.shift_id;
UPDATE registrations AS later SET during = NULL WHERE status = 'confirmed' AND EXISTS (
    SELECT FROM registrations AS earlier WHERE earlier.person_id = later.person_id AND earlier.status = 'confirmed'
    AND earlier.during && later.during AND earlier.position < later.position);
ALTER TABLE registrations ADD CONSTRAINT registrations_one_place_at_a_time
    EXCLUDE USING gist (person_id WITH =, during WITH &&) WHERE (status = 'confirmed');

-- The advisory lock of whoever gives a person a place: what the person has elsewhere stays so until the commit.
-- Shifts are locked before people, and people in the order of these numbers.
CREATE FUNCTION person_lock(person uuid) RETURNS bigint LANGUAGE sql IMMUTABLE
RETURN hashtextextended(person::text, 2);

-- Offers never reach past the start, and who said that they will come said so of other hours.
CREATE FUNCTION registrations_follow_shift() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE registrations
       SET during = CASE WHEN during IS NOT NULL THEN tstzrange(NEW.starts_at, NEW.ends_at) END,
           offer_expires_at = least(offer_expires_at, NEW.starts_at),
           coming_at = NULL
     WHERE shift_id = NEW.id AND status <> 'cancelled';
    RETURN NULL;
END
$$;
CREATE TRIGGER registrations_follow AFTER UPDATE OF starts_at, ends_at ON shifts FOR EACH ROW
WHEN (OLD.starts_at <> NEW.starts_at OR OLD.ends_at <> NEW.ends_at) EXECUTE FUNCTION registrations_follow_shift();

-- By what a person is counted, whether or not the site still knows them: a place stays theirs until it is given back.
CREATE FUNCTION person_number(person uuid) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    scope text := current_setting('hesheng.site', true);
    found bigint;
BEGIN
    PERFORM set_config('hesheng.site', '*', true);
    SELECT p.number INTO found FROM people AS p WHERE p.id = person;
    PERFORM set_config('hesheng.site', coalesce(scope, ''), true);
    RETURN found;
END
$$;

-- Where a person has a place at these hours other than on this shift, at whichever site.
CREATE FUNCTION clash_of(person uuid, shift uuid, hours tstzrange, OUT id uuid, OUT site_id uuid, OUT shift_id uuid)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    scope text := current_setting('hesheng.site', true);
BEGIN
    PERFORM set_config('hesheng.site', '*', true);
    SELECT r.id, r.site_id, r.shift_id INTO clash_of.id, clash_of.site_id, clash_of.shift_id FROM registrations AS r
    WHERE r.person_id = person AND r.status = 'confirmed' AND r.during && hours AND r.shift_id <> shift LIMIT 1;
    PERFORM set_config('hesheng.site', coalesce(scope, ''), true);
END
$$;
"""

VENUES = """
-- What a venue holds at one moment, all its shifts together: capacity times the percentage that is allowed now.
CREATE TABLE venues (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    position bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    site_id uuid NOT NULL REFERENCES sites,
    name_zh text NOT NULL,
    name_en text NOT NULL,
    capacity integer NOT NULL CHECK (capacity > 0),
    percent integer NOT NULL DEFAULT 100 CHECK (percent BETWEEN 0 AND 100),
    version integer NOT NULL DEFAULT 1
);
CREATE INDEX venues_site ON venues (site_id, position);

-- A shift repeats its activity's venue, so that sign-ups find it with the row that they lock anyway.
ALTER TABLE activities ADD COLUMN venue_id uuid REFERENCES venues;
ALTER TABLE shifts ADD COLUMN venue_id uuid REFERENCES venues;
CREATE INDEX shifts_venue ON shifts (venue_id, starts_at) WHERE venue_id IS NOT NULL;

-- So what runs at a moment has begun within a day before it, and is found by an index: ranges would not be, because
-- row-level security lets only leakproof operators into an index, and theirs are none.
ALTER TABLE shifts ADD CONSTRAINT shifts_within_a_day CHECK (ends_at - starts_at <= interval '24 hours');

CREATE FUNCTION shifts_take_venue() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.venue_id := (SELECT venue_id FROM activities WHERE id = NEW.activity_id);
    RETURN NEW;
END
$$;
CREATE TRIGGER venue_of_activity BEFORE INSERT ON shifts FOR EACH ROW EXECUTE FUNCTION shifts_take_venue();

-- Places that the venue still allows on a shift: by its fullest moment during the shift, which is the start of one of
-- the shifts that run then. Exact while the venue's row is locked.
CREATE FUNCTION venue_free(shift uuid) RETURNS integer LANGUAGE sql STABLE AS $$
    SELECT v.capacity * v.percent / 100 - coalesce(max((
        SELECT sum(o.confirmed + o.offered + o.held) FROM shifts AS o
        WHERE o.venue_id = v.id AND o.status = 'open' AND o.ends_at > moments.at
          AND o.starts_at <= moments.at AND o.starts_at >= moments.at - interval '24 hours'
    )), 0)::integer
    FROM shifts AS s JOIN venues AS v ON v.id = s.venue_id
    CROSS JOIN LATERAL (
        SELECT DISTINCT greatest(n.starts_at, s.starts_at) AS at FROM shifts AS n
        WHERE n.venue_id = s.venue_id AND n.status = 'open' AND n.ends_at > s.starts_at
          AND n.starts_at < s.ends_at AND n.starts_at >= s.starts_at - interval '24 hours'
    ) AS moments
    WHERE s.id = shift GROUP BY v.id
$$;

CREATE FUNCTION shifts_stay_within_venue() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM 1 FROM venues WHERE id = NEW.venue_id FOR NO KEY UPDATE;
    IF venue_free(NEW.id) < 0 THEN
        RAISE EXCEPTION 'the venue does not hold so many'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'venues_never_over';
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER within_venue AFTER UPDATE ON shifts FOR EACH ROW
WHEN (NEW.venue_id IS NOT NULL AND NEW.status = 'open' AND (
    NEW.confirmed + NEW.offered + NEW.held > OLD.confirmed + OLD.offered + OLD.held
    OR NEW.venue_id IS DISTINCT FROM OLD.venue_id OR NEW.starts_at <> OLD.starts_at OR NEW.ends_at <> OLD.ends_at))
EXECUTE FUNCTION shifts_stay_within_venue();
"""

HOLDS = """
-- Places kept for a few minutes while a form is filled in; shifts.held is their sum. made_by is a caller, or of the
-- public's forms the keyed hash of an address.
CREATE TABLE holds (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    shift_id uuid NOT NULL REFERENCES shifts,
    site_id uuid NOT NULL REFERENCES sites,
    places integer NOT NULL CHECK (places > 0),
    made_by text NOT NULL,
    expires_at timestamptz NOT NULL
);
CREATE INDEX holds_shift ON holds (shift_id, expires_at);
CREATE INDEX holds_expiry ON holds (expires_at);
CREATE INDEX holds_made_by ON holds (made_by);

CREATE INDEX registrations_offers ON registrations (offer_expires_at) WHERE status = 'offered';
CREATE INDEX registrations_group ON registrations (group_id) WHERE group_id IS NOT NULL;

-- The keyed hash of the address that a public form came from: who signs up invented people is seen, and ended at once.
ALTER TABLE registrations ADD COLUMN came_from text;
CREATE INDEX registrations_came_from ON registrations (shift_id, came_from) WHERE came_from IS NOT NULL;

-- Shifts on which somebody still waits: whoever does so when one begins is told nothing more of it.
CREATE INDEX shifts_waiting ON shifts (starts_at) WHERE waitlisted > 0 AND status = 'open';
"""

# Nobody is signed up against their will: the other person accepts. Without a person it was asked of somebody whom the
# site does not know: so that whoever asks learns nothing of whom it knows. Nobody accepts that.
TRANSFERS = """
CREATE TABLE transfers (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    position bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    site_id uuid NOT NULL REFERENCES sites,
    kind text NOT NULL CHECK (kind IN ('hand_over', 'swap')),
    registration_id uuid NOT NULL REFERENCES registrations,
    to_person_id uuid REFERENCES people,
    other_registration_id uuid REFERENCES registrations,
    status text NOT NULL DEFAULT 'asked' CHECK (status IN ('asked', 'accepted', 'declined', 'withdrawn', 'expired')),
    asked_by text NOT NULL,
    decided_by text,
    decided_at timestamptz,
    version integer NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT transfers_what CHECK (
        CASE WHEN to_person_id IS NULL THEN other_registration_id IS NULL
             ELSE (kind = 'swap') = (other_registration_id IS NOT NULL) END),
    CONSTRAINT transfers_by_somebody CHECK (status <> 'accepted' OR to_person_id IS NOT NULL)
);
CREATE UNIQUE INDEX transfers_once ON transfers (registration_id) WHERE status = 'asked';
CREATE INDEX transfers_unanswered ON transfers (created_at) WHERE status = 'asked';
CREATE INDEX transfers_site ON transfers (site_id, position);
CREATE INDEX transfers_person ON transfers (to_person_id);
CREATE INDEX transfers_registration ON transfers (registration_id);
CREATE INDEX transfers_other_registration ON transfers (other_registration_id) WHERE other_registration_id IS NOT NULL;
"""

# News for somebody who gave a phone number and no address: staff call them. The database notes it, so that no operation
# can forget to; one call for each registration, of what holds now. Who said it themselves need not be told.
CALLS = """
CREATE TABLE calls (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    position bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    site_id uuid NOT NULL REFERENCES sites,
    registration_id uuid NOT NULL REFERENCES registrations,
    news text NOT NULL CHECK (news IN ('place', 'offer', 'waits', 'cancelled', 'moved')),
    made_at timestamptz NOT NULL DEFAULT now(),
    done_at timestamptz,
    done_by text,
    CONSTRAINT calls_done_by_somebody CHECK ((done_at IS NULL) = (done_by IS NULL))
);
CREATE UNIQUE INDEX calls_once ON calls (registration_id) WHERE done_at IS NULL;
CREATE INDEX calls_registration ON calls (registration_id);
CREATE INDEX calls_open ON calls (site_id, position) WHERE done_at IS NULL;

CREATE FUNCTION must_be_called(person uuid, site uuid, age_band text) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN EXISTS (SELECT FROM person_sites AS p
                   WHERE p.person_id = person AND p.site_id = site AND p.phone IS NOT NULL AND p.email IS NULL)
       AND NOT EXISTS (SELECT FROM representatives AS r
                       WHERE r.person_id = person AND r.site_id = site AND r.email IS NOT NULL
                         AND (r.confirmed OR r.email_proven)
                         AND (r.kind <> 'guardian' OR age_band IN ('under_14', '14_17', 'unknown')));
END
$$;

CREATE FUNCTION note_call() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    told text := CASE
        WHEN OLD.status = NEW.status AND NEW.status <> 'cancelled' THEN 'moved'
        WHEN OLD.status = 'waitlisted' AND NEW.status = 'confirmed' THEN 'place'
        WHEN NEW.status = 'offered' THEN 'offer'
        WHEN NEW.status = 'waitlisted' THEN 'waits'
        WHEN NEW.status = 'cancelled' AND NEW.cancel_reason IN (
            'site', 'shift_cancelled', 'activity_cancelled', 'offer_expired', 'requirements') THEN 'cancelled'
    END;
BEGIN
    IF told IS NULL THEN
        DELETE FROM calls WHERE registration_id = NEW.id AND done_at IS NULL;
    ELSIF must_be_called(NEW.person_id, NEW.site_id, NEW.age_band) THEN
        INSERT INTO calls (site_id, registration_id, news) VALUES (NEW.site_id, NEW.id, told)
        ON CONFLICT (registration_id) WHERE done_at IS NULL DO UPDATE
        SET news = CASE WHEN told = 'moved' THEN calls.news ELSE told END, made_at = now();
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER call_who_has_only_a_phone AFTER UPDATE OF status, during ON registrations FOR EACH ROW
WHEN (OLD.status <> NEW.status OR OLD.during <> NEW.during) EXECUTE FUNCTION note_call();

CREATE FUNCTION note_calls_of_place() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO calls (site_id, registration_id, news)
    SELECT r.site_id, r.id, 'moved' FROM registrations AS r JOIN shifts AS s ON s.id = r.shift_id
    WHERE r.activity_id = NEW.id AND r.status <> 'cancelled' AND s.starts_at > now()
      AND must_be_called(r.person_id, r.site_id, r.age_band)
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END
$$;
CREATE TRIGGER call_who_would_go_elsewhere AFTER UPDATE OF place ON activities FOR EACH ROW
WHEN (OLD.place <> NEW.place AND NEW.status = 'published') EXECUTE FUNCTION note_calls_of_place();
"""

# What a person lacks of a shift's requirements, by the requirement's name and item. Ages are not looked at here:
# a birth date cannot be read in the database. Migration 0007 replaces this with one that knows skills and the rest.
REQUIREMENTS = """
CREATE FUNCTION person_meets(person uuid, site uuid, requirements jsonb) RETURNS text[] LANGUAGE sql STABLE
RETURN '{}'::text[];
"""

SIGN_UP = Path(__file__).with_name("0004_sign_up.sql")


def upgrade() -> None:
    """Make everything."""
    for statements in (TWO_PLACES, VENUES, HOLDS, TRANSFERS, CALLS, REQUIREMENTS):
        op.execute(statements)
    for table in ("venues", "holds", "transfers", "calls"):
        secure(table)
    for table in ("venues", "transfers", "calls"):
        op.execute(audited(table))
    # In databases that were made before; new ones have had none (0002).
    op.execute("DROP FUNCTION IF EXISTS sign_up; DROP TYPE IF EXISTS sign_up_decision, sign_up_request, sign_up_helper")
    op.execute(SIGN_UP.read_text(encoding="utf-8"))
