"""The function behind the one route that crowds use: many sign-ups in one round trip and one commit."""

from alembic import op

revision = "0002"
down_revision = "0001"

TYPES = """
-- One sign-up as the api sends it; `n` is its place in the group. Ids are drawn by the api: gen_random_uuid() reads
-- the system's randomness afresh for each, which took more time than all the rest.
CREATE TYPE sign_up_request AS (
    n integer, site_id uuid, shift_id uuid, request_id text, idempotency_key text, fingerprint bytea,
    person_id uuid, name bytea, phone bytea, email bytea, birth_date bytea, language text,
    encrypted_with text,
    phone_hash bytea, email_hash bytea, age_band text, age_is_stored boolean, guardian_consent boolean,
    registration_id uuid, new_person_id uuid, event_id uuid
);

-- What becomes of it. `free` is the number of places that the group found on the shift, `place` its turn there.
CREATE TYPE sign_up_decision AS (
    request sign_up_request, verdict text, answer jsonb,
    activity_id uuid, person_id uuid, person_number bigint, is_new boolean, is_new_here boolean, fills boolean,
    registration_id uuid, status text, queue_number bigint
);
"""

# Statement by statement, because each sees what was committed while the one before it waited for a lock:
#   1. the shifts, in id order, so that two groups never wait for each other. An impatient group leaves out those that
#      somebody holds: their sign-ups get the verdict `held`, and nobody else's waits for them;
#   2. the idempotency keys, without waiting;
#   3. the identities that nobody has yet, in order, so that two processes do not make one person twice;
#   4. a verdict for each request, in the order of the group;
#   5. the details that are filled in, in order;
#   6. everything that follows from the verdicts, in one statement. Outbox ids are drawn under the shifts' locks.
# The planner is told to use the indexes: it sees empty tables at first, and the plan stays for the session.
FUNCTION = """
CREATE FUNCTION sign_up(requests jsonb, patient boolean) RETURNS TABLE (n integer, verdict text, answer jsonb)
LANGUAGE plpgsql
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET plan_cache_mode = force_generic_plan
AS $$
#variable_conflict use_column
DECLARE
    asked sign_up_request[];
    reached uuid[];
    busy integer[];
    decided sign_up_decision[];
    moment timestamptz;
BEGIN
    PERFORM set_config('hesheng.site', '*', true);
    asked := ARRAY(SELECT r FROM jsonb_populate_recordset(NULL::sign_up_request, requests) AS r);

    IF patient THEN
        PERFORM 1 FROM shifts WHERE id IN (SELECT r.shift_id FROM unnest(asked) AS r) ORDER BY id FOR NO KEY UPDATE;
    ELSE
        reached := ARRAY(SELECT id FROM shifts WHERE id IN (SELECT r.shift_id FROM unnest(asked) AS r)
                         ORDER BY id FOR NO KEY UPDATE SKIP LOCKED);
    END IF;

    busy := ARRAY(
        SELECT r.n FROM unnest(asked) AS r
        WHERE r.idempotency_key IS NOT NULL
          AND NOT pg_try_advisory_xact_lock(idempotency_lock(r.site_id::text, r.idempotency_key)));

    PERFORM pg_advisory_xact_lock(unknown.lock) FROM (
        SELECT DISTINCT identity_lock(i.hash) AS lock
        FROM unnest(asked) AS r CROSS JOIN LATERAL (VALUES
            (r.phone_hash, EXISTS (SELECT FROM person_sites AS p WHERE p.phone_hash = r.phone_hash)),
            (r.email_hash, EXISTS (SELECT FROM person_sites AS p WHERE p.email_hash = r.email_hash))
        ) AS i (hash, is_known)
        WHERE i.hash IS NOT NULL AND NOT i.is_known
        ORDER BY lock OFFSET 0
    ) AS unknown;

    moment := clock_timestamp();
    WITH matched AS MATERIALIZED (
        SELECT r AS request,
            CASE WHEN r.person_id IS NULL THEN coalesce(
                -- whose these details are: of whoever gave them first, at any site
                (SELECT p.person_id FROM person_sites AS p WHERE p.phone_hash = r.phone_hash
                 ORDER BY p.created_at LIMIT 1),
                (SELECT p.person_id FROM person_sites AS p WHERE p.email_hash = r.email_hash
                 ORDER BY p.created_at LIMIT 1))
            ELSE (SELECT s.person_id FROM person_sites AS s WHERE s.person_id = r.person_id AND s.site_id = r.site_id)
            END AS found
        FROM unnest(asked) AS r
    ), known AS MATERIALIZED (
        SELECT m.request, m.found, p.number, s.activity_id, s.waitlisted, s.last_queue_number,
            CASE WHEN s.waitlisted > 0 THEN 0 ELSE s.capacity - s.confirmed END AS free,
            d.person_id IS NULL AS is_new_here,
            d.person_id IS NOT NULL AND (d.phone IS NULL AND (m.request).phone IS NOT NULL
                OR d.email IS NULL AND (m.request).email IS NOT NULL
                OR d.birth_date IS NULL AND (m.request).birth_date IS NOT NULL) AS fills,
            CASE
                WHEN (m.request).n = ANY (busy) THEN 'in_progress'
                WHEN k.fingerprint <> (m.request).fingerprint THEN 'key_reused'
                WHEN k.fingerprint IS NOT NULL THEN 'replay'
                WHEN s.id IS NULL THEN 'no_shift'
                WHEN s.id <> ALL (reached) THEN 'held'
                WHEN s.status <> 'open' OR a.status <> 'published' OR s.starts_at <= moment THEN 'closed'
                WHEN (m.request).person_id IS NOT NULL AND m.found IS NULL THEN 'no_person'
                -- what the site was told first counts: no consent is saved by telling another birth date
                WHEN d.birth_date IS NOT NULL AND NOT coalesce((m.request).age_is_stored, false) THEN 'birth_date'
                WHEN NOT (m.request).guardian_consent AND ((m.request).age_band = 'under_14'
                     OR (m.request).age_band = '14_17' AND a.volunteering) THEN 'consent'
                WHEN g.id IS NOT NULL THEN 'already'
                ELSE 'accepted'
            END AS verdict,
            CASE WHEN k.fingerprint IS NOT NULL THEN k.answer
                 ELSE jsonb_build_object('registration_id', g.id, 'birth_date', encode(d.birth_date, 'escape'))
            END AS answer
        FROM matched AS m
        LEFT JOIN idempotency_keys AS k
               ON k.owner = (m.request).site_id::text AND k.key = (m.request).idempotency_key
        LEFT JOIN shifts AS s ON s.id = (m.request).shift_id AND s.site_id = (m.request).site_id
        LEFT JOIN activities AS a ON a.id = s.activity_id
        LEFT JOIN people AS p ON p.id = m.found
        LEFT JOIN person_sites AS d ON d.person_id = m.found AND d.site_id = (m.request).site_id
        LEFT JOIN registrations AS g ON g.shift_id = s.id AND g.person_id = m.found AND g.status <> 'cancelled'
    ), first AS (
        -- A person has one turn in a group; whoever comes again waits for the next group.
        SELECT *, CASE WHEN verdict = 'accepted' AND found IS NOT NULL AND row_number() OVER (
            PARTITION BY verdict, found ORDER BY (request).n) > 1 THEN 'again' ELSE verdict END AS final
        FROM known
    ), placed AS (
        SELECT *, row_number() OVER (PARTITION BY final, (request).shift_id ORDER BY (request).n) AS place FROM first
    ), numbered AS (
        SELECT *, (request).registration_id, coalesce(found, (request).new_person_id) AS person_id,
            CASE WHEN final <> 'accepted' OR found IS NOT NULL THEN number
                 ELSE nextval('people_number_seq') END AS person_number,
            CASE WHEN place > free THEN 'waitlisted' ELSE 'confirmed' END AS status,
            CASE WHEN place > free THEN last_queue_number + place - free END AS queue_number
        FROM placed
    )
    SELECT array_agg(ROW(
        request, final,
        CASE WHEN final = 'accepted' THEN jsonb_build_object(
            'id', registration_id, 'shift_id', (request).shift_id, 'activity_id', activity_id,
            'site_id', (request).site_id, 'person_id', person_id, 'status', status,
            'waitlist_position', CASE WHEN place > free THEN waitlisted + place - free END,
            'cancel_reason', NULL, 'outcome', NULL, 'checked_in_at', NULL, 'checked_out_at', NULL,
            'service_minutes', 0, 'version', 1,
            'created_at', to_char(moment AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
        ) ELSE answer END,
        activity_id, person_id, person_number, found IS NULL, is_new_here, fills, registration_id, status, queue_number
    )::sign_up_decision ORDER BY (request).n) INTO decided FROM numbered;

    PERFORM 1 FROM person_sites AS p
    WHERE (p.person_id, p.site_id) IN (
        SELECT d.person_id, (d.request).site_id FROM unnest(decided) AS d WHERE d.fills AND d.verdict = 'accepted')
    ORDER BY p.person_id, p.site_id FOR NO KEY UPDATE;

    WITH accepted AS MATERIALIZED (
        SELECT * FROM unnest(decided) AS d WHERE d.verdict = 'accepted'
    ), new_people AS (
        INSERT INTO people (id, number) SELECT person_id, person_number FROM accepted WHERE is_new
    ), told AS (
        INSERT INTO person_sites
            (person_id, site_id, name, phone, email, birth_date, language, phone_hash, email_hash, encrypted_with)
        SELECT person_id, (request).site_id, (request).name, (request).phone, (request).email, (request).birth_date,
               (request).language, (request).phone_hash, (request).email_hash, (request).encrypted_with
        FROM accepted WHERE is_new_here ORDER BY 1, 2
        ON CONFLICT DO NOTHING
    ), filled AS (
        UPDATE person_sites AS p
           SET phone = coalesce(p.phone, (d.request).phone), email = coalesce(p.email, (d.request).email),
               phone_hash = CASE WHEN p.phone IS NULL THEN (d.request).phone_hash ELSE p.phone_hash END,
               email_hash = CASE WHEN p.email IS NULL THEN (d.request).email_hash ELSE p.email_hash END,
               birth_date = coalesce(p.birth_date, (d.request).birth_date), version = p.version + 1,
               encrypted_with = CASE p.encrypted_with WHEN (d.request).encrypted_with THEN p.encrypted_with ELSE '' END
        FROM accepted AS d WHERE d.fills AND p.person_id = d.person_id AND p.site_id = (d.request).site_id
    ), seats AS (
        INSERT INTO registrations
            (id, shift_id, activity_id, site_id, person_id, age_band, status, queue_number, created_at)
        SELECT registration_id, (request).shift_id, activity_id, (request).site_id, person_id,
               coalesce((request).age_band, 'unknown'), status, queue_number, moment
        FROM accepted ORDER BY (request).n
    ), counted AS (
        UPDATE shifts AS s SET confirmed = s.confirmed + t.confirmed, waitlisted = s.waitlisted + t.waitlisted,
               last_queue_number = s.last_queue_number + t.waitlisted
        FROM (SELECT (request).shift_id, count(*) FILTER (WHERE status = 'confirmed') AS confirmed,
                     count(*) FILTER (WHERE status = 'waitlisted') AS waitlisted
              FROM accepted GROUP BY 1) AS t
        WHERE s.id = t.shift_id
    ), events AS (
        INSERT INTO outbox (event_id, type, aggregate, request_id, data)
        SELECT (request).event_id, 'hesheng.registration.' || status || '.v1', activity_id::text, (request).request_id,
            jsonb_build_object(
                'registration_id', registration_id, 'version', 1, 'shift_id', (request).shift_id,
                'activity_id', activity_id, 'site_id', (request).site_id, 'person_id', person_id,
                'person_number', person_number, 'age_band', coalesce((request).age_band, 'unknown'))
        FROM accepted ORDER BY (request).n
    )
    INSERT INTO idempotency_keys (owner, key, fingerprint, answer)
    SELECT (request).site_id::text, (request).idempotency_key, (request).fingerprint, accepted.answer
    FROM accepted WHERE (request).idempotency_key IS NOT NULL;

    RETURN QUERY SELECT (d.request).n, d.verdict, d.answer FROM unnest(decided) AS d;
END
$$;
"""


def upgrade() -> None:
    """Make the function and its types."""
    for statement in (TYPES, FUNCTION):
        op.execute(statement)
