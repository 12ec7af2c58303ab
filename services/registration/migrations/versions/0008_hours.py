"""Attendance entries, service records in a chain, who decided on hours, and certificates."""

from alembic import op

from services.common.audit import audited
from services.registration.migrations.row_security import secure

revision = "0008"
down_revision = "0007"

ATTENDANCE = """
-- Each tap, as it was said to us. What a registration came to is computed from all of them (attendance.py), so that
-- they may arrive late, twice and in any order. client_id is the tap's name on the device that it was made on.
-- received_at is the moment itself, not the transaction's beginning: by it entries made together are told. A void takes
-- back another entry, by its id or client_id, also one that arrives later.
CREATE TABLE attendance_entries (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    position bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    site_id uuid NOT NULL REFERENCES sites,
    shift_id uuid NOT NULL REFERENCES shifts,
    registration_id uuid NOT NULL REFERENCES registrations,
    what text NOT NULL CHECK (what IN ('in', 'out', 'no_show', 'void')),
    at timestamptz NOT NULL,
    how text NOT NULL CHECK (how IN ('scanned', 'confirmed', 'entered_later')),
    corrects boolean NOT NULL DEFAULT false,
    client_id text,
    voids text,
    made_by text NOT NULL,
    received_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT attendance_entries_void_one CHECK ((what = 'void') = (voids IS NOT NULL))
);
CREATE UNIQUE INDEX attendance_entries_once ON attendance_entries (site_id, client_id) WHERE client_id IS NOT NULL;
CREATE INDEX attendance_entries_registration ON attendance_entries (registration_id, position);
CREATE INDEX attendance_entries_shift ON attendance_entries (shift_id);
"""

RECORDS = """
-- The person in charge, as the public reads it; '' until somebody is named.
ALTER TABLE activities ADD COLUMN responsible text NOT NULL DEFAULT '';

-- One chain per site. Only the trigger below moves it on.
CREATE TABLE record_chains (
    site_id uuid PRIMARY KEY REFERENCES sites,
    length bigint NOT NULL DEFAULT 0,
    head bytea NOT NULL DEFAULT '\\x'
);

-- Service by Order 67. Never changed: a correction is a later row that names the one it replaces, and each row is
-- replaced at most once. minutes of rows that nobody replaced are what a person gave. activity, place, content, unit
-- are copies: what was recorded must not change with a title. responsible is the person in charge by Order 67, in
-- words; in_charge the account that answers for the entry. person_id is whom it was written for; read it through
-- persons_of(). number, previous and hash are filled by the database; hash is SHA-256 over previous and the row
-- (service_record_words). reason is '' where attendance alone says it. An imported row comes from a list of past
-- years: in_charge brought it, recorded_by is the second person who approved it.
CREATE TABLE service_records (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    site_id uuid NOT NULL REFERENCES sites,
    number bigint NOT NULL,
    person_id uuid NOT NULL REFERENCES people,
    registration_id uuid REFERENCES registrations,
    activity_id uuid REFERENCES activities,
    shift_id uuid REFERENCES shifts,
    activity text NOT NULL,
    day date NOT NULL,
    place text NOT NULL,
    content text NOT NULL,
    minutes integer NOT NULL CHECK (minutes BETWEEN 0 AND 1440),
    how text NOT NULL CHECK (how IN ('scanned', 'confirmed', 'entered_later', 'imported')),
    unit text NOT NULL,
    responsible text NOT NULL DEFAULT '',
    in_charge text NOT NULL,
    recorded_by text NOT NULL,
    state text NOT NULL DEFAULT 'valid' CHECK (state IN ('valid', 'withdrawn')),
    corrects uuid UNIQUE REFERENCES service_records,
    reason text NOT NULL DEFAULT '',
    late boolean NOT NULL DEFAULT false,
    recorded_at timestamptz NOT NULL,
    previous bytea NOT NULL,
    hash bytea NOT NULL,
    UNIQUE (site_id, number),
    CONSTRAINT service_records_withdrawn_are_none CHECK (state = 'valid' OR minutes = 0),
    CONSTRAINT service_records_imported_by_two CHECK (
        how <> 'imported' OR corrects IS NOT NULL OR recorded_by LIKE 'staff:%' AND recorded_by <> in_charge)
);
CREATE UNIQUE INDEX service_records_imported_once ON service_records (person_id, site_id, day, activity, content)
    WHERE how = 'imported' AND corrects IS NULL;
CREATE UNIQUE INDEX service_records_first ON service_records (registration_id) WHERE corrects IS NULL;
CREATE INDEX service_records_person ON service_records (person_id, day);
CREATE INDEX service_records_registration ON service_records (registration_id);
CREATE INDEX service_records_site_day ON service_records (site_id, day);

-- What the hash covers, word for word. hours_check.py writes the same words on its own, and a test compares the two:
-- whoever bends this function to hide a change does not bend that program.
CREATE FUNCTION service_record_words(r service_records) RETURNS text LANGUAGE sql STABLE
SET timezone = 'UTC' SET datestyle = 'ISO' AS $$
    SELECT string_agg(length(word) || ':' || word, '' ORDER BY place) FROM unnest(ARRAY[
        r.id::text, r.site_id::text, r.number::text, r.person_id::text, coalesce(r.registration_id::text, ''),
        coalesce(r.activity_id::text, ''), coalesce(r.shift_id::text, ''), r.activity, r.day::text, r.place, r.content,
        r.minutes::text, r.how, r.unit, r.responsible, r.in_charge, r.recorded_by, r.state,
        coalesce(r.corrects::text, ''), r.reason, r.late::text, to_char(r.recorded_at, 'YYYY-MM-DD HH24:MI:SS.US')
    ]) WITH ORDINALITY AS words (word, place)
$$;

-- Fills in what ties a row to the one before. The chain's row is locked until the end of the transaction, so that
-- numbers have no gaps and a chain never forks; whoever appends takes this lock last of all.
CREATE FUNCTION chain_service_record() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    longest integer;
BEGIN
    IF NEW.shift_id IS NOT NULL THEN
        SELECT ceil(extract(epoch FROM ends_at - starts_at) / 60) INTO longest FROM shifts WHERE id = NEW.shift_id;
        IF NEW.minutes > longest THEN
            RAISE EXCEPTION 'the hours exceed the shift' USING ERRCODE = 'check_violation';
        END IF;
    END IF;
    INSERT INTO record_chains (site_id) VALUES (NEW.site_id) ON CONFLICT DO NOTHING;
    SELECT length + 1, head INTO NEW.number, NEW.previous FROM record_chains WHERE site_id = NEW.site_id FOR UPDATE;
    NEW.recorded_at := clock_timestamp();
    NEW.hash := sha256(NEW.previous || convert_to(service_record_words(NEW), 'UTF8'));
    PERFORM set_config('hesheng.chaining', 'on', true);
    UPDATE record_chains SET length = NEW.number, head = NEW.hash WHERE site_id = NEW.site_id;
    PERFORM set_config('hesheng.chaining', '', true);
    RETURN NEW;
END
$$;
CREATE TRIGGER chained BEFORE INSERT ON service_records FOR EACH ROW EXECUTE FUNCTION chain_service_record();

-- The records are the truth; registrations.service_minutes is a copy that only this trigger writes.
CREATE FUNCTION copy_service_minutes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE registrations SET service_minutes = NEW.minutes WHERE id = NEW.registration_id;
    RETURN NULL;
END
$$;
CREATE TRIGGER copied AFTER INSERT ON service_records FOR EACH ROW
    WHEN (NEW.registration_id IS NOT NULL) EXECUTE FUNCTION copy_service_minutes();

CREATE FUNCTION service_minutes_follow_records() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.service_minutes <> coalesce((
        SELECT r.minutes FROM service_records AS r WHERE r.registration_id = NEW.id
        ORDER BY r.number DESC LIMIT 1), 0) THEN
        RAISE EXCEPTION 'service_minutes are those of the service record' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER follow_records BEFORE UPDATE OF service_minutes ON registrations FOR EACH ROW
    WHEN (NEW.service_minutes <> OLD.service_minutes) EXECUTE FUNCTION service_minutes_follow_records();

CREATE FUNCTION only_added_to() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is only ever added to', TG_TABLE_NAME;
END
$$;
CREATE TRIGGER final BEFORE UPDATE OR DELETE OR TRUNCATE ON service_records
    FOR EACH STATEMENT EXECUTE FUNCTION only_added_to();
CREATE TRIGGER final BEFORE UPDATE OR DELETE OR TRUNCATE ON attendance_entries
    FOR EACH STATEMENT EXECUTE FUNCTION only_added_to();
CREATE TRIGGER final BEFORE UPDATE OR DELETE ON record_chains FOR EACH ROW
    WHEN (coalesce(current_setting('hesheng.chaining', true), '') <> 'on') EXECUTE FUNCTION only_added_to();

-- The records that count: nobody replaced them. holder is whose they are by now.
CREATE VIEW standing_records WITH (security_invoker = true) AS
    SELECT r.*, coalesce(p.merged_into, r.person_id) AS holder
    FROM service_records AS r LEFT JOIN people AS p ON p.id = r.person_id
    WHERE NOT EXISTS (SELECT FROM service_records AS later WHERE later.corrects = r.id);
"""

DECISIONS = """
-- Hours said after the fact, or, without times, that somebody did not come. They count once somebody else approved
-- them: the database compares the two.
CREATE TABLE later_entries (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    position bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    site_id uuid NOT NULL REFERENCES sites,
    registration_id uuid NOT NULL REFERENCES registrations,
    shift_id uuid NOT NULL REFERENCES shifts,
    checked_in_at timestamptz,
    checked_out_at timestamptz,
    reason text NOT NULL,
    entered_by text NOT NULL DEFAULT current_setting('hesheng.actor'),
    entered_at timestamptz NOT NULL DEFAULT now(),
    state text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'approved', 'rejected')),
    decided_by text,
    decided_at timestamptz,
    decision text NOT NULL DEFAULT '',
    version integer NOT NULL DEFAULT 1,
    CONSTRAINT later_entries_in_order CHECK (checked_in_at < checked_out_at),
    CONSTRAINT later_entries_both_times CHECK ((checked_in_at IS NULL) = (checked_out_at IS NULL)),
    CONSTRAINT later_entries_by_somebody CHECK (entered_by <> ''),
    CONSTRAINT later_entries_decided CHECK ((state = 'pending') = (decided_by IS NULL)),
    CONSTRAINT later_entries_second_person CHECK (decided_by <> entered_by),
    CONSTRAINT later_entries_decided_by_staff CHECK (decided_by LIKE 'staff:%')
);
CREATE UNIQUE INDEX later_entries_one_pending ON later_entries (registration_id) WHERE state = 'pending';
CREATE INDEX later_entries_registration ON later_entries (registration_id);
CREATE INDEX later_entries_site ON later_entries (site_id, position);

-- Whether one of two who act made the other: invited the account, or had the key made. The log of that belongs to no
-- site, so the function sees every site's.
CREATE FUNCTION one_hand(first text, second text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    scope text := current_setting('hesheng.site', true);
    found boolean;
BEGIN
    PERFORM set_config('hesheng.site', '*', true);
    SELECT EXISTS (
        SELECT FROM audit_log AS l WHERE l.action = 'insert' AND l.kind IN ('staff', 'site_keys') AND (
            l.record = split_part(second, ':', 2) AND l.actor = first
            OR l.record = split_part(first, ':', 2) AND l.actor = second)) INTO found;
    PERFORM set_config('hesheng.site', coalesce(scope, ''), true);
    RETURN found;
END
$$;

-- Who decides is who acts: nobody decides in another's name.
CREATE FUNCTION decided_by_who_acts() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.decided_by IS NULL AND NEW.decided_by IS NOT NULL THEN
        NEW.decided_by := nullif(current_setting('hesheng.actor', true), '');
        NEW.decided_at := now();
    ELSIF OLD.decided_by IS NOT NULL AND (
        (NEW.decided_by, NEW.decided_at, NEW.state, NEW.checked_in_at, NEW.checked_out_at)
            IS DISTINCT FROM (OLD.decided_by, OLD.decided_at, OLD.state, OLD.checked_in_at, OLD.checked_out_at)
        -- words may name the person: an erasure takes them away, and nobody puts others in their place
        OR NEW.reason NOT IN (OLD.reason, '') OR NEW.decision NOT IN (OLD.decision, '')) THEN
        RAISE EXCEPTION 'it was decided already';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER decided BEFORE UPDATE ON later_entries FOR EACH ROW EXECUTE FUNCTION decided_by_who_acts();

-- What a volunteer says against a record (record_id), or of hours that have none (registration_id). Their words are
-- ciphertext. in_charge is copied from the record, or is who said that they did not come: whoever made it does not
-- decide on it. Hours that are upheld and not recorded yet become a later entry, which a second person approves. An
-- imported record has no shift for such an entry: who decides first proposes the minutes, somebody else upholds them.
CREATE TABLE objections (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    position bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    site_id uuid NOT NULL REFERENCES sites,
    record_id uuid REFERENCES service_records,
    registration_id uuid REFERENCES registrations,
    person_id uuid NOT NULL REFERENCES people,
    in_charge text NOT NULL,
    words bytea NOT NULL,
    encrypted_with text NOT NULL,
    made_at timestamptz NOT NULL DEFAULT now(),
    due_on date NOT NULL,
    state text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'upheld', 'rejected')),
    decision text NOT NULL DEFAULT '',
    decided_by text,
    decided_at timestamptz,
    proposed_minutes integer,
    proposed_by text,
    correction_id uuid REFERENCES service_records,
    later_entry_id uuid REFERENCES later_entries,
    version integer NOT NULL DEFAULT 1,
    CONSTRAINT objections_about_one CHECK (num_nonnulls(record_id, registration_id) = 1),
    CONSTRAINT objections_decided CHECK ((state = 'open') = (decided_by IS NULL)),
    CONSTRAINT objections_second_person CHECK (decided_by <> in_charge),
    CONSTRAINT objections_decided_by_staff CHECK (decided_by LIKE 'staff:%'),
    CONSTRAINT objections_proposed_by_staff CHECK (proposed_by LIKE 'staff:%'),
    CONSTRAINT objections_proposed CHECK ((proposed_minutes IS NULL) = (proposed_by IS NULL)),
    CONSTRAINT objections_more_by_two CHECK (state <> 'upheld' OR proposed_by <> decided_by)
);
CREATE UNIQUE INDEX objections_one_open ON objections (record_id) WHERE state = 'open';
CREATE UNIQUE INDEX objections_one_open_missing ON objections (registration_id) WHERE state = 'open';
CREATE INDEX objections_site ON objections (site_id, position);
CREATE INDEX objections_open ON objections (site_id, due_on) WHERE state = 'open';
CREATE INDEX objections_person ON objections (person_id);
CREATE INDEX objections_registration ON objections (registration_id) WHERE registration_id IS NOT NULL;
CREATE INDEX objections_encrypted_with ON objections (encrypted_with);

CREATE FUNCTION objection_decided_by_who_acts() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.decided_by IS NULL AND NEW.decided_by IS NOT NULL THEN
        NEW.decided_by := nullif(current_setting('hesheng.actor', true), '');
        NEW.decided_at := now();
    ELSIF OLD.decided_by IS NOT NULL AND (
        (NEW.decided_by, NEW.state, NEW.correction_id, NEW.proposed_minutes, NEW.proposed_by)
            IS DISTINCT FROM (OLD.decided_by, OLD.state, OLD.correction_id, OLD.proposed_minutes, OLD.proposed_by)
        OR NEW.decision NOT IN (OLD.decision, '')) THEN
        RAISE EXCEPTION 'it was decided already';
    END IF;
    IF NEW.proposed_minutes IS DISTINCT FROM OLD.proposed_minutes THEN
        NEW.proposed_by := CASE WHEN NEW.proposed_minutes IS NOT NULL THEN current_setting('hesheng.actor', true) END;
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER decided BEFORE UPDATE ON objections FOR EACH ROW EXECUTE FUNCTION objection_decided_by_who_acts();

-- A flag is computed (flags.py) and has no row; what is kept is that somebody looked into it, and who was concerned.
CREATE TABLE cleared_flags (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    site_id uuid NOT NULL REFERENCES sites,
    kind text NOT NULL,
    subject text NOT NULL,
    reason text NOT NULL,
    concerned text[] NOT NULL,
    cleared_by text NOT NULL DEFAULT current_setting('hesheng.actor'),
    cleared_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (site_id, kind, subject),
    CONSTRAINT cleared_flags_second_person CHECK (cleared_by LIKE 'staff:%' AND cleared_by <> ALL (concerned))
);
"""

CERTIFICATES = """
CREATE SEQUENCE certificate_numbers;

-- content is the ciphertext of all that the document says (JSON), so that it can be made again byte for byte;
-- content_hash is the SHA-256 of that JSON, template the revision of the layout that it was made with.
CREATE TABLE certificates (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    position bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    number text NOT NULL UNIQUE,
    site_id uuid NOT NULL REFERENCES sites,
    person_id uuid NOT NULL REFERENCES people,
    batch_id uuid,
    period_from date NOT NULL,
    period_to date NOT NULL,
    minutes integer NOT NULL CHECK (minutes > 0),
    records integer NOT NULL CHECK (records > 0),
    content bytea NOT NULL,
    encrypted_with text NOT NULL,
    content_hash text NOT NULL,
    template integer NOT NULL,
    issued_by text NOT NULL,
    issued_at timestamptz NOT NULL,
    revoked_at timestamptz,
    revoked_by text,
    revoke_reason text,
    version integer NOT NULL DEFAULT 1,
    CONSTRAINT certificates_in_order CHECK (period_from <= period_to),
    CONSTRAINT certificates_revoked_with_reason CHECK ((revoked_at IS NULL) = (revoke_reason IS NULL))
);
CREATE INDEX certificates_site ON certificates (site_id, position);
CREATE INDEX certificates_person ON certificates (person_id);
CREATE INDEX certificates_encrypted_with ON certificates (encrypted_with);
CREATE UNIQUE INDEX certificates_once_per_batch ON certificates (batch_id, person_id) WHERE batch_id IS NOT NULL;

-- On which records a certificate rests, as they stood when it was made.
CREATE TABLE certificate_records (
    certificate_id uuid NOT NULL REFERENCES certificates,
    record_id uuid NOT NULL REFERENCES service_records,
    site_id uuid NOT NULL REFERENCES sites,
    PRIMARY KEY (certificate_id, record_id)
);
CREATE INDEX certificate_records_record ON certificate_records (record_id);

-- The minutes that stand by now of what a certificate was made from: of each record, what took its place last, as far
-- as it is the record of whom the certificate names. A merge that is undone gives records back.
CREATE FUNCTION certificate_stands(certificate uuid) RETURNS bigint LANGUAGE sql STABLE AS $$
    WITH RECURSIVE line (id, minutes) AS (
        SELECT r.id, r.minutes FROM certificates AS of_it
        JOIN certificate_records AS c ON c.certificate_id = of_it.id
        JOIN service_records AS r ON r.id = c.record_id
        WHERE of_it.id = certificate AND person_now(r.person_id) = person_now(of_it.person_id)
        UNION ALL SELECT r.id, r.minutes FROM line JOIN service_records AS r ON r.corrects = line.id
    )
    SELECT coalesce(sum(minutes), 0) FROM line
    WHERE NOT EXISTS (SELECT FROM service_records AS later WHERE later.corrects = line.id)
$$;

-- Certificates for several people at once, such as a team: made in the order of `people`, `done` of them so far.
CREATE TABLE certificate_batches (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    position bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    site_id uuid NOT NULL REFERENCES sites,
    period_from date NOT NULL,
    period_to date NOT NULL,
    team_id uuid REFERENCES teams,
    people uuid[] NOT NULL,
    done integer NOT NULL DEFAULT 0,
    skipped jsonb NOT NULL DEFAULT '[]',
    state text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'done')),
    asked_by text NOT NULL,
    asked_at timestamptz NOT NULL DEFAULT now(),
    CHECK (done <= cardinality(people))
);
CREATE INDEX certificate_batches_site ON certificate_batches (site_id, position);
CREATE INDEX certificate_batches_waiting ON certificate_batches (position) WHERE state = 'waiting';
ALTER TABLE certificates ADD FOREIGN KEY (batch_id) REFERENCES certificate_batches;
"""

# What the look at all chains found (hours_check.py): each site's first break, or nothing.
CHECKS = """
CREATE TABLE hours_checks (
    position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    checked_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    breaks jsonb NOT NULL
);
"""

OWNED = (
    "attendance_entries",
    "record_chains",
    "service_records",
    "later_entries",
    "objections",
    "cleared_flags",
    "certificates",
    "certificate_batches",
    "certificate_records",
)


def upgrade() -> None:
    """Make everything."""
    for statements in (ATTENDANCE, RECORDS, DECISIONS, CERTIFICATES, CHECKS):
        op.execute(statements)
    for table in OWNED:
        secure(table)
    secure("hours_checks", "sees('')")
    # Entries and records are only ever added to and say themselves who made them; these are not.
    # What staff write freely may name somebody, and nothing can be taken out of the log.
    written = {"later_entries": "reason, decision", "objections": "decision", "cleared_flags": "reason"}
    for table in (*written, "certificates", "certificate_batches"):
        op.execute(audited(table, personal=written.get(table, "")))
